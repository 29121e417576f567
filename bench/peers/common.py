"""What the Python peers share: the numbers that all programs start from, the workloads' sizes, the clock.

A peer is a program that takes --threads and --filter and prints one JSON object:
{"version": .., "results": {name: {"seconds": .., "loss": .., "faults": ..}}}. Names are those of ebb_bench.
"""

import argparse
import json
import re
import resource
import time
from collections.abc import Callable, Iterable

import numpy as np

STEPS = 20  # of training before the loss is reported
CHAIN = 1000
GEMM = (32, 64, 128, 256, 512, 1024, 2048)
BATCHES, WIDTHS = (1, 16, 64, 256), (128, 512, 1024)
CONVOLUTIONS = {  # n, in, size, out, kernel, padding, stride, groups
    "lenet1": (64, 1, 28, 6, 5, 2, 1, 1), "lenet2": (64, 6, 14, 16, 5, 0, 1, 1), "first": (32, 3, 32, 64, 3, 1, 1, 1),
    "c64": (32, 64, 32, 64, 3, 1, 1, 1), "c128": (32, 128, 16, 128, 3, 1, 1, 1), "c256": (32, 256, 8, 256, 3, 1, 1, 1),
    "stride2": (32, 64, 32, 128, 3, 1, 2, 1), "stride2b": (32, 128, 16, 256, 3, 1, 2, 1),
    "shortcut": (32, 64, 32, 128, 1, 0, 2, 1), "resnet56": (8, 64, 56, 64, 3, 1, 1, 1),
    "resnet28": (8, 128, 28, 128, 3, 1, 1, 1), "resnet14": (8, 256, 14, 256, 3, 1, 1, 1),
    "resnet7": (8, 512, 7, 512, 3, 1, 1, 1), "pointwise": (8, 256, 56, 64, 1, 0, 1, 1),
    "depthwise": (8, 64, 56, 64, 3, 1, 1, 64), "5x5": (8, 64, 28, 64, 5, 2, 1, 1),
}
ELEMENTS = (32, 320, 2048)
MIXTURES = {"d10k25": (10, 25), "d64k100": (64, 100)}
LOG_SUM_EXP = (2_500, 20_000, 160_000, 1_280_000)
GROWTH = {"chain": (1_000, 10_000, 100_000, 1_000_000), "read": (100, 1_000, 10_000, 100_000),
          "shared": (100, 1_000, 10_000), "lstm": (32, 128, 512, 2048)}
ERRORS = ({f"gemm/{n}": ((n, n), (n, n)) for n in (128, 512, 2048)}
          | {f"conv/{name}/{direction}": ((32, c, size, size), (c, c, 3, 3), (32, c, size, size))
             for name, c, size in (("c64", 64, 32), ("c256", 256, 8)) for direction in ("forward", "input", "weight")}
          | {name: ((2048, 2048),) for name in ("sum", "sum/columns", "var", "softmax", "logsumexp", "layer_norm")})
INPUT_SEED, TARGET_SEED = 1000, 1001


def numbers(n: int, seed: int) -> np.ndarray:
    """number() of bench/fill.h."""
    with np.errstate(over="ignore"):
        z = ((np.uint64(seed) << np.uint64(32)) + np.arange(1, n + 1, dtype=np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))) >> np.uint64(40)


def filled(shape, seed: int, low: float = 0, high: float = 1, dtype=np.float32) -> np.ndarray:
    return (low + (high - low) * (numbers(int(np.prod(shape)), seed) / 16777216)).astype(dtype).reshape(shape)


def labels(n: int, seed: int = TARGET_SEED, classes: int = 10) -> np.ndarray:
    return (numbers(n, seed) % np.uint64(classes)).astype(np.int64)


def parameter(shape, seed: int, norm_weight: bool = False) -> np.ndarray:
    """Parameter number `seed` of a network: fill_parameters() of bench/training.h."""
    if len(shape) < 2:
        return np.full(shape, 1 if norm_weight else 0, np.float32)
    bound = 1 / np.sqrt(np.prod(shape[1:]))
    return filled(shape, seed, -bound, bound)


def mixture_inputs(d: int, k: int) -> list[np.ndarray]:
    """Points, alpha, means, q, lower: bench/gradients.cpp."""
    shapes = [((1, d, 1000), 0), ((k,), -1), ((k, d, 1), 0), ((k, d), -1), ((k, d, d), -1)]
    return [filled(shape, seed, low, 1, np.float64) for seed, (shape, low) in enumerate(shapes)]


def measure(run: Callable, seconds: float = 0.15) -> dict:
    """Seconds and page faults per call: the mean over `seconds`, after a warm-up, as Google Benchmark does it. `run`
    returns when the work is done. Of calls that take seconds the second one counts alone."""
    run()
    begin = time.perf_counter()
    run()
    second = time.perf_counter() - begin
    if second > 3:
        return {"seconds": second}
    begin = time.perf_counter()
    while True:
        run()
        if time.perf_counter() - begin > 0.05:
            break
    calls, done = 1, 0
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    begin = time.perf_counter()
    while (taken := time.perf_counter() - begin) < seconds:
        for _ in range(calls):
            run()
        done += calls
        calls = min(2 * calls, 1024)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
    return {"seconds": taken / done, "faults": faults / done}


class Workload:
    """`make(*given)` returns the function to time, or that and the number ("loss") that proves the work equal. Seconds
    are divided by `items`."""

    def __init__(self, name: str, make: Callable, *given, items: int = 1):
        self.name, self.make, self.given, self.items = name, make, given, items

    def result(self) -> dict:
        made = self.make(*self.given)
        run, loss = made if isinstance(made, tuple) else (made, None)
        result = measure(run)
        result["seconds"] /= self.items
        if loss is not None:
            result["loss"] = float(loss)
        return result


class Error:
    """The largest error of `f` in float32, as in bench/errors.cpp. `f` takes and gives arrays of NumPy."""

    def __init__(self, name: str, f: Callable, shapes):
        self.name, self.f, self.shapes = f"error/{name}", f, shapes

    def result(self) -> dict:
        single = [filled(shape, seed, -1, 1) for seed, shape in enumerate(self.shapes)]
        expected = self.f(*(x.astype(np.float64) for x in single))
        error = self.f(*single).astype(np.float64) - expected
        return {"error": float(abs(error).max() / abs(expected).max())}


def single_operations(product: Callable, layer: Callable, convolution: Callable, elements: Callable,
                      functions: dict[str, Callable]) -> Iterable[Workload]:
    for n in GEMM:
        for which in ("nn", "nt", "tn", "tt"):
            yield Workload(f"gemm/{which}/{n}", product, n, which)
    for batch in BATCHES:
        for width in WIDTHS:
            yield Workload(f"linear/{batch}x{width}", layer, batch, width)
    for name, shape in CONVOLUTIONS.items():
        for direction in ("forward", "input", "weight"):
            yield Workload(f"conv/{name}/{direction}", convolution, direction, *shape)
    for name, f in functions.items():
        for n in ELEMENTS:
            yield Workload(f"elements/{name}/{n * n}", elements, f, n)


def arguments(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--filter", default="")
    return parser


def report(version: str, workloads: Iterable[Workload], pattern: str) -> None:
    results = {w.name: w.result() for w in workloads if re.search(pattern, w.name)}
    print(json.dumps({"version": version, "results": results}))
