// The same elements at other places in memory.
#pragma once

#include <algorithm>
#include <limits>
#include <string_view>

#include "autograd/create.h"
#include "autograd/tensor.h"

namespace ebb::test {

enum class Placement {
  contiguous,
  transposed,  // the first dimension innermost
  strided,     // every second element of an array twice as large
  offset       // in the middle of a larger array, and not aligned
};
inline constexpr Placement kPlacements[] = {Placement::transposed, Placement::strided, Placement::offset};

constexpr std::string_view name_of(Placement placement) {
  constexpr std::string_view kNames[] = {"contiguous", "transposed", "strided", "offset"};
  return kNames[static_cast<int>(placement)];
}

inline Dims strides_of(const Shape& shape, Placement placement) {
  Dims strides = contiguous_strides(shape);
  std::int64_t step = 1;
  for (int i = 0; i < shape.rank(); ++i) {
    if (placement == Placement::strided) strides[i] *= 2;
    if (placement == Placement::transposed) strides[i] = step;
    step *= std::max<std::int64_t>(shape[i], 1);
  }
  return strides;
}

// Poison lies between the elements and around them: NaN, or an index that is out of any range.
inline Tensor placed(const Tensor& x, Placement placement) {
  if (!x.defined()) return x;
  const Dims strides = strides_of(x.shape(), placement);
  const std::int64_t offset = placement == Placement::strided ? 1 : placement == Placement::offset ? 3 : 0;
  std::int64_t reach = 1;
  for (int i = 0; i < x.dim(); ++i) reach += (x.shape()[i] - 1) * strides[i];
  const double poison = is_floating(x.dtype()) ? std::numeric_limits<double>::quiet_NaN() : 1e9;
  const Tensor memory = full({offset + (x.numel() > 0 ? reach : 0) + 2}, poison, {.dtype = x.dtype()});
  const Tensor result = alias(memory, x.shape(), strides, offset);
  result.copy_(x);
  return result;
}

// x's first slice along `dim` in place of all of them, with stride 0.
inline Tensor repeated_along(const Tensor& x, int dim) {
  Dims strides = contiguous_strides(x.shape());
  strides[dim] = 0;
  return alias(x.detach().contiguous(), x.shape(), strides, 0);
}

}  // namespace ebb::test
