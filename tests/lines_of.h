// The lines of an array along a dimension, for plain loops.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/arrays.h"

namespace ebb::test {

inline std::int64_t lines_of(const Shape& shape, int dim) {
  std::int64_t n = 1;
  for (int d = 0; d < shape.rank(); ++d) n *= d == dim ? 1 : shape[d];
  return n;
}

inline std::vector<double> line_of(const Array& x, int dim, std::int64_t line) {
  std::int64_t inner = 1;
  for (int d = dim + 1; d < x.shape().rank(); ++d) inner *= x.shape()[d];
  const std::int64_t n = x.shape()[dim], first = line / inner * inner * n + line % inner;
  std::vector<double> elements;
  for (std::int64_t i = 0; i < n; ++i) elements.push_back(x[first + i * inner]);
  return elements;
}

}  // namespace ebb::test
