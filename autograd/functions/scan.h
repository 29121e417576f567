// Running functions along a dimension, differences and integrals.
#pragma once

#include <cstdint>
#include <optional>

#include "autograd/functions/reduce.h"
#include "autograd/tensor.h"

namespace ebb {

// Element i along dim is made of elements 0 … i of x; the shape is x's. A 0-d tensor is a line of one element.
//
// Σ x_j and Π x_j, j <= i: of integers and bool int64, modulo 2^64; of float32 made in double. The gradient of the product is
// right where elements are 0. With a dtype: of x.to(dtype), and of that dtype.
Tensor cumsum(const Tensor& x, int dim, std::optional<Dtype> dtype = {});
Tensor cumprod(const Tensor& x, int dim, std::optional<Dtype> dtype = {});
// log Σ exp(x_j), without overflow; float32 or float64. Where it is -inf the derivative is 0.
Tensor logcumsumexp(const Tensor& x, int dim);
// The largest (smallest) element so far, and where it is: the last of equals, which gets the gradient. From the first NaN on
// NaN.
ValuesIndices cummax(const Tensor& x, int dim);
ValuesIndices cummin(const Tensor& x, int dim);

// x[i + 1] - x[i] along dim, n times over; of bool whether they differ. `prepend` and `append`, undefined or of x's sizes but
// along dim, are first put before and behind x. One element less along dim each time, until there is none.
Tensor diff(const Tensor& x, std::int64_t n = 1, int dim = -1, const Tensor& prepend = {},
            const Tensor& append = {});

// The integral of y along dim by the trapezoidal rule, Σ (x_{i+1} - x_i) (y_i + y_{i+1}) / 2: at points dx apart, or at x, of
// y's rank (other sizes broadcast) or [n]. Of fewer than two points 0. float32 or float64.
Tensor trapezoid(const Tensor& y, double dx = 1, int dim = -1);
Tensor trapezoid(const Tensor& y, const Tensor& x, int dim = -1);

}  // namespace ebb
