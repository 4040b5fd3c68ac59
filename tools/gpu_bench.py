#!/usr/bin/env python3
"""One run on a GPU host that measures everything and writes one JSON file. Python 3 and a built checkout; nothing is downloaded.

    tools/gpu_bench.py --out gpu.json
    tools/gpu_bench.py --out gpu.json --tiny        small shapes on whatever device there is, to try it out

For every device of every TornadoVM backend that there is (opencl, ptx, cuda; GPUs only, unless there are none and --tiny), and in this
order, so that what matters most is there when time runs out:
  1. LLaMA-7B shape, random weights made on the device, F16, Q8_0 and Q4_0, ranks 0, 8 and 64 fused, at 512 and 4,096 tokens of context
  2. the same shape in transformers + peft (tools/peft_bench.py, F16, unmerged), in the same run on the same GPU
  3. Q8_0 with a context of 2,048 tokens, for its peak of device memory, full pages of F16 and of F32
  4. F16, Q8_0 and Q4_0 with adapters merged, fused and unfused, at 512
  5. the same with --cuda-graphs (ptx and cuda)
  6. where the time of a token goes, kernel by kernel (Q8_0, rank 8)
The KV cache is of F16 (--kv-type f16), as the comparison's is, except where it says F32.
A configuration that fails (no driver, out of memory, over its time) is recorded with the line that it failed with, and the next one runs.
The JSON: host, devices, runs[] (command, seconds, rows[] as `chunkwise bench --json` gives them, or error), peers[], and goals[].

Where there is neither Java nor network, carry everything along: on a machine with a JDK 25, an SDK and a build,

    tools/gpu_bench.py --pack .gpu --packer ../shared/gpu/pack.sh

packs a runtime, the SDK (with every backend that it has: give TORNADOVM_HOME one with PTX) and the build into .gpu (gitignored, to be
carried along with tools/), and on the host

    tools/gpu_bench.py --packed .gpu --out $OUT/gpu.json --minutes 9

unpacks it under $HOME/run and measures.
"""
import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
HERE = Path(__file__).resolve().parent
# Only the rank ladder and tokenizers need these, and they are 10 times everything else.
NOT_CARRIED = ("nd4j", "openblas", "javacpp", "guava", "commons-", "tokenizers-", "byteunits")


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("gpu.json"), help="written after every configuration (default: gpu.json)")
    parser.add_argument("--minutes", type=float, default=60, help="for everything together (default: 60)")
    parser.add_argument("--minutes-each", type=float, default=10, help="for one configuration at most (default: 10)")
    parser.add_argument("--tiny", action="store_true", help="small shapes, on a CPU device if there is no GPU")
    parser.add_argument("--device", action="append", help="only this one, as `chunkwise devices` names it; may be repeated")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--chunkwise", default=str(REPO / "bin/chunkwise"), help="the launcher")
    parser.add_argument("--python", default=sys.executable, help="a Python with torch, transformers and peft, for the comparison")
    parser.add_argument("--pack", type=Path, metavar="DIR", help="measure nothing; pack what a bare host needs")
    parser.add_argument("--packer", type=Path, help="script that packs a Java runtime and the SDK into a folder")
    parser.add_argument("--packed", type=Path, metavar="DIR", help="use what --pack has made")
    return parser.parse_args()


def pack(folder, packer):
    if packer is None:
        sys.exit("gpu_bench: --pack also needs --packer SCRIPT, which packs a Java runtime and the SDK")
    subprocess.run([str(packer), str(folder)], check=True)
    target = REPO / "runner/target"
    jars = [jar for jar in sorted(target.glob("runner-*.jar")) + sorted(target.glob("lib/*.jar"))
            if not jar.name.startswith(NOT_CARRIED) and "tests" not in jar.name]
    if not jars:
        sys.exit("gpu_bench: nothing is built yet: run ./setup.sh build")
    with tarfile.open(folder / "chunkwise.tar.xz", "w:xz") as archive:
        for path in [REPO / "bin", HERE, *jars]:
            archive.add(path, Path("chunkwise") / path.relative_to(REPO), filter=lambda i: None if "__pycache__" in i.name else i)
    print(f"packed {sum(f.stat().st_size for f in folder.iterdir()) / 1e6:.0f} MB into {folder}")


def unpack(folder):
    """The launcher and the environment of a packed build."""
    run = Path.home() / "run"
    run.mkdir(parents=True, exist_ok=True)
    for archive in sorted(folder.glob("*.tar.xz")):
        with tarfile.open(archive) as packed:
            packed.extractall(run, filter="tar")
    environment = dict(os.environ, JAVA_HOME=str(run / "jre"), TORNADOVM_HOME=str(run / "sdk"))
    if (run / "ocl").is_dir():
        environment["LD_LIBRARY_PATH"] = f"{run / 'ocl/lib'}:{os.environ.get('LD_LIBRARY_PATH', '')}"
        environment["OCL_ICD_VENDORS"] = str(run / "ocl/vendors")
    return str(run / "chunkwise/bin/chunkwise"), environment


