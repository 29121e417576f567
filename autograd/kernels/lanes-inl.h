// Vectors of up to 64 bytes, the ends of arrays that fill only a part of one, and sums wider than their
// terms; once per instruction set.
#if defined(EBB_KERNELS_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EBB_KERNELS_LANES_INL_H_
#undef EBB_KERNELS_LANES_INL_H_
#else
#define EBB_KERNELS_LANES_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>

// What a lambda that holds vectors carries: the instruction set, and that it is inlined.
#undef EBB_LANES
#define EBB_LANES HWY_ATTR __attribute__((always_inline))

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
using Tag = hn::CappedTag<T, 64 / sizeof(T)>;

template <class D>
HWY_INLINE std::int64_t lanes(D d) {
  return static_cast<std::int64_t>(hn::Lanes(d));
}

// True for the first n lanes.
template <class D>
HWY_INLINE hn::Mask<D> first_n(D d, std::int64_t n) {
  return hn::FirstN(d, static_cast<std::size_t>(n));
}

// p[0 … n), 0 < n <= lanes, then zeros. Reads nothing beyond.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load(D d, const T* p, std::int64_t n) {
  if (n == lanes(d)) return hn::LoadU(d, p);
#if HWY_MEM_OPS_MIGHT_FAULT
  HWY_ALIGN T whole[hn::MaxLanes(d)] = {};
  for (std::int64_t i = 0; i < std::min(n, lanes(d)); ++i) whole[i] = p[i];  // bounded for gcc 13
  return hn::Load(d, whole);
#else
  return hn::MaskedLoad(first_n(d, n), d, p);
#endif
}

// The first n lanes of v to p[0 … n), 0 < n <= lanes. Writes nothing beyond.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE void store(hn::Vec<D> v, D d, T* p, std::int64_t n) {
  if (n == lanes(d)) return hn::StoreU(v, d, p);
#if HWY_MEM_OPS_MIGHT_FAULT
  HWY_ALIGN T whole[hn::MaxLanes(d)];
  hn::Store(v, d, whole);
  for (std::int64_t i = 0; i < std::min(n, lanes(d)); ++i) p[i] = whole[i];
#else
  hn::BlendedStore(v, first_n(d, n), d, p);
#endif
}

// The same past the cache where p + i, for i from 0 in steps of the lanes, is aligned: see Note [Past the cache].
template <class D, class T = hn::TFromD<D>>
HWY_INLINE void stream(hn::Vec<D> v, D d, T* p, std::int64_t n) {
  if (n == lanes(d)) return hn::Stream(v, d, p);
  store(v, d, p, n);
}
template <class D, class T = hn::TFromD<D>>
HWY_INLINE bool can_stream(D d, const T* p) {
  return reinterpret_cast<std::uintptr_t>(p) % (static_cast<std::uintptr_t>(lanes(d)) * sizeof(T)) == 0;
}

// The first n lanes of v, 0 < n <= lanes, then those of rest.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V first_lanes(D d, V v, std::int64_t n, V rest) {
  return n == lanes(d) ? v : hn::IfThenElse(first_n(d, n), v, rest);
}

// Calls body(i, n) for the pieces [i, i + n) of [0, count) that fill a vector, and once more for what is
// left:
//
//   for_each_vector(d, count, [&](std::int64_t i, std::int64_t n)
//                                 EBB_LANES { store(hn::Neg(load(d, x + i, n)), d, y + i, n); });
template <class D, class Body>
HWY_INLINE void for_each_vector(D d, std::int64_t count, Body&& body) {
  const std::int64_t n = lanes(d);
  std::int64_t i = 0;
  for (; i + n <= count; i += n) body(i, n);
  if (i < count) body(i, count - i);
}

// The halves of a vector of floats in double.
template <class D>
HWY_INLINE hn::Vec<Tag<double>> low_half(D /*d*/, hn::Vec<D> v) {
  return hn::PromoteTo(Tag<double>(), hn::LowerHalf(hn::Half<D>(), v));
}
template <class D>
HWY_INLINE hn::Vec<Tag<double>> high_half(D /*d*/, hn::Vec<D> v) {
  return hn::PromoteTo(Tag<double>(), hn::UpperHalf(hn::Half<D>(), v));
}

// A sum of vectors: double for floats (see Note [Blocked sums]), otherwise the type itself.
template <class T>
class WideSum {
  static constexpr bool kWiden = std::is_same_v<T, float>;
  using Acc = std::conditional_t<kWiden, double, T>;
  using A = Tag<Acc>;

 public:
  HWY_INLINE WideSum() : low_(hn::Zero(A())), high_(hn::Zero(A())) {}
  HWY_INLINE void add(hn::Vec<Tag<T>> v) {
    if constexpr (kWiden) {
      low_ = hn::Add(low_, low_half(Tag<T>(), v));
      high_ = hn::Add(high_, high_half(Tag<T>(), v));
    } else {
      low_ = hn::Add(low_, v);
    }
  }
  HWY_INLINE Acc total() const { return hn::GetLane(hn::SumOfLanes(A(), hn::Add(low_, high_))); }

  // acc[0 … n) += the first n lanes of v.
  static HWY_INLINE void add(Acc* acc, hn::Vec<Tag<T>> v, std::int64_t n) {
    if constexpr (kWiden) {
      const std::int64_t half = lanes(A());
      add_part(acc, low_half(Tag<T>(), v), std::min(n, half));
      if (n > half) add_part(acc + half, high_half(Tag<T>(), v), n - half);
    } else {
      add_part(acc, v, n);
    }
  }

 private:
  static HWY_INLINE void add_part(Acc* acc, hn::Vec<A> v, std::int64_t n) {
    store(hn::Add(load(A(), acc, n), v), A(), acc, n);
  }

  hn::Vec<A> low_, high_;
};

}  // namespace
}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
