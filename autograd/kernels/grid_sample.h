// Images at the places of a grid, between four elements each. float32 or float64, any strides.
#pragma once

#include <cstdint>

#include "autograd/base/view.h"

namespace ebb::kernels {

// What is around an image: zeros, its outer elements, or itself mirrored.
enum class Around : std::uint8_t { zeros, border, reflection };

struct GridSampling {
  Around around = Around::zeros;
  bool align_corners = false;  // -1 and 1 are the middles of the outer elements; else the image's edges
};

// x [n, c, h, w] at grid [n, oh, ow, 2], whose places are (column, row): y [n, c, oh, ow].
void grid_sample(View y, View x, View grid, const GridSampling& sampling);
// The gradients. Elements of gx add their terms in the order of the places.
void grid_sample_backward_input(View gx, View g, View grid, const GridSampling& sampling);
void grid_sample_backward_grid(View ggrid, View g, View x, View grid, const GridSampling& sampling);

}  // namespace ebb::kernels
