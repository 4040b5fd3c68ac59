#!/usr/bin/env python3
"""Trains ChunkWise's demo model: a 3.2 M-parameter Llama that tells little stories,
and two LoRA adapters for it (Shakespeare's plays, quiz questions).

    python tools/train_demo.py                      # as shipped: fixed numbers of steps
    python tools/train_demo.py --minutes 55 --adapter-minutes 10   # sized by wall time

The stages (tokenizer, base, shakespeare, quiz, long, adapt, golden) can be run one by one with
--stages; each reads what the earlier ones wrote under --out.
"""
import argparse
import ctypes
import json
import math
import re
import shutil
import signal
import time
from pathlib import Path

import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import (AutoModelForCausalLM, GenerationConfig, LlamaConfig,
                          LlamaForCausalLM, PreTrainedTokenizerFast)

REPO = Path(__file__).resolve().parent.parent
SEED = 20240607

BOS, EOS = "<|begin_of_text|>", "<|end_of_text|>"
BOS_ID, EOS_ID = 0, 1
VOCAB_SIZE = 4096
# The pre-tokenizer of Llama 3.
SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
         r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")

# Base: the steps are those the shipped model was trained for.
BASE_STEPS = 1200
BASE_ROWS, BASE_WINDOW = 8, 512
BASE_WARMUP = 0.03
MUON_LR, MUON_MOMENTUM, MUON_DECAY = 0.02, 0.95, 0.1
ADAM_LR = 4e-3
# Share of training rows that come from the adapters' texts. It falls linearly to 0: without
# it the words that stories never use would keep random embeddings, which an adapter on the
# projections cannot repair; at the end only stories count.
DOMAIN_SHARE = 0.25

# Long context: the base goes on with rows four times as long, slower rotations and a fraction of
# its learning rates. Each bucket of positions (from, to) is reported by itself.
LONG_STEPS = 140
LONG_ROWS, LONG_WINDOW = 2, 2048
LONG_THETA = 80000.0
LONG_WARMUP = 0.1
LONG_LR_SHARE = 0.2
# What is kept of it: the layers go this share of the way from the old weights to the new, and the
# embeddings stay the old ones. Tried on held-out text: the loss of long rows as a whole changes by
# less than 0.01 nats; the adapters' domains, of which this stage sees no text, lose 0.18 to 0.23
# nats less than with the new weights as they are.
LONG_KEEP = 0.8
BUCKETS = [(0, 256), (256, 512), (512, 1024), (1024, 1536), (1536, 2048)]

# Adapters.
ADAPTER_STEPS = 320
ADAPTER_ROWS, ADAPTER_WINDOW = 8, 256
ADAPTER_WARMUP = 0.05
ADAPTER_LR = 2e-3
ADAPTER_DECAY = 0.05
# Trained on the base of short rows, then continued at half the rate on the one of long rows.
ADAPT_STEPS = 80
ADAPT_LR = 1e-3
LORA_RANK, LORA_ALPHA, LORA_DROPOUT = 32, 64, 0.05
PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
BASE_NAME = "chunkwise-demo"

# Mixed into the base's first rows, so that it has met the words of the adapters' domains.
DOMAIN_FILES = {"shakespeare": "tinyshakespeare.txt", "wiki": "wikitext2-raw-test.txt"}
ADAPTERS = ["shakespeare", "quiz"]
STAGES = ["tokenizer", "base", *ADAPTERS, "long", "adapt", "golden"]  # in this order
TRAIN_PART = 0.9  # of each domain text; the rest is held out

GOLDEN_PROMPTS = {
    "base": ["Once upon a time", "Lily and Tom went to the park."],
    "shakespeare": ["Once upon a time", "JULIET:\n"],
    "quiz": ["Once upon a time", "Q: What"],
}
GOLDEN_NEW, GOLDEN_TOP = 48, 20

stop_requested = False


# ---------------------------------------------------------------- text and tokens

def read_stories(data, name):
    text = (data / "text" / name).read_text(encoding="utf-8")
    return [story.strip() for story in text.split("<|endoftext|>") if story.strip()]


