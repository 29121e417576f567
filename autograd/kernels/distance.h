// Distances between the rows of matrices.
#pragma once

#include "autograd/base/view.h"

namespace ebb::kernels {

// y[b, i, j] = (Σ_k |x[b, i, k] - z[b, j, k]|^p)^(1/p), the largest of them for p = inf, how many are not 0 for p = 0. x, y
// and z are contiguous; float32 or float64. Sums are made in double, but for p = 2 of many rows: distance_products.h.
void distances(const View& y, const View& x, const View& z, double p);

// gx[b, i, k] = Σ_j g[b, i, j] dy[b, i, j]/dx[b, i, k], p > 0; 0 where rows are equal, and in an element in which they are. Equal
// largest differences share it evenly. With g and y transposed, and x and z exchanged, it is dL/dz. gx, x and z are contiguous.
void distances_backward(const View& gx, const View& g, const View& y, const View& x, const View& z, double p);

}  // namespace ebb::kernels
