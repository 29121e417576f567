// Pooling over the last two dimensions of [n, c, h, w].
#pragma once

#include <span>

#include "autograd/kernels/pool.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

using kernels::Pool2dGeometry;

// The values at the indices that max_pool2d chose; with MaxPool2dBackward a pair of each other's gradients.
struct MaxPool2dGather {
  static constexpr std::string_view name = "max_pool2d_gather";
  Spec infer(const Tensor& x, const Tensor& index) const { return {index.shape(), x.dtype()}; }
  void forward(View y, View x, View index) const { kernels::max_pool2d_gather(y, x, index); }
  Tensor grad0(Grad g, In<1> index, ShapeOf<0> shape) const;
  static Samples<MaxPool2dGather> samples(Generator& random) {
    return {{{},
             {draw(random, {2, 2, 3, 3}), draw_index(random, 9, {2, 2, 2, 2})},
             "x[0].flatten(2).gather(2, x[1].flatten(2)).reshape(x[1].shape)"},
            {{},
             {draw(random, {0, 2, 3, 3}), zeros({0, 2, 2, 2}, {.dtype = int64})},
             "x[0].new_zeros(0, 2, 2, 2) + x[0].sum()"}};
  }
};

struct MaxPool2dBackward {
  static constexpr std::string_view name = "max_pool2d_backward";
  Shape shape;  // of the input
  Spec infer(const Tensor& g, const Tensor&) const { return {shape, g.dtype()}; }
  void forward(View gx, View g, View index) const { kernels::max_pool2d_backward(gx, g, index); }
  Tensor grad0(Grad gg, In<1> index) const { return apply(MaxPool2dGather{}, gg, index); }
  static Samples<MaxPool2dBackward> samples(Generator& random) {
    return {{{{2, 2, 3, 3}},
             {draw(random, {2, 2, 2, 2}), draw_index(random, 9, {2, 2, 2, 2})},
             "torch.zeros(2, 2, 9, dtype=x[0].dtype).scatter_add(2, x[1].flatten(2), "
             "x[0].flatten(2)).reshape(2, 2, 3, 3)"},
            {{{0, 2, 3, 3}},
             {draw(random, {0, 2, 2, 2}), zeros({0, 2, 2, 2}, {.dtype = int64})},
             "x[0].new_zeros(0, 2, 3, 3) + x[0].sum()"}};
  }
};

inline Tensor MaxPool2dGather::grad0(Grad g, In<1> index, ShapeOf<0> shape) const {
  return apply(MaxPool2dBackward{shape}, g, index);
}

// Windows over as many dimensions as there are numbers in each list.
struct PoolSizes {
  std::span<const std::int64_t> kernel, stride, padding, dilation;
};
// The shape of a pooled [n, c, sizes], or an Error. `ceil_mode` lets the last window begin inside and end outside.
Shape pooled_shape(std::string_view op, const Tensor& x, const PoolSizes& sizes, bool ceil_mode);
inline Shape pooled_shape(std::string_view op, const Tensor& x, const Pool2dGeometry& g, bool ceil_mode) {
  return pooled_shape(op, x, PoolSizes{g.kernel, g.stride, g.padding, g.dilation}, ceil_mode);
}
// The same for windows that divide the input into `output`.
Shape adaptive_shape(std::string_view op, const Tensor& x, std::span<const std::int64_t> output);

