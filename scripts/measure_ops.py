"""Measures the operations beside PyTorch: scripts/op-table --measure calls it.

measure_ops.py OUT OPS_TEST: OPS_TEST is the test program, OUT is docs/ops_measured.json. Each round runs ebb, then
PyTorch, on the same samples in float32 with one thread; OUT gets the medians, in nanoseconds: [ebb, PyTorch].
"""

import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import timeit

import torch

from record_torch import cotangent, function, outputs_of, tensor, with_gradient
from report import processor

ROUNDS = 9


def run_ebb(program, case, variable):
    """What a skipped test case writes into the file that the variable names."""
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run([program, "--no-skip", f"--test-case={case}"], env=os.environ | {variable: file.name},
                       stdout=subprocess.DEVNULL, check=True)
        return json.load(file)


def nanoseconds(call, **names):
    """As nanoseconds() of tests/measure.h does it."""
    timer = timeit.Timer(call, globals=names)
    timer.timeit(1)
    calls, begin, batches = 1, timeit.default_timer(), []
    while timeit.default_timer() - begin < 0.01 or not batches:
        taken = timer.timeit(calls)
        if taken < 0.0002:
            calls *= 2
        else:
            batches.append(taken / calls * 1e9)
    return statistics.median(batches)


def float32(entry, copies):
    if entry is None:
        return None
    dtype = "float32" if entry["dtype"] == "float64" else entry["dtype"]
    x = tensor({**entry, "dtype": dtype, "gradient": False})
    x = x.repeat(copies, *[1] * (x.dim() - 1)) if copies > 1 else x
    return x.requires_grad_(entry.get("gradient", False))


def time_torch(sample, copies):
    f, x = function(sample), [float32(entry, copies) for entry in sample["inputs"]]
    wanted = with_gradient(x)
    times = {"forward": nanoseconds("f(x)", f=f, x=x)}
    outputs = outputs_of(f(x))
    assert copies == 1 or all(y.shape == x[0].shape for y in outputs), sample["torch"]
    if cotangents := [cotangent(y) for y in with_gradient(outputs)]:
        times["backward"] = nanoseconds(
            lambda: torch.autograd.grad(with_gradient(outputs_of(f(x))), wanted, cotangents, allow_unused=True))
    return times


def rounds_of(program):
    """For each round what ebb measured and what PyTorch did: name → size → way → nanoseconds."""
    samples = run_ebb(program, "write samples", "EBB_SAMPLES")
    for i in range(ROUNDS):
        print(f"round {i + 1} of {ROUNDS}", file=sys.stderr)
        ebb = run_ebb(program, "measure", "EBB_MEASURED")
        yield ebb, {name: {size: time_torch(samples[op["sample"]], copies) for size, copies in op["copies"].items()}
                    for name, op in ebb["operations"].items()}


def entry_of(name, op, programs):
    """One digit of the errors, and three of the medians."""
    entry = {what: float(f"{op[what]:.0e}") for what in ("output", "gradient") if what in op}
    for size in op["copies"]:
        entry[size] = {way: [int(float(f"{statistics.median(one[name][size][way] for one in rounds):.2e}"))
                             for rounds in programs] for way in op[size]}
    return entry


def main(out, program):
    torch.set_num_threads(1)
    ours, theirs = zip(*rounds_of(program))
    machine = {"processor": processor(), "instructions": ours[0]["instructions"], "compiler": ours[0]["compiler"],
               "torch": torch.__version__, "date": str(datetime.date.today())}
    programs = [[ebb["operations"] for ebb in ours], theirs]
    lines = [f"{json.dumps(name)}: {json.dumps(entry_of(name, op, programs))}"
             for name, op in ours[0]["operations"].items()]
    with open(out, "w") as f:
        f.write(f'{{"machine": {json.dumps(machine)}, "operations": {{\n' + ",\n".join(lines) + "\n}}\n")


main(*sys.argv[1:])
