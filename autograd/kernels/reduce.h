// Many elements to one, and its way back. Results do not depend on the number of threads.
#pragma once

#include "autograd/base/view.h"

namespace ebb::kernels {

// y has x's rank; a dimension of y is x's, or 1 where x is reduced. Empty reductions give sum 0, product 1, amax -inf,
// amin inf (for integers, the limits of their type). NaN wins in amax and amin. sum and product of bool and integers are
// int64; otherwise y has x's dtype. Float sums are blocked (error grows like log n, not n); products of float32 are made in
// double. `scale` multiplies sums (mean = 1/n). Squares are of float32 or float64.
enum class Reduce : std::uint8_t { sum, sum_of_squares, product, amax, amin };
template <Reduce F>
void reduce(View y, View x, double scale = 1);

// Mean and variance over the reduced dimensions, in two passes: sum (x - mean)² / divisor. float32 or float64;
// `mean` has the strides of `variance`, its data may be null.
void mean_variance(View mean, View variance, View x, double divisor);
inline void variance(View y, View x, double divisor) {
  View mean = y;
  mean.data = nullptr;
  mean_variance(mean, y, x, divisor);
}

// y = int64 index, along `dim`, of the largest (smallest) element; the first of equals; a NaN wins.
void argmax(View y, View x, int dim);
void argmin(View y, View x, int dim);

// y = log(sum(exp(x))) over the reduced dimensions; -inf for a row of -inf, inf if it holds an inf.
void logsumexp(View y, View x);
// gx = g exp(x - y), all of x's shape: y the output and g its gradient, stretched by strides of 0. 0 where y is -inf.
void logsumexp_backward(const View& gx, const View& g, const View& x, const View& y);

// Along `dim`: softmax exp(x - max) / sum; log_softmax x - logsumexp(x). A row of all -inf gives NaN, as
// PyTorch's does, and touches no other row.
void softmax(View y, View x, int dim);
void log_softmax(View y, View x, int dim);
// gx = y (g - sum(g y)) and gx = g - exp(y) sum(g), y the output.
void softmax_backward(View gx, View g, View y, int dim);
void log_softmax_backward(View gx, View g, View y, int dim);

// Mean over rows of -log_softmax(x)[target], fused. x [n, classes]; target [n] int64; per_row [n] gets the
// loss of each row (0 where target == ignore_index). A target outside [0, classes) throws Error.
void cross_entropy(View per_row, View x, View target, std::int64_t ignore_index);
// gx[i, j] = scale[i] (softmax(x)[i, j] - [j == target[i]]), 0 for ignored rows. scale [n].
void cross_entropy_backward(View gx, View x, View target, View scale, std::int64_t ignore_index);

}  // namespace ebb::kernels
