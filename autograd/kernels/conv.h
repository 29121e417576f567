// 2-d convolution (cross-correlation, as in PyTorch) and its two gradients, without an im2col of the image.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "autograd/base/view.h"

namespace ebb::kernels {

struct Conv2dGeometry {
  std::array<std::int64_t, 2> stride{1, 1}, padding{0, 0}, dilation{1, 1};  // height, width
  std::int64_t groups = 1;

  // The stride along axis i, 0 or 1, of so many rows or columns: beyond the padded image all are alike.
  std::int64_t stride_along(std::size_t i, std::int64_t size) const {
    return std::min(stride[i], size + 2 * padding[i]);
  }
};

// x [n, in, h, w], weight [out, in / groups, kh, kw], y [n, out, oh, ow]; bias [out], its data may be null.
// oh = (h + 2 padding - dilation (kh - 1) - 1) / stride + 1. float32 or float64, any strides; NCHW-contiguous
// and channels-last strides are the fast ones.
void conv2d(View y, View x, View weight, View bias, const Conv2dGeometry& geometry);
void conv2d_backward_input(View gx, View g, View weight, const Conv2dGeometry& geometry);
void conv2d_backward_weight(View gweight, View g, View x, const Conv2dGeometry& geometry);

}  // namespace ebb::kernels
