#include "nn/conv.h"

#include "autograd/base/fail.h"
#include "nn/checks.h"

namespace ebb::nn {
namespace detail {
namespace {

std::int64_t fan_in(std::int64_t in, Size2 kernel, std::int64_t groups) {
  return in / groups * kernel[0] * kernel[1];
}

void check_divides(std::int64_t groups, const char* field, std::int64_t value) {
  if (value % groups != 0)
    fail("Conv2d: groups is {}, which does not divide {} ({}); choose a divisor of in and out", groups, field,
         value);
}

}  // namespace

Tensor conv2d_weight(std::int64_t in, std::int64_t out, Size2 kernel, const Conv2dOptions& options) {
  check_positive("Conv2d", "in", in);
  check_positive("Conv2d", "out", out);
  check_positive("Conv2d", "kernel", kernel);
  check_positive("Conv2d", "stride", options.stride);
  check_not_negative("Conv2d", "padding", options.padding);
  check_positive("Conv2d", "dilation", options.dilation);
  check_positive("Conv2d", "groups", options.groups);
  check_divides(options.groups, "in", in);
  check_divides(options.groups, "out", out);
  return uniform_weight({out, in / options.groups, kernel[0], kernel[1]}, fan_in(in, kernel, options.groups));
}

Tensor conv2d_bias(std::int64_t in, std::int64_t out, Size2 kernel, std::int64_t groups, bool wanted) {
  return wanted ? uniform_weight({out}, fan_in(in, kernel, groups)) : Tensor();
}

}  // namespace detail

Tensor Conv2d::operator()(const Tensor& x) const {
  return conv2d(x, weight, bias, {.stride = stride, .padding = padding, .dilation = dilation, .groups = groups});
}

}  // namespace ebb::nn
