// Running functions along a dimension: element i of a line of the result comes from elements 0 … i of the input's. With
// `reverse` they run from the end. Lines are done in parallel, each of them in order: results do not depend on the number
// of threads, nor on strides.
#pragma once

#include "autograd/base/view.h"

namespace ebb::kernels {

// The sum (product) so far. Of float32 it is made in double, of integers and bool in int64, modulo 2^64: y is float32 or
// float64 as x, else int64.
void cumsum(const View& y, const View& x, int dim, bool reverse);
void cumprod(const View& y, const View& x, int dim, bool reverse);

// y = int64 index of the largest (smallest) element so far: the last of equals; of NaN, once there was one.
void cummax(const View& y, const View& x, int dim);
void cummin(const View& y, const View& x, int dim);

// y = log(sum of exp(x) so far), without overflow; float32 or float64.
void logcumsumexp(const View& y, const View& x, int dim);

// y[i] = b[i] + a[i] y[i - 1], or with `shifted` b[i] + a[i - 1] y[i - 1]; y[-1] = 0. With `reverse` from the end: y[i + 1]
// and a[i + 1] instead. float32 or float64.
void linear_scan(const View& y, const View& a, const View& b, int dim, bool reverse, bool shifted);

}  // namespace ebb::kernels