// Outputs: the maxima, and their places h · W + w.
struct MaxPool2d {
  static constexpr std::string_view name = "max_pool2d";
  static constexpr int outputs = 2, differentiable_outputs = 1;
  Pool2dGeometry geometry;
  bool ceil_mode = false;
  std::array<Spec, 2> infer(const Tensor& x) const {
    const Shape shape = pooled_shape(name, x, geometry, ceil_mode);
    return {Spec{shape, x.dtype()}, Spec{shape, int64}};
  }
  void forward(View y, View index, View x) const { kernels::max_pool2d(y, index, x, geometry); }
  Tensor grad0(Grads g, Output<1> index, ShapeOf<0> shape) const {
    return apply(MaxPool2dBackward{shape}, g[0], index);
  }
  static Samples<MaxPool2d> samples(Generator& random) {
    const std::string torch = "torch.nn.functional.max_pool2d(x[0], {}, return_indices=True)";
    return {{{{{2, 2}, {2, 2}}}, {draw_distinct(random, {2, 2, 4, 4})}, fmt::format(fmt::runtime(torch), "2")},
            {{{{3, 2}, {2, 1}, {1, 1}}},
             {draw_distinct(random, {1, 2, 5, 4})},
             fmt::format(fmt::runtime(torch), "(3, 2), (2, 1), (1, 1)")},
            {{{{2, 2}, {2, 2}}, true},
             {draw_distinct(random, {1, 1, 5, 3})},
             fmt::format(fmt::runtime(torch), "2, ceil_mode=True")},
            {{{{2, 2}, {2, 2}}}, {draw(random, {0, 2, 4, 4})}, fmt::format(fmt::runtime(torch), "2")}};
  }
};

struct AdaptiveMaxPool2d {
  static constexpr std::string_view name = "adaptive_max_pool2d";
  static constexpr int outputs = 2, differentiable_outputs = 1;
  std::array<std::int64_t, 2> output{1, 1};
  std::array<Spec, 2> infer(const Tensor& x) const {
    const Shape shape = adaptive_shape(name, x, output);
    return {Spec{shape, x.dtype()}, Spec{shape, int64}};
  }
  void forward(View y, View index, View x) const { kernels::adaptive_max_pool2d(y, index, x); }
  Tensor grad0(Grads g, Output<1> index, ShapeOf<0> shape) const {
    return apply(MaxPool2dBackward{shape}, g[0], index);
  }
  static Samples<AdaptiveMaxPool2d> samples(Generator& random) {
    const std::string torch = "torch.nn.functional.adaptive_max_pool2d(x[0], {}, return_indices=True)";
    return {{{{3, 2}}, {draw_distinct(random, {1, 2, 5, 4})}, fmt::format(fmt::runtime(torch), "(3, 2)")},
            {{{1, 1}}, {draw_distinct(random, {2, 3, 4, 4})}, fmt::format(fmt::runtime(torch), "1")},
            {{{2, 3}}, {draw(random, {0, 2, 4, 4})}, fmt::format(fmt::runtime(torch), "(2, 3)")}};
  }
};

struct AvgPool2dBackward {
  static constexpr std::string_view name = "avg_pool2d_backward";
  Pool2dGeometry geometry;
  bool ceil_mode = false;
  Shape shape;  // of the input
  Spec infer(const Tensor& g) const { return {shape, g.dtype()}; }
  void forward(View gx, View g) const { kernels::avg_pool2d_backward(gx, g, geometry); }
  Tensor grad0(Grad gg) const;
  static Samples<AvgPool2dBackward> samples(Generator& random) {
    return {{{{{3, 2}, {2, 1}, {1, 1}}, false, {1, 2, 5, 4}},
             {draw(random, {1, 2, 3, 5})},
             "torch.autograd.grad(torch.nn.functional.avg_pool2d(z := torch.zeros(1, 2, 5, 4, dtype=x[0].dtype, "
             "requires_grad=True), (3, 2), (2, 1), (1, 1)), z, x[0], create_graph=True)[0]"},
            {{{{2, 2}, {2, 2}}, false, {0, 2, 4, 4}},
             {draw(random, {0, 2, 2, 2})},
             "x[0].new_zeros(0, 2, 4, 4) + x[0].sum()"}};
  }
};

