#!/usr/bin/env python3
"""One run on a GPU host that measures everything and writes one JSON file. Python 3 and a built checkout; nothing is downloaded.

    tools/gpu_bench.py --out gpu.json
    tools/gpu_bench.py --out gpu.json --tiny        small shapes on whatever device there is, to try it out

For the first device of every TornadoVM backend that there is (ptx, cuda, opencl; GPUs only, unless there are none and --tiny), and in
this order, so that what matters most is there when time runs out. In brackets the names that --only takes:
  1. LLaMA-7B shape, random weights made on the device, ranks 0, 8 and 64 fused, at 512 and 4,096 tokens of context [fused], Q8_0, F16;
     after the first F16 the same shape in transformers + peft (tools/peft_bench.py, F16, unmerged), in the same run on the same GPU
     [peers]; Q8_0 with a context of 2,048 tokens, for its peak of device memory [memory]; Q4_0. One backend after the other
  2. that peak with full pages of F32 [memory-f32]
  3. where the time of a token goes, kernel by kernel (Q8_0, rank 8) [kernels]
  4. prefill of Q8_0, F16 and Q4_0 without tensor cores (ptx), which 1 has with them [floats]; the three with --cuda-graphs (ptx and cuda)
     [cuda-graphs], and with adapters merged, fused and unfused [modes], at 512
The KV cache is of F16 (--kv-type f16), as the comparison's is, except where it says F32.
A configuration that fails (no driver, out of memory, over its time) is recorded with the line that it failed with, and the next one runs.
The JSON: host, devices, unavailable and notes (what the launcher said of backends), runs[] (command, seconds, rows[] as `chunkwise bench
--json` gives them, or error), peers[] (rows[] or error), and goals[] (met is null, with the reason, where nothing was measured).

Where there is neither Java nor network, carry everything along: on a machine with a JDK 25, an SDK and a build,

    tools/gpu_bench.py --pack .gpu --packer ../shared/gpu/pack.sh

packs a runtime, the SDK (with every backend that it has: give TORNADOVM_HOME one with PTX) and the build into .gpu (gitignored, to be
carried along with tools/), says how much that is together with the checkout, and on the host

    tools/gpu_bench.py --packed .gpu --out $OUT/gpu.json --minutes 9

unpacks it under $HOME/run, in place of what was there, and measures; unpacking counts as time. Where one command may not take longer,
further ones take what is left: --only memory --only kernels, say, or --device opencl:0.
"""
import argparse
import ctypes
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
# Only the rank ladder, tokenizers and pages of HTML need these, and they are 10 times everything else.
NOT_CARRIED = ("nd4j", "openblas", "javacpp", "guava", "commons-codec", "commons-collections", "commons-compress", "commons-io", "commons-lang",
               "tokenizers-", "api-", "byteunits", "chart.js-")
NVIDIA_OPENCL, NVIDIA_CUDA = "libnvidia-opencl.so.1", "libcuda.so.1"
CARRIED_MIB = 64  # what a checkout and packed files may have together where they are carried
NAMES = ("fused", "peers", "memory", "memory-f32", "kernels", "floats", "cuda-graphs", "modes")
GOALS = {  # what was to be shown, and the name of what measures it
    "decode at most 2 x the floor": "fused",
    "an adapter costs at most 5 %": "fused",
    "transformers + peft at least 34 % slower": "peers",
    "at most 9.1 GB at 2,048 tokens": "memory",
}


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("gpu.json"), help="written after every configuration (default: gpu.json)")
    parser.add_argument("--minutes", type=float, default=60, help="for everything together (default: 60)")
    parser.add_argument("--minutes-each", type=float, help="for one configuration at most (default: a third of --minutes, at most 10)")
    parser.add_argument("--tiny", action="store_true", help="small shapes, on a CPU device if there is no GPU")
    parser.add_argument("--device", action="append", help="only this one, as `chunkwise devices` names it; may be repeated")
    parser.add_argument("--only", action="append", choices=NAMES, help="only what is listed above as this; may be repeated")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--chunkwise", default=str(REPO / "bin/chunkwise"), help="the launcher")
    parser.add_argument("--python", default=sys.executable, help="a Python with torch, transformers and peft, for the comparison")
    parser.add_argument("--pack", type=Path, metavar="DIR", help="measure nothing; pack what a bare host needs")
    parser.add_argument("--packer", type=Path, help="script that packs a Java runtime and the SDK into a folder")
    parser.add_argument("--packed", type=Path, metavar="DIR", help="use what --pack has made")
    args = parser.parse_args()
    if args.minutes_each is None:
        args.minutes_each = min(10, max(1, args.minutes / 3))
    return args


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
    packed = sum(f.stat().st_size for f in folder.iterdir()) / 2**20
    listed = subprocess.run(["git", "-C", str(REPO), "ls-files", "-coz", "--exclude-standard"], capture_output=True, text=True)
    files = [REPO / name for name in listed.stdout.split("\0") if name]
    tree = sum(f.stat().st_size for f in files if f.is_file()) / 2**20
    print(f"packed {packed:.1f} MiB into {folder}; with the {tree:.1f} MiB of the checkout {packed + tree:.1f} MiB")
    if packed + tree > CARRIED_MIB:
        sys.exit(f"gpu_bench: that is more than the {CARRIED_MIB} MiB that can be carried: leave files out of the checkout")


