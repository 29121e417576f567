#include "autograd/kernels/conv_tile.h"

#include <type_traits>
#include <utility>

#include "autograd/kernels/gemm_order.h"
#include "autograd/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "autograd/kernels/conv_tile.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "autograd/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::conv::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;
using namespace ebb::kernels::HWY_NAMESPACE;

#if HWY_ARCH_X86 && HWY_TARGET > HWY_AVX3
constexpr int kRegisters = 16;
#else
constexpr int kRegisters = 32;
#endif

// The sums share the registers with a row of b and an element of a.
constexpr int max_rows(int vectors) { return std::min(kMaxRows, (kRegisters - 1 - vectors) / vectors); }

template <class T>
using Vector = hn::Vec<Tag<T>>;

// Parts of vectors in memory, 0 < n <= lanes: what is beyond is neither read nor written.
#if HWY_MEM_OPS_MIGHT_FAULT && HWY_TARGET != HWY_AVX2
template <class T>
HWY_NOINLINE Vector<T> load_part(const T* p, std::int64_t n) {
  return load(Tag<T>(), p, n);
}
template <class T>
HWY_NOINLINE void store_part(Vector<T> v, T* p, std::int64_t n) {
  store(v, Tag<T>(), p, n);
}
#else
template <class T>
HWY_INLINE Vector<T> load_part(const T* p, std::int64_t n) {
  return hn::MaskedLoad(first_n(Tag<T>(), n), Tag<T>(), p);
}
template <class T>
HWY_INLINE void store_part(Vector<T> v, T* p, std::int64_t n) {
  hn::BlendedStore(v, first_n(Tag<T>(), n), Tag<T>(), p);
}
#endif

// Keeps v in a register: gcc 12 would load it once for each use, more than the machine's load ports can.
template <class V>
HWY_INLINE void keep(V& v) {
#if HWY_COMPILER_GCC_ACTUAL && HWY_ARCH_X86
  asm("" : "+v"(v.raw));
#else
  (void)v;
#endif
}

template <class T, int kRows, int kVectors>
class Sums {
 public:
  explicit HWY_INLINE Sums(const Tile<T>& t) {
    const T* start = t.start;
    HWY_UNROLL(16)
    for (int i = 0; i < kRows; ++i, start += t.start_row) {
      HWY_UNROLL(4)
      for (int v = 0; v < kVectors; ++v) sum_[i][v] = hn::LoadU(Tag<T>(), start + v * t.start_vector);
    }
  }

  // Adds the products of a(i) and b(v).
  template <class A, class B>
  HWY_INLINE void add(A&& a, B&& b) {
    Vector<T> vector[kVectors];
    HWY_UNROLL(4)
    for (int v = 0; v < kVectors; ++v) {
      vector[v] = b(v);
      if constexpr (kRows > 1) keep(vector[v]);
    }
    HWY_UNROLL(16)
    for (int i = 0; i < kRows; ++i) {
      const auto factor = a(i);
      HWY_UNROLL(4)
      for (int v = 0; v < kVectors; ++v) sum_[i][v] = hn::MulAdd(factor, vector[v], sum_[i][v]);
    }
  }

  // Puts the sums away, or adds them to those before, and begins again.
  HWY_INLINE void end_chain(T* chains, bool first) {
    for_each([&](Vector<T>& sum, int i) EBB_LANES {
      T* const before = chains + i * lanes(Tag<T>());
      hn::Store(first ? sum : hn::Add(sum, hn::Load(Tag<T>(), before)), Tag<T>(), before);
      sum = hn::Zero(Tag<T>());
    });
  }
  HWY_INLINE void add_chains(const T* chains) {
    for_each([&](Vector<T>& sum, int i)
                 EBB_LANES { sum = hn::Add(sum, hn::Load(Tag<T>(), chains + i * lanes(Tag<T>()))); });
  }

  HWY_INLINE void finish(const Tile<T>& t) const {
    const auto whole = lanes(Tag<T>());
    const auto write = [&](const auto& store_first, const auto& store_last) EBB_LANES {
      T* c = t.c;
      HWY_UNROLL(16)
      for (int i = 0; i < kRows; ++i, c += t.c_row) {
        HWY_UNROLL(4)
        for (int v = 0; v + 1 < kVectors; ++v) store_first(sum_[i][v], c + v * t.c_vector);
        store_last(sum_[i][kVectors - 1], c + (kVectors - 1) * t.c_vector);
      }
    };
    const auto store_whole = [](Vector<T> v, T* p) EBB_LANES { hn::StoreU(v, Tag<T>(), p); };
    const auto store_first = [&](Vector<T> v, T* p) EBB_LANES { store_part(v, p, t.width); };
    const auto store_last = [&](Vector<T> v, T* p) EBB_LANES { store_part(v, p, t.last_width); };
    if (t.last_width == whole) write(store_whole, store_whole);
    else write(store_first, store_last);
  }

