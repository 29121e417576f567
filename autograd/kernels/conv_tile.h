// The innermost loops of convolution, chosen at run time for the machine: tiles of sums that stay in registers.
#pragma once

#include <cstdint>

#include "autograd/kernels/conv_plan.h"

namespace ebb::kernels::conv {

// One term of a sum over taps: where its elements begin in each operand.
struct Tap {
  std::int64_t a, b;
};

// A tile of rows × vectors sums, each a vector of elements of c:
//
//   c[i, v] = start[i, v] + Σ_taps Σ_{k < depth} a[tap.a + i a_row + k a_step] * b[tap.b + v b_vector + k b_step]
//
// where an element of a multiplies a vector of b. In a dot product a is a vector too, and k advances in vectors:
// lane l of c[i, v] sums the k ≡ l, and a_step and b_step are 1. Steps are in elements. b and start are read in whole
// vectors (a dot product reads nothing beyond `depth`); of c[i, v] the first `width` lanes are written, and `last_width`
// of the last v.
template <class T>
struct Tile {
  const T* a;
  std::int64_t a_row, a_step;
  const T* b;
  std::int64_t b_vector, b_step;
  const T* start;
  std::int64_t start_row, start_vector;
  T* c;
  std::int64_t c_row, c_vector;
  std::int64_t width, last_width;
  const Tap* taps;
  std::int64_t tap_count, depth;
};

inline constexpr int kMaxVectors = 4;  // of a tile
inline constexpr int kMaxRows = 14;    // of a tile, with the fewest vectors
inline constexpr int kMaxDotRows = 6;

template <class T>
struct Kernels {
  std::int64_t lanes;              // elements of a vector
  std::int64_t rows[kMaxVectors];  // most rows of a tile with 1, 2, … vectors
  using Run = void (*)(const Tile<T>&);
  Run product[kMaxVectors][kMaxRows];  // for 1, 2, … vectors and rows
  Run dot[kMaxVectors][kMaxDotRows];

  // to[j to_row + i] = from[i from_row + j] for i < rows and j < columns.
  void (*transpose)(T* to, std::int64_t to_row, const T* from, std::int64_t from_row, std::int64_t rows,
                    std::int64_t columns);
  // to[i] = from[2 i] for i < n.
  void (*every_second)(T* to, const T* from, std::int64_t n);
};

// Those of the best instruction set here, for float and double.
template <class T>
const Kernels<T>& kernels();

// The vectors of a tile of so many rows that give the most products for a load.
template <class T>
std::int64_t best_vectors(const Kernels<T>& kernels, std::int64_t rows) {
  const auto products = [&](std::int64_t v) {
    const auto count = static_cast<double>(ceil_div(rows, ceil_div(rows, kernels.rows[v - 1])));
    return count * static_cast<double>(v) / (count + static_cast<double>(v));
  };
  std::int64_t best = 1;
  for (std::int64_t v = 2; v <= kMaxVectors; ++v)
    if (products(v) > products(best)) best = v;
  return best;
}

}  // namespace ebb::kernels::conv
