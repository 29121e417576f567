#include "autograd/kernels/float_runs.h"
#include "autograd/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "autograd/kernels/activation_runs.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "autograd/kernels/activations-inl.h"
#include "autograd/kernels/strided-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {
namespace {

// F(x) with the parameters a and b.
template <Unary F, class D, class V = hn::Vec<D>>
HWY_INLINE V evaluate(D d, V x, V a, V b) {
  if constexpr (F == Unary::tanh) return tanh(d, x);
  if constexpr (F == Unary::sigmoid) return sigmoid(d, x);
  if constexpr (F == Unary::silu) return silu(d, x);
  if constexpr (F == Unary::mish) return mish(d, x);
  if constexpr (F == Unary::softplus) return softplus(d, x, a, b);
  if constexpr (F == Unary::elu) return elu(d, x, a, b);
  if constexpr (F == Unary::gelu) return gelu(d, x);
  if constexpr (F == Unary::gelu_tanh) return gelu_tanh(d, x);
  if constexpr (F == Unary::erf) return erf(d, x);
  if constexpr (F == Unary::erfc) return erfc(d, x);
}

template <Unary F, class T>
void activation_run(const Run& run) {
  const Tag<T> d;
  const auto a = hn::Set(d, static_cast<T>(run.p)), b = hn::Set(d, static_cast<T>(run.q));
  map_run<T, 1>(run, [&](auto x) EBB_LANES { return evaluate<F>(d, x, a, b); });
}

template <Unary F>
constexpr FloatKernels float_runs = {activation_run<F, float>, activation_run<F, double>};

}  // namespace
}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ebb::kernels {
namespace {
template <Unary F>
constexpr const FloatKernels* kernels[] = EBB_BY_TARGET(float_runs<F>);
}  // namespace

EBB_UNARY(tanh)
EBB_UNARY(sigmoid)
EBB_UNARY(silu)
EBB_UNARY(mish)
EBB_UNARY(softplus)
EBB_UNARY(elu)
EBB_UNARY(gelu)
EBB_UNARY(gelu_tanh)
EBB_UNARY(erf)
EBB_UNARY(erfc)

}  // namespace ebb::kernels
#endif
