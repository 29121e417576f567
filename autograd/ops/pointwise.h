// Functions of one tensor, element by element.
#pragma once

#include <tuple>

#include "autograd/kernels/elementwise.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

// The part that these operations share: shape and dtype stay, one kernel does the work.
template <kernels::Unary F>
struct Pointwise {
  void forward(View y, View x) const { kernels::unary(F, y, x); }
};

struct Neg : Pointwise<kernels::Unary::neg> {
  static constexpr std::string_view name = "neg";
  Spec infer(const Tensor& x) const { return {x.shape(), x.dtype()}; }
  Tensor grad0(Grad g) const { return -g; }
  static Samples<Neg> samples(Generator& random) { return unary_samples(random, Neg{}, "-x[0]"); }
};

struct Exp : Pointwise<kernels::Unary::exp> {
  static constexpr std::string_view name = "exp";
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  Tensor grad0(Grad g, Out y) const { return g * y; }
  static Samples<Exp> samples(Generator& random) { return unary_samples(random, Exp{}, "torch.exp(x[0])"); }
};

struct Log : Pointwise<kernels::Unary::log> {
  static constexpr std::string_view name = "log";
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  Tensor grad0(Grad g, In<0> x) const { return g / x; }
  static Samples<Log> samples(Generator& random) {
    return unary_samples(random, Log{}, "torch.log(x[0])", 0.5, 3);
  }
};

struct Sqrt : Pointwise<kernels::Unary::sqrt> {
  static constexpr std::string_view name = "sqrt";
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  Tensor grad0(Grad g, Out y) const { return g / (y * 2); }
  static Samples<Sqrt> samples(Generator& random) {
    return unary_samples(random, Sqrt{}, "torch.sqrt(x[0])", 0.5, 3);
  }
};

// d(x^-1/2) = -1/2 x^-3/2
struct Rsqrt : Pointwise<kernels::Unary::rsqrt> {
  static constexpr std::string_view name = "rsqrt";
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  Tensor grad0(Grad g, Out y) const { return g * (y * y * y) * -0.5; }
  static Samples<Rsqrt> samples(Generator& random) {
    return unary_samples(random, Rsqrt{}, "torch.rsqrt(x[0])", 0.5, 3);
  }
};

struct Reciprocal : Pointwise<kernels::Unary::reciprocal> {
  static constexpr std::string_view name = "reciprocal";
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  Tensor grad0(Grad g, Out y) const { return -g * (y * y); }
  static Samples<Reciprocal> samples(Generator& random) {
    return unary_samples(random, Reciprocal{}, "torch.reciprocal(x[0])", 0.5, 3);
  }
};

struct Square : Pointwise<kernels::Unary::square> {
  static constexpr std::string_view name = "square";
  Spec infer(const Tensor& x) const { return {x.shape(), x.dtype()}; }
  Tensor grad0(Grad g, In<0> x) const { return g * (x * 2); }
  static Samples<Square> samples(Generator& random) {
    return unary_samples(random, Square{}, "torch.square(x[0])");
  }
};

struct Abs : Pointwise<kernels::Unary::abs> {
  static constexpr std::string_view name = "abs";
  Spec infer(const Tensor& x) const { return {x.shape(), x.dtype()}; }
  Tensor grad0(Grad g, In<0> x) const { return g * sign(x); }
  static Samples<Abs> samples(Generator& random) {
    auto samples = unary_samples(random, Abs{}, "torch.abs(x[0])", 0.5, 2);
    samples.push_back({{}, {draw(random, {4}, -2, -0.5)}, "torch.abs(x[0])"});
    return samples;
  }
};

struct Sign : Pointwise<kernels::Unary::sign> {
  static constexpr std::string_view name = "sign";
  Spec infer(const Tensor& x) const { return {x.shape(), x.dtype()}; }
  Tensor grad0(Grad g) const { return zeros_like(g); }
  static Samples<Sign> samples(Generator& random) {
    return unary_samples(random, Sign{}, "torch.sign(x[0])", 0.5, 2);
  }
};

struct Sin : Pointwise<kernels::Unary::sin> {
  static constexpr std::string_view name = "sin";
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  Tensor grad0(Grad g, In<0> x) const { return g * cos(x); }
  static Samples<Sin> samples(Generator& random) { return unary_samples(random, Sin{}, "torch.sin(x[0])"); }
};

struct Cos : Pointwise<kernels::Unary::cos> {
  static constexpr std::string_view name = "cos";
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  Tensor grad0(Grad g, In<0> x) const { return -g * sin(x); }
  static Samples<Cos> samples(Generator& random) { return unary_samples(random, Cos{}, "torch.cos(x[0])"); }
};

using PointwiseOps = std::tuple<Neg, Exp, Log, Sqrt, Rsqrt, Reciprocal, Square, Abs, Sign, Sin, Cos>;

}  // namespace ebb::ops
