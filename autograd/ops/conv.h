// 2-d convolution. Its three products are each other's gradients.
#pragma once

#include <span>

#include "autograd/kernels/conv.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

using kernels::Conv2dGeometry;

// A convolution over as many dimensions as there are numbers in each list.
struct ConvSizes {
  std::span<const std::int64_t> stride, padding, dilation;
  std::int64_t groups;
};
// The shape of its result, or an Error of operation `op`.
Shape conv_shape(std::string_view op, const Tensor& x, const Tensor& weight, const Tensor& bias,
                 const ConvSizes& sizes);

struct Conv2d {
  static constexpr std::string_view name = "conv2d";
  Conv2dGeometry geometry;
  Spec infer(const Tensor& x, const Tensor& weight, const Tensor& bias) const {
    const auto& [stride, padding, dilation, groups] = geometry;
    return {conv_shape(name, x, weight, bias, {stride, padding, dilation, groups}), x.dtype()};
  }
  void forward(View y, View x, View weight, View bias) const { kernels::conv2d(y, x, weight, bias, geometry); }
  Tensor grad0(Grad g, In<1> weight, ShapeOf<0> shape) const;
  Tensor grad1(Grad g, In<0> x, ShapeOf<1> shape) const;
  Tensor grad2(Grad g) const { return sum(g, {0, 2, 3}); }
  static Samples<Conv2d> samples(Generator& random);
};

// Also the transposed convolution of g.
struct Conv2dBackwardInput {
  static constexpr std::string_view name = "conv2d_backward_input";
  Conv2dGeometry geometry;
  Shape shape;  // of the input
  Spec infer(const Tensor& g, const Tensor&) const { return {shape, g.dtype()}; }
  void forward(View gx, View g, View weight) const { kernels::conv2d_backward_input(gx, g, weight, geometry); }
  Tensor grad0(Grad gg, In<1> weight) const { return apply(Conv2d{geometry}, gg, weight, Tensor()); }
  Tensor grad1(Grad gg, In<0> g, ShapeOf<1> shape_of_weight) const;
  static Samples<Conv2dBackwardInput> samples(Generator& random);
};

struct Conv2dBackwardWeight {
  static constexpr std::string_view name = "conv2d_backward_weight";
  Conv2dGeometry geometry;
  Shape shape;  // of the weight
  Spec infer(const Tensor& g, const Tensor&) const { return {shape, g.dtype()}; }
  void forward(View gw, View g, View x) const { kernels::conv2d_backward_weight(gw, g, x, geometry); }
  Tensor grad0(Grad gg, In<1> x) const { return apply(Conv2d{geometry}, x, gg, Tensor()); }
  Tensor grad1(Grad gg, In<0> g, ShapeOf<1> shape_of_x) const {
    return apply(Conv2dBackwardInput{geometry, shape_of_x}, g, gg);
  }
  static Samples<Conv2dBackwardWeight> samples(Generator& random);
};

inline Tensor Conv2d::grad0(Grad g, In<1> weight, ShapeOf<0> shape) const {
  return apply(Conv2dBackwardInput{geometry, shape}, g, weight);
}
inline Tensor Conv2d::grad1(Grad g, In<0> x, ShapeOf<1> shape) const {
  return apply(Conv2dBackwardWeight{geometry, shape}, g, x);
}
inline Tensor Conv2dBackwardInput::grad1(Grad gg, In<0> g, ShapeOf<1> shape_of_weight) const {
  return apply(Conv2dBackwardWeight{geometry, shape_of_weight}, g, gg);
}

inline Samples<Conv2d> Conv2d::samples(Generator& random) {
  return {{{},
           {draw(random, {2, 2, 4, 5}), draw(random, {3, 2, 3, 3}), draw(random, {3})},
           "torch.nn.functional.conv2d(x[0], x[1], x[2])"},
          {{{{2, 1}, {1, 2}, {1, 2}, 2}},
           {draw(random, {1, 4, 5, 6}), draw(random, {2, 2, 3, 2}), Tensor()},
           "torch.nn.functional.conv2d(x[0], x[1], None, stride=(2, 1), padding=(1, 2), dilation=(1, 2), "
           "groups=2)"},
          {{{{1, 1}, {1, 1}, {1, 1}, 3}},
           {draw(random, {1, 3, 4, 4}), draw(random, {3, 1, 3, 3}), draw(random, {3})},
           "torch.nn.functional.conv2d(x[0], x[1], x[2], padding=1, groups=3)"},
          {{},
           {draw(random, {0, 2, 4, 4}), draw(random, {1, 2, 3, 3}), draw(random, {1})},
           "torch.nn.functional.conv2d(x[0], x[1], x[2])"}};
}

inline Samples<Conv2dBackwardInput> Conv2dBackwardInput::samples(Generator& random) {
  return {{{{{2, 1}, {1, 0}, {1, 1}, 1}, {2, 2, 5, 4}},
           {draw(random, {2, 3, 3, 3}), draw(random, {3, 2, 3, 2})},
           "torch.nn.grad.conv2d_input((2, 2, 5, 4), x[1], x[0], stride=(2, 1), padding=(1, 0))"},
          {{{}, {0, 2, 4, 4}},
           {draw(random, {0, 3, 2, 2}), draw(random, {3, 2, 3, 3})},
           "torch.nn.functional.conv_transpose2d(x[0], x[1])"}};
}

inline Samples<Conv2dBackwardWeight> Conv2dBackwardWeight::samples(Generator& random) {
  return {{{{{2, 1}, {1, 0}, {1, 1}, 1}, {3, 2, 3, 2}},
           {draw(random, {2, 3, 3, 3}), draw(random, {2, 2, 5, 4})},
           "torch.nn.grad.conv2d_weight(x[1], (3, 2, 3, 2), x[0], stride=(2, 1), padding=(1, 0))"},
          {{{}, {3, 2, 3, 3}},
           {draw(random, {0, 3, 2, 2}), draw(random, {0, 2, 4, 4})},
           "torch.zeros(3, 2, 3, 3, dtype=x[0].dtype) + x[0].sum() + x[1].sum()"}};
}

using ConvOps = OpList<Conv2d, Conv2dBackwardInput, Conv2dBackwardWeight>;

}  // namespace ebb::ops
