// What rearranges and resizes images, as layers: the functions of autograd/ops.h with their options.
#pragma once

#include <cstdint>
#include <vector>

#include "autograd/ops.h"

namespace ebb::nn {

struct Unfold {
  Size2 kernel_size;
  Size2 dilation = 1, padding = 0, stride = 1;
  Tensor operator()(const Tensor& x) const { return unfold(x, kernel_size, {stride, padding, dilation}); }
};

struct Fold {
  Size2 output_size, kernel_size;
  Size2 dilation = 1, padding = 0, stride = 1;
  Tensor operator()(const Tensor& x) const {
    return fold(x, output_size, kernel_size, {stride, padding, dilation});
  }
};

struct PixelShuffle {
  std::int64_t upscale_factor;
  Tensor operator()(const Tensor& x) const { return pixel_shuffle(x, upscale_factor); }
};

struct PixelUnshuffle {
  std::int64_t downscale_factor;
  Tensor operator()(const Tensor& x) const { return pixel_unshuffle(x, downscale_factor); }
};

// interpolate(): to a size, or by factors; one for all dimensions, or one for each.
//
//   nn::Upsample twice{.scale_factor = {2}, .mode = InterpolateMode::bilinear};
struct Upsample {
  Dims size = {};
  std::vector<double> scale_factor = {};
  InterpolateMode mode = InterpolateMode::nearest;
  bool align_corners = false;
  Tensor operator()(const Tensor& x) const { return interpolate(x, {size, scale_factor, mode, align_corners}); }
};

}  // namespace ebb::nn
