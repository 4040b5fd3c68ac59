#!/usr/bin/env python3
"""Writes tests/src/test/resources/golden/models: tiny random models of every architecture, with the logits of transformers.

    pip install torch==2.13.0 transformers==5.18.0
    tools/make_model_goldens.py

Each case is a model directory (config.json, weights, tokenizer.json) with golden.json: "ids", and "logits" [positions,
vocab] computed in float32 from the weights as they are stored, rounded to 6 decimals. Where a case has config-old.json
too, it is the same configuration in the form of transformers 4.
"""
import json
import pathlib
import shutil

import torch
import transformers
from transformers import (AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM,
                          Qwen2Config, Qwen2ForCausalLM)

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/src/test/resources/golden/models"
SIZES = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=40,
             vocab_size=64, max_position_embeddings=64, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2,
             tie_word_embeddings=True)
LLAMA3_SCALING = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                      original_max_position_embeddings=16)


def tokenizer_json():
    pieces = ["<unk>", "<s>", "</s>"] + list("abcdefghijklmnopqrstuvwxyz.,!?'\u2581\n") + ["\u2581a", "th", "he", "\u2581th"]
    special = [dict(id=i, content=pieces[i], special=True, normalized=False, lstrip=False, rstrip=False, single_word=False)
               for i in range(3)]
    return dict(version="1.0", truncation=None, padding=None, added_tokens=special,
                normalizer=dict(type="Replace", pattern=dict(String=" "), content="\u2581"), pre_tokenizer=None,
                post_processor=dict(type="TemplateProcessing",
                                    single=[dict(SpecialToken=dict(id="<s>", type_id=0)), dict(Sequence=dict(id="A", type_id=0))],
                                    pair=[dict(Sequence=dict(id="A", type_id=0)), dict(Sequence=dict(id="B", type_id=0))],
                                    special_tokens={"<s>": dict(id="<s>", ids=[1], tokens=["<s>"])}),
                decoder=dict(type="Sequence", decoders=[dict(type="Replace", pattern=dict(String="\u2581"), content=" "),
                                                        dict(type="Fuse")]),
                model=dict(type="BPE", dropout=None, unk_token="<unk>", continuing_subword_prefix=None, end_of_word_suffix=None,
                           fuse_unk=True, byte_fallback=False, ignore_merges=False,
                           vocab={piece: i for i, piece in enumerate(pieces)}, merges=["\u2581 a", "t h", "h e", "\u2581 th"]))


def randomize(model, seed):
    """Weights large enough that attention is not uniform and every part shows in the logits."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            values = torch.randn(weight.shape, generator=generator)
            if "norm" in name:
                values = 1 + 0.2 * values
            elif name.endswith("bias"):
                values = 0.5 * values
            elif "embed" in name:
                values = 0.5 * values
            else:
                gain = 2.0 if "q_proj" in name or "k_proj" in name else 1.0
                values = gain * values / weight.shape[1] ** 0.5
            weight.copy_(values)


def logits(directory, ids, **changes):
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32, attn_implementation="eager", **changes).eval()
    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0]


def write(name, model_class, config, seed, positions=24, dtype=torch.float32, max_shard_size="1GB"):
    directory = OUT / name
    if directory.exists():
        shutil.rmtree(directory)
    model = model_class(config)
    randomize(model, seed)
    model.to(dtype).save_pretrained(directory, max_shard_size=max_shard_size)
    (directory / "generation_config.json").unlink(missing_ok=True)
    (directory / "tokenizer.json").write_text(json.dumps(tokenizer_json()), encoding="utf-8")
    generator = torch.Generator().manual_seed(seed + 1000)
    ids = [1] + torch.randint(3, config.vocab_size, (positions - 1,), generator=generator).tolist()
    golden = logits(directory, ids)
    rows = ",\n".join("[" + ",".join("%.6f" % value for value in row) + "]" for row in golden.tolist())
    (directory / "golden.json").write_text(
        '{"origin": "transformers %s, float32, eager attention",\n"ids": %s,\n"logits": [\n%s]}\n'
        % (transformers.__version__, ids, rows))
    return directory, ids, golden


def write_old_form(directory):
    config = json.loads((directory / "config.json").read_text())
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = None if rope.get("rope_type", "default") == "default" else rope
    if config["rope_scaling"] and config["rope_scaling"]["rope_type"] == "linear":
        config["rope_scaling"]["type"] = config["rope_scaling"].pop("rope_type")  # the oldest form
    config["torch_dtype"] = config.pop("dtype")
    config["transformers_version"] = "4.43.0"
    config.pop("layer_types", None)
    (directory / "config-old.json").write_text(json.dumps(config, indent=2) + "\n")


def require_different(name, golden, other, first_row):
    """The part under test must show, or the case tests nothing."""
    difference = (golden - other).abs()
    assert difference[first_row:].max() > 0.01, name
    print("%-24s changes logits by up to %.3f" % (name, difference.max()))
    return difference


def main():
    torch.manual_seed(0)
    untied = SIZES | dict(num_key_value_heads=4, tie_word_embeddings=False)
    directory, _, _ = write("llama", LlamaForCausalLM, LlamaConfig(**untied), 1)
    write_old_form(directory)
    write("llama-gqa-tied", LlamaForCausalLM, LlamaConfig(**SIZES), 2)
    write("llama-head-dim", LlamaForCausalLM, LlamaConfig(**SIZES | dict(head_dim=12)), 3)

    plain_rope = dict(rope_type="default", rope_theta=10000.0)
    for name, scaling, seed in (("llama-rope-llama3", LLAMA3_SCALING, 4), ("llama-rope-linear", dict(rope_type="linear", factor=4.0), 5)):
        rope = scaling | dict(rope_theta=10000.0)
        directory, ids, golden = write(name, LlamaForCausalLM, LlamaConfig(**SIZES | dict(rope_parameters=rope)), seed, positions=40)
        write_old_form(directory)
        require_different(name, golden, logits(directory, ids, rope_parameters=plain_rope), 1)

    directory, ids, golden = write("mistral-window", MistralForCausalLM, MistralConfig(**SIZES | dict(sliding_window=8)), 6)
    difference = require_different("mistral-window", golden, logits(directory, ids, sliding_window=None), 8)
    assert difference[:8].max() == 0, "the window reaches back 8 positions, itself included"
    write_old_form(directory)

    directory, ids, golden = write("qwen2", Qwen2ForCausalLM, Qwen2Config(**SIZES | dict(use_sliding_window=False)), 7)
    write_old_form(directory)
    write("llama-bf16", LlamaForCausalLM, LlamaConfig(**SIZES), 8, dtype=torch.bfloat16)
    write("llama-f16", LlamaForCausalLM, LlamaConfig(**SIZES), 9, dtype=torch.float16)
    directory, _, _ = write("llama-sharded", LlamaForCausalLM, LlamaConfig(**SIZES), 10, max_shard_size="30KB")
    assert len(list(directory.glob("model-*.safetensors"))) > 1


main()
