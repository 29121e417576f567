#include "autograd/kernels/gemm.h"

#include <algorithm>
#include <optional>

#include "autograd/base/divide.h"
#include "autograd/base/scratch.h"
#include "autograd/kernels/gemm_order.h"
#include "autograd/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "autograd/kernels/gemm.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "autograd/kernels/gemm_dot-inl.h"
#include "autograd/kernels/gemm_pack-inl.h"
#include "autograd/kernels/gemm_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {

// The largest equal parts of `total`, of at most `most` each.
inline std::int64_t equal_parts(std::int64_t total, std::int64_t most) {
  if (total <= most) return std::max<std::int64_t>(total, 1);
  return ceil_div(total, ceil_div(total, most));
}

// Rows of A by columns of B, contiguous both, where they lie.
template <class T>
void multiply_by_dots(const Gemm<T>& g, std::int64_t k_block) {
  const std::int64_t rows = equal_parts(g.m, kDotRows);
  for (std::int64_t k = 0; k == 0 || k < g.k; k += k_block) {
    const auto slab = some_terms(g, k, std::min(k_block, g.k - k));
    for (std::int64_t j = 0; j < g.n; j += kDotColumns) {
      const auto panel = some_columns(slab, j, std::min<std::int64_t>(kDotColumns, g.n - j));
      for (std::int64_t i = 0; i < g.m; i += rows) {
        const std::int64_t m = std::min(rows, g.m - i);
        dot_kernel<T>(m)(some_rows(panel, i, m));
      }
    }
  }
}

// How a product by tiles uses the caches.
struct Blocking {
  std::int64_t tile;    // rows of a tile
  std::int64_t rows;    // of A, a multiple of tile, that all panels of B pass by before the next ones
  bool copy_a, copy_b;  // where tiles would reach many pages, or many lines that share few sets of the cache
  bool far_c;           // C is no longer in L2 when a tile comes back to it
};

template <class T>
Blocking choose_blocking(const Gemm<T>& g, std::int64_t k) {
  constexpr std::int64_t kSize = sizeof(T), kMostRows = 4096 / kSize, kKiB = 1024;
  const std::int64_t tile = equal_parts(g.m, kTileRows);
  const std::int64_t rows = g.m <= kMostRows ? g.m : round_up(equal_parts(g.m, kMostRows), tile);

  const std::int64_t a_row = g.a_row * kSize, a_span = g.a_col * kSize * k, b_row = g.b_row * kSize;
  const bool far_a = g.a_col == 1 ? a_row % (4 * kKiB) == 0 : g.a_row != 1 || a_span > 256 * kKiB;
  const bool far_b = b_row % (2 * kKiB) == 0 || b_row * k > 640 * kKiB;
  const bool copy_b = g.b_col != 1 || (!kMaskedLoads && g.n % kLanes<T> != 0) || (far_b && g.m > 2 * kTileRows);
  return {tile, rows, far_a && g.n > 2 * kPanel<T>, g.packed || copy_b, g.m * g.n * kSize > 512 * kKiB};
}

// The tiles at the left edge of C; returns how many columns they have. Those of A begin a_step apart for each row.
template <class T>
std::int64_t multiply_left_edge(const Gemm<T>& g, const Blocking& blocking, std::int64_t a_step) {
  constexpr std::int64_t kSize = sizeof(T);
  Tile<T> t{g.k, 0, g.a, g.a_row, g.a_col * kSize, g.b, g.b_row * kSize, g.c, g.c_row, Start<T>(g)};
  const std::int64_t tile = blocking.tile;
  for (std::int64_t i = 0; i < g.m; i += tile) {
    const std::int64_t rows = std::min(tile, g.m - i);
    const auto kernel = tile_kernel<T>(rows, g.n, !blocking.copy_b && tile <= kWideRows);
    t.columns = kernel.columns;
    if (blocking.far_c) prefetch_tile(t.c, t.c_row, rows);
    kernel.run(t);
    t.a += tile * a_step;
    t.c += tile * t.c_row;
    if (t.start.at) t.start.at += tile * t.start.row;
  }
  return t.columns;
}

