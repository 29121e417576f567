// Reductions. Each works on a sorted list of dimensions, as the public functions make it.
#pragma once

#include "autograd/kernels/reduce.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

// What all reductions share: which dimensions go, and how a gradient comes back to them.
struct Reduction {
  Dims dims;
  bool keepdim = false;

  bool reduces(int dim) const {
    for (const auto d : dims)
      if (d == dim) return true;
    return false;
  }
  // x's shape with sizes of 1 in place of what is reduced.
  Shape kept(const Shape& shape) const {
    Dims sizes = shape;
    for (const auto dim : dims) sizes[static_cast<int>(dim)] = 1;
    return Shape(sizes);
  }
  Shape result(const Shape& shape) const {
    if (keepdim) return kept(shape);
    Dims sizes;
    for (int i = 0; i < shape.rank(); ++i)
      if (!reduces(i)) sizes.push_back(shape[i]);
    return Shape(sizes);
  }
  // How many elements make one.
  std::int64_t count(const Shape& shape) const {
    std::int64_t n = 1;
    for (const auto dim : dims) n *= shape[static_cast<int>(dim)];
    return n;
  }
  // Calls kernel(y) with y in x's rank.
  void run(View y, const Shape& x, auto&& kernel) const {
    const Shape shape = kept(x);
    const Dims strides = contiguous_strides(shape);
    kernel(View{y.data, &shape, &strides, y.dtype, true});
  }
  // A gradient, or an output, stretched over what was reduced.
  Tensor stretched(const Tensor& g, const Shape& shape) const { return expand(reshape(g, kept(shape)), shape); }
};

template <class Op>
Samples<Op> reduction_samples(Generator& random, const std::string& torch) {
  Op op;
  const auto make = [&](Dims dims, bool keepdim, Shape shape, const std::string& arguments) {
    op.dims = dims;
    op.keepdim = keepdim;
    return Sample<Op>{op, {draw_distinct(random, shape)}, fmt::format(fmt::runtime(torch), arguments)};
  };
  return {make({0, 1}, false, {3, 4}, "dim=(0, 1)"), make({1}, true, {2, 3, 2}, "dim=(1,), keepdim=True"),
          make({0}, false, {4, 3}, "dim=(0,)"),      make({0, 2}, false, {2, 3, 4}, "dim=(0, 2)"),
          make({0}, false, {3, 0}, "dim=(0,)"),      make({}, false, {}, "dim=0")};
}

// scale · Σ x; the mean is a sum with scale 1 / n.
struct Sum : Reduction {
  static constexpr std::string_view name = "sum";
  double scale = 1;
  Spec infer(const Tensor& x) const { return {result(x.shape()), is_floating(x.dtype()) ? x.dtype() : int64}; }
  void forward(View y, View x) const {
    run(y, *x.shape, [&](View kept) { kernels::reduce<kernels::Reduce::sum>(kept, x, scale); });
  }
  Tensor grad0(Grad g, ShapeOf<0> shape) const {
    const Tensor part = stretched(g, shape);
    return scale == 1 ? part : part * scale;
  }
  static Samples<Sum> samples(Generator& random) {
    auto samples = reduction_samples<Sum>(random, "x[0].sum({})");
    samples.push_back({{{{}, false}, 0.5}, {draw(random, {})}, "x[0] * 0.5"});
    return samples;
  }
};

