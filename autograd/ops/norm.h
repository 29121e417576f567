// Normalisation: fused kernels, with references in primitive operations for higher orders.
#pragma once

#include "autograd/base/scratch.h"
#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/norm.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

using detail::view_or_null;

// Room for the gradients of input, weight and bias that somebody wants; the last two are [size].
inline std::array<Tensor, 3> norm_gradients(Wanted wanted, const Tensor& x, std::int64_t size) {
  std::array<Tensor, 3> g;
  if (wanted[0]) g[0] = empty(x.shape(), x.dtype());
  if (wanted[1]) g[1] = empty({size}, x.dtype());
  if (wanted[2]) g[2] = empty({size}, x.dtype());
  return g;
}

// x [rows, n], weight and bias [n] or undefined. Outputs: y, and the rows' mean and 1 / sqrt(var + eps),
// which are not differentiated.
struct LayerNorm {
  static constexpr std::string_view name = "layer_norm";
  static constexpr int outputs = 3, differentiable_outputs = 1;
  double eps = 1e-5;

  std::array<Spec, 3> infer(const Tensor& x, const Tensor&, const Tensor&) const {
    require_floating(name, x);
    return {Spec{x.shape(), x.dtype()}, Spec{{x.shape()[0]}, x.dtype()}, Spec{{x.shape()[0]}, x.dtype()}};
  }
  void forward(View y, View mean, View rstd, View x, View weight, View bias) const {
    kernels::layer_norm(y, mean, rstd, x, weight, bias, eps);
  }
  std::array<Tensor, 3> grads(Wanted wanted, Grads g, In<0> x, In<1> weight, Output<1> mean,
                              Output<2> rstd) const {
    auto result = norm_gradients(wanted, x, x.shape()[1]);
    const Tensor gy = g[0].contiguous();
    detail::launch(kernels::layer_norm_backward, view_or_null(result[0]), view_or_null(result[1]),
                   view_or_null(result[2]), gy.view(), x.view(), view_or_null(weight), mean.view(), rstd.view());
    return result;
  }
  std::array<Tensor, 3> reference(const Tensor& x, const Tensor& weight, const Tensor& bias) const {
    const Tensor center = mean(x, {1}, true), scale = rsqrt(var(x, {1}, 0, true) + eps);
    Tensor y = (x - center) * scale;
    if (weight.defined()) y = y * weight;
    if (bias.defined()) y = y + bias;
    return {y, squeeze(center, 1), squeeze(scale, 1)};
  }
  static Samples<LayerNorm> samples(Generator& random) {
    return {{{1e-5},
             {draw(random, {3, 4}), draw(random, {4}), draw(random, {4})},
             "torch.nn.functional.layer_norm(x[0], (4,), x[1], x[2], 1e-5)"},
            {{1e-3},
             {draw(random, {3, 4}), Tensor(), Tensor()},
             "torch.nn.functional.layer_norm(x[0], (4,), None, None, 1e-3)"},
            {{1e-5},
             {draw(random, {0, 4}), draw(random, {4}), draw(random, {4})},
             "torch.nn.functional.layer_norm(x[0], (4,), x[1], x[2], 1e-5)"}};
  }
};

// Training form: x [n, c, inner], weight and bias [c] or undefined. Outputs: y, and the batch's mean and
// biased variance [c], which are not differentiated.
struct BatchNorm {
  static constexpr std::string_view name = "batch_norm";
  static constexpr int outputs = 3, differentiable_outputs = 1;
  double eps = 1e-5;

