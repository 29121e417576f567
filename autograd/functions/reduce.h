// Reductions over `dims` (all if empty); keepdim leaves sizes of 1.
#pragma once

#include <optional>

#include "autograd/tensor.h"

namespace ebb {

Tensor sum(const Tensor& x, const Dims& dims = {}, bool keepdim = false);  // of integers and bool: int64
Tensor mean(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
// Σ(x - mean)² / (n - correction)
Tensor var(const Tensor& x, const Dims& dims = {}, double correction = 1, bool keepdim = false);
// Largest and smallest element. Equal ones share the gradient evenly.
Tensor amax(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
Tensor amin(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
// The index of the largest (smallest), the first of equals: int64, without derivative. No dim: of the flat
// tensor.
Tensor argmax(const Tensor& x, std::optional<int> dim = {}, bool keepdim = false);
Tensor argmin(const Tensor& x, std::optional<int> dim = {}, bool keepdim = false);
// log Σ exp(x), without overflow.
Tensor logsumexp(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
// x summed over what broadcasting would stretch, so that the result has `shape`.
Tensor sum_to(const Tensor& x, const Shape& shape);

}  // namespace ebb
