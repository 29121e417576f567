"""Runs ebb and PyTorch in turn, each in a fresh process, and writes docs/benchmarks.md.

    scripts/bench --compare [--runs 5] [--threads 1 2] [--filter step/] [--python .venv/bin/python]

Without a Python that has PyTorch only ebb's own columns are filled.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EBB = ROOT / "build/release/bench/ebb_bench"
HOBBLES = ("OPENBLAS_", "OMP_", "MKL_", "KMP_", "GOMP_", "MALLOC_")  # settings that would change a peer
WORKLOADS = "overhead/|gemm/|linear/|conv/|step/"


def clean_environment():
    return {k: v for k, v in os.environ.items() if not k.startswith(HOBBLES)}


def run_ebb(threads, pattern):
    """name -> seconds per iteration (per operation for overhead/), and name -> FLOP/s."""
    command = [EBB, f"--threads={threads}", "--benchmark_format=json", "--benchmark_min_time=0.3",
               f"--benchmark_filter=peak/|({pattern})"]
    out = subprocess.run(command, env=clean_environment(), check=True, capture_output=True, text=True).stdout
    seconds, flops = {}, {}
    scale = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1}
    for b in json.loads(out)["benchmarks"]:
        seconds[b["name"]] = b["real_time"] * scale[b["time_unit"]]
        if b["name"].startswith("overhead/"):
            seconds[b["name"]] = 1 / b["items_per_second"]
        flops[b["name"]] = b.get("flops") or b.get("bytes_per_second")
    return seconds, flops


def run_torch(python, threads, pattern):
    command = [python, ROOT / "bench/peers/torch_eager.py", "--threads", str(threads), "--filter", pattern]
    out = subprocess.run(command, env=clean_environment(), check=True, capture_output=True, text=True).stdout
    return json.loads(out)


def find_python(given):
    for python in [given] if given else [ROOT / ".venv/bin/python", sys.executable]:
        if subprocess.run([python, "-c", "import torch"], capture_output=True).returncode == 0:
            return python
    return None


def median_of(runs):
    return {name: statistics.median(r[name] for r in runs) for name in runs[0]}


def text_of(seconds):
    for unit, scale in (("ns", 1e9), ("µs", 1e6), ("ms", 1e3)):
        if seconds * scale < 1000:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds:.3g} s"


def table(ebb, flops, torch):
    peak = flops["peak/flops"]
    rows = ["| workload | ebb | PyTorch | PyTorch / ebb | ebb, % of peak |", "|---|---|---|---|---|"]
    for name, seconds in ebb.items():
        if name.startswith("peak/"):
            continue
        peer = torch.get(name) if torch else None
        share = f"{100 * flops[name] / peak:.0f}" if flops.get(name) else ""
        rows.append(f"| {name} | {text_of(seconds)} | {text_of(peer) if peer else ''} | "
                    f"{f'{peer / seconds:.2f}' if peer else ''} | {share} |")
    return rows


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--filter", default=WORKLOADS)
    parser.add_argument("--python")
    parser.add_argument("--out", default=str(ROOT / "docs/benchmarks.md"))
    options = parser.parse_args()
    python = find_python(options.python)
    version = ""
    lines = ["# Benchmarks", "",
             "Written by `scripts/bench --compare`; run it yourself. Medians of "
             f"{options.runs} runs of each program in turn, each run a fresh process. The peak is that of one thread,",
             "probed in the same runs; with more threads the share is of as many times that.", ""]
    for threads in options.threads:
        ebb_runs, flop_runs, torch_runs = [], [], []
        for i in range(options.runs):
            print(f"{threads} thread(s), run {i + 1} of {options.runs}", file=sys.stderr)
            seconds, flops = run_ebb(threads, options.filter)
            ebb_runs.append(seconds)
            flop_runs.append({k: v for k, v in flops.items() if v})
            if python:
                result = run_torch(python, threads, options.filter)
                version = result["version"]
                torch_runs.append(result["seconds"])
        flops = median_of(flop_runs)
        lines += [f"## {threads} thread{'s' if threads > 1 else ''}", "",
                  f"Peak of one thread: {flops['peak/flops'] / 1e9:.0f} GFLOP/s (float32); "
                  f"bandwidth: {flops['peak/bandwidth'] / 1e9:.1f} GB/s.", ""]
        flops["peak/flops"] *= threads
        lines += table(median_of(ebb_runs), flops, median_of(torch_runs) if torch_runs else None) + [""]
    compiler = subprocess.run(["c++", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    lines += [f"Machine: {processor()}, {os.cpu_count()} cores. Compiler: {compiler}."
              + (f" PyTorch {version}, eager." if version else " PyTorch: not found.")]
    Path(options.out).write_text("\n".join(lines) + "\n")
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
