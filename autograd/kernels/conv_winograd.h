// Convolutions of 3×3 by Winograd's algorithm F(2×2, 3×3): 16 multiplications where the definition has 36.
//
// Outputs are computed in tiles of 2×2, from 4×4 inputs d and the kernel g, Lavin and Gray, "Fast Algorithms for
// Convolutional Neural Networks", 2015, arXiv:1509.09308, section 4.1:
//
//   Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A,    summed over the input channels between the brackets.
//
// So for each of the 16 positions of a tile there is a matrix product, V [tiles, in] by U [in, out]. Tiles are taken in
// blocks whose V stays in the second cache while U passes by, a panel of output channels after the other. The gradient in
// x is a convolution too (Note [A gradient is a correlation too]). That in the weights is the adjoint:
//
//   dg = Gᵀ [(A dY Aᵀ) ⊙ (Bᵀ d B)] G,    summed over the tiles between the brackets.
//
// Rounding: of an array of normal numbers, the largest error beside that of the sums as the definition says them was 0.4 to
// 1.1 in outputs and gradients in x, whose sums are nine times shorter, and 0.5 to 1.5 in gradients in the weights;
// tests/winograd_test.cpp holds it below 1.5 and 2. An infinity becomes NaN in all outputs of its tiles.
#pragma once

#include "autograd/kernels/conv.h"

namespace ebb::kernels::conv {

// True if the functions below apply (float32, kernels of 3×3 with stride and dilation 1, one group) and pay, and strict()
// does not forbid them. `y`: the first argument of conv2d() or conv2d_backward_input(), g of conv2d_backward_weight().
bool prefers_winograd(const View& y, const View& weight, const Conv2dGeometry& geometry);

// What conv2d(), conv2d_backward_input() and conv2d_backward_weight() do.
void winograd(const View& y, const View& x, const View& weight, const View& bias, const Conv2dGeometry& geometry);
void winograd_backward_input(const View& gx, const View& g, const View& weight, const Conv2dGeometry& geometry);
void winograd_backward_weight(const View& gweight, const View& g, const View& x, const Conv2dGeometry& geometry);

}  // namespace ebb::kernels::conv
