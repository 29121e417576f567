// Copies of parts of A and B in the order in which tiles read them; once per instruction set.
#if defined(EBB_KERNELS_GEMM_PACK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EBB_KERNELS_GEMM_PACK_INL_H_
#undef EBB_KERNELS_GEMM_PACK_INL_H_
#else
#define EBB_KERNELS_GEMM_PACK_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <utility>

#include "autograd/kernels/gemm_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {

// Elements of 128 bits, within which vectors are transposed.
template <class T>
constexpr int kBlock = 16 / static_cast<int>(sizeof(T));

// Transposes, in each 128-bit block, the matrix whose rows are v[0 … kBlock).
template <class T>
HWY_INLINE void transpose_blocks(hn::Vec<Tag<T>>* v) {
  const Tag<T> d;
  const Tag<double> pairs;
  if constexpr (kBlock<T> == 2) {
    const auto v0 = v[0];
    v[0] = hn::InterleaveLower(d, v0, v[1]);
    v[1] = hn::InterleaveUpper(d, v0, v[1]);
  } else {
    const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, v[0], v[1]));
    const auto low23 = hn::BitCast(pairs, hn::InterleaveLower(d, v[2], v[3]));
    const auto high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, v[0], v[1]));
    const auto high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, v[2], v[3]));
    v[0] = hn::BitCast(d, hn::InterleaveLower(pairs, low01, low23));
    v[1] = hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low23));
    v[2] = hn::BitCast(d, hn::InterleaveLower(pairs, high01, high23));
    v[3] = hn::BitCast(d, hn::InterleaveUpper(pairs, high01, high23));
  }
}

// The blocks at column[0] + at, column[kBlock] + at, column[2 kBlock] + at, … in one vector.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_blocks(D d, const T* const* column, std::int64_t at) {
  if constexpr (hn::MaxLanes(D()) == static_cast<std::size_t>(kBlock<T>)) {
    return hn::LoadU(d, column[0] + at);
  } else {
    const hn::Half<D> half;
    return hn::Combine(d, load_blocks(half, column + hn::MaxLanes(half), at), load_blocks(half, column, at));
  }
}

// to[i kPanel + j] = column[j][i] for i < k and j < kLanes.
template <class T>
void transpose_columns(T* to, const T* const* column, std::int64_t k) {
  const Tag<T> d;
  std::int64_t i = 0;
  for (; i + kBlock<T> <= k; i += kBlock<T>) {
    hn::Vec<Tag<T>> v[kBlock<T>];
    HWY_UNROLL(4)
    for (int j = 0; j < kBlock<T>; ++j) v[j] = load_blocks(d, column + j, i);
    transpose_blocks<T>(v);
    HWY_UNROLL(4)
    for (int j = 0; j < kBlock<T>; ++j) hn::StoreU(v[j], d, to + (i + j) * kPanel<T>);
  }
  for (; i < k; ++i)
    for (std::int64_t j = 0; j < kLanes<T>; ++j) to[i * kPanel<T> + j] = column[j][i];
}

constexpr std::int64_t kTogether = 16;  // runs that are copied before the next elements of them are

// `count` runs of `size` elements, which begin from_step and to_step apart.
template <class T>
void copy_runs(T* to, std::int64_t to_step, const T* from, std::int64_t from_step, std::int64_t count,
               std::int64_t size) {
  for (std::int64_t first = 0; first < count; first += kTogether) {
    const std::int64_t last = std::min(first + kTogether, count);
    for_each_vector(Tag<T>(), size, [&](std::int64_t i, std::int64_t n) EBB_LANES {
      const Part<T> part(n);
      for (std::int64_t r = first; r < last; ++r)
        part.store(part.load(from + r * from_step + i), to + r * to_step + i);
    });
  }
}

// A rows × columns matrix of any strides.
template <class T>
void copy_elements(T* to, std::int64_t to_row, const T* from, std::int64_t row, std::int64_t col,
                   std::int64_t rows, std::int64_t columns) {
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j) to[i * to_row + j] = from[i * row + j * col];
}

// For b_row == 1. Lanes beyond the last column repeat it.
template <class T>
void transpose_panel(T* to, const Gemm<T>& g, std::int64_t columns) {
  for (std::int64_t j = 0; j < columns; j += kLanes<T>) {
    const T* column[kLanes<T>];
    for (std::int64_t i = 0; i < kLanes<T>; ++i) column[i] = g.b + std::min(j + i, columns - 1) * g.b_col;
    transpose_columns(to + j, column, g.k);
  }
}

// Puts a panel, a copy of its first kPanel columns, in place of B.
template <class T>
void use_panel(Gemm<T>& g, const T* panel) {
  g.b = panel;
  g.b_row = kPanel<T>;
  g.b_col = 1;
}

// Makes that copy, of fewer columns if there are no more. Needs k kPanel elements.
template <class T>
void copy_panel(Gemm<T>& g, T* to) {
  const std::int64_t columns = std::min(kPanel<T>, g.n);
  if (g.b_col == 1) {
    copy_runs(to, kPanel<T>, g.b, g.b_row, g.k, columns);
  } else if (g.b_row == 1) {
    transpose_panel(to, g, columns);
  } else {
    copy_elements(to, kPanel<T>, g.b, g.b_row, g.b_col, g.k, columns);
  }
  use_panel(g, to);
}

// Distance of copied rows of k elements: an odd number of cache lines, so that the rows of a tile do not compete for
// the same set of the cache.
template <class T>
constexpr std::int64_t row_pitch(std::int64_t k) {
  constexpr std::int64_t kLine = 64 / sizeof(T);
  return (k / (2 * kLine) + 1) * (2 * kLine) + kLine;
}

// Puts a copy in place of A, row by row or, if its columns are contiguous, tile by tile. A tile that begins at row i
// begins at a + i · step; returns step. Needs m row_pitch(k) elements.
template <class T>
std::int64_t copy_rows(Gemm<T>& g, T* to, std::int64_t tile) {
  const T* const from = std::exchange(g.a, to);
  const std::int64_t row = g.a_row, col = g.a_col;
  if (row == 1) {
    for (std::int64_t k = 0; k < g.k; k += kTogether)
      for (std::int64_t i = 0; i < g.m; i += tile)
        copy_runs(to + i * g.k + k * tile, tile, from + i + k * col, col, std::min(kTogether, g.k - k),
                  std::min(tile, g.m - i));
    g.a_col = tile;
    return g.k;
  }
  g.a_row = row_pitch<T>(g.k);
  g.a_col = 1;
  if (col == 1) {
    for (std::int64_t i = 0; i < g.m; ++i) std::copy_n(from + i * row, g.k, to + i * g.a_row);
  } else {
    copy_elements(to, g.a_row, from, row, col, g.m, g.k);
  }
  return g.a_row;
}

}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
