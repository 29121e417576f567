#include <cmath>

#include "autograd/kernels/float_runs.h"
#include "autograd/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "autograd/kernels/arithmetic_runs.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "autograd/kernels/pow-inl.h"
#include "autograd/kernels/strided-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {
namespace {

// F(a, b) with the parameters p and q.
template <Binary F, class D, class V = hn::Vec<D>>
HWY_INLINE V evaluate(D d, V a, V b, V p, V q) {
  const auto zero = hn::Zero(d), one = hn::Set(d, 1);
  if constexpr (F == Binary::add) return hn::Add(a, b);
  if constexpr (F == Binary::sub) return hn::Sub(a, b);
  if constexpr (F == Binary::mul) return hn::Mul(a, b);
  if constexpr (F == Binary::div) return hn::Div(a, b);
  if constexpr (F == Binary::maximum) return hn::IfThenElse(hn::Or(hn::Gt(a, b), hn::IsNaN(a)), a, b);
  if constexpr (F == Binary::minimum) return hn::IfThenElse(hn::Or(hn::Lt(a, b), hn::IsNaN(a)), a, b);
  if constexpr (F == Binary::relu_backward) return hn::IfThenElseZero(hn::Gt(a, zero), b);
  if constexpr (F == Binary::leaky_relu_backward) return hn::IfThenElse(hn::Gt(a, zero), b, hn::Mul(p, b));
  if constexpr (F == Binary::clamp_backward) return hn::IfThenElseZero(hn::And(hn::Le(p, a), hn::Le(a, q)), b);
  // 1 - a² would cancel near 1; 1 - a does not round there.
  if constexpr (F == Binary::tanh_backward) return hn::Mul(b, hn::Mul(hn::Sub(one, a), hn::Add(one, a)));
  if constexpr (F == Binary::sigmoid_backward) return hn::Mul(b, hn::Mul(a, hn::Sub(one, a)));
  if constexpr (F == Binary::pow) return pow(d, a, b);
  if constexpr (F == Binary::atan2) return each_lane(d, a, b, [](auto y, auto x) { return std::atan2(y, x); });
}

template <Binary F, class T>
void arithmetic_run(const Run& run) {
  const Tag<T> d;
  const auto p = hn::Set(d, static_cast<T>(run.p)), q = hn::Set(d, static_cast<T>(run.q));
  const auto f = [&](auto a, auto b) EBB_LANES { return evaluate<F>(d, a, b, p, q); };
  if constexpr (F < kFirstCostlyBinary) {
    map_simple_run<T, 2>(run, f);
  } else {
    map_run<T, 2>(run, f);
  }
}

std::span<const FloatKernels> all_arithmetic() {
  static constexpr auto kRuns =
      float_kernels<kFirstArithmetic, kFirstDerivative>([]<Binary F, class T>() { return arithmetic_run<F, T>; });
  return kRuns;
}

}  // namespace
}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ebb::kernels {

HWY_EXPORT(all_arithmetic);
std::span<const FloatKernels> arithmetic_runs() { return HWY_DYNAMIC_DISPATCH(all_arithmetic)(); }

}  // namespace ebb::kernels
#endif
