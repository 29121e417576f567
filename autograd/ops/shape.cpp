#include "autograd/ops/shape.h"

#include <algorithm>

#include "autograd/base/divide.h"

namespace ebb {
namespace ops {
namespace {

// `sizes` with its one -1, if any, replaced by what is left of n elements.
Shape resolve(std::string_view op, const Tensor& x, Dims sizes) {
  int unknown = -1;
  std::int64_t known = 1;
  for (int i = 0; i < sizes.rank(); ++i) {
    if (sizes[i] == -1 && unknown < 0) unknown = i;
    else if (sizes[i] < 0) fail("{}: size {} in {}; at most one size may be -1", op, sizes[i], sizes);
    else if (__builtin_mul_overflow(known, sizes[i], &known)) fail("{}: {} has too many elements", op, sizes);
  }
  if (unknown >= 0) {
    if (known == 0 || x.numel() % known != 0)
      fail("{}: the elements of {} do not fill {}", op, describe(x), sizes);
    sizes[unknown] = x.numel() / known;
  }
  const Shape shape(sizes);
  if (shape.numel() != x.numel())
    fail("{}: {} has {} elements, {} has {}", op, describe(x), x.numel(), sizes, shape.numel());
  return shape;
}

}  // namespace

Range range_of(std::string_view op, std::int64_t size, std::optional<std::int64_t> start,
               std::optional<std::int64_t> stop, std::int64_t step) {
  if (step <= 0) fail("{}: the step is {}; it must be positive", op, step);
  const auto bound = [&](std::int64_t i) { return std::clamp<std::int64_t>(i < 0 ? i + size : i, 0, size); };
  const std::int64_t first = bound(start.value_or(0)), last = std::max(first, bound(stop.value_or(size)));
  const std::int64_t length = last > first ? (last - first - 1) / step + 1 : 0;
  return {first, length, length > 1 ? step : 1};
}

std::optional<Dims> strides_for(const Tensor& x, const Shape& shape) {
  if (x.is_contiguous()) return contiguous_strides(shape);
  if (x.numel() == 0) return contiguous_strides(shape);
  // Walks both shapes from the end: a run of x's dimensions that lie behind one another may be cut anew.
  Dims strides = Dims::filled(shape.rank(), 0);
  int at = shape.rank() - 1;
  std::int64_t run = 1, cut = 1, step = x.dim() > 0 ? x.strides().back() : 1;
  for (int i = x.dim() - 1; i >= 0; --i) {
    run *= x.shape()[i];
    const bool ends = i == 0 || (x.shape()[i - 1] != 1 && x.strides()[i - 1] != run * step);
    if (!ends) continue;
    for (; at >= 0 && (cut < run || shape[at] == 1); --at) {
      strides[at] = cut * step;
      cut *= shape[at];
    }
    if (cut != run) return {};
    if (i > 0) {
      step = x.strides()[i - 1];
      run = cut = 1;
    }
  }
  return at < 0 ? std::optional(strides) : std::nullopt;
}

Tensor Slice::apply_backward(Grad g, const Shape& shape) const { return apply(SliceBackward{*this, shape}, g); }

Spec Cat::infer(std::span<const Tensor> tensors) const {
  const Tensor& first = tensors[0];
  for (std::size_t i = 1; i < tensors.size(); ++i) {
    require_same_dtype(name, first, tensors[i]);
    bool fits = tensors[i].dim() == first.dim();
    for (int k = 0; fits && k < first.dim(); ++k) fits = k == dim || tensors[i].shape()[k] == first.shape()[k];
    if (!fits)
      fail("cat: tensor {} is {}, tensor 0 {}; all sizes but that of dimension {} must be equal", i,
           tensors[i].shape(), first.shape(), dim);
  }
  return {first.shape().with(dim, starts.back()), first.dtype()};
}

void Cat::forward(View y, std::span<const View> tensors) const {
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    auto* first = static_cast<std::byte*>(y.data) + starts[i] * y.stride(dim) * size_of(y.dtype);
    const auto& shape = *tensors[i].shape;
    kernels::copy({first, &shape, y.strides, y.dtype, is_contiguous(shape, *y.strides)}, tensors[i]);
  }
}

}  // namespace ops