// A packed B: block of k after block of k, each in panels of kPanel columns, the last one filled up.
template <class T>
std::int64_t packed_columns(const Gemm<T>& g) {
  return round_up(g.n, kPanel<T>);
}
template <class T>
constexpr std::int64_t kMostTerms = 4096 / std::int64_t{sizeof(T)};  // of a block of k

template <class T>
void pack(T* to, const Gemm<T>& g) {
  const std::int64_t k_block = equal_parts(g.k, kMostTerms<T>);
  for (std::int64_t k = 0; k < g.k; k += k_block) {
    const auto slab = some_terms(g, k, std::min(k_block, g.k - k));
    for (std::int64_t j = 0; j < g.n; j += kPanel<T>, to += kPanel<T> * slab.k) {
      auto panel = some_columns(slab, j, g.n - j);
      copy_panel(panel, to);
    }
  }
}

template <class T>
void multiply_by_tiles(const Gemm<T>& g, std::int64_t k_block) {
  const Blocking blocking = choose_blocking(g, k_block);
  std::optional<memory::Scratch<T>> a_copy, b_copy;
  if (blocking.copy_a) a_copy.emplace(blocking.rows * row_pitch<T>(std::min(k_block, g.k)));
  if (blocking.copy_b && !g.packed) b_copy.emplace(kPanel<T> * std::min(k_block, g.k));

  if (g.k <= k_block && g.m <= blocking.rows && g.n <= kPanel<T> && !blocking.copy_a && !blocking.copy_b) {
    auto rest = g;  // of few columns, where they lie: a panel or two
    while (rest.n > 0) {
      const std::int64_t columns = multiply_left_edge(rest, blocking, g.a_row);
      rest = some_columns(rest, columns, rest.n - columns);
    }
    return;
  }
  // One block of k even if there are no terms: C is set all the same.
  for (std::int64_t k = 0; k == 0 || k < g.k; k += k_block) {
    const auto slab = some_terms(g, k, std::min(k_block, g.k - k));
    for (std::int64_t i = 0; i < g.m; i += blocking.rows) {
      auto block = some_rows(slab, i, std::min(blocking.rows, g.m - i));
      const std::int64_t step = blocking.copy_a ? copy_rows(block, a_copy->data(), blocking.tile) : g.a_row;
      for (std::int64_t j = 0; j < g.n;) {
        auto panel = some_columns(block, j, g.n - j);
        if (g.packed) use_panel(panel, g.packed + k * packed_columns(g) + j * slab.k);
        else if (blocking.copy_b) copy_panel(panel, b_copy->data());
        j += multiply_left_edge(panel, blocking, step);
      }
    }
  }
}

// A column of C is computed as a row of the transposed product.
template <class T>
Gemm<T> turned(const Gemm<T>& g) {
  if (g.n != 1 || g.m == 1 || g.c_row != 1) return g;
  return {1, g.m, g.k, g.b, g.b_col, g.b_row, g.a, g.a_col, g.a_row, g.c, g.m, g.accumulate};
}

template <class T>
GemmOrder choose_order(const Gemm<T>& whole) {
  const Gemm<T> g = turned(whole);
  constexpr std::int64_t kFewRows = 8, kSomeRows = 64;
  if (g.a_col == 1 && g.b_row == 1 && g.b_col != 1 && (g.m <= kFewRows || (g.m <= kSomeRows && 12 * g.m <= g.k)))
    return {true, equal_parts(g.k, 2048)};

  // A large B that is used once is read as it lies in memory: in blocks of few, long rows.
  const bool stream = g.b_col == 1 && g.m <= kWideRows && g.n * g.k > 64 * 1024;
  return {false, equal_parts(g.k, !stream ? kMostTerms<T> : g.m == 1 ? 8 : 64)};
}

