// Functions of one tensor, element by element.
#pragma once

#include <limits>
#include <numbers>
#include <string>

#include "autograd/kernels/elementwise.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

// What functions of one number share: shape and dtype stay, one kernel does the work.
template <kernels::Unary F>
struct Pointwise {
  void forward(View y, View x) const { kernels::unary<F>(y, x); }
};

// Those of floats. What is left for Op: its name, which is PyTorch's, its derivative, and an interval other than this
// in which it is tested.
template <class Op, kernels::Unary F>
struct Elementary : Pointwise<F> {
  static constexpr double low = -2, high = 2;
  Spec infer(const Tensor& x) const { return floating_spec(Op::name, x); }
  static Samples<Op> samples(Generator& random) {
    return unary_samples(random, Op{}, "torch." + std::string(Op::name) + "(x[0])", Op::low, Op::high);
  }
};

// Those that are constant between jumps: the derivative is 0.
template <class Op, kernels::Unary F>
struct Step : Pointwise<F> {
  Spec infer(const Tensor& x) const { return number_spec(Op::name, x); }
  Tensor grad0(Grad g) const { return zeros_like(g); }
  static Samples<Op> samples(Generator& random) {
    return kinked_samples(random, Op{}, "torch." + std::string(Op::name) + "(x[0])");
  }
};

struct Neg : Pointwise<kernels::Unary::neg> {
  static constexpr std::string_view name = "neg";
  Spec infer(const Tensor& x) const { return number_spec(name, x); }
  Tensor grad0(Grad g) const { return -g; }
  static Samples<Neg> samples(Generator& random) { return unary_samples(random, Neg{}, "-x[0]"); }
};

struct Square : Pointwise<kernels::Unary::square> {
  static constexpr std::string_view name = "square";
  Spec infer(const Tensor& x) const { return number_spec(name, x); }
  Tensor grad0(Grad g, In<0> x) const { return g * (x * 2); }
  static Samples<Square> samples(Generator& random) {
    return unary_samples(random, Square{}, "torch.square(x[0])");
  }
};

struct Abs : Pointwise<kernels::Unary::abs> {
  static constexpr std::string_view name = "abs";
  Spec infer(const Tensor& x) const { return number_spec(name, x); }
  Tensor grad0(Grad g, In<0> x) const { return g * sign(x); }
  static Samples<Abs> samples(Generator& random) {
    auto samples = unary_samples(random, Abs{}, "torch.abs(x[0])", 0.5, 2);
    samples.push_back({{}, {draw(random, {4}, -2, -0.5)}, "torch.abs(x[0])"});
    return samples;
  }
};

struct Sign : Step<Sign, kernels::Unary::sign> {
  static constexpr std::string_view name = "sign";
};
struct Floor : Step<Floor, kernels::Unary::floor> {
  static constexpr std::string_view name = "floor";
};
struct Ceil : Step<Ceil, kernels::Unary::ceil> {
  static constexpr std::string_view name = "ceil";
};
struct Round : Step<Round, kernels::Unary::round> {
  static constexpr std::string_view name = "round";
};
struct Trunc : Step<Trunc, kernels::Unary::trunc> {
  static constexpr std::string_view name = "trunc";
};

// -- powers

struct Sqrt : Elementary<Sqrt, kernels::Unary::sqrt> {
  static constexpr std::string_view name = "sqrt";
  static constexpr double low = 0.5, high = 3;
  Tensor grad0(Grad g, Out y) const { return g / (y * 2); }
};

// d(x^-1/2) = -1/2 x^-3/2
struct Rsqrt : Elementary<Rsqrt, kernels::Unary::rsqrt> {
  static constexpr std::string_view name = "rsqrt";
  static constexpr double low = 0.5, high = 3;
  Tensor grad0(Grad g, Out y) const { return g * (y * y * y) * -0.5; }
};

struct Reciprocal : Elementary<Reciprocal, kernels::Unary::reciprocal> {
  static constexpr std::string_view name = "reciprocal";
  static constexpr double low = 0.5, high = 3;
  Tensor grad0(Grad g, Out y) const { return -g * (y * y); }
};

// -- exponentials and logarithms

struct Exp : Elementary<Exp, kernels::Unary::exp> {
  static constexpr std::string_view name = "exp";
  Tensor grad0(Grad g, Out y) const { return g * y; }
};

struct Exp2 : Elementary<Exp2, kernels::Unary::exp2> {
  static constexpr std::string_view name = "exp2";
  Tensor grad0(Grad g, Out y) const { return g * y * std::numbers::ln2; }
};

struct Expm1 : Elementary<Expm1, kernels::Unary::expm1> {
  static constexpr std::string_view name = "expm1";
  Tensor grad0(Grad g, Out y) const { return g * (y + 1); }
};

