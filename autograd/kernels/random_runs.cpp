#include "autograd/kernels/random_runs.h"

#include <cmath>

#include "autograd/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "autograd/kernels/random_runs.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "autograd/kernels/math-inl.h"
#include "autograd/kernels/trigonometry-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {
namespace {

using Words = Tag<std::uint32_t>;
using Wide = Tag<std::uint64_t>;

// The state of a Philox block per 64-bit lane. Only the lower half of each lane counts.
struct Blocks {
  hn::Vec<Wide> c0, c1, c2, c3;
};

// Philox 4x32-10, as ebb::philox.
HWY_INLINE Blocks philox_blocks(hn::Vec<Wide> block, const RandomBits& from) {
  const Words words;
  const Wide wide;
  const auto multiply = [&](std::uint32_t m, hn::Vec<Wide> c)
                            EBB_LANES { return hn::MulEven(hn::Set(words, m), hn::BitCast(words, c)); };
  Blocks s{block, hn::ShiftRight<32>(block), hn::Set(wide, from.word), hn::Zero(wide)};
  std::uint64_t key0 = from.seed, key1 = from.seed >> 32;
  for (int round = 0; round < 10; ++round) {
    const auto a = multiply(0xD2511F53, s.c0), b = multiply(0xCD9E8D57, s.c2);
    s = {hn::Xor(hn::ShiftRight<32>(b), hn::Xor(s.c1, hn::Set(wide, key0))), b,
         hn::Xor(hn::ShiftRight<32>(a), hn::Xor(s.c3, hn::Set(wide, key1))), a};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return s;
}

// count is a multiple of kRandomStep.
void bits(std::uint32_t* to, std::int64_t count, const RandomBits& from) {
  const Words words;
  const Wide wide;
  const std::int64_t blocks = lanes(words);  // of a step: the even ones and the odd ones
  auto even = hn::Add(hn::Set(wide, from.block), hn::ShiftLeft<1>(hn::Iota(wide, 0)));
  const auto join = [&](hn::Vec<Wide> e, hn::Vec<Wide> o) EBB_LANES {
    return hn::OddEven(hn::BitCast(words, hn::ShiftLeft<32>(o)), hn::BitCast(words, e));
  };
  for (std::int64_t i = 0; i < count; i += 4 * blocks) {
    const auto e = philox_blocks(even, from), o = philox_blocks(hn::Add(even, hn::Set(wide, 1)), from);
    hn::StoreInterleaved4(join(e.c0, o.c0), join(e.c1, o.c1), join(e.c2, o.c2), join(e.c3, o.c3), words, to + i);
    even = hn::Add(even, hn::Set(wide, static_cast<std::uint64_t>(blocks)));
  }
}

// 2^-24 k and 2^-53 k, k of 24 and 53 random bits.
HWY_INLINE hn::Vec<Tag<float>> unit(Tag<float> d, hn::Vec<Words> bits, hn::Vec<Words> /*more*/) {
  const auto k = hn::BitCast(hn::RebindToSigned<Words>(), hn::ShiftRight<8>(bits));
  return hn::Mul(hn::ConvertTo(d, k), hn::Set(d, 0x1p-24F));
}
HWY_INLINE hn::Vec<Tag<double>> unit(Tag<double> d, hn::Vec<Wide> bits, hn::Vec<Wide> more) {
  const auto number = [&](hn::Vec<Wide> k) EBB_LANES {
    return hn::Sub(hn::BitCast(d, hn::Or(k, bits_of(d, 0x1p52))), hn::Set(d, 0x1p52));
  };
  const auto k = hn::MulAdd(number(bits), hn::Set(d, 0x1p21), number(hn::ShiftRight<11>(more)));
  return hn::Mul(k, hn::Set(d, 0x1p-53));
}

// In (0, 1], for the logarithm: float 2^-31 (k + 1), k of 31 bits.
HWY_INLINE hn::Vec<Tag<float>> positive_unit(Tag<float> d, hn::Vec<Words> bits, hn::Vec<Words> /*more*/) {
  const auto k = hn::BitCast(hn::RebindToSigned<Words>(), hn::ShiftRight<1>(bits));
  return hn::Mul(hn::Add(hn::ConvertTo(d, k), hn::Set(d, 1)), hn::Set(d, 0x1p-31F));
}
HWY_INLINE hn::Vec<Tag<double>> positive_unit(Tag<double> d, hn::Vec<Wide> bits, hn::Vec<Wide> more) {
  return hn::Add(unit(d, bits, more), hn::Set(d, 0x1p-53));
}

// As many numbers as a vector of T has lanes, each in a lane of its size.
HWY_INLINE hn::Vec<Words> load_words(Tag<float> /*d*/, const std::uint32_t* from) {
  return hn::LoadU(Words(), from);
}
HWY_INLINE hn::Vec<Wide> load_words(Tag<double> /*d*/, const std::uint32_t* from) {
  return hn::PromoteTo(Wide(), hn::LoadU(hn::Half<Words>(), from));
}

// The numbers 2 j and the numbers 2 j + 1.
template <class V>
struct Pairs {
  V even, odd;
};
HWY_INLINE Pairs<hn::Vec<Words>> load_pairs(Tag<float> /*d*/, const std::uint32_t* from) {
  Pairs<hn::Vec<Words>> p;
  hn::LoadInterleaved2(Words(), from, p.even, p.odd);
  return p;
}
HWY_INLINE Pairs<hn::Vec<Wide>> load_pairs(Tag<double> /*d*/, const std::uint32_t* from) {
  const auto both = hn::BitCast(Wide(), hn::LoadU(Words(), from));
  return {hn::And(both, hn::Set(Wide(), 0xFFFFFFFF)), hn::ShiftRight<32>(both)};
}

template <class T>
void uniform(T* y, const std::uint32_t* bits, const std::uint32_t* more, std::int64_t count, double low,
             double high) {
  const Tag<T> d;
  const T least = static_cast<T>(low);
  const auto start = hn::Set(d, least), width = hn::Set(d, static_cast<T>(high - low));
  const auto largest = hn::Set(d, std::max(least, std::nextafter(static_cast<T>(high), least)));
  for (std::int64_t i = 0; i < count; i += lanes(d)) {
    const auto u = unit(d, load_words(d, bits + i), load_words(d, more + i));
    hn::StoreU(hn::Min(hn::MulAdd(u, width, start), largest), d, y + i);
  }
}

// √(-2 log u) (cos 2πv, sin 2πv)
template <class T>
void normal(T* y, const std::uint32_t* bits, const std::uint32_t* more, std::int64_t count, double mean,
            double std) {
  const Tag<T> d;
  const auto center = hn::Set(d, static_cast<T>(mean)), width = hn::Set(d, static_cast<T>(std));
  for (std::int64_t i = 0; i < count; i += 2 * lanes(d)) {
    const auto first = load_pairs(d, bits + i), second = load_pairs(d, more + i);
    const auto u = positive_unit(d, first.even, second.even), v = unit(d, first.odd, second.odd);
    const auto radius = hn::Sqrt(hn::Mul(log(d, u), hn::Set(d, -2)));
    const auto angle = sin_cos_of_abs(d, hn::Mul(v, hn::Set(d, static_cast<T>(0x1.921fb54442d18p2))));
    const auto scaled = hn::Mul(radius, width);
    hn::StoreInterleaved2(hn::MulAdd(scaled, angle.cos, center), hn::MulAdd(scaled, angle.sin, center), d, y + i);
  }
}

template <class T>
void dropout(T* y, const T* x, const std::uint32_t* bits, std::int64_t count, std::uint32_t limit, double scale) {
  const Tag<T> d;
  const auto factor = hn::Set(d, static_cast<T>(scale));
  const auto most = hn::Set(BitsTag<Tag<T>>(), limit);
  for_each_vector(d, count, [&](std::int64_t i, std::int64_t n) EBB_LANES {
    const auto random = load_words(d, bits + i);
    const auto kept = hn::RebindMask(d, hn::Eq(hn::Min(random, most), random));
    store(hn::IfThenElseZero(kept, hn::Mul(load(d, x + i, n), factor)), d, y + i, n);
  });
}

template <class T>
constexpr RandomRuns<T> runs_of{uniform<T>, normal<T>, dropout<T>};

const RandomKernels& all_random() {
  static constexpr RandomKernels kKernels{bits, {runs_of<float>, runs_of<double>}};
  return kKernels;
}

}  // namespace
}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ebb::kernels {

HWY_EXPORT(all_random);
const RandomKernels& random_kernels() { return HWY_DYNAMIC_DISPATCH(all_random)(); }

}  // namespace ebb::kernels
#endif
