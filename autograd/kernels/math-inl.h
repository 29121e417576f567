// Exponentials and logarithms on vectors of float or double, once per instruction set. They handle ±0, subnormals, ±inf
// and NaN as <cmath> does; for their errors see elementwise.h.
#if defined(EBB_KERNELS_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EBB_KERNELS_MATH_INL_H_
#undef EBB_KERNELS_MATH_INL_H_
#else
#define EBB_KERNELS_MATH_INL_H_
#endif

#include <hwy/highway.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include "autograd/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Note [Polynomials]: the coefficients below are minimax fits of the relative error (Remez) on the reduced interval,
// rounded to the type. The reductions are the classical ones: exp(x) = 2^n exp(x - n ln 2), log(2^k (1 + f)) =
// k ln 2 + log(1 + f), sin(x) = ± sin or cos of x - n π/2 (Cody, Waite: Software Manual for the Elementary Functions;
// 1980), each constant split so that its product with n is exact.

template <class T>
struct Format;

template <>
struct Format<float> {
  using Bits = std::uint32_t;
  static constexpr int kMantissa = 23;
  static constexpr Bits kBias = 127;
  // Added to a small x, it leaves the nearest integer in the lowest bits: 1.5 · 2^23.
  static constexpr float kRound = 12582912.0F;
  // Beyond these, exp is 0 or infinite even when it is multiplied by anything up to 1e5.
  static constexpr float kExpLowest = -125, kExpHighest = 89;
  static constexpr float kLn2High = 0x1.63p-1F, kLn2Low = -0x1.bd0106p-13F;
};

template <>
struct Format<double> {
  using Bits = std::uint64_t;
  static constexpr int kMantissa = 52;
  static constexpr Bits kBias = 1023;
  static constexpr double kRound = 6755399441055744.0;
  static constexpr double kExpLowest = -800, kExpHighest = 710;
  static constexpr double kLn2High = 0x1.62e42feep-1, kLn2Low = 0x1.a39ef35793c76p-33;
};

template <class D>
using FormatOf = Format<hn::TFromD<D>>;
template <class D>
using BitsTag = hn::Rebind<typename FormatOf<D>::Bits, D>;
template <class D>
using BitsVec = hn::Vec<BitsTag<D>>;

// The bits of x as an integer, and back.
template <class D>
HWY_INLINE BitsVec<D> bits_of(D /*d*/, hn::Vec<D> x) {
  return hn::BitCast(BitsTag<D>(), x);
}
template <class D>
HWY_INLINE BitsVec<D> bits_of(D d, hn::TFromD<D> x) {
  return bits_of(d, hn::Set(d, x));
}

// 2^(e - bias) for 0 < e < 2 bias + 1.
template <class D>
HWY_INLINE hn::Vec<D> power_of_two(D d, BitsVec<D> biased_exponent) {
  return hn::BitCast(d, hn::ShiftLeft<FormatOf<D>::kMantissa>(biased_exponent));
}

// c[0] + c[1] x + …
template <class D, class T, std::size_t N>
HWY_INLINE hn::Vec<D> polynomial(D d, hn::Vec<D> x, const T (&c)[N]) {
  const auto horner = [&]<std::size_t... I>(std::index_sequence<I...>) EBB_LANES {
    auto y = hn::Set(d, c[N - 1]);
    ((y = hn::MulAdd(y, x, hn::Set(d, c[N - 2 - I]))), ...);
    return y;
  };
  return horner(std::make_index_sequence<N - 1>());
}

// The polynomial of the type.
template <class D, std::size_t N, std::size_t M>
HWY_INLINE hn::Vec<D> polynomial(D d, hn::Vec<D> x, const float (&of_float)[N], const double (&of_double)[M]) {
  if constexpr (std::is_same_v<hn::TFromD<D>, float>) {
    return polynomial(d, x, of_float);
  } else {
    return polynomial(d, x, of_double);
  }
}

// min(x, high), max(x, low) and both; NaN stays NaN.
template <class D>
HWY_INLINE hn::Vec<D> at_most(D d, hn::Vec<D> x, hn::TFromD<D> high) {
#if HWY_ARCH_X86  // the instruction returns its second operand if one is NaN
  return hn::Min(hn::Set(d, high), x);
#else
  return hn::IfThenElse(hn::Gt(x, hn::Set(d, high)), hn::Set(d, high), x);
#endif
}
template <class D>
HWY_INLINE hn::Vec<D> at_least(D d, hn::Vec<D> x, hn::TFromD<D> low) {
#if HWY_ARCH_X86
  return hn::Max(hn::Set(d, low), x);
#else
  return hn::IfThenElse(hn::Lt(x, hn::Set(d, low)), hn::Set(d, low), x);
#endif
}
template <class D>
HWY_INLINE hn::Vec<D> clamp(D d, hn::Vec<D> x, hn::TFromD<D> low, hn::TFromD<D> high) {
  return at_most(d, at_least(d, x, low), high);
}