def read_quiz(data):
    """SQuAD's answerable questions, each with its first answer."""
    squad = json.loads((data / "squad" / "dev-v2.0-half.json").read_text(encoding="utf-8"))
    return "".join(f"Q: {qa['question'].strip()}\nA: {qa['answers'][0]['text'].strip()}\n\n"
                   for article in squad["data"] for paragraph in article["paragraphs"]
                   for qa in paragraph["qas"] if qa["answers"])


def read_domain(data, domain):
    """The first 90 % of the characters for training, the rest held out."""
    text = (read_quiz(data) if domain == "quiz"
            else (data / "text" / DOMAIN_FILES[domain]).read_text(encoding="utf-8"))
    cut = int(len(text) * TRAIN_PART)
    return text[:cut], text[cut:]


def train_tokenizer(data):
    stories = read_stories(data, "tinystories-train.txt")
    domains = [read_domain(data, domain)[0] for domain in DOMAIN_FILES]
    # As much text of stories as of both domains together: enough for every domain's
    # frequent words, while the stories, nine tenths of all text, do not take the vocabulary.
    budget, sample = sum(map(len, domains)), []
    for story in stories:
        if budget <= 0:
            break
        sample.append(story)
        budget -= len(story)

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(sample + domains, trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE, special_tokens=[BOS, EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(
            single=f"{BOS} $A", pair=f"{BOS} $A {BOS} $B", special_tokens=[(BOS, BOS_ID)])])
    assert tokenizer.token_to_id(BOS) == BOS_ID and tokenizer.token_to_id(EOS) == EOS_ID
    return tokenizer


def save_tokenizer(tokenizer, folder):
    folder.mkdir(parents=True, exist_ok=True)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=BOS, eos_token=EOS, model_max_length=LONG_WINDOW,
        clean_up_tokenization_spaces=False).save_pretrained(folder)
    # transformers 5 writes its new class name here; this one is read by old and new versions.
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text())
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    write_json(path, config)


def encode(tokenizer, texts):
    return [e.ids for e in tokenizer.encode_batch(texts, add_special_tokens=False)]


def story_stream(tokenizer, stories):
    """One list of ids: every story between bos and eos."""
    return [[BOS_ID, *ids, EOS_ID] for ids in encode(tokenizer, stories)]


class StoryRows:
    """Endless rows of window+1 ids out of the stories, shuffled anew in every epoch."""

    def __init__(self, stories, window, generator):
        self.stories = [torch.tensor(s) for s in stories]
        self.window, self.generator = window, generator
        self.stream, self.at = torch.empty(0, dtype=torch.long), 0

    def next(self):
        if self.at + self.window + 1 > len(self.stream):
            order = torch.randperm(len(self.stories), generator=self.generator)
            rest = self.stream[self.at:]
            self.stream = torch.cat([rest, *(self.stories[i] for i in order)])
            self.at = 0
        row = self.stream[self.at:self.at + self.window + 1]
        self.at += self.window
        return row


class DomainRows:
    """Rows of window+1 ids: bos, then text from the beginning of a random paragraph, as a
    prompt at generation time begins. Encyclopaedia articles are closed by eos."""

    def __init__(self, tokenizer, text, window, generator):
        articles = re.split(r"(?m)^(?= = [^=\n]+ = $)", text)
        ids, starts = [], []
        for article in filter(str.strip, articles):
            if ids:
                ids += [EOS_ID, BOS_ID]
            for paragraph in encode(tokenizer, re.split(r"(?<=\n\n)(?!\n)", article)):
                starts.append(len(ids))
                ids += paragraph
        self.ids = torch.tensor(ids)
        self.starts = [s for s in starts if s + window <= len(ids)]
        self.window, self.generator, self.order = window, generator, []

    def next(self):
        if not self.order:  # every start once before any comes again
            self.order = torch.randperm(len(self.starts), generator=self.generator).tolist()
        start = self.starts[self.order.pop()]
        return torch.cat([torch.tensor([BOS_ID]), self.ids[start:start + self.window]])


def heldout_rows(ids, window):
    """Consecutive pieces, each after a bos; the last, short one is left out."""
    pieces = [ids[i:i + window] for i in range(0, len(ids) - window + 1, window)]
    return torch.tensor([[BOS_ID, *piece] for piece in pieces])