// Over one dimension, or all. d/dx_k is the product of the other elements, those before k times those behind it: right where
// elements are 0, and differentiable there.
struct Prod : Reduction {
  static constexpr std::string_view name = "prod";
  Spec infer(const Tensor& x) const { return {result(x.shape()), is_floating(x.dtype()) ? x.dtype() : int64}; }
  void forward(View y, View x) const {
    run(y, *x.shape, [&](View kept) { kernels::reduce<kernels::Reduce::product>(kept, x); });
  }
  Tensor grad0(Grad g, In<0> x) const;
  static Samples<Prod> samples(Generator& random) {
    const Tensor zeros = tensor({{2.0, 0.0, 3.0}, {0.0, 0.5, 0.0}, {0.0, 0.0, 0.0}}, {.dtype = float64});
    return {{{{{1}, false}}, {draw(random, {3, 4})}, "x[0].prod(1)"},
            {{{{1}, true}}, {draw(random, {2, 3, 2})}, "x[0].prod(1, keepdim=True)"},
            {{{{0}, false}}, {draw(random, {4, 3})}, "x[0].prod(0)"},
            {{{{0, 1}, false}}, {draw(random, {2, 3})}, "x[0].prod()"},
            {{{{1}, false}}, {zeros}, "x[0].prod(1)"},
            {{{{0}, false}}, {draw(random, {0, 3})}, "x[0].prod(0)"},
            {{{{}, false}}, {draw(random, {})}, "x[0].prod()"}};
  }
};

// Σ x²
struct SumSquares : Reduction {
  static constexpr std::string_view name = "sum_squares";
  Spec infer(const Tensor& x) const {
    require_floating(name, x);
    return {result(x.shape()), x.dtype()};
  }
  void forward(View y, View x) const {
    run(y, *x.shape, [&](View kept) { kernels::reduce<kernels::Reduce::sum_of_squares>(kept, x); });
  }
  Tensor grad0(Grad g, In<0> x) const { return stretched(g * 2, x.shape()) * x; }
  static Samples<SumSquares> samples(Generator& random) {
    return reduction_samples<SumSquares>(random, "x[0].square().sum({})");
  }
};

// d/dx Σ(x - mean)² / d = 2 (x - mean) / d: the mean's own dependence cancels.
struct Var : Reduction {
  static constexpr std::string_view name = "var";
  double correction = 1;
  double divisor(const Shape& shape) const { return static_cast<double>(count(shape)) - correction; }
  Spec infer(const Tensor& x) const {
    require_floating(name, x);
    return {result(x.shape()), x.dtype()};
  }
  void forward(View y, View x) const {
    run(y, *x.shape, [&](View kept) { kernels::variance(kept, x, divisor(*x.shape)); });
  }
  Tensor grad0(Grad g, In<0> x) const {
    return stretched(g, x.shape()) * (x - mean(x, dims, true)) * (2 / divisor(x.shape()));
  }
  static Samples<Var> samples(Generator& random) {
    auto samples = reduction_samples<Var>(random, "x[0].var({})");
    samples.back() = {{{{}, false}, 0}, {draw(random, {})}, "x[0].var(correction=0)"};  // of one, unbiased: NaN
    samples.push_back({{{{0}, false}, 0}, {draw(random, {5})}, "x[0].var(dim=0, correction=0)"});
    return samples;
  }
};

// Equal extremes share the gradient evenly.
inline Tensor among_extremes(const Reduction& r, Grad g, const Tensor& x, const Tensor& y) {
  const Tensor mask = eq(x, r.stretched(y, x.shape())).to(g.dtype());
  return r.stretched(g, x.shape()) * (mask / sum(mask, r.dims, true));
}

struct Amax : Reduction {
  static constexpr std::string_view name = "amax";
  Spec infer(const Tensor& x) const { return {result(x.shape()), x.dtype()}; }
  void forward(View y, View x) const {
    run(y, *x.shape, [&](View kept) { kernels::reduce<kernels::Reduce::amax>(kept, x); });
  }
  Tensor grad0(Grad g, In<0> x, Out y) const { return among_extremes(*this, g, x, y); }
  static Samples<Amax> samples(Generator& random) { return reduction_samples<Amax>(random, "x[0].amax({})"); }
};

struct Amin : Reduction {
  static constexpr std::string_view name = "amin";
  Spec infer(const Tensor& x) const { return {result(x.shape()), x.dtype()}; }
  void forward(View y, View x) const {
    run(y, *x.shape, [&](View kept) { kernels::reduce<kernels::Reduce::amin>(kept, x); });
  }
  Tensor grad0(Grad g, In<0> x, Out y) const { return among_extremes(*this, g, x, y); }
  static Samples<Amin> samples(Generator& random) { return reduction_samples<Amin>(random, "x[0].amin({})"); }
};

