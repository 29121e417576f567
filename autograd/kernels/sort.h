// Sorting and selecting along a dimension, of any dtype. Results are int64 indices into the lines of x. NaN is the largest
// number, -0 equals 0, and equal elements keep their order.
#pragma once

#include "autograd/base/view.h"

namespace ebb::kernels {

// y[j] = where the j-th smallest element of its line is, or with `largest` the j-th largest; for as many j as y has places
// along dim, at most as many as x.
void argsort(const View& y, const View& x, int dim, bool largest);

// y [n] = the rows of x [n, m], contiguous, in the order of their first elements, then of the second, …
void argsort_rows(const View& y, const View& x);

// y = where the element of that rank, counted from 0, is in the order from the smallest; with `nan_first` where the first
// NaN is, if there is one. y has size 1 along dim.
void kth(const View& y, const View& x, int dim, std::int64_t rank, bool nan_first);

}  // namespace ebb::kernels
