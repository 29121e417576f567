// Products that are one product of matrices, or of elements.
#include <algorithm>

#include "autograd/ops/common.h"

namespace ebb {
namespace {

// The product of a [.., n, k] and b [.., k, m] or [k], of these ranks and nothing else: `wanted` says which.
Tensor product(std::string_view op, const Tensor& a, const Tensor& b, std::array<int, 2> ranks,
               const char* wanted) {
  const bool fits = a.dim() == ranks[0] && b.dim() == ranks[1] &&
                    a.size(-1) == b.shape()[std::max(ranks[1] - 2, 0)] &&
                    (ranks[0] < 3 || a.shape()[0] == b.shape()[0]);
  if (!fits) fail("{}: {} and {}; they must be {}", op, describe(a), describe(b), wanted);
  return matmul(a, b);
}

Tensor added(std::string_view op, const Tensor& input, const Tensor& product, double beta, double alpha) {
  ops::require_same_dtype(op, input, product);
  if (ops::broadcast_shape(op, input.shape(), product.shape()) != product.shape())
    fail("{}: the input {} does not broadcast to the product, {}", op, input.shape(), product.shape());
  const Tensor scaled = alpha == 1 ? product : product * alpha;
  if (beta == 0) return scaled;
  return (beta == 1 ? input : input * beta) + scaled;
}

}  // namespace

Tensor dot(const Tensor& a, const Tensor& b) { return product("dot", a, b, {1, 1}, "[n] and [n]"); }
Tensor mv(const Tensor& a, const Tensor& v) { return product("mv", a, v, {2, 1}, "[n, k] and [k]"); }
Tensor mm(const Tensor& a, const Tensor& b) { return product("mm", a, b, {2, 2}, "[n, k] and [k, m]"); }
Tensor bmm(const Tensor& a, const Tensor& b) { return product("bmm", a, b, {3, 3}, "[b, n, k] and [b, k, m]"); }

Tensor addmv(const Tensor& input, const Tensor& a, const Tensor& v, double beta, double alpha) {
  return added("addmv", input, mv(a, v), beta, alpha);
}
Tensor addmm(const Tensor& input, const Tensor& a, const Tensor& b, double beta, double alpha) {
  return added("addmm", input, mm(a, b), beta, alpha);
}
Tensor baddbmm(const Tensor& input, const Tensor& a, const Tensor& b, double beta, double alpha) {
  return added("baddbmm", input, bmm(a, b), beta, alpha);
}

Tensor outer(const Tensor& a, const Tensor& b) {
  if (a.dim() != 1 || b.dim() != 1) fail("outer: {} and {}; they must be [n] and [m]", describe(a), describe(b));
  return unsqueeze(a, 1) * b;
}

Tensor kron(const Tensor& a, const Tensor& b) {
  const int rank = std::max(a.dim(), b.dim());
  if (2 * rank > kMaxRank)
    fail("kron: {} and {}; they must have {} dimensions at most", describe(a), describe(b), kMaxRank / 2);
  Dims of_a, of_b, of_both;
  for (int d = 0; d < rank; ++d) {
    const int in_a = d - (rank - a.dim()), in_b = d - (rank - b.dim());
    const std::int64_t m = in_a < 0 ? 1 : a.shape()[in_a], n = in_b < 0 ? 1 : b.shape()[in_b];
    of_a.push_back(m);
    of_a.push_back(1);
    of_b.push_back(1);
    of_b.push_back(n);
    of_both.push_back(Shape{m, n}.numel());
  }
  return reshape(reshape(a, of_a) * reshape(b, of_b), of_both);
}

Tensor cross(const Tensor& a, const Tensor& b, int dim) {
  if (a.dim() != b.dim())
    fail("cross: {} and {}; both must have the same number of dimensions", describe(a), describe(b));
  const Shape shape = ops::broadcast_shape("cross", a.shape(), b.shape());
  const int d = ops::dimension("cross", dim, shape.rank());
  if (shape.rank() == 0 || shape[d] != 3)
    fail("cross: dimension {} of {} and {}; its size must be 3", dim, describe(a), describe(b));
  const Tensor x = expand(a, shape), y = expand(b, shape);
  const auto next = [d](const Tensor& v, std::int64_t by) { return roll(v, {-by}, {d}); };
  return next(x, 1) * next(y, 2) - next(x, 2) * next(y, 1);
}

Tensor trace(const Tensor& x) {
  if (x.dim() != 2) fail("trace: the tensor is {}; it must be a matrix", describe(x));
  return sum(diagonal(x));
}

}  // namespace ebb
