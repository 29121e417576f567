// Normalisation. Where x has a first dimension n beside those that share its weights, these may have it too, [n, ..]: one for
// each x[i].
#pragma once

#include <cstdint>
#include <optional>

#include "autograd/tensor.h"

namespace ebb {

// (x - mean) / sqrt(var + eps) weight + bias over the last dimensions, `normalized_shape` (Ba, Kiros, Hinton
// 2016); weight and bias of that shape, or undefined.
Tensor layer_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& weight = {},
                  const Tensor& bias = {}, double eps = 1e-5);
// x / sqrt(mean of x² + eps) weight over the last dimensions, likewise (Zhang, Sennrich 2019). eps left out: the distance
// from 1 to the next number of x's dtype.
Tensor rms_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& weight = {},
                std::optional<double> eps = {});
// The same as layer_norm over all but dimension 1 of x [n, c, ..] (Ioffe, Szegedy 2015), weight and bias [c]. Training:
// with the batch's statistics, which also update running_mean and running_var [c], if defined, in place: r = (1 -
// momentum) r + momentum batch, with the unbiased variance. Otherwise with the running ones.
Tensor batch_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                  const Tensor& weight = {}, const Tensor& bias = {}, bool training = false, double momentum = 0.1,
                  double eps = 1e-5);
// The same over all but the first two dimensions of x [n, c, ..], of three or more (Ulyanov, Vedaldi, Lempitsky 2016).
// With the examples' own statistics, whose mean over the batch updates the running ones; or, unless use_input_stats,
// with those.
Tensor instance_norm(const Tensor& x, const Tensor& running_mean = {}, const Tensor& running_var = {},
                     const Tensor& weight = {}, const Tensor& bias = {}, bool use_input_stats = true,
                     double momentum = 0.1, double eps = 1e-5);
// The same over the channels of a group, c / num_groups in a row, and all dimensions behind them (Wu, He 2018); weight
// and bias [c].
Tensor group_norm(const Tensor& x, std::int64_t num_groups, const Tensor& weight = {}, const Tensor& bias = {},
                  double eps = 1e-5);
// x / (k + alpha m)^beta, with m the sum of x² over `size` channels around each, from size / 2 before it on, divided by
// size; there are zeros beside the channels (Krizhevsky, Sutskever, Hinton 2012). x [n, c, ..] of three dimensions or more.
Tensor local_response_norm(const Tensor& x, std::int64_t size, double alpha = 1e-4, double beta = 0.75,
                           double k = 1);

}  // namespace ebb
