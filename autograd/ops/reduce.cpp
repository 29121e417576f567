#include "autograd/ops/reduce.h"

#include <algorithm>

namespace ebb {
namespace {

// Sorted, non-negative, each once; all if none is named.
Dims reduced_dims(std::string_view op, const Tensor& x, const Dims& dims) {
  Dims sorted;
  for (int i = 0; i < x.dim(); ++i) {
    bool named = dims.empty();
    for (const auto dim : dims) named |= ops::dimension(op, static_cast<int>(dim), x.dim()) == i;
    if (named) sorted.push_back(i);
  }
  if (!dims.empty() && x.dim() > 0 && sorted.rank() != dims.rank())
    fail("{}: a dimension appears twice in {}", op, dims);
  return sorted;
}

void require_elements(std::string_view op, const ops::Reduction& r, const Tensor& x) {
  if (r.count(x.shape()) == 0 && r.result(x.shape()).numel() > 0)
    fail("{}: the tensor is {}, and no element has a largest or smallest among none", op, describe(x));
}

template <class Op>
Tensor extreme(Op op, const Tensor& x, const Dims& dims, bool keepdim) {
  op.dims = reduced_dims(Op::name, x, dims);
  op.keepdim = keepdim;
  require_elements(Op::name, op, x);
  return apply(op, x);
}

template <class Op>
Tensor index_of_extreme(const Tensor& x, std::optional<int> dim, bool keepdim) {
  if (!dim) return index_of_extreme<Op>(reshape(x.detach(), {-1}), 0, keepdim);
  if (x.dim() == 0) return index_of_extreme<Op>(reshape(x.detach(), {1}), 0, false);
  const Op op{ops::dimension(Op::name, *dim, x.dim()), keepdim};
  require_elements(Op::name, op.reduction(), x);
  return apply(op, x.detach());
}

}  // namespace

Tensor sum(const Tensor& x, const Dims& dims, bool keepdim) {
  return apply(ops::Sum{{reduced_dims("sum", x, dims), keepdim}, 1}, x);
}

Tensor mean(const Tensor& x, const Dims& dims, bool keepdim) {
  ops::require_floating("mean", x);
  ops::Sum op{{reduced_dims("mean", x, dims), keepdim}, 1};
  op.scale =
      1 / static_cast<double>(op.count(x.shape()));  // of no elements: 0 · inf, NaN as the mean of nothing is
  return apply(op, x);
}

Tensor var(const Tensor& x, const Dims& dims, double correction, bool keepdim) {
  return apply(ops::Var{{reduced_dims("var", x, dims), keepdim}, correction}, x);
}

Tensor amax(const Tensor& x, const Dims& dims, bool keepdim) { return extreme(ops::Amax{}, x, dims, keepdim); }
Tensor amin(const Tensor& x, const Dims& dims, bool keepdim) { return extreme(ops::Amin{}, x, dims, keepdim); }

Tensor argmax(const Tensor& x, std::optional<int> dim, bool keepdim) {
  return index_of_extreme<ops::Argmax>(x, dim, keepdim);
}
Tensor argmin(const Tensor& x, std::optional<int> dim, bool keepdim) {
  return index_of_extreme<ops::Argmin>(x, dim, keepdim);
}

Tensor logsumexp(const Tensor& x, const Dims& dims, bool keepdim) {
  return apply(ops::Logsumexp{{reduced_dims("logsumexp", x, dims), keepdim}}, x);
}

Tensor sum_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  const int lead = x.dim() - shape.rank();
  if (lead < 0) fail("sum_to: {} has more dimensions than the tensor, {}", shape, x.shape());
  Dims dims;
  for (int i = 0; i < x.dim(); ++i) {
    if (i >= lead && shape[i - lead] == x.shape()[i]) continue;
    if (i >= lead && shape[i - lead] != 1) fail("sum_to: {} does not stretch to {}", shape, x.shape());
    dims.push_back(i);
  }
  return reshape(sum(x, dims, true), shape);
}

}  // namespace ebb
