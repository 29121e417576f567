#include "autograd/ops/norm.h"

#include <algorithm>

namespace ebb {
namespace {

Tensor flat(const Tensor& x) { return x.defined() ? reshape(x, {-1}) : x; }

}  // namespace

Tensor layer_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& weight, const Tensor& bias,
                  double eps) {
  const int lead = x.dim() - normalized_shape.rank();
  bool fits = lead >= 0 && normalized_shape.rank() > 0;
  for (int i = 0; fits && i < normalized_shape.rank(); ++i) fits = normalized_shape[i] == x.shape()[lead + i];
  if (!fits) fail("layer_norm: the input {} does not end in the normalized shape {}", x.shape(), normalized_shape);
  ops::require_parameter("layer_norm", "weight", weight, x, normalized_shape);
  ops::require_parameter("layer_norm", "bias", bias, x, normalized_shape);
  const std::int64_t n = normalized_shape.numel();
  if (n == 0) return x;
  const Tensor rows = reshape(x, {x.numel() / n, n}).contiguous();
  return reshape(apply(ops::LayerNorm{eps}, rows, flat(weight), flat(bias))[0], x.shape());
}

Tensor batch_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var, const Tensor& weight,
                  const Tensor& bias, bool training, double momentum, double eps) {
  if (x.dim() < 2) fail("batch_norm: the input is {}; it must be [n, c, ..]", describe(x));
  const Shape channels{x.shape()[1]};
  ops::require_parameter("batch_norm", "weight", weight, x, channels);
  ops::require_parameter("batch_norm", "bias", bias, x, channels);
  ops::require_parameter("batch_norm", "running_mean", running_mean, x, channels);
  ops::require_parameter("batch_norm", "running_var", running_var, x, channels);
  const std::int64_t n = x.shape()[0], c = channels[0], inner = x.numel() / std::max<std::int64_t>(1, n * c);

  if (!training) {
    if (!running_mean.defined() || !running_var.defined())
      fail("batch_norm: running_mean and running_var are needed unless training");
    Tensor scale = rsqrt(running_var + eps);
    if (weight.defined()) scale = scale * weight;
    Tensor shift = -running_mean * scale;
    if (bias.defined()) shift = shift + bias;
    const auto column = [&](const Tensor& v) { return reshape(v, {c, 1}); };
    return reshape(reshape(x, {n, c, inner}) * column(scale) + column(shift), x.shape());
  }

  const std::int64_t count = n * inner;
  if (count < 2 && x.numel() > 0)
    fail("batch_norm: one value per channel (input {}) has no variance; train on more, or use eval()", x.shape());
  const auto [y, mean, variance] =
      apply(ops::BatchNorm{eps}, reshape(x, {n, c, inner}).contiguous(), weight, bias);
  if (count > 0) {
    const NoGrad off;
    const double unbiased = static_cast<double>(count) / static_cast<double>(count - 1);
    if (running_mean.defined()) running_mean.mul_(1 - momentum).add_(mean, momentum);
    if (running_var.defined()) running_var.mul_(1 - momentum).add_(variance, momentum * unbiased);
  }
  return reshape(y, x.shape());
}

}  // namespace ebb
