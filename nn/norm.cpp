#include "nn/norm.h"

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "autograd/ops.h"
#include "nn/checks.h"

namespace ebb::nn {
namespace detail {

Tensor norm_weight(std::int64_t channels, bool affine) {
  check_positive("BatchNorm2d", "channels", channels);
  return filled_if(affine, {channels}, 1);
}

Tensor norm_weight(const Shape& shape, bool affine) {
  if (shape.empty()) fail("LayerNorm: shape is []; give the sizes of the last dimensions, like {{{{256}}}}");
  for (const auto size : shape) check_positive("LayerNorm", "shape", size);
  return filled_if(affine, shape, 1);
}

Tensor filled_if(bool wanted, const Shape& shape, double value) { return wanted ? full(shape, value) : Tensor(); }

Tensor batch_counter(bool wanted) { return wanted ? zeros({}, {.dtype = int64}) : Tensor(); }

}  // namespace detail

Tensor BatchNorm2d::operator()(const Tensor& x) const {
  if (x.dim() != 4) fail("BatchNorm2d: the input is {}; give [n, {}, h, w]", ebb::describe(x), channels);
  const bool tracks = running_mean.defined();
  const Tensor y = batch_norm(x, running_mean, running_var, weight, bias, mode.training || !tracks, momentum, eps);
  if (mode.training && num_batches_tracked.defined()) num_batches_tracked.add_(ones({}, {.dtype = int64}));
  return y;
}

Tensor LayerNorm::operator()(const Tensor& x) const { return layer_norm(x, shape, weight, bias, eps); }

}  // namespace ebb::nn
