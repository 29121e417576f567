// Elements moved without regard to their type.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "autograd/base/view.h"

namespace ebb::kernels {

// Note [Past the cache]: a cache line that is stored to is read first. A result so large that it would drive its operands
// out of the cache, and be driven out itself before anybody reads it, costs a third of the memory's time less if it is
// written without that, by instructions that pass the cache by.
inline bool past_cache(const View& y) { return y.numel() * size_of(y.dtype) >= std::int64_t{16} << 20; }

// Calls f with a zero of the unsigned integer type that has `size` bytes: 1, 4 or 8.
template <class F>
decltype(auto) visit_size(std::int64_t size, F&& f) {
  if (size == 4) return f(std::uint32_t{0});
  if (size == 8) return f(std::uint64_t{0});
  return f(std::uint8_t{0});
}

template <class T>
T load_bytes(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <class T>
void store_bytes(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

// The first `unit` bytes repeated until there are `bytes`: by copies of up to 4 KB of what is there already.
inline void repeat(std::byte* to, std::int64_t unit, std::int64_t bytes) {
  for (std::int64_t done = unit; done < bytes;) {
    const std::int64_t more = std::min({done, bytes - done, 4096 / unit * unit});
    std::memcpy(to + done, to, static_cast<std::size_t>(more));
    done += more;
  }
}
inline constexpr std::int64_t kManyTimes = 16;  // more often than this, an element is repeated so

// n elements of `size` bytes, each so many bytes after the one before it. A step of 0 in `from` repeats one element.
inline void move_strided(std::byte* to, std::int64_t to_step, const std::byte* from, std::int64_t from_step,
                         std::int64_t n, std::int64_t size) {
  visit_size(size, [&]<class T>(T) {
    if (from_step == 0) {
      const T value = load_bytes<T>(from);
      const bool fills = to_step == size && n > kManyTimes;
      for (std::int64_t i = 0; i < (fills ? kManyTimes : n); ++i) store_bytes(to + i * to_step, value);
      if (fills) repeat(to, kManyTimes * size, n * size);
    } else {
      for (std::int64_t i = 0; i < n; ++i) store_bytes(to + i * to_step, load_bytes<T>(from + i * from_step));
    }
  });
}

}  // namespace ebb::kernels