  std::array<Spec, 3> infer(const Tensor& x, const Tensor&, const Tensor&) const {
    require_floating(name, x);
    const Spec channels{{x.shape()[1]}, x.dtype()};
    return {Spec{x.shape(), x.dtype()}, channels, channels};
  }
  void forward(View y, View mean, View variance, View x, View weight, View bias) const {
    kernels::batch_norm_statistics(mean, variance, x);
    with_rstd(variance, [&](View rstd) { kernels::batch_norm_apply(y, x, mean, rstd, weight, bias); });
  }
  std::array<Tensor, 3> grads(Wanted wanted, Grads g, In<0> x, In<1> weight, Output<1> mean,
                              Output<2> variance) const {
    auto result = norm_gradients(wanted, x, x.shape()[1]);
    const Tensor gy = g[0].contiguous();
    detail::launch(
        [op = *this](const View& spread, const auto&... views) {
          op.with_rstd(spread, [&](View rstd) { kernels::batch_norm_backward(views..., rstd); });
        },
        variance.view(), view_or_null(result[0]), view_or_null(result[1]), view_or_null(result[2]), gy.view(),
        x.view(), view_or_null(weight), mean.view());
    return result;
  }
  std::array<Tensor, 3> reference(const Tensor& x, const Tensor& weight, const Tensor& bias) const {
    const Tensor center = mean(x, {0, 2}, true), variance = var(x, {0, 2}, 0, true);
    const auto column = [](const Tensor& v) { return unsqueeze(v, 1); };
    Tensor y = (x - center) * rsqrt(variance + eps);
    if (weight.defined()) y = y * column(weight);
    if (bias.defined()) y = y + column(bias);
    return {y, flatten(center), flatten(variance)};
  }
  // Calls f with 1 / sqrt(variance + eps).
  void with_rstd(View variance, auto&& f) const {
    const memory::Scratch<double> scratch(variance.numel());  // room for either dtype
    const View rstd{scratch.data(), variance.shape, variance.strides, variance.dtype, true};
    kernels::unary<kernels::Unary::add_scalar>(rstd, variance, eps);
    kernels::unary<kernels::Unary::rsqrt>(rstd, rstd);
    f(rstd);
  }
  static Samples<BatchNorm> samples(Generator& random) {
    return {{{1e-5},
             {draw(random, {3, 2, 4}), draw(random, {2}), draw(random, {2})},
             "torch.nn.functional.batch_norm(x[0], None, None, x[1], x[2], True, 0.1, 1e-5)"},
            {{1e-3},
             {draw(random, {5, 3, 1}), Tensor(), Tensor()},
             "torch.nn.functional.batch_norm(x[0], None, None, None, None, True, 0.1, 1e-3)"},
            {{1e-5},
             {draw(random, {0, 2, 4}), draw(random, {2}), draw(random, {2})},
             "torch.nn.functional.batch_norm(x[0], None, None, x[1], x[2], True, 0.1, 1e-5)"}};
  }
};

// x [n, c, inner], weight and bias [c] or undefined. Outputs: y, and the groups' mean and 1 / sqrt(var + eps) [n groups], which
// are not differentiated.
struct GroupNorm {
  static constexpr std::string_view name = "group_norm";
  static constexpr int outputs = 3, differentiable_outputs = 1;
  std::int64_t groups = 1;
  double eps = 1e-5;

  std::array<Spec, 3> infer(const Tensor& x, const Tensor&, const Tensor&) const {
    require_floating(name, x);
    const Spec of_groups{{x.shape()[0] * groups}, x.dtype()};
    return {Spec{x.shape(), x.dtype()}, of_groups, of_groups};
  }
  void forward(View y, View mean, View rstd, View x, View weight, View bias) const {
    kernels::group_norm(y, mean, rstd, x, weight, bias, groups, eps);
  }
  std::array<Tensor, 3> grads(Wanted wanted, Grads g, In<0> x, In<1> weight, Output<1> mean,
                              Output<2> rstd) const {
    auto result = norm_gradients(wanted, x, x.shape()[1]);
    const Tensor gy = g[0].contiguous();
    detail::launch([count = groups](const auto&... views) { kernels::group_norm_backward(views..., count); },
                   view_or_null(result[0]), view_or_null(result[1]), view_or_null(result[2]), gy.view(), x.view(),
                   view_or_null(weight), mean.view(), rstd.view());
    return result;
  }
  std::array<Tensor, 3> reference(const Tensor& x, const Tensor& weight, const Tensor& bias) const {
    const std::int64_t n = x.shape()[0], c = x.shape()[1], inner = x.shape()[2];
    const Tensor rows = reshape(x, {n * groups, c / groups * inner});
    const Tensor center = mean(rows, {1}, true), scale = rsqrt(var(rows, {1}, 0, true) + eps);
    Tensor y = reshape((rows - center) * scale, x.shape());
    if (weight.defined()) y = y * unsqueeze(weight, 1);
    if (bias.defined()) y = y + unsqueeze(bias, 1);
    return {y, squeeze(center, 1), squeeze(scale, 1)};
  }
  static Samples<GroupNorm> samples(Generator& random) {
    return {{{2, 1e-5},
             {draw(random, {2, 4, 3}), draw(random, {4}), draw(random, {4})},
             "torch.nn.functional.group_norm(x[0], 2, x[1], x[2], 1e-5)"},
            {{1, 1e-3},
             {draw(random, {2, 2, 17}), Tensor(), draw(random, {2})},
             "torch.nn.functional.group_norm(x[0], 1, None, x[2], 1e-3)"},
            {{3, 1e-5},
             {draw(random, {2, 3, 16}), draw(random, {3}), Tensor()},
             "torch.nn.functional.group_norm(x[0], 3, x[1], None, 1e-5)"},
            {{2, 1e-5},
             {draw(random, {0, 4, 2}), draw(random, {4}), draw(random, {4})},
             "torch.nn.functional.group_norm(x[0], 2, x[1], x[2], 1e-5)"}};
  }
};

using NormOps = OpList<LayerNorm, BatchNorm, GroupNorm>;

}  // namespace ebb::ops
