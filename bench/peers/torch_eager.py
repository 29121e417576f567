"""The benchmarks of ebb_bench in PyTorch, eager mode: prints one JSON object, name -> seconds per iteration.

    python torch_eager.py --threads 1 [--filter step/]
"""

import argparse
import json
import re
import time

import torch
import torch.nn.functional as F


def measure(f, seconds=0.3):
    """Seconds per call: the median of samples of some milliseconds each, after a warm-up."""
    for _ in range(3):
        f()
    begin = time.perf_counter()
    f()
    calls = max(1, int(0.005 / max(time.perf_counter() - begin, 1e-9)))
    samples = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(samples) < 5:
        begin = time.perf_counter()
        for _ in range(calls):
            f()
        samples.append((time.perf_counter() - begin) / calls)
    return sorted(samples)[len(samples) // 2]


CHAIN = 1000


def chain(shape, op, backward):
    x, w = (torch.rand(shape, requires_grad=backward) for _ in range(2))
    seed = torch.ones(shape)

    def run():
        y = x
        for _ in range(CHAIN):
            y = op(y, w)
        if backward:
            y.backward(seed)

    def forward():
        with torch.no_grad():
            run()

    return run if backward else forward


def product(n, which):
    a, b = torch.rand(n, n), torch.rand(n, n)
    a = a.t() if which[0] == "t" else a
    b = b.t() if which[1] == "t" else b
    return lambda: a @ b


def layer(batch, width):
    x, w, b = torch.rand(batch, width), torch.rand(width, width), torch.rand(width)
    return lambda: F.linear(x, w, b)


def convolution(direction, n, c, size, out, kernel, padding, stride=1, groups=1):
    need = direction != "forward"
    x = torch.rand(n, c, size, size, requires_grad=need)
    w = torch.rand(out, c // groups, kernel, kernel, requires_grad=need)
    run = lambda: F.conv2d(x, w, None, stride, padding, 1, groups)
    if not need:
        return run
    y = run()
    g = torch.rand_like(y)
    return lambda: torch.autograd.grad(y, x if direction == "input" else w, g, retain_graph=True)


def step(net, shape):
    x, labels = torch.rand(shape), torch.randint(0, 10, (shape[0],))
    adam = torch.optim.Adam(net.parameters())

    def run():
        adam.zero_grad()
        F.cross_entropy(net(x), labels).backward()
        adam.step()

    return run


def mlp():
    return torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))


def lenet5():
    n = torch.nn
    return n.Sequential(n.Conv2d(1, 6, 5, padding=2), n.ReLU(), n.MaxPool2d(2), n.Conv2d(6, 16, 5), n.ReLU(),
                        n.MaxPool2d(2), n.Flatten(), n.Linear(400, 120), n.ReLU(), n.Linear(120, 84), n.ReLU(),
                        n.Linear(84, 10))


class Lstm(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.fc = torch.nn.LSTM(64, 128), torch.nn.Linear(128, 10)

    def forward(self, x):
        return self.fc(self.lstm(x)[0][-1])


CONVOLUTIONS = {
    "lenet1": (64, 1, 28, 6, 5, 2), "lenet2": (64, 6, 14, 16, 5, 0), "first": (32, 3, 32, 64, 3, 1),
    "c64": (32, 64, 32, 64, 3, 1), "c128": (32, 128, 16, 128, 3, 1), "c256": (32, 256, 8, 256, 3, 1),
    "stride2": (32, 64, 32, 128, 3, 1, 2), "pointwise": (8, 256, 56, 64, 1, 0),
    "depthwise": (8, 64, 56, 64, 3, 1, 1, 64),
}


def workloads():
    ops = {"add": ((1,), lambda y, w: y + w), "relu": ((1,), lambda y, w: torch.relu(y)),
           "matmul": ((4, 4), lambda y, w: y @ w), "linear": ((4, 4), lambda y, w: F.linear(y, w))}
    for name, (shape, op) in ops.items():
        yield f"overhead/{name}/forward", lambda: chain(shape, op, False), CHAIN
        yield f"overhead/{name}/backward", lambda: chain(shape, op, True), CHAIN
    for n in (32, 64, 128, 256, 512, 1024):
        for which in ("nn", "nt", "tn", "tt"):
            yield f"gemm/{which}/{n}", lambda: product(n, which), 1
    for batch in (1, 16, 64, 256):
        for width in (128, 512, 1024):
            yield f"linear/{batch}x{width}", lambda: layer(batch, width), 1
    for name, shape in CONVOLUTIONS.items():
        for direction in ("forward", "input", "weight"):
            yield f"conv/{name}/{direction}", lambda: convolution(direction, *shape), 1
    yield "step/mlp", lambda: step(mlp(), (64, 784)), 1
    yield "step/lenet5", lambda: step(lenet5(), (64, 1, 28, 28)), 1
    yield "step/lstm", lambda: step(Lstm(), (32, 32, 64)), 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--filter", default="")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    results = {"version": torch.__version__, "seconds": {}}
    for name, make, items in workloads():
        if re.search(options.filter, name):
            run = make()
            if "forward" in name and not name.startswith("overhead"):
                with torch.no_grad():
                    results["seconds"][name] = measure(run) / items
            else:
                results["seconds"][name] = measure(run) / items
    print(json.dumps(results))


if __name__ == "__main__":
    main()
