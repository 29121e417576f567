#include "autograd/base/shape.h"

#include <algorithm>
#include <limits>

#include "autograd/base/fail.h"

namespace ebb {

void Dims::too_many(std::size_t count) {
  fail("shape: {} dimensions given; ebb tensors have at most {}", count, kMaxRank);
}

Shape::Shape(const Dims& sizes) : Dims(sizes) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 16;  // bytes of any dtype fit
  std::int64_t nonzero = 1;  // the product without zero sizes, so that [2^40, 2^40, 0] is refused too
  for (auto size : sizes) {
    if (size < 0) fail("shape: negative size {} in {}", size, sizes);
    if (size > 0 && nonzero > kMost / size) fail("shape: {} has more elements than can be addressed", sizes);
    numel_ *= size;
    if (size > 0) nonzero *= size;
  }
}

Shape Shape::with(int dim, std::int64_t size) const {
  Dims sizes = *this;
  sizes[dim] = size;
  return Shape(sizes);
}

Shape Shape::inserted(int dim, std::int64_t size) const {
  Dims sizes = *this;
  sizes.insert(dim, size);
  return Shape(sizes);
}

Shape Shape::without(int dim) const {
  Dims sizes = *this;
  sizes.erase(dim);
  return Shape(sizes);
}

Dims contiguous_strides(const Shape& shape) {
  Dims strides = shape;
  std::int64_t step = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    strides[i] = step;
    step *= std::max<std::int64_t>(shape[i], 1);
  }
  return strides;
}

bool is_contiguous(const Shape& shape, const Dims& strides) {
  if (shape.numel() == 0) return true;
  std::int64_t step = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    if (shape[i] == 1) continue;
    if (strides[i] != step) return false;
    step *= shape[i];
  }
  return true;
}

std::string to_string(const Dims& dims) {
  std::string text = "[";
  for (int i = 0; i < dims.rank(); ++i) text += (i > 0 ? ", " : "") + std::to_string(dims[i]);
  return text + "]";
}

}  // namespace ebb
