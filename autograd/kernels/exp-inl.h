// e^x for the reductions, once per instruction set.
#if defined(EBB_KERNELS_EXP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EBB_KERNELS_EXP_INL_H_
#undef EBB_KERNELS_EXP_INL_H_
#else
#define EBB_KERNELS_EXP_INL_H_
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// For x <= 0: 0 for -inf, NaN for NaN.
template <class D>
HWY_INLINE hn::Vec<D> exp_nonpositive(D d, hn::Vec<D> x) {
  return hn::IfThenElse(hn::IsNaN(x), x, hn::Exp(d, x));
}

}  // namespace
}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