// The order, and what pieces copy in it.
template <class T>
GemmOrder choose_order_of_pieces(const Gemm<T>& whole) {
  GemmOrder order = choose_order(whole);
  if (order.dot) return order;
  const Blocking blocking = choose_blocking(turned(whole), order.k_block);
  order.copies_a = blocking.copy_a;
  order.copies_b = blocking.copy_b;
  return order;
}

template <class T>
void multiply(const Gemm<T>& whole, const GemmOrder& order) {
  if (whole.m == 0 || whole.n == 0) return;
  Gemm<T> g = turned(whole);
  if (g.m != whole.m && whole.bias) {
    std::fill_n(g.c, g.n, *whole.bias);
    g.accumulate = true;
  }
  order.dot ? multiply_by_dots(g, order.k_block) : multiply_by_tiles(g, order.k_block);
}

void multiply_f32(const Gemm<float>& g, const GemmOrder& order) { multiply(g, order); }
void multiply_f64(const Gemm<double>& g, const GemmOrder& order) { multiply(g, order); }
template <class T>
void multiply_alone(const Gemm<T>& g) {
  if (!g.packed) multiply(g, choose_order(g));
  else if (g.m > 0) multiply_by_tiles(g, equal_parts(g.k, kMostTerms<T>));
}
void multiply_alone_f32(const Gemm<float>& g) { multiply_alone(g); }
void multiply_alone_f64(const Gemm<double>& g) { multiply_alone(g); }
void pack_f32(float* to, const Gemm<float>& g) { pack(to, g); }
void pack_f64(double* to, const Gemm<double>& g) { pack(to, g); }
std::int64_t packed_size_f32(const Gemm<float>& g) { return g.k * packed_columns(g); }
std::int64_t packed_size_f64(const Gemm<double>& g) { return g.k * packed_columns(g); }
GemmOrder order_f32(const Gemm<float>& g) { return choose_order_of_pieces(g); }
GemmOrder order_f64(const Gemm<double>& g) { return choose_order_of_pieces(g); }

}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ebb::kernels {

HWY_EXPORT(multiply_f32);
HWY_EXPORT(multiply_f64);
HWY_EXPORT(multiply_alone_f32);
HWY_EXPORT(multiply_alone_f64);
HWY_EXPORT(order_f32);
HWY_EXPORT(order_f64);
HWY_EXPORT(pack_f32);
HWY_EXPORT(pack_f64);
HWY_EXPORT(packed_size_f32);
HWY_EXPORT(packed_size_f64);

void gemm_piece(const Gemm<float>& g, const GemmOrder& order) { HWY_DYNAMIC_DISPATCH(multiply_f32)(g, order); }
void gemm_piece(const Gemm<double>& g, const GemmOrder& order) { HWY_DYNAMIC_DISPATCH(multiply_f64)(g, order); }
GemmOrder gemm_order(const Gemm<float>& g) { return HWY_DYNAMIC_DISPATCH(order_f32)(g); }
GemmOrder gemm_order(const Gemm<double>& g) { return HWY_DYNAMIC_DISPATCH(order_f64)(g); }
void gemm_serial(const Gemm<float>& g) { HWY_DYNAMIC_DISPATCH(multiply_alone_f32)(g); }
void gemm_serial(const Gemm<double>& g) { HWY_DYNAMIC_DISPATCH(multiply_alone_f64)(g); }
void gemm_pack(float* to, const Gemm<float>& g) { HWY_DYNAMIC_DISPATCH(pack_f32)(to, g); }
void gemm_pack(double* to, const Gemm<double>& g) { HWY_DYNAMIC_DISPATCH(pack_f64)(to, g); }
std::int64_t packed_size(const Gemm<float>& g) { return HWY_DYNAMIC_DISPATCH(packed_size_f32)(g); }
std::int64_t packed_size(const Gemm<double>& g) { return HWY_DYNAMIC_DISPATCH(packed_size_f64)(g); }

}  // namespace ebb::kernels
#endif
