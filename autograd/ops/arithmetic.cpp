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

}  // namespace ebb
