// Euclidean distances between many rows, by products of matrices: |x - z|² = |x|² + |z|² - 2 x·z.
//
// Where rows are near to each other that difference has lost digits, so both matrices are first moved by the mean of the rows
// of z, and what comes out less than 1/16 of |x|² + |z|² is computed from the rows' difference itself: a distance is within a few
// √n roundings of its dtype, and equal rows are 0 apart.
#pragma once

#include "autograd/base/view.h"

namespace ebb::kernels {

// Whether they pay, and are allowed: set_strict().
bool distances_by_products(const View& x, const View& z);

// distances() and distances_backward() with p = 2.
void euclidean(const View& y, const View& x, const View& z);
void euclidean_backward(const View& gx, const View& g, const View& y, const View& x, const View& z);

}  // namespace ebb::kernels
