// The innermost product: a tile of C that stays in registers while k runs; once per instruction set.
#if defined(EBB_KERNELS_GEMM_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EBB_KERNELS_GEMM_TILE_INL_H_
#undef EBB_KERNELS_GEMM_TILE_INL_H_
#else
#define EBB_KERNELS_GEMM_TILE_INL_H_
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <utility>

#include "autograd/kernels/gemm.h"
#include "autograd/kernels/gemm_order.h"
#include "autograd/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {

// A tile of C has rows × vectors accumulators: as many as leave registers for a row of B and an element of A.
#if HWY_ARCH_X86 && HWY_TARGET > HWY_AVX3
constexpr int kTileRows = 6, kWideRows = 2;  // 16 registers
#else
constexpr int kTileRows = 14, kWideRows = 6;  // 32 registers
#endif
constexpr int kVectors = 2;      // of a tile of up to kTileRows rows
constexpr int kWideVectors = 4;  // of a tile of up to kWideRows rows

template <class T>
constexpr std::int64_t kLanes = static_cast<std::int64_t>(hn::MaxLanes(Tag<T>()));
template <class T>
constexpr std::int64_t kPanel = std::int64_t{kVectors} * kLanes<T>;  // columns of a packed panel of B

// What a product is added to: C, or rows of its bias, or 0 (null).
template <class T>
struct Start {
  const T* at;
  std::int64_t row;

  explicit Start(const Gemm<T>& g) : at(g.accumulate ? g.c : g.bias), row(g.accumulate ? g.c_row : 0) {}
};

// A tile of C = start + A B. `columns` is read by tiles whose last vector is partly filled.
template <class T>
struct Tile {
  std::int64_t k, columns;
  const T* a;
  std::int64_t a_row, a_col_bytes;  // bytes: of a stride in elements, which might be 1, gcc makes two loops
  const T* b;
  std::int64_t b_row_bytes;
  T* c;
  std::int64_t c_row;
  Start<T> start;
};

template <class T>
HWY_INLINE const T* skip_bytes(const T* p, std::int64_t bytes) {
  return reinterpret_cast<const T*>(reinterpret_cast<const char*>(p) + bytes);
}

#if HWY_MEM_OPS_MIGHT_FAULT && HWY_TARGET != HWY_AVX2
constexpr bool kMaskedLoads = false;  // a part of a vector is loaded by way of a copy
#else
constexpr bool kMaskedLoads = true;
#endif

constexpr bool kFreeMasks = HWY_TARGET <= HWY_AVX3;  // masked loads and stores are as fast as whole ones

// The first n lanes of vectors in memory; the others are neither read nor written.
template <class T>
class Part {
 public:
  explicit HWY_INLINE Part(std::int64_t n) : n_(n), mask_(first_n(Tag<T>(), n)) {}
  HWY_INLINE hn::Vec<Tag<T>> load(const T* p) const {
    if constexpr (kMaskedLoads) return hn::MaskedLoad(mask_, Tag<T>(), p);
    else return HWY_NAMESPACE::load(Tag<T>(), p, n_);
  }
  HWY_INLINE void store(hn::Vec<Tag<T>> v, T* p) const {
    if constexpr (kMaskedLoads) hn::BlendedStore(v, mask_, Tag<T>(), p);
    else HWY_NAMESPACE::store(v, Tag<T>(), p, n_);
  }

 private:
  std::int64_t n_;
  hn::Mask<Tag<T>> mask_;
};