struct AvgPool2d {
  static constexpr std::string_view name = "avg_pool2d";
  Pool2dGeometry geometry;
  bool ceil_mode = false;
  Spec infer(const Tensor& x) const { return {pooled_shape(name, x, geometry, ceil_mode), x.dtype()}; }
  void forward(View y, View x) const { kernels::avg_pool2d(y, x, geometry); }
  Tensor grad0(Grad g, ShapeOf<0> shape) const { return apply(AvgPool2dBackward{geometry, ceil_mode, shape}, g); }
  static Samples<AvgPool2d> samples(Generator& random) {
    return {{{{{2, 2}, {2, 2}}}, {draw(random, {2, 2, 4, 4})}, "torch.nn.functional.avg_pool2d(x[0], 2)"},
            {{{{3, 2}, {2, 1}, {1, 1}}},
             {draw(random, {1, 2, 5, 4})},
             "torch.nn.functional.avg_pool2d(x[0], (3, 2), (2, 1), (1, 1))"},
            {{{{3, 3}, {2, 2}, {1, 1}, {1, 1}, false}, true},
             {draw(random, {1, 1, 6, 5})},
             "torch.nn.functional.avg_pool2d(x[0], 3, 2, 1, ceil_mode=True, count_include_pad=False)"},
            {{{{2, 3}, {1, 2}, {0, 1}, {1, 1}, true, 5}},
             {draw(random, {1, 2, 3, 4})},
             "torch.nn.functional.avg_pool2d(x[0], (2, 3), (1, 2), (0, 1), divisor_override=5)"},
            {{{{2, 2}, {2, 2}}}, {draw(random, {0, 2, 4, 4})}, "torch.nn.functional.avg_pool2d(x[0], 2)"}};
  }
};

inline Tensor AvgPool2dBackward::grad0(Grad gg) const { return apply(AvgPool2d{geometry, ceil_mode}, gg); }

struct AdaptiveAvgPool2dBackward {
  static constexpr std::string_view name = "adaptive_avg_pool2d_backward";
  Shape shape;  // of the input
  Spec infer(const Tensor& g) const { return {shape, g.dtype()}; }
  void forward(View gx, View g) const { kernels::adaptive_avg_pool2d_backward(gx, g); }
  Tensor grad0(Grad gg, ShapeOf<0> shape_of_g) const {
    return adaptive_avg_pool2d(gg, {shape_of_g[2], shape_of_g[3]});
  }
  static Samples<AdaptiveAvgPool2dBackward> samples(Generator& random) {
    return {{{{1, 2, 5, 4}},
             {draw(random, {1, 2, 3, 2})},
             "torch.autograd.grad(torch.nn.functional.adaptive_avg_pool2d(z := torch.zeros(1, 2, 5, 4, "
             "dtype=x[0].dtype, "
             "requires_grad=True), (3, 2)), z, x[0], create_graph=True)[0]"},
            {{{0, 2, 5, 4}}, {draw(random, {0, 2, 3, 2})}, "x[0].new_zeros(0, 2, 5, 4) + x[0].sum()"}};
  }
};

struct AdaptiveAvgPool2d {
  static constexpr std::string_view name = "adaptive_avg_pool2d";
  std::array<std::int64_t, 2> output{1, 1};
  Spec infer(const Tensor& x) const { return {adaptive_shape(name, x, output), x.dtype()}; }
  void forward(View y, View x) const { kernels::adaptive_avg_pool2d(y, x); }
  Tensor grad0(Grad g, ShapeOf<0> shape) const { return apply(AdaptiveAvgPool2dBackward{shape}, g); }
  static Samples<AdaptiveAvgPool2d> samples(Generator& random) {
    return {{{{3, 2}}, {draw(random, {1, 2, 5, 4})}, "torch.nn.functional.adaptive_avg_pool2d(x[0], (3, 2))"},
            {{{1, 1}}, {draw(random, {2, 3, 4, 4})}, "torch.nn.functional.adaptive_avg_pool2d(x[0], 1)"},
            {{{2, 2}}, {draw(random, {0, 2, 4, 4})}, "x[0].new_zeros(0, 2, 2, 2) + x[0].sum()"}};
  }
};

using PoolOps = OpList<MaxPool2d, MaxPool2dBackward, MaxPool2dGather, AdaptiveMaxPool2d, AvgPool2d,
                       AvgPool2dBackward, AdaptiveAvgPool2d, AdaptiveAvgPool2dBackward>;

}  // namespace ebb::ops
