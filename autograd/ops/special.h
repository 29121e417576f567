// Functions of one tensor that probability and physics have named. Families whose derivatives are of the family too
// have their order as an attribute, so that a derivative of any order is one of these kernels.
#pragma once

#include <numbers>

#include "autograd/ops/pointwise.h"

namespace ebb::ops {

inline constexpr double kErfSlope = 2 * std::numbers::inv_sqrtpi;  // at 0

struct Erf : Elementary<Erf, kernels::Unary::erf> {
  static constexpr std::string_view name = "erf";
  Tensor grad0(Grad g, In<0> x) const { return g * exp(-square(x)) * kErfSlope; }
};

struct Erfc : Elementary<Erfc, kernels::Unary::erfc> {
  static constexpr std::string_view name = "erfc";
  Tensor grad0(Grad g, In<0> x) const { return g * exp(-square(x)) * -kErfSlope; }
};

struct Erfinv : Elementary<Erfinv, kernels::Unary::erfinv> {
  static constexpr std::string_view name = "erfinv";
  static constexpr double low = -0.8, high = 0.8;
  Tensor grad0(Grad g, Out y) const { return g * exp(square(y)) * (1 / kErfSlope); }
};

struct Lgamma : Elementary<Lgamma, kernels::Unary::lgamma> {
  static constexpr std::string_view name = "lgamma";
  static constexpr double low = 0.5, high = 4;
  Tensor grad0(Grad g, In<0> x) const { return g * digamma(x); }
};

// Derivative number n + 1 of log Γ.
struct Polygamma {
  static constexpr std::string_view name = "polygamma";
  int n = 0;
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  void forward(View y, View x) const { kernels::unary<kernels::Unary::polygamma>(y, x, n); }
  Tensor grad0(Grad g, In<0> x) const { return g * apply(Polygamma{n + 1}, x); }
  static Samples<Polygamma> samples(Generator& random) {
    // PyTorch's polygamma(1, x) is right to nine digits only
    const std::string digamma =
        "torch.digamma(x[0].detach()) + torch.special.zeta(2, x[0].detach()) * (x[0] - x[0].detach())";
    auto samples = unary_samples(random, Polygamma{}, digamma, 0.5, 4);
    samples.push_back({{0}, {draw(random, {4}, -1.8, -1.2)}, digamma});
    samples.push_back({{1}, {draw(random, {4}, 0.5, 4)}, "torch.special.zeta(2, x[0])"});
    samples.push_back({{2}, {draw(random, {4}, 1, 4)}, "torch.polygamma(2, x[0])"});
    return samples;
  }
};

// Derivative number `order` of sin(πx) / (πx).
struct Sinc {
  static constexpr std::string_view name = "sinc";
  int order = 0;
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  void forward(View y, View x) const { kernels::unary<kernels::Unary::sinc>(y, x, order); }
  Tensor grad0(Grad g, In<0> x) const { return g * apply(Sinc{order + 1}, x); }
  static Samples<Sinc> samples(Generator& random) {
    auto samples = unary_samples(random, Sinc{}, "torch.sinc(x[0])");
    samples.push_back({{1},
                       {draw(random, {4}, 0.5, 2)},
                       "torch.autograd.grad(torch.sinc(x[0]).sum(), x[0], create_graph=True)[0]"});
    return samples;
  }
};

// The modified Bessel function of the first kind: Iₙ' = (Iₙ₋₁ + Iₙ₊₁) / 2, I₀' = I₁.
struct BesselI {
  static constexpr std::string_view name = "bessel_i";
  int n = 0;
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  void forward(View y, View x) const { kernels::unary<kernels::Unary::bessel_i>(y, x, n); }
  Tensor grad0(Grad g, In<0> x) const {
    const Tensor above = apply(BesselI{n + 1}, x);
    return g * (n == 0 ? above : (apply(BesselI{n - 1}, x) + above) * 0.5);
  }
  static Samples<BesselI> samples(Generator& random) {
    auto samples = unary_samples(random, BesselI{}, "torch.i0(x[0])");
    samples.push_back({{1}, {draw(random, {4})}, "torch.special.i1(x[0])"});
    samples.push_back({{2}, {draw(random, {4}, 0.5, 3)}, "torch.i0(x[0]) - 2 * torch.special.i1(x[0]) / x[0]"});
    return samples;
  }
};

using SpecialOps = OpList<Erf, Erfc, Erfinv, Lgamma, Polygamma, Sinc, BesselI>;

}  // namespace ebb::ops