// Rows of A are reached from two pointers, so that their offsets fit into registers. Without masked loads, rows of B
// are whole vectors: a copy, if need be.
template <class T, int kRows, int kCols, bool kPartial>
void multiply_tile(const Tile<T>& t) {
  const Tag<T> d;
  const Part<T> last(kPartial ? t.columns - (kCols - 1) * kLanes<T> : kLanes<T>);
  const auto load_vector = [&](const T* p, int v, bool partial) EBB_LANES {
    return partial && v == kCols - 1 ? last.load(p + v * kLanes<T>) : hn::LoadU(d, p + v * kLanes<T>);
  };

  hn::Vec<Tag<T>> sum[kRows][kCols];
  const auto for_each_sum = [&](auto&& f) EBB_LANES {
    HWY_UNROLL(16)
    for (int i = 0; i < kRows; ++i) {
      HWY_UNROLL(4)
      for (int v = 0; v < kCols; ++v) f(sum[i][v], i * kCols + v);
    }
  };
  for_each_sum([&](auto& s, int) EBB_LANES { s = hn::Zero(d); });

  constexpr int kUpper = (kRows + 1) / 2;
  const std::int64_t a_row = t.a_row, a_step = t.a_col_bytes, b_step = t.b_row_bytes;
  const T *upper = t.a, *lower = t.a + kUpper * a_row, *b = t.b;
  HWY_ALIGN T chains[kRows * kCols * hn::MaxLanes(Tag<T>())];  // the sum of those before this one
  for (std::int64_t left = t.k; left > 0; left -= kChain) {
    if (left < t.k) {
      const bool second = left + kChain == t.k;
      for_each_sum([&](auto& s, int i) EBB_LANES {
        T* const before = chains + i * kLanes<T>;
        hn::Store(second ? s : hn::Add(s, hn::Load(d, before)), d, before);
        s = hn::Zero(d);
      });
    }
    for (std::int64_t k = std::min(left, kChain); k > 0; --k) {
      hn::Vec<Tag<T>> row[kCols];
      HWY_UNROLL(4)
      for (int v = 0; v < kCols; ++v) row[v] = load_vector(b, v, kPartial && kMaskedLoads);
      HWY_UNROLL(16)
      for (int i = 0; i < kRows; ++i) {
        const auto factor = hn::Set(d, i < kUpper ? upper[i * a_row] : lower[(i - kUpper) * a_row]);
        HWY_UNROLL(4)
        for (int v = 0; v < kCols; ++v) sum[i][v] = hn::MulAdd(factor, row[v], sum[i][v]);
      }
      upper = skip_bytes(upper, a_step);
      lower = skip_bytes(lower, a_step);
      b = skip_bytes(b, b_step);
    }
  }
  if (t.k > kChain)
    for_each_sum([&](auto& s, int i) EBB_LANES { s = hn::Add(s, hn::Load(d, chains + i * kLanes<T>)); });

  if (const T* start = t.start.at) {
    const std::int64_t start_row = t.start.row;
    HWY_UNROLL(16)
    for (int i = 0; i < kRows; ++i, start += start_row) {
      HWY_UNROLL(4)
      for (int v = 0; v < kCols; ++v) sum[i][v] = hn::Add(sum[i][v], load_vector(start, v, kPartial));
    }
  }
  T* c = t.c;
  const std::int64_t c_row = t.c_row;
  HWY_UNROLL(16)
  for (int i = 0; i < kRows; ++i, c += c_row) {
    HWY_UNROLL(4)
    for (int v = 0; v < kCols; ++v) {
      T* to = c + v * kLanes<T>;
      (kPartial && v == kCols - 1) ? last.store(sum[i][v], to) : hn::StoreU(sum[i][v], d, to);
    }
  }
}

// A way to compute a tile, and how many columns of C it covers.
template <class T>
struct TileKernel {
  void (*run)(const Tile<T>&);
  std::int64_t columns;
};

// The widest kernel for `rows` rows, 0 < rows <= kTileRows, of `columns` > 0 that are left.
template <class T>
TileKernel<T> tile_kernel(std::int64_t rows, std::int64_t columns, bool wide) {
  constexpr auto kernels_of = []<int kCols, bool kPartial, int... i>(std::integer_sequence<int, i...>) {
    return std::array{&multiply_tile<T, i + 1, kCols, kPartial>...};
  };
  using Rows = std::make_integer_sequence<int, kTileRows>;
  using WideRows = std::make_integer_sequence<int, kWideRows>;
  static constexpr auto kNarrow = kernels_of.template operator()<1, true>(Rows());
  static constexpr auto kPartial = kernels_of.template operator()<kVectors, true>(Rows());
  static constexpr auto kFull = kernels_of.template operator()<kVectors, kFreeMasks>(Rows());
  static constexpr auto kWide = kernels_of.template operator()<kWideVectors, kFreeMasks>(WideRows());

  const auto i = static_cast<std::size_t>(rows - 1);
  if (columns <= kLanes<T>) return {kNarrow[i], columns};
  if (columns < kPanel<T>) return {kPartial[i], columns};
  if (wide && columns >= kWideVectors * kLanes<T>) return {kWide[i], kWideVectors * kLanes<T>};
  return {kFull[i], kPanel<T>};
}

// Asks for a tile of C of which the next product is to be a part.
template <class T>
HWY_INLINE void prefetch_tile(const T* c, std::int64_t row, std::int64_t rows) {
  constexpr std::int64_t kLine = 64 / sizeof(T);
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < kPanel<T>; j += kLine) hwy::Prefetch(c + i * row + j);
}

}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
