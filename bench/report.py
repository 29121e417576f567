"""Writes what compare.py measured: tables in Markdown, and a chart."""

import math
import os
import platform
import subprocess
from pathlib import Path

SECTIONS = {
    "step": "Training steps: zero_grad, forward, loss, backward, update",
    "infer": "Prediction of one example", "update": "Updates of 10 million parameters in 160 tensors",
    "overhead": "Overhead: an operation on 1 or 4x4 elements, in a chain of 1,000; backward includes forward; replay: "
                "both, recorded once",
    "gemm": "Square matrix products; n: as stored, t: transposed", "linear": "Linear layers, batch x width",
    "conv": "Convolutions: forward, gradient of input, gradient of weight", "elements": "Element by element, rows, copies",
    "gradient": "Gradients in float64: value alone, value with gradient",
    "error": "Largest error in float32, against float64, relative to the largest result",
    "growth": "Growth of cost: per operation of a chain, element read, use of one node, step of an LSTM",
}
REPLAY = "ebb, replay"
OURS = ("ebb", REPLAY)
CLOSE = 1e-3


def text_of(seconds: float) -> str:
    for unit, scale in (("ns", 1e9), ("µs", 1e6), ("ms", 1e3)):
        if seconds * scale < 999.5:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds:.3g} s"


def row(cells) -> str:
    return f"| {' | '.join(cells)} |"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    return [row(head), row(["---"] * len(head)), *map(row, rows), ""]


def limit_of(result: dict, peaks: dict) -> float | None:
    """The time that the machine needs at least: the longer of arithmetic and memory."""
    times = [result[work] / peaks[work] for work in peaks if work in result]
    return max(times) if times else None


def agreement(name: str, losses: dict[str, float]) -> str:
    """Do all programs that report a loss have ebb's?"""
    ours = losses.get("ebb")
    if ours is None:
        return ""
    if "dropout" in name:
        return "random"
    others = [f"{p}: {loss:.5g}" for p, loss in losses.items() if not abs(loss - ours) <= CLOSE * abs(ours)]
    if others:
        return f"**{ours:.5g}, differs from {', '.join(others)}**"
    return f"{ours:.5g}, all equal" if len(losses) > 1 else f"{ours:.5g}"


def best_peer(name: str, measured: dict) -> float | None:
    peers = [results[name]["seconds"] for p, results in measured.items() if p not in OURS and name in results]
    return min(peers, default=None)


def times(names: list[str], measured: dict, peaks: dict) -> list[str]:
    programs = [p for p, results in measured.items() if any(name in results for name in names)]
    columns = {"best peer / ebb": [], "best peer / replay": [], "share of limit": [], "result": []}
    rows = []
    for name in names:
        ours = measured["ebb"][name]
        seconds = [measured[p].get(name, {}).get("seconds") for p in programs]
        best, limit = best_peer(name, measured), limit_of(ours, peaks)
        losses = {p: measured[p][name]["loss"] for p in programs if "loss" in measured[p].get(name, {})}
        columns["best peer / ebb"].append(f"{best / ours['seconds']:.2f}" if best else "")
        replay = measured.get(REPLAY, {}).get(name, {}).get("seconds")
        columns["best peer / replay"].append(f"{best / replay:.2f}" if best and replay else "")
        columns["share of limit"].append(f"{100 * limit / ours['seconds']:.0f} %" if limit else "")
        columns["result"].append(agreement(name, losses))
        rows.append([name, *(text_of(s) if s else "" for s in seconds)])
    for values in columns.values():
        if any(values):
            for cells, value in zip(rows, values):
                cells.append(value)
    return table(["workload", *programs, *(c for c, values in columns.items() if any(values))], rows)


def numbers_of(key: str, names: list[str], measured: dict, scale: float = 1) -> list[str]:
    programs = [p for p, results in measured.items() if any(key in results.get(name, {}) for name in names)]
    value = lambda p, name: measured[p].get(name, {}).get(key)
    rows = [[name, *("" if value(p, name) is None else f"{value(p, name) * scale:.3g}" for p in programs)]
            for name in names]
    return table(["workload", *programs], rows)


def derivative_ratios(names: list[str], measured: dict) -> list[str]:
    measured = {p: results for p, results in measured.items() if any(name in results for name in names)}
    rows = []
    for name in (n.removesuffix("/primal") for n in names if n.endswith("/primal")):
        cells = [name]
        for results in measured.values():
            pair = [results.get(f"{name}/{which}", {}).get("seconds") for which in ("primal", "derivative")]
            cells.append(f"{pair[1] / pair[0]:.2f}" if all(pair) else "")
        rows.append(cells)
    return table(["derivative / primal", *measured], rows)


