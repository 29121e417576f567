#include <algorithm>
#include <cmath>

#include "autograd/kernels/convert.h"
#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/in_order.h"
#include "autograd/kernels/random_runs.h"

namespace ebb::kernels {
namespace {

constexpr std::int64_t kChunk = 1024;  // numbers made at a time

// Note [Random streams]: element i of a call has the number (position + i) % 4 of Philox block (position + i) / 4 of the
// seed. Where 32 bits are not enough, 32 more come from the same place of the block whose counter has 1 as its third
// word. `position` is a multiple of 4, so pieces of a call may be made in any order.
struct Stream {
  std::uint64_t seed, position;

  // At least `count` numbers from number `first` on; `first` is a multiple of 4.
  void fill(std::uint32_t* to, std::int64_t first, std::int64_t count, std::uint32_t word) const {
    const std::int64_t padded = (count + kRandomStep - 1) / kRandomStep * kRandomStep;
    random_kernels().bits(to, padded, {seed, (position + static_cast<std::uint64_t>(first)) / 4, word});
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

// y by one of the RandomRuns.
template <class T, class Make>
void fill_floats(const View& y, const Stream& stream, Make make, double a, double b) {
  write_in_order<T>(y, [&](std::int64_t begin, std::int64_t n, T* to) {
    stream.for_each_chunk(begin, n, [&](std::int64_t first, std::int64_t count, const std::uint32_t* bits) {
      alignas(64) std::uint32_t more[kChunk];
      alignas(64) T made[kChunk];
      if (std::is_same_v<T, double>) stream.fill(more, first, count, 1);
      const std::int64_t padded = (count + kRandomStep - 1) / kRandomStep * kRandomStep;
      make(made, bits, std::is_same_v<T, double> ? more : bits, padded, a, b);
      std::copy_n(made, count, to + first - begin);
    });
  });
}

// What a random 32-bit number is below with probability p.
std::uint64_t threshold(double p) {
  return static_cast<std::uint64_t>(std::nearbyint(std::clamp(p, 0.0, 1.0) * 0x1p32));
}

// The upper half of the 128-bit product.
std::uint64_t multiply_high(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t a1 = a >> 32, a0 = a & 0xFFFFFFFF, b1 = b >> 32, b0 = b & 0xFFFFFFFF;
  const std::uint64_t middle = a1 * b0 + (a0 * b0 >> 32);
  return a1 * b1 + (middle >> 32) + ((a0 * b1 + (middle & 0xFFFFFFFF)) >> 32);
}

}  // namespace

void uniform(const View& y, std::uint64_t seed, std::uint64_t position, double low, double high) {
  visit_floating(y.dtype, [&]<class T>(T*) {
    fill_floats<T>(y, {seed, position}, std::get<RandomRuns<T>>(random_kernels().runs).uniform, low, high);
  });
}

void normal(const View& y, std::uint64_t seed, std::uint64_t position, double mean, double std) {
  visit_floating(y.dtype, [&]<class T>(T*) {
    fill_floats<T>(y, {seed, position}, std::get<RandomRuns<T>>(random_kernels().runs).normal, mean, std);
  });
}

void bernoulli(const View& y, std::uint64_t seed, std::uint64_t position, double p) {
  const Stream stream{seed, position};
  const std::uint64_t below = threshold(p);
  visit(y.dtype, [&]<class T>(T*) {
    write_in_order<T>(y, [&](std::int64_t begin, std::int64_t n, T* to) {
      stream.for_each_chunk(begin, n, [&](std::int64_t first, std::int64_t count, const std::uint32_t* bits) {
        for (std::int64_t i = 0; i < count; ++i) to[first - begin + i] = static_cast<T>(bits[i] < below);
      });
    });
  });
}

void randint(const View& y, std::uint64_t seed, std::uint64_t position, std::int64_t low, std::int64_t high) {
  const Stream stream{seed, position};
  const std::uint64_t range = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
  visit(y.dtype, [&]<class T>(T*) {
    write_in_order<T>(y, [&](std::int64_t begin, std::int64_t n, T* to) {
      stream.for_each_chunk(begin, n, [&](std::int64_t first, std::int64_t count, const std::uint32_t* bits) {
        alignas(64) std::uint32_t more[kChunk];
        stream.fill(more, first, count, 1);
        for (std::int64_t i = 0; i < count; ++i) {
          const std::uint64_t number = (std::uint64_t{bits[i]} << 32) | more[i];
          const std::uint64_t drawn = static_cast<std::uint64_t>(low) + multiply_high(number, range);
          to[first - begin + i] = convert<T>(static_cast<std::int64_t>(drawn));
        }
      });
    });
  });
}

void dropout(const View& y, const View& x, std::uint64_t seed, std::uint64_t position, double p) {
  const std::uint64_t below = threshold(1 - p);
  if (below == 0) return fill(y, 0);
  const auto limit = static_cast<std::uint32_t>(below - 1);
  const Stream stream{seed, position};
  visit_floating(y.dtype, [&]<class T>(T*) {
    if (!x.contiguous) {
      const ContiguousCopy<T> ordered(x);
      copy(ordered.view(), x);
      return dropout(y, ordered.view(), seed, position, p);
    }
    const auto run = std::get<RandomRuns<T>>(random_kernels().runs).dropout;
    write_in_order<T>(y, [&](std::int64_t begin, std::int64_t n, T* to) {
      stream.for_each_chunk(begin, n, [&](std::int64_t first, std::int64_t count, const std::uint32_t* bits) {
        run(to + first - begin, x.as<T>() + first, bits, count, limit, 1 / (1 - p));
      });
    });
  });
}

}  // namespace ebb::kernels
