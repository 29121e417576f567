// Views of a tensor's memory, copies of it, and cat.
#pragma once

#include <numeric>

#include "autograd/kernels/elementwise.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

inline Layout layout_of(const Tensor& x) { return {x.shape(), x.strides(), 0}; }

// A part of what a view shows; it refers to `part`.
inline View part_of(const View& whole, const Layout& part) {
  auto* first = static_cast<std::byte*>(whole.data) + part.offset * size_of(whole.dtype);
  return {first, &part.shape, &part.strides, whole.dtype, is_contiguous(part.shape, part.strides)};
}

// The part of a gradient slot that a view operation reads.
inline void add_through(View slot, const Layout& part, Grad g) {
  detail::launch(kernels::add_into, part_of(slot, part), g.view());
}

struct Identity {
  static constexpr std::string_view name = "identity";
  Layout layout(const Tensor& x) const { return layout_of(x); }
  Tensor grad0(Grad g) const { return g; }
  static Samples<Identity> samples(Generator& random) {
    return unary_samples(random, Identity{}, "x[0].view_as(x[0])");
  }
};

inline Tensor at_least_1d(const Tensor& x) { return x.dim() == 0 ? reshape(x, {1}) : x; }

// The elements start:stop:step of a dimension, as in Python. A step that leads nowhere is 1.
struct Range {
  std::int64_t first, length, step;
};
Range range_of(std::string_view op, std::int64_t size, std::optional<std::int64_t> start,
               std::optional<std::int64_t> stop, std::int64_t step);

// A list with room for so many parts of a tensor. More are an Error before there is one.
inline std::vector<Tensor> list_of(std::string_view op, std::int64_t parts) {
  constexpr std::int64_t kMost = 1 << 24;
  if (parts > kMost)
    fail("{}: the result is {} tensors; take fewer parts, of which there may be {}", op, parts, kMost);
  std::vector<Tensor> list;
  list.reserve(static_cast<std::size_t>(parts));
  return list;
}

// The strides that give x's elements another shape without moving them; none if that is impossible.
std::optional<Dims> strides_for(const Tensor& x, const Shape& shape);

// Only where strides_for has an answer: the public reshape() copies first where it has not.
struct Reshape {
  static constexpr std::string_view name = "reshape";
  Shape shape;
  Layout layout(const Tensor& x) const { return {shape, *strides_for(x, shape), 0}; }
  Tensor grad0(Grad g, ShapeOf<0> shape_of_x) const { return reshape(g, shape_of_x); }
  static Samples<Reshape> samples(Generator& random) {
    return {{{{2, 6}}, {draw(random, {3, 4})}, "x[0].reshape(2, 6)"},
            {{{}}, {draw(random, {1})}, "x[0].reshape(())"},
            {{{1, 1}}, {draw(random, {})}, "x[0].reshape(1, 1)"},
            {{{3, 0}}, {draw(random, {0, 2})}, "x[0].reshape(3, 0)"}};
  }
};

struct Permute {
  static constexpr std::string_view name = "permute";
  Dims dims;
  Layout layout(const Tensor& x) const {
    Dims sizes, strides;
    for (const auto dim : dims) {
      sizes.push_back(x.shape()[static_cast<int>(dim)]);
      strides.push_back(x.strides()[static_cast<int>(dim)]);
    }
    return {Shape(sizes), strides, 0};
  }
  Tensor grad0(Grad g) const {
    Dims inverse = dims;
    for (int i = 0; i < dims.rank(); ++i) inverse[static_cast<int>(dims[i])] = i;
    return permute(g, inverse);
  }
  static Samples<Permute> samples(Generator& random) {
    return {{{{2, 0, 1}}, {draw(random, {2, 3, 4})}, "x[0].permute(2, 0, 1)"},
            {{{1, 0}}, {draw(random, {3, 4})}, "x[0].permute(1, 0)"},
            {{{1, 0}}, {draw(random, {0, 4})}, "x[0].permute(1, 0)"},
            {{{}}, {draw(random, {})}, "x[0].permute(())"}};
  }
};

// Sizes of 1 stretched with stride 0, new dimensions in front.
struct Expand {
  static constexpr std::string_view name = "expand";
  Shape shape;
  Layout layout(const Tensor& x) const {
    Dims strides = Dims::filled(shape.rank(), 0);
    const int lead = shape.rank() - x.dim();
    for (int i = 0; i < x.dim(); ++i)
      strides[lead + i] = x.shape()[i] == 1 && shape[lead + i] != 1 ? 0 : x.strides()[i];
    return {shape, strides, 0};
  }
  Tensor grad0(Grad g, ShapeOf<0> shape_of_x) const { return sum_to(g, shape_of_x); }
  static Samples<Expand> samples(Generator& random) {
    return {{{{2, 3}}, {draw(random, {3})}, "x[0].expand(2, 3)"},
            {{{2, 3, 4}}, {draw(random, {3, 1})}, "x[0].expand(2, 3, 4)"},
            {{{3, 2}}, {draw(random, {})}, "x[0].expand(3, 2)"},
            {{{0, 2}}, {draw(random, {1, 2})}, "x[0].expand(0, 2)"},
            {{{3, 0}}, {draw(random, {1, 0})}, "x[0].expand(3, 0)"}};
  }
};

template <class Part>
struct PartBackward;

