#include "autograd/ops/pool.h"

namespace ebb {
namespace ops {
namespace {

void require_images(std::string_view op, const Tensor& x) {
  require_floating(op, x);
  if (x.dim() != 4) fail("{}: the input is {}; it must be [n, c, h, w]", op, describe(x));
}

}  // namespace

Shape pooled_shape(std::string_view op, const Tensor& x, const Pool2dGeometry& g, bool ceil_mode) {
  require_images(op, x);
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  Dims sizes{x.shape()[0], x.shape()[1]};
  for (std::size_t i = 0; i < 2; ++i) {
    const auto kernel = g.kernel[i], stride = g.stride[i], padding = g.padding[i], dilation = g.dilation[i];
    if (kernel < 1 || stride < 1 || dilation < 1 || kernel > kMost || stride > kMost || dilation > kMost)
      fail("{}: kernel {}, stride {}, dilation {}; all must be at least 1", op, kernel, stride, dilation);
    if (padding < 0 || padding > kernel / 2)
      fail("{}: padding {} of a kernel of {}; it must be from 0 to half the kernel", op, padding, kernel);
    const std::int64_t size = x.shape()[static_cast<int>(i) + 2], reach = dilation * (kernel - 1) + 1;
    const std::int64_t room = size + 2 * padding - reach;
    if (room < 0 && !(ceil_mode && room + stride > 0))
      fail("{}: the window reaches over {}, but the padded input has {}", op, reach, size + 2 * padding);
    std::int64_t count = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
    if (ceil_mode && (count - 1) * stride >= size + padding) --count;  // a window must begin inside
    sizes.push_back(count);
  }
  return Shape(sizes);
}

Spec AdaptiveAvgPool2d::infer(const Tensor& x) const {
  require_images(name, x);
  if (output[0] < 1 || output[1] < 1)
    fail("{}: output {} x {}; both sizes must be at least 1", name, output[0], output[1]);
  if (x.shape()[2] == 0 || x.shape()[3] == 0) fail("{}: the images of {} are empty", name, describe(x));
  return {{x.shape()[0], x.shape()[1], output[0], output[1]}, x.dtype()};
}

namespace {

Pool2dGeometry geometry_of(Size2 kernel, const Pool2dOptions& o) {
  return {kernel, o.stride.value_or(kernel), o.padding, o.dilation, o.count_include_pad};
}

}  // namespace
}  // namespace ops

Tensor max_pool2d(const Tensor& x, Size2 kernel, const Pool2dOptions& options) {
  return apply(ops::MaxPool2d{ops::geometry_of(kernel, options), options.ceil_mode}, x)[0];
}

Tensor avg_pool2d(const Tensor& x, Size2 kernel, const Pool2dOptions& options) {
  if (options.dilation != Size2(1)) fail("avg_pool2d: its windows have no dilation; leave it at 1");
  return apply(ops::AvgPool2d{ops::geometry_of(kernel, options), options.ceil_mode}, x);
}

Tensor adaptive_avg_pool2d(const Tensor& x, Size2 output) { return apply(ops::AdaptiveAvgPool2d{output}, x); }

}  // namespace ebb
