// Functions of two and three tensors other than sums and products.
#pragma once

#include <string>

#include "autograd/kernels/elementwise.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

// -- division with a whole quotient

struct DivRounded {
  static constexpr std::string_view name = "div_rounded";
  Rounding mode = Rounding::trunc;
  Spec infer(const Tensor& a, const Tensor& b) const {
    require_number(name, a);
    return same_spec(name, a, b);
  }
  void forward(View y, View a, View b) const {
    if (mode == Rounding::trunc) kernels::binary<kernels::Binary::trunc_divide>(y, a, b);
    else kernels::binary<kernels::Binary::floor_divide>(y, a, b);
  }
  Tensor grad0(Grad g) const { return zeros_like(g); }
  Tensor grad1(Grad g) const { return zeros_like(g); }
  static Samples<DivRounded> samples(Generator& random) {
    auto samples = binary_samples(random, DivRounded{}, "torch.div(x[0], x[1], rounding_mode='trunc')", 0.5, 2);
    samples.push_back({{Rounding::floor},
                       {draw(random, {5}, -4, 4), draw(random, {5}, 0.5, 2)},
                       "torch.div(x[0], x[1], rounding_mode='floor')"});
    return samples;
  }
};

// a - b trunc(a / b)
struct Fmod {
  static constexpr std::string_view name = "fmod";
  Spec infer(const Tensor& a, const Tensor& b) const {
    require_number(name, a);
    return same_spec(name, a, b);
  }
  void forward(View y, View a, View b) const { kernels::binary<kernels::Binary::fmod>(y, a, b); }
  Tensor grad0(Grad g) const { return g; }
  Tensor grad1(Grad g, In<0> a, In<1> b) const { return -g * div(a, b, Rounding::trunc); }
  static Samples<Fmod> samples(Generator& random) {
    auto samples = binary_samples(random, Fmod{}, "torch.fmod(x[0], x[1])", 0.5, 2);
    samples.push_back({{}, {draw(random, {5}, -4, -2), draw(random, {5}, 0.5, 2)}, "torch.fmod(x[0], x[1])"});
    return samples;
  }
};

// a - b floor(a / b)
struct Remainder {
  static constexpr std::string_view name = "remainder";
  Spec infer(const Tensor& a, const Tensor& b) const {
    require_number(name, a);
    return same_spec(name, a, b);
  }
  void forward(View y, View a, View b) const { kernels::binary<kernels::Binary::remainder>(y, a, b); }
  Tensor grad0(Grad g) const { return g; }
  Tensor grad1(Grad g, In<0> a, In<1> b) const { return -g * div(a, b, Rounding::floor); }
  static Samples<Remainder> samples(Generator& random) {
    auto samples = binary_samples(random, Remainder{}, "torch.remainder(x[0], x[1])", 0.5, 2);
    samples.push_back({{}, {draw(random, {5}, -4, -2), draw(random, {5}, 0.5, 2)}, "torch.remainder(x[0], x[1])"});
    return samples;
  }
};

// -- other functions of two tensors, of floats. What is left for Op: its name, which is PyTorch's, its derivatives, and
// an interval other than this in which it is tested.

template <class Op, kernels::Binary F>
struct Pairwise {
  static constexpr double low = -2, high = 2;
  Spec infer(const Tensor& a, const Tensor& b) const {
    require_floating(Op::name, a);
    return same_spec(Op::name, a, b);
  }
  void forward(View y, View a, View b) const { kernels::binary<F>(y, a, b); }
  static Samples<Op> samples(Generator& random) {
    return binary_samples(random, Op{}, "torch." + std::string(Op::name) + "(x[0], x[1])", Op::low, Op::high);
  }
};

// b / (a² + b²) and -a / (a² + b²), without overflow; 0 at (0, 0)
struct Atan2 : Pairwise<Atan2, kernels::Binary::atan2> {
  static constexpr std::string_view name = "atan2";
  static Tensor slope(const Tensor& x, const Tensor& a, const Tensor& b) {
    const Tensor r = hypot(a, b), divisor = where(eq(r, 0), ones_like(r), r);
    return x / divisor / divisor;
  }
  Tensor grad0(Grad g, In<0> a, In<1> b) const { return g * slope(b, a, b); }
  Tensor grad1(Grad g, In<0> a, In<1> b) const { return -g * slope(a, a, b); }
};

struct Hypot : Pairwise<Hypot, kernels::Binary::hypot> {
  static constexpr std::string_view name = "hypot";
  Tensor grad0(Grad g, In<0> a, Out y) const { return g * (a / y); }
  Tensor grad1(Grad g, In<1> b, Out y) const { return g * (b / y); }
};