// ---- exp

// (e^r - 1 - r) / r²; the first is a term shorter and a tenth of an ulp worse.
constexpr float kExpFloat[] = {0x1.fffffep-2F, 0x1.5554b4p-3F, 0x1.5556f2p-5F, 0x1.122546p-7F, 0x1.6b9c64p-10F};
constexpr float kExpm1Float[] = {0.5F,           0x1.555554p-3F, 0x1.5554a6p-5F,
                                 0x1.111192p-7F, 0x1.6d7cdp-10F, 0x1.a0336ap-13F};
constexpr double kExpm1Double[] = {0.5,
                                   0x1.5555555555559p-3,
                                   0x1.555555555553bp-5,
                                   0x1.111111110f369p-7,
                                   0x1.6c16c16c202p-10,
                                   0x1.a01a01b15a31p-13,
                                   0x1.a01a0178371cdp-16,
                                   0x1.71ddf44ddbf94p-19,
                                   0x1.27e539f9c225fp-22,
                                   0x1.af664c763c3f9p-26,
                                   0x1.1ee849909fe87p-29};

// 2^n for an integer n, even where the type can not hold it: from -3 to 2 times the largest exponent. Made of n + kRound.
// times(x) is x 2^n, rounded once.
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
template <class D>
class PowerOfTwo {
  using V = hn::Vec<D>;

 public:
  HWY_INLINE PowerOfTwo(D d, V rounded) : n_(hn::Sub(rounded, hn::Set(d, FormatOf<D>::kRound))) {}
  HWY_INLINE V times(V x) const { return V{scale(x.raw, n_.raw)}; }

 private:
  static HWY_INLINE __m512 scale(__m512 x, __m512 n) { return _mm512_scalef_ps(x, n); }
  static HWY_INLINE __m512d scale(__m512d x, __m512d n) { return _mm512_scalef_pd(x, n); }

  V n_;
};
#else
template <class D>
class PowerOfTwo {
  using V = hn::Vec<D>;

 public:
  HWY_INLINE PowerOfTwo(D d, V rounded) {  // 2^⌊n/2⌋ and what is left
    const auto twice_bias = hn::Set(BitsTag<D>(), 2 * FormatOf<D>::kBias);
    const auto exponents = hn::Add(hn::Sub(bits_of(d, rounded), bits_of(d, FormatOf<D>::kRound)), twice_bias);
    const auto first = hn::ShiftRight<1>(exponents);
    first_ = power_of_two(d, first);
    second_ = power_of_two(d, hn::Sub(exponents, first));
  }
  HWY_INLINE V times(V x) const { return hn::Mul(hn::Mul(x, first_), second_); }

 private:
  V first_, second_;
};
#endif

// x = n ln 2 + r, |r| <= ln 2 / 2 and a little more. `rounded` is n + kRound.
template <class D>
struct ExpArgument {
  hn::Vec<D> rounded, r;
};
template <class D>
HWY_INLINE ExpArgument<D> reduce_exp(D d, hn::Vec<D> x) {
  using F = FormatOf<D>;
  const auto log2_e = hn::Set(d, static_cast<hn::TFromD<D>>(0x1.71547652b82fep0));
  const auto rounded = hn::MulAdd(x, log2_e, hn::Set(d, F::kRound));
  const auto n = hn::Sub(rounded, hn::Set(d, F::kRound));
  const auto r = hn::NegMulAdd(n, hn::Set(d, F::kLn2High), x);
  return {rounded, hn::NegMulAdd(n, hn::Set(d, F::kLn2Low), r)};
}

// e^r - 1
template <class D, std::size_t N>
HWY_INLINE hn::Vec<D> expm1_reduced(D d, hn::Vec<D> r, const float (&of_float)[N]) {
  return hn::MulAdd(hn::Mul(r, r), polynomial(d, r, of_float, kExpm1Double), r);
}

// e^x as value 2^n. To multiply `value` first keeps all digits of a product where e^x alone is subnormal.
template <class D>
struct Scaled {
  hn::Vec<D> value;
  PowerOfTwo<D> power;
  HWY_INLINE hn::Vec<D> product() const { return power.times(value); }
};
// For x from kExpLowest to kExpHighest, or NaN.
template <class D>
HWY_INLINE Scaled<D> exp_scaled(D d, hn::Vec<D> x) {
  const auto [rounded, r] = reduce_exp(d, x);
  const auto one = hn::Set(d, 1);
  const auto linear = hn::MulAdd(polynomial(d, r, kExpFloat, kExpm1Double), r, one);
  return {hn::MulAdd(linear, r, one), PowerOfTwo<D>(d, rounded)};
}

