"""The benchmarks of ebb_bench in PyTorch: eager, or with --compile its training steps, predictions and gradients by
torch.compile.

    python pytorch.py --threads 1 [--filter step/] [--compile]
"""

import torch
import torch.nn.functional as F
from torch import nn

import common
from common import Workload


def tensor(array) -> torch.Tensor:
    return torch.from_numpy(array)


class Residual(nn.Module):
    def __init__(self, n_in: int, n_out: int, stride: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.downsample = nn.Identity() if stride == 1 else nn.Sequential(
            nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out))

    def forward(self, x):
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + self.downsample(x))


class Mean(nn.Module):
    def __init__(self, *dims: int):
        super().__init__()
        self.dims = dims

    def forward(self, x):
        return x.mean(self.dims)


class LastOutput(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(64, 128, batch_first=True)

    def forward(self, x):
        return self.lstm(x)[0][:, -1]


def tiny():
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1))


def mlp():
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def lenet5():
    return nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
                         nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
                         nn.Linear(84, 10))


def lstm():
    return nn.Sequential(LastOutput(), nn.Linear(128, 10))


def resnet():
    return nn.Sequential(nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(), Residual(64, 64),
                         Residual(64, 128, 2), Residual(128, 256, 2), Mean(2, 3), nn.Linear(256, 10))


def transformer(dropout: float = 0):
    layer = nn.TransformerEncoderLayer(256, 4, 1024, dropout, F.gelu, batch_first=True)
    return nn.Sequential(layer, Mean(1), nn.Linear(256, 10))


def adam(parameters):
    return torch.optim.Adam(parameters)


def sgd(lr, momentum=0.0):
    return lambda parameters: torch.optim.SGD(parameters, lr=lr, momentum=momentum)


def filled_net(make):
    net = make()
    with torch.no_grad():
        for seed, (name, p) in enumerate(net.named_parameters()):
            p.copy_(tensor(common.parameter(tuple(p.shape), seed, "bias" not in name)))
    return net


def step(compiled, make, shape, optimizer_of=adam, loss_of=F.cross_entropy):
    net = filled_net(make)
    x = tensor(common.filled(shape, common.INPUT_SEED))
    regression = loss_of is F.mse_loss
    target = tensor(common.filled((shape[0], 1), common.TARGET_SEED) if regression else common.labels(shape[0]))
    optimizer = optimizer_of(net.parameters())
    forward, update = compiled(lambda: loss_of(net(x), target)), compiled(optimizer.step)

    def run():
        optimizer.zero_grad()
        loss = forward()
        loss.backward()
        update()
        return loss

    for _ in range(common.STEPS):
        loss = run()
    return run, loss.detach()


def prediction(compiled, make, shape):
    net = filled_net(make).eval()
    x = tensor(common.filled(shape, common.INPUT_SEED))
    predict = torch.no_grad()(compiled(lambda: net(x)))
    return predict, predict().abs().sum()


def update(optimizer_of):
    parameters = [torch.rand(250, 250, requires_grad=True) for _ in range(160)]
    for p in parameters:
        p.grad = torch.rand_like(p)
    return optimizer_of(parameters).step


def mixture(d, k):
    points, *inputs = map(tensor, common.mixture_inputs(d, k))
    eye, below = torch.eye(d, dtype=torch.float64), torch.ones(d, d, dtype=torch.float64).tril(-1)

    def value(alpha, means, q, lower):
        scale, strict = q.exp(), lower * below
        factors = scale.unsqueeze(2) * eye + strict
        squares = (factors @ (points - means)).square().sum(1)
        terms = (alpha + q.sum(1)).unsqueeze(1) - 0.5 * squares
        prior = 0.5 * (scale.square().sum() + strict.square().sum())
        return terms.logsumexp(0).sum() - 1000 * alpha.logsumexp(0) + prior

    return value, inputs


def log_sum_exp(n):
    x = tensor(common.filled((n,), 0, -1, 1, "float64"))
    return lambda x: x.logsumexp(0), [x]


def primal(compiled, make, sizes):
    f, inputs = make(*sizes)
    run = torch.no_grad()(compiled(lambda: f(*inputs)))
    return run, run()


def derivative(compiled, make, sizes):
    f, inputs = make(*sizes)
    leaves = [x.requires_grad_() for x in inputs]
    value = compiled(lambda: f(*leaves))
    run = lambda: torch.autograd.grad(value(), leaves)
    return run, sum(g.abs().sum() for g in run())


def chain(shape, op, backward):
    x, w = (torch.rand(shape, requires_grad=backward) for _ in range(2))
    seed = torch.ones(shape)

    def run():
        y = x
        for _ in range(common.CHAIN):
            y = op(y, w)
        if backward:
            y.backward(seed)

    return run if backward else torch.no_grad()(run)


def grown_chain(x, n):
    y = x
    for _ in range(n):
        y = y * x
    return y


def read_elements(x, n):
    return torch.stack([x[i] for i in range(n)]).sum()


def shared_node(x, n):
    node = x * 2
    y = node
    for _ in range(n):
        y = y + node
    return y


def recurrent():
    layer = torch.nn.LSTM(64, 128)
    return lambda x, n: layer(x)[0].sum()


def growth(build, n, *shape):
    x = torch.ones(shape, requires_grad=True)
    return lambda: build(x, n).backward()


