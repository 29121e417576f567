#include "autograd/ops/compare.h"

namespace ebb {

using ops::broadcasting;
using ops::scalar_like;

Tensor eq(const Tensor& a, const Tensor& b) { return broadcasting(ops::Eq{}, a, b); }
Tensor ne(const Tensor& a, const Tensor& b) { return broadcasting(ops::Ne{}, a, b); }
Tensor lt(const Tensor& a, const Tensor& b) { return broadcasting(ops::Lt{}, a, b); }
Tensor le(const Tensor& a, const Tensor& b) { return broadcasting(ops::Le{}, a, b); }
Tensor gt(const Tensor& a, const Tensor& b) { return broadcasting(ops::Gt{}, a, b); }
Tensor ge(const Tensor& a, const Tensor& b) { return broadcasting(ops::Ge{}, a, b); }
Tensor eq(const Tensor& a, double b) { return eq(a, scalar_like(a, b)); }
Tensor ne(const Tensor& a, double b) { return ne(a, scalar_like(a, b)); }
Tensor lt(const Tensor& a, double b) { return lt(a, scalar_like(a, b)); }
Tensor le(const Tensor& a, double b) { return le(a, scalar_like(a, b)); }
Tensor gt(const Tensor& a, double b) { return gt(a, scalar_like(a, b)); }
Tensor ge(const Tensor& a, double b) { return ge(a, scalar_like(a, b)); }

Tensor maximum(const Tensor& a, const Tensor& b) { return broadcasting(ops::Maximum{}, a, b); }
Tensor minimum(const Tensor& a, const Tensor& b) { return broadcasting(ops::Minimum{}, a, b); }

Tensor clamp(const Tensor& x, double low, double high) {
  if (!(low <= high)) fail("clamp: low {} is not at most high {}", low, high);
  return apply(ops::Clamp{low, high}, x);
}

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  const Shape values = ops::broadcast_shape("where", a.shape(), b.shape());
  const Shape shape = ops::broadcast_shape("where", condition.shape(), values);
  return apply(ops::Where{}, expand(condition, shape), expand(a, shape), expand(b, shape));
}

}  // namespace ebb
