#include "nn/norm.h"

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "nn/checks.h"

namespace ebb::nn {
namespace detail {

Tensor channel_weight(const char* layer, std::int64_t channels, bool affine) {
  check_positive(layer, "channels", channels);
  return filled_if(affine, {channels}, 1);
}

Tensor norm_weight(const char* layer, const Shape& shape, bool affine) {
  if (shape.empty()) fail("{}: shape is []; give the sizes of the last dimensions, like {{{{256}}}}", layer);
  for (const auto size : shape) check_positive(layer, "shape", size);
  return filled_if(affine, shape, 1);
}

Tensor group_weight(std::int64_t num_groups, std::int64_t channels, bool affine) {
  check_positive("GroupNorm", "num_groups", num_groups);
  check_positive("GroupNorm", "channels", channels);
  if (channels % num_groups != 0)
    fail("GroupNorm: num_groups is {}, which does not divide channels ({}); choose a divisor", num_groups,
         channels);
  return filled_if(affine, {channels}, 1);
}

Tensor filled_if(bool wanted, const Shape& shape, double value) { return wanted ? full(shape, value) : Tensor(); }

Tensor batch_counter(bool wanted) { return wanted ? zeros({}, {.dtype = int64}) : Tensor(); }

namespace {

// The sizes behind the channels, for messages.
template <int D>
constexpr const char* kSpatial = D == 1   ? "l"
                                 : D == 2 ? "h, w"
                                          : "d, h, w";

}  // namespace
}  // namespace detail

template <int D>
Tensor BatchNorm<D>::operator()(const Tensor& x) const {
  const bool rows = D == 1 && x.dim() == 2;
  if ((x.dim() != D + 2 && !rows) || x.shape()[1] != channels)
    fail("{}: the input is {}; give [n, {}, {}]{}", detail::batch_norm_name<D>, ebb::describe(x), channels,
         detail::kSpatial<D>, D == 1 ? fmt::format(" or [n, {}]", channels) : "");
  const bool tracks = running_mean.defined();
  const auto normalized = [&](const Tensor& mean, const Tensor& variance, double weight_of_batch) {
    return batch_norm(x, mean, variance, weight, bias, mode.training || !tracks, weight_of_batch, eps);
  };
  if (!mode.training || !tracks) return normalized(running_mean, running_var, 0);
  Tensor y;
  if (momentum) {
    y = normalized(running_mean, running_var, *momentum);
  } else {  // the mean of all batches moves by its share of what this one is from it
    const Tensor mean = running_mean.clone(), variance = running_var.clone();
    y = normalized(mean, variance, 1);
    const NoGrad off;
    const Tensor share = reciprocal((num_batches_tracked + 1.).to(x.dtype()));
    running_mean.add_((mean - running_mean) * share);
    running_var.add_((variance - running_var) * share);
  }
  num_batches_tracked.add_(ones({}, {.dtype = int64}));
  return y;
}
template struct BatchNorm<1>;
template struct BatchNorm<2>;
template struct BatchNorm<3>;

template <int D>
Tensor InstanceNorm<D>::operator()(const Tensor& x) const {
  const bool batched = x.dim() == D + 2;
  if ((!batched && x.dim() != D + 1) || x.shape()[batched ? 1 : 0] != channels)
    fail("{0}: the input is {1}; give [n, {2}, {3}] or [{2}, {3}]", detail::instance_norm_name<D>,
         ebb::describe(x), channels, detail::kSpatial<D>);
  const Tensor y = instance_norm(batched ? x : unsqueeze(x, 0), running_mean, running_var, weight, bias,
                                 mode.training || !running_mean.defined(), momentum, eps);
  return batched ? y : squeeze(y, 0);
}
template struct InstanceNorm<1>;
template struct InstanceNorm<2>;
template struct InstanceNorm<3>;

Tensor LayerNorm::operator()(const Tensor& x) const { return layer_norm(x, shape, weight, bias, eps); }

Tensor GroupNorm::operator()(const Tensor& x) const { return group_norm(x, num_groups, weight, bias, eps); }

Tensor RMSNorm::operator()(const Tensor& x) const { return rms_norm(x, shape, weight, eps); }

Tensor LocalResponseNorm::operator()(const Tensor& x) const {
  return local_response_norm(x, size, alpha, beta, k);
}

}  // namespace ebb::nn
