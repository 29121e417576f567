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

// Place q (n - 1) of lines that are sorted along dim; a size of 1 is left.
Tensor at_quantile(const Tensor& sorted, int dim, double q, Interpolation interpolation) {
  if (!(q >= 0 && q <= 1)) fail("quantile: q is {}; it must be from 0 to 1", q);
  const std::int64_t last = sorted.shape()[dim] - 1;
  const double place = q * static_cast<double>(last);
  double low = std::floor(place), high = std::ceil(place), weight = place - low;
  if (interpolation == Interpolation::lower) high = low;
  if (interpolation == Interpolation::higher) low = high;
  if (interpolation == Interpolation::nearest) low = high = std::nearbyint(place);
  if (interpolation == Interpolation::midpoint) weight = 0.5;
  const auto element = [&](double i) {
    return narrow(sorted, dim, std::min(static_cast<std::int64_t>(i), last), 1);
  };
  const Tensor a = element(low);
  if (low == high) return a;
  const Tensor b = element(high);
  return weight < 0.5 ? a + (b - a) * weight : b - (b - a) * (1 - weight);
}

// The quantiles, each with a size of 1 along dim.
std::vector<Tensor> quantiles(const Tensor& x, const std::vector<double>& qs, std::optional<int>& dim,
                              Interpolation interpolation) {
  ops::require_floating("quantile", x);
  const bool flat = !dim || x.dim() == 0;
  if (dim) dim = ops::dimension("quantile", *dim, x.dim());
  const Tensor lines = flat ? reshape(x, {-1}) : x;
  const int d = flat ? 0 : *dim;
  const std::int64_t n = lines.shape()[d];
  if (n == 0) fail("quantile: the tensor is {}; there is no element to choose", describe(x));
  const Tensor sorted = sort(lines, d).values, greatest = narrow(sorted, d, n - 1, 1),
               nan = ne(greatest, greatest);
  std::vector<Tensor> results;
  for (const double q : qs) results.push_back(where(nan, greatest, at_quantile(sorted, d, q, interpolation)));
  return results;
}

// The shape of one quantile of x.
Shape quantile_shape(const Tensor& x, std::optional<int> dim, bool keepdim) {
  if (x.dim() == 0) return {};
  if (!dim) return keepdim ? Shape(Dims::filled(x.dim(), 1)) : Shape();
  return keepdim ? x.shape().with(*dim, 1) : x.shape().without(*dim);
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
  const auto results = quantiles(x, {q}, dim, interpolation);
  return reshape(results[0], quantile_shape(x, dim, keepdim));
}

Tensor quantile(const Tensor& x, const std::vector<double>& q, std::optional<int> dim, bool keepdim,
                Interpolation interpolation) {
  if (q.empty()) fail("quantile: no q given");
  auto results = quantiles(x, q, dim, interpolation);
  const Shape shape = quantile_shape(x, dim, keepdim);
  for (auto& result : results) result = reshape(result, shape);
  return stack(results);
}

Tensor searchsorted(const Tensor& sorted_sequence, const Tensor& values, bool right) {
  return apply(ops::Searchsorted{right}, sorted_sequence.detach(), values.detach());
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
  const Tensor terms = weights.defined() ? weights : expand(ones({}, {.dtype = int64}), x.shape());
  return apply(ops::IndexAdd{0, {length}}, terms, x.to(int64));
}

Unique unique(const Tensor& x, bool /*sorted*/, bool return_inverse, bool return_counts) {
  detail::refuse_in_replay("unique");
  const Tensor flat = reshape(x.detach(), {-1});
  const auto [values, places] = sort(flat);
  const std::int64_t n = flat.numel();
  Tensor first = ones({n}, {.dtype = boolean});  // whether a value is the first of its kind
  if (n > 1) first = cat({narrow(first, 0, 0, 1), ne(narrow(values, 0, 1, n - 1), narrow(values, 0, 0, n - 1))});
  const Tensor starts = reshape(nonzero(first), {-1});
  Unique result{index_select(values, 0, starts)};
  if (return_inverse)
    result.inverse_indices = reshape(apply(ops::ScatterAdd{0, {n}}, cumsum(first, 0) - 1, places), x.shape());
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