// g exp(x - y), y a logsumexp of x and therefore no smaller; g and y are stretched to x's shape. Linear in g, and its own
// derivative in x. Where y is -inf it is 0.
struct LogsumexpBackward {
  static constexpr std::string_view name = "logsumexp_backward";
  Spec infer(const Tensor& g, const Tensor& x, const Tensor& y) const {
    same_spec(name, x, y);
    return same_spec(name, g, x);
  }
  void forward(View gx, View g, View x, View y) const { kernels::logsumexp_backward(gx, g, x, y); }
  Tensor grad0(Grad gg, In<1> x, In<2> y) const { return apply(*this, gg, x, y); }
  Tensor grad1(Grad gg, In<0> g, In<1> x, In<2> y) const { return apply(*this, gg * g, x, y); }
  Tensor grad2(Grad gg, In<0> g, In<1> x, In<2> y) const { return apply(*this, -gg * g, x, y); }
  static Samples<LogsumexpBackward> samples(Generator& random) {
    const auto make = [&](const Shape& shape) {
      const Tensor x = draw(random, shape);
      return Sample<LogsumexpBackward>{
          {}, {draw(random, shape), x, x + abs(draw(random, shape))}, "x[0] * torch.exp(x[1] - x[2])"};
    };
    return {make({3, 4}), make({}), make({0, 4})};
  }
};

// d/dx = exp(x - y), the softmax.
struct Logsumexp : Reduction {
  static constexpr std::string_view name = "logsumexp";
  Spec infer(const Tensor& x) const {
    require_floating(name, x);
    return {result(x.shape()), x.dtype()};
  }
  void forward(View y, View x) const {
    run(y, *x.shape, [&](View kept) { kernels::logsumexp(kept, x); });
  }
  Tensor grad0(Grad g, In<0> x, Out y) const {
    return apply(LogsumexpBackward{}, stretched(g, x.shape()), x, stretched(y, x.shape()));
  }
  static Samples<Logsumexp> samples(Generator& random) {
    return reduction_samples<Logsumexp>(random, "torch.logsumexp(x[0], {})");
  }
};

// Indices along one dimension; no derivative.
struct Argmax {
  static constexpr std::string_view name = "argmax";
  int dim = 0;
  bool keepdim = false;
  Reduction reduction() const { return {{dim}, keepdim}; }
  Spec infer(const Tensor& x) const { return {reduction().result(x.shape()), int64}; }
  void forward(View y, View x) const {
    reduction().run(y, *x.shape, [&](View kept) { kernels::argmax(kept, x, dim); });
  }
  static Samples<Argmax> samples(Generator& random) {
    return {{{1, false}, {draw_distinct(random, {3, 4})}, "x[0].argmax(dim=1)"},
            {{0, true}, {draw_distinct(random, {4, 3})}, "x[0].argmax(dim=0, keepdim=True)"},
            {{1, false}, {draw(random, {0, 3})}, "x[0].argmax(dim=1)"}};
  }
};

struct Argmin {
  static constexpr std::string_view name = "argmin";
  int dim = 0;
  bool keepdim = false;
  Reduction reduction() const { return {{dim}, keepdim}; }
  Spec infer(const Tensor& x) const { return {reduction().result(x.shape()), int64}; }
  void forward(View y, View x) const {
    reduction().run(y, *x.shape, [&](View kept) { kernels::argmin(kept, x, dim); });
  }
  static Samples<Argmin> samples(Generator& random) {
    return {{{1, false}, {draw_distinct(random, {3, 4})}, "x[0].argmin(dim=1)"},
            {{1, false}, {draw(random, {0, 3})}, "x[0].argmin(dim=1)"}};
  }
};

using ReduceOps = OpList<Sum, Prod, SumSquares, Var, Amax, Amin, Logsumexp, LogsumexpBackward, Argmax, Argmin>;

}  // namespace ebb::ops
