#include "autograd/ops/norm.h"

#include <algorithm>
#include <limits>

namespace ebb {
namespace {

Tensor flat(const Tensor& x) { return x.defined() ? reshape(x, {-1}) : x; }

// Error unless x ends in `shape`, of one dimension or more.
void check_ends_in(const char* op, const Tensor& x, const Shape& shape) {
  const int lead = x.dim() - shape.rank();
  bool fits = lead >= 0 && shape.rank() > 0;
  for (int i = 0; fits && i < shape.rank(); ++i) fits = shape[i] == x.shape()[lead + i];
  if (!fits) fail("{}: the input {} does not end in the normalized shape {}", op, x.shape(), shape);
}

// One weight for each x[i], in front of `one`'s sizes.
bool is_of_each(const Tensor& parameter, const Shape& one) {
  return parameter.defined() && parameter.dim() == one.rank() + 1;
}
void require_affine(const char* op, const Tensor& weight, const Tensor& bias, const Tensor& x, const Shape& one) {
  const auto require = [&](const char* what, const Tensor& v) {
    ops::require_parameter(op, what, v, x, is_of_each(v, one) ? one.inserted(0, x.shape()[0]) : one);
  };
  require("weight", weight);
  require("bias", bias);
}

// Those that are defined are [c], as x [n, c, ..] has channels.
void check_channels(const char* op, const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                    const Tensor& weight, const Tensor& bias) {
  const Shape channels{x.shape()[1]};
  require_affine(op, weight, bias, x, channels);
  ops::require_parameter(op, "running_mean", running_mean, x, channels);
  ops::require_parameter(op, "running_var", running_var, x, channels);
}

// x weight + bias, as far as they are defined.
Tensor affine(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (weight.defined() && bias.defined()) return addcmul(bias, x, weight);
  return weight.defined() ? x * weight : bias.defined() ? x + bias : x;
}

// The parameters of a norm over the last dimensions, `one`, as they broadcast to x.
Tensor along_rows(const Tensor& v, const Tensor& x, const Shape& one) {
  if (!is_of_each(v, one)) return v;
  Dims sizes = x.shape();
  for (int i = 1; i < x.dim() - one.rank(); ++i) sizes[i] = 1;
  return reshape(v, sizes);
}

// Elements of x [n, c, ..] behind each channel.
std::int64_t inner_size(const Tensor& x) {
  return x.numel() / std::max<std::int64_t>(1, x.shape()[0] * x.shape()[1]);
}

[[noreturn]] void no_running_statistics(const char* op, const char* unless) {
  fail("{}: running_mean and running_var are needed unless {}", op, unless);
}

}  // namespace

Tensor layer_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& weight, const Tensor& bias,
                  double eps) {
  check_ends_in("layer_norm", x, normalized_shape);
  require_affine("layer_norm", weight, bias, x, normalized_shape);
  const std::int64_t n = normalized_shape.numel();
  if (n == 0) return x;
  if (is_of_each(weight, normalized_shape) || is_of_each(bias, normalized_shape)) {
    const auto along = [&](const Tensor& v) { return along_rows(v, x, normalized_shape); };
    return affine(layer_norm(x, normalized_shape, {}, {}, eps), along(weight), along(bias));
  }
  const Tensor rows = reshape(x, {x.numel() / n, n}).contiguous();
  return reshape(apply(ops::LayerNorm{eps}, rows, flat(weight), flat(bias))[0], x.shape());
}

Tensor rms_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& weight, std::optional<double> eps) {
  check_ends_in("rms_norm", x, normalized_shape);
  ops::require_floating("rms_norm", x);
  require_affine("rms_norm", weight, {}, x, normalized_shape);
  const double usual = x.dtype() == float64 ? std::numeric_limits<double>::epsilon()
                                            : double{std::numeric_limits<float>::epsilon()};
  Dims dims;
  for (int i = x.dim() - normalized_shape.rank(); i < x.dim(); ++i) dims.push_back(i);
  const Tensor y = x * rsqrt(mean(square(x), dims, true) + eps.value_or(usual));
  return affine(y, along_rows(weight, x, normalized_shape), {});
}

