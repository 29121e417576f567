// Windows of images as columns, and channels as pixels.
#pragma once

#include <cstdint>

#include "autograd/functions/size.h"
#include "autograd/tensor.h"

namespace ebb {

struct UnfoldOptions {
  Size2 stride = 1, padding = 0, dilation = 1;
};
// Each window of x [n, c, h, w] as a column: [n, c kh kw, windows], windows in row-major order, each with its channels
// outermost (im2col); the padding is 0. Without n: [c kh kw, windows].
Tensor unfold(const Tensor& x, Size2 kernel_size, const UnfoldOptions& options = {});
// The opposite, which adds where windows overlap (col2im): x [n, c kh kw, windows] → [n, c, output_size]. Without n too.
Tensor fold(const Tensor& x, Size2 output_size, Size2 kernel_size, const UnfoldOptions& options = {});

// [.., c r r, h, w] → [.., c, h r, w r] (Shi et al. 2016), and back.
Tensor pixel_shuffle(const Tensor& x, std::int64_t upscale_factor);
Tensor pixel_unshuffle(const Tensor& x, std::int64_t downscale_factor);

}  // namespace ebb
