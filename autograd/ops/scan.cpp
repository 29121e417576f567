#include "autograd/ops/scan.h"

#include <algorithm>
#include <limits>

#include "autograd/ops/chosen.h"
#include "autograd/ops/in_dtype.h"

namespace ebb {
namespace ops {

Tensor preceding(const Tensor& x, int dim, bool reverse, double first) {
  const std::int64_t n = x.shape()[dim];
  if (n == 0) return x;
  const Tensor edge = full(x.shape().with(dim, 1), first, {.dtype = x.dtype()});
  return reverse ? cat({narrow(x, dim, 1, n - 1), edge}, dim) : cat({edge, narrow(x, dim, 0, n - 1)}, dim);
}

Tensor product_of_others(const Tensor& x, int dim) {
  const auto before = [&](bool reverse) { return preceding(apply(Cumprod{dim, reverse}, x), dim, reverse, 1); };
  return before(false) * before(true);
}

// The recurrence in Python.
Samples<LinearScan> LinearScan::samples(Generator& random) {
  const auto make = [&](const LinearScan& op, const Shape& shape) {
    const auto elements = [&](int input) {
      const std::string flip = op.reverse ? fmt::format(".flip({})", op.dim) : "";
      return fmt::format("x[{}]{}.unbind({})", input, flip, op.dim);
    };
    return Sample<LinearScan>{
        op,
        {draw(random, shape, 0.3, 0.9), draw(random, shape)},
        fmt::format("torch.stack(list(__import__('itertools').accumulate([{1}[0], *zip({0}{2}, {1}[1:])], "
                    "lambda y, ab: ab[0] * y + ab[1])), {3}){4}",
                    elements(0), elements(1), op.shifted ? "" : "[1:]", op.dim,
                    op.reverse ? fmt::format(".flip({})", op.dim) : "")};
  };
  return {make({1, false, false}, {3, 4}), make({1, true, true}, {3, 4}), make({0, false, true}, {4, 3}),
          make({1, true, false}, {2, 3, 2}), make({1, false, false}, {0, 3})};
}

Tensor Logcumsumexp::grad0(Grad g, In<0> x, Out y) const {
  constexpr double kLeast = -std::numeric_limits<double>::infinity();
  const Tensor finite = where(eq(y, kLeast), full({}, 0, {.dtype = y.dtype()}), y);
  const Tensor ratio = exp(preceding(y, dim, false, kLeast) - finite);
  return exp(x - finite) * apply(LinearScan{dim, true, true}, ratio, g);
}

}  // namespace ops

namespace {

template <class Op>
Tensor scan(const Tensor& x, int dim) {
  return ops::along(Op::name, x, dim, [](const Tensor& line, int d) { return apply(Op{d}, line); });
}
template <class Op>
ValuesIndices extreme_so_far(const Tensor& x, int dim) {
  return ops::chosen_along(Op::name, x, dim, [](const Tensor& line, int d) { return apply(Op{d}, line); });
}

// x between what goes before and behind it, if that is defined.
Tensor joined(const Tensor& x, int dim, const Tensor& prepend, const Tensor& append) {
  std::vector<Tensor> parts;
  for (const auto& part : {prepend, x, append})
    if (part.defined()) parts.push_back(part);
  return parts.size() == 1 ? x : cat(parts, dim);
}

}  // namespace

Tensor cumsum(const Tensor& x, int dim, std::optional<Dtype> dtype) {
  return ops::in_dtype(x, dtype, [=](const Tensor& terms) { return scan<ops::Cumsum>(terms, dim); });
}
Tensor cumprod(const Tensor& x, int dim, std::optional<Dtype> dtype) {
  return ops::in_dtype(x, dtype, [=](const Tensor& factors) { return scan<ops::Cumprod>(factors, dim); });
}
Tensor logcumsumexp(const Tensor& x, int dim) { return scan<ops::Logcumsumexp>(x, dim); }
ValuesIndices cummax(const Tensor& x, int dim) { return extreme_so_far<ops::Cummax>(x, dim); }
ValuesIndices cummin(const Tensor& x, int dim) { return extreme_so_far<ops::Cummin>(x, dim); }

Tensor diff(const Tensor& x, std::int64_t n, int dim, const Tensor& prepend, const Tensor& append) {
  if (x.dim() == 0) fail("diff: the tensor is 0-d; it must have a dimension to take differences along");
  if (n < 0) fail("diff: the order is {}; it must be 0 or more", n);
  const int d = ops::dimension("diff", dim, x.dim());
  if (n == 0) return x;
  Tensor y = joined(x, d, prepend, append);
  const std::int64_t size = y.shape()[d];
  if (n >= size || y.numel() == 0) return narrow(y, d, 0, std::max<std::int64_t>(0, size - n));
  for (; n > 0; --n) {
    const std::int64_t left = y.shape()[d] - 1;
    const Tensor low = narrow(y, d, 0, left), high = narrow(y, d, 1, left);
    y = y.dtype() == boolean ? ne(high, low) : high - low;
  }
  return y;
}

Tensor trapezoid(const Tensor& y, double dx, int dim) {
  if (y.dim() == 0) fail("trapezoid: the tensor is 0-d; it must have a dimension to integrate along");
  ops::require_floating("trapezoid", y);
  const int d = ops::dimension("trapezoid", dim, y.dim());
  const std::int64_t n = y.shape()[d];
  if (n == 0) return sum(y, {d});
  return (sum(y, {d}) - (select(y, d, 0) + select(y, d, n - 1)) * 0.5) * dx;
}

Tensor trapezoid(const Tensor& y, const Tensor& x, int dim) {
  if (y.dim() == 0) fail("trapezoid: the tensor is 0-d; it must have a dimension to integrate along");
  ops::require_floating("trapezoid", y);
  ops::require_same_dtype("trapezoid", y, x);
  const int d = ops::dimension("trapezoid", dim, y.dim());
  const std::int64_t n = y.shape()[d];
  if (x.dim() != 1 && x.dim() != y.dim())
    fail("trapezoid: x is {}, y {}; x must have one dimension or as many as y", x.shape(), y.shape());
  const int along = x.dim() == 1 ? 0 : d;
  if (x.shape()[along] != n)
    fail("trapezoid: x is {}, y {}; along dimension {} there must be as many x as y", x.shape(), y.shape(), d);
  if (n == 0) return sum(y, {d});
  Tensor widths = diff(x, 1, along);
  if (x.dim() == 1) {
    Dims sizes = Dims::filled(y.dim(), 1);
    sizes[d] = n - 1;
    widths = reshape(widths, sizes);
  }
  return sum(widths * (narrow(y, d, 0, n - 1) + narrow(y, d, 1, n - 1)), {d}) * 0.5;
}

}  // namespace ebb