def loads(library):
    try:
        ctypes.CDLL(library)
        return True
    except OSError:
        return False


def unpack(folder):
    """The launcher and the environment of a packed build."""
    archives = sorted(folder.glob("*.tar.xz"))
    if not archives:
        sys.exit(f"gpu_bench: there is nothing packed in {folder}: see --pack")
    run = Path.home() / "run"
    run.mkdir(parents=True, exist_ok=True)
    for archive in archives:
        # Each holds one folder of the archive's name.
        shutil.rmtree(run / archive.name.removesuffix(".tar.xz"), ignore_errors=True)
        with tarfile.open(archive) as packed:
            packed.extraction_filter = getattr(tarfile, "tar_filter", lambda member, path: member)  # older Pythons have none
            packed.extractall(run)
    environment = dict(os.environ, JAVA_HOME=str(run / "jre"), TORNADOVM_HOME=str(run / "sdk"))
    if (run / "ocl").is_dir():
        environment["LD_LIBRARY_PATH"] = ":".join(filter(None, [str(run / "ocl/lib"), os.environ.get("LD_LIBRARY_PATH")]))
        # The packed list names NVIDIA's driver alone. Without that, the host's own list is all there is.
        if loads(NVIDIA_OPENCL):
            environment["OCL_ICD_VENDORS"] = str(run / "ocl/vendors")
    return str(run / "chunkwise/bin/chunkwise"), environment


def said(text):
    """The lines that matter."""
    return [line for line in text.splitlines() if line.strip() and not line.startswith(("SLF4J", "WARNING", "[TornadoVM]"))]


def last_line(text):
    return (said(text) or ["no message"])[-1]


def text(output):
    return output if isinstance(output, str) else (output or b"").decode(errors="replace")


class Runs:
    """Runs one command after the other until time is up, and keeps what they say."""

    def __init__(self, args, environment, end):
        self.args, self.environment, self.end = args, environment, end
        self.report = {"host": host(), "tiny": args.tiny, "devices": [], "unavailable": [], "notes": [], "runs": [], "peers": [],
                       "goals": []}

    def wanted(self, name):
        return self.args.only is None or name in self.args.only

    def json_of(self, command, least=20, notes=None):
        """(JSON or None, error or None, seconds) of a command that prints JSON; what it writes beside goes to notes."""
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
        if notes is not None:
            notes += said(done.stderr)
        if done.returncode:
            return None, f"exit code {done.returncode}: {last_line(done.stderr or done.stdout)}", took
        try:
            # TornadoVM writes warnings to standard output.
            return json.loads(done.stdout[done.stdout.index("{"):]), None, took
        except ValueError as e:
            return None, f"not JSON ({e}): {last_line(done.stdout)}", took

    def bench(self, name, device, *options):
        if not self.wanted(name):
            return
        command = [self.args.chunkwise, "bench", "--executor", "tornado", "--device", device, "--json", "--repetitions",
                   str(self.args.repetitions), *options]
        result, error, took = self.json_of(command)
        run = {"name": name, "device": device, "command": command[1:], "seconds": round(took, 1)}
        run.update({"rows": result["rows"]} if error is None else {"error": error})
        self.report["runs"].append(run)
        self.save()
        print(f"    {name} on {device}: {error or str(len(run['rows'])) + ' rows'}, {took:.0f} s", file=sys.stderr, flush=True)

    def peers(self):
        if not self.wanted("peers"):
            return
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
            "libraries": {name: loads(name) for name in (NVIDIA_CUDA, NVIDIA_OPENCL)},
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
    for what, name in GOALS.items():
        if not any(entry["goal"].startswith(what) for entry in result):
            tried = report["peers"] if name == "peers" else [run for run in report["runs"] if run["name"] == name]
            errors = [entry["error"] for entry in tried if "error" in entry]
            why = errors[0] if errors else "not compared: no rows of the same test" if tried else "not run"
            result.append({"goal": what, "device": None, "value": None, "met": None, "why": why})
    return result


