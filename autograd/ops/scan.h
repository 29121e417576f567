// Running sums, products and their like along a dimension. With `reverse` they run from the end.
#pragma once

#include "autograd/kernels/scan.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

// x one place further along dim, in the direction of a scan; `first` takes the place that nothing comes to.
Tensor preceding(const Tensor& x, int dim, bool reverse, double first);

// For every element the product of the others along dim.
Tensor product_of_others(const Tensor& x, int dim);

struct Cumsum {
  static constexpr std::string_view name = "cumsum";
  int dim = 0;
  bool reverse = false;
  Spec infer(const Tensor& x) const { return {x.shape(), is_floating(x.dtype()) ? x.dtype() : int64}; }
  void forward(View y, View x) const { kernels::cumsum(y, x, dim, reverse); }
  Tensor grad0(Grad g) const { return apply(Cumsum{dim, !reverse}, g); }
  static Samples<Cumsum> samples(Generator& random) {
    return {{{1, false}, {draw(random, {3, 4})}, "x[0].cumsum(1)"},
            {{0, true}, {draw(random, {4, 3})}, "x[0].flip(0).cumsum(0).flip(0)"},
            {{1, false}, {draw(random, {2, 3, 2})}, "x[0].cumsum(1)"},
            {{0, false}, {draw(random, {0, 3})}, "x[0].cumsum(0)"}};
  }
};

// y_i = b_i + a_i y_{i-1}; with `shifted` b_i + a_{i-1} y_{i-1}. dL/db is the transposed map of dL/dy: the same from the other
// end, with the other a.
struct LinearScan {
  static constexpr std::string_view name = "linear_scan";
  int dim = 0;
  bool reverse = false, shifted = false;
  LinearScan transposed() const { return {dim, !reverse, !shifted}; }
  Spec infer(const Tensor& a, const Tensor& b) const { return same_spec(name, a, b); }
  void forward(View y, View a, View b) const { kernels::linear_scan(y, a, b, dim, reverse, shifted); }
  Tensor grad0(Grad g, In<0> a, Out y) const {
    const Tensor gb = apply(transposed(), a, g);
    return shifted ? preceding(gb, dim, !reverse, 0) * y : gb * preceding(y, dim, reverse, 0);
  }
  Tensor grad1(Grad g, In<0> a) const { return apply(transposed(), a, g); }
  static Samples<LinearScan> samples(Generator& random);
};

// y_i = x_i y_{i-1}. With λ_i = g_i + x_{i+1} λ_{i+1}, dL/dx_i = λ_i y_{i-1}: no division by an x that may be 0.
struct Cumprod {
  static constexpr std::string_view name = "cumprod";
  int dim = 0;
  bool reverse = false;
  Spec infer(const Tensor& x) const { return {x.shape(), is_floating(x.dtype()) ? x.dtype() : int64}; }
  void forward(View y, View x) const { kernels::cumprod(y, x, dim, reverse); }
  Tensor grad0(Grad g, In<0> x, Out y) const {
    return apply(LinearScan{dim, !reverse, true}, x, g) * preceding(y, dim, reverse, 1);
  }
  static Samples<Cumprod> samples(Generator& random) {
    const Tensor zeros = tensor({{2.0, 0.0, 3.0, 0.0}, {0.0, 0.5, 2.0, 1.5}}, {.dtype = float64});
    return {{{1, false}, {draw(random, {3, 4})}, "x[0].cumprod(1)"},
            {{0, true}, {draw(random, {4, 3})}, "x[0].flip(0).cumprod(0).flip(0)"},
            {{1, false}, {draw(random, {2, 3, 2})}, "x[0].cumprod(1)"},
            {{1, false}, {zeros}, "x[0].cumprod(1)"},
            {{0, false}, {draw(random, {0, 3})}, "x[0].cumprod(0)"}};
  }
};

// y_i = log Σ_{j<=i} exp(x_j). With λ_i = g_i + exp(y_i - y_{i+1}) λ_{i+1}, dL/dx_i = exp(x_i - y_i) λ_i: no exponent is
// positive. 0 where y is -inf.
struct Logcumsumexp {
  static constexpr std::string_view name = "logcumsumexp";
  int dim = 0;
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  void forward(View y, View x) const { kernels::logcumsumexp(y, x, dim); }
  Tensor grad0(Grad g, In<0> x, Out y) const;
  static Samples<Logcumsumexp> samples(Generator& random) {
    return {{{1}, {draw(random, {3, 4})}, "torch.logcumsumexp(x[0], 1)"},
            {{0}, {draw(random, {4, 3})}, "torch.logcumsumexp(x[0], 0)"},
            {{1}, {draw(random, {2, 3, 2})}, "torch.logcumsumexp(x[0], 1)"},
            {{0}, {draw(random, {0, 3})}, "torch.logcumsumexp(x[0], 0)"}};
  }
};

// Indices of the extreme so far; without derivative.
struct Cummax {
  static constexpr std::string_view name = "cummax";
  int dim = 0;
  Spec infer(const Tensor& x) const { return {x.shape(), int64}; }
  void forward(View y, View x) const { kernels::cummax(y, x, dim); }
  static Samples<Cummax> samples(Generator& random) {
    return {{{1}, {draw_distinct(random, {3, 4})}, "torch.cummax(x[0], 1).indices"},
            {{0}, {draw_distinct(random, {4, 3})}, "torch.cummax(x[0], 0).indices"},
            {{0}, {draw(random, {3, 0})}, "torch.cummax(x[0], 0).indices"}};
  }
};

struct Cummin {
  static constexpr std::string_view name = "cummin";
  int dim = 0;
  Spec infer(const Tensor& x) const { return {x.shape(), int64}; }
  void forward(View y, View x) const { kernels::cummin(y, x, dim); }
  static Samples<Cummin> samples(Generator& random) {
    return {{{1}, {draw_distinct(random, {3, 4})}, "torch.cummin(x[0], 1).indices"},
            {{0}, {draw(random, {3, 0})}, "torch.cummin(x[0], 0).indices"}};
  }
};

using ScanOps = OpList<Cumsum, LinearScan, Cumprod, Logcumsumexp, Cummax, Cummin>;

}  // namespace ebb::ops