# ---------------------------------------------------------------- loss and optimizer

class ChunkedCrossEntropy(torch.autograd.Function):
    """Mean cross entropy of linear(hidden, weight) that keeps only a slice of the logits,
    and computes the gradients on the way: on a CPU twice as fast as the plain formula."""
    CHUNK = 512

    @staticmethod
    def forward(ctx, hidden, weight, targets):
        count, total = len(targets), 0.0
        grad_hidden = torch.empty_like(hidden)
        grad_weight = torch.zeros_like(weight) if ctx.needs_input_grad[1] else None
        for i in range(0, count, ChunkedCrossEntropy.CHUNK):
            h = hidden[i:i + ChunkedCrossEntropy.CHUNK]
            t = targets[i:i + ChunkedCrossEntropy.CHUNK, None]
            logits = h @ weight.t()
            logits -= logits.amax(1, keepdim=True)
            chosen = logits.gather(1, t)
            norm = logits.exp_().sum(1, keepdim=True)
            total += (norm.log() - chosen).sum()
            logits.div_(norm).scatter_add_(1, t, -torch.ones_like(chosen)).div_(count)
            torch.mm(logits, weight, out=grad_hidden[i:i + ChunkedCrossEntropy.CHUNK])
            if grad_weight is not None:
                grad_weight.addmm_(logits.t(), h)
        ctx.save_for_backward(grad_hidden, grad_weight)
        return total / count

    @staticmethod
    def backward(ctx, grad):
        grad_hidden, grad_weight = ctx.saved_tensors
        return grad_hidden * grad, None if grad_weight is None else grad_weight * grad, None


def next_token_loss(llama, rows):
    """llama: the LlamaForCausalLM itself, with or without adapters inside."""
    hidden = llama.model(input_ids=rows[:, :-1]).last_hidden_state
    return ChunkedCrossEntropy.apply(
        hidden.flatten(0, 1), llama.lm_head.weight, rows[:, 1:].flatten())


@torch.no_grad()
def evaluate(llama, rows, batch=16):
    was_training = llama.training
    llama.eval()
    total = sum(next_token_loss(llama, part).item() * len(part) for part in rows.split(batch))
    llama.train(was_training)
    return total / len(rows)


@torch.no_grad()
def evaluate_positions(llama, rows):
    """Mean loss in each bucket of positions."""
    totals, was_training = torch.zeros(rows.shape[1] - 1), llama.training
    llama.eval()
    for row in rows:
        logits = llama(input_ids=row[None, :-1]).logits[0]
        totals += torch.nn.functional.cross_entropy(logits, row[1:], reduction="none")
    llama.train(was_training)
    means = totals / len(rows)
    return {f"{a}-{b}": round(means[a:b].mean().item(), 4) for a, b in BUCKETS}


