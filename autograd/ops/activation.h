// Activation functions. Each has its derivative as an operation of its own, one fused kernel that is
// differentiable again: x_backward(a, g) = g f'(·), a the input or the output, whichever f' is cheaper in.
#pragma once

#include <limits>
#include <numbers>

#include "autograd/kernels/elementwise.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

using kernels::Binary;
using kernels::Unary;

struct TanhBackward {
  static constexpr std::string_view name = "tanh_backward";
  Spec infer(const Tensor& y, const Tensor& g) const { return same_spec(name, y, g); }
  void forward(View r, View y, View g) const { kernels::binary<Binary::tanh_backward>(r, y, g); }
  Tensor grad0(Grad gg, In<0> y, In<1> g) const { return gg * g * (y * -2); }
  Tensor grad1(Grad gg, In<0> y) const { return apply(TanhBackward{}, y, gg); }
  static Samples<TanhBackward> samples(Generator& random) {
    return binary_samples(random, TanhBackward{}, "x[1] * (1 - x[0] * x[0])");
  }
};

// tanh' = 1 - tanh²
struct Tanh {
  static constexpr std::string_view name = "tanh";
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  void forward(View y, View x) const { kernels::unary<Unary::tanh>(y, x); }
  Tensor grad0(Grad g, Out y) const { return apply(TanhBackward{}, y, g); }
  static Samples<Tanh> samples(Generator& random) { return unary_samples(random, Tanh{}, "torch.tanh(x[0])"); }
};

struct SigmoidBackward {
  static constexpr std::string_view name = "sigmoid_backward";
  Spec infer(const Tensor& y, const Tensor& g) const { return same_spec(name, y, g); }
  void forward(View r, View y, View g) const { kernels::binary<Binary::sigmoid_backward>(r, y, g); }
  Tensor grad0(Grad gg, In<0> y, In<1> g) const { return gg * g * (1 - y * 2); }
  Tensor grad1(Grad gg, In<0> y) const { return apply(SigmoidBackward{}, y, gg); }
  static Samples<SigmoidBackward> samples(Generator& random) {
    return binary_samples(random, SigmoidBackward{}, "x[1] * (x[0] * (1 - x[0]))");
  }
};

// σ' = σ (1 - σ)
struct Sigmoid {
  static constexpr std::string_view name = "sigmoid";
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  void forward(View y, View x) const { kernels::unary<Unary::sigmoid>(y, x); }
  Tensor grad0(Grad g, Out y) const { return apply(SigmoidBackward{}, y, g); }
  static Samples<Sigmoid> samples(Generator& random) {
    return unary_samples(random, Sigmoid{}, "torch.sigmoid(x[0])");
  }
};

// g where x > 0, else slope · g; x may be the output as well, where slope >= 0.
struct LeakyReluBackward {
  static constexpr std::string_view name = "leaky_relu_backward";
  double slope = 0;
  Spec infer(const Tensor& x, const Tensor& g) const { return same_spec(name, x, g); }
  void forward(View r, View x, View g) const {
    if (slope == 0) kernels::binary<Binary::relu_backward>(r, x, g);
    else kernels::binary<Binary::leaky_relu_backward>(r, x, g, slope);
  }
  Tensor grad0(Grad gg) const { return zeros_like(gg); }
  Tensor grad1(Grad gg, In<0> x) const { return apply(*this, x, gg); }
  static Samples<LeakyReluBackward> samples(Generator& random) {
    auto samples = kinked_samples(random, LeakyReluBackward{0.1}, "torch.where(x[0] > 0, x[1], 0.1 * x[1])", 1);
    samples.push_back(
        {{0}, {draw_distinct(random, {3, 4}), draw(random, {3, 4})}, "torch.where(x[0] > 0, x[1], 0 * x[1])"});
    return samples;
  }
};

struct Relu {
  static constexpr std::string_view name = "relu";
  Spec infer(const Tensor& x) const { return {x.shape(), x.dtype()}; }
  void forward(View y, View x) const { kernels::unary<Unary::relu>(y, x); }
  Tensor grad0(Grad g, Out y) const { return apply(LeakyReluBackward{}, y, g); }
  static Samples<Relu> samples(Generator& random) { return kinked_samples(random, Relu{}, "torch.relu(x[0])"); }
};

