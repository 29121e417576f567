// Normalisation. float32 or float64; statistics are accumulated in float64 or blocked. The 1-d operands may have
// any strides.
#pragma once

#include "autograd/base/view.h"

namespace ebb::kernels {

// x [rows, n] contiguous, y the same; weight and bias [n] or null data. mean and rstd [rows]: rstd =
// 1/sqrt(var + eps), var biased. y = (x - mean) rstd weight + bias (Ba, Kiros, Hinton 2016).
void layer_norm(View y, View mean, View rstd, View x, View weight, View bias, double eps);
// gx, gweight, gbias may have null data when they are not wanted.
void layer_norm_backward(View gx, View gweight, View gbias, View g, View x, View weight, View mean, View rstd);

// x [n, c, inner] contiguous. mean and rstd [c] over n and inner, biased variance. y = (x - mean) rstd weight
// + bias (Ioffe, Szegedy 2015).
void batch_norm_statistics(View mean, View variance, View x);
void batch_norm_apply(View y, View x, View mean, View rstd, View weight, View bias);
// Gradient of the training form: statistics depend on x.
void batch_norm_backward(View gx, View gweight, View gbias, View g, View x, View weight, View mean, View rstd);

// x [n, c, inner] contiguous, y the same; weight and bias [c] or null data. mean and rstd [n groups] are of c / groups neighbouring
// channels of one example. y = (x - mean) rstd weight + bias (Wu, He 2018).
void group_norm(View y, View mean, View rstd, View x, View weight, View bias, std::int64_t groups, double eps);
void group_norm_backward(View gx, View gweight, View gbias, View g, View x, View weight, View mean, View rstd,
                         std::int64_t groups);

}  // namespace ebb::kernels
