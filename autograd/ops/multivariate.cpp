#include "autograd/ops/multivariate.h"

namespace ebb {
namespace ops {

template <class Op>
static Tensor broadcasting(const Op& op, const Tensor& a, const Tensor& b, const Tensor& c) {
  const Shape shape = broadcast_shape(Op::name, broadcast_shape(Op::name, a.shape(), b.shape()), c.shape());
  return apply(op, expand(a, shape), expand(b, shape), expand(c, shape));
}

}  // namespace ops

using ops::broadcasting;
using ops::scalar_like;

Tensor div(const Tensor& a, const Tensor& b, Rounding mode) { return broadcasting(ops::DivRounded{mode}, a, b); }
Tensor div(const Tensor& a, double b, Rounding mode) { return div(a, scalar_like(a, b), mode); }
Tensor floor_divide(const Tensor& a, const Tensor& b) { return div(a, b, Rounding::floor); }
Tensor floor_divide(const Tensor& a, double b) { return div(a, b, Rounding::floor); }
Tensor fmod(const Tensor& a, const Tensor& b) { return broadcasting(ops::Fmod{}, a, b); }
Tensor fmod(const Tensor& a, double b) { return fmod(a, scalar_like(a, b)); }
Tensor remainder(const Tensor& a, const Tensor& b) { return broadcasting(ops::Remainder{}, a, b); }
Tensor remainder(const Tensor& a, double b) { return remainder(a, scalar_like(a, b)); }

Tensor atan2(const Tensor& y, const Tensor& x) { return broadcasting(ops::Atan2{}, y, x); }
Tensor hypot(const Tensor& a, const Tensor& b) { return broadcasting(ops::Hypot{}, a, b); }
Tensor xlogy(const Tensor& x, const Tensor& y) { return broadcasting(ops::Xlogy{}, x, y); }
Tensor xlogy(const Tensor& x, double y) { return xlogy(x, scalar_like(x, y)); }
Tensor xlogy(double x, const Tensor& y) { return xlogy(scalar_like(y, x), y); }
Tensor logaddexp(const Tensor& a, const Tensor& b) { return broadcasting(ops::Logaddexp{}, a, b); }
Tensor copysign(const Tensor& a, const Tensor& b) { return broadcasting(ops::Copysign{}, a, b); }
Tensor copysign(const Tensor& a, double b) { return copysign(a, scalar_like(a, b)); }

Tensor addcmul(const Tensor& x, const Tensor& a, const Tensor& b, double value) {
  if (!is_floating(x.dtype())) return x + a * b * value;
  return broadcasting(ops::Addcmul{value}, x, a, b);
}
Tensor addcdiv(const Tensor& x, const Tensor& a, const Tensor& b, double value) {
  return broadcasting(ops::Addcdiv{value}, x, a, b);
}
Tensor lerp(const Tensor& start, const Tensor& end, const Tensor& weight) {
  return broadcasting(ops::Lerp{}, start, end, weight);
}
Tensor lerp(const Tensor& start, const Tensor& end, double weight) {
  return lerp(start, end, scalar_like(start, weight));
}

}  // namespace ebb
