#include "autograd/ops/grid_sample.h"

#include <vector>

namespace ebb {
namespace {

constexpr const char* kSample = "grid_sample";

// An element along one dimension that a value is made of: its number, and what it is multiplied by; both [n, 1, places].
struct Tap {
  Tensor index, weight;
};

// Mirrored at both ends of [low, low + span] as often as it takes.
Tensor reflected(const Tensor& x, double low, double span) {
  if (span == 0) return zeros_like(x);
  const Tensor from_low = abs(x - low), flips = floor(from_low / span), rest = from_low - flips * span;
  return where(ne(remainder(flips, 2), 0), span - rest, rest) + low;
}

// Places beyond the image, brought back into it by border and reflection.
Tensor inside(const Tensor& x, double size, const GridSampleOptions& o) {
  switch (o.padding_mode) {
    case GridPadding::border:
      return clamp(x, 0, size - 1);
    case GridPadding::reflection:
      return clamp(o.align_corners ? reflected(x, 0, size - 1) : reflected(x, -0.5, size), 0, size - 1);
    default:
      return x;
  }
}

// The element at a whole number. Beyond the image it counts as 0.
Tap tap(const Tensor& at, const Tensor& weight, double size, const GridSampleOptions& o) {
  const Tensor index = clamp(at, 0, size - 1).to(int64);
  if (o.padding_mode != GridPadding::zeros) return {index, weight};
  return {index, masked_fill(weight, logical_or(lt(at, 0), gt(at, size - 1)), 0)};
}

// Keys' kernel with a = -0.75, at distance t from its middle: up to 1, and from there to 2.
Tensor cubic_near(const Tensor& t) { return (1.25 * t - 2.25) * t * t + 1; }
Tensor cubic_far(const Tensor& t) { return ((-0.75 * t + 3.75) * t - 6) * t + 3; }

// What lies around the places x of the grid, along a dimension of `size`.
std::vector<Tap> taps(const Tensor& x, std::int64_t elements, const GridSampleOptions& o) {
  const auto size = static_cast<double>(elements);
  Tensor at = o.align_corners ? (x + 1) * ((size - 1) / 2) : ((x + 1) * size - 1) / 2;
  // Far outside is all the same, infinity too.
  if (o.padding_mode != GridPadding::reflection) at = clamp(at, -4, size + 3);
  if (o.mode == GridMode::nearest)
    return {tap(round(inside(at, size, o)).detach(), sign(at) * 0 + 1, size, o)};  // the derivative is 0, not none
  if (o.mode == GridMode::bilinear) {
    const Tensor place = inside(at, size, o), first = floor(place).detach(), rest = place - first;
    return {tap(first, 1 - rest, size, o), tap(first + 1, rest, size, o)};
  }
  const Tensor first = floor(at).detach(), rest = at - first;
  const Tensor weights[] = {cubic_far(rest + 1), cubic_near(rest), cubic_near(1 - rest), cubic_far(2 - rest)};
  std::vector<Tap> all;
  for (int k = 0; k < 4; ++k) all.push_back(tap(inside(first + (k - 1), size, o), weights[k], size, o));
  return all;
}

void check_sizes(const Tensor& x, const Tensor& grid, const GridSampleOptions& o) {
  ops::require_floating(kSample, x);
  ops::require_same_dtype(kSample, x, grid);
  const int dims = x.dim() - 2;
  if ((dims != 2 && dims != 3) || grid.dim() != x.dim() || grid.shape()[0] != x.shape()[0] ||
      grid.shape()[dims + 1] != dims)
    fail(
        "grid_sample: the input is {}, the grid {}; they must be [n, c, h, w] and [n, oh, ow, 2], or [n, c, d, h, "
        "w] "
        "and [n, od, oh, ow, 3]",
        x.shape(), grid.shape());
  if (o.mode == GridMode::bicubic && dims == 3)
    fail("grid_sample: the input is {}; bicubic is for [n, c, h, w] only", x.shape());
  for (int d = 2; d < x.dim(); ++d)
    if (x.shape()[d] < 1) fail("grid_sample: the input is {}; its images must not be empty", x.shape());
}

// From one middle of an element to the other end's, -1 to 1 with align_corners.
Tensor steps(std::int64_t size, bool align_corners, Dtype dtype) {
  const auto n = static_cast<double>(size);
  const double end = size == 1 ? 0 : align_corners ? 1 : (n - 1) / n;
  return linspace(-end, end, size, {.dtype = dtype});
}

}  // namespace

namespace {

// In primitive operations.
Tensor composed(const Tensor& x, const Tensor& grid, const GridSampleOptions& o) {
  const int dims = x.dim() - 2;
  const std::int64_t n = x.shape()[0], channels = x.shape()[1];
  Dims shape{n, channels};
  for (int d = 1; d <= dims; ++d) shape.push_back(grid.shape()[d]);
  const std::int64_t places = Shape(shape).numel() == 0 ? 0 : Shape(shape).numel() / (n * channels);
  if (Shape(shape).numel() == 0) return zeros(Shape(shape), {.dtype = x.dtype()}) + (sum(x) + sum(grid)) * 0;

  // All combinations of the dimensions' elements, as numbers in an image, with the products of their weights.
  const Tensor points = reshape(masked_fill(grid, isnan(grid), -1), {n, 1, places, dims});
  std::vector<Tap> all;
  for (int d = 0; d < dims; ++d) {
    const std::int64_t size = x.shape()[d + 2];
    const auto some = taps(select(points, 3, dims - 1 - d), size, o);
    std::vector<Tap> combined;
    for (const auto& outer : all)
      for (const auto& inner : some)
        combined.push_back({outer.index * static_cast<double>(size) + inner.index, outer.weight * inner.weight});
    all = d == 0 ? some : combined;
  }

  const Tensor images = flatten(x, 2);
  Tensor y;
  for (const auto& [index, weight] : all) {
    const Tensor part = gather(images, 2, expand(index, {n, channels, places})) * weight;
    y = y.defined() ? y + part : part;
  }
  return reshape(y, shape);
}

}  // namespace

Tensor ops::GridSample::reference(const Tensor& x, const Tensor& grid) const {
  return composed(x, grid, {.padding_mode = padding_mode, .align_corners = align_corners});
}

Tensor grid_sample(const Tensor& x, const Tensor& grid, const GridSampleOptions& o) {
  check_sizes(x, grid, o);
  if (o.mode != GridMode::bilinear || x.dim() != 4) return composed(x, grid, o);
  return apply(ops::GridSample{o.padding_mode, o.align_corners}, x, grid);
}

Tensor affine_grid(const Tensor& theta, const Dims& size, bool align_corners) {
  ops::require_floating("affine_grid", theta, "theta");
  const int dims = size.rank() - 2;
  if ((dims != 2 && dims != 3) || theta.dim() != 3 || theta.shape() != Shape{size[0], dims, dims + 1})
    fail(
        "affine_grid: theta is {}, the size {}; they must be [n, 2, 3] and [n, c, h, w], or [n, 3, 4] and [n, c, "
        "d, h, w]",
        theta.shape(), size);
  Dims shape{size[0]};
  for (int d = 0; d < dims; ++d) {
    if (size[d + 2] < 1) fail("affine_grid: the size is {}; images must not be empty", size);
    shape.push_back(size[d + 2]);
  }
  const Shape image = Shape(shape).without(0);
  std::vector<Tensor> coordinates;  // (column, row, 1) of each place
  for (int d = dims - 1; d >= 0; --d) {
    Dims along = Dims::filled(dims, 1);
    along[d] = size[d + 2];
    coordinates.push_back(expand(reshape(steps(size[d + 2], align_corners, theta.dtype()), along), image));
  }
  coordinates.push_back(ones(image, {.dtype = theta.dtype()}));
  shape.push_back(dims);
  const Tensor points = reshape(stack(coordinates, -1), {image.numel(), dims + 1});
  return reshape(matmul(points, transpose(theta, 1, 2)), shape);
}

}  // namespace ebb
