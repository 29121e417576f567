// Normalisation.
#pragma once

#include "autograd/tensor.h"

namespace ebb {

// (x - mean) / sqrt(var + eps) weight + bias over the last dimensions, `normalized_shape` (Ba, Kiros, Hinton
// 2016); weight and bias of that shape, or undefined.
Tensor layer_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& weight = {},
                  const Tensor& bias = {}, double eps = 1e-5);
// The same over all but dimension 1 of x [n, c, ..] (Ioffe, Szegedy 2015). Training: with the batch's
// statistics, which also update running_mean and running_var [c], if defined, in place: r = (1 - momentum) r
// + momentum batch, with the unbiased variance. Otherwise with the running ones.
Tensor batch_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                  const Tensor& weight = {}, const Tensor& bias = {}, bool training = false, double momentum = 0.1,
                  double eps = 1e-5);

}  // namespace ebb
