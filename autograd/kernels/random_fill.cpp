#include <algorithm>
#include <cmath>

#include "autograd/kernels/convert.h"
#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/in_order.h"
#include "autograd/kernels/random_stream.h"

namespace ebb::kernels {
namespace {

// y by one of the RandomRuns.
template <class T, class Make>
void fill_floats(const View& y, const Stream& stream, Make make, double a, double b) {
  write_in_order<T>(y, [&](std::int64_t begin, std::int64_t n, T* to) {
    stream.for_each_chunk(begin, n, [&](std::int64_t first, std::int64_t count, const std::uint32_t* bits) {
      alignas(64) std::uint32_t more[Stream::kChunk];
      alignas(64) T made[Stream::kChunk];
      if (std::is_same_v<T, double>) stream.fill(more, first, count, 1);
      make(made, bits, std::is_same_v<T, double> ? more : bits, whole_steps(count), a, b);
      std::copy_n(made, count, to + first - begin);
    });
  });
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
        alignas(64) std::uint32_t more[Stream::kChunk];
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
