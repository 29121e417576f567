// Random numbers by vectors, chosen at run time for the machine.
#pragma once

#include <array>
#include <cstdint>
#include <tuple>

namespace ebb::kernels {

inline constexpr std::int64_t kRandomStep = 64;  // the functions below make multiples of it

// count numbers of the stream of `seed`: those of the Philox blocks from `block` on, four of each. `word` is the third
// word of the counter.
struct RandomBits {
  std::uint64_t seed, block;
  std::uint32_t word;
};

template <class T>
struct RandomRuns {
  // y[i] = low + u (high - low), but below high; u in [0, 1) from bits[i] and, for double, more[i].
  void (*uniform)(T* y, const std::uint32_t* bits, const std::uint32_t* more, std::int64_t count, double low,
                  double high);
  // y[i] = mean + std z, z by Box and Muller: y[2 j] and y[2 j + 1] are from the numbers 2 j and 2 j + 1.
  void (*normal)(T* y, const std::uint32_t* bits, const std::uint32_t* more, std::int64_t count, double mean,
                 double std);
  // y[i] = bits[i] <= limit ? x[i] scale : 0; any count.
  void (*dropout)(T* y, const T* x, const std::uint32_t* bits, std::int64_t count, std::uint32_t limit,
                  double scale);
};

struct RandomKernels {
  void (*bits)(std::uint32_t* to, std::int64_t count, const RandomBits& from);
  std::tuple<RandomRuns<float>, RandomRuns<double>> runs;
};

// Those of the best instruction set here.
const RandomKernels& random_kernels();

}  // namespace ebb::kernels
