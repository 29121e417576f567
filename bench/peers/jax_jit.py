"""The benchmarks of ebb_bench in JAX, each function jitted as a whole; a training step with its update.

    python jax_jit.py --threads 1 [--filter step/]
"""

import os
from functools import partial

import common
from common import Workload

OPTIONS = common.arguments(__doc__).parse_args()
# XLA takes as many threads as there are processors that it may run on, when it is loaded.
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:OPTIONS.threads])

import jax
import jax.numpy as jnp
from jax import lax, nn

jax.config.update("jax_enable_x64", True)  # float32 stays float32
jax.config.update("jax_platforms", "cpu")


# A network is the shapes of its parameters, in PyTorch's order, and a function of them (a list) and of x that returns
# the output and the batch's statistics of each batch norm.

def linear(x, w, b):
    return x @ w.T + b


def conv(x, w, b=None, stride=1, padding=0, groups=1):
    y = lax.conv_general_dilated(x, w, (stride, stride), [(padding, padding)] * 2, feature_group_count=groups)
    return y if b is None else y + b[:, None, None]


def max_pool(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")


def batch_norm(x, w, b):
    mean, var = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
    return (x - mean) * lax.rsqrt(var + 1e-5) * w[:, None, None] + b[:, None, None], (mean, var)


def layer_norm(x, w=1, b=0):
    return (x - x.mean(-1, keepdims=True)) * lax.rsqrt(x.var(-1, keepdims=True) + 1e-5) * w + b


def dense_shapes(*widths):
    return [shape for n_in, n_out in zip(widths, widths[1:]) for shape in ((n_out, n_in), (n_out,))]


def mlp(p, x, key):
    for i in range(0, len(p) - 2, 2):
        x = nn.relu(linear(x, p[i], p[i + 1]))
    return linear(x, p[-2], p[-1]), []


def lenet5(p, x, key):
    x = max_pool(nn.relu(conv(x, p[0], p[1], padding=2)))
    x = max_pool(nn.relu(conv(x, p[2], p[3])))
    return mlp(p[4:], x.reshape(x.shape[0], -1), key)


def lstm(p, x, key):
    w_ih, w_hh, b_ih, b_hh = p[:4]
    gates_x = jnp.swapaxes(linear(x, w_ih, b_ih + b_hh), 0, 1)

    def cell(state, gates):
        h, c = state
        i, f, g, o = jnp.split(gates + h @ w_hh.T, 4, axis=1)
        c = nn.sigmoid(f) * c + nn.sigmoid(i) * jnp.tanh(g)
        return (nn.sigmoid(o) * jnp.tanh(c), c), None

    zero = jnp.zeros((x.shape[0], w_hh.shape[1]), x.dtype)
    (h, _), _ = lax.scan(cell, (zero, zero), gates_x)
    return linear(h, p[4], p[5]), []


def resnet(p, x, key):
    p, statistics = iter(p), []

    def normed_conv(x, stride=1, padding=1):
        y, s = batch_norm(conv(x, next(p), None, stride, padding), next(p), next(p))
        statistics.append(s)
        return y

    x = nn.relu(normed_conv(x))
    for stride in (1, 2, 2):
        y = normed_conv(nn.relu(normed_conv(x, stride)))
        x = nn.relu(y + (x if stride == 1 else normed_conv(x, stride, 0)))
    return linear(x.mean((2, 3)), next(p), next(p)), statistics


def resnet_shapes():
    shapes, n_in = [(64, 3, 3, 3), (64,), (64,)], 64
    for n_out in (64, 128, 256):
        shapes += [(n_out, n_in, 3, 3), (n_out,), (n_out,), (n_out, n_out, 3, 3), (n_out,), (n_out,)]
        if n_in != n_out:
            shapes += [(n_out, n_in, 1, 1), (n_out,), (n_out,)]
        n_in = n_out
    return shapes + dense_shapes(256, 10)


def transformer(p, x, key, rate=0.0):
    keys = iter(jax.random.split(key, 4))

    def dropout(x):
        if rate == 0:
            return x
        return jnp.where(jax.random.bernoulli(next(keys), jnp.float32(1 - rate), x.shape), x / (1 - rate), 0)

    n, t, d = x.shape
    q, k, v = linear(x, p[0], p[1]).reshape(n, t, 3, 4, d // 4).transpose(2, 0, 3, 1, 4)
    weights = dropout(nn.softmax(q @ jnp.swapaxes(k, 2, 3) / (d // 4) ** 0.5))
    attended = linear((weights @ v).transpose(0, 2, 1, 3).reshape(n, t, d), p[2], p[3])
    x = layer_norm(x + dropout(attended), p[8], p[9])
    hidden = dropout(nn.gelu(linear(x, p[4], p[5]), approximate=False))
    x = layer_norm(x + dropout(linear(hidden, p[6], p[7])), p[10], p[11])
    return linear(x.mean(1), p[12], p[13]), []


TRANSFORMER_SHAPES = [*dense_shapes(256, 768), *dense_shapes(256, 256), *dense_shapes(256, 1024, 256),
                      (256,), (256,), (256,), (256,), *dense_shapes(256, 10)]
LENET5_SHAPES = [(6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), *dense_shapes(400, 120, 84, 10)]
LSTM_SHAPES = [(512, 64), (512, 128), (512,), (512,), *dense_shapes(128, 10)]
NORM_WEIGHTS = {transformer: {8, 10}, resnet: {i for i, s in enumerate(resnet_shapes()[:-2]) if len(s) == 1} -
                {i + 2 for i, s in enumerate(resnet_shapes()) if len(s) == 4}}  # each kernel, then weight and bias


def filled_parameters(net, shapes):
    norms = NORM_WEIGHTS.get(net.func if isinstance(net, partial) else net, ())
    return [jnp.asarray(common.parameter(s, i, i in norms)) for i, s in enumerate(shapes)]


# Updates: of a parameter, its gradient and its state.

def adam(p, g, state, t):
    m, v = 0.9 * state[0] + 0.1 * g, 0.999 * state[1] + 0.001 * g * g
    a, b = (1 - 0.9**t).astype(p.dtype), jnp.sqrt(1 - 0.999**t).astype(p.dtype)
    return p - 1e-3 / a * m / (jnp.sqrt(v) / b + 1e-8), (m, v)


def sgd(lr, momentum, p, g, state, t):
    if momentum == 0:
        return p - lr * g, state
    v = momentum * state[0] + g
    return p - lr * v, (v, state[1])


def updated(rule, parameters, gradients, states, t):
    pairs = [rule(p, g, s, t) for p, g, s in zip(parameters, gradients, states)]
    return [p for p, _ in pairs], [s for _, s in pairs]


def zero_states(rule, parameters):
    needed = 2 if rule is adam else 1 if rule.args[1] else 0
    return [tuple(jnp.zeros_like(p) if i < needed else None for i in range(2)) for p in parameters]


def cross_entropy(y, target):
    return -jnp.take_along_axis(nn.log_softmax(y), target[:, None], 1).mean()


def mean_square(y, target):
    return jnp.square(y - target).mean()


def step(net, shapes, shape, rule=adam, loss_of=cross_entropy):
    parameters = filled_parameters(net, shapes)
    x = jnp.asarray(common.filled(shape, common.INPUT_SEED))
    target = jnp.asarray(common.filled((shape[0], 1), common.TARGET_SEED) if loss_of is mean_square
                         else common.labels(shape[0]))

    def objective(parameters, x, target, key):
        y, statistics = net(parameters, x, key)
        return loss_of(y, target), statistics

    @partial(jax.jit, donate_argnums=0)
    def train(state, x, target):
        parameters, states, running, t = state
        gradient = jax.value_and_grad(objective, has_aux=True)
        (loss, statistics), g = gradient(parameters, x, target, jax.random.key(t))
        t = t + 1
        parameters, states = updated(rule, parameters, g, states, t)
        running = jax.tree.map(lambda r, s: 0.9 * r + 0.1 * s, running, statistics) if running else statistics
        return (parameters, states, running, t), loss

    state = (parameters, zero_states(rule, parameters), [], jnp.asarray(0))

    def run():
        nonlocal state
        state, loss = train(state, x, target)
        return loss.block_until_ready()

    for _ in range(common.STEPS):
        loss = run()
    return run, loss


def blocking(f, *inputs):
    inputs = [jnp.asarray(x) for x in inputs]
    compiled = jax.jit(f)
    return lambda: jax.block_until_ready(compiled(*inputs))


def prediction(net, shapes, shape):
    x = common.filled(shape, common.INPUT_SEED)
    compiled = jax.jit(lambda p, x: net(p, x, jax.random.key(0))[0])
    parameters, x = filled_parameters(net, shapes), jnp.asarray(x)
    run = lambda: compiled(parameters, x).block_until_ready()
    return run, jnp.abs(run()).sum()


def update(rule):
    parameters = [jnp.asarray(common.filled((250, 250), i)) for i in range(160)]
    gradients = [jnp.asarray(common.filled((250, 250), 1000 + i)) for i in range(160)]
    state = (parameters, zero_states(rule, parameters))
    run_once = jax.jit(lambda s, g: updated(rule, s[0], g, s[1], jnp.asarray(2)), donate_argnums=0)

    def run():
        nonlocal state
        state = run_once(state, gradients)
        jax.block_until_ready(state)

    return run


def mixture(points, alpha, means, q, lower):
    d = q.shape[1]
    scale, strict = jnp.exp(q), lower * jnp.tril(jnp.ones((d, d)), -1)
    squares = jnp.square((scale[:, :, None] * jnp.eye(d) + strict) @ (points - means)).sum(1)
    terms = (alpha + q.sum(1))[:, None] - 0.5 * squares
    prior = 0.5 * (jnp.square(scale).sum() + jnp.square(strict).sum())
    return nn.logsumexp(terms, 0).sum() - 1000 * nn.logsumexp(alpha) + prior


def log_sum_exp(x):
    return nn.logsumexp(x)


def primal(f, *inputs):
    run = blocking(f, *inputs)
    return run, run()


def derivative(f, *inputs):
    wanted = tuple(range(len(inputs)))[1 if f is mixture else 0:]  # not of the points
    run = blocking(jax.value_and_grad(f, wanted), *inputs)
    return run, sum(jnp.abs(g).sum() for g in run()[1])


def product(n, which):
    def f(a, b):
        return (a.T if which[0] == "t" else a) @ (b.T if which[1] == "t" else b)

    return blocking(f, common.filled((n, n), 0), common.filled((n, n), 1))


def layer(batch, width):
    return blocking(linear, common.filled((batch, width), 0), common.filled((width, width), 1),
                    common.filled((width,), 2))


def convolution(direction, n, c, size, out, kernel, padding, stride, groups):
    x, w = common.filled((n, c, size, size), 0), common.filled((out, c // groups, kernel, kernel), 1)
    f = lambda x, w: conv(x, w, None, stride, padding, groups)
    if direction == "forward":
        return blocking(f, x, w)
    g = common.filled(jax.eval_shape(f, x, w).shape, 2)
    if direction == "input":
        return blocking(lambda g, w: jax.linear_transpose(lambda x: f(x, w), x)(g), g, w)
    return blocking(lambda g, x: jax.linear_transpose(lambda w: f(x, w), w)(g), g, x)


def elements(f, n):
    return blocking(f, common.filled((n, n), 0))


ELEMENTS = {
    "exp": jnp.exp, "tanh": jnp.tanh, "sigmoid": nn.sigmoid, "gelu": lambda x: nn.gelu(x, approximate=False),
    "softmax": nn.softmax, "layer_norm": layer_norm, "sum": jnp.sum, "transpose": lambda x: x.T,
}


def workloads():
    tiny = dense_shapes(4, 16, 16, 1)
    for batch in (1, 32):
        yield Workload(f"step/tiny/{batch}", step, mlp, tiny, (batch, 4), partial(sgd, 0.01, 0), mean_square)
    yield Workload("step/mlp", step, mlp, dense_shapes(784, 128, 10), (64, 784))
    yield Workload("step/lenet5", step, lenet5, LENET5_SHAPES, (64, 1, 28, 28))
    yield Workload("step/lstm", step, lstm, LSTM_SHAPES, (32, 32, 64))
    yield Workload("step/resnet", step, resnet, resnet_shapes(), (32, 3, 32, 32), partial(sgd, 0.01, 0.9))
    yield Workload("step/transformer", step, transformer, TRANSFORMER_SHAPES, (8, 64, 256))
    yield Workload("step/transformer_dropout", step, partial(transformer, rate=0.1), TRANSFORMER_SHAPES, (8, 64, 256))
    yield Workload("infer/mlp", prediction, mlp, dense_shapes(784, 128, 10), (1, 784))
    yield Workload("infer/lenet5", prediction, lenet5, LENET5_SHAPES, (1, 1, 28, 28))
    yield Workload("infer/transformer", prediction, transformer, TRANSFORMER_SHAPES, (1, 64, 256))
    functions = {f"mixture/{name}": (mixture, *common.mixture_inputs(*s)) for name, s in common.MIXTURES.items()}
    functions |= {f"logsumexp/{n}": (log_sum_exp, common.filled((n,), 0, -1, 1, "float64"))
                  for n in common.LOG_SUM_EXP}
    for name, given in functions.items():
        yield Workload(f"gradient/{name}/primal", primal, *given)
        yield Workload(f"gradient/{name}/derivative", derivative, *given)
    yield from common.single_operations(product, layer, convolution, elements, ELEMENTS)
    yield Workload("update/adam", update, adam)
    yield Workload("update/sgd", update, partial(sgd, 0.001, 0.9))


if __name__ == "__main__":
    common.report(jax.__version__, workloads(), OPTIONS.filter)
