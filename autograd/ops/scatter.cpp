#include "autograd/ops/scatter.h"

#include <algorithm>
#include <limits>

#include "autograd/ops/index.h"
#include "autograd/ops/shape.h"

namespace ebb {
namespace ops {
namespace {

Tensor as(const Tensor& condition, const Tensor& like) { return condition.to(like.dtype()); }

}  // namespace

Tensor ScatterReduce::shared(Grad g, const Tensor& x, const Tensor& index, const Tensor& src,
                             const Tensor& y) const {
  const Tensor values = eq(src, gather(y, dim, index));
  return g / apply(ScatterOnto{dim}, as(eq(x, y), g), index, as(values, g));
}

Tensor ScatterReduce::grad0(Grad g, In<0> x, In<1> index, In<2> src, Out y) const {
  if (how != kernels::Combine::multiply) return as(eq(x, y), g) * shared(g, x, index, src, y);
  // the product of the others: y / x, and where x is 0 the product with a 1 in its place
  const Tensor factor = masked_fill(x, eq(x, 0), 1);
  return g * apply(*this, factor, index, src) / factor;
}

Tensor ScatterReduce::grad2(Grad g, In<0> x, In<1> index, In<2> src, Out y) const {
  if (how != kernels::Combine::multiply)
    return as(eq(src, gather(y, dim, index)), g) * gather(shared(g, x, index, src, y), dim, index);
  // y / src. Where src is the only 0 of its product, the product with a 1 in its place; of several zeros, 0.
  const Tensor zero = eq(src, 0);
  const Tensor zeros_of_product = gather(apply(ScatterOnto{dim}, as(eq(x, 0), g), index, as(zero, g)), dim, index);
  const Tensor only = where(zero, eq(zeros_of_product, 1), zero);
  const Tensor others = apply(*this, x, index, masked_fill(src, only, 1));
  return where(only, gather(g * others, dim, index), gather(g * y, dim, index) / masked_fill(src, zero, 1));
}

Samples<ScatterReduce> ScatterReduce::samples(Generator& random) {
  using kernels::Combine;
  Samples<ScatterReduce> samples;
  const std::pair<Combine, std::string> kinds[] = {
      {Combine::multiply, "prod"}, {Combine::largest, "amax"}, {Combine::smallest, "amin"}};
  for (const auto& [rule, torch] : kinds) {
    samples.push_back({{rule, 1},
                       {draw_distinct(random, {3, 4}, 0.2), draw_index(random, 4, {2, 6}),
                        draw_distinct(random, {2, 6}, 0.2) + 0.05},
                       "x[0].scatter_reduce(1, x[1], x[2], '" + torch + "')"});
    samples.push_back({{rule, 0},
                       {draw(random, {3, 4}), zeros({0, 4}, {.dtype = int64}), draw(random, {0, 4})},
                       "x[0].scatter_reduce(0, x[1], x[2], '" + torch + "')"});
  }
  return samples;
}

}  // namespace ops

namespace {

using ops::at_least_1d;
using ops::dimension;

// src as large as the index.
Tensor cut(const Tensor& src, const Tensor& index) {
  if (src.dim() != index.dim()) return src;  // refused later
  Tensor part = src;
  for (int d = 0; d < src.dim(); ++d)
    if (src.shape()[d] > index.shape()[d]) part = narrow(part, d, 0, index.shape()[d]);
  return part;
}

// f(dimension, x, index, src), where they have dimensions, and src's size is the index's.
template <class F>
Tensor scattered(const char* op, const Tensor& x, int dim, const Tensor& index, const Tensor& src, F&& f) {
  ops::require_index(op, index);
  const int d = dimension(op, dim, x.dim());
  if (x.dim() == 0) return reshape(f(d, at_least_1d(x), at_least_1d(index), at_least_1d(src)), {});
  return f(d, x, index, cut(src, index));
}

Tensor constant(double value, const Tensor& like, const Shape& shape) {
  return expand(full({}, value, {.dtype = like.dtype()}), shape);
}

// f(dimension, x, index, source), the 1-d index having become one for each element of the source.
template <class F>
Tensor by_slices(const char* op, const Tensor& x, int dim, const Tensor& index, const Tensor& source, F&& f) {
  ops::require_index(op, index);
  if (x.dim() == 0) return reshape(by_slices(op, at_least_1d(x), dim, index, at_least_1d(source), f), {});
  const int d = dimension(op, dim, x.dim());
  if (index.dim() > 1) fail("{}: the index is {}; it must have one dimension", op, describe(index));
  const Shape wanted = x.shape().with(d, index.numel());
  if (source.shape() != wanted)
    fail("{}: the source is {}; for a tensor {} and {} indices along dimension {} it must be {}", op,
         source.shape(), x.shape(), index.numel(), dim, wanted);
  Dims sizes = Dims::filled(x.dim(), 1);
  sizes[d] = index.numel();
  return f(d, x, expand(reshape(index, sizes), wanted), source);
}

}  // namespace

Tensor index_add(const Tensor& x, int dim, const Tensor& index, const Tensor& source, double alpha) {
  return by_slices("index_add", x, dim, index, alpha == 1 ? source : source * alpha,
                   [](int d, const auto&... inputs) { return apply(ops::ScatterOnto{d}, inputs...); });
}

Tensor index_copy(const Tensor& x, int dim, const Tensor& index, const Tensor& source) {
  return by_slices("index_copy", x, dim, index, source,
                   [](int d, const auto&... inputs) { return apply(ops::Scatter{d}, inputs...); });
}

Tensor scatter(const Tensor& x, int dim, const Tensor& index, const Tensor& src) {
  return scattered("scatter", x, dim, index, src,
                   [](int d, const auto&... inputs) { return apply(ops::Scatter{d}, inputs...); });
}

Tensor scatter(const Tensor& x, int dim, const Tensor& index, double value) {
  return scatter(x, dim, index, constant(value, x, index.shape()));
}

Tensor scatter_add(const Tensor& x, int dim, const Tensor& index, const Tensor& src) {
  return scattered("scatter_add", x, dim, index, src,
                   [](int d, const auto&... inputs) { return apply(ops::ScatterOnto{d}, inputs...); });
}

Tensor scatter_reduce(const Tensor& x, int dim, const Tensor& index, const Tensor& src, ScatterReduction reduce,
                      bool include_self) {
  using kernels::Combine;
  using enum ScatterReduction;
  if (!include_self) {  // what is met becomes what changes nothing
    const double neutral = reduce == prod   ? 1
                           : reduce == amax ? -ops::kInfinity
                           : reduce == amin ? ops::kInfinity
                                            : 0;
    const Tensor met = scatter(x, dim, index, neutral);
    if (reduce != mean) return scatter_reduce(met, dim, index, src, reduce);
    const Tensor counts = scatter(constant(1, x, x.shape()), dim, index, 0.0);
    return scatter_add(met, dim, index, src) / scatter_add(counts, dim, index, constant(1, x, index.shape()));
  }
  if (reduce == sum) return scatter_add(x, dim, index, src);
  if (reduce == mean) {
    ops::require_floating("scatter_reduce", x, "the mean's input");
    const Tensor counts = scatter_add(constant(1, x, x.shape()), dim, index, constant(1, x, index.shape()));
    return scatter_add(x, dim, index, src) / counts;
  }
  const Combine how = reduce == prod ? Combine::multiply : reduce == amax ? Combine::largest : Combine::smallest;
  return scattered("scatter_reduce", x, dim, index, src, [how](int d, const auto&... inputs) {
    return apply(ops::ScatterReduce{how, d}, inputs...);
  });
}

Tensor take(const Tensor& x, const Tensor& index) {
  const Tensor places = apply(ops::Places{"take", 0, x.numel(), 1}, reshape(index, {index.numel()}), Tensor());
  const Tensor from = at_least_1d(x);
  return reshape(apply(ops::IndexSelect{0, from.dim()}, from, places), index.shape());
}

Tensor take_along_dim(const Tensor& x, const Tensor& index, std::optional<int> dim) {
  if (!dim) return take_along_dim(reshape(x, {-1}), reshape(index, {-1}), 0);
  if (x.dim() != index.dim())
    fail("take_along_dim: the tensor is {}, the index {}; they must have one rank", describe(x), describe(index));
  const int d = dimension("take_along_dim", *dim, x.dim());
  if (x.dim() == 0) return take(x, index);
  const Tensor places = apply(ops::Places{"take_along_dim", d, x.shape()[d], 1}, index, Tensor());
  const Shape both = ops::broadcast_shape("take_along_dim", x.shape().with(d, 1), index.shape().with(d, 1));
  return gather(expand(x, both.with(d, x.shape()[d])), d, expand(places, both.with(d, index.shape()[d])));
}

Tensor one_hot(const Tensor& index, std::int64_t num_classes) {
  ops::require_index("one_hot", index);
  if (num_classes == -1) {
    detail::refuse_in_replay("one_hot() without num_classes");
    if (index.numel() == 0) fail("one_hot: no index is given, from which num_classes would follow; give it");
    for (const auto i : index.to_vector<std::int64_t>()) {
      if (i == std::numeric_limits<std::int64_t>::max()) fail("one_hot: index {} is too large", i);
      num_classes = std::max(num_classes, i + 1);
    }
  }
  if (num_classes < 1) fail("one_hot: {} classes; give 1 or more", num_classes);
  const Shape shape = index.shape().inserted(index.dim(), num_classes);
  return scatter(zeros(shape, {.dtype = int64}), -1, unsqueeze(index, -1), 1.0);
}

// -- masks

Tensor ops::true_places(const char* op, const Tensor& mask) {
  if (mask.dtype() != boolean)
    fail("{}: the mask is {}; it must be bool, convert it by to(boolean)", op, describe(mask));
  detail::refuse_in_replay(op);
  const Tensor flags = mask.contiguous();
  const Tensor places = empty({kernels::count_true(flags.view())}, int64);
  kernels::find_true(places.view(), flags.view());
  return places;
}

Tensor masked_fill(const Tensor& x, const Tensor& mask, double value) {
  return masked_fill(x, mask, full({}, value, {.dtype = x.dtype()}));
}

Tensor masked_fill(const Tensor& x, const Tensor& mask, const Tensor& value) {
  if (value.dim() != 0) fail("masked_fill: the value is {}; it must be 0-d, or use where()", describe(value));
  return where(mask, value, x);
}

Tensor masked_select(const Tensor& x, const Tensor& mask) {
  const Shape shape = ops::broadcast_shape("masked_select", x.shape(), mask.shape());
  const Tensor from = at_least_1d(expand(x, shape));
  return apply(ops::IndexSelect{0, from.dim()}, from, ops::true_places("masked_select", expand(mask, shape)));
}

Tensor masked_scatter(const Tensor& x, const Tensor& mask, const Tensor& source) {
  const Shape shape = ops::broadcast_shape("masked_scatter", x.shape(), mask.shape());
  const Tensor places = ops::true_places("masked_scatter", expand(mask, shape));
  if (source.numel() < places.numel())
    fail("masked_scatter: the mask has {} true elements, the source only {}", places.numel(), source.numel());
  const Tensor values = narrow(reshape(source, {-1}), 0, 0, places.numel());
  return reshape(apply(ops::Scatter{0}, reshape(expand(x, shape), {-1}), places, values), shape);
}

}  // namespace ebb