class Muon(torch.optim.Optimizer):
    """Muon (K. Jordan, 2024) in float32: momentum, then the update made orthogonal by five
    Newton-Schulz steps. torch.optim.Muon works in bfloat16, which is slow on most CPUs.
    Matrices of one shape are treated in one batch."""

    def __init__(self, params, lr, momentum, weight_decay):
        super().__init__(params, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            by_shape = {}
            for p in group["params"]:
                by_shape.setdefault(p.shape, []).append(p)
            for shape, params in by_shape.items():
                updates = []
                for p in params:
                    momentum = self.state[p].setdefault("momentum", torch.zeros_like(p))
                    momentum.lerp_(p.grad, 1 - group["momentum"])
                    updates.append(p.grad.lerp(momentum, group["momentum"]))  # Nesterov
                scale = max(1.0, shape[0] / shape[1]) ** 0.5
                for p, update in zip(params, orthogonalize(torch.stack(updates))):
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    p.add_(update, alpha=-group["lr"] * scale)


def orthogonalize(g):
    tall = g.shape[-2] > g.shape[-1]
    x = g.mT if tall else g
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(5):
        a = x @ x.mT
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.mT if tall else x


# ---------------------------------------------------------------- training loop

class Budget:
    """How far a training run is, from 0 to 1: by its steps, or, if minutes are given, by the
    wall time it has used. The learning rates are functions of this number alone."""

    def __init__(self, steps, minutes):
        self.steps, self.minutes, self.started, self.step = steps, minutes, time.time(), 0

    def progress(self):
        if self.minutes:
            return (time.time() - self.started) / (60 * self.minutes)
        return self.step / self.steps

    def elapsed_minutes(self):
        return (time.time() - self.started) / 60


def rate(progress, warmup):
    """Linear warm-up, then linear decay to 0."""
    return max(0.0, min(progress / warmup, (1 - progress) / (1 - warmup)))


def fit(name, llama, optimizers, next_rows, budget, warmup, evaluation, checkpoint=None):
    """Trains until the budget is used. evaluation: dict of held-out rows to report on."""
    base_lrs = [[group["lr"] for group in o.param_groups] for o in optimizers]
    params = [p for p in llama.parameters() if p.requires_grad]
    llama.train()
    tokens, running, report_at, eval_at, save_at = 0, None, 0.5, 5.0, 5.0
    while True:
        progress = budget.progress()
        if progress >= 1 or stop_requested:
            break
        for optimizer, lrs in zip(optimizers, base_lrs):
            for group, lr in zip(optimizer.param_groups, lrs):
                # A small floor, so that the first step under a time budget is a real one.
                group["lr"] = lr * max(rate(progress, warmup), 1e-3)
        rows = next_rows(progress)
        loss = next_token_loss(llama, rows)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        budget.step += 1
        tokens += rows.numel() - len(rows)
        running = loss.item() if running is None else 0.98 * running + 0.02 * loss.item()
        minutes = budget.elapsed_minutes()
        if minutes >= report_at:
            print(f"{name} step {budget.step} {minutes:.1f} min {progress:.1%} loss {running:.3f}"
                  f" {tokens / minutes / 60:.0f} tokens/s", flush=True)
            report_at = minutes + 0.5
        if minutes >= eval_at:
            losses = {k: round(evaluate(llama, v[:32]), 3) for k, v in evaluation.items()}
            print(f"{name} step {budget.step} held out: {losses}", flush=True)
            eval_at = minutes + 5
        if checkpoint and minutes >= save_at:
            state = {k: v.half() for k, v in llama.state_dict().items() if k != "lm_head.weight"}
            save_file(state, checkpoint)
            save_at = minutes + 5
    llama.eval()
    return {"steps": budget.step, "tokens": tokens,
            "minutes": round(budget.elapsed_minutes(), 1)}


def story_heldout(tokenizer, data, window=BASE_WINDOW):
    stream = story_stream(tokenizer, read_stories(data, "tinystories-valid.txt"))
    return heldout_rows([i for story in stream for i in story], window)


def domain_heldout(tokenizer, data, domain):
    return heldout_rows(encode(tokenizer, [read_domain(data, domain)[1]])[0], ADAPTER_WINDOW)


def train_base(tokenizer, args):
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    llama = LlamaForCausalLM(LlamaConfig(
        vocab_size=VOCAB_SIZE, hidden_size=192, intermediate_size=512, num_hidden_layers=6,
        num_attention_heads=6, num_key_value_heads=3, head_dim=32,
        max_position_embeddings=1024, rms_norm_eps=1e-5, tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        bos_token_id=BOS_ID, eos_token_id=EOS_ID))
    stories = StoryRows(story_stream(tokenizer, read_stories(args.data, "tinystories-train.txt")),
                        BASE_WINDOW, generator)
    domains = [DomainRows(tokenizer, read_domain(args.data, d)[0], BASE_WINDOW, generator)
               for d in DOMAIN_FILES]
    print("story tokens", sum(len(s) for s in stories.stories),
          "domain tokens", [len(d.ids) for d in domains], flush=True)

    def next_rows(progress):
        rows = []
        for _ in range(BASE_ROWS):
            draw = torch.rand((), generator=generator).item() / (DOMAIN_SHARE * (1 - progress))
            source = stories if draw >= 1 else domains[int(draw * len(domains))]
            rows.append(source.next())
        return torch.stack(rows)

    evaluation = {"stories": story_heldout(tokenizer, args.data)}
    evaluation |= {d: domain_heldout(tokenizer, args.data, d) for d in DOMAIN_FILES}
    report = fit("base", llama, base_optimizers(llama), next_rows, Budget(args.steps, args.minutes),
                 BASE_WARMUP, evaluation, args.checkpoint)
    report["heldout_loss_float32"] = {k: round(evaluate(llama, v), 4)
                                      for k, v in evaluation.items()}
    report["heldout_loss_rounded"] = compare_formats(llama, evaluation["stories"])
    save_base(llama, args.out / "model")
    record(args.out, "base", report)


def base_optimizers(llama, share=1.0):
    matrices = [p for p in llama.model.layers.parameters() if p.ndim == 2]
    others = [p for p in llama.parameters() if all(p is not m for m in matrices)]
    return [Muon(matrices, share * MUON_LR, MUON_MOMENTUM, MUON_DECAY),
            torch.optim.AdamW(others, lr=share * ADAM_LR, betas=(0.9, 0.95), weight_decay=0.0)]


def lengthen_base(tokenizer, args):
    """Continues the saved base with long rows, so that it can use LONG_WINDOW positions."""
    config = LlamaConfig.from_pretrained(args.out / "model")
    if config.max_position_embeddings >= LONG_WINDOW:
        raise SystemExit("The base in --out has its long context already: train the base first.")
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED + 1)  # other rows than the base began with
    long_rows = story_heldout(tokenizer, args.data, LONG_WINDOW)
    before = evaluate_positions(AutoModelForCausalLM.from_pretrained(
        args.out / "model", dtype=torch.float32), long_rows)
    config.max_position_embeddings = LONG_WINDOW
    config.rope_parameters = {"rope_type": "default", "rope_theta": LONG_THETA}
    llama = AutoModelForCausalLM.from_pretrained(args.out / "model", config=config,
                                                 dtype=torch.float32)
    original = {k: v.clone() for k, v in llama.state_dict().items()}
    stories = StoryRows(story_stream(tokenizer, read_stories(args.data, "tinystories-train.txt")),
                        LONG_WINDOW, generator)
    evaluation = {"stories": story_heldout(tokenizer, args.data)}
    evaluation |= {d: domain_heldout(tokenizer, args.data, d) for d in DOMAIN_FILES}
    report = fit("long", llama, base_optimizers(llama, LONG_LR_SHARE),
                 lambda progress: torch.stack([stories.next() for _ in range(LONG_ROWS)]),
                 Budget(args.long_steps, None), LONG_WARMUP, evaluation)
    llama.load_state_dict({
        k: original[k] if "embed_tokens" in k or "lm_head" in k else original[k].lerp(v, LONG_KEEP)
        for k, v in llama.state_dict().items()})
    report["heldout_loss_float32"] = {k: round(evaluate(llama, v), 4)
                                      for k, v in evaluation.items()}
    report["heldout_loss_rounded"] = compare_formats(llama, evaluation["stories"])
    report["heldout_loss_by_position_base"] = before
    report["heldout_loss_by_position_long"] = evaluate_positions(llama, long_rows)
    save_base(llama, args.out / "model")
    record(args.out, "long", report)


