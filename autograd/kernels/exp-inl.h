// e^x for the reductions, once per instruction set.
#if defined(EBB_KERNELS_EXP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EBB_KERNELS_EXP_INL_H_
#undef EBB_KERNELS_EXP_INL_H_
#else
#define EBB_KERNELS_EXP_INL_H_
#endif

#include <hwy/highway.h>

#include "autograd/kernels/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {
namespace {

// e^x for x <= 0, within 1 ulp; NaN for NaN. Where the result would be subnormal it is 0: what a softmax does with it
// would be some hundred times slower, and lost beside 1. Two thirds of the instructions of exp.
template <class D>
HWY_INLINE hn::Vec<D> exp_nonpositive(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  using F = FormatOf<D>;
  constexpr T kLeast = sizeof(T) == 4 ? T(-87.33654) : T(-708.3964185322641);  // ln of the least normal number
  const auto round = hn::Set(d, F::kRound + static_cast<T>(F::kBias));
  const auto t = hn::MulAdd(x, hn::Set(d, T(1.4426950408889634)), round);  // its last bits: n + bias
  const auto n = hn::Sub(t, round);
  const auto r = hn::NegMulAdd(n, hn::Set(d, F::kLn2Low), hn::NegMulAdd(n, hn::Set(d, F::kLn2High), x));
  const auto e =
      hn::Mul(hn::Add(expm1_reduced(d, r, kExpFloat), hn::Set(d, T(1))), power_of_two(d, bits_of(d, t)));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, kLeast)), e);
}

}  // namespace
}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