Tensor batch_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var, const Tensor& weight,
                  const Tensor& bias, bool training, double momentum, double eps) {
  if (x.dim() < 2) fail("batch_norm: the input is {}; it must be [n, c, ..]", describe(x));
  check_channels("batch_norm", x, running_mean, running_var, weight, bias);
  const std::int64_t n = x.shape()[0], c = x.shape()[1], inner = inner_size(x);

  if (!training) {
    if (!running_mean.defined() || !running_var.defined()) no_running_statistics("batch_norm", "training");
    Tensor scale = rsqrt(running_var + eps);
    if (weight.defined()) scale = scale * weight;
    Tensor shift = -running_mean * scale;
    if (bias.defined()) shift = shift + bias;
    return reshape(reshape(x, {n, c, inner}) * unsqueeze(scale, -1) + unsqueeze(shift, -1), x.shape());
  }
  if (is_of_each(weight, {c}) || is_of_each(bias, {c}))
    fail(
        "batch_norm: weights for each example and a training that mixes the examples; use eval() or another norm");

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

// The channels of all examples as those of one.
Tensor instance_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var, const Tensor& weight,
                     const Tensor& bias, bool use_input_stats, double momentum, double eps) {
  if (x.dim() < 3)
    fail("instance_norm: the input is {}; it must be [n, c, ..], of 3 dimensions or more", describe(x));
  ops::require_floating("instance_norm", x);
  check_channels("instance_norm", x, running_mean, running_var, weight, bias);
  if (!use_input_stats) {
    if (!running_mean.defined() || !running_var.defined())
      no_running_statistics("instance_norm", "use_input_stats");
    return batch_norm(x, running_mean, running_var, weight, bias, false, momentum, eps);
  }
  const std::int64_t n = x.shape()[0], c = x.shape()[1], inner = inner_size(x);
  if (x.numel() == 0) return x;
  if (inner < 2)
    fail("instance_norm: one value per channel (input {}) has no variance; give larger examples", x.shape());
  const auto of_each = [&](const Tensor& v) {
    return !v.defined() ? v : v.dim() == 2 ? flatten(v) : repeat(v, {n});
  };
  Tensor means, variances;
  {
    const NoGrad off;
    means = of_each(running_mean);
    variances = of_each(running_var);
  }
  const Tensor y = batch_norm(reshape(x, {1, n * c, inner}), means, variances, of_each(weight), of_each(bias),
                              true, momentum, eps);
  if (means.defined() || variances.defined()) {
    const NoGrad off;
    if (means.defined()) running_mean.copy_(mean(reshape(means, {n, c}), {0}));
    if (variances.defined()) running_var.copy_(mean(reshape(variances, {n, c}), {0}));
  }
  return reshape(y, x.shape());
}

Tensor group_norm(const Tensor& x, std::int64_t num_groups, const Tensor& weight, const Tensor& bias, double eps) {
  if (x.dim() < 2) fail("group_norm: the input is {}; it must be [n, c, ..]", describe(x));
  ops::require_floating("group_norm", x);
  check_channels("group_norm", x, {}, {}, weight, bias);
  const std::int64_t c = x.shape()[1];
  if (num_groups < 1 || c % num_groups != 0)
    fail("group_norm: num_groups is {}, which does not divide the channels of {}; choose a divisor of {}",
         num_groups, x.shape(), c);
  if (x.numel() == 0) return x;
  const Shape one{c};
  if (is_of_each(weight, one) || is_of_each(bias, one)) {
    const auto along_channels = [&](const Tensor& v) {
      if (!v.defined()) return v;
      Dims sizes = v.shape();
      for (int i = 2; i < x.dim(); ++i) sizes.push_back(1);
      return reshape(v, sizes);
    };
    return affine(group_norm(x, num_groups, {}, {}, eps), along_channels(weight), along_channels(bias));
  }
  const Tensor channels = reshape(x, {x.shape()[0], c, inner_size(x)}).contiguous();
  return reshape(apply(ops::GroupNorm{num_groups, eps}, channels, weight, bias)[0], x.shape());
}

Tensor local_response_norm(const Tensor& x, std::int64_t size, double alpha, double beta, double k) {
  if (x.dim() < 3)
    fail("local_response_norm: the input is {}; it must be [n, c, ..], of 3 dimensions or more", describe(x));
  ops::require_floating("local_response_norm", x);
  if (size < 1) fail("local_response_norm: size is {}; it must be positive", size);
  if (x.numel() == 0) return x;
  const Tensor squares = reshape(square(x), {x.shape()[0], 1, x.shape()[1], inner_size(x)});
  const Tensor means = avg_pool2d(pad(squares, {0, 0, size / 2, (size - 1) / 2}), {size, 1}, {.stride = 1});
  return x / pow(reshape(means, x.shape()) * alpha + k, beta);
}

}  // namespace ebb
