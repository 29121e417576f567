// Convolutions with kernels of one pixel, as products of the weights and planes of pixels.
#pragma once

#include "autograd/kernels/conv.h"

namespace ebb::kernels::conv {

// True if the functions below apply, and pay: one group, a kernel of one pixel, no padding, and planes of x and y that
// are rows of pixels, not few.
bool is_pointwise(const View& y, const View& x, const View& weight, const Conv2dGeometry& geometry);

// What conv2d(), conv2d_backward_input() and conv2d_backward_weight() do: y[n] = W x[n] + bias, gx[n] = Wᵀ g[n],
// gW = Σ_n g[n] x[n]ᵀ, where x[n] is [in, pixels] and W is [out, in].
void pointwise(const View& y, const View& x, const View& weight, const View& bias, const Conv2dGeometry& geometry);
void pointwise_backward_input(const View& gx, const View& g, const View& weight, const Conv2dGeometry& geometry);
void pointwise_backward_weight(const View& gweight, const View& g, const View& x, const Conv2dGeometry& geometry);

}  // namespace ebb::kernels::conv
