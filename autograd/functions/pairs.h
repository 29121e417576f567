// Functions of pairs of vectors.
#pragma once

#include "autograd/tensor.h"

namespace ebb {

// x1 · x2 / (max(‖x1‖, eps) max(‖x2‖, eps)) along dim, which the result lacks; the inputs broadcast. The gradient is that
// of norms which eps has not raised, with 0 for that of a norm at 0.
Tensor cosine_similarity(const Tensor& x1, const Tensor& x2, int dim = 1, double eps = 1e-8);
// ‖x1 - x2 + eps‖_p along the last dimension: norm() says what its derivative is at 0 and which p there are. The inputs
// broadcast.
Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, double p = 2, double eps = 1e-6,
                         bool keepdim = false);
// (Σ_k |x1_ik - x2_jk|^p)^(1/p), p >= 0, inf included, as in norm(): x1 [.., n, d], x2 [.., m, d] → [.., n, m], leading sizes
// broadcast. The derivative is 0 where rows are equal, and for p = 0; equal largest differences share that of inf evenly.
// Sums are made in double; or, for p = 2 with n, m > 25 and d >= 8, by a product of matrices, to within a few √d roundings of a
// distance, equal rows being 0 apart (set_strict(true): in double too).
Tensor cdist(const Tensor& x1, const Tensor& x2, double p = 2);
// y_k = x1ᵀ weight_k x2 + bias_k: x1 [.., in1], x2 [.., in2], equal but for that size, weight [out, in1, in2], bias [out]
// or undefined → [.., out].
Tensor bilinear(const Tensor& x1, const Tensor& x2, const Tensor& weight, const Tensor& bias = {});

}  // namespace ebb