def section(family: str, names: list[str], measured: dict, peaks: dict) -> list[str]:
    if family == "error":
        return [f"### {SECTIONS[family]}", "", *numbers_of("error", names, measured)]
    lines = [f"### {SECTIONS[family]}", "", *times(names, measured, peaks)]
    if family == "step":
        lines += ["Peak memory of the process, MB:", "", *numbers_of("rss", names, measured, 1e-6)]
    if family == "gradient":
        lines += [*derivative_ratios(names, measured), "Page faults per call, warm:", "",
                  *numbers_of("faults", names, measured)]
    if family == "growth":
        lines += ["Bytes of the graph per item:", "", *numbers_of("memory", names, measured)]
    return lines


def chart(measured: dict) -> str:
    """Each training step's time in each program relative to ebb's, on a logarithmic axis."""
    colours = ["#2a6f97", "#61a5c2", "#e07a5f", "#f2b8a2", "#b56576", "#81b29a"]
    steps = [name for name in measured["ebb"] if name.startswith("step/")]
    ratios = {(name, program): results[name]["seconds"] / measured["ebb"][name]["seconds"]
              for name in steps for program, results in measured.items() if name in results}
    left, width, bar, low, high = 170, 520, 12, 0.1, max(ratios.values())
    place = lambda ratio: left + width * math.log(max(ratio, low) / low) / math.log(high / low)
    parts = []
    for i, program in enumerate(measured):
        parts += [f'<rect x="{left + 105 * i}" y="6" width="10" height="10" fill="{colours[i]}"/>',
                  f'<text x="{left + 105 * i + 14}" y="15">{program}</text>']
    top = y = 30
    for name in steps:
        parts.append(f'<text x="{left - 8}" y="{y + bar * len(measured) / 2 + 4}" text-anchor="end">{name[5:]}</text>')
        for i, program in enumerate(measured):
            if ratio := ratios.get((name, program)):
                end = place(ratio)
                parts += [f'<rect x="{left}" y="{y}" width="{end - left:.0f}" height="{bar - 2}" fill="{colours[i]}"/>',
                          f'<text x="{end + 4:.0f}" y="{y + bar - 3}">{ratio:.3g}</text>']
            y += bar
        y += bar
    parts.append(f'<line x1="{place(1):.0f}" x2="{place(1):.0f}" y1="{top - 6}" y2="{y}" stroke="#444"/>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 50}" height="{y + 6}" '
            'font-family="sans-serif" font-size="11">\n<rect width="100%" height="100%" fill="white"/>\n'
            + "\n".join(parts) + "\n</svg>\n")


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def write(out: Path | None, measured: dict[int, dict], versions: list[str], runs: int, part: str,
          sizes: list[str]) -> None:
    """`measured`: threads → program → workload → numbers. `part`: the options that left some out. Without `out`: to
    standard output."""
    compiler = subprocess.run(["c++", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    lines = ["# Benchmarks", "",
             f"Written by `scripts/bench --compare`; run it yourself. Medians of {runs} runs of each program in turn, each",
             "run a fresh process, on the same numbers. *Best peer / ebb* above 1: ebb is faster than all of them. *Share of",
             "limit*: the time in which the machine could do the arithmetic or move the memory, whichever is longer, by the",
             "peaks probed in the same runs, divided by ebb's; what stays in a cache can exceed it. *Result*: the loss after",
             "20 steps from the same weights, or another number that shows that all did the same work. What limits ebb where",
             "a goal is missed: [speed.md](speed.md).", "",
             *([f"This is a part: `{part}`.", ""] if part else []),
             f"Machine: {processor()}, {os.cpu_count()} cores. Compiler: {compiler}. Peers: "
             + (", ".join(versions) if versions else "none found") + ".", ""]
    for threads, of_program in measured.items():
        ebb = of_program["ebb"]
        probed = {"flops": ebb["peak/flops"], "bytes": ebb["peak/bandwidth"]}
        peaks = {work: result[work] / result["seconds"] for work, result in probed.items()}
        lines += [f"## {threads} thread{'s' if threads > 1 else ''}", "",
                  f"Peaks: {peaks['flops'] / 1e9:.0f} GFLOP/s (float32), {peaks['bytes'] / 1e9:.1f} GB/s.", ""]
        if out and any(name.startswith("step/") for name in ebb):
            picture = out.with_name(f"{out.stem}-{threads}.svg")
            picture.write_text(chart(of_program))
            lines += [f"![Time of a training step, relative to ebb's]({picture.name})", ""]
        for family in SECTIONS:
            if names := [name for name in ebb if name.startswith(family + "/")]:
                lines += section(family, names, of_program, peaks)
    if sizes:
        lines += ["## Compile time and size", "", *(f"- {line}" for line in sizes), ""]
    text = "\n".join(lines)
    if out:
        out.write_text(text)
        print(f"wrote {out}")
    else:
        print(text)
