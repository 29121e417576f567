#include "autograd/ops/bitwise.h"

#include <limits>

namespace ebb {

using ops::broadcasting;

Tensor bitwise_and(const Tensor& a, const Tensor& b) { return broadcasting(ops::BitwiseAnd{}, a, b); }
Tensor bitwise_or(const Tensor& a, const Tensor& b) { return broadcasting(ops::BitwiseOr{}, a, b); }
Tensor bitwise_xor(const Tensor& a, const Tensor& b) { return broadcasting(ops::BitwiseXor{}, a, b); }
Tensor bitwise_not(const Tensor& x) { return apply(ops::BitwiseNot{}, x); }
Tensor bitwise_left_shift(const Tensor& a, const Tensor& b) { return broadcasting(ops::LeftShift{}, a, b); }
Tensor bitwise_right_shift(const Tensor& a, const Tensor& b) { return broadcasting(ops::RightShift{}, a, b); }

// Of truth values, the bits are all there is.
Tensor logical_and(const Tensor& a, const Tensor& b) { return bitwise_and(a.to(boolean), b.to(boolean)); }
Tensor logical_or(const Tensor& a, const Tensor& b) { return bitwise_or(a.to(boolean), b.to(boolean)); }
Tensor logical_xor(const Tensor& a, const Tensor& b) { return bitwise_xor(a.to(boolean), b.to(boolean)); }
Tensor logical_not(const Tensor& x) { return eq(x, 0); }

namespace {

Tensor everywhere(const Tensor& x, bool value) { return full(x.shape(), value ? 1 : 0, {.dtype = boolean}); }

}  // namespace

Tensor isnan(const Tensor& x) { return is_floating(x.dtype()) ? ne(x, x) : everywhere(x, false); }
Tensor isinf(const Tensor& x) {
  return is_floating(x.dtype()) ? eq(abs(x.detach()), ops::kInfinity) : everywhere(x, false);
}
Tensor isfinite(const Tensor& x) {
  return is_floating(x.dtype()) ? lt(abs(x.detach()), ops::kInfinity) : everywhere(x, true);
}

}  // namespace ebb
