// Convolution and pooling; x [n, c, h, w].
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "autograd/tensor.h"

namespace ebb {

using Pair = std::array<std::int64_t, 2>;  // height, width

// A Pair from one number or two: .stride = 2 is .stride = {2, 2}.
struct Size2 : Pair {
  constexpr Size2(std::int64_t both) : Pair{both, both} {}
  constexpr Size2(std::int64_t height, std::int64_t width) : Pair{height, width} {}
};

struct Conv2dOptions {
  Size2 stride = 1, padding = 0, dilation = 1;
  std::int64_t groups = 1;
};
// Cross-correlation. weight [out, c / groups, kh, kw], bias [out] or undefined → [n, out, oh, ow],
// oh = ⌊(h + 2 padding - dilation (kh - 1) - 1) / stride⌋ + 1.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, const Conv2dOptions& options = {});

struct Pool2dOptions {
  std::optional<Size2> stride = {};  // left out: the kernel's size
  Size2 padding = 0;                 // at most half the kernel
  Size2 dilation = 1;                // max_pool2d only
  bool ceil_mode = false;            // windows may begin inside and end outside
  bool count_include_pad = true;     // avg_pool2d only
};
// The largest of each window; the first of equals gets the gradient.
Tensor max_pool2d(const Tensor& x, Size2 kernel, const Pool2dOptions& options = {});
Tensor avg_pool2d(const Tensor& x, Size2 kernel, const Pool2dOptions& options = {});
// Window i of an axis of n pooled to o: from ⌊i n / o⌋ to ⌈(i + 1) n / o⌉.
Tensor adaptive_avg_pool2d(const Tensor& x, Size2 output);

}  // namespace ebb
