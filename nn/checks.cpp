#include "nn/checks.h"

#include <cmath>

#include "autograd/base/fail.h"
#include "nn/init.h"

namespace ebb::nn::detail {

void check_positive(const char* layer, const char* field, std::int64_t value) {
  if (value <= 0) fail("{}: {} is {}; it must be positive", layer, field, value);
}

void check_positive(const char* layer, const char* field, std::span<const std::int64_t> values) {
  for (const auto v : values) check_positive(layer, field, v);
}

void check_not_negative(const char* layer, const char* field, std::span<const std::int64_t> values) {
  for (const auto v : values)
    if (v < 0) fail("{}: {} is {}; it must not be negative", layer, field, v);
}

Tensor uniform_weight(const Shape& shape, std::int64_t fan_in) {
  const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
  return init::uniform_(empty(shape), -bound, bound);
}

}  // namespace ebb::nn::detail
