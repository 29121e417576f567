// Pooling layers: the operations of autograd/ops.h with their options. x [n, c, h, w] → [n, c, oh, ow].
#pragma once

#include <optional>

#include "autograd/ops.h"

namespace ebb::nn {

struct MaxPool2d {
  Size2 kernel;
  std::optional<Size2> stride = {};  // left out: the kernel's size
  Size2 padding = 0;
  Size2 dilation = 1;
  bool ceil_mode = false;

  Tensor operator()(const Tensor& x) const {
    return max_pool2d(x, kernel,
                      {.stride = stride, .padding = padding, .dilation = dilation, .ceil_mode = ceil_mode});
  }
};

struct AvgPool2d {
  Size2 kernel;
  std::optional<Size2> stride = {};  // left out: the kernel's size
  Size2 padding = 0;
  bool ceil_mode = false;
  bool count_include_pad = true;

  Tensor operator()(const Tensor& x) const {
    return avg_pool2d(
        x, kernel,
        {.stride = stride, .padding = padding, .ceil_mode = ceil_mode, .count_include_pad = count_include_pad});
  }
};

struct AdaptiveAvgPool2d {
  Size2 output;

  Tensor operator()(const Tensor& x) const { return adaptive_avg_pool2d(x, output); }
};

}  // namespace ebb::nn