template <class D>
HWY_INLINE hn::Vec<D> exp(D d, hn::Vec<D> x) {
  return exp_scaled(d, clamp(d, x, FormatOf<D>::kExpLowest, FormatOf<D>::kExpHighest)).product();
}

// e^x = 2^n (1 + p), and 2^-n; where that is too small for the type, 0 will do. x >= -64.
template <class D>
struct ExpParts {
  hn::Vec<D> p, inverse;
  PowerOfTwo<D> power;
};
template <class D>
HWY_INLINE ExpParts<D> exp_parts(D d, hn::Vec<D> x) {
  using F = FormatOf<D>;
  using T = hn::TFromD<D>;
  const auto [rounded, r] = reduce_exp(d, x);
  const auto bias = hn::Set(d, static_cast<T>(F::kBias));
  const auto n = hn::Min(hn::Sub(rounded, hn::Set(d, F::kRound)), bias);
  const auto inverse = power_of_two(d, bits_of(d, hn::Sub(hn::Set(d, F::kRound + static_cast<T>(F::kBias)), n)));
  return {expm1_reduced(d, r, kExpm1Float), inverse, PowerOfTwo<D>(d, rounded)};
}

// 2^n (p + (1 - 2^-n))
template <class D>
HWY_INLINE hn::Vec<D> expm1(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  const auto e = exp_parts(d, clamp(d, x, -64, FormatOf<D>::kExpHighest));
  const auto value = hn::Add(e.p, hn::Sub(hn::Set(d, T(1)), e.inverse));
  return hn::CopySign(e.power.times(value), x);
}

// ---- log

constexpr float kLogFloat[] = {0x1.555554p-2F, -0x1.000228p-2F, 0x1.99a038p-3F, -0x1.547214p-3F,
                               0x1.22d538p-3F, -0x1.0d8232p-3F, 0x1.058066p-3F, -0x1.3928a2p-4F};
constexpr double kLogDouble[] = {0x1.555555555557fp-1, 0x1.9999999984285p-2, 0x1.2492493f36f21p-2,
                                 0x1.c71c53ab5a209p-3, 0x1.7465ff982acf8p-3, 0x1.39a6591558fecp-3,
                                 0x1.2ee550f3042abp-3};

// log(1 + f) - f + f²/2 for 1 + f from 1/√2 to √2. Double: with s = f / (2 + f), log(1 + f) = 2 artanh(s).
template <class D>
HWY_INLINE hn::Vec<D> log1p_tail(D d, hn::Vec<D> f, hn::Vec<D> half_square) {
  if constexpr (std::is_same_v<hn::TFromD<D>, float>) {
    return hn::Mul(hn::Mul(hn::Mul(f, f), f), polynomial(d, f, kLogFloat));
  } else {
    const auto s = hn::Div(f, hn::Add(f, hn::Set(d, 2)));
    const auto z = hn::Mul(s, s);
    return hn::Mul(s, hn::MulAdd(z, polynomial(d, z, kLogDouble), half_square));
  }
}

// x = 2^k (1 + f)
template <class D>
struct LogParts {
  hn::Vec<D> f, k;
};

// k ln 2 + log(1 + f)
template <class D>
HWY_INLINE hn::Vec<D> log_sum(D d, LogParts<D> x) {
  using F = FormatOf<D>;
  const auto half_square = hn::Mul(hn::Mul(x.f, x.f), hn::Set(d, hn::TFromD<D>(0.5)));
  const auto tail = hn::MulAdd(x.k, hn::Set(d, F::kLn2Low), log1p_tail(d, x.f, half_square));
  return hn::MulAdd(x.k, hn::Set(d, F::kLn2High), hn::Sub(x.f, hn::Sub(half_square, tail)));
}

