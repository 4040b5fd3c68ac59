#!/usr/bin/env python3
"""Measures what rounding a LoRA adapter's components to the blocks of GGUF takes of what the adapter gains on a text, beside a base in
full precision and one that is rounded itself. Prints a Markdown table. Halves are rounded along their inputs, as ChunkWise does.

    tools/adapter_rounding.py --model ../shared/data/stories260K --adapter ../shared/data/stories260K-lora-shakespeare \\
        --text ../shared/data/text/tinyshakespeare.txt

It needs torch, transformers, peft, sentencepiece and gguf, and no GPU.
"""
import argparse
import math
import pathlib
import sys

TYPES = ("Q8_0", "Q4_0")
BLOCK = 32


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a Hugging Face directory with a tokenizer.model")
    parser.add_argument("--adapter", required=True, help="a PEFT directory")
    parser.add_argument("--text", required=True, help="a file; its first tokens are scored")
    parser.add_argument("--tokens", type=int, default=6144, help="a multiple of the window")
    parser.add_argument("--window", type=int, default=256)
    args = parser.parse_args()
    if args.tokens < args.window or args.tokens % args.window:
        parser.error(f"--tokens {args.tokens} is no multiple of --window {args.window}")
    return args


def rounded(tensor, word):
    """What is read back of a matrix whose rows are stored in blocks, filled up with zeros."""
    import gguf
    import numpy as np
    import torch

    kind = getattr(gguf.GGMLQuantizationType, word)
    width = tensor.shape[-1]
    filled = np.pad(tensor.detach().numpy(), ((0, 0), (0, -width % BLOCK)))
    return torch.from_numpy(gguf.quants.dequantize(gguf.quants.quantize(filled, kind), kind)[:, :width].copy())


def score(model, ids):
    """Logits, and the mean of -ln p of each next token."""
    import torch

    with torch.no_grad():
        logits = model(ids).logits.float()
        return logits, -torch.log_softmax(logits[:, :-1], -1).gather(-1, ids[:, 1:, None]).mean().item()


def measure(args, ids, base):
    """One row of the table."""
    import peft
    import torch
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32)
    if base != "F32":
        for weight in model.parameters():
            if weight.ndim == 2:
                weight.data = rounded(weight, base)
    plain_logits, plain = score(model, ids)
    adapted = peft.PeftModel.from_pretrained(model, args.adapter).eval()
    halves = {name: half for name, half in adapted.named_parameters() if "lora_" in name}
    exact = {name: half.detach().clone() for name, half in halves.items()}
    exact_logits, best = score(adapted, ids)
    cells = []
    for word in TYPES:
        for name, half in halves.items():
            half.data = rounded(exact[name], word)
        logits, loss = score(adapted, ids)
        off = math.sqrt(((logits - exact_logits) ** 2).mean() / ((exact_logits - plain_logits) ** 2).mean())
        cells.append(f"{100 * (plain - loss) / (plain - best):.1f} % ({loss - best:+.4f}), {100 * off:.1f} %")
    return f"| {base} | {plain:.3f}, {best:.3f} | " + " | ".join(cells) + " |"


def main():
    args = parse()
    try:
        import gguf  # noqa: F401
        import peft  # noqa: F401
        import sentencepiece
        import torch
    except ImportError as e:
        sys.exit(f"adapter_rounding: {e}; install torch, transformers, peft, sentencepiece and gguf")
    tokenizer = sentencepiece.SentencePieceProcessor(str(pathlib.Path(args.model, "tokenizer.model")))
    ids = tokenizer.encode(pathlib.Path(args.text).read_text(encoding="utf-8")[: 16 * args.tokens])[: args.tokens]
    if len(ids) < args.tokens:
        sys.exit(f"adapter_rounding: {args.text} has {len(ids)} tokens, not {args.tokens}; use fewer (--tokens)")
    ids = torch.tensor(ids).reshape(-1, args.window)
    print("| base | ln perplexity: base, with adapter | " + " | ".join(
        f"{word}: of the gain (Δ ln perplexity), error of the effect" for word in TYPES) + " |")
    print("|---|---|" + "---|" * len(TYPES))
    for base in ("F32", *TYPES):
        print(measure(args, ids, base), flush=True)


if __name__ == "__main__":
    main()
