// Conversion of one element.
#pragma once

#include <limits>
#include <type_traits>

namespace ebb::kernels {

// Floats to integers truncate; what the integer can not hold becomes its nearest, NaN 0. Integers wrap. To bool: x != 0.
template <class To, class From>
constexpr To convert(From x) {
  using Limits = std::numeric_limits<To>;
  if constexpr (std::is_same_v<To, bool>) {
    return x != From(0);
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    constexpr From kLow = static_cast<From>(Limits::min()), kHigh = static_cast<From>(Limits::max());
    if (x != x) return 0;
    return x <= kLow ? Limits::min() : x >= kHigh ? Limits::max() : static_cast<To>(x);
  } else {
    return static_cast<To>(x);
  }
}

}  // namespace ebb::kernels
