// Division of sizes, rounded.
#pragma once

#include <cstdint>

namespace ebb::detail {

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
constexpr std::int64_t round_up(std::int64_t a, std::int64_t unit) { return ceil_div(a, unit) * unit; }

}  // namespace ebb::detail

namespace ebb::kernels {
using detail::ceil_div;
using detail::round_up;
}  // namespace ebb::kernels
