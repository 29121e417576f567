// Products of few rows by a transposed matrix: dot products of rows in place; once per instruction set.
#if defined(EBB_KERNELS_GEMM_DOT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EBB_KERNELS_GEMM_DOT_INL_H_
#undef EBB_KERNELS_GEMM_DOT_INL_H_
#else
#define EBB_KERNELS_GEMM_DOT_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <utility>

#include "autograd/kernels/gemm_pack-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {

#if HWY_ARCH_X86 && HWY_TARGET > HWY_AVX3
constexpr int kDotRows = 3;
#else
constexpr int kDotRows = 6;
#endif
constexpr int kDotColumns = 4;

// The sums of the lanes of v[0 … kBlock), in a 128-bit vector.
template <class D, class V>
HWY_INLINE auto fold_halves(D /*d*/, V v) {
  if constexpr (hn::MaxLanes(D()) * sizeof(hn::TFromD<D>) == 16) {
    return v;
  } else {
    const hn::Half<D> half;
    return fold_halves(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}
template <class T>
HWY_INLINE auto sums_of_lanes(hn::Vec<Tag<T>>* v) {
  transpose_blocks<T>(v);
  auto sum = hn::Add(v[0], v[1]);
  if constexpr (kBlock<T> == 4) sum = hn::Add(sum, hn::Add(v[2], v[3]));
  return fold_halves(Tag<T>(), sum);
}

// kRows rows and up to kDotColumns columns of C, for a_col = b_row = 1.
template <class T, int kRows>
void dot_tile(const Gemm<T>& g) {
  const Tag<T> d;
  const Start<T> start(g);
  const T* column[kDotColumns];
  HWY_UNROLL(4)
  for (int j = 0; j < kDotColumns; ++j) column[j] = g.b + std::min<std::int64_t>(j, g.n - 1) * g.b_col;

  hn::Vec<Tag<T>> sum[kRows][kDotColumns];
  HWY_UNROLL(16)
  for (int i = 0; i < kRows; ++i) {
    HWY_UNROLL(4)
    for (int j = 0; j < kDotColumns; ++j) sum[i][j] = hn::Zero(d);
  }
  const auto add_products = [&](std::int64_t k, auto&& read) EBB_LANES {
    hn::Vec<Tag<T>> row[kRows];
    HWY_UNROLL(16)
    for (int i = 0; i < kRows; ++i) row[i] = read(g.a + i * g.a_row + k);
    HWY_UNROLL(4)
    for (int j = 0; j < kDotColumns; ++j) {
      const auto factor = read(column[j] + k);
      HWY_UNROLL(16)
      for (int i = 0; i < kRows; ++i) sum[i][j] = hn::MulAdd(row[i], factor, sum[i][j]);
    }
  };
  std::int64_t k = 0;
  for (; k + kLanes<T> <= g.k; k += kLanes<T>)
    add_products(k, [&](const T* p) EBB_LANES { return hn::LoadU(d, p); });
  if (const Part<T> last(g.k - k); k < g.k) add_products(k, [&](const T* p) EBB_LANES { return last.load(p); });

  const hn::CappedTag<T, kBlock<T>> block;
  HWY_UNROLL(16)
  for (int i = 0; i < kRows; ++i) {
    HWY_UNROLL(4)
    for (int j = 0; j < kDotColumns; j += kBlock<T>) {
      const std::int64_t n = std::min<std::int64_t>(kBlock<T>, g.n - j);
      if (n <= 0) break;
      auto total = sums_of_lanes<T>(sum[i] + j);
      if (start.at) total = hn::Add(total, load(block, start.at + i * start.row + j, n));
      store(total, block, g.c + i * g.c_row + j, n);
    }
  }
}

// The kernel for `rows` rows, 0 < rows <= kDotRows.
template <class T>
auto dot_kernel(std::int64_t rows) {
  static constexpr auto kKernels = []<int... i>(std::integer_sequence<int, i...>) {
    return std::array{&dot_tile<T, i + 1>...};
  }
  (std::make_integer_sequence<int, kDotRows>());
  return kKernels[static_cast<std::size_t>(rows - 1)];
}

}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
