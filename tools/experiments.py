#!/usr/bin/env python3
"""Measures what chunk policies, cross-fades and KV policies do to a model's perplexity, with
`chunkwise score --json`, and prints Markdown tables (docs/experiments.md). Standard library only.

    tools/experiments.py rank --model M --adapter A --text FILE --means 4 8 16
    tools/experiments.py kv --model M --text FILE --window 2000
    tools/experiments.py boundaries --model M --adapter A --text FILE [--policy FILE]

Standard errors are those of the mean over windows of the difference to the row's reference, which
is run on the same windows.
"""
import argparse
import json
import math
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent


def score(args, *options):
    """The JSON of one `chunkwise score`."""
    command = [str(REPO / "bin/chunkwise"), "score", "--json", "--model", args.model, "--file", args.text,
               "--window", str(args.window), "--executor", args.executor, *options]
    if args.adapter:
        command += ["--adapter", args.adapter]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    print(".", end="", file=sys.stderr, flush=True)
    return json.loads(done.stdout)


def window_nll(result, window):
    """Mean negative log-likelihood of each window."""
    tokens = result["tokens"]
    parts = [tokens[at:at + window] for at in range(0, len(tokens), window)]
    return [-statistics.fmean(t["logprob"] for t in part if t["logprob"] is not None) for part in parts if len(part) > 1]


def difference(ours, reference):
    """Mean and standard error of paired differences, weighted evenly."""
    pairs = [a - b for a, b in zip(ours, reference)]
    return statistics.fmean(pairs), statistics.stdev(pairs) / math.sqrt(len(pairs)) if len(pairs) > 1 else math.nan


def interpolate(curve, mean):
    """Windows of the uniform curve at a mean number of components, linear in its logarithm."""
    ranks = sorted(curve)
    low = max((r for r in ranks if r <= mean), default=ranks[0])
    high = min((r for r in ranks if r >= mean), default=ranks[-1])
    if low == high:
        return curve[low]
    share = (math.log(mean) - math.log(low)) / (math.log(high) - math.log(low))
    return [a + share * (b - a) for a, b in zip(curve[low], curve[high])]


def adaptive_policy(folder, rungs, components):
    """The built-in policy with other rungs and components per band, as a file."""
    text = subprocess.run([str(REPO / "bin/chunkwise"), "policy"], capture_output=True, text=True, check=True).stdout
    values = iter(components)
    text = re.sub(r"components: [0-9.]+$", lambda _: f"components: {next(values)}", text, flags=re.M)
    text = re.sub(r"^rungs: .*$", f"rungs: {rungs}", text, flags=re.M)
    path = Path(folder) / ("adaptive-" + "-".join(components) + ".yaml")
    path.write_text(text)
    return str(path)


def rank(args):
    ladder = ["--ladder", args.ladder] if args.ladder else []
    with tempfile.TemporaryDirectory() as folder:
        for rungs in args.rungs:
            rows, curve = [], {}
            for r in args.uniform:
                # All components or none are no matter of rungs.
                cut = ["--rungs", rungs, *ladder] if 0 < r < args.trained_rank else []
                result = score(args, "--policy", f"uniform:{r}", *cut)
                windows = window_nll(result, args.window)
                if r > 0:
                    curve[r] = windows
                rows.append((f"uniform:{r}", result["meanComponents"], windows, None))
            for mean in args.means:
                bands = [f"{components:g}" for components in (mean - args.spread, mean, mean + args.spread)]
                policy = adaptive_policy(folder, rungs, bands)
                for name, extra in [("adaptive", []), ("adaptive, four signals", ["--signals", "entropy,ngram,attention,prior"])]:
                    result = score(args, "--policy", policy, *ladder, *extra)
                    windows = window_nll(result, args.window)
                    reference = interpolate(curve, result["meanComponents"])
                    rows.append((f"{name}, {'/'.join(bands)}", result["meanComponents"], windows, reference))
            print(f"\n{rungs} rungs, {len(rows[0][2])} windows of {args.window}\n")
            print("| policy | mean components | nll | perplexity | uniform at that mean | difference in nats |\n|---|---|---|---|---|---|")
            for name, mean, windows, reference in rows:
                nll = statistics.fmean(windows)
                tail = "| | |"
                if reference:
                    delta, error = difference(windows, reference)
                    tail = f"| {math.exp(statistics.fmean(reference)):.3f} | {delta:+.4f} ± {error:.4f} |"
                print(f"| {name} | {mean:.2f} | {nll:.4f} | {math.exp(nll):.3f} {tail}")


