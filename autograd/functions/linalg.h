// Linear algebra.
#pragma once

#include "autograd/tensor.h"

namespace ebb {

// Vectors: the inner product; a matrix and a vector; matrices; else batches of matrices, leading sizes
// broadcast.
Tensor matmul(const Tensor& a, const Tensor& b);
// x weightᵀ + bias. x [.., in], weight [out, in], bias [out] or undefined → [.., out]. A weight [n, out, in], and a bias [n, out], are one
// for each x[i] of x [n, .., in].
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

}  // namespace ebb
