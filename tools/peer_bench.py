#!/usr/bin/env python3
"""Measures llama.cpp's llama-bench and `chunkwise bench` on the same GGUF files, in turns, and prints the ratios.

    tools/peer_bench.py --llama-bench "path/to/llama-bench" --model llama-q8_0.gguf --threads 1,2

Both read prompts of random tokens (ppN) and write tokens (tgN) on the CPU. A round is one run of each on every file; ratios are
taken within a round, because a machine that others use, too, changes its speed from minute to minute. Needs Python 3 alone.
"""
import argparse
import json
import pathlib
import shlex
import statistics
import subprocess
import sys

# What llama-bench calls the cache that a KV policy of ours stands for. Its quantized values need flash attention.
PEER_CACHE = {"full": ["-ctk", "f16", "-ctv", "f16"], "q8": ["-ctk", "q8_0", "-ctv", "q8_0", "-fa", "1"]}


def numbers(text):
    return [int(part) for part in text.split(",")]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0],
                                     epilog="A ratio above 1 means that ChunkWise is faster.")
    parser.add_argument("--llama-bench", required=True, metavar="CMD", help="the command, with arguments of its own if it needs any")
    parser.add_argument("--model", required=True, action="append", metavar="GGUF", help="several times for several files")
    parser.add_argument("--chunkwise", default=str(pathlib.Path(__file__).resolve().parent.parent / "bin" / "chunkwise"), metavar="CMD")
    parser.add_argument("--prompt-tokens", type=int, default=128, metavar="N", help="0 for no such test (default: 128)")
    parser.add_argument("--new-tokens", type=int, default=32, metavar="N", help="0 for no such test (default: 32)")
    parser.add_argument("--threads", type=numbers, default=[2, 1], metavar="LIST", help="(default: 2,1)")
    parser.add_argument("--context-depth", type=numbers, default=[0], metavar="LIST", help="(default: 0)")
    parser.add_argument("--kv-policy", type=lambda text: text.split(","), default=["full"], metavar="LIST",
                        help="full (F16 in llama.cpp) and q8 (default: full)")
    parser.add_argument("--rank", default="0", metavar="LIST", help="ranks of adapters to measure here besides; the base is rank 0 (default: 0)")
    parser.add_argument("--rounds", type=int, default=2, metavar="N", help="(default: 2)")
    parser.add_argument("--repetitions", type=int, default=2, metavar="N", help="within a run (default: 2)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    unknown = [policy for policy in options.kv_policy if policy not in PEER_CACHE]
    if unknown:
        parser.error("--kv-policy " + unknown[0] + ": use full and q8")
    if "0" not in options.rank.split(","):
        parser.error("--rank " + options.rank + ": rank 0 is what is compared, add it")
    if min(options.threads) < 1 or options.rounds < 1 or options.repetitions < 1:
        parser.error("--threads, --rounds and --repetitions are numbers from 1 up")
    return options


def run(command):
    """Standard output of a command as JSON; ends the program with one line if that fails."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except OSError as problem:
        sys.exit(f"{command[0]}: {problem.strerror}")
    if done.returncode != 0:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}: {last}")
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError as problem:
        sys.exit(f"{' '.join(command)}: its output is not JSON: {problem}")


def peer(options, model, threads, depth, policy):
    """Tokens per second by test."""
    command = shlex.split(options.llama_bench) + ["-m", model, "-p", str(options.prompt_tokens), "-n", str(options.new_tokens), "-t", str(threads),
                                                  "-r", str(options.repetitions), "-o", "json"] + PEER_CACHE[policy]
    if depth > 0:
        command += ["-d", str(depth)]
    rows = {}
    for row in run(command):
        test = f"pp{row['n_prompt']}" if row["n_prompt"] > 0 else f"tg{row['n_gen']}"
        rows[test] = row["avg_ts"]
    return rows


def ours(options, model, threads, depth, policy):
    command = shlex.split(options.chunkwise) + [
        "bench", "--executor", "cpu", "--model", model, "--prompt-tokens", str(options.prompt_tokens), "--new-tokens", str(options.new_tokens),
        "--threads", str(threads), "--context-depth", str(depth), "--kv-policy", policy, "--rank", options.rank,
        "--repetitions", str(options.repetitions), "--json"]
    return run(command)["rows"]


def measure(options):
    """One dictionary per test and adapter rank."""
    found = {}
    for number in range(options.rounds):
        for model in options.model:
            for threads in options.threads:
                for depth in options.context_depth:
                    for policy in options.kv_policy:
                        name = pathlib.Path(model).name
                        print(f"round {number + 1} of {options.rounds}: {name}, {threads} threads, depth {depth}, KV {policy}",
                              file=sys.stderr)
                        theirs = peer(options, model, threads, depth, policy)
                        for row in ours(options, model, threads, depth, policy):
                            if row["test"] not in theirs:
                                sys.exit(f"llama-bench has not measured {row['test']}: it has {', '.join(theirs)}")
                            key = (name, row["type"], threads, depth, policy, row["test"], row["rank"])
                            result = found.setdefault(key, {"chunkwise": [], "llamaCpp": [], "toBase": [], "floorMultiple": []})
                            result["chunkwise"].append(row["tokensPerSecond"])
                            result["llamaCpp"].append(theirs[row["test"]])
                            result["toBase"].append(row["toBase"])
                            result["floorMultiple"].append(row["floorMultiple"])
    rows = []
    for (name, kind, threads, depth, policy, test, rank), result in found.items():
        ratios = [mine / other for mine, other in zip(result["chunkwise"], result["llamaCpp"])]
        floors = [floor for floor in result["floorMultiple"] if floor is not None]
        rows.append({"model": name, "type": kind, "threads": threads, "contextDepth": depth, "kvPolicy": policy, "test": test, "rank": rank,
                     "tokensPerSecond": statistics.mean(result["chunkwise"]), "peerTokensPerSecond": statistics.mean(result["llamaCpp"]),
                     "ratio": statistics.median(ratios), "ratios": ratios, "toBase": statistics.median(result["toBase"]),
                     "floorMultiple": statistics.median(floors) if floors else None})
    return rows


def main():
    options = arguments()
    rows = measure(options)
    if options.json:
        print(json.dumps({"rows": rows}))
        return
    print("| model | threads | depth | kv | test | rank | ChunkWise | llama.cpp | ratio | to base | x floor |")
    print("| --- | ---:| ---:| --- | --- | ---:| ---:| ---:| ---:| ---:| ---:|")
    for row in rows:
        floor = "-" if row["floorMultiple"] is None else f"{row['floorMultiple']:.2f}"
        print(f"| {row['model']} | {row['threads']} | {row['contextDepth']} | {row['kvPolicy']} | {row['test']} | {row['rank']} "
              f"| {row['tokensPerSecond']:.1f} | {row['peerTokensPerSecond']:.1f} | {row['ratio']:.2f} | {row['toBase']:.2f} | {floor} |")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
