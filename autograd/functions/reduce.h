// Reductions over `dims` (all if empty); keepdim leaves sizes of 1. With a dtype: of x.to(dtype), and of that dtype.
#pragma once

#include <array>
#include <optional>

#include "autograd/tensor.h"

namespace ebb {

// Of integers and bool, unless a dtype is given: int64.
Tensor sum(const Tensor& x, const Dims& dims = {}, bool keepdim = false, std::optional<Dtype> dtype = {});
Tensor mean(const Tensor& x, const Dims& dims = {}, bool keepdim = false, std::optional<Dtype> dtype = {});
// The same without the elements that are NaN, which get the gradient 0. The mean of none is NaN.
Tensor nansum(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
Tensor nanmean(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
// The product of all elements, or along dim: of integers and bool int64, modulo 2^64; of float32 made in double. The gradient
// is right where elements are 0.
Tensor prod(const Tensor& x, std::optional<Dtype> dtype = {});
Tensor prod(const Tensor& x, int dim, bool keepdim = false, std::optional<Dtype> dtype = {});

// Σ(x - mean)² / (n - correction), and its square root, with derivative 0 where it is 0. Where `using namespace ebb` is in
// force, ebb::std needs its prefix.
Tensor var(const Tensor& x, const Dims& dims = {}, double correction = 1, bool keepdim = false);
Tensor std(const Tensor& x, const Dims& dims = {}, double correction = 1, bool keepdim = false);
// Both: {var, mean}, {std, mean}.
std::array<Tensor, 2> var_mean(const Tensor& x, const Dims& dims = {}, double correction = 1,
                               bool keepdim = false);
std::array<Tensor, 2> std_mean(const Tensor& x, const Dims& dims = {}, double correction = 1,
                               bool keepdim = false);

// (Σ |x|^p)^(1/p), float32 or float64; for p = inf (-inf) the largest (smallest) |x|, for p = 0 how many elements are not 0,
// without derivative. The derivative in an element that is 0 is 0, as it is everywhere if the norm is 0; equal extremes share
// it evenly. An Error for p < 0 or p = inf where a norm is of no elements.
Tensor norm(const Tensor& x, double p = 2, const Dims& dims = {}, bool keepdim = false);
Tensor vector_norm(const Tensor& x, double ord = 2, const Dims& dims = {}, bool keepdim = false);

// Whether an element (all elements) are not 0, which NaN is not: bool. Of none: false (true).
Tensor any(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
Tensor all(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
// How many elements are not 0: int64.
Tensor count_nonzero(const Tensor& x, const Dims& dims = {});

// Elements along a dimension, and where they are: int64, without derivative. The elements' gradient goes to those places.
struct ValuesIndices {
  Tensor values, indices;
};

// Largest and smallest element; NaN if there is one. Equal ones share the gradient evenly. An Error of no elements.
Tensor amax(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
Tensor amin(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
Tensor max(const Tensor& x);  // amax(x)
Tensor min(const Tensor& x);
// The same along dim, and where it is: the first of equals, or the first NaN, which alone gets the gradient.
ValuesIndices max(const Tensor& x, int dim, bool keepdim = false);
ValuesIndices min(const Tensor& x, int dim, bool keepdim = false);
Tensor max(const Tensor& a, const Tensor& b);  // maximum(a, b)
Tensor min(const Tensor& a, const Tensor& b);
// The index of the largest (smallest), the first of equals: int64, without derivative. No dim: of the flat
// tensor.
Tensor argmax(const Tensor& x, std::optional<int> dim = {}, bool keepdim = false);
Tensor argmin(const Tensor& x, std::optional<int> dim = {}, bool keepdim = false);

// log Σ exp(x), without overflow.
Tensor logsumexp(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
// x summed over what broadcasting would stretch, so that the result has `shape`.
Tensor sum_to(const Tensor& x, const Shape& shape);

}  // namespace ebb
