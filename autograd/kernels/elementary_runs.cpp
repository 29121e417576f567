#include <limits>

#include "autograd/kernels/float_runs.h"
#include "autograd/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "autograd/kernels/elementary_runs.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "autograd/kernels/elementary-inl.h"
#include "autograd/kernels/math-inl.h"
#include "autograd/kernels/pow-inl.h"
#include "autograd/kernels/strided-inl.h"
#include "autograd/kernels/trigonometry-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {
namespace {

// min(max(x + 3, 0), 6) / 6
template <class D>
HWY_INLINE hn::Vec<D> hardsigmoid(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  return hn::Mul(clamp(d, hn::Add(x, hn::Set(d, T(3))), 0, 6), hn::Set(d, static_cast<T>(1.0 / 6)));
}

// F(x) with the parameters a and b.
template <Unary F, class D, class V = hn::Vec<D>>
HWY_INLINE V evaluate(D d, V x, V a, V b) {
  const auto zero = hn::Zero(d), one = hn::Set(d, 1);
  if constexpr (F == Unary::neg) return hn::Neg(x);
  if constexpr (F == Unary::abs) return hn::Abs(x);
  if constexpr (F == Unary::square) return hn::Mul(x, x);
  if constexpr (F == Unary::sign) {
    const auto below = hn::IfThenElse(hn::Lt(x, zero), hn::Neg(one), x);
    return hn::IfThenElse(hn::Gt(x, zero), one, below);
  }
  if constexpr (F == Unary::sqrt) return hn::Sqrt(x);
  if constexpr (F == Unary::rsqrt) return hn::Div(one, hn::Sqrt(x));
  if constexpr (F == Unary::reciprocal) return hn::Div(one, x);
  if constexpr (F == Unary::floor) return hn::Floor(x);
  if constexpr (F == Unary::ceil) return hn::Ceil(x);
  if constexpr (F == Unary::round) return hn::Round(x);
  if constexpr (F == Unary::trunc) return hn::Trunc(x);
  if constexpr (F == Unary::add_scalar) return hn::Add(x, a);
  if constexpr (F == Unary::mul_scalar) return hn::Mul(x, a);
  if constexpr (F == Unary::clamp) {
    const auto raised = hn::IfThenElse(hn::Lt(x, a), a, x);
    return hn::IfThenElse(hn::Gt(raised, b), b, raised);
  }
  if constexpr (F == Unary::relu) return hn::IfThenZeroElse(hn::Le(x, zero), x);
  if constexpr (F == Unary::leaky_relu) return hn::IfThenElse(hn::Gt(x, zero), x, hn::Mul(a, x));
  if constexpr (F == Unary::hardsigmoid) return hardsigmoid(d, x);
  if constexpr (F == Unary::hardswish) return hn::Mul(x, hardsigmoid(d, x));
  if constexpr (F == Unary::softsign) return hn::Div(x, hn::Add(one, hn::Abs(x)));
  if constexpr (F == Unary::exp) return exp(d, x);
  if constexpr (F == Unary::exp2) return exp2(d, x);
  if constexpr (F == Unary::expm1) return expm1(d, x);
  if constexpr (F == Unary::log) return log(d, x);
  if constexpr (F == Unary::log2) return log_to_base(d, x, kBase2<hn::TFromD<D>>);
  if constexpr (F == Unary::log10) return log_to_base(d, x, kBase10<hn::TFromD<D>>);
  if constexpr (F == Unary::log1p) return log1p(d, x);
  if constexpr (F == Unary::logit) return logit(d, x);
  if constexpr (F == Unary::sin) return sin(d, x);
  if constexpr (F == Unary::cos) return cos(d, x);
  if constexpr (F == Unary::tan) return tan(d, x);
  if constexpr (F == Unary::sinh) return sinh(d, x);
  if constexpr (F == Unary::cosh) return cosh(d, x);
  if constexpr (F == Unary::asinh) return asinh(d, x);
  if constexpr (F == Unary::acosh) return acosh(d, x);
  if constexpr (F == Unary::atanh) return atanh(d, x);
}

template <Unary F, class T>
void unary_run(const Run& run) {
  const Tag<T> d;
  const auto a = hn::Set(d, static_cast<T>(run.p)), b = hn::Set(d, static_cast<T>(run.q));
  const auto f = [&](auto x) EBB_LANES { return evaluate<F>(d, x, a, b); };
  if constexpr (grain_of(F) == Grain::cheap) {
    map_simple_run<T, 1>(run, f);
  } else {
    map_run<T, 1>(run, f);
  }
}

// The usual exponents are exact up to the roundings of their few operations.
template <class T>
void pow_scalar_run(const Run& run) {
  const Tag<T> d;
  const auto zero = hn::Zero(d), one = hn::Set(d, 1), exponent = hn::Set(d, static_cast<T>(run.p));
  const auto infinity = hn::Set(d, std::numeric_limits<T>::infinity());
  if (run.p == 0) return map_simple_run<T, 1>(run, [&](auto) EBB_LANES { return one; });
  if (run.p == 1) return map_simple_run<T, 1>(run, [&](auto x) EBB_LANES { return x; });
  if (run.p == 2) return map_simple_run<T, 1>(run, [&](auto x) EBB_LANES { return hn::Mul(x, x); });
  if (run.p == 3) return map_simple_run<T, 1>(run, [&](auto x) EBB_LANES { return hn::Mul(hn::Mul(x, x), x); });
  if (run.p == -1) return map_simple_run<T, 1>(run, [&](auto x) EBB_LANES { return hn::Div(one, x); });
  if (run.p == 0.5) {  // of -0 it is 0 and of -∞ it is ∞, unlike the root
    return map_simple_run<T, 1>(run, [&](auto x) EBB_LANES {
      return hn::IfThenElse(hn::Eq(x, hn::Neg(infinity)), infinity, hn::Sqrt(hn::Add(x, zero)));
    });
  }
  map_run<T, 1>(run, [&](auto x) EBB_LANES { return pow(d, x, exponent); });
}

template <Unary F>
constexpr FloatKernels float_runs = {unary_run<F, float>, unary_run<F, double>};
template <>
constexpr FloatKernels float_runs<Unary::pow_scalar> = {pow_scalar_run<float>, pow_scalar_run<double>};

}  // namespace
}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ebb::kernels {
namespace {
template <Unary F>
constexpr const FloatKernels* kernels[] = EBB_BY_TARGET(float_runs<F>);
}  // namespace

EBB_UNARY(neg)
EBB_UNARY(abs)
EBB_UNARY(square)
EBB_UNARY(sign)
EBB_UNARY(sqrt)
EBB_UNARY(rsqrt)
EBB_UNARY(reciprocal)
EBB_UNARY(floor)
EBB_UNARY(ceil)
EBB_UNARY(round)
EBB_UNARY(trunc)
EBB_UNARY(add_scalar)
EBB_UNARY(mul_scalar)
EBB_UNARY(clamp)
EBB_UNARY(relu)
EBB_UNARY(leaky_relu)
EBB_UNARY(hardsigmoid)
EBB_UNARY(hardswish)
EBB_UNARY(softsign)
EBB_UNARY(exp)
EBB_UNARY(exp2)
EBB_UNARY(expm1)
EBB_UNARY(log)
EBB_UNARY(log2)
EBB_UNARY(log10)
EBB_UNARY(log1p)
EBB_UNARY(logit)
EBB_UNARY(sin)
EBB_UNARY(cos)
EBB_UNARY(tan)
EBB_UNARY(sinh)
EBB_UNARY(cosh)
EBB_UNARY(asinh)
EBB_UNARY(acosh)
EBB_UNARY(atanh)
EBB_UNARY(pow_scalar)

}  // namespace ebb::kernels
#endif
