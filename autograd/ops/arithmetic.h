// add, sub, mul, div, pow and their forms with a scalar.
#pragma once

#include "autograd/kernels/elementwise.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

struct Add {
  static constexpr std::string_view name = "add";
  Spec infer(const Tensor& a, const Tensor& b) const { return same_spec(name, a, b); }
  void forward(View y, View a, View b) const { kernels::binary<kernels::Binary::add>(y, a, b); }
  Tensor grad0(Grad g) const { return g; }
  Tensor grad1(Grad g) const { return g; }
  static Samples<Add> samples(Generator& random) { return binary_samples(random, Add{}, "x[0] + x[1]"); }
};

struct Sub {
  static constexpr std::string_view name = "sub";
  Spec infer(const Tensor& a, const Tensor& b) const { return same_spec(name, a, b); }
  void forward(View y, View a, View b) const { kernels::binary<kernels::Binary::sub>(y, a, b); }
  Tensor grad0(Grad g) const { return g; }
  Tensor grad1(Grad g) const { return -g; }
  static Samples<Sub> samples(Generator& random) { return binary_samples(random, Sub{}, "x[0] - x[1]"); }
};

struct Mul {
  static constexpr std::string_view name = "mul";
  Spec infer(const Tensor& a, const Tensor& b) const { return same_spec(name, a, b); }
  void forward(View y, View a, View b) const { kernels::binary<kernels::Binary::mul>(y, a, b); }
  Tensor grad0(Grad g, In<1> b) const { return g * b; }
  Tensor grad1(Grad g, In<0> a) const { return g * a; }
  static Samples<Mul> samples(Generator& random) { return binary_samples(random, Mul{}, "x[0] * x[1]"); }
};

// d(a/b)/db = -(a/b)/b
struct Div {
  static constexpr std::string_view name = "div";
  Spec infer(const Tensor& a, const Tensor& b) const {
    require_floating(name, a);
    return same_spec(name, a, b);
  }
  void forward(View y, View a, View b) const { kernels::binary<kernels::Binary::div>(y, a, b); }
  Tensor grad0(Grad g, In<1> b) const { return g / b; }
  Tensor grad1(Grad g, In<1> b, Out y) const { return -g * y / b; }
  static Samples<Div> samples(Generator& random) { return binary_samples(random, Div{}, "x[0] / x[1]", 0.5, 2); }
};

struct AddScalar {
  static constexpr std::string_view name = "add_scalar";
  double value = 0;
  Spec infer(const Tensor& x) const { return {x.shape(), x.dtype()}; }
  void forward(View y, View x) const { kernels::unary<kernels::Unary::add_scalar>(y, x, value); }
  Tensor grad0(Grad g) const { return g; }
  static Samples<AddScalar> samples(Generator& random) {
    return unary_samples(random, AddScalar{1.25}, "x[0] + 1.25");
  }
};

struct MulScalar {
  static constexpr std::string_view name = "mul_scalar";
  double value = 1;
  Spec infer(const Tensor& x) const { return {x.shape(), x.dtype()}; }
  void forward(View y, View x) const { kernels::unary<kernels::Unary::mul_scalar>(y, x, value); }
  Tensor grad0(Grad g) const { return g * value; }
  static Samples<MulScalar> samples(Generator& random) {
    return unary_samples(random, MulScalar{-1.5}, "x[0] * -1.5");
  }
};

// a^b. The derivatives' limits where the formulas say 0 · inf: d/da is 0 where b is 0, whatever a; d/db is 0
// where a is 0 and b >= 0 (there a^b is 0 or 1 on the whole right side).
struct Pow {
  static constexpr std::string_view name = "pow";
  Spec infer(const Tensor& a, const Tensor& b) const {
    require_floating(name, a);
    return same_spec(name, a, b);
  }
  void forward(View y, View a, View b) const { kernels::binary<kernels::Binary::pow>(y, a, b); }
  Tensor grad0(Grad g, In<0> a, In<1> b) const { return where(eq(b, 0), zeros_like(g), g * b * pow(a, b - 1)); }
  Tensor grad1(Grad g, In<0> a, In<1> b, Out y) const {
    const Tensor flat = where(ge(b, 0), eq(a, 0), zeros_like(eq(a, 0)));
    return where(flat, zeros_like(g), g * y * log(where(flat, ones_like(a), a)));
  }
  static Samples<Pow> samples(Generator& random) {
    return binary_samples(random, Pow{}, "torch.pow(x[0], x[1])", 0.5, 2);
  }
};

struct PowScalar {
  static constexpr std::string_view name = "pow_scalar";
  double exponent = 1;
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  void forward(View y, View x) const { kernels::unary<kernels::Unary::pow_scalar>(y, x, exponent); }
  Tensor grad0(Grad g, In<0> x) const {
    return exponent == 0 ? zeros_like(g) : g * (pow(x, exponent - 1) * exponent);
  }
  static Samples<PowScalar> samples(Generator& random) {
    auto samples = unary_samples(random, PowScalar{2.5}, "torch.pow(x[0], 2.5)", 0.5, 2);
    samples.push_back({{3}, {draw(random, {4})}, "torch.pow(x[0], 3)"});
    samples.push_back({{0}, {draw(random, {4})}, "torch.pow(x[0], 0)"});
    return samples;
  }
};

using ArithmeticOps = OpList<Add, Sub, Mul, Div, AddScalar, MulScalar, Pow, PowScalar>;

}  // namespace ebb::ops
