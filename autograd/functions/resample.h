// Images at other sizes, and at other places.
#pragma once

#include <cstdint>
#include <vector>

#include "autograd/tensor.h"

namespace ebb {

enum class InterpolateMode : std::uint8_t {
  nearest,        // the element that the output's corner falls into
  nearest_exact,  // its middle
  linear,         // x [n, c, l]
  bilinear,       // x [n, c, h, w]
  trilinear,      // x [n, c, d, h, w]
  bicubic,        // x [n, c, h, w]; the convolution of Keys 1981 with a = -0.75
  area            // adaptive_avg_pool
};
struct InterpolateOptions {
  Dims size = {};                         // of the result: one for all, or one for each after c; or instead
  std::vector<double> scale_factor = {};  // each is ⌊size · factor⌋: one for all, or one for each
  InterpolateMode mode = InterpolateMode::nearest;
  bool align_corners = false;  // the middles of the outer elements stay where they are; else the image's edges do
};
// x [n, c, sizes] at other sizes: along each dimension output i is taken at i / s, (i + ½) / s - ½ but for nearest, where s
// is the factor, or the ratio of the given sizes. Sizes that stay are left alone, but for nearest_exact and bicubic.
Tensor interpolate(const Tensor& x, const InterpolateOptions& options);

enum class GridMode : std::uint8_t { bilinear, nearest, bicubic };
enum class GridPadding : std::uint8_t {
  zeros,      // around the image
  border,     // its outer elements go on
  reflection  // it is mirrored at its edge, again and again
};
struct GridSampleOptions {
  GridMode mode = GridMode::bilinear;
  GridPadding padding_mode = GridPadding::zeros;
  bool align_corners = false;  // -1 and 1 are the middles of the outer elements; else the image's edges
};
// x [n, c, h, w] at the places of grid [n, oh, ow, 2], whose last dimension is (column, row), -1 and 1 the ends → [n, c,
// oh, ow]. Likewise x [n, c, d, h, w] and grid [n, od, oh, ow, 3], without bicubic. Jaderberg et al. 2015. Differentiable in
// both; by nearest the grid's derivative is 0. On the middles of elements, where there is a kink, it is that of the side to
// the right. NaN in the grid counts as -1.
Tensor grid_sample(const Tensor& x, const Tensor& grid, const GridSampleOptions& options = {});

// The grid that theta [n, 2, 3] makes of each place (column, row, 1) of an image of size [n, c, h, w]: [n, h, w, 2].
// Likewise theta [n, 3, 4] for size [n, c, d, h, w].
Tensor affine_grid(const Tensor& theta, const Dims& size, bool align_corners = false);

}  // namespace ebb