def last_line(text):
    lines = [line for line in text.strip().splitlines() if line.strip() and not line.startswith(("SLF4J", "WARNING", "[TornadoVM]"))]
    return lines[-1] if lines else "no message"


def text(output):
    return output if isinstance(output, str) else (output or b"").decode(errors="replace")


class Runs:
    """Runs one command after the other until time is up, and keeps what they say."""

    def __init__(self, args, environment):
        self.args, self.environment = args, environment
        self.end = time.monotonic() + 60 * args.minutes
        self.report = {"host": host(), "tiny": args.tiny, "devices": [], "unavailable": [], "runs": [], "peers": [], "goals": []}

    def json_of(self, command, least=20):
        """(JSON or None, error or None, seconds) of a command that prints JSON."""
        left = min(self.end - time.monotonic(), 60 * self.args.minutes_each)
        if left < least:
            return None, "not started: the time was up", 0.0
        print(f"[{self.end - time.monotonic():5.0f} s left] " + " ".join(command[1:]), file=sys.stderr, flush=True)
        started = time.monotonic()
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=left, env=self.environment)
        except subprocess.TimeoutExpired as e:
            return None, f"stopped after {left:.0f} s: {last_line(text(e.stderr))}", time.monotonic() - started
        except OSError as e:
            return None, str(e), time.monotonic() - started
        took = time.monotonic() - started
        if done.returncode:
            return None, f"exit code {done.returncode}: {last_line(done.stderr or done.stdout)}", took
        try:
            # TornadoVM writes warnings to standard output.
            return json.loads(done.stdout[done.stdout.index("{"):]), None, took
        except ValueError as e:
            return None, f"not JSON ({e}): {last_line(done.stdout)}", took

    def bench(self, name, device, *options):
        command = [self.args.chunkwise, "bench", "--executor", "tornado", "--device", device, "--json", "--repetitions",
                   str(self.args.repetitions), *options]
        result, error, took = self.json_of(command)
        run = {"name": name, "device": device, "command": command[1:], "seconds": round(took, 1)}
        run.update({"rows": result["rows"]} if error is None else {"error": error})
        self.report["runs"].append(run)
        self.save()
        print(f"    {name} on {device}: {error or str(len(run['rows'])) + ' rows'}, {took:.0f} s", file=sys.stderr, flush=True)

    def peers(self):
        command = [self.args.python, str(HERE / "peft_bench.py"), "--rank", "0", "8", "64", "--repetitions", str(self.args.repetitions)]
        command += ["--tiny", "--cpu"] if self.args.tiny else ["--context-depth", "512", "4096"]
        result, error, took = self.json_of(command)
        self.report["peers"].append(result if error is None else {"engine": "transformers + peft", "error": error})
        self.save()
        print(f"    transformers + peft: {error or 'done'}, {took:.0f} s", file=sys.stderr, flush=True)

    def save(self):
        self.report["goals"] = goals(self.report)
        self.args.out.parent.mkdir(parents=True, exist_ok=True)
        part = self.args.out.with_suffix(".part")
        part.write_text(json.dumps(self.report, indent=1) + "\n")
        part.replace(self.args.out)


def host():
    gpu = None
    if shutil.which("nvidia-smi"):
        asked = subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"],
                               capture_output=True, text=True)
        gpu = asked.stdout.strip().splitlines() if asked.returncode == 0 else [last_line(asked.stderr or asked.stdout)]
    return {"system": platform.platform(), "cores": os.cpu_count(), "nvidia": gpu,
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}


