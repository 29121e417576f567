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

// m √(1 + (n/m)²), m >= n >= 0 being |a| and |b|. An infinite one makes it infinite, NaN or not.
template <class D>
HWY_INLINE hn::Vec<D> hypot(D d, hn::Vec<D> a, hn::Vec<D> b) {
  const auto x = hn::Abs(a), y = hn::Abs(b), one = hn::Set(d, 1);
  const auto swap = hn::Lt(x, y);
  const auto m = hn::IfThenElse(swap, y, x), n = hn::IfThenElse(swap, x, y);
  const auto ratio = hn::IfThenZeroElse(hn::Eq(n, hn::Zero(d)), hn::Div(n, m));
  const auto root = hn::Mul(m, hn::Sqrt(hn::MulAdd(ratio, ratio, one)));
  const auto infinity = hn::Set(d, std::numeric_limits<hn::TFromD<D>>::infinity());
  return hn::IfThenElse(hn::Or(hn::Eq(x, infinity), hn::Eq(y, infinity)), infinity, root);
}

template <class D>
HWY_INLINE hn::Vec<D> xlogy(D d, hn::Vec<D> a, hn::Vec<D> b) {
  const auto y = hn::Mul(a, log(d, b));
  return hn::IfThenElse(hn::AndNot(hn::IsNaN(b), hn::Eq(a, hn::Zero(d))), hn::Zero(d), y);
}

// max(a, b) + log(1 + exp(-|a - b|)); of equal infinities themselves
template <class D>
HWY_INLINE hn::Vec<D> logaddexp(D d, hn::Vec<D> a, hn::Vec<D> b) {
  const auto larger = hn::IfThenElse(hn::Lt(a, b), b, a), gap = hn::Neg(hn::Abs(hn::Sub(a, b)));
  const auto y = hn::Add(larger, log1p_of_fraction(d, exp(d, gap)));
  const auto infinity = hn::Set(d, std::numeric_limits<hn::TFromD<D>>::infinity());
  return hn::IfThenElse(hn::And(hn::Eq(a, b), hn::Eq(hn::Abs(a), infinity)), a, y);
}

template <class D>
HWY_INLINE hn::Vec<D> hardswish_backward(D d, hn::Vec<D> x, hn::Vec<D> g) {
  using T = hn::TFromD<D>;
  const auto three = hn::Set(d, T(3));
  const auto slope = hn::Mul(hn::Add(x, hn::Set(d, T(1.5))), hn::Set(d, static_cast<T>(1.0 / 3)));
  const auto below = hn::IfThenElse(hn::Lt(x, three), hn::Mul(g, slope), g);
  return hn::IfThenZeroElse(hn::Le(x, hn::Neg(three)), below);
}

// F(a, b) with the parameters p and q.
template <Binary F, class D, class V = hn::Vec<D>>
HWY_INLINE V evaluate(D d, V a, V b, V p, V q) {
  const auto zero = hn::Zero(d), one = hn::Set(d, 1);
  if constexpr (F == Binary::add) return hn::Add(a, b);
  if constexpr (F == Binary::sub) return hn::Sub(a, b);
  if constexpr (F == Binary::mul) return hn::Mul(a, b);
  if constexpr (F == Binary::div) return hn::Div(a, b);
  if constexpr (F == Binary::trunc_divide) return hn::Trunc(hn::Div(a, b));
  if constexpr (F == Binary::maximum) return hn::IfThenElse(hn::Or(hn::Gt(a, b), hn::IsNaN(a)), a, b);
  if constexpr (F == Binary::minimum) return hn::IfThenElse(hn::Or(hn::Lt(a, b), hn::IsNaN(a)), a, b);
  if constexpr (F == Binary::copysign) return hn::CopySign(a, b);
  if constexpr (F == Binary::prelu) return hn::IfThenElse(hn::Gt(a, zero), a, hn::Mul(a, b));
  if constexpr (F == Binary::relu_backward) return hn::IfThenElseZero(hn::Gt(a, zero), b);
  if constexpr (F == Binary::leaky_relu_backward) return hn::IfThenElse(hn::Gt(a, zero), b, hn::Mul(p, b));
  if constexpr (F == Binary::clamp_backward) return hn::IfThenElseZero(hn::And(hn::Le(p, a), hn::Le(a, q)), b);
  if constexpr (F == Binary::inside) return hn::IfThenZeroElse(hn::Or(hn::Le(a, p), hn::Ge(a, q)), b);
  if constexpr (F == Binary::outside) return hn::IfThenZeroElse(hn::And(hn::Le(p, a), hn::Le(a, q)), b);
  if constexpr (F == Binary::hardswish_backward) return hardswish_backward(d, a, b);
  // 1 - a² would cancel near 1; 1 - a does not round there.
  if constexpr (F == Binary::tanh_backward) return hn::Mul(b, hn::Mul(hn::Sub(one, a), hn::Add(one, a)));
  if constexpr (F == Binary::sigmoid_backward) return hn::Mul(b, hn::Mul(a, hn::Sub(one, a)));
  if constexpr (F == Binary::pow) return pow(d, a, b);
  if constexpr (F == Binary::hypot) return hypot(d, a, b);
  if constexpr (F == Binary::xlogy) return xlogy(d, a, b);
  if constexpr (F == Binary::logaddexp) return logaddexp(d, a, b);
}