struct Log : Elementary<Log, kernels::Unary::log> {
  static constexpr std::string_view name = "log";
  static constexpr double low = 0.5, high = 3;
  Tensor grad0(Grad g, In<0> x) const { return g / x; }
};

struct Log2 : Elementary<Log2, kernels::Unary::log2> {
  static constexpr std::string_view name = "log2";
  static constexpr double low = 0.5, high = 3;
  Tensor grad0(Grad g, In<0> x) const { return g / (x * std::numbers::ln2); }
};

struct Log10 : Elementary<Log10, kernels::Unary::log10> {
  static constexpr std::string_view name = "log10";
  static constexpr double low = 0.5, high = 3;
  Tensor grad0(Grad g, In<0> x) const { return g / (x * std::numbers::ln10); }
};

struct Log1p : Elementary<Log1p, kernels::Unary::log1p> {
  static constexpr std::string_view name = "log1p";
  static constexpr double low = -0.5, high = 3;
  Tensor grad0(Grad g, In<0> x) const { return g / (x + 1); }
};

// Outside of [0, 1] the derivative is NaN, as the function.
struct Logit : Elementary<Logit, kernels::Unary::logit> {
  static constexpr std::string_view name = "logit";
  static constexpr double low = 0.1, high = 0.9;
  Tensor grad0(Grad g, In<0> x) const {
    const Tensor slope = g / (x * (1 - x));
    return where(le(abs(x - 0.5), 0.5), slope, full_like(g, std::numeric_limits<double>::quiet_NaN()));
  }
};

// -- trigonometric and hyperbolic functions

struct Sin : Elementary<Sin, kernels::Unary::sin> {
  static constexpr std::string_view name = "sin";
  Tensor grad0(Grad g, In<0> x) const { return g * cos(x); }
};

struct Cos : Elementary<Cos, kernels::Unary::cos> {
  static constexpr std::string_view name = "cos";
  Tensor grad0(Grad g, In<0> x) const { return -g * sin(x); }
};

struct Tan : Elementary<Tan, kernels::Unary::tan> {
  static constexpr std::string_view name = "tan";
  static constexpr double low = -1.2, high = 1.2;
  Tensor grad0(Grad g, Out y) const { return g * (square(y) + 1); }
};

// (1 - x) (1 + x) keeps the digits that 1 - x² loses near the ends.
struct Asin : Elementary<Asin, kernels::Unary::asin> {
  static constexpr std::string_view name = "asin";
  static constexpr double low = -0.8, high = 0.8;
  Tensor grad0(Grad g, In<0> x) const { return g * rsqrt((1 - x) * (x + 1)); }
};

struct Acos : Elementary<Acos, kernels::Unary::acos> {
  static constexpr std::string_view name = "acos";
  static constexpr double low = -0.8, high = 0.8;
  Tensor grad0(Grad g, In<0> x) const { return -g * rsqrt((1 - x) * (x + 1)); }
};

struct Atan : Elementary<Atan, kernels::Unary::atan> {
  static constexpr std::string_view name = "atan";
  Tensor grad0(Grad g, In<0> x) const { return g / (square(x) + 1); }
};

struct Sinh : Elementary<Sinh, kernels::Unary::sinh> {
  static constexpr std::string_view name = "sinh";
  Tensor grad0(Grad g, In<0> x) const { return g * cosh(x); }
};

struct Cosh : Elementary<Cosh, kernels::Unary::cosh> {
  static constexpr std::string_view name = "cosh";
  Tensor grad0(Grad g, In<0> x) const { return g * sinh(x); }
};

struct Asinh : Elementary<Asinh, kernels::Unary::asinh> {
  static constexpr std::string_view name = "asinh";
  Tensor grad0(Grad g, In<0> x) const { return g * rsqrt(square(x) + 1); }
};

struct Acosh : Elementary<Acosh, kernels::Unary::acosh> {
  static constexpr std::string_view name = "acosh";
  static constexpr double low = 1.3, high = 3;
  Tensor grad0(Grad g, In<0> x) const { return g * rsqrt((x - 1) * (x + 1)); }
};

struct Atanh : Elementary<Atanh, kernels::Unary::atanh> {
  static constexpr std::string_view name = "atanh";
  static constexpr double low = -0.8, high = 0.8;
  Tensor grad0(Grad g, In<0> x) const { return g / ((1 - x) * (x + 1)); }
};

using PointwiseOps =
    OpList<Neg, Square, Abs, Sign, Floor, Ceil, Round, Trunc, Sqrt, Rsqrt, Reciprocal, Exp, Exp2, Expm1, Log, Log2,
           Log10, Log1p, Logit, Sin, Cos, Tan, Asin, Acos, Atan, Sinh, Cosh, Asinh, Acosh, Atanh>;

}  // namespace ebb::ops
