// Where values are: in a sorted sequence, in bins, in a mask.
#pragma once

#include "autograd/base/view.h"

namespace ebb::kernels {

// y = how many elements of the sequence lie below the value, or with `right` not above it; int64 of the values' shape. The
// sequence, of the values' dtype, is sorted along its last dimension; it has one, or the values' sizes in all but the last.
// All lie below NaN.
void searchsorted(const View& y, const View& sequence, const View& values, bool right);

// y[i] = how many elements of x lie in bin i of y.numel() equal ones from low to high, both included; what lies outside
// counts nowhere. low = high: from the smallest to the largest element. y and x of one dtype, float32 or float64.
void histc(const View& y, const View& x, double low, double high);

// y[i] = how often i is in x, int64 from 0 to y.numel() - 1; y int64, contiguous.
void bincount(const View& y, const View& x);

// The places of the true elements of a contiguous mask, row by row: y [their number, rank] int64, contiguous.
void nonzero(const View& y, const View& mask);

}  // namespace ebb::kernels
