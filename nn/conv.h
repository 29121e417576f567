// The convolution layer.
#pragma once

#include <cstdint>

#include "autograd/ops.h"
#include "nn/role.h"

namespace ebb::nn {

namespace detail {
Tensor conv2d_weight(std::int64_t in, std::int64_t out, Size2 kernel, const Conv2dOptions& options);
Tensor conv2d_bias(std::int64_t in, std::int64_t out, Size2 kernel, std::int64_t groups, bool wanted);
}  // namespace detail

// Cross-correlation: conv2d() of autograd/ops.h. x [n, in, h, w] → [n, out, oh, ow]. Weight
// [out, in / groups, kh, kw] and bias [out] start as U(-b, b), b = 1 / √(in / groups · kh · kw).
//
//   nn::Conv2d conv{.in = 1, .out = 6, .kernel = 5, .padding = 2};
//   nn::Conv2d wide{.in = 6, .out = 6, .kernel = {1, 7}, .padding = {0, 3}, .groups = 6};
struct Conv2d {
  std::int64_t in, out;
  Size2 kernel;
  Size2 stride = 1, padding = 0, dilation = 1;
  std::int64_t groups = 1;
  bool with_bias = true;
  Parameter weight = detail::conv2d_weight(in, out, kernel, {stride, padding, dilation, groups});
  Parameter bias = detail::conv2d_bias(in, out, kernel, groups, with_bias);

  Tensor operator()(const Tensor& x) const;
};

}  // namespace ebb::nn
