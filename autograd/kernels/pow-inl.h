// Powers of vectors of float or double, once per instruction set; for their errors see elementwise.h.
#if defined(EBB_KERNELS_POW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EBB_KERNELS_POW_INL_H_
#undef EBB_KERNELS_POW_INL_H_
#else
#define EBB_KERNELS_POW_INL_H_
#endif

#include <cmath>

#include "autograd/kernels/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {

// In double, where even 1e5 times the rounding error of the logarithm is below that of a float.
template <class D>
HWY_INLINE hn::Vec<D> pow_in_double(D d, hn::Vec<D> a, hn::Vec<D> b) {
  const auto zero = hn::Zero(d), one = hn::Set(d, 1), half = hn::Set(d, 0.5);
  const auto nan = hn::Set(d, std::numeric_limits<double>::quiet_NaN());
  const auto base = hn::Abs(a);
  auto y = exp(d, hn::Mul(b, log(d, base)));
  y = hn::IfThenElse(hn::Or(hn::Eq(b, zero), hn::Eq(base, one)), one, y);

  const auto whole = hn::Eq(hn::Floor(b), b);
  const auto odd = hn::AndNot(hn::Eq(hn::Floor(hn::Mul(b, half)), hn::Mul(b, half)), whole);
  y = hn::Xor(y, hn::And(hn::SignBit(d), hn::IfThenElseZero(odd, a)));
  const auto finite_negative =
      hn::And(hn::Lt(a, zero), hn::Lt(base, hn::Set(d, std::numeric_limits<double>::infinity())));
  return hn::IfThenElse(hn::AndNot(whole, finite_negative), nan, y);
}

// f(a, b) lane by lane.
template <class D, class F>
HWY_NOINLINE hn::Vec<D> each_lane(D d, hn::Vec<D> a, hn::Vec<D> b, F f) {
  constexpr std::size_t kLanes = hn::MaxLanes(D());
  HWY_ALIGN hn::TFromD<D> x[kLanes], y[kLanes];
  hn::Store(a, d, x);
  hn::Store(b, d, y);
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) x[i] = f(x[i], y[i]);
  return hn::Load(d, x);
}

template <class D>
HWY_INLINE hn::Vec<D> pow(D d, hn::Vec<D> a, hn::Vec<D> b) {
  if constexpr (std::is_same_v<hn::TFromD<D>, float>) {
    const Tag<double> wide;
    const hn::Half<D> half;
    const auto low = pow_in_double(wide, low_half(d, a), low_half(d, b));
    const auto high = pow_in_double(wide, high_half(d, a), high_half(d, b));
    return hn::Combine(d, hn::DemoteTo(half, high), hn::DemoteTo(half, low));
  } else {
    return each_lane(d, a, b, [](double x, double y) { return std::pow(x, y); });
  }
}

}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