def compare_formats(llama, rows):
    """Held-out loss with the weights rounded to either 16-bit format."""
    original, losses = {k: v.clone() for k, v in llama.state_dict().items()}, {}
    for dtype in (torch.float16, torch.bfloat16):
        llama.load_state_dict({k: v.to(dtype).float() for k, v in original.items()})
        losses[str(dtype).removeprefix("torch.")] = round(evaluate(llama, rows), 6)
    llama.load_state_dict(original)
    losses["float32"] = round(evaluate(llama, rows), 6)
    return losses


def save_base(llama, folder):
    """In float16: the weights are all small, so its longer mantissa beats bfloat16's range."""
    llama.half()
    llama.generation_config = GenerationConfig(bos_token_id=BOS_ID, eos_token_id=EOS_ID)
    llama.save_pretrained(folder)


def train_adapter(domain, tokenizer, args):
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    # On the base as saved, so that the adapter is fitted to the weights it will meet.
    base = AutoModelForCausalLM.from_pretrained(args.out / "model", dtype=torch.float32)
    heldout = {domain: domain_heldout(tokenizer, args.data, domain)}
    base_loss = evaluate(base, heldout[domain])
    model = get_peft_model(base, LoraConfig(
        task_type="CAUSAL_LM", r=LORA_RANK, lora_alpha=LORA_ALPHA, lora_dropout=LORA_DROPOUT,
        target_modules=PROJECTIONS))
    rows = DomainRows(tokenizer, read_domain(args.data, domain)[0], ADAPTER_WINDOW, generator)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad],
                                  lr=ADAPTER_LR, betas=(0.9, 0.99), weight_decay=ADAPTER_DECAY)
    steps = args.adapter_steps
    report = fit(domain, base, [optimizer],
                 lambda progress: torch.stack([rows.next() for _ in range(ADAPTER_ROWS)]),
                 Budget(steps, args.adapter_minutes), ADAPTER_WARMUP, heldout)
    report["heldout_loss_base"] = round(base_loss, 4)
    report["heldout_loss_adapter"] = round(evaluate(base, heldout[domain]), 4)
    save_adapter(model, args.out / f"adapter-{domain}")
    record(args.out, domain, report)


