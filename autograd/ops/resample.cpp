#include "autograd/ops/resample.h"

#include <cmath>

namespace ebb {
namespace {

// The number of dimensions after [n, c] that a mode is for; 0: any.
int dims_of(InterpolateMode mode) {
  switch (mode) {
    case InterpolateMode::linear:
      return 1;
    case InterpolateMode::bilinear:
    case InterpolateMode::bicubic:
      return 2;
    case InterpolateMode::trilinear:
      return 3;
    default:
      return 0;
  }
}

ops::Resampler resampler_of(InterpolateMode mode) {
  switch (mode) {
    case InterpolateMode::nearest:
      return ops::Resampler::nearest;
    case InterpolateMode::nearest_exact:
      return ops::Resampler::nearest_exact;
    case InterpolateMode::bicubic:
      return ops::Resampler::cubic;
    default:
      return ops::Resampler::linear;
  }
}

// Entry i of a list of one for all, or one for each.
template <class List>
auto entry(const List& list, std::size_t i) {
  return *(list.begin() + (list.end() - list.begin() == 1 ? 0 : static_cast<std::ptrdiff_t>(i)));
}

// The sizes of the result after [n, c], or Error.
Dims sizes_of(const Tensor& x, const InterpolateOptions& o) {
  const int dims = x.dim() - 2;
  const auto given = static_cast<int>(o.scale_factor.size());
  if (o.size.empty() == o.scale_factor.empty())
    fail("interpolate: {}; give one of size and scale_factor",
         o.size.empty() ? "neither size nor scale_factor is given" : "both size and scale_factor are given");
  const int count = o.size.empty() ? given : o.size.rank();
  if (count != 1 && count != dims)
    fail("interpolate: {} numbers for {} dimensions of {}; give one for all, or one for each", count, dims,
         describe(x));
  Dims sizes;
  for (int d = 0; d < dims; ++d) {
    const std::int64_t in = x.shape()[d + 2];
    if (o.size.empty()) {
      constexpr double kMost = 1L << 40;
      const double factor = entry(o.scale_factor, static_cast<std::size_t>(d)),
                   size = std::floor(static_cast<double>(in) * factor);
      if (!(factor > 0) || !(size <= kMost))
        fail("interpolate: the scale_factor is {}; it must be positive, and the sizes at most 2^40", factor);
      sizes.push_back(static_cast<std::int64_t>(size));
    } else {
      sizes.push_back(entry(o.size, static_cast<std::size_t>(d)));
    }
    if (in < 1 || sizes.back() < 1)
      fail("interpolate: size {} becomes {} in dimension {} of {}; both must be at least 1", in, sizes.back(),
           d + 2, describe(x));
  }
  return sizes;
}

Tensor area(const Tensor& x, const Dims& sizes) {
  if (sizes.rank() == 1) return adaptive_avg_pool1d(x, sizes[0]);
  if (sizes.rank() == 2) return adaptive_avg_pool2d(x, {sizes[0], sizes[1]});
  return adaptive_avg_pool3d(x, {sizes[0], sizes[1], sizes[2]});
}

}  // namespace

// From the last dimension on: its elements are read one by one, of the others whole rows.
Tensor interpolate(const Tensor& x, const InterpolateOptions& o) {
  ops::require_floating("interpolate", x);
  const int dims = x.dim() - 2, wanted = dims_of(o.mode);
  if (dims < 1 || dims > 3)
    fail("interpolate: the input is {}; it must be [n, c, sizes], with one to three sizes", describe(x));
  if (wanted != 0 && wanted != dims)
    fail(
        "interpolate: the input is {}, of {} sizes; linear is for one, bilinear and bicubic are for two, "
        "trilinear is "
        "for three",
        describe(x), dims);
  const bool nearest = wanted == 0;
  if (o.align_corners && nearest)
    fail("interpolate: align_corners does nothing by nearest, nearest_exact and area; leave it out");
  const Dims sizes = sizes_of(x, o);
  if (o.mode == InterpolateMode::area) return area(x, sizes);
  Tensor y = x;
  for (int d = dims - 1; d >= 0; --d) {
    const double factor = o.scale_factor.empty() ? 0 : entry(o.scale_factor, static_cast<std::size_t>(d));
    const bool by_place = o.mode == InterpolateMode::nearest_exact || o.mode == InterpolateMode::bicubic;
    const bool same = sizes[d] == x.shape()[d + 2] && (!by_place || o.align_corners || factor == 0 || factor == 1);
    if (same) continue;
    const ops::Resampling how{resampler_of(o.mode), o.align_corners, factor > 0 ? 1 / factor : 0};
    y = apply(ops::Resample{d + 2, sizes[d], how}, y);
  }
  return y.handle().get() == x.handle().get() ? x.clone() : y;
}

}  // namespace ebb
