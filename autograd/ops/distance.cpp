#include "autograd/ops/distance.h"

#include "autograd/ops/linear.h"

namespace ebb {

Tensor cdist(const Tensor& x1, const Tensor& x2, double p) {
  ops::require_floating("cdist", x1);
  ops::require_same_dtype("cdist", x1, x2);
  if (x1.dim() < 2 || x2.dim() < 2 || x1.size(-1) != x2.size(-1))
    fail("cdist: {} and {}; they must be [.., n, d] and [.., m, d]", x1.shape(), x2.shape());
  if (!(p >= 0)) fail("cdist: p is {}; it must be 0 or more", p);
  Tensor x = x1, z = x2;
  ops::broadcast_leading("cdist", x, z);
  const Shape shape = x.shape().with(x.dim() - 1, z.size(-2));
  std::int64_t batch = 1;
  for (int d = 0; d + 2 < x.dim(); ++d) batch *= x.shape()[d];
  const auto rows = [batch](const Tensor& one) {
    return reshape(one, {batch, one.size(-2), one.size(-1)}).contiguous();
  };
  const Tensor a = rows(x), b = rows(z);
  const bool constant = p == 0;
  return reshape(apply(ops::Cdist{p}, constant ? a.detach() : a, constant ? b.detach() : b), shape);
}

}  // namespace ebb