template <Binary F, class T>
void arithmetic_run(const Run& run) {
  const Tag<T> d;
  const auto p = hn::Set(d, static_cast<T>(run.p)), q = hn::Set(d, static_cast<T>(run.q));
  const auto f = [&](auto a, auto b) EBB_LANES { return evaluate<F>(d, a, b, p, q); };
  if constexpr (grain_of(F) == Grain::cheap) {
    map_simple_run<T, 2>(run, f);
  } else {
    map_run<T, 2>(run, f);
  }
}

// F(a, b, c) with the parameter p.
template <Ternary F, class D, class V = hn::Vec<D>>
HWY_INLINE V evaluate(D d, V a, V b, V c, V p) {
  if constexpr (F == Ternary::addcmul) return hn::MulAdd(hn::Mul(p, b), c, a);
  if constexpr (F == Ternary::addcdiv) return hn::Add(hn::Div(hn::Mul(p, b), c), a);
  if constexpr (F == Ternary::lerp) {  // exact at both ends
    const auto one = hn::Set(d, 1), half = hn::Set(d, hn::TFromD<D>(0.5)), way = hn::Sub(b, a);
    const auto from_b = hn::NegMulAdd(way, hn::Sub(one, c), b);
    return hn::IfThenElse(hn::Lt(hn::Abs(c), half), hn::MulAdd(way, c, a), from_b);
  }
}

template <Ternary F, class T>
void arithmetic_run(const Run& run) {
  const Tag<T> d;
  const auto p = hn::Set(d, static_cast<T>(run.p));
  map_run<T, 3>(run, [&](auto a, auto b, auto c) EBB_LANES { return evaluate<F>(d, a, b, c, p); });
}

template <auto F>
constexpr FloatKernels float_runs = {arithmetic_run<F, float>, arithmetic_run<F, double>};

}  // namespace
}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ebb::kernels {
namespace {
template <auto F>
constexpr const FloatKernels* kernels[] = EBB_BY_TARGET(float_runs<F>);
}  // namespace

EBB_BINARY(add)
EBB_BINARY(sub)
EBB_BINARY(mul)
EBB_BINARY(div)
EBB_BINARY(trunc_divide)
EBB_BINARY(maximum)
EBB_BINARY(minimum)
EBB_BINARY(copysign)
EBB_BINARY(prelu)
EBB_BINARY(relu_backward)
EBB_BINARY(leaky_relu_backward)
EBB_BINARY(clamp_backward)
EBB_BINARY(inside)
EBB_BINARY(outside)
EBB_BINARY(hardswish_backward)
EBB_BINARY(tanh_backward)
EBB_BINARY(sigmoid_backward)
EBB_BINARY(pow)
EBB_BINARY(hypot)
EBB_BINARY(xlogy)
EBB_BINARY(logaddexp)

EBB_TERNARY(addcmul)
EBB_TERNARY(addcdiv)
EBB_TERNARY(lerp)

}  // namespace ebb::kernels
#endif
