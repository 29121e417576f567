#include "autograd/kernels/float_runs.h"
#include "autograd/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "autograd/kernels/derivative_runs.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "autograd/kernels/activations-inl.h"
#include "autograd/kernels/strided-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {
namespace {

// f'(x), F being f's backward, with the parameters p and q.
template <Binary F, class D, class V = hn::Vec<D>>
HWY_INLINE V derivative(D d, V x, V p, V q) {
  if constexpr (F == Binary::silu_backward) return silu_derivative(d, x);
  if constexpr (F == Binary::mish_backward) return mish_derivative(d, x);
  if constexpr (F == Binary::softplus_backward) return softplus_derivative(d, x, p, q);
  if constexpr (F == Binary::elu_backward) return elu_derivative(d, x, p, q);
  if constexpr (F == Binary::gelu_backward) return gelu_derivative(d, x);
  if constexpr (F == Binary::gelu_tanh_backward) return gelu_tanh_derivative(d, x);
}

template <Binary F, class T>
void derivative_run(const Run& run) {
  const Tag<T> d;
  const auto p = hn::Set(d, static_cast<T>(run.p)), q = hn::Set(d, static_cast<T>(run.q));
  map_run<T, 2>(run, [&](auto x, auto g) EBB_LANES { return hn::Mul(g, derivative<F>(d, x, p, q)); });
}

template <Binary F>
constexpr FloatKernels float_runs = {derivative_run<F, float>, derivative_run<F, double>};

}  // namespace
}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ebb::kernels {
namespace {
template <Binary F>
constexpr const FloatKernels* kernels[] = EBB_BY_TARGET(float_runs<F>);
}  // namespace

EBB_BINARY(silu_backward)
EBB_BINARY(mish_backward)
EBB_BINARY(softplus_backward)
EBB_BINARY(elu_backward)
EBB_BINARY(gelu_backward)
EBB_BINARY(gelu_tanh_backward)

}  // namespace ebb::kernels
#endif
