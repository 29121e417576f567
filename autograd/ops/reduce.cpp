#include "autograd/ops/reduce.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/ops/chosen.h"
#include "autograd/ops/in_dtype.h"
#include "autograd/ops/scan.h"

namespace ebb {
namespace ops {

Tensor Prod::grad0(Grad g, In<0> x) const {
  const bool line = dims.rank() == 1;
  const Tensor others = product_of_others(line ? x : reshape(x, {-1}), line ? static_cast<int>(dims[0]) : 0);
  return stretched(g, x.shape()) * reshape(others, x.shape());
}

}  // namespace ops

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
Tensor extreme(Op op, const Tensor& x, const Dims& dims, bool keepdim, std::string_view name = Op::name) {
  op.dims = reduced_dims(name, x, dims);
  op.keepdim = keepdim;
  require_elements(name, op, x);
  return apply(op, x);
}

template <class Op>
ValuesIndices extreme_along(std::string_view name, const Tensor& x, int dim, bool keepdim) {
  return ops::chosen_from_each(name, x, dim, keepdim, [](const Tensor& line, int d) {
    return apply(Op{d, true}, line);
  });
}

Tensor scalar_like(const Tensor& x, double value) { return full({}, value, {.dtype = x.dtype()}); }

// f(x), but `at_zero` where x is 0, with derivatives of 0 there.
template <class F>
Tensor but_at_zero(const Tensor& x, double at_zero, F&& f) {
  const Tensor zero = eq(x, 0);
  return where(zero, scalar_like(x, at_zero), f(where(zero, scalar_like(x, 1), x)));
}

Tensor product(const Tensor& x, const Dims& dims, bool keepdim, std::optional<Dtype> dtype) {
  const ops::Prod op{{reduced_dims("prod", x, dims), keepdim}};
  return ops::in_dtype(x, dtype, [&](const Tensor& factors) { return apply(op, factors); });
}

Tensor not_zero(const Tensor& x) { return x.dtype() == boolean ? x : ne(x.detach(), 0); }
Tensor count_true(const Tensor& x, const ops::Reduction& reduction) { return apply(ops::Sum{reduction, 1}, x); }
Tensor but_nan(const Tensor& x) { return where(ne(x, x), scalar_like(x, 0), x); }

template <class Op>
Tensor index_of_extreme(const Tensor& x, std::optional<int> dim, bool keepdim) {
  if (!dim) return index_of_extreme<Op>(reshape(x.detach(), {-1}), 0, keepdim);
  if (x.dim() == 0) return index_of_extreme<Op>(reshape(x.detach(), {1}), 0, false);
  const Op op{ops::dimension(Op::name, *dim, x.dim()), keepdim};
  require_elements(Op::name, op.reduction(), x);
  return apply(op, x.detach());
}

}  // namespace

Tensor sum(const Tensor& x, const Dims& dims, bool keepdim, std::optional<Dtype> dtype) {
  const ops::Sum op{{reduced_dims("sum", x, dims), keepdim}, 1};
  return ops::in_dtype(x, dtype, [&](const Tensor& terms) { return apply(op, terms); });
}

Tensor mean(const Tensor& x, const Dims& dims, bool keepdim, std::optional<Dtype> dtype) {
  ops::Sum op{{reduced_dims("mean", x, dims), keepdim}, 1};
  op.scale =
      1 / static_cast<double>(op.count(x.shape()));  // of no elements: 0 · inf, NaN as the mean of nothing is
  const Tensor terms = dtype ? x.to(*dtype) : x;
  ops::require_floating("mean", terms);
  return apply(op, terms);
}

Tensor nansum(const Tensor& x, const Dims& dims, bool keepdim) {
  return sum(is_floating(x.dtype()) ? but_nan(x) : x, dims, keepdim);
}

Tensor nanmean(const Tensor& x, const Dims& dims, bool keepdim) {
  ops::require_floating("nanmean", x);
  return sum(but_nan(x), dims, keepdim) / sum(eq(x, x), dims, keepdim).to(x.dtype());
}