struct LeakyRelu {
  static constexpr std::string_view name = "leaky_relu";
  double slope = 0.01;
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  void forward(View y, View x) const { kernels::unary<Unary::leaky_relu>(y, x, slope); }
  Tensor grad0(Grad g, In<0> x) const { return apply(LeakyReluBackward{slope}, x, g); }
  static Samples<LeakyRelu> samples(Generator& random) {
    return kinked_samples(random, LeakyRelu{0.2}, "torch.nn.functional.leaky_relu(x[0], 0.2)");
  }
};

// f = α (exp(s x) - 1), f' = α s exp(s x), f'' = α s² exp(s x) for x <= 0; x, 1 and 0 above
struct EluBackward {
  static constexpr std::string_view name = "elu_backward";
  double alpha = 1, slope = 1;
  Spec infer(const Tensor& x, const Tensor& g) const { return same_spec(name, x, g); }
  void forward(View r, View x, View g) const { kernels::binary<Binary::elu_backward>(r, x, g, alpha, slope); }
  Tensor grad0(Grad gg, In<0> x, In<1> g) const {
    return where(gt(x, 0), zeros_like(gg),
                 gg * g * exp(clamp(x, -kInfinity, 0) * slope) * (alpha * slope * slope));
  }
  Tensor grad1(Grad gg, In<0> x) const { return apply(*this, x, gg); }
  static Samples<EluBackward> samples(Generator& random) {
    auto samples =
        kinked_samples(random, EluBackward{1.5}, "torch.where(x[0] > 0, x[1], 1.5 * x[1] * torch.exp(x[0]))", 1);
    samples.push_back({{2, 0.5},
                       {draw_distinct(random, {4}), draw(random, {4})},
                       "torch.where(x[0] > 0, x[1], x[1] * torch.exp(x[0] / 2))"});
    return samples;
  }
};

struct Elu {
  static constexpr std::string_view name = "elu";
  double alpha = 1, slope = 1;
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  void forward(View y, View x) const { kernels::unary<Unary::elu>(y, x, alpha, slope); }
  Tensor grad0(Grad g, In<0> x) const { return apply(EluBackward{alpha, slope}, x, g); }
  static Samples<Elu> samples(Generator& random) {
    auto samples = kinked_samples(random, Elu{1.5}, "torch.nn.functional.elu(x[0], 1.5)");
    samples.push_back({{2, 0.5}, {draw_distinct(random, {4})}, "torch.nn.functional.celu(x[0], 2)"});
    return samples;
  }
};

struct SoftplusBackward {
  static constexpr std::string_view name = "softplus_backward";
  double beta = 1, threshold = 20;
  Spec infer(const Tensor& x, const Tensor& g) const { return same_spec(name, x, g); }
  void forward(View r, View x, View g) const {
    kernels::binary<Binary::softplus_backward>(r, x, g, beta, threshold);
  }
  Tensor grad0(Grad gg, In<0> x, In<1> g) const {  // σ' of βx, times β
    const Tensor s = sigmoid(x * beta);
    return where(gt(x * beta, threshold), zeros_like(gg), gg * g * (s * (1 - s)) * beta);
  }
  Tensor grad1(Grad gg, In<0> x) const { return apply(*this, x, gg); }
  static Samples<SoftplusBackward> samples(Generator& random) {
    return binary_samples(random, SoftplusBackward{1.5, 20}, "x[1] * torch.sigmoid(1.5 * x[0])");
  }
};

// f' = σ(βx)
struct Softplus {
  static constexpr std::string_view name = "softplus";
  double beta = 1, threshold = 20;
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  void forward(View y, View x) const { kernels::unary<Unary::softplus>(y, x, beta, threshold); }
  Tensor grad0(Grad g, In<0> x) const { return apply(SoftplusBackward{beta, threshold}, x, g); }
  static Samples<Softplus> samples(Generator& random) {
    auto samples = unary_samples(random, Softplus{1.5, 20}, "torch.nn.functional.softplus(x[0], 1.5, 20)");
    samples.push_back({{2, 1}, {draw(random, {4}, 0.6, 2)}, "torch.nn.functional.softplus(x[0], 2, 1)"});
    return samples;
  }
};

