#!/usr/bin/env python3
"""Measures transformers + peft on one GPU: the shape of a model with random weights in half precision, with and without an
unmerged LoRA adapter on all seven projections. Prints one JSON object. It is what `gpu_bench.py` sets ChunkWise beside.

    tools/peft_bench.py --shape llama-7b --rank 0 8 64 --context-depth 512 4096
    tools/peft_bench.py --tiny --cpu        a small shape on the CPU, to try it out

It needs torch, transformers and peft. Where they are missing, or torch has no GPU, it says so in one line and exits with 3.
"""
import argparse
import json
import statistics
import sys
import time

SHAPES = {  # hidden, layers, heads, key heads, ffn, vocabulary, tied
    "llama-7b": (4096, 32, 32, 32, 11008, 32000, False),
    "tinyllama-1.1b": (2048, 22, 32, 4, 5632, 32000, False),
    "llama-110m": (768, 12, 12, 12, 2048, 32000, True),
    "tiny": (64, 2, 4, 2, 96, 256, True),
}
SITES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
SKIPPED = 3


def skip(why):
    print(f"peft_bench: skipped: {why}", file=sys.stderr)
    sys.exit(SKIPPED)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="llama-7b")
    parser.add_argument("--rank", type=int, nargs="+", default=[0, 8, 64], help="of adapters; 0 is the base alone")
    parser.add_argument("--context-depth", type=int, nargs="+", default=[512], help="tokens in the cache before a test")
    parser.add_argument("--prompt-tokens", type=int, default=128)
    parser.add_argument("--new-tokens", type=int, default=32)
    parser.add_argument("--repetitions", type=int, default=5, help="after one to warm up")
    parser.add_argument("--cpu", action="store_true", help="measure the CPU where there is no GPU")
    parser.add_argument("--tiny", action="store_true", help="as --shape tiny --context-depth 8, to try it out")
    args = parser.parse_args()
    if args.tiny:
        args.shape, args.context_depth = "tiny", [8]
    return args


def main():
    args = parse()
    try:
        import peft
        import torch
        import transformers
    except ImportError as e:
        skip(f"{e}; install torch, transformers and peft")
    if not torch.cuda.is_available() and not args.cpu:
        skip("torch has no GPU (--cpu measures the CPU)")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    # Half precision on a CPU is emulated, and says nothing.
    dtype = torch.float16 if device == "cuda" else torch.float32
    torch.manual_seed(1)
    hidden, layers, heads, key_heads, ffn, vocabulary, tied = SHAPES[args.shape]
    longest = max(args.context_depth) + args.prompt_tokens + args.new_tokens + 1
    config = transformers.LlamaConfig(
        hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=key_heads, intermediate_size=ffn,
        vocab_size=vocabulary, tie_word_embeddings=tied, max_position_embeddings=longest)

    def synchronize():
        if device == "cuda":
            torch.cuda.synchronize()

    def seconds(work):
        synchronize()
        started = time.perf_counter()
        work()
        synchronize()
        return time.perf_counter() - started

    def base_model():
        # Made where it is used, in its number format: a 7B model in float32 would not fit everywhere.
        with torch.device(device):
            torch.set_default_dtype(dtype)
            try:
                return transformers.LlamaForCausalLM(config).eval()
            finally:
                torch.set_default_dtype(torch.float32)

    @torch.inference_mode()
    def rows(model, rank):
        result = []
        for depth in args.context_depth:
            generator = torch.Generator().manual_seed(depth)
            context = torch.randint(0, vocabulary, (1, depth), generator=generator).to(device)
            prompt = torch.randint(0, vocabulary, (1, args.prompt_tokens), generator=generator).to(device)
            cache = model(context, use_cache=True, logits_to_keep=1).past_key_values
            tests = {"pp%d" % args.prompt_tokens: (args.prompt_tokens, []), "tg%d" % args.new_tokens: (args.new_tokens, [])}

            def prefill():
                model(prompt, past_key_values=cache, use_cache=True, logits_to_keep=1)

            def decode():
                token = prompt[:, :1]
                for _ in range(args.new_tokens):
                    token = model(token, past_key_values=cache, use_cache=True).logits[:, -1:].argmax(-1)

            for repetition in range(-1, args.repetitions):
                for (tokens, taken), work in zip(tests.values(), (prefill, decode)):
                    took = seconds(work)
                    cache.crop(depth)
                    if repetition >= 0:
                        taken.append(tokens / took)
            for test, (_, taken) in tests.items():
                result.append({"test": test, "contextDepth": depth, "rank": rank, "loraMode": "unmerged" if rank else "none",
                               "tokensPerSecond": statistics.fmean(taken), "median": statistics.median(taken),
                               "stddev": statistics.stdev(taken) if len(taken) > 1 else 0.0})
        return result

    report = {"engine": f"transformers {transformers.__version__}, peft {peft.__version__}, torch {torch.__version__}",
              "device": torch.cuda.get_device_name(0) if device == "cuda" else "cpu", "type": str(dtype).removeprefix("torch."),
              "shape": args.shape, "rows": [], "errors": []}
    base = base_model()
    for rank in args.rank:
        model = base
        if device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        try:
            if rank:
                model = peft.get_peft_model(base, peft.LoraConfig(r=rank, lora_alpha=rank, target_modules=SITES, init_lora_weights=False,
                                                                  task_type="CAUSAL_LM"))
                model = model.to(device=device, dtype=dtype).eval()
            measured = rows(model, rank)
            for row in measured:
                row["peakDeviceBytes"] = torch.cuda.max_memory_allocated() if device == "cuda" else None
            report["rows"] += measured
        except torch.cuda.OutOfMemoryError as e:
            report["errors"].append({"rank": rank, "error": str(e).splitlines()[0]})
        if rank and model is not base:
            base = model.unload()
    json.dump(report, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
