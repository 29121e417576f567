// Reductions and scans that are told a dtype.
#pragma once

#include <optional>
#include <utility>

#include "autograd/ops/common.h"

namespace ebb::ops {

// f(x) as of the numbers that x's elements are in `dtype`, and in that dtype. Integers are summed and multiplied modulo 2^64
// and then cut, which is the same modulo less.
template <class F>
Tensor in_dtype(const Tensor& x, std::optional<Dtype> dtype, F&& f) {
  return dtype ? std::forward<F>(f)(x.to(*dtype)).to(*dtype) : std::forward<F>(f)(x);
}

}  // namespace ebb::ops
