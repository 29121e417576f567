// Random bits by their place in a stream.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "autograd/base/divide.h"
#include "autograd/kernels/random_runs.h"

namespace ebb::kernels {

// The random functions make whole steps.
inline std::int64_t whole_steps(std::int64_t count) { return round_up(count, kRandomStep); }

// Note [Random streams]: element i of a call has the number (position + i) % 4 of Philox block (position + i) / 4 of the
// seed. Where 32 bits are not enough, 32 more come from the same place of the block whose counter has 1 as its third
// word. `position` is a multiple of 4, so pieces of a call may be made in any order.
struct Stream {
  static constexpr std::int64_t kChunk = 1024;  // numbers made at a time
  std::uint64_t seed, position;

  // At least `count` numbers from number `first` on; `first` is a multiple of 4.
  void fill(std::uint32_t* to, std::int64_t first, std::int64_t count, std::uint32_t word) const {
    random_kernels().bits(to, whole_steps(count),
                          {seed, (position + static_cast<std::uint64_t>(first)) / 4, word});
  }

  // Calls use(first, count, bits) for the numbers [begin, begin + n) in pieces of up to kChunk.
  template <class Use>
  void for_each_chunk(std::int64_t begin, std::int64_t n, Use&& use) const {
    alignas(64) std::uint32_t bits[kChunk];
    for (std::int64_t i = 0; i < n; i += kChunk) {
      const std::int64_t count = std::min(kChunk, n - i);
      fill(bits, begin + i, count, 0);
      use(begin + i, count, bits);
    }
  }
};

// What a random 32-bit number is below with probability p.
inline std::uint64_t threshold(double p) {
  return static_cast<std::uint64_t>(std::nearbyint(std::clamp(p, 0.0, 1.0) * 0x1p32));
}

}  // namespace ebb::kernels
