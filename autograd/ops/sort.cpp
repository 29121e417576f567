#include "autograd/ops/sort.h"

#include <algorithm>
#include <cmath>

#include "autograd/ops/chosen.h"
#include "autograd/ops/index.h"

namespace ebb {
namespace {

ValuesIndices kth_along(std::string_view name, const Tensor& x, std::int64_t k, int dim, bool keepdim,
                        bool nan_first) {
  return ops::chosen_from_each(name, x, dim, keepdim, [=](const Tensor& line, int d) {
    return apply(ops::Kthvalue{d, k, nan_first}, line);
  });
}

std::int64_t size_along(std::string_view op, const Tensor& x, int dim) {
  const int d = ops::dimension(op, dim, x.dim());
  return x.dim() > 0 ? x.shape()[d] : 1;
}

// Places of the sorted lines along the first dimension, of which each result has one, or is between two.
Tensor at_places(const Tensor& sorted, const Tensor& place, Interpolation interpolation) {
  const auto element = [&](const Tensor& at) { return gather(sorted, 0, at.detach().to(int64)); };
  if (interpolation == Interpolation::nearest) return element(round(place));
  const Tensor low = floor(place), high = ceil(place);
  if (interpolation == Interpolation::lower) return element(low);
  if (interpolation == Interpolation::higher) return element(high);
  const Tensor weight = interpolation == Interpolation::midpoint ? full_like(place, 0.5) : place - low;
  const Tensor a = element(low);
  return where(eq(low, high), a, lerp(a, element(high), weight.to(sorted.dtype())));
}

// The shape of one quantile of x.
Shape quantile_shape(const Tensor& x, std::optional<int> dim, bool keepdim) {
  if (x.dim() == 0) return {};
  if (!dim) return keepdim ? Shape(Dims::filled(x.dim(), 1)) : Shape();
  return keepdim ? x.shape().with(*dim, 1) : x.shape().without(*dim);
}

// q is float64, and its shape comes in front. Every step has a derivative in it.
Tensor quantiles(std::string_view op, const Tensor& x, const Tensor& q, std::optional<int> dim, bool keepdim,
                 Interpolation interpolation, bool ignore_nan) {
  ops::require_floating(op, x);
  if (dim) dim = ops::dimension(op, *dim, x.dim());
  const bool flat = !dim || x.dim() == 0;
  const int d = flat ? 0 : *dim;
  const Tensor lines = flat ? reshape(x, {-1}) : x;
  const std::int64_t n = lines.shape()[d];
  if (n == 0) fail("{}: the tensor is {}; there is no element to choose", op, describe(x));
  const Tensor sorted = movedim(sort(lines, d).values, d, 0), nans = sum(ne(sorted, sorted), {0});
  const auto last = static_cast<double>(n - 1);
  Dims sizes = Dims::filled(1 + nans.dim(), 1);
  sizes[0] = q.numel();
  const Tensor all = reshape(q, Shape(sizes));
  const Tensor place = ignore_nan ? all * clamp(last - nans.to(float64), 0, last)
                                  : masked_fill(all * last, gt(nans, 0), last);  // where a NaN is
  Dims shape = q.shape();
  for (const auto size : quantile_shape(x, dim, keepdim)) shape.push_back(size);
  return reshape(at_places(sorted, place, interpolation), Shape(shape));
}

void check_quantile(std::string_view op, double q) {
  if (!(q >= 0 && q <= 1)) fail("{}: q is {}; it must be from 0 to 1", op, q);
}

Tensor float64_of(std::string_view op, const Tensor&, double q) {
  check_quantile(op, q);
  return full({}, q, {.dtype = float64});
}
Tensor float64_of(std::string_view op, const Tensor&, const std::vector<double>& q) {
  if (q.empty()) fail("{}: no q given", op);
  for (const double one : q) check_quantile(op, one);
  return tensor(q);
}
Tensor float64_of(std::string_view op, const Tensor& x, const Tensor& q) {
  detail::refuse_in_replay(op);
  ops::require_same_dtype(op, x, q);
  for (const double one : q.to_vector<double>()) check_quantile(op, one);
  return q.to(float64);
}

// What unique() tells apart: x's elements [n], or its slices along dim as rows [n, m].
Tensor units(const Tensor& x, std::optional<int> dim) {
  if (!dim) return reshape(x, {-1});
  const int d = ops::dimension("unique", *dim, x.dim());
  const std::int64_t m = x.dim() > 0 ? x.shape().without(d).numel() : 0;
  if (m == 0) fail("unique: dimension {} of {} has no slices with elements; leave out dim", *dim, describe(x));
  return reshape(movedim(x, d, 0), {x.shape()[d], m}).contiguous();
}

// Their places in order.
Tensor order_of(const Tensor& units) {
  if (units.dim() == 1) return argsort(units);
  const Tensor places = empty({units.shape()[0]}, int64);
  kernels::argsort_rows(places.view(), units.view());
  return places;
}

void require_integers(std::string_view op, const Tensor& x) {
  if (x.dim() != 1 || is_floating(x.dtype()) || x.dtype() == boolean)
    fail("{}: the tensor is {}; it must be integers in one dimension", op, describe(x));
}

}  // namespace

Tensor argsort(const Tensor& x, int dim, bool descending, bool /*stable*/) {
  return ops::along("argsort", x.detach(), dim, [=](const Tensor& line, int d) {
    return apply(ops::Argsort{d, descending}, line);
  });
}

ValuesIndices sort(const Tensor& x, int dim, bool descending, bool /*stable*/) {
  return ops::chosen_along("sort", x, dim, [=](const Tensor& line, int d) {
    return apply(ops::Argsort{d, descending}, line);
  });
}

ValuesIndices topk(const Tensor& x, std::int64_t k, int dim, bool largest, bool /*sorted*/) {
  const std::int64_t n = size_along("topk", x, dim), least = x.dim() > 0 ? 0 : 1;
  if (k < least || k > n)
    fail("topk: k is {} of dimension {} of {}; it must be from {} to {}", k, dim, describe(x), least, n);
  return ops::chosen_along("topk", x, dim, [=](const Tensor& line, int d) {
    return apply(ops::Topk{d, k, largest}, line);
  });
}

ValuesIndices kthvalue(const Tensor& x, std::int64_t k, int dim, bool keepdim) {
  const std::int64_t n = size_along("kthvalue", x, dim);
  if (k < 1 || k > n)
    fail("kthvalue: k is {} of dimension {} of {}; it must be from 1 to {}", k, dim, describe(x), n);
  return kth_along("kthvalue", x, k, dim, keepdim, false);
}

Tensor median(const Tensor& x) { return median(reshape(x, {-1}), 0).values; }

ValuesIndices median(const Tensor& x, int dim, bool keepdim) {
  return kth_along("median", x, (size_along("median", x, dim) + 1) / 2, dim, keepdim, true);
}

Tensor quantile(const Tensor& x, double q, std::optional<int> dim, bool keepdim, Interpolation interpolation) {
  return quantiles("quantile", x, float64_of("quantile", x, q), dim, keepdim, interpolation, false);
}
Tensor quantile(const Tensor& x, const std::vector<double>& q, std::optional<int> dim, bool keepdim,
                Interpolation interpolation) {
  return quantiles("quantile", x, float64_of("quantile", x, q), dim, keepdim, interpolation, false);
}
Tensor quantile(const Tensor& x, const Tensor& q, std::optional<int> dim, bool keepdim,
                Interpolation interpolation) {
  return quantiles("quantile", x, float64_of("quantile", x, q), dim, keepdim, interpolation, false);
}
Tensor nanquantile(const Tensor& x, double q, std::optional<int> dim, bool keepdim, Interpolation interpolation) {
  return quantiles("nanquantile", x, float64_of("nanquantile", x, q), dim, keepdim, interpolation, true);
}
Tensor nanquantile(const Tensor& x, const std::vector<double>& q, std::optional<int> dim, bool keepdim,
                   Interpolation interpolation) {
  return quantiles("nanquantile", x, float64_of("nanquantile", x, q), dim, keepdim, interpolation, true);
}
Tensor nanquantile(const Tensor& x, const Tensor& q, std::optional<int> dim, bool keepdim,
                   Interpolation interpolation) {
  return quantiles("nanquantile", x, float64_of("nanquantile", x, q), dim, keepdim, interpolation, true);
}

Tensor searchsorted(const Tensor& sorted_sequence, const Tensor& values, bool right, const Tensor& sorter) {
  Tensor sequence = sorted_sequence.detach();
  if (sorter.defined()) {
    if (sorter.shape() != sequence.shape())
      fail("searchsorted: the sorter is {}, the sequence {}; their shapes must be equal", sorter.shape(),
           sequence.shape());
    sequence = gather(sequence, -1, sorter);
  }
  return apply(ops::Searchsorted{right}, sequence, values.detach());
}

Tensor bucketize(const Tensor& x, const Tensor& boundaries, bool right) {
  if (boundaries.dim() != 1)
    fail("bucketize: the boundaries are {}; they must have one dimension", describe(boundaries));
  return searchsorted(boundaries, x, right);
}

Tensor histc(const Tensor& x, std::int64_t bins, double min, double max) {
  if (bins < 1) fail("histc: {} bins; give 1 or more", bins);
  if (!std::isfinite(min) || !std::isfinite(max) || min > max)
    fail("histc: from {} to {}; min must be at most max, and both finite", min, max);
  return apply(ops::Histc{bins, min, max}, x.detach());
}

Tensor bincount(const Tensor& x, const Tensor& weights, std::int64_t minlength) {
  detail::refuse_in_replay("bincount");
  require_integers("bincount", x);
  if (minlength < 0) fail("bincount: minlength is {}; it must be 0 or more", minlength);
  if (weights.defined() && weights.shape() != x.shape())
    fail("bincount: the weights are {}, the tensor {}; their shapes must be equal", weights.shape(), x.shape());
  std::int64_t length = minlength;
  if (x.numel() > 0) {
    const auto least = amin(x).to(int64).item<std::int64_t>(), most = amax(x).to(int64).item<std::int64_t>();
    if (least < 0) fail("bincount: an element is {}; they must be 0 or more", least);
    length = std::max(length, most == std::numeric_limits<std::int64_t>::max() ? most : most + 1);
  }
  const Tensor places = x.to(int64);
  if (weights.defined()) return apply(ops::IndexAdd{0, {length}}, weights, places);
  const Tensor counts = empty({length}, int64);
  kernels::bincount(counts.view(), places.view());
  return counts;
}

Unique unique(const Tensor& x, bool /*sorted*/, bool return_inverse, bool return_counts, std::optional<int> dim) {
  detail::refuse_in_replay("unique");
  const Tensor all = units(x.detach(), dim), places = order_of(all);
  const std::int64_t n = places.numel();
  Tensor first = ones({n}, {.dtype = boolean});  // whether one is the first of its kind
  if (n > 1) {
    const Tensor sorted = index_select(all, 0, places),
                 differ = ne(narrow(sorted, 0, 1, n - 1), narrow(sorted, 0, 0, n - 1));
    first = cat({narrow(first, 0, 0, 1), dim ? any(differ, {1}) : differ});
  }
  const Tensor starts = reshape(nonzero(first), {-1}), chosen = index_select(places, 0, starts);
  Unique result{dim ? index_select(x.detach(), *dim, chosen) : index_select(all, 0, chosen)};
  if (return_inverse)
    result.inverse_indices =
        reshape(apply(ops::ScatterAdd{0, {n}}, cumsum(first, 0) - 1, places), dim ? Shape{n} : x.shape());
  if (return_counts) result.counts = diff(starts, 1, 0, {}, full({1}, static_cast<double>(n), {.dtype = int64}));
  return result;
}

Tensor nonzero(const Tensor& x) {
  detail::refuse_in_replay("nonzero");
  const Tensor mask = x.dtype() == boolean ? x.contiguous() : ne(x.detach(), 0);
  const Tensor places = empty({sum(mask).item<std::int64_t>(), x.dim()}, int64);
  kernels::nonzero(places.view(), mask.view());
  return places;
}

}  // namespace ebb