 private:
  template <class F>
  HWY_INLINE void for_each(F&& f) {
    HWY_UNROLL(16)
    for (int i = 0; i < kRows; ++i) {
      HWY_UNROLL(4)
      for (int v = 0; v < kVectors; ++v) f(sum_[i][v], i * kVectors + v);
    }
  }

  Vector<T> sum_[kRows][kVectors];
};

template <class T>
HWY_INLINE const T* skip(const T* p, std::int64_t bytes) {
  return reinterpret_cast<const T*>(reinterpret_cast<const char*>(p) + bytes);
}

// Sums of more than kChain terms are sums of chains, of whole taps each.
template <class T, int kRows, int kVectors, bool kChains>
HWY_NOINLINE void sum_products(const Tile<T>& t) {
  const Tag<T> d;
  Sums<T, kRows, kVectors> sums(t);
  HWY_ALIGN T chains[kChains ? kRows * kVectors * hn::MaxLanes(Tag<T>()) : 1];
  const std::int64_t chain = kChains ? std::max<std::int64_t>(1, kChain / t.depth) : t.tap_count;
  [[maybe_unused]] const Tap* next = t.taps + chain;
  constexpr int kUpper = (kRows + 1) / 2;  // two pointers into a, so that their offsets fit into registers
  constexpr std::int64_t kSize = sizeof(T);
  const std::int64_t a_row = t.a_row, b_vector = t.b_vector;
  const std::int64_t a_step = t.a_step * kSize,
                     b_step = t.b_step * kSize;  // in bytes, lest gcc make a loop for step 1
  for (const Tap* tap = t.taps; tap != t.taps + t.tap_count; ++tap) {
    if constexpr (kChains) {
      if (tap == next) {
        sums.end_chain(chains, tap == t.taps + chain);
        next += chain;
      }
    }
    const T* upper = t.a + tap->a;
    const T* lower = upper + kUpper * a_row;
    const T* b = t.b + tap->b;
    for (std::int64_t k = t.depth; k > 0; --k) {
      sums.add([&](int i)
                   EBB_LANES { return hn::Set(d, i < kUpper ? upper[i * a_row] : lower[(i - kUpper) * a_row]); },
               [&](int v) EBB_LANES { return hn::LoadU(d, b + v * b_vector); });
      upper = skip(upper, a_step);
      lower = skip(lower, a_step);
      b = skip(b, b_step);
    }
  }
  if constexpr (kChains)
    if (chain < t.tap_count) sums.add_chains(chains);
  sums.finish(t);
}

template <class T, int kRows, int kVectors>
void product(const Tile<T>& t) {
  if constexpr (std::is_same_v<T, float>)  // float64 has digits to spare
    if (t.tap_count > 1 && t.depth * t.tap_count > kChain) return sum_products<T, kRows, kVectors, true>(t);
  sum_products<T, kRows, kVectors, false>(t);
}

template <class T, int kRows, int kVectors>
void dot(const Tile<T>& t) {
  const Tag<T> d;
  Sums<T, kRows, kVectors> sums(t);
  constexpr int kUpper = (kRows + 1) / 2;  // as in product()
  constexpr std::int64_t kSize = sizeof(T);
  const std::int64_t a_row = t.a_row, b_vector = t.b_vector, step = lanes(d) * kSize;
  const std::int64_t whole = t.depth / lanes(d), rest = t.depth % lanes(d);
  for (const Tap* tap = t.taps; tap != t.taps + t.tap_count; ++tap) {
    const T* upper = t.a + tap->a;
    const T* lower = upper + kUpper * a_row;
    const T* b = t.b + tap->b;
    const auto row = [&](int i)
                         EBB_LANES { return i < kUpper ? upper + i * a_row : lower + (i - kUpper) * a_row; };
    for (std::int64_t k = whole; k > 0; --k) {
      sums.add(
          [&](int i) EBB_LANES {
            auto v = hn::LoadU(d, row(i));
            if constexpr (kVectors > 1) keep(v);
            return v;
          },
          [&](int v) EBB_LANES { return hn::LoadU(d, b + v * b_vector); });
      upper = skip(upper, step);
      lower = skip(lower, step);
      b = skip(b, step);
    }
    if (rest > 0) {
      sums.add([&](int i) EBB_LANES { return load_part(row(i), rest); },
               [&](int v) EBB_LANES { return load_part(b + v * b_vector, rest); });
    }
  }
  sums.finish(t);
}

// Elements of 128 bits, the squares that are transposed in registers.
template <class T>
using Block = hn::FixedTag<T, 16 / sizeof(T)>;