using ops::dimension;

Tensor identity(const Tensor& x) { return apply(ops::Identity{}, x); }
Tensor Tensor::clone() const { return apply(ops::Clone{}, *this); }
Tensor Tensor::contiguous() const { return is_contiguous() ? *this : clone(); }
Tensor Tensor::to(Dtype wanted) const { return dtype() == wanted ? *this : apply(ops::To{wanted}, *this); }
Tensor Tensor::operator[](std::int64_t index) const { return select(*this, 0, index); }

Tensor reshape(const Tensor& x, const Dims& sizes) {
  const Shape shape = ops::resolve("reshape", x, sizes);
  if (shape == x.shape()) return x;
  return apply(ops::Reshape{shape}, ops::strides_for(x, shape) ? x : x.contiguous());
}

Tensor view(const Tensor& x, const Dims& sizes) {
  const Shape shape = ops::resolve("view", x, sizes);
  if (!ops::strides_for(x, shape))
    fail("view: {} with strides {} can not be seen as {} without a copy; use reshape()", describe(x), x.strides(),
         shape);
  return apply(ops::Reshape{shape}, x);
}

Tensor flatten(const Tensor& x, int start_dim, int end_dim) {
  const int first = dimension("flatten", start_dim, x.dim()), last = dimension("flatten", end_dim, x.dim());
  if (first > last) fail("flatten: start_dim {} lies after end_dim {}", start_dim, end_dim);
  if (x.dim() == 0) return reshape(x, {1});
  Dims sizes;
  for (int i = 0; i < x.dim(); ++i) {
    if (i <= first || i > last) sizes.push_back(x.shape()[i]);
    else sizes[first] *= x.shape()[i];
  }
  return reshape(x, sizes);
}

Tensor permute(const Tensor& x, const Dims& dims) {
  Dims order = dims;
  if (dims.rank() != x.dim())
    fail("permute: {} names {} dimensions, the tensor is {}", dims, dims.rank(), describe(x));
  for (int i = 0; i < order.rank(); ++i) {
    order[i] = dimension("permute", static_cast<int>(order[i]), x.dim());
    for (int k = 0; k < i; ++k)
      if (order[k] == order[i]) fail("permute: dimension {} appears twice in {}", order[i], dims);
  }
  return apply(ops::Permute{order}, x);
}

Tensor transpose(const Tensor& x, int dim0, int dim1) {
  if (x.dim() == 0) return x;
  Dims order;
  for (int i = 0; i < x.dim(); ++i) order.push_back(i);
  std::swap(order[dimension("transpose", dim0, x.dim())], order[dimension("transpose", dim1, x.dim())]);
  return apply(ops::Permute{order}, x);
}

Tensor t(const Tensor& x) {
  if (x.dim() > 2) fail("t: the tensor is {}; transpose() or permute() its dimensions by name", describe(x));
  return x.dim() < 2 ? x : transpose(x, 0, 1);
}

Tensor squeeze(const Tensor& x) {
  Dims sizes;
  for (const auto size : x.shape())
    if (size != 1) sizes.push_back(size);
  return reshape(x, sizes);
}

Tensor squeeze(const Tensor& x, int dim) {
  const int d = dimension("squeeze", dim, x.dim());
  if (x.dim() == 0 || x.shape()[d] != 1) return x;
  return reshape(x, x.shape().without(d));
}

Tensor unsqueeze(const Tensor& x, int dim) {
  return reshape(x, x.shape().inserted(dimension("unsqueeze", dim, x.dim() + 1), 1));
}

Tensor expand(const Tensor& x, const Dims& sizes) {
  if (sizes == x.shape()) return x;
  const int lead = sizes.rank() - x.dim();
  if (lead < 0) fail("expand: {} has fewer dimensions than the tensor, {}", sizes, x.shape());
  Dims full = sizes;
  for (int i = 0; i < sizes.rank(); ++i) {
    const std::int64_t own = i < lead ? 1 : x.shape()[i - lead];
    if (full[i] == -1 && i >= lead) full[i] = own;
    if (own != full[i] && own != 1)
      fail("expand: {} does not stretch to {}: size {} is not 1", x.shape(), sizes, own);
  }
  return apply(ops::Expand{Shape(full)}, x);
}

