#include "autograd/kernels/transpose.h"

#include "autograd/kernels/targets.h"
//
#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "autograd/kernels/bytes.h"

// The instruction set that every machine has will do: memory is the limit.
HWY_BEFORE_NAMESPACE();
namespace ebb::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
constexpr std::size_t kLanes = 16 / sizeof(T);

// A square of kLanes: log2(kLanes) times, the halves are shuffled like cards.
template <class T>
HWY_INLINE void transpose_square(T* to, std::size_t to_step, const std::byte* from, std::int64_t from_step) {
  constexpr std::size_t n = kLanes<T>;
  const hn::FixedTag<T, n> d;
  std::array<hn::Vec<decltype(d)>, n> v, w;
  for (std::size_t i = 0; i < n; ++i)
    v[i] = hn::LoadU(d, reinterpret_cast<const T*>(from + static_cast<std::int64_t>(i) * from_step));
  for (std::size_t round = 1; round < n; round *= 2) {
    for (std::size_t i = 0; i < n / 2; ++i) {
      w[2 * i] = hn::InterleaveLower(d, v[i], v[i + n / 2]);
      w[2 * i + 1] = hn::InterleaveUpper(d, v[i], v[i + n / 2]);
    }
    v = w;
  }
  for (std::size_t i = 0; i < n; ++i) hn::StoreU(v[i], d, to + i * to_step);
}

// Note [Whole cache lines]: a square of one cache line per row is made in a buffer, so that every line of x is read once
// and every line of y written once, even when all lie a power of two apart and want the same place in the cache.
template <class T>
void transpose_lines(std::byte* y, std::int64_t y_step, const std::byte* x, std::int64_t x_step, bool streamed) {
  constexpr std::size_t n = 64 / sizeof(T), square = kLanes<T>;
  const hn::FixedTag<T, square> d;
  alignas(64) T buffer[n * n];
  for (std::size_t j = 0; j < n; j += square)
    for (std::size_t i = 0; i < n; i += square)
      transpose_square(buffer + i * n + j, n, x + static_cast<std::int64_t>(j) * x_step + i * sizeof(T), x_step);
  for (std::size_t i = 0; i < n; ++i) {
    std::byte* const line = y + static_cast<std::int64_t>(i) * y_step;
    if (!streamed) {
      std::memcpy(line, buffer + i * n, 64);
      continue;
    }
    for (std::size_t k = 0; k < n; k += square)
      hn::Stream(hn::Load(d, buffer + i * n + k), d, reinterpret_cast<T*>(line) + k);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE

void transpose(std::byte* y, std::int64_t y_step, const std::byte* x, std::int64_t x_step, std::int64_t rows,
               std::int64_t columns, std::int64_t size, bool streamed) {
  streamed = streamed && (reinterpret_cast<std::uintptr_t>(y) | static_cast<std::uintptr_t>(y_step)) % 64 == 0;
  visit_size(size, [&]<class T>(T) {
    constexpr auto n = static_cast<std::int64_t>(64 / sizeof(T));
    for (std::int64_t j = 0; j < columns; j += n) {
      for (std::int64_t i = 0; i < rows; i += n) {
        std::byte* to = y + i * y_step + j * size;
        const std::byte* from = x + j * x_step + i * size;
        if (i + n <= rows && j + n <= columns) {
          HWY_NAMESPACE::transpose_lines<T>(to, y_step, from, x_step, streamed);
        } else {
          for (std::int64_t k = 0; k < std::min(n, rows - i); ++k)
            move_strided(to + k * y_step, size, from + k * size, x_step, std::min(n, columns - j), size);
        }
      }
    }
  });
  if (streamed) hwy::FlushStream();
}

}  // namespace ebb::kernels
HWY_AFTER_NAMESPACE();
