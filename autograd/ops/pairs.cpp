// Functions of pairs of vectors, in the operations of the other files.
#include "autograd/ops/common.h"

namespace ebb {

using ops::require_floating, ops::require_same_dtype;

namespace {

// x / max(‖x‖, eps) along dim. The gradient does not see eps.
Tensor direction(const Tensor& x, int dim, double eps) {
  const Tensor length = norm(x, 2, {dim}, true);
  return x / (length + (clamp(length, eps, ops::kInfinity) - length).detach());
}

void require_pair(const char* op, const Tensor& x1, const Tensor& x2) {
  require_floating(op, x1);
  require_same_dtype(op, x1, x2);
  if (x1.dim() == 0 || x2.dim() == 0)
    fail("{}: the inputs are {} and {}; give them a dimension at least", op, x1.shape(), x2.shape());
}

}  // namespace

Tensor cosine_similarity(const Tensor& x1, const Tensor& x2, int dim, double eps) {
  require_pair("cosine_similarity", x1, x2);
  const Shape shape = ops::broadcast_shape("cosine_similarity", x1.shape(), x2.shape());
  const int axis = ops::dimension("cosine_similarity", dim, shape.rank());
  const auto of = [&](const Tensor& x) { return direction(expand(x, shape), axis, eps); };
  return sum(of(x1) * of(x2), {axis});
}

Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, double p, double eps, bool keepdim) {
  require_pair("pairwise_distance", x1, x2);
  return norm(x1 - x2 + eps, p, {-1}, keepdim);
}

Tensor bilinear(const Tensor& x1, const Tensor& x2, const Tensor& weight, const Tensor& bias) {
  require_pair("bilinear", x1, x2);
  require_same_dtype("bilinear", x1, weight);
  const int last = x1.dim() - 1;
  if (weight.dim() != 3 || x2.dim() != x1.dim() || x1.shape()[last] != weight.shape()[1] ||
      x2.shape() != x1.shape().with(last, weight.shape()[2]))
    fail("bilinear: inputs {} and {}, weight {}; they must be [.., in1], [.., in2] and [out, in1, in2]",
         x1.shape(), x2.shape(), weight.shape());
  const std::int64_t out = weight.shape()[0], in1 = weight.shape()[1], in2 = weight.shape()[2];
  ops::require_parameter("bilinear", "bias", bias, x1, {out});
  const std::int64_t rows = x1.shape().with(last, 1).numel();
  const Tensor mapped =
      reshape(linear(reshape(x2, {rows, in2}), reshape(weight, {out * in1, in2})), {rows, out, in1});
  const Tensor y = reshape(matmul(mapped, reshape(x1, {rows, in1, 1})), x1.shape().with(last, out));
  return bias.defined() ? y + bias : y;
}

}  // namespace ebb