// x[start : start + step · length : step] along dim.
struct Slice {
  static constexpr std::string_view name = "slice", backward_name = "slice_backward";
  int dim = 0;
  std::int64_t start = 0, length = 0, step = 1;
  Layout layout(const Tensor& x) const { return part(x.shape(), x.strides()); }
  Tensor grad0(Grad g, ShapeOf<0> shape) const { return apply_backward(g, shape); }
  void add0(View slot, Grad g) const { add_through(slot, part(*slot.shape, *slot.strides), g); }
  Layout part(const Shape& shape, Dims strides) const {
    const std::int64_t offset = length > 0 ? start * strides[dim] : 0;
    strides[dim] *= step;
    return {shape.with(dim, length), strides, offset};
  }
  Tensor apply_backward(Grad g, const Shape& shape) const;
  static Samples<Slice> samples(Generator& random) {
    return {{{1, 1, 2, 1}, {draw(random, {3, 4})}, "x[0][:, 1:3]"},
            {{0, 0, 2, 2}, {draw(random, {4, 2})}, "x[0][0:4:2]"},
            {{0, 1, 0, 1}, {draw(random, {3, 2})}, "x[0][1:1]"},
            {{1, 0, 1, 1}, {draw(random, {0, 2})}, "x[0][:, 0:1]"}};
  }
  static Samples<PartBackward<Slice>> backward_samples(Generator& random);
};

// Zeros of `shape`, with x in the part of them that a view operation reads: its gradient.
template <class Part>
struct PartBackward {
  static constexpr std::string_view name = Part::backward_name;
  Part part;
  Shape shape;
  Spec infer(const Tensor& g) const { return {shape, g.dtype()}; }
  void forward(View y, View g) const {
    kernels::fill(y, 0);
    const Layout read = part.part(*y.shape, *y.strides);
    kernels::copy(part_of(y, read), g);
  }
  Tensor grad0(Grad g) const { return apply(part, g); }
  static Samples<PartBackward> samples(Generator& random) { return Part::backward_samples(random); }
};

using SliceBackward = PartBackward<Slice>;
inline Samples<SliceBackward> Slice::backward_samples(Generator& random) {
  return {{{{1, 1, 2, 1}, {3, 4}}, {draw(random, {3, 2})}, "torch.nn.functional.pad(x[0], (1, 1))"},
          {{{0, 1, 0, 1}, {3, 2}}, {draw(random, {0, 2})}, "torch.zeros(3, 2, dtype=x[0].dtype) + x[0].sum()"}};
}

struct Select {
  static constexpr std::string_view name = "select";
  int dim = 0;
  std::int64_t index = 0;
  Layout layout(const Tensor& x) const { return part(x.shape(), x.strides()); }
  Tensor grad0(Grad g, ShapeOf<0> shape) const {
    return Slice{dim, index, 1, 1}.apply_backward(unsqueeze(g, dim), shape);
  }
  void add0(View slot, Grad g) const { add_through(slot, part(*slot.shape, *slot.strides), g); }
  Layout part(const Shape& shape, Dims strides) const {
    const std::int64_t offset = index * strides[dim];
    strides.erase(dim);
    return {shape.without(dim), strides, offset};
  }
  static Samples<Select> samples(Generator& random) {
    return {{{0, 2}, {draw(random, {3, 4})}, "x[0].select(0, 2)"},
            {{1, 0}, {draw(random, {2, 3, 2})}, "x[0].select(1, 0)"},
            {{0, 1}, {draw(random, {3})}, "x[0].select(0, 1)"},
            {{1, 1}, {draw(random, {0, 2})}, "x[0].select(1, 1)"}};
  }
};

struct Cat {
  static constexpr std::string_view name = "cat";
  int dim = 0;
  std::vector<std::int64_t> starts = {};  // where each tensor begins, and the end
  Spec infer(std::span<const Tensor> tensors) const;
  void forward(View y, std::span<const View> tensors) const;
  Tensor grad(std::size_t i, Grad g) const { return narrow(g, dim, starts[i], starts[i + 1] - starts[i]); }
  static Samples<Cat> samples(Generator& random) {
    return {{{0, {0, 2, 3}}, {draw(random, {2, 3}), draw(random, {1, 3})}, "torch.cat(x, 0)"},
            {{1, {0, 2, 2, 3}},
             {draw(random, {2, 2}), draw(random, {2, 0}), draw(random, {2, 1})},
             "torch.cat(x, 1)"}};
  }
};

struct Clone {
  static constexpr std::string_view name = "clone";
  Spec infer(const Tensor& x) const { return {x.shape(), x.dtype()}; }
  void forward(View y, View x) const { kernels::copy(y, x); }
  Tensor grad0(Grad g) const { return g; }
  static Samples<Clone> samples(Generator& random) { return unary_samples(random, Clone{}, "x[0].clone()"); }
};

struct To {
  static constexpr std::string_view name = "to";
  Dtype dtype = float32;
  Spec infer(const Tensor& x) const { return {x.shape(), dtype}; }
  void forward(View y, View x) const { kernels::copy(y, x); }
  Tensor grad0(Grad g, In<0> x) const { return g.to(x.dtype()); }
  static Samples<To> samples(Generator& random) {
    return unary_samples(random, To{float64}, "x[0].to(torch.float64)");
  }
};

using ShapeOps = OpList<Identity, Reshape, Permute, Expand, Slice, SliceBackward, Select, Cat, Clone, To>;

}  // namespace ebb::ops