Tensor narrow(const Tensor& x, int dim, std::int64_t start, std::int64_t length) {
  if (x.dim() == 0) fail("narrow: the tensor is 0-d");
  const int d = dimension("narrow", dim, x.dim());
  const std::int64_t size = x.shape()[d], first = start < 0 ? start + size : start;
  if (first < 0 || length < 0 || length > size - first)
    fail("narrow: start {} and length {} leave dimension {} of {}", start, length, dim, describe(x));
  return apply(ops::Slice{d, first, length, 1}, x);
}

Tensor slice(const Tensor& x, int dim, std::optional<std::int64_t> start, std::optional<std::int64_t> stop,
             std::int64_t step) {
  if (x.dim() == 0) fail("slice: the tensor is 0-d");
  const int d = dimension("slice", dim, x.dim());
  const ops::Range range = ops::range_of("slice", x.shape()[d], start, stop, step);
  return apply(ops::Slice{d, range.first, range.length, range.step}, x);
}

Tensor select(const Tensor& x, int dim, std::int64_t index) {
  if (x.dim() == 0) fail("select: the tensor is 0-d; it has no element {}", index);
  const int d = dimension("select", dim, x.dim());
  const std::int64_t size = x.shape()[d];
  if (index < -size || index >= size) fail("select: index {} of dimension {} of {}", index, dim, describe(x));
  return apply(ops::Select{d, index < 0 ? index + size : index}, x);
}

std::vector<Tensor> split(const Tensor& x, const std::vector<std::int64_t>& sizes, int dim) {
  std::vector<Tensor> parts;
  std::int64_t start = 0;
  for (const auto size : sizes) {
    parts.push_back(narrow(x, dim, start, size));
    start += size;
  }
  if (start != x.size(dim))
    fail("split: the sizes sum to {}, dimension {} of {} does not", start, dim, describe(x));
  return parts;
}

std::vector<Tensor> split(const Tensor& x, std::int64_t size, int dim) {
  if (size <= 0) fail("split: the size is {}; it must be positive", size);
  const std::int64_t total = x.size(dim);
  std::vector<Tensor> parts = ops::list_of("split", total / size + 1);
  for (std::int64_t start = 0; start < std::max<std::int64_t>(total, 1); start += size)
    parts.push_back(narrow(x, dim, start, std::min(size, total - start)));
  return parts;
}

std::vector<Tensor> chunk(const Tensor& x, std::int64_t chunks, int dim) {
  if (chunks <= 0) fail("chunk: {} chunks; give 1 or more", chunks);
  const std::int64_t size = std::max<std::int64_t>(1, x.size(dim));
  return split(x, detail::ceil_div(size, std::min(chunks, size)), dim);
}

Tensor cat(std::span<const Tensor> tensors, int dim) {
  if (tensors.empty()) fail("cat: no tensors given");
  if (tensors[0].dim() == 0) fail("cat: 0-d tensors have no dimension to join along; use stack()");
  ops::Cat op{dimension("cat", dim, tensors[0].dim()), {0}};
  for (const auto& x : tensors) op.starts.push_back(op.starts.back() + (op.dim < x.dim() ? x.shape()[op.dim] : 0));
  return ebb::apply(op, tensors);
}

Tensor cat(std::initializer_list<Tensor> tensors, int dim) {
  return cat(std::span(tensors.begin(), tensors.size()), dim);
}

Tensor stack(std::span<const Tensor> tensors, int dim) {
  if (tensors.empty()) fail("stack: no tensors given");
  std::vector<Tensor> rows;
  for (const auto& x : tensors) {
    if (x.shape() != tensors[0].shape()) fail("stack: shapes differ, {} and {}", tensors[0].shape(), x.shape());
    rows.push_back(unsqueeze(x, dim));
  }
  return cat(rows, dimension("stack", dim, tensors[0].dim() + 1));
}

Tensor stack(std::initializer_list<Tensor> tensors, int dim) {
  return stack(std::span(tensors.begin(), tensors.size()), dim);
}

}  // namespace ebb
