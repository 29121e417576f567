// Elementary functions that follow from those of math-inl.h, on vectors of float or double, once per instruction set:
// other bases, hyperbolic functions, their inverses. For their errors see elementwise.h.
#if defined(EBB_KERNELS_ELEMENTARY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EBB_KERNELS_ELEMENTARY_INL_H_
#undef EBB_KERNELS_ELEMENTARY_INL_H_
#else
#define EBB_KERNELS_ELEMENTARY_INL_H_
#endif

#include "autograd/kernels/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {

// ---- other bases

// x = n + f exactly; 2^n e^(f ln 2).
template <class D>
HWY_INLINE hn::Vec<D> exp2(D d, hn::Vec<D> x) {
  using F = FormatOf<D>;
  using T = hn::TFromD<D>;
  constexpr bool kFloat = std::is_same_v<T, float>;
  x = clamp(d, x, kFloat ? -155 : -1080, kFloat ? 130 : 1030);  // there it is 0 and infinite
  const auto round = hn::Set(d, F::kRound), one = hn::Set(d, T(1));
  const auto rounded = hn::Add(x, round);
  const auto r = hn::Mul(hn::Sub(x, hn::Sub(rounded, round)), hn::Set(d, static_cast<T>(0x1.62e42fefa39efp-1)));
  const auto linear = hn::MulAdd(polynomial(d, r, kExpFloat, kExpm1Double), r, one);
  return PowerOfTwo<D>(d, rounded).times(hn::MulAdd(linear, r, one));
}

// log(x) / log(b) = k log_b 2 + log(1 + f) / log(b); k times the first part of log_b 2 is exact.
template <class T>
struct Base {
  T log_2_high, log_2_low, inverse_ln;
};
template <class T>
constexpr Base<T> kBase2{1, 0, static_cast<T>(0x1.71547652b82fep0)};
template <class T>
constexpr Base<T> kBase10{static_cast<T>(0x1.34413509f6p-2), static_cast<T>(0x1.9fef311f12b36p-42),
                          static_cast<T>(0x1.bcb7b1526e50ep-2)};
template <>
inline constexpr Base<float> kBase10<float>{0x1.3441p-2F, 0x1.a84fb6p-21F, 0x1.bcb7b2p-2F};

template <class D>
HWY_INLINE hn::Vec<D> log_to_base(D d, hn::Vec<D> x, Base<hn::TFromD<D>> base) {
  const auto parts = log_parts_of_any(d, x);
  const auto ln = log_sum(d, LogParts<D>{parts.f, hn::Zero(d)});
  const auto low = hn::MulAdd(parts.k, hn::Set(d, base.log_2_low), hn::Mul(ln, hn::Set(d, base.inverse_ln)));
  return log_limits(d, x, hn::MulAdd(parts.k, hn::Set(d, base.log_2_high), low));
}

// log(q), q = x / (1 - x). Near ½, q - 1 = (2x - 1) / (1 - x) keeps the digits that q has lost.
template <class D>
HWY_INLINE hn::Vec<D> logit(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  const auto one = hn::Set(d, T(1)), rest = hn::Sub(one, x), twice = hn::Sub(hn::Add(x, x), one);
  const auto far = log(d, hn::Div(x, rest));
  const auto near = log_sum(d, LogParts<D>{hn::Div(twice, rest), hn::Zero(d)});
  return hn::IfThenElse(hn::Lt(hn::Abs(twice), hn::Set(d, static_cast<T>(0.17))), near, far);
}

// ---- hyperbolic functions. With e^|x| = 2^n (1 + p), no half of it overflows before they do.

template <class D>
HWY_INLINE ExpParts<D> exp_of_abs(D d, hn::Vec<D> x) {
  return exp_parts(d, at_most(d, hn::Abs(x), std::is_same_v<hn::TFromD<D>, float> ? 90 : 711));
}

// (m + m / (m + 1)) / 2, m = e^|x| - 1 = 2^n v
template <class D>
HWY_INLINE hn::Vec<D> sinh(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  const auto e = exp_of_abs(d, x);
  const auto one = hn::Set(d, T(1)), v = hn::Add(e.p, hn::Sub(one, e.inverse));
  const auto twice = hn::MulAdd(e.inverse, hn::Div(v, hn::Add(one, e.p)), v);
  return hn::CopySign(e.power.times(hn::Mul(twice, hn::Set(d, T(0.5)))), x);
}

template <class D>
HWY_INLINE hn::Vec<D> cosh(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  const auto e = exp_of_abs(d, x);
  const auto q = hn::Add(e.p, hn::Set(d, T(1)));
  const auto twice = hn::MulAdd(e.inverse, hn::Div(e.inverse, q), q);
  return e.power.times(hn::Mul(twice, hn::Set(d, T(0.5))));
}

// log(x + √(x² ± 1)) for x >= 0 is log1p(u), and log(2x) to all digits where x² is so large that the 1 is lost.
template <class D>
HWY_INLINE hn::Vec<D> log1p_or_twice(D d, hn::Vec<D> u, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  const auto large = hn::Gt(x, hn::Set(d, static_cast<T>(std::is_same_v<T, float> ? 0x1p13 : 0x1p28)));
  const auto y = log1p(d, hn::IfThenElse(large, hn::Sub(x, hn::Set(d, T(1))), u));
  return hn::Add(y, hn::IfThenElseZero(large, hn::Set(d, static_cast<T>(0x1.62e42fefa39efp-1))));
}

// u = a + √(a² + 1) - 1 = a + a² / (√(a² + 1) + 1), a = |x|
template <class D>
HWY_INLINE hn::Vec<D> asinh(D d, hn::Vec<D> x) {
  const auto a = hn::Abs(x), square = hn::Mul(a, a), one = hn::Set(d, 1);
  const auto u = hn::Add(a, hn::Div(square, hn::Add(hn::Sqrt(hn::Add(square, one)), one)));
  return hn::CopySign(log1p_or_twice(d, u, a), x);
}

// u = t + √(t² + 2t), t = x - 1
template <class D>
HWY_INLINE hn::Vec<D> acosh(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  const auto one = hn::Set(d, T(1)), t = hn::Sub(x, one);
  const auto u = hn::Add(t, hn::Sqrt(hn::Mul(t, hn::Add(t, hn::Set(d, T(2))))));
  const auto nan = hn::Set(d, std::numeric_limits<T>::quiet_NaN());
  return hn::IfThenElse(hn::Lt(x, one), nan, log1p_or_twice(d, u, x));
}

// log((1 + a) / (1 - a)) / 2, a = |x|
template <class D>
HWY_INLINE hn::Vec<D> atanh(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  const auto a = hn::Abs(x);
  const auto twice = log1p(d, hn::Div(hn::Add(a, a), hn::Sub(hn::Set(d, T(1)), a)));
  return hn::CopySign(hn::Mul(twice, hn::Set(d, T(0.5))), x);
}

}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