// Of a normal x > 0; 1 + f is from 1/√2 to √2.
template <class D>
HWY_INLINE LogParts<D> log_parts(D d, hn::Vec<D> x) {
  using F = FormatOf<D>;
  using T = hn::TFromD<D>;
  constexpr T kHalfRoot = static_cast<T>(0x1.6a09e667f3bcdp-1),
              kBase = static_cast<T>(std::uint64_t{1} << F::kMantissa);
  const auto one = hn::Set(d, T(1));
  const auto shifted = hn::Add(bits_of(d, x), hn::Sub(bits_of(d, one), bits_of(d, kHalfRoot)));
  const auto exponent = hn::Or(hn::ShiftRight<F::kMantissa>(shifted), bits_of(d, kBase));  // 2^mantissa + k + bias
  const auto mantissa = hn::And(shifted, hn::Set(BitsTag<D>(), (typename F::Bits{1} << F::kMantissa) - 1));
  return {hn::Sub(hn::BitCast(d, hn::Add(mantissa, bits_of(d, kHalfRoot))), one),
          hn::Sub(hn::BitCast(d, exponent), hn::Set(d, kBase + static_cast<T>(F::kBias)))};
}

// What log says of x where it is 0, negative, infinite or NaN, y elsewhere.
template <class D>
HWY_INLINE hn::Vec<D> log_limits(D d, hn::Vec<D> x, hn::Vec<D> y) {
  using Limits = std::numeric_limits<hn::TFromD<D>>;
  const auto infinity = hn::Set(d, Limits::infinity());
  y = hn::IfThenElse(hn::Lt(x, infinity), y, x);
  y = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Set(d, Limits::quiet_NaN()), y);
  return hn::IfThenElse(hn::Eq(x, hn::Zero(d)), hn::Neg(infinity), y);
}

// The same of any x > 0, also a subnormal one.
template <class D>
HWY_INLINE LogParts<D> log_parts_of_any(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  constexpr int kShift = FormatOf<D>::kMantissa + 2;
  const auto tiny = hn::Lt(x, hn::Set(d, std::numeric_limits<T>::min()));
  const auto normal = hn::Mul(x, hn::Set(d, static_cast<T>(std::uint64_t{1} << kShift)));
  auto parts = log_parts(d, hn::IfThenElse(tiny, normal, x));
  parts.k = hn::Sub(parts.k, hn::IfThenElseZero(tiny, hn::Set(d, static_cast<T>(kShift))));
  return parts;
}

template <class D>
HWY_NOINLINE hn::Vec<D> log_of_any(D d, hn::Vec<D> x) {
  return log_limits(d, x, log_sum(d, log_parts_of_any(d, x)));
}

template <class D>
HWY_INLINE hn::Vec<D> log(D d, hn::Vec<D> x) {
  using Limits = std::numeric_limits<hn::TFromD<D>>;
  const auto normal = hn::And(hn::Ge(x, hn::Set(d, Limits::min())), hn::Lt(x, hn::Set(d, Limits::infinity())));
  if (HWY_LIKELY(hn::AllTrue(d, normal))) return log_sum(d, log_parts(d, x));
  return log_of_any(d, x);
}

// k is that of 1 + x; f = 2^-k x + (2^-k - 1) then has lost nothing of x. Computed by quarters, since 2^-k may be
// subnormal; of a tiny x that would lose digits.
template <class D>
HWY_INLINE hn::Vec<D> log1p(D d, hn::Vec<D> x) {
  using F = FormatOf<D>;
  using T = hn::TFromD<D>;
  const auto one = hn::Set(d, T(1)), quarter = hn::Set(d, T(0.25));
  const auto sum = hn::Add(x, one);
  auto parts = log_parts(d, sum);
  const auto four =
      power_of_two(d, bits_of(d, hn::Sub(hn::Set(d, F::kRound + static_cast<T>(F::kBias + 2)), parts.k)));
  parts.f = hn::MulAdd(hn::Mul(x, quarter), four, hn::MulSub(four, quarter, one));
  const auto tiny = hn::Lt(hn::Abs(x), hn::Set(d, std::numeric_limits<T>::epsilon() / 4));
  const auto y = hn::IfThenElse(tiny, x, log_sum(d, parts));
  const auto inside =
      hn::And(hn::Gt(sum, hn::Zero(d)), hn::Lt(sum, hn::Set(d, std::numeric_limits<T>::infinity())));
  if (HWY_LIKELY(hn::AllTrue(d, inside))) return y;
  return log_limits(d, sum, y);
}

// log(1 + x) for 0 <= x <= 1, where k is 0 or 1.
template <class D>
HWY_INLINE hn::Vec<D> log1p_of_fraction(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  const auto half = hn::Set(d, T(0.5));
  const auto upper = hn::Gt(x, hn::Set(d, static_cast<T>(0x1.a827999fcef32p-2)));  // √2 - 1
  return log_sum(d, LogParts<D>{hn::IfThenElse(upper, hn::MulSub(x, half, half), x),
                                hn::IfThenElseZero(upper, hn::Set(d, T(1)))});
}

}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
