// Copies of a tensor in another arrangement.
#pragma once

#include <algorithm>
#include <cstring>

#include "autograd/base/parallel.h"
#include "autograd/kernels/elementwise.h"
#include "autograd/ops/common.h"
#include "autograd/ops/shape.h"

namespace ebb::ops {

// The elements along some dimensions in the opposite order. A copy, as in PyTorch: tensors' strides are not negative.
struct Flip {
  static constexpr std::string_view name = "flip";
  Dims dims;
  Spec infer(const Tensor& x) const { return {x.shape(), x.dtype()}; }
  void forward(View y, View x) const {
    Layout reversed{*x.shape, *x.strides, 0};
    for (const auto dim : dims) {
      const int d = static_cast<int>(dim);
      reversed.offset += std::max<std::int64_t>(x.size(d) - 1, 0) * x.stride(d);
      reversed.strides[d] = -x.stride(d);
    }
    kernels::copy(y, part_of(x, reversed));
  }
  Tensor grad0(Grad g) const { return apply(*this, g); }
  static Samples<Flip> samples(Generator& random) {
    return {{{{0, 2}}, {draw(random, {2, 3, 4})}, "x[0].flip(0, 2)"},
            {{{1}}, {draw(random, {3, 4})}, "x[0].flip(1)"},
            {{{}}, {draw(random, {})}, "x[0].flip(())"},
            {{{0, 1}}, {draw(random, {3, 0})}, "x[0].flip(0, 1)"}};
  }
};

// x within `shape`, beginning at `before`; `value` around it.
struct Pad {
  static constexpr std::string_view name = "pad";
  Dims before;
  Shape shape;
  double value = 0;
  Layout inside(const Shape& size, const Dims& strides) const {
    Layout part{size, strides, 0};
    for (int d = 0; d < before.rank() && size.numel() > 0; ++d) part.offset += before[d] * strides[d];
    return part;
  }
  Spec infer(const Tensor& x) const { return {shape, x.dtype()}; }
  void forward(View y, View x) const {
    const Layout part = inside(*x.shape, *y.strides);
    if (x.numel() < y.numel()) kernels::fill(y, value);
    kernels::copy(part_of(y, part), x);
  }
  Tensor grad0(Grad g, ShapeOf<0> shape_of_x) const {
    Tensor part = g;
    for (int d = 0; d < before.rank(); ++d)
      if (shape_of_x[d] != shape[d]) part = narrow(part, d, before[d], shape_of_x[d]);
    return part;
  }
  static Samples<Pad> samples(Generator& random) {
    return {
        {{{1, 0}, {4, 7}, 0.5}, {draw(random, {3, 4})}, "torch.nn.functional.pad(x[0], (0, 3, 1, 0), value=0.5)"},
        {{{2}, {5}}, {draw(random, {3})}, "torch.nn.functional.pad(x[0], (2, 0))"},
        {{{}, {}}, {draw(random, {})}, "torch.nn.functional.pad(x[0], ())"},
        {{{1, 0}, {2, 2}, -1}, {draw(random, {0, 2})}, "torch.nn.functional.pad(x[0], (0, 0, 1, 1), value=-1)"}};
  }
};

// 0 above diagonal number `diagonal` of the last two dimensions, or below it.
struct Triangle {
  static constexpr std::string_view name = "triangle";
  std::int64_t diagonal = 0;
  bool upper = false;
  Spec infer(const Tensor& x) const { return {x.shape(), x.dtype()}; }
  void forward(View y, View x) const;
  Tensor grad0(Grad g) const { return apply(*this, g); }
  static Samples<Triangle> samples(Generator& random) {
    return {{{0, false}, {draw(random, {3, 4})}, "x[0].tril()"},
            {{1, true}, {draw(random, {2, 4, 3})}, "x[0].triu(1)"},
            {{-2, false}, {draw(random, {4, 3})}, "x[0].tril(-2)"},
            {{0, true}, {draw(random, {0, 3})}, "x[0].triu()"}};
  }
};

using RearrangeOps = OpList<Flip, Pad, Triangle>;

}  // namespace ebb::ops
