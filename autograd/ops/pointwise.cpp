#include "autograd/ops/pointwise.h"

#include <cmath>
#include <cstdlib>
#include <limits>

namespace ebb {

Tensor neg(const Tensor& x) { return apply(ops::Neg{}, x); }
Tensor square(const Tensor& x) { return apply(ops::Square{}, x); }
Tensor abs(const Tensor& x) { return apply(ops::Abs{}, x); }
Tensor sign(const Tensor& x) { return apply(ops::Sign{}, x); }
Tensor floor(const Tensor& x) { return apply(ops::Floor{}, x); }
Tensor ceil(const Tensor& x) { return apply(ops::Ceil{}, x); }
Tensor trunc(const Tensor& x) { return apply(ops::Trunc{}, x); }
Tensor frac(const Tensor& x) {
  ops::require_floating("frac", x);
  return x - trunc(x.detach());
}
Tensor sqrt(const Tensor& x) { return apply(ops::Sqrt{}, x); }
Tensor rsqrt(const Tensor& x) { return apply(ops::Rsqrt{}, x); }
Tensor reciprocal(const Tensor& x) { return apply(ops::Reciprocal{}, x); }
Tensor exp(const Tensor& x) { return apply(ops::Exp{}, x); }
Tensor exp2(const Tensor& x) { return apply(ops::Exp2{}, x); }
Tensor expm1(const Tensor& x) { return apply(ops::Expm1{}, x); }
Tensor log(const Tensor& x) { return apply(ops::Log{}, x); }
Tensor log2(const Tensor& x) { return apply(ops::Log2{}, x); }
Tensor log10(const Tensor& x) { return apply(ops::Log10{}, x); }
Tensor log1p(const Tensor& x) { return apply(ops::Log1p{}, x); }
Tensor sin(const Tensor& x) { return apply(ops::Sin{}, x); }
Tensor cos(const Tensor& x) { return apply(ops::Cos{}, x); }
Tensor tan(const Tensor& x) { return apply(ops::Tan{}, x); }
Tensor asin(const Tensor& x) { return apply(ops::Asin{}, x); }
Tensor acos(const Tensor& x) { return apply(ops::Acos{}, x); }
Tensor atan(const Tensor& x) { return apply(ops::Atan{}, x); }
Tensor sinh(const Tensor& x) { return apply(ops::Sinh{}, x); }
Tensor cosh(const Tensor& x) { return apply(ops::Cosh{}, x); }
Tensor asinh(const Tensor& x) { return apply(ops::Asinh{}, x); }
Tensor acosh(const Tensor& x) { return apply(ops::Acosh{}, x); }
Tensor atanh(const Tensor& x) { return apply(ops::Atanh{}, x); }

Tensor round(const Tensor& x, int decimals) {
  if (decimals == 0) return apply(ops::Round{}, x);
  ops::require_floating("round", x);
  const double power = std::pow(10.0, std::fabs(decimals));
  return decimals > 0 ? round(x * power) / power : round(x / power) * power;
}

Tensor logit(const Tensor& x, std::optional<double> eps) {
  if (!eps) return apply(ops::Logit{}, x);
  if (!(*eps >= 0 && *eps <= 0.5)) fail("logit: eps is {}; it must be from 0 to 0.5", *eps);
  return apply(ops::Logit{}, clamp(x, *eps, 1 - *eps));
}

Tensor nan_to_num(const Tensor& x, double nan, std::optional<double> posinf, std::optional<double> neginf) {
  if (!is_floating(x.dtype())) return x;
  const double largest =
      visit_floating(x.dtype(), []<class T>(T*) { return static_cast<double>(std::numeric_limits<T>::max()); });
  const auto scalar = [&](double value) { return ops::scalar_like(x, value); };
  const Tensor below = where(eq(x, -ops::kInfinity), scalar(neginf.value_or(-largest)), x);
  const Tensor finite = where(eq(x, ops::kInfinity), scalar(posinf.value_or(largest)), below);
  return where(isnan(x), scalar(nan), finite);
}

Tensor heaviside(const Tensor& x, const Tensor& values) {
  ops::require_same_dtype("heaviside", x, values);
  return where(eq(x, 0), values, gt(x, 0).to(x.dtype()));
}

}  // namespace ebb