def goals(report):
    """What was to be shown, and what came, of every device."""
    rows = [dict(row, run=run["name"], on=run["device"]) for run in report["runs"] for row in run.get("rows", [])]
    peers = [row for peer in report["peers"] for row in peer.get("rows", [])]
    result = []

    def goal(what, device, value, met):
        result.append({"goal": what, "device": device, "value": round(value, 4), "met": met})

    def decodes(row):
        return row["test"].startswith("tg")

    for row in rows:
        where = f"{row['type']}, {row['test']} at {row.get('contextDepth', 0)}, rank {row['rank']} {row['loraMode']}, run '{row['run']}'"
        if decodes(row) and row["rank"] == 0 and row.get("floorMultiple") is not None:
            goal(f"decode at most 2 x the floor: {where}", row["on"], row["floorMultiple"], row["floorMultiple"] <= 2)
        base = [other for other in rows if other["rank"] == 0 and all(other[key] == row[key] for key in ("run", "on", "test", "type"))
                and other.get("contextDepth") == row.get("contextDepth")]
        if row["rank"] > 0 and row["loraMode"] == "fused" and base:
            cost = base[0]["tokensPerSecond"] / row["tokensPerSecond"] - 1
            goal(f"an adapter costs at most 5 %: {where}", row["on"], cost, cost <= 0.05)
        same = [peer for peer in peers if peer["test"] == row["test"] and peer["rank"] == row["rank"]
                and peer["contextDepth"] == row.get("contextDepth")]
        if row["type"].lower() == "f16" and row["loraMode"] in ("fused", "none") and row["run"] == "fused" and same:
            slower = 1 - same[0]["tokensPerSecond"] / row["tokensPerSecond"]
            goal(f"transformers + peft at least 34 % slower: {where}", row["on"], slower, slower >= 0.34)
        if row["run"] == "memory" and row.get("peakDeviceBytes"):
            goal(f"at most 9.1 GB at 2,048 tokens: {where}", row["on"], row["peakDeviceBytes"] / 1e9, row["peakDeviceBytes"] <= 9.1e9)
    return result


def main():
    args = parse()
    if args.pack:
        return pack(args.pack, args.packer)
    environment = dict(os.environ)
    if args.packed:
        args.chunkwise, environment = unpack(args.packed)
    runs = Runs(args, environment)
    found, error, _ = runs.json_of([args.chunkwise, "devices", "--json"])
    if error:
        sys.exit(f"gpu_bench: `chunkwise devices` failed: {error}")
    runs.report["unavailable"] = found["unavailable"]
    tornado = [device for device in found["devices"] if device["executor"] == "tornado"]
    gpus = [device for device in tornado if device["type"].lower() == "gpu"]
    if args.device:
        chosen = [device for device in tornado if f"{device['backend']}:{device['index']}" in args.device]
    else:
        chosen = gpus or (tornado if args.tiny else [])
    runs.report["devices"] = chosen
    runs.save()
    if not chosen:
        runs.peers()
        sys.exit("gpu_bench: TornadoVM sees no GPU here (" + ("; ".join(d["reason"] for d in found["unavailable"]) or "only CPU devices")
                 + "); --tiny tries the script on a CPU device")
    # The first device of every backend: one GPU is enough.
    first = {}
    for device in chosen:
        first.setdefault(device["backend"], f"{device['backend']}:{device['index']}")
    order = ["ptx", "cuda", "opencl"]
    names = [first[backend] for backend in sorted(first, key=lambda backend: order.index(backend) if backend in order else len(order))]
    shape = ["--shape", "tiny" if args.tiny else "llama-7b"]
    tokens = ["--prompt-tokens", "16", "--new-tokens", "4"] if args.tiny else ["--prompt-tokens", "128", "--new-tokens", "32"]
    near, far, tight = ("8", "64", "12") if args.tiny else ("512", "4096", "1888")
    types = ["q8_0", "f16", "q4_0"]

    def all_devices(name, *options, devices=names, kv_types="f16"):
        for device in devices:
            runs.bench(name, device, *shape, *tokens, *options, "--kv-type", kv_types)

    for kind in types:
        all_devices("fused", "--type", kind, "--rank", "0,8,64", "--lora-mode", "fused", "--context-depth", f"{near},{far}")
        if kind == "f16":
            runs.peers()
    all_devices("memory", "--type", "q8_0", "--rank", "0,8", "--lora-mode", "fused", "--context-depth", tight)
    all_devices("memory, F32 cache", "--type", "q8_0", "--rank", "8", "--lora-mode", "fused", "--context-depth", tight, kv_types="f32")
    for kind in types:
        all_devices("modes", "--type", kind, "--rank", "0,8,64", "--lora-mode", "merged,fused,unfused", "--context-depth", near)
    captured = [name for name in names if name.split(":")[0] in ("ptx", "cuda")]
    for kind in types:
        all_devices("cuda-graphs", "--type", kind, "--rank", "0,8,64", "--lora-mode", "fused", "--context-depth", near, "--cuda-graphs",
                    devices=captured)
    all_devices("kernels", "--type", "q8_0", "--rank", "8", "--lora-mode", "fused", "--context-depth", near, "--profile")
    failed = [run for run in runs.report["runs"] if "error" in run]
    print(f"{len(runs.report['runs']) - len(failed)} of {len(runs.report['runs'])} configurations measured, "
          f"{sum(goal['met'] for goal in runs.report['goals'])} of {len(runs.report['goals'])} goals met: {args.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
