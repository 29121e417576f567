#include "autograd/ops/arithmetic.h"

#include <algorithm>

namespace ebb {
namespace ops {

Shape broadcast_shape(std::string_view op, const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  Dims sizes = Dims::filled(rank, 1);
  for (int i = 1; i <= rank; ++i) {
    const std::int64_t m = i <= a.rank() ? a[a.rank() - i] : 1, n = i <= b.rank() ? b[b.rank() - i] : 1;
    if (m != n && m != 1 && n != 1)
      fail("{}: shapes {} and {} do not broadcast: {} and {} differ and neither is 1", op, a, b, m, n);
    sizes[rank - i] = m == 1 ? n : m;
  }
  return Shape(sizes);
}

template <class Op>
static Tensor broadcasting(const Op& op, const Tensor& a, const Tensor& b, const Tensor& c) {
  const Shape shape = broadcast_shape(Op::name, broadcast_shape(Op::name, a.shape(), b.shape()), c.shape());
  return apply(op, expand(a, shape), expand(b, shape), expand(c, shape));
}

}  // namespace ops

using ops::broadcasting;
using ops::scalar_like;

Tensor add(const Tensor& a, const Tensor& b) { return broadcasting(ops::Add{}, a, b); }
Tensor sub(const Tensor& a, const Tensor& b) { return broadcasting(ops::Sub{}, a, b); }
Tensor mul(const Tensor& a, const Tensor& b) { return broadcasting(ops::Mul{}, a, b); }
Tensor div(const Tensor& a, const Tensor& b) { return broadcasting(ops::Div{}, a, b); }
Tensor pow(const Tensor& a, const Tensor& b) { return broadcasting(ops::Pow{}, a, b); }
Tensor pow(const Tensor& a, double b) { return apply(ops::PowScalar{b}, a); }
Tensor add(const Tensor& a, double b) { return apply(ops::AddScalar{b}, a); }
Tensor mul(const Tensor& a, double b) { return apply(ops::MulScalar{b}, a); }

Tensor operator-(double a, const Tensor& b) { return add(neg(b), a); }
Tensor operator-(const Tensor& a) { return neg(a); }
Tensor operator/(const Tensor& a, double b) { return div(a, scalar_like(a, b)); }
Tensor operator/(double a, const Tensor& b) { return div(scalar_like(b, a), b); }

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