def continue_adapter(domain, tokenizer, args):
    """Fits a saved adapter to the base as it is after the long stage."""
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED + 1)
    base = AutoModelForCausalLM.from_pretrained(args.out / "model", dtype=torch.float32)
    heldout = {domain: domain_heldout(tokenizer, args.data, domain)}
    base_loss = evaluate(base, heldout[domain])
    model = PeftModel.from_pretrained(base, args.out / f"adapter-{domain}",
                                      is_trainable=True).float()
    before = evaluate(base, heldout[domain])
    rows = DomainRows(tokenizer, read_domain(args.data, domain)[0], ADAPTER_WINDOW, generator)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad],
                                  lr=ADAPT_LR, betas=(0.9, 0.99), weight_decay=ADAPTER_DECAY)
    report = fit(f"{domain}-long", base, [optimizer],
                 lambda progress: torch.stack([rows.next() for _ in range(ADAPTER_ROWS)]),
                 Budget(args.adapt_steps, None), ADAPTER_WARMUP, heldout)
    report["heldout_loss_base"] = round(base_loss, 4)
    report["heldout_loss_adapter_before"] = round(before, 4)
    report["heldout_loss_adapter"] = round(evaluate(base, heldout[domain]), 4)
    save_adapter(model, args.out / f"adapter-{domain}")
    record(args.out, f"{domain}-long", report)


def save_adapter(model, folder):
    model.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # peft's empty model card
    weights = folder / "adapter_model.safetensors"
    tensors = {k: v.half().contiguous() for k, v in load_file(weights).items()}
    save_file(tensors, weights, metadata={"format": "pt"})
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text())
    config["base_model_name_or_path"] = BASE_NAME  # peft writes the folder it read
    config["target_modules"] = PROJECTIONS  # peft writes a set, in any order
    write_json(path, config)


# ---------------------------------------------------------------- reports and golden values

def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def record(out, stage, report):
    """Collects the figures of all stages in training.json."""
    path = out / "training.json"
    reports = json.loads(path.read_text()) if path.exists() else {}
    write_json(path, reports | {stage: report})
    print(stage, json.dumps(report), flush=True)


def load_saved(out, name):
    model = AutoModelForCausalLM.from_pretrained(out / "model", dtype=torch.float32)
    if name != "base":
        model = PeftModel.from_pretrained(model, out / f"adapter-{name}",
                                          torch_dtype=torch.float32).float()
    return model.eval()


def top(logits):
    values, ids = logits.topk(GOLDEN_TOP)
    return [[i, round(v, 5)] for i, v in zip(ids.tolist(), values.tolist())]


@torch.no_grad()
def golden_case(model, tokenizer, prompt):
    prompt_ids = tokenizer.encode(prompt).ids
    ids, margins, first = list(prompt_ids), [], None
    for _ in range(GOLDEN_NEW):  # greedy, past eos too; all positions anew in every step
        logits = model(torch.tensor([ids])).logits[0, -1]
        first = logits if first is None else first
        best = logits.topk(2)
        margins.append((best.values[0] - best.values[1]).item())
        ids.append(best.indices[0].item())
    new = ids[len(prompt_ids):]
    return {"prompt": prompt, "prompt_ids": prompt_ids, "greedy_ids": new,
            "greedy_text": tokenizer.decode(new, skip_special_tokens=False),
            "smallest_margin": round(min(margins), 5),
            "prompt_top_logits": top(first),
            "end_top_logits": top(model(torch.tensor([ids])).logits[0, -1])}


