// Views of parts of a tensor, and what puts a part back.
#pragma once

#include <algorithm>

#include "autograd/kernels/elementwise.h"
#include "autograd/ops/common.h"
#include "autograd/ops/shape.h"

namespace ebb::ops {

// x[…] for integers, ranges and new dimensions, all at once.
struct Subscript {
  static constexpr std::string_view name = "at", backward_name = "at_backward";
  Dims start;         // in each dimension of x
  Dims from;          // which dimension of x each one of the result goes along; -1: none, it is new
  Dims length, step;  // of each dimension of the result
  Layout layout(const Tensor& x) const { return part(x.shape(), x.strides()); }
  Tensor grad0(Grad g, ShapeOf<0> shape) const;
  void add0(View slot, Grad g) const { add_through(slot, part(*slot.shape, *slot.strides), g); }
  Layout part(const Shape&, const Dims& strides) const {
    Layout result{Shape(length), {}, 0};
    for (int i = 0; i < from.rank(); ++i)
      result.strides.push_back(from[i] < 0 ? 1 : strides[static_cast<int>(from[i])] * step[i]);
    for (int d = 0; d < start.rank() && result.shape.numel() > 0; ++d) result.offset += start[d] * strides[d];
    return result;
  }
  static Samples<Subscript> samples(Generator& random) {
    return {{{{1, 0, 2}, {0, -1, 2}, {2, 1, 2}, {2, 1, 1}}, {draw(random, {5, 1, 4})}, "x[0][1:5:2, 0, None, 2:]"},
            {{{2}, {}, {}, {}}, {draw(random, {3})}, "x[0][2]"},
            {{{}, {-1}, {1}, {1}}, {draw(random, {})}, "x[0][None]"},
            {{{0, 2}, {1}, {0}, {1}}, {draw(random, {3, 2})}, "x[0][0, 2:]"},
            {{{1, 0}, {0, 1}, {2, 0}, {1, 1}}, {draw(random, {3, 0})}, "x[0][1:]"}};
  }
  static Samples<PartBackward<Subscript>> backward_samples(Generator& random);
};

using SubscriptBackward = PartBackward<Subscript>;
inline Samples<SubscriptBackward> Subscript::backward_samples(Generator& random) {
  return {{{{{1, 0, 2}, {0, -1, 2}, {2, 1, 2}, {2, 1, 1}}, {5, 1, 4}},
           {draw(random, {2, 1, 2})},
           "torch.zeros(5, 1, 4, dtype=x[0].dtype).index_put((torch.tensor([[1], [3]]), torch.tensor(0), "
           "torch.tensor([[2, 3]])), x[0][:, 0])"},
          {{{{2}, {}, {}, {}}, {3}}, {draw(random, {})}, "torch.nn.functional.pad(x[0].reshape(1), (2, 0))"},
          {{{{0}, {0}, {0}, {1}}, {3}}, {draw(random, {0})}, "torch.nn.functional.pad(x[0], (0, 3))"}};
}
inline Tensor Subscript::grad0(Grad g, ShapeOf<0> shape) const {
  return apply(SubscriptBackward{*this, shape}, g);
}

// x with that part of it replaced by src.
struct SubscriptPut {
  static constexpr std::string_view name = "at_put";
  Subscript at;
  Spec infer(const Tensor& x, const Tensor& src) const {
    require_same_dtype(name, x, src);
    return {x.shape(), x.dtype()};
  }
  void forward(View y, View x, View src) const {
    kernels::copy(y, x);
    const Layout put = at.part(*y.shape, *y.strides);
    kernels::copy(part_of(y, put), src);
  }
  Tensor grad0(Grad g, ShapeOf<1> part) const {
    return apply(*this, g, expand(zeros({}, {.dtype = g.dtype()}), part));
  }
  Tensor grad1(Grad g) const { return apply(at, g); }
  static Samples<SubscriptPut> samples(Generator& random) {
    return {{{{{0, 1}, {0}, {3}, {1}}},
             {draw(random, {3, 4}), draw(random, {3})},
             "torch.select_scatter(x[0], x[1], 1, 1)"},
            {{{{1}, {0}, {2}, {2}}},
             {draw(random, {5}), draw(random, {2})},
             "torch.slice_scatter(x[0], x[1], 0, 1, 5, 2)"},
            {{{{}, {}, {}, {}}}, {draw(random, {}), draw(random, {})}, "0 * x[0] + x[1]"},
            {{{{0}, {0}, {0}, {1}}}, {draw(random, {3}), draw(random, {0})}, "x[0] + x[1].sum()"}};
  }
};

// The elements (i, i + offset) of two dimensions, or (i - offset, i), as the last dimension.
struct Diagonal {
  static constexpr std::string_view name = "diagonal", backward_name = "diagonal_backward";
  std::int64_t offset = 0;
  int dim1 = 0, dim2 = 1;
  Layout layout(const Tensor& x) const { return part(x.shape(), x.strides()); }
  Tensor grad0(Grad g, ShapeOf<0> shape) const;
  void add0(View slot, Grad g) const { add_through(slot, part(*slot.shape, *slot.strides), g); }
  Layout part(const Shape& shape, const Dims& strides) const {
    Dims sizes, steps;
    for (int d = 0; d < shape.rank(); ++d) {
      if (d == dim1 || d == dim2) continue;
      sizes.push_back(shape[d]);
      steps.push_back(strides[d]);
    }
    const std::int64_t down = std::min(-std::min<std::int64_t>(offset, 0), shape[dim1]),
                       right = std::min(std::max<std::int64_t>(offset, 0), shape[dim2]);
    sizes.push_back(std::min(shape[dim1] - down, shape[dim2] - right));
    steps.push_back(strides[dim1] + strides[dim2]);
    const Shape result(sizes);
    return {result, steps, result.numel() > 0 ? down * strides[dim1] + right * strides[dim2] : 0};
  }
  static Samples<Diagonal> samples(Generator& random) {
    return {{{0, 0, 1}, {draw(random, {3, 4})}, "x[0].diagonal()"},
            {{1, 2, 0}, {draw(random, {3, 2, 4})}, "x[0].diagonal(1, 2, 0)"},
            {{-1, 0, 1}, {draw(random, {3, 2})}, "x[0].diagonal(-1)"},
            {{4, 0, 1}, {draw(random, {3, 2})}, "x[0].diagonal(4)"},
            {{0, 0, 1}, {draw(random, {0, 2})}, "x[0].diagonal()"}};
  }
  static Samples<PartBackward<Diagonal>> backward_samples(Generator& random);
};

using DiagonalBackward = PartBackward<Diagonal>;
inline Samples<DiagonalBackward> Diagonal::backward_samples(Generator& random) {
  return {{{{1, 0, 1}, {3, 3}}, {draw(random, {2})}, "torch.diag_embed(x[0], 1)"},
          {{{-1, 2, 0}, {3, 2, 3}}, {draw(random, {2, 2})}, "torch.diag_embed(x[0], -1, 2, 0)"},
          {{{0, 0, 1}, {0, 0}}, {draw(random, {0})}, "torch.diag_embed(x[0])"}};
}
inline Tensor Diagonal::grad0(Grad g, ShapeOf<0> shape) const { return apply(DiagonalBackward{*this, shape}, g); }

// Windows of `size` elements, `dilation` apart, along dim, beginning every `step` elements: they become dim, and their
// elements the last dimension. They may overlap.
struct Windows {
  static constexpr std::string_view name = "windows";
  int dim = 0;
  std::int64_t size = 1, step = 1, dilation = 1;
  std::int64_t count(std::int64_t elements) const {
    const std::int64_t reach = dilation * (size - 1);
    return elements > reach ? (elements - reach - 1) / step + 1 : 0;
  }
  Layout layout(const Tensor& x) const {
    Dims sizes = x.shape(), strides = x.strides();
    sizes[dim] = count(sizes[dim]);
    sizes.push_back(size);
    strides.push_back(strides[dim] * dilation);
    strides[dim] *= step;
    return {Shape(sizes), strides, 0};
  }
  Tensor grad0(Grad g, ShapeOf<0> shape) const;
  // Element k of all windows lies in a part that does not overlap itself; these are added in order.
  void add_back(const View& y, const View& g) const {
    const int last = g.rank() - 1;
    const Dims sizes = g.shape->without(last);
    Dims strides = *g.strides;
    strides.erase(last);
    Layout from{Shape(sizes), strides, 0}, to = from;
    to.strides = *y.strides;
    to.strides[dim] *= step;
    for (std::int64_t k = 0; k < size && from.shape.numel() > 0; ++k) {
      from.offset = k * g.stride(last);
      to.offset = k * dilation * y.stride(dim);
      kernels::add_into(part_of(y, to), part_of(g, from));
    }
  }
  void add0(View slot, Grad g) const {
    detail::launch([op = *this](const View& y, const View& given) { op.add_back(y, given); }, slot, g.view());
  }
  static Samples<Windows> samples(Generator& random) {
    return {{{1, 3, 2, 1}, {draw(random, {2, 7})}, "x[0].unfold(1, 3, 2)"},
            {{0, 2, 1, 2}, {draw(random, {5, 2})}, "x[0].unfold(0, 3, 1)[..., ::2]"},
            {{0, 2, 3, 1}, {draw(random, {7})}, "x[0].unfold(0, 2, 3)"},
            {{1, 2, 1, 1}, {draw(random, {0, 3})}, "x[0].unfold(1, 2, 1)"}};
  }
};

// Zeros of `shape`, with the windows added where they were.
struct WindowsBackward {
  static constexpr std::string_view name = "windows_backward";
  Windows windows;
  Shape shape;
  Spec infer(const Tensor& g) const { return {shape, g.dtype()}; }
  void forward(View y, View g) const {
    kernels::fill(y, 0);
    windows.add_back(y, g);
  }
  Tensor grad0(Grad g) const { return apply(windows, g); }
  static Samples<WindowsBackward> samples(Generator& random) {
    return {
        {{{0, 3, 1, 1}, {5}},
         {draw(random, {3, 3})},
         "torch.zeros(5, dtype=x[0].dtype).index_add(0, torch.arange(5).unfold(0, 3, 1).flatten(), "
         "x[0].flatten())"},
        {{{1, 2, 2, 2}, {2, 6}},
         {draw(random, {2, 2, 2})},
         "torch.zeros(2, 6, dtype=x[0].dtype).index_add(1, torch.tensor([0, 2, 2, 4]), x[0].flatten(1))"},
        {{{1, 2, 1, 1}, {0, 3}}, {draw(random, {0, 2, 2})}, "torch.zeros(0, 3, dtype=x[0].dtype) + x[0].sum()"}};
  }
};
inline Tensor Windows::grad0(Grad g, ShapeOf<0> shape) const { return apply(WindowsBackward{*this, shape}, g); }

using PartOps =
    OpList<Subscript, SubscriptBackward, SubscriptPut, Diagonal, DiagonalBackward, Windows, WindowsBackward>;

}  // namespace ebb::ops