HWY_INLINE void transpose_block(float* to, std::int64_t to_row, const float* from, std::int64_t from_row) {
  const Block<float> d;
  const auto r0 = hn::LoadU(d, from), r1 = hn::LoadU(d, from + from_row);
  const auto r2 = hn::LoadU(d, from + 2 * from_row), r3 = hn::LoadU(d, from + 3 * from_row);
  const auto low02 = hn::InterleaveLower(d, r0, r2), low13 = hn::InterleaveLower(d, r1, r3);
  const auto high02 = hn::InterleaveUpper(d, r0, r2), high13 = hn::InterleaveUpper(d, r1, r3);
  hn::StoreU(hn::InterleaveLower(d, low02, low13), d, to);
  hn::StoreU(hn::InterleaveUpper(d, low02, low13), d, to + to_row);
  hn::StoreU(hn::InterleaveLower(d, high02, high13), d, to + 2 * to_row);
  hn::StoreU(hn::InterleaveUpper(d, high02, high13), d, to + 3 * to_row);
}

HWY_INLINE void transpose_block(double* to, std::int64_t to_row, const double* from, std::int64_t from_row) {
  const Block<double> d;
  const auto r0 = hn::LoadU(d, from), r1 = hn::LoadU(d, from + from_row);
  hn::StoreU(hn::InterleaveLower(d, r0, r1), d, to);
  hn::StoreU(hn::InterleaveUpper(d, r0, r1), d, to + to_row);
}

// Squares of a cache line, which are walked along the longer rows: lines far apart, which may all fall into one set of
// the cache, are done with one after the other. The last blocks end with the last row and column, and may repeat some.
template <class T>
void transpose(T* to, std::int64_t to_row, const T* from, std::int64_t from_row, std::int64_t rows,
               std::int64_t columns) {
  constexpr std::int64_t kBlock = 16 / sizeof(T), kLine = 64 / sizeof(T);
  if (rows < kBlock || columns < kBlock) {
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < columns; ++j) to[j * to_row + i] = from[i * from_row + j];
    return;
  }
  const bool along_rows = from_row > to_row;
  const std::int64_t outer = along_rows ? rows : columns, inner = along_rows ? columns : rows;
  for (std::int64_t o = 0; o < outer; o += kLine) {
    for (std::int64_t i = 0; i < inner; i += kLine) {
      for (std::int64_t p = o; p < std::min(o + kLine, outer); p += kBlock) {
        for (std::int64_t q = i; q < std::min(i + kLine, inner); q += kBlock) {
          const std::int64_t at_outer = std::min(p, outer - kBlock), at_inner = std::min(q, inner - kBlock);
          const std::int64_t row = along_rows ? at_outer : at_inner, column = along_rows ? at_inner : at_outer;
          transpose_block(to + column * to_row + row, to_row, from + row * from_row + column, from_row);
        }
      }
    }
  }
}

// Nothing behind the last element is read. The last vector ends with it, and may repeat some.
template <class T>
void every_second(T* to, const T* from, std::int64_t n) {
  const Tag<T> d;
  if (n < lanes(d)) {
    for (std::int64_t i = 0; i < n; ++i) to[i] = from[2 * i];
    return;
  }
  for (std::int64_t i = 0; i < n; i += lanes(d)) {
    const std::int64_t at = std::min(i, n - lanes(d));
    const auto low = hn::LoadU(d, from + 2 * at), high = hn::LoadU(d, from + 2 * at + lanes(d) - 1);
    hn::StoreU(hn::ConcatUpperLower(d, hn::ConcatOdd(d, high, high), hn::ConcatEven(d, low, low)), d, to + at);
  }
}

template <class T, int kVectors>
void add_tiles(Kernels<T>& kernels) {
  constexpr int kRows = max_rows(kVectors), v = kVectors - 1;
  kernels.rows[v] = kRows;
  [&]<int... i>(std::integer_sequence<int, i...>) { ((kernels.product[v][i] = product<T, i + 1, kVectors>), ...); }
  (std::make_integer_sequence<int, kRows>());
  [&]<int... i>(std::integer_sequence<int, i...>) { ((kernels.dot[v][i] = dot<T, i + 1, kVectors>), ...); }
  (std::make_integer_sequence<int, std::min(kRows, kMaxDotRows)>());
}

template <class T>
Kernels<T> all() {
  Kernels<T> kernels{};
  kernels.lanes = lanes(Tag<T>());
  kernels.transpose = transpose<T>;
  kernels.every_second = every_second<T>;
  add_tiles<T, 1>(kernels);
  add_tiles<T, 2>(kernels);
  add_tiles<T, 3>(kernels);
  add_tiles<T, 4>(kernels);
  return kernels;
}

const Kernels<float>& all_f32() {
  static const auto kernels = all<float>();
  return kernels;
}
const Kernels<double>& all_f64() {
  static const auto kernels = all<double>();
  return kernels;
}

}  // namespace ebb::kernels::conv::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ebb::kernels::conv {

HWY_EXPORT(all_f32);
HWY_EXPORT(all_f64);
template <>
const Kernels<float>& kernels() {
  return HWY_DYNAMIC_DISPATCH(all_f32)();
}
template <>
const Kernels<double>& kernels() {
  return HWY_DYNAMIC_DISPATCH(all_f64)();
}

}  // namespace ebb::kernels::conv
#endif
