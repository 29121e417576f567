// Reading at indices, and the adding back that is its gradient.
#pragma once

#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/index.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

// y[.., i, ..] = x[.., index[i], ..]. The index addresses `count` dimensions by the number of an element in row-major
// order.
struct IndexSelect {
  static constexpr std::string_view name = "index_select";
  int dim = 0, count = 1;
  Spec infer(const Tensor& x, const Tensor& index) const {
    require_index(name, index);
    if (index.dim() != 1) fail("index_select: the index is {}; it must have one dimension", describe(index));
    if (x.dim() == 0) fail("index_select: the tensor is 0-d");
    Dims sizes = x.shape();
    for (int i = 1; i < count; ++i) sizes.erase(dim);
    sizes[dim] = index.numel();
    return {Shape(sizes), x.dtype()};
  }
  void forward(View y, View x, View index) const { kernels::index_select(y, x, index, dim, count); }
  Tensor grad0(Grad g, In<1> index, ShapeOf<0> shape) const;
  void add0(View slot, Grad g, In<1> index) const {
    detail::launch([d = dim, n = count](const auto&... views) { kernels::index_add(views..., d, n); }, slot,
                   g.view(), index.view());
  }
  static Samples<IndexSelect> samples(Generator& random) {
    return {{{0}, {draw(random, {4, 3}), tensor({2, 0, 2})}, "torch.index_select(x[0], 0, x[1])"},
            {{1}, {draw(random, {2, 3, 2}), tensor({1})}, "torch.index_select(x[0], 1, x[1])"},
            {{1, 2},
             {draw(random, {2, 3, 2, 2}), tensor({5, 0, 3, 0})},
             "torch.index_select(x[0].flatten(1, 2), 1, x[1])"},
            {{0}, {draw(random, {4, 3}), zeros({0}, {.dtype = int64})}, "torch.index_select(x[0], 0, x[1])"}};
  }
};

// Zeros of `shape` with g's slices added at index.
struct IndexAdd {
  static constexpr std::string_view name = "index_add";
  int dim = 0;
  Shape shape;
  int count = 1;
  Spec infer(const Tensor& g, const Tensor&) const { return {shape, g.dtype()}; }
  void forward(View y, View g, View index) const {
    kernels::fill(y, 0);
    kernels::index_add(y, g, index, dim, count);
  }
  Tensor grad0(Grad g, In<1> index) const { return apply(IndexSelect{dim, count}, g, index); }
  static Samples<IndexAdd> samples(Generator& random) {
    return {{{0, {4, 3}},
             {draw(random, {3, 3}), tensor({2, 0, 2})},
             "torch.zeros(4, 3, dtype=x[0].dtype).index_add(0, x[1], x[0])"},
            {{1, {2, 4}},
             {draw(random, {2, 0}), zeros({0}, {.dtype = int64})},
             "torch.zeros(2, 4, dtype=x[0].dtype).index_add(1, x[1], x[0])"},
            {{0, {3, 2, 2}, 2},
             {draw(random, {3, 2}), tensor({5, 0, 5})},
             "torch.zeros(6, 2, dtype=x[0].dtype).index_add(0, x[1], x[0]).reshape(3, 2, 2)"}};
  }
};

// y[i][j] = x[index[i][j]][j] for dim 0, and so on.
struct Gather {
  static constexpr std::string_view name = "gather";
  int dim = 0;
  Spec infer(const Tensor& x, const Tensor& index) const {
    require_index(name, index);
    bool fits = index.dim() == x.dim();
    for (int i = 0; fits && i < x.dim(); ++i) fits = i == dim || index.shape()[i] <= x.shape()[i];
    if (!fits)
      fail(
          "gather: the index is {}, the tensor {}; ranks must be equal, and sizes at most the tensor's off "
          "dimension {}",
          index.shape(), x.shape(), dim);
    return {index.shape(), x.dtype()};
  }
  void forward(View y, View x, View index) const { kernels::gather(y, x, index, dim); }
  Tensor grad0(Grad g, In<1> index, ShapeOf<0> shape) const;
  void add0(View slot, Grad g, In<1> index) const {
    detail::launch([d = dim](const auto&... views) { kernels::scatter_add(views..., d); }, slot, g.view(),
                   index.view());
  }
  static Samples<Gather> samples(Generator& random) {
    return {{{1}, {draw(random, {3, 4}), draw_index(random, 4, {3, 2})}, "torch.gather(x[0], 1, x[1])"},
            {{0}, {draw(random, {3, 4}), draw_index(random, 3, {5, 4})}, "torch.gather(x[0], 0, x[1])"},
            {{0}, {draw(random, {3, 4}), zeros({0, 4}, {.dtype = int64})}, "torch.gather(x[0], 0, x[1])"}};
  }
};

struct ScatterAdd {
  static constexpr std::string_view name = "scatter_add";
  int dim = 0;
  Shape shape;
  Spec infer(const Tensor& g, const Tensor&) const { return {shape, g.dtype()}; }
  void forward(View y, View g, View index) const {
    kernels::fill(y, 0);
    kernels::scatter_add(y, g, index, dim);
  }
  Tensor grad0(Grad g, In<1> index) const { return gather(g, dim, index); }
  static Samples<ScatterAdd> samples(Generator& random) {
    return {{{1, {3, 4}},
             {draw(random, {3, 2}), draw_index(random, 4, {3, 2})},
             "torch.zeros(3, 4, dtype=x[0].dtype).scatter_add(1, x[1], x[0])"},
            {{0, {3, 4}},
             {draw(random, {0, 4}), zeros({0, 4}, {.dtype = int64})},
             "torch.zeros(3, 4, dtype=x[0].dtype).scatter_add(0, x[1], x[0])"}};
  }
};

inline Tensor IndexSelect::grad0(Grad g, In<1> index, ShapeOf<0> shape) const {
  return apply(IndexAdd{dim, shape, count}, g, index);
}
inline Tensor Gather::grad0(Grad g, In<1> index, ShapeOf<0> shape) const {
  return apply(ScatterAdd{dim, shape}, g, index);
}

using IndexOps = OpList<IndexSelect, IndexAdd, Gather, ScatterAdd>;

}  // namespace ebb::ops
