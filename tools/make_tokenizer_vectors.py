#!/usr/bin/env python3
"""Writes model/src/test/resources/tokenizer: small tokenizers and the ids that the original libraries give for test texts.

    pip install tokenizers==0.23.2 sentencepiece==0.2.2 protobuf
    tools/make_tokenizer_vectors.py DATA

DATA is the directory of reference data: tokenizer/ggml-vocab-llama-spm.gguf.inp has the texts, text/ what is trained on.

Byte-level BPE (HuggingFace tokenizers), pre-tokenizer as published with the models:
  llama3/tokenizer.json, qwen2/tokenizer.json, llama3.json, qwen2.json   [{"text", "ids", "ids_with_special", "decoded"}]
BPE with byte fallback as Llama 2's tokenizer.json has it:
  llama2/tokenizer.json, llama2.json
SentencePiece BPE (the sentencepiece library):
  NAME.model, NAME.json for the flags that a model may set; unigram.model and nfkc.model are to be refused
"""
import io
import json
import pathlib
import random
import sys

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

OUT = pathlib.Path(__file__).resolve().parent.parent / "model/src/test/resources/tokenizer"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
MORE_TEXTS = ["<s>", "a<|begin_of_text|>b", "<|im_start|>user\nhi<|im_end|>", "e\u0301 \u00e9", "tab\tand  two  spaces ",
              "I'LL we'Ve", "12345 1234567", "\U0001F468\u200d\U0001F469\u200d\U0001F467", "\u0000\u0001", "\u00a0\u3000x"]


def texts(data):
    blocks = (data / "tokenizer/ggml-vocab-llama-spm.gguf.inp").read_text(encoding="utf-8")
    return blocks.split("\n__ggml_vocab_test__\n") + MORE_TEXTS


def corpus(data):
    stories = (data / "text/tinystories-valid.txt").read_text(encoding="utf-8")[:200_000].splitlines()
    plays = (data / "text/tinyshakespeare.txt").read_text(encoding="utf-8")[:100_000].splitlines()
    return [line for line in stories + plays if line] + ["Führer привет 你好 नमस्ते 🦙🚀 ឃើញ"] * 20


def split_then_bytes(pattern):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated", False),
                                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def byte_level(pattern, size, special, ignore_merges):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = split_then_bytes(pattern)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False)
    return tokenizer, trainer, [AddedToken(text, special=True, normalized=False) for text in special]


def write(name, tokenizer, data):
    (OUT / name).mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(OUT / name / "tokenizer.json"), pretty=False)
    vectors = []
    for text in texts(data):
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        vectors.append({"text": text, "ids": ids, "ids_with_special": tokenizer.encode(text, add_special_tokens=True).ids,
                        "decoded": tokenizer.decode(ids, skip_special_tokens=True)})
    dump(name, vectors)


def dump(name, vectors):
    with open(OUT / (name + ".json"), "w", encoding="utf-8") as out:
        out.write("[\n" + ",\n".join(json.dumps(v, ensure_ascii=True) for v in vectors) + "\n]\n")


def sentence_piece(name, data, vectors=True, **options):
    model = io.BytesIO()
    settings = dict(model_type="bpe", vocab_size=420, byte_fallback=True, normalization_rule_name="identity",
                    remove_extra_whitespaces=False, add_dummy_prefix=True, character_coverage=0.9995)
    settings.update(options)
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(corpus(data)[:1500]), model_writer=model,
                                             minloglevel=2, **settings)
    content = sentencepiece_model_pb2.ModelProto.FromString(model.getvalue())
    content.normalizer_spec.precompiled_charsmap = content.normalizer_spec.precompiled_charsmap[:64]  # is 240 KB
    (OUT / (name + ".model")).write_bytes(content.SerializeToString())
    if vectors:
        processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
        dump(name, [{"text": text, "ids": processor.encode(text), "decoded": processor.decode(processor.encode(text))}
                    for text in texts(data)])


def main():
    data = pathlib.Path(sys.argv[1])
    OUT.mkdir(parents=True, exist_ok=True)
    random.seed(1)

    tokenizer, trainer, special = byte_level(LLAMA3, 700, ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"], True)
    tokenizer.train_from_iterator(corpus(data), trainer)
    tokenizer.add_special_tokens(special)
    bos = tokenizer.token_to_id("<|begin_of_text|>")
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=True),
        processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|>:1 $B:1",
                                      special_tokens=[("<|begin_of_text|>", bos)])])
    write("llama3", tokenizer, data)

    tokenizer, trainer, special = byte_level(QWEN2, 700, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], False)
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.train_from_iterator(corpus(data), trainer)
    tokenizer.add_special_tokens(special)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    write("qwen2", tokenizer, data)

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])
    byte_pieces = ["<0x%02X>" % b for b in range(256)]
    short = [line[:200] for line in corpus(data)[:1500]]
    tokenizer.train_from_iterator(short, trainers.BpeTrainer(
        vocab_size=700, special_tokens=["<unk>", "<s>", "</s>"] + byte_pieces, show_progress=False, max_token_length=12))
    # The trainer makes added tokens of all special tokens; only the first three are.
    content = json.loads(tokenizer.to_str())
    content["added_tokens"] = content["added_tokens"][:3]
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)])
    write("llama2", tokenizer, data)

    sentence_piece("spm-llama", data)
    sentence_piece("spm-no-prefix", data, add_dummy_prefix=False)
    sentence_piece("spm-tidy-spaces", data, remove_extra_whitespaces=True)
    sentence_piece("spm-no-bytes", data, byte_fallback=False, vocab_size=200)
    sentence_piece("spm-user-defined", data, user_defined_symbols=["<|x|>", "Hello", "33", "\u2581the", "\U0001F680"])
    sentence_piece("unigram", data, vectors=False, model_type="unigram")
    sentence_piece("nfkc", data, vectors=False, vocab_size=420, normalization_rule_name="nmt_nfkc")


main()