Tensor prod(const Tensor& x, std::optional<Dtype> dtype) { return product(x, {}, false, dtype); }
Tensor prod(const Tensor& x, int dim, bool keepdim, std::optional<Dtype> dtype) {
  return product(x, {dim}, keepdim, dtype);
}

Tensor var(const Tensor& x, const Dims& dims, double correction, bool keepdim) {
  return apply(ops::Var{{reduced_dims("var", x, dims), keepdim}, correction}, x);
}

Tensor std(const Tensor& x, const Dims& dims, double correction, bool keepdim) {
  ops::require_floating("std", x);
  return but_at_zero(var(x, dims, correction, keepdim), 0, sqrt);
}

std::array<Tensor, 2> var_mean(const Tensor& x, const Dims& dims, double correction, bool keepdim) {
  return {var(x, dims, correction, keepdim), mean(x, dims, keepdim)};
}
std::array<Tensor, 2> std_mean(const Tensor& x, const Dims& dims, double correction, bool keepdim) {
  return {std(x, dims, correction, keepdim), mean(x, dims, keepdim)};
}

Tensor norm(const Tensor& x, double p, const Dims& dims, bool keepdim) {
  ops::require_floating("norm", x);
  if (std::isnan(p)) fail("norm: p is NaN");
  if (p == ops::kInfinity) return extreme(ops::Amax{}, abs(x), dims, keepdim, "norm");
  if (p == -ops::kInfinity) return extreme(ops::Amin{}, abs(x), dims, keepdim, "norm");
  const ops::Reduction reduction{reduced_dims("norm", x, dims), keepdim};
  if (p < 0) require_elements("norm", reduction, x);
  if (p == 0) return sum(ne(x.detach(), 0), dims, keepdim).to(x.dtype());
  if (p == 1) return sum(abs(x), dims, keepdim);
  if (p == 2) return but_at_zero(apply(ops::SumSquares{reduction}, x), 0, sqrt);
  const auto power = [](double exponent) { return [exponent](const Tensor& t) { return pow(t, exponent); }; };
  return but_at_zero(sum(but_at_zero(abs(x), p > 0 ? 0 : ops::kInfinity, power(p)), dims, keepdim),
                     p > 0 ? 0 : ops::kInfinity, power(1 / p));
}
Tensor vector_norm(const Tensor& x, double ord, const Dims& dims, bool keepdim) {
  return norm(x, ord, dims, keepdim);
}

Tensor any(const Tensor& x, const Dims& dims, bool keepdim) {
  const ops::Reduction reduction{reduced_dims("any", x, dims), keepdim};
  return ne(count_true(not_zero(x), reduction), 0);
}
Tensor all(const Tensor& x, const Dims& dims, bool keepdim) {
  const ops::Reduction reduction{reduced_dims("all", x, dims), keepdim};
  return eq(count_true(not_zero(x), reduction), static_cast<double>(reduction.count(x.shape())));
}
Tensor count_nonzero(const Tensor& x, const Dims& dims) {
  return count_true(not_zero(x), {reduced_dims("count_nonzero", x, dims), false});
}

Tensor amax(const Tensor& x, const Dims& dims, bool keepdim) { return extreme(ops::Amax{}, x, dims, keepdim); }
Tensor amin(const Tensor& x, const Dims& dims, bool keepdim) { return extreme(ops::Amin{}, x, dims, keepdim); }

Tensor max(const Tensor& x) { return extreme(ops::Amax{}, x, {}, false, "max"); }
Tensor min(const Tensor& x) { return extreme(ops::Amin{}, x, {}, false, "min"); }
ValuesIndices max(const Tensor& x, int dim, bool keepdim) {
  return extreme_along<ops::Argmax>("max", x, dim, keepdim);
}
ValuesIndices min(const Tensor& x, int dim, bool keepdim) {
  return extreme_along<ops::Argmin>("min", x, dim, keepdim);
}
Tensor max(const Tensor& a, const Tensor& b) { return maximum(a, b); }
Tensor min(const Tensor& a, const Tensor& b) { return minimum(a, b); }

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