// f = x Φ(x), f' = Φ + x φ, f'' = φ (2 - x²), φ the normal density. Tanh form: f = x (1 + t) / 2, t = tanh u,
// u = √(2/π) (x + 0.044715 x³).
struct GeluBackward {
  static constexpr std::string_view name = "gelu_backward";
  Gelu form = Gelu::erf;
  Spec infer(const Tensor& x, const Tensor& g) const { return same_spec(name, x, g); }
  void forward(View r, View x, View g) const {
    if (form == Gelu::erf) kernels::binary<Binary::gelu_backward>(r, x, g);
    else kernels::binary<Binary::gelu_tanh_backward>(r, x, g);
  }
  Tensor grad0(Grad gg, In<0> x, In<1> g) const { return gg * g * second_derivative(x); }
  Tensor grad1(Grad gg, In<0> x) const { return apply(*this, x, gg); }
  Tensor second_derivative(const Tensor& x) const {
    if (form == Gelu::erf)
      return exp(x * x * -0.5) * (2 - x * x) * (0.5 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi);
    constexpr double k = std::numbers::sqrt2 * std::numbers::inv_sqrtpi, c = 0.044715;
    const Tensor t = tanh((x + x * x * x * c) * k), u1 = (x * x * (3 * c) + 1) * k, u2 = x * (6 * k * c);
    return (1 - t * t) * (u1 + x * 0.5 * (u2 - t * 2 * u1 * u1));
  }
  static Samples<GeluBackward> samples(Generator& random) {
    const std::string torch =
        "torch.autograd.grad(torch.nn.functional.gelu(x[0]), x[0], x[1], create_graph=True)[0]";
    auto samples = binary_samples(random, GeluBackward{}, torch);
    samples.push_back({{Gelu::tanh},
                       {draw(random, {5}), draw(random, {5})},
                       "torch.autograd.grad(torch.nn.functional.gelu(x[0], approximate='tanh'), x[0], x[1], "
                       "create_graph=True)[0]"});
    return samples;
  }
};

struct GeluOp {
  static constexpr std::string_view name = "gelu";
  Gelu form = Gelu::erf;
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  void forward(View y, View x) const {
    if (form == Gelu::erf) kernels::unary<Unary::gelu>(y, x);
    else kernels::unary<Unary::gelu_tanh>(y, x);
  }
  Tensor grad0(Grad g, In<0> x) const { return apply(GeluBackward{form}, x, g); }
  static Samples<GeluOp> samples(Generator& random) {
    auto samples = unary_samples(random, GeluOp{}, "torch.nn.functional.gelu(x[0])");
    samples.push_back({{Gelu::tanh}, {draw(random, {5})}, "torch.nn.functional.gelu(x[0], approximate='tanh')"});
    return samples;
  }
};

// f' = σ (1 + x (1 - σ)), f'' = σ (1 - σ) (2 + x (1 - 2σ))
struct SiluBackward {
  static constexpr std::string_view name = "silu_backward";
  Spec infer(const Tensor& x, const Tensor& g) const { return same_spec(name, x, g); }
  void forward(View r, View x, View g) const { kernels::binary<Binary::silu_backward>(r, x, g); }
  Tensor grad0(Grad gg, In<0> x, In<1> g) const {
    const Tensor s = sigmoid(x);
    return gg * g * (s * (1 - s) * (2 + x * (1 - s * 2)));
  }
  Tensor grad1(Grad gg, In<0> x) const { return apply(SiluBackward{}, x, gg); }
  static Samples<SiluBackward> samples(Generator& random) {
    return binary_samples(random, SiluBackward{},
                          "x[1] * torch.sigmoid(x[0]) * (1 + x[0] * (1 - torch.sigmoid(x[0])))");
  }
};

struct Silu {
  static constexpr std::string_view name = "silu";
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  void forward(View y, View x) const { kernels::unary<Unary::silu>(y, x); }
  Tensor grad0(Grad g, In<0> x) const { return apply(SiluBackward{}, x, g); }
  static Samples<Silu> samples(Generator& random) {
    return unary_samples(random, Silu{}, "torch.nn.functional.silu(x[0])");
  }
};

