// Sizes of windows and images.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace ebb {

// N sizes, one for each dimension of an image, the last one its columns; from one number or from N: .stride = 2 is
// .stride = {2, 2}.
template <std::size_t N>
struct Size : std::array<std::int64_t, N> {
  constexpr Size(std::int64_t all) : std::array<std::int64_t, N>{} {
    for (auto& one : *this) one = all;
  }
  template <std::convertible_to<std::int64_t>... More>
  constexpr Size(std::int64_t first, std::int64_t second, More... more)
      : std::array<std::int64_t, N>{first, second, static_cast<std::int64_t>(more)...} {
    static_assert(sizeof...(More) + 2 == N, "give one number, or one for each dimension");
  }
};
using Size1 = Size<1>;
using Size2 = Size<2>;  // height, width
using Size3 = Size<3>;  // depth, height, width

}  // namespace ebb