def main():
    started = time.monotonic()
    args = parse()
    if args.pack:
        return pack(args.pack, args.packer)
    environment = dict(os.environ)
    if args.packed:
        args.chunkwise, environment = unpack(args.packed)
    runs = Runs(args, environment, started + 60 * args.minutes)
    found, error, _ = runs.json_of([args.chunkwise, "devices", "--json"], notes=runs.report["notes"])
    if error:
        runs.report["error"] = f"`chunkwise devices` failed: {error}"
        runs.save()
        sys.exit(f"gpu_bench: {runs.report['error']}")
    runs.report["unavailable"] = found["unavailable"]
    tornado = [device for device in found["devices"] if device["executor"] == "tornado"]
    gpus = [device for device in tornado if device["type"].lower() == "gpu"]
    if args.device:
        chosen = [device for device in tornado if f"{device['backend']}:{device['index']}" in args.device]
    else:
        chosen = gpus or (tornado if args.tiny else [])
    runs.report["devices"] = chosen
    runs.save()
    if args.device and not chosen:
        sys.exit("gpu_bench: there is no device " + " or ".join(args.device) + " here, but "
                 + (", ".join(f"{device['backend']}:{device['index']}" for device in tornado) or "none that TornadoVM sees"))
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
    ranks = ["--rank", "0,8,64", "--lora-mode", "fused"]

    def measure(name, device, kind, *options, kv_type="f16"):
        runs.bench(name, device, *shape, *tokens, "--type", kind, *options, "--kv-type", kv_type)

    for device in names:
        measure("fused", device, "q8_0", *ranks, "--context-depth", f"{near},{far}")
        measure("fused", device, "f16", *ranks, "--context-depth", f"{near},{far}")
        if device == names[0]:
            runs.peers()
        measure("memory", device, "q8_0", "--rank", "0,8", "--context-depth", tight)
        measure("fused", device, "q4_0", *ranks, "--context-depth", f"{near},{far}")
    for device in names:
        measure("memory-f32", device, "q8_0", "--rank", "8", "--context-depth", tight, kv_type="f32")
    for device in names:
        measure("kernels", device, "q8_0", "--rank", "8", "--context-depth", near, "--profile")
    for device in names:
        for kind in types:
            if device.split(":")[0] == "ptx":
                measure("floats", device, kind, *ranks, "--context-depth", near, "--tensor-cores", "off")
    for device in names:
        for kind in types:
            if device.split(":")[0] in ("ptx", "cuda"):
                measure("cuda-graphs", device, kind, *ranks, "--context-depth", near, "--cuda-graphs")
    for device in names:
        for kind in types:
            measure("modes", device, kind, "--rank", "0,8,64", "--lora-mode", "merged,fused,unfused", "--context-depth", near)
    failed = [run for run in runs.report["runs"] if "error" in run]
    met = [goal for goal in runs.report["goals"] if goal["met"]]
    print(f"{len(runs.report['runs']) - len(failed)} of {len(runs.report['runs'])} configurations measured, "
          f"{len(met)} of {len(runs.report['goals'])} goals met: {args.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
