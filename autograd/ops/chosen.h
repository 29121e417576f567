// Functions that choose elements along a dimension: a kernel finds the indices, the values are gathered there, and so their
// gradient finds its way back.
#pragma once

#include <utility>

#include "autograd/ops/common.h"

namespace ebb::ops {

// f(x, dim) for a dimension that may be negative; of a 0-d tensor as of its only element in a line.
template <class F>
Tensor along(std::string_view op, const Tensor& x, int dim, F&& f) {
  const int d = dimension(op, dim, x.dim());
  return x.dim() > 0 ? f(x, d) : reshape(f(reshape(x, {1}), 0), {});
}

// The same where f gives indices, and the elements there.
template <class F>
ValuesIndices chosen_along(std::string_view op, const Tensor& x, int dim, F&& f) {
  const Tensor indices = along(op, x.detach(), dim, std::forward<F>(f));
  return {x.dim() > 0 ? gather(x, dim, indices) : identity(x), indices};
}

// One element of each line, whose dimension goes unless it is kept.
template <class F>
ValuesIndices chosen_from_each(std::string_view op, const Tensor& x, int dim, bool keepdim, F&& f) {
  const int d = dimension(op, dim, x.dim());
  if (x.dim() > 0 && x.shape()[d] == 0 && x.shape().with(d, 1).numel() > 0)
    fail("{}: dimension {} of {} is empty; there is no element to choose", op, dim, describe(x));
  const auto [values, indices] = chosen_along(op, x, dim, std::forward<F>(f));
  if (keepdim || x.dim() == 0) return {values, indices};
  return {squeeze(values, d), squeeze(indices, d)};
}

}  // namespace ebb::ops