def product(n, which):
    a, b = torch.rand(n, n), torch.rand(n, n)
    a = a.t() if which[0] == "t" else a
    b = b.t() if which[1] == "t" else b
    return lambda: a @ b


def layer(batch, width):
    x, w, b = torch.rand(batch, width), torch.rand(width, width), torch.rand(width)
    return lambda: F.linear(x, w, b)


def convolution(direction, n, c, size, out, kernel, padding, stride, groups):
    need = direction != "forward"
    x = torch.rand(n, c, size, size, requires_grad=need)
    w = torch.rand(out, c // groups, kernel, kernel, requires_grad=need)
    run = lambda: F.conv2d(x, w, None, stride, padding, 1, groups)
    if not need:
        return run
    y = run()
    g = torch.rand_like(y)
    return lambda: torch.autograd.grad(y, x if direction == "input" else w, g, retain_graph=True)


def elements(f, n):
    x = torch.rand(n, n)
    return lambda: f(x)


ELEMENTS = {
    "exp": torch.exp, "tanh": torch.tanh, "sigmoid": torch.sigmoid, "gelu": F.gelu,
    "softmax": lambda x: F.softmax(x, 1), "layer_norm": lambda x: F.layer_norm(x, x.shape[1:]), "sum": torch.sum,
    "transpose": lambda x: x.t().contiguous(),
}


def convolved(direction):
    def run(x, w, g):
        if direction == "forward":
            return F.conv2d(x, w, padding=1)
        leaf = (x if direction == "input" else w).requires_grad_()
        return torch.autograd.grad(F.conv2d(x, w, padding=1), leaf, g)[0]
    return run


def function_of_error(name):
    functions = {
        "sum": torch.sum, "sum/columns": lambda x: x.sum(0), "var": lambda x: x.var(1),
        "softmax": lambda x: F.softmax(x, 1), "logsumexp": lambda x: x.logsumexp(1),
        "layer_norm": lambda x: F.layer_norm(x, x.shape[1:]),
    }
    f = torch.matmul if name.startswith("gemm") else functions.get(name) or convolved(name.split("/")[-1])
    return lambda *x: f(*map(torch.from_numpy, x)).detach().numpy()


def compilable(compiled):
    mse = F.mse_loss
    for batch in (1, 32):
        yield Workload(f"step/tiny/{batch}", step, compiled, tiny, (batch, 4), sgd(0.01), mse)
    yield Workload("step/mlp", step, compiled, mlp, (64, 784))
    yield Workload("step/lenet5", step, compiled, lenet5, (64, 1, 28, 28))
    yield Workload("step/lstm", step, compiled, lstm, (32, 32, 64))
    yield Workload("step/resnet", step, compiled, resnet, (32, 3, 32, 32), sgd(0.01, 0.9))
    yield Workload("step/transformer", step, compiled, transformer, (8, 64, 256))
    yield Workload("step/transformer_dropout", step, compiled, lambda: transformer(0.1), (8, 64, 256))
    yield Workload("infer/mlp", prediction, compiled, mlp, (1, 784))
    yield Workload("infer/lenet5", prediction, compiled, lenet5, (1, 1, 28, 28))
    yield Workload("infer/transformer", prediction, compiled, transformer, (1, 64, 256))
    for name, sizes in common.MIXTURES.items():
        yield Workload(f"gradient/mixture/{name}/primal", primal, compiled, mixture, sizes)
        yield Workload(f"gradient/mixture/{name}/derivative", derivative, compiled, mixture, sizes)
    for n in common.LOG_SUM_EXP:
        yield Workload(f"gradient/logsumexp/{n}/primal", primal, compiled, log_sum_exp, (n,))
        yield Workload(f"gradient/logsumexp/{n}/derivative", derivative, compiled, log_sum_exp, (n,))


def eager():
    ops = {"add": ((1,), torch.add), "relu": ((1,), lambda y, w: torch.relu(y)), "matmul": ((4, 4), torch.matmul),
           "linear": ((4, 4), F.linear)}
    for name, (shape, op) in ops.items():
        yield Workload(f"overhead/{name}/forward", chain, shape, op, False, items=common.CHAIN)
        yield Workload(f"overhead/{name}/backward", chain, shape, op, True, items=common.CHAIN)
    yield from common.single_operations(product, layer, convolution, elements, ELEMENTS)
    yield Workload("update/adam", update, adam)
    yield Workload("update/sgd", update, sgd(0.001, 0.9))
    for name, build in {"chain": grown_chain, "read": read_elements, "shared": shared_node}.items():
        for n in common.GROWTH[name]:
            yield Workload(f"growth/{name}/{n}", growth, build, n, n if name == "read" else 1, items=n)
    for name, shapes in common.ERRORS.items():
        yield common.Error(name, function_of_error(name), shapes)
    for n in common.GROWTH["lstm"]:
        yield Workload(f"growth/lstm/{n}", growth, recurrent(), n, n, 4, 64, items=n)


def main():
    parser = common.arguments(__doc__)
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    if options.compile:
        workloads = compilable(torch.compile)
    else:
        workloads = [*compilable(lambda f: f), *eager()]
    common.report(torch.__version__, workloads, options.filter)


if __name__ == "__main__":
    main()
