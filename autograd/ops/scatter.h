// Writing at indices, one for each element, and the numbers of elements that indices stand for.
#pragma once

#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/index.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

// The public functions see to the shapes: x, index and src have one rank, index and src one shape, whose sizes are at
// most x's off dim.
inline Spec scatter_spec(std::string_view op, int dim, const Tensor& x, const Tensor& index, const Tensor& src) {
  require_index(op, index);
  require_same_dtype(op, x, src);
  bool fits = index.dim() == x.dim();
  for (int i = 0; fits && i < x.dim(); ++i) fits = i == dim || index.shape()[i] <= x.shape()[i];
  if (!fits || index.shape() != src.shape())
    fail(
        "{}: the index is {}, the tensor {}, the source {}; ranks must be equal, and the index's sizes at most "
        "the "
        "source's and, off dimension {}, the tensor's",
        op, index.shape(), x.shape(), src.shape(), dim);
  return {x.shape(), x.dtype()};
}

// What is left of g without the elements at index, and these: the gradients of Scatter. Of indices that are repeated
// the last takes the element, and the others 0.
struct ScatterBackward {
  static constexpr std::string_view name = "scatter_backward";
  static constexpr int outputs = 2;
  int dim = 0;
  std::array<Spec, 2> infer(const Tensor& g, const Tensor& index) const {
    return {Spec{g.shape(), g.dtype()}, Spec{index.shape(), g.dtype()}};
  }
  void forward(View rest, View taken, View g, View index) const {
    kernels::copy(rest, g);
    kernels::scatter_take(rest, taken, index, dim);
  }
  Tensor grad0(Grads g, In<1> index, ShapeOf<0> shape) const;
  static Samples<ScatterBackward> samples(Generator& random) {
    return {{{1},
             {draw(random, {3, 4}), tensor({{1, 3}, {0, 2}})},
             "(x[0].scatter(1, x[1], 0), torch.gather(x[0], 1, x[1]))"},
            {{0},
             {draw(random, {3}), tensor({2, 0, 2})},
             "(x[0].scatter(0, x[1], 0), x[0][x[1]] * torch.tensor([0, 1, 1]))"},
            {{0}, {draw(random, {3, 4}), zeros({0, 4}, {.dtype = int64})}, "(x[0], torch.gather(x[0], 0, x[1]))"}};
  }
};

// y = x, then y[index[i][j]][j] = src[i][j] for dim 0, and so on, in row-major order.
struct Scatter {
  static constexpr std::string_view name = "scatter";
  int dim = 0;
  Spec infer(const Tensor& x, const Tensor& index, const Tensor& src) const {
    return scatter_spec(name, dim, x, index, src);
  }
  void forward(View y, View x, View index, View src) const {
    kernels::copy(y, x);
    kernels::scatter(y, src, index, dim, kernels::Combine::assign);
  }
  Tensor grad0(Grad g, In<1> index) const { return apply(ScatterBackward{dim}, g, index)[0]; }
  Tensor grad2(Grad g, In<1> index) const { return apply(ScatterBackward{dim}, g, index)[1]; }
  static Samples<Scatter> samples(Generator& random) {
    return {{{1},
             {draw(random, {3, 4}), tensor({{1, 3}, {0, 2}}), draw(random, {2, 2})},
             "x[0].scatter(1, x[1], x[2])"},
            {{0},
             {draw(random, {3}), tensor({2, 0, 2}), draw(random, {3})},
             "x[0].scatter(0, x[1][1:], x[2][1:]) + 0 * x[2].sum()"},
            {{0},
             {draw(random, {3, 4}), zeros({0, 4}, {.dtype = int64}), draw(random, {0, 4})},
             "x[0].scatter(0, x[1], x[2])"}};
  }
};

inline Tensor ScatterBackward::grad0(Grads g, In<1> index, ShapeOf<0> shape) const {
  const Dtype dtype = g[0].defined() ? g[0].dtype() : g[1].dtype();
  return apply(Scatter{dim}, g[0].defined() ? g[0] : zeros(shape, {.dtype = dtype}), index,
               g[1].defined() ? g[1] : zeros(index.shape(), {.dtype = dtype}));
}

// y = x, then y[index[i][j]][j] += src[i][j] for dim 0, and so on.
struct ScatterOnto {
  static constexpr std::string_view name = "scatter_onto";
  int dim = 0;
  Spec infer(const Tensor& x, const Tensor& index, const Tensor& src) const {
    return scatter_spec("scatter_add", dim, x, index, src);
  }
  void forward(View y, View x, View index, View src) const {
    kernels::copy(y, x);
    kernels::scatter_add(y, src, index, dim);
  }
  Tensor grad0(Grad g) const { return g; }
  Tensor grad2(Grad g, In<1> index) const { return gather(g, dim, index); }
  static Samples<ScatterOnto> samples(Generator& random) {
    return {{{1},
             {draw(random, {3, 4}), draw_index(random, 4, {2, 6}), draw(random, {2, 6})},
             "x[0].scatter_add(1, x[1], x[2])"},
            {{0},
             {draw(random, {3, 4}), zeros({0, 4}, {.dtype = int64}), draw(random, {0, 4})},
             "x[0].scatter_add(0, x[1], x[2])"}};
  }
};

// The same with the product, the largest or the smallest. The derivatives are PyTorch's.
struct ScatterReduce {
  static constexpr std::string_view name = "scatter_reduce";
  kernels::Combine how = kernels::Combine::multiply;
  int dim = 0;
  Spec infer(const Tensor& x, const Tensor& index, const Tensor& src) const {
    return scatter_spec(name, dim, x, index, src);
  }
  void forward(View y, View x, View index, View src) const {
    kernels::copy(y, x);
    kernels::scatter(y, src, index, dim, how);
  }
  Tensor grad0(Grad g, In<0> x, In<1> index, In<2> src, Out y) const;
  Tensor grad2(Grad g, In<0> x, In<1> index, In<2> src, Out y) const;
  static Samples<ScatterReduce> samples(Generator& random);

 private:
  // dL/dy, shared by all that equal the largest or smallest.
  Tensor shared(Grad g, const Tensor& x, const Tensor& index, const Tensor& src, const Tensor& y) const;
};

// y = previous + weight · index, where a negative index counts from the end of `size`; previous may be undefined.
struct Places {
  static constexpr std::string_view name = "places";
  const char* function = "places";  // for the Error
  int dim = 0;                      // likewise
  std::int64_t size = 1, weight = 1;
  Spec infer(const Tensor& index, const Tensor&) const {
    require_index(function, index);
    return {index.shape(), int64};
  }
  void forward(View y, View index, View previous) const {
    if (previous.data) kernels::copy(y, previous);
    else kernels::fill(y, 0);
    kernels::add_places(function, y, index, dim, size, weight);
  }
  static Samples<Places> samples(Generator& random) {
    const auto index = [&](const Shape& shape) { return draw_index(random, 8, shape) + (-4); };
    return {{{"places", 0, 4, 3}, {index({2, 3}), draw_index(random, 3, {2, 3})}, "x[0] % 4 * 3 + x[1]"},
            {{"places", 0, 4, 1}, {index({}), Tensor()}, "x[0] % 4"},
            {{"places", 0, 4, 1}, {index({0, 2}), Tensor()}, "x[0] % 4"}};
  }
};

// The numbers of the true elements, in row-major order. How many there are is a value: Error within a Replay.
Tensor true_places(const char* op, const Tensor& mask);

using ScatterOps = OpList<ScatterBackward, Scatter, ScatterOnto, ScatterReduce, Places>;

}  // namespace ebb::ops