// The derivative in a is 0 where the function is, by definition, 0: at a = 0, b <= 0.
struct Xlogy : Pairwise<Xlogy, kernels::Binary::xlogy> {
  static constexpr std::string_view name = "xlogy";
  static constexpr double low = 0.5, high = 3;
  Tensor grad0(Grad g, In<0> a, In<1> b) const {
    const Tensor flat = eq(a, 0) & le(b, 0);
    return where(flat, zeros_like(g), g * log(where(flat, ones_like(b), b)));
  }
  Tensor grad1(Grad g, In<0> a, In<1> b) const { return g * (a / b); }
};

struct Logaddexp : Pairwise<Logaddexp, kernels::Binary::logaddexp> {
  static constexpr std::string_view name = "logaddexp";
  Tensor grad0(Grad g, In<0> a, In<1> b) const { return g * sigmoid(a - b); }
  Tensor grad1(Grad g, In<0> a, In<1> b) const { return g * sigmoid(b - a); }
};

// sign(a) sign(b), in which a = 0 has the sign 0, but b = ±0 that of its bit.
struct Copysign : Pairwise<Copysign, kernels::Binary::copysign> {
  static constexpr std::string_view name = "copysign";
  Tensor grad0(Grad g, In<0> a, In<1> b) const { return g * (sign(a) * copysign(ones_like(b), b)); }
  Tensor grad1(Grad g) const { return zeros_like(g); }
};

// -- functions of three tensors

// Of one shape and of floats, all of one dtype.
inline Spec same_spec(std::string_view op, const Tensor& a, const Tensor& b, const Tensor& c) {
  require_floating(op, a);
  same_spec(op, a, b);
  return same_spec(op, a, c);
}

template <class Op>
Samples<Op> ternary_samples(Generator& random, const Op& op, const std::string& torch) {
  Samples<Op> samples;
  for (const auto& shape : usual_shapes())
    samples.push_back({op, {draw(random, shape), draw(random, shape), draw(random, shape, 0.5, 2)}, torch});
  return samples;
}

// a + value b c
struct Addcmul {
  static constexpr std::string_view name = "addcmul";
  double value = 1;
  Spec infer(const Tensor& a, const Tensor& b, const Tensor& c) const { return same_spec(name, a, b, c); }
  void forward(View y, View a, View b, View c) const {
    kernels::ternary<kernels::Ternary::addcmul>(y, a, b, c, value);
  }
  Tensor grad0(Grad g) const { return g; }
  Tensor grad1(Grad g, In<2> c) const { return g * c * value; }
  Tensor grad2(Grad g, In<1> b) const { return g * b * value; }
  static Samples<Addcmul> samples(Generator& random) {
    return ternary_samples(random, Addcmul{-1.5}, "torch.addcmul(x[0], x[1], x[2], value=-1.5)");
  }
};

// a + value b / c
struct Addcdiv {
  static constexpr std::string_view name = "addcdiv";
  double value = 1;
  Spec infer(const Tensor& a, const Tensor& b, const Tensor& c) const { return same_spec(name, a, b, c); }
  void forward(View y, View a, View b, View c) const {
    kernels::ternary<kernels::Ternary::addcdiv>(y, a, b, c, value);
  }
  Tensor grad0(Grad g) const { return g; }
  Tensor grad1(Grad g, In<2> c) const { return g * value / c; }
  Tensor grad2(Grad g, In<1> b, In<2> c) const { return g * -value * b / (c * c); }
  static Samples<Addcdiv> samples(Generator& random) {
    return ternary_samples(random, Addcdiv{-1.5}, "torch.addcdiv(x[0], x[1], x[2], value=-1.5)");
  }
};

// a + weight (b - a)
struct Lerp {
  static constexpr std::string_view name = "lerp";
  Spec infer(const Tensor& a, const Tensor& b, const Tensor& weight) const {
    return same_spec(name, a, b, weight);
  }
  void forward(View y, View a, View b, View weight) const {
    kernels::ternary<kernels::Ternary::lerp>(y, a, b, weight);
  }
  Tensor grad0(Grad g, In<2> weight) const { return g * (1 - weight); }
  Tensor grad1(Grad g, In<2> weight) const { return g * weight; }
  Tensor grad2(Grad g, In<0> a, In<1> b) const { return g * (b - a); }
  static Samples<Lerp> samples(Generator& random) {
    return ternary_samples(random, Lerp{}, "torch.lerp(x[0], x[1], x[2])");
  }
};

using MultivariateOps =
    OpList<DivRounded, Fmod, Remainder, Atan2, Hypot, Xlogy, Logaddexp, Copysign, Addcmul, Addcdiv, Lerp>;

}  // namespace ebb::ops