// f = x t, t = tanh(log(1 + exp(x))); f' = t + x s (1 - t²), s = σ(x); f'' = s (1 - t²) (2 + x (1 - s - 2 s t))
struct MishBackward {
  static constexpr std::string_view name = "mish_backward";
  Spec infer(const Tensor& x, const Tensor& g) const { return same_spec(name, x, g); }
  void forward(View r, View x, View g) const { kernels::binary<Binary::mish_backward>(r, x, g); }
  Tensor grad0(Grad gg, In<0> x, In<1> g) const {
    const Tensor s = sigmoid(x), t = tanh(softplus(x, 1, kInfinity));
    return gg * g * (s * (1 - t * t) * (2 + x * (1 - s - s * t * 2)));
  }
  Tensor grad1(Grad gg, In<0> x) const { return apply(MishBackward{}, x, gg); }
  static Samples<MishBackward> samples(Generator& random) {
    return binary_samples(random, MishBackward{},
                          "torch.autograd.grad(torch.nn.functional.mish(x[0]), x[0], x[1], create_graph=True)[0]");
  }
};

struct Mish {
  static constexpr std::string_view name = "mish";
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  void forward(View y, View x) const { kernels::unary<Unary::mish>(y, x); }
  Tensor grad0(Grad g, In<0> x) const { return apply(MishBackward{}, x, g); }
  static Samples<Mish> samples(Generator& random) {
    return unary_samples(random, Mish{}, "torch.nn.functional.mish(x[0])");
  }
};

// f' = 1 / (1 + |x|)²
struct Softsign {
  static constexpr std::string_view name = "softsign";
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  void forward(View y, View x) const { kernels::unary<Unary::softsign>(y, x); }
  Tensor grad0(Grad g, In<0> x) const { return g / square(abs(x) + 1); }
  static Samples<Softsign> samples(Generator& random) {
    return kinked_samples(random, Softsign{}, "torch.nn.functional.softsign(x[0])");
  }
};

// -- piecewise linear functions. The gradient of several is g on one side of two bounds and 0 on the other.

struct Gate {
  static constexpr std::string_view name = "gate";
  Binary side = Binary::inside;  // or outside; the bounds themselves give 0
  double low = 0, high = 0;
  Spec infer(const Tensor& x, const Tensor& g) const { return same_spec(name, x, g); }
  void forward(View r, View x, View g) const {
    if (side == Binary::inside) kernels::binary<Binary::inside>(r, x, g, low, high);
    else kernels::binary<Binary::outside>(r, x, g, low, high);
  }
  Tensor grad0(Grad gg) const { return zeros_like(gg); }
  Tensor grad1(Grad gg, In<0> x) const { return apply(*this, x, gg); }
  static Samples<Gate> samples(Generator& random) {
    auto samples = kinked_samples(random, Gate{Binary::inside, -0.42, 0.33},
                                  "torch.where((x[0] > -0.42) & (x[0] < 0.33), x[1], 0 * x[1])", 1);
    samples.push_back({{Binary::outside, -0.12, 0.13},
                       {draw_distinct(random, {6}), draw(random, {6})},
                       "torch.where((x[0] < -0.12) | (x[0] > 0.13), x[1], 0 * x[1])"});
    return samples;
  }
};

struct Hardtanh {
  static constexpr std::string_view name = "hardtanh";
  double low = -1, high = 1;
  Spec infer(const Tensor& x) const { return number_spec(name, x); }
  void forward(View y, View x) const { kernels::unary<Unary::clamp>(y, x, low, high); }
  Tensor grad0(Grad g, In<0> x) const { return apply(Gate{Binary::inside, low, high}, x, g); }
  static Samples<Hardtanh> samples(Generator& random) {
    return kinked_samples(random, Hardtanh{-0.42, 0.33}, "torch.nn.functional.hardtanh(x[0], -0.42, 0.33)");
  }
};

struct Hardsigmoid {
  static constexpr std::string_view name = "hardsigmoid";
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  void forward(View y, View x) const { kernels::unary<Unary::hardsigmoid>(y, x); }
  Tensor grad0(Grad g, In<0> x) const { return apply(Gate{Binary::inside, -3, 3}, x, g * (1.0 / 6)); }
  static Samples<Hardsigmoid> samples(Generator& random) {
    // PyTorch's own has a sixth of float32 in its derivative
    const std::string torch = "torch.nn.functional.relu6(x[0] + 3) / 6";
    auto samples = unary_samples(random, Hardsigmoid{}, torch);
    samples.push_back({{}, {draw(random, {4}, 3.1, 5)}, torch});
    samples.push_back({{}, {draw(random, {4}, -5, -3.1)}, torch});
    return samples;
  }
};