def kv(args):
    rows, full = [], None
    for policy in args.kv:
        name, *extra = policy.split("+")
        options = ["--kv-policy", name] + (["--kv-max-error", extra[0]] if extra else [])
        if args.policy:
            options += ["--policy", args.policy]
        result = score(args, *options)
        windows = window_nll(result, args.window)
        full = full or windows
        rows.append((policy, result, windows))
    print(f"\n{len(full)} windows of {args.window}\n")
    print("| KV policy | KV bytes at the end | of full (F32) | of an F16 cache | at the peak, of full | perplexity | increase |\n|---|---|---|---|---|---|---|")
    for policy, result, windows in rows:
        memory = result["memory"]
        share = memory["kvBytes"] / memory["kvBytesFull"]
        delta, error = difference(windows, full)
        print(f"| {policy.replace('+', ', error at most ')} | {memory['kvBytes']:,} | {share:.1%} | {2 * share:.1%} "
              f"| {memory['kvBytesPeak'] / memory['kvBytesFull']:.1%} | {math.exp(statistics.fmean(windows)):.4f} "
              f"| {math.expm1(delta):+.3%} ± {error:.3%} |")


def boundaries(args):
    """Rows after a boundary, against a run in which every chunk has the incoming rung."""
    ladder = ["--ladder", args.ladder] if args.ladder else []
    runs = {fade: score(args, "--policy", args.policy, "--fade", str(fade), *ladder) for fade in args.fades}
    rungs = {chunk["rung"] for chunk in runs[args.fades[0]]["chunks"]}
    trained = logprobs(score(args, "--policy", "uniform:max"))
    uniform = {rung: trained if rung == str(args.trained_rank) else
               logprobs(score(args, "--policy", f"uniform:{0 if rung == 'off' else rung}", *ladder)) for rung in rungs}
    print(f"\n{args.policy}: {len(runs[args.fades[0]]['tokens'])} tokens\n")
    print("| fade | boundaries | mean of the incoming rung's difference, first 4 rows | rows 5-16 | to the adapter as trained, first 4 rows | mean components | nll | perplexity |")
    print("|---|---|---|---|---|---|---|---|")
    for fade, run in runs.items():
        own = logprobs(run)
        near, far, whole, count = [], [], [], 0
        for before, chunk in zip(run["chunks"], run["chunks"][1:]):
            if chunk["start"] == 0 or chunk["rung"] == before["rung"] or chunk["start"] % args.window == 0:
                continue
            count += 1
            for row in range(chunk["start"], min(chunk["end"], chunk["start"] + 16)):
                # The row at a position predicts the token behind it.
                if row + 1 >= len(own) or own[row + 1] is None:
                    continue
                gap = abs(own[row + 1] - uniform[chunk["rung"]][row + 1])
                (near if row < chunk["start"] + 4 else far).append(gap)
                if row < chunk["start"] + 4:
                    whole.append(abs(own[row + 1] - trained[row + 1]))
        print(f"| {fade} | {count} | {statistics.fmean(near):.4f} | {statistics.fmean(far):.4f} | {statistics.fmean(whole):.4f} "
              f"| {run['meanComponents']:.2f} | {run['nll']:.4f} | {run['perplexity']:.3f} |")


def logprobs(result):
    return [token["logprob"] for token in result["tokens"]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for run in (rank, kv, boundaries):
        command = commands.add_parser(run.__name__)
        command.set_defaults(run=run)
        command.add_argument("--model", required=True)
        command.add_argument("--adapter")
        command.add_argument("--ladder")
        command.add_argument("--text", required=True)
        command.add_argument("--window", type=int, default=2000 if run is kv else 512)
        command.add_argument("--executor", default="cpu")
        command.add_argument("--trained-rank", type=int, default=32, help="rank of the adapter")
        if run is rank:
            command.add_argument("--uniform", type=int, nargs="+", default=[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 24, 32])
            command.add_argument("--means", type=int, nargs="+", default=[4, 8])
            command.add_argument("--spread", type=float, default=1, help="components from band to band; whole numbers for fixed rungs")
            command.add_argument("--rungs", nargs="+", default=["fixed", "threshold"])
        else:
            command.add_argument("--policy", default=None if run is kv else "adaptive")
        if run is kv:
            command.add_argument("--kv", nargs="+", default=["full", "q8", "adaptive", "adaptive+0.01", "adaptive+0.05", "window:512"])
        if run is boundaries:
            command.add_argument("--fades", type=int, nargs="+", default=[0, 4, 8, 16])
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