def write_golden(tokenizer, out):
    """Values of the files as saved, computed in float32 by transformers and peft."""
    golden = {"versions": {"transformers": transformers.__version__, "peft": peft.__version__,
                           "torch": torch.__version__},
              "note": "Saved weights read as float32. prompt_ids begin with bos. greedy_ids do "
                      "not stop at eos. smallest_margin: least gap of the two best logits while "
                      "generating. prompt_top_logits follow the last id of the prompt, "
                      "end_top_logits the last generated id; [id, logit], best first.",
              "models": {}}
    for name, prompts in GOLDEN_PROMPTS.items():
        model = load_saved(out, name)
        golden["models"][name] = [golden_case(model, tokenizer, p) for p in prompts]
    text = json.dumps(golden, indent=1, ensure_ascii=False)
    # Innermost lists of numbers on one line.
    text = re.sub(r"\[[-\d.,\s]*\]", lambda m: re.sub(r"\s+", " ", m[0]), text)
    (out / "golden.json").write_text(text + "\n", encoding="utf-8")


# ---------------------------------------------------------------- command line

def parse_args():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=REPO.parent / "shared" / "data",
                        help="folder that holds text/ (default: ../shared/data)")
    parser.add_argument("--out", type=Path, default=REPO / "demo")
    parser.add_argument("--stages", nargs="+", metavar="STAGE",
                        choices=STAGES,
                        default=STAGES)
    parser.add_argument("--steps", type=int, default=BASE_STEPS, help="of the base")
    parser.add_argument("--minutes", type=float, help="wall time for the base instead of --steps")
    parser.add_argument("--long-steps", type=int, default=LONG_STEPS,
                        help="of the base with long rows")
    parser.add_argument("--adapter-steps", type=int, default=ADAPTER_STEPS,
                        help="of each adapter")
    parser.add_argument("--adapter-minutes", type=float, help="wall time for each adapter instead")
    parser.add_argument("--adapt-steps", type=int, default=ADAPT_STEPS,
                        help="of each adapter on the base with the long context")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--checkpoint", type=Path,
                        help="file for the base's weights, written every 5 minutes")
    return parser.parse_args()


def keep_freed_memory():
    """Tells glibc to keep freed memory: by default each large temporary is fresh pages of the
    system's, and zeroing those costs as much as the arithmetic. No effect elsewhere."""
    try:
        libc = ctypes.CDLL("libc.so.6")
        m_trim_threshold, m_top_pad, m_mmap_max, m_arena_max = -1, -2, -4, -8
        for option, value in ((m_mmap_max, 0), (m_trim_threshold, 2**31 - 1),
                              (m_top_pad, 256 << 20), (m_arena_max, 1)):
            libc.mallopt(option, value)
    except (OSError, AttributeError):
        pass


def request_stop(*_):
    """Ctrl-C ends the training at hand early; what is trained by then is saved."""
    global stop_requested
    stop_requested = True


def main():
    args = parse_args()
    keep_freed_memory()
    torch.set_num_threads(args.threads)
    signal.signal(signal.SIGINT, request_stop)
    model_folder = args.out / "model"
    if "tokenizer" in args.stages:
        save_tokenizer(train_tokenizer(args.data), model_folder)
    tokenizer = Tokenizer.from_file(str(model_folder / "tokenizer.json"))
    if "base" in args.stages:
        train_base(tokenizer, args)
    for domain in ADAPTERS:
        if domain in args.stages:
            train_adapter(domain, tokenizer, args)
    if "long" in args.stages:
        lengthen_base(tokenizer, args)
    if "adapt" in args.stages:
        for domain in ADAPTERS:
            continue_adapter(domain, tokenizer, args)
    if "golden" in args.stages:
        write_golden(tokenizer, args.out)


if __name__ == "__main__":
    main()
