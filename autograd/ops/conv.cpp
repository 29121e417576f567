#include "autograd/ops/conv.h"

#include <limits>

namespace ebb {
namespace ops {
namespace {

// The output's size along one axis, or an Error; all steps are safe against overflow.
std::int64_t conv_size(const char* axis, std::int64_t size, std::int64_t kernel, std::int64_t stride,
                       std::int64_t padding, std::int64_t dilation) {
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  if (stride < 1 || dilation < 1 || padding < 0 || stride > kMost || dilation > kMost || padding > kMost)
    fail(
        "conv2d: {} stride {}, padding {}, dilation {}; stride and dilation must be at least 1 and padding "
        "at least 0",
        axis, stride, padding, dilation);
  if (kernel < 1 || kernel > kMost) fail("conv2d: the kernel's {} is {}", axis, kernel);
  const std::int64_t room = size + 2 * padding, reach = dilation * (kernel - 1) + 1;
  if (room < reach)
    fail(
        "conv2d: the kernel reaches over {} in {}, but the padded input has {}; add padding or shrink the "
        "kernel",
        reach, axis, room);
  return (room - reach) / stride + 1;
}

}  // namespace

Spec Conv2d::infer(const Tensor& x, const Tensor& weight, const Tensor& bias) const {
  require_floating(name, x);
  require_same_dtype(name, x, weight);
  if (x.dim() != 4 || weight.dim() != 4)
    fail("conv2d: input {} and weight {}; they must be [n, c, h, w] and [out, c / groups, kh, kw]", x.shape(),
         weight.shape());
  const std::int64_t in = x.shape()[1], out = weight.shape()[0], groups = geometry.groups;
  if (groups < 1 || in % groups != 0 || out % groups != 0)
    fail("conv2d: {} groups do not divide the {} input and {} output channels", groups, in, out);
  if (weight.shape()[1] != in / groups)
    fail("conv2d: the weight takes {} channels per group, the input has {} (input {}, weight {}, groups {})",
         weight.shape()[1], in / groups, x.shape(), weight.shape(), groups);
  if (bias.defined()) {
    require_same_dtype(name, x, bias);
    if (bias.shape() != Shape{out}) fail("conv2d: the bias is {}; it must be [{}]", bias.shape(), out);
  }
  const auto& g = geometry;
  return {{x.shape()[0], out,
           conv_size("height", x.shape()[2], weight.shape()[2], g.stride[0], g.padding[0], g.dilation[0]),
           conv_size("width", x.shape()[3], weight.shape()[3], g.stride[1], g.padding[1], g.dilation[1])},
          x.dtype()};
}

}  // namespace ops

Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv2dOptions& o) {
  return apply(ops::Conv2d{{o.stride, o.padding, o.dilation, o.groups}}, x, weight, bias);
}

}  // namespace ebb
