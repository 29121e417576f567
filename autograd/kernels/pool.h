// Pooling over the last two dimensions of [n, c, h, w]. float32 or float64, any strides; planes whose rows, or whose
// channels, are side by side are the fast ones.
#pragma once

#include <array>

#include "autograd/base/view.h"

namespace ebb::kernels {

struct Pool2dGeometry {
  std::array<std::int64_t, 2> kernel{2, 2}, stride{2, 2}, padding{0, 0};
  std::array<std::int64_t, 2> dilation{1, 1};  // max only
  bool count_include_pad = true;               // average only
  std::int64_t divisor = 0;                    // average only: instead of the window's size, if not 0
};

// index [n, c, oh, ow] int64: the place h·W + w of each window's first maximum; padding never wins; a NaN
// does. A window of nothing but padding gives -inf and -1.
void max_pool2d(View y, View index, View x, const Pool2dGeometry& geometry);
// gx += g at the indices that are not negative; windows may overlap. gx is set to 0 first.
void max_pool2d_backward(View gx, View g, View index);
// y = x at the indices, 0 where they are negative: the gradient of max_pool2d_backward.
void max_pool2d_gather(View y, View x, View index);

// The mean of a window. It is cut off at the padding's end; with count_include_pad the padding counts as zeros.
void avg_pool2d(View y, View x, const Pool2dGeometry& geometry);
void avg_pool2d_backward(View gx, View g, const Pool2dGeometry& geometry);

// Window i of an axis of size n pooled to o: [floor(i n / o), ceil((i + 1) n / o)).
void adaptive_avg_pool2d(View y, View x);
void adaptive_avg_pool2d_backward(View gx, View g);
// index as in max_pool2d.
void adaptive_max_pool2d(View y, View index, View x);

}  // namespace ebb::kernels