struct HardswishBackward {
  static constexpr std::string_view name = "hardswish_backward";
  Spec infer(const Tensor& x, const Tensor& g) const { return same_spec(name, x, g); }
  void forward(View r, View x, View g) const { kernels::binary<Binary::hardswish_backward>(r, x, g); }
  Tensor grad0(Grad gg, In<0> x, In<1> g) const {
    return apply(Gate{Binary::inside, -3, 3}, x, gg * g * (1.0 / 3));
  }
  Tensor grad1(Grad gg, In<0> x) const { return apply(HardswishBackward{}, x, gg); }
  static Samples<HardswishBackward> samples(Generator& random) {
    const std::string torch =
        "torch.where(x[0] <= -3, 0 * x[1], torch.where(x[0] < 3, x[1] * (x[0] / 3 + 0.5), x[1]))";
    auto samples = binary_samples(random, HardswishBackward{}, torch);
    samples.push_back({{}, {draw(random, {4}, 3.1, 5), draw(random, {4})}, torch});
    samples.push_back({{}, {draw(random, {4}, -5, -3.1), draw(random, {4})}, torch});
    return samples;
  }
};

struct Hardswish {
  static constexpr std::string_view name = "hardswish";
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  void forward(View y, View x) const { kernels::unary<Unary::hardswish>(y, x); }
  Tensor grad0(Grad g, In<0> x) const { return apply(HardswishBackward{}, x, g); }
  static Samples<Hardswish> samples(Generator& random) {
    auto samples = unary_samples(random, Hardswish{}, "torch.nn.functional.hardswish(x[0])");
    samples.push_back({{}, {draw(random, {4}, 3.1, 5)}, "torch.nn.functional.hardswish(x[0])"});
    samples.push_back({{}, {draw(random, {4}, -5, -3.1)}, "torch.nn.functional.hardswish(x[0])"});
    return samples;
  }
};

// x outside of [-λ, λ], else 0: the gate of x itself.
struct Hardshrink {
  static constexpr std::string_view name = "hardshrink";
  double lambda = 0.5;
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  void forward(View y, View x) const { kernels::binary<Binary::outside>(y, x, x, -lambda, lambda); }
  Tensor grad0(Grad g, In<0> x) const { return apply(Gate{Binary::outside, -lambda, lambda}, x, g); }
  static Samples<Hardshrink> samples(Generator& random) {
    return kinked_samples(random, Hardshrink{0.2}, "torch.nn.functional.hardshrink(x[0], 0.2)");
  }
};

// x > 0 ? x : w x
struct Prelu {
  static constexpr std::string_view name = "prelu";
  Spec infer(const Tensor& x, const Tensor& w) const {
    require_floating(name, x);
    return same_spec(name, x, w);
  }
  void forward(View y, View x, View w) const { kernels::binary<Binary::prelu>(y, x, w); }
  Tensor grad0(Grad g, In<0> x, In<1> w) const { return where(gt(x, 0), g, g * w); }
  Tensor grad1(Grad g, In<0> x) const { return where(gt(x, 0), zeros_like(g), g * x); }
  static Samples<Prelu> samples(Generator& random) {
    return kinked_samples(random, Prelu{}, "torch.where(x[0] > 0, x[0], x[0] * x[1])", 1);
  }
};

// y = x / (1 - p) or 0. The mask is not kept: the generator's numbers are made again.
struct Dropout {
  static constexpr std::string_view name = "dropout";
  double p = 0.5;
  std::uint64_t seed = 0, position = 0;
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  void forward(View y, View x) const { kernels::dropout(y, x, seed, replayed(position), p); }
  Tensor grad0(Grad g) const { return apply(*this, g); }
  static Samples<Dropout> samples(Generator& random);
};

using ActivationOps =
    OpList<Tanh, TanhBackward, Sigmoid, SigmoidBackward, Relu, LeakyRelu, LeakyReluBackward, Elu, EluBackward,
           Softplus, SoftplusBackward, GeluOp, GeluBackward, Silu, SiluBackward, Mish, MishBackward, Softsign,
           Gate, Hardtanh, Hardsigmoid, Hardswish, HardswishBackward, Hardshrink, Prelu, Dropout>;

}  // namespace ebb::ops
