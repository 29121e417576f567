"""Runs ebb and the peers that it finds in turn, each in a fresh process, and writes docs/benchmarks.md.

    scripts/bench --compare [--runs 5] [--threads 1 2] [--filter step/] [--peers 'PyTorch|JAX']
                            [--python .venv/bin/python] [--out FILE]

With --filter, a part; it goes to standard output unless --out says where.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import report

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build/release/bench"
EBB = BUILD / "ebb_bench"
# Settings that would change a program; scripts/bench --compare runs each as its authors ship it.
HOBBLES = ("OPENBLAS_", "OMP_", "MKL_", "KMP_", "GOMP_", "MALLOC_", "XLA_", "JAX_", "TORCH", "ATEN_", "LD_PRELOAD")
# Single operations (op/) have no peers; the peaks are run with everything.
WORKLOADS = "^(step|infer|update|overhead|gemm|linear|conv|elements|gradient|error|growth)/"
# What the peers run once, not in each run: it takes them minutes, or its results are always the same.
ONCE = "(error|growth)/"

Results = dict[str, dict[str, float]]  # of a workload: seconds, loss, faults, flops, bytes, memory, error, rss


@dataclass
class Program:
    name: str
    command: list
    families: str = ".*"  # a pattern of the workloads that it has
    version: str = ""

    def run(self, threads: int, names: list[str]) -> Results:
        """The results of `names` in a fresh process; nothing if it fails."""
        pattern = f"^({'|'.join(names)})$"
        environment = {k: v for k, v in os.environ.items() if not k.startswith(HOBBLES)}
        command = [str(part) for part in [*self.command, *self.options(threads, pattern)]]
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors)
            out = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                errors.seek(0)
                print(f"{self.name} failed on {names}:\n{errors.read().decode()[-2000:]}", file=sys.stderr)
                return {}
        results = self.read(json.loads(out))
        for result in results.values():
            result["rss"] = usage.ru_maxrss * 1024
        return results

    def options(self, threads: int, pattern: str) -> list[str]:
        return ["--threads", str(threads), "--filter", pattern]

    def read(self, printed: dict) -> Results:
        self.version = printed["version"]
        return printed["results"]


class Ebb(Program):
    def options(self, threads, pattern):
        return [f"--threads={threads}", "--benchmark_format=json", "--benchmark_min_time=0.15",
                "--benchmark_min_warmup_time=0.05", f"--benchmark_filter={pattern}"]

    def read(self, printed):
        """Google Benchmark's rates are per second of processor time; what counts here is time that passes."""
        results = {}
        units = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1}
        for b in printed["benchmarks"]:
            unit = units[b["time_unit"]]
            items = b["items_per_second"] * b["cpu_time"] * unit if "items_per_second" in b else 1
            result = {"seconds": b["real_time"] * unit / items}
            for work in ("flops", "bytes"):
                if work in b:
                    result[work] = b[work] * b["cpu_time"] * unit / items
            result |= {key: b[key] for key in ("loss", "faults", "memory", "error") if key in b}
            results[b["name"]] = result
        return results


def find_programs(given: str | None) -> list[Program]:
    programs: list[Program] = [Ebb("ebb", [EBB]), Ebb(report.REPLAY, [EBB, "--replay"], families="step/")]

    def python_with(module):
        for python in [given] if given else [ROOT / ".venv/bin/python", sys.executable]:
            found = Path(python).exists() or given
            if found and subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode == 0:
                return python
        print(f"no Python with {module}: its columns are left out (see bench/README.md)", file=sys.stderr)
        return None

    peers = ROOT / "bench/peers"
    if python := python_with("torch"):
        programs.append(Program("PyTorch", [python, peers / "pytorch.py"]))
        programs.append(Program("torch.compile", [python, peers / "pytorch.py", "--compile"]))
        libtorch = BUILD / "peer_libtorch"
        build = [peers / "build-libtorch", python, peers / "libtorch.cpp", libtorch]
        if subprocess.run(build).returncode == 0:
            programs.append(Program("LibTorch", [libtorch]))
    if python := python_with("jax"):
        programs.append(Program("JAX", [python, peers / "jax_jit.py"]))
    return programs


def processes(pattern: str) -> list[list[str]]:
    """The names that one process runs: a training step alone, since its memory is measured; else a family."""
    listed = subprocess.run([EBB, "--benchmark_list_tests"], check=True, capture_output=True, text=True).stdout
    groups: dict[str, list[str]] = {}
    for name in listed.split():
        if re.search(WORKLOADS, name) and re.search(pattern, name):
            groups.setdefault(name if name.startswith("step/") else name.split("/")[0], []).append(name)
    return list(groups.values())


def median_of(runs: list[Results]) -> Results:
    names = {name: None for run in runs for name in run}
    found = {name: [run[name] for run in runs if name in run] for name in names}
    return {name: {key: statistics.median(r[key] for r in results) for key in results[0]}
            for name, results in found.items()}


def compare(programs: list[Program], groups: list[list[str]], threads: int, runs: int) -> dict[str, Results]:
    collected: dict[str, list[Results]] = {program.name: [] for program in programs}
    failed = set()
    for i in range(runs):
        for program in programs:
            collected[program.name].append({})
        collected["ebb"][-1] |= programs[0].run(threads, ["peak/flops", "peak/bandwidth"])
        for group in groups:
            print(f"{threads} thread(s), run {i + 1} of {runs}: {group[0]} …", file=sys.stderr)
            for program in programs:
                again = i > 0 and program is not programs[0] and re.match(ONCE, group[0])
                if again or (program.name, group[0]) in failed or not re.match(program.families, group[0]):
                    continue
                results = program.run(threads, group)
                collected[program.name][-1] |= results
                if not results:
                    failed.add((program.name, group[0]))
    return {name: median_of(results) for name, results in collected.items()}


def sizes(python: str | None) -> list[str]:
    """What scripts/sizes prints of ebb and LibTorch: times to compile, sizes of programs."""
    command = [ROOT / "scripts/sizes", *([python] if python else [])]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--filter", "--only", default="")
    parser.add_argument("--peers", default=".*", help="a pattern of those to run: PyTorch, torch.compile, LibTorch, JAX")
    parser.add_argument("--python", help="the Python that has the peers")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    programs = [p for p in find_programs(options.python)
                if p.name in report.OURS or re.fullmatch(options.peers, p.name)]
    groups = processes(options.filter)
    measured = {threads: compare(programs, groups, threads, options.runs) for threads in options.threads}
    out = options.out or (None if options.filter else ROOT / "docs/benchmarks.md")
    versions = [f"{p.name} {p.version}" for p in programs if p.version]
    part = " ".join(f"--{name} '{value}'" for name, value in (("filter", options.filter), ("peers", options.peers))
                    if value != parser.get_default(name))
    report.write(out, measured, versions, options.runs, part, [] if options.filter else sizes(options.python))


if __name__ == "__main__":
    main()
