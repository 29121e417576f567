// Choosing: where, maximum, minimum, clamp, comparisons.
#pragma once

#include "autograd/kernels/elementwise.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

template <kernels::Compare F>
struct Comparison {
  Spec infer(const Tensor& a, const Tensor& b) const { return {same_spec("compare", a, b).shape, boolean}; }
  void forward(View y, View a, View b) const { kernels::compare<F>(y, a, b); }
};

// Without derivative: their outputs are bool.
struct Eq : Comparison<kernels::Compare::eq> {
  static constexpr std::string_view name = "eq";
  static Samples<Eq> samples(Generator& random) { return binary_samples(random, Eq{}, "x[0] == x[1]"); }
};
struct Ne : Comparison<kernels::Compare::ne> {
  static constexpr std::string_view name = "ne";
  static Samples<Ne> samples(Generator& random) { return binary_samples(random, Ne{}, "x[0] != x[1]"); }
};
struct Lt : Comparison<kernels::Compare::lt> {
  static constexpr std::string_view name = "lt";
  static Samples<Lt> samples(Generator& random) { return binary_samples(random, Lt{}, "x[0] < x[1]"); }
};
struct Le : Comparison<kernels::Compare::le> {
  static constexpr std::string_view name = "le";
  static Samples<Le> samples(Generator& random) { return binary_samples(random, Le{}, "x[0] <= x[1]"); }
};
struct Gt : Comparison<kernels::Compare::gt> {
  static constexpr std::string_view name = "gt";
  static Samples<Gt> samples(Generator& random) { return binary_samples(random, Gt{}, "x[0] > x[1]"); }
};
struct Ge : Comparison<kernels::Compare::ge> {
  static constexpr std::string_view name = "ge";
  static Samples<Ge> samples(Generator& random) { return binary_samples(random, Ge{}, "x[0] >= x[1]"); }
};

// The branch that is not taken gets exactly 0: a product with a mask would make NaN of its NaN.
struct Where {
  static constexpr std::string_view name = "where";
  Spec infer(const Tensor& condition, const Tensor& a, const Tensor& b) const {
    if (condition.dtype() != boolean) fail("where: the condition is {}; it must be bool", describe(condition));
    if (condition.shape() != a.shape()) fail("where: shapes differ, {} and {}", condition.shape(), a.shape());
    return same_spec(name, a, b);
  }
  void forward(View y, View condition, View a, View b) const { kernels::where(y, condition, a, b); }
  Tensor grad1(Grad g, In<0> condition) const { return where(condition, g, zeros_like(g)); }
  Tensor grad2(Grad g, In<0> condition) const { return where(condition, zeros_like(g), g); }
  static Samples<Where> samples(Generator& random) {
    Samples<Where> samples;
    for (const auto& shape : usual_shapes())
      samples.push_back({{},
                         {gt(draw(random, shape), 0), draw(random, shape), draw(random, shape)},
                         "torch.where(x[0], x[1], x[2])"});
    return samples;
  }
};

// 1 where a wins, 1/2 where both are equal, so that the total gradient stays 1.
inline Tensor share(const Tensor& wins, const Tensor& ties, Grad g) {
  return g * (wins.to(g.dtype()) + ties.to(g.dtype()) * 0.5);
}

struct Maximum {
  static constexpr std::string_view name = "maximum";
  Spec infer(const Tensor& a, const Tensor& b) const { return same_spec(name, a, b); }
  void forward(View y, View a, View b) const { kernels::binary<kernels::Binary::maximum>(y, a, b); }
  Tensor grad0(Grad g, In<0> a, In<1> b) const { return share(gt(a, b), eq(a, b), g); }
  Tensor grad1(Grad g, In<0> a, In<1> b) const { return share(gt(b, a), eq(a, b), g); }
  static Samples<Maximum> samples(Generator& random) {
    return binary_samples(random, Maximum{}, "torch.maximum(x[0], x[1])");
  }
};

struct Minimum {
  static constexpr std::string_view name = "minimum";
  Spec infer(const Tensor& a, const Tensor& b) const { return same_spec(name, a, b); }
  void forward(View y, View a, View b) const { kernels::binary<kernels::Binary::minimum>(y, a, b); }
  Tensor grad0(Grad g, In<0> a, In<1> b) const { return share(lt(a, b), eq(a, b), g); }
  Tensor grad1(Grad g, In<0> a, In<1> b) const { return share(lt(b, a), eq(a, b), g); }
  static Samples<Minimum> samples(Generator& random) {
    return binary_samples(random, Minimum{}, "torch.minimum(x[0], x[1])");
  }
};

struct ClampBackward {
  static constexpr std::string_view name = "clamp_backward";
  double low = 0, high = 0;
  Spec infer(const Tensor& x, const Tensor& g) const { return same_spec(name, x, g); }
  void forward(View r, View x, View g) const {
    kernels::binary<kernels::Binary::clamp_backward>(r, x, g, low, high);
  }
  Tensor grad0(Grad gg) const { return zeros_like(gg); }
  Tensor grad1(Grad gg, In<0> x) const { return apply(*this, x, gg); }
  static Samples<ClampBackward> samples(Generator& random) {
    return kinked_samples(random, ClampBackward{-0.42, 0.33},
                          "torch.where((x[0] >= -0.42) & (x[0] <= 0.33), x[1], 0 * x[1])", 1);
  }
};

struct Clamp {
  static constexpr std::string_view name = "clamp";
  double low = 0, high = 0;
  Spec infer(const Tensor& x) const { return {x.shape(), x.dtype()}; }
  void forward(View y, View x) const { kernels::unary<kernels::Unary::clamp>(y, x, low, high); }
  Tensor grad0(Grad g, In<0> x) const { return apply(ClampBackward{low, high}, x, g); }
  static Samples<Clamp> samples(Generator& random) {
    return kinked_samples(random, Clamp{-0.42, 0.33}, "torch.clamp(x[0], -0.42, 0.33)");
  }
};

using CompareOps = OpList<Eq, Ne, Lt, Le, Gt, Ge, Where, Maximum, Minimum, Clamp, ClampBackward>;

}  // namespace ebb::ops
