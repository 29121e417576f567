#include "autograd/ops/pool.h"

#include <array>

namespace ebb {
namespace ops {
namespace {

constexpr std::int64_t kMost = std::int64_t{1}
                               << 31;  // of strides and their like: products of two do not overflow

// x is [n, c, sizes] with `dims` sizes, or Error.
void require_images(std::string_view op, const Tensor& x, std::size_t dims) {
  require_floating(op, x);
  if (x.dim() != static_cast<int>(dims) + 2)
    fail("{}: the input is {}; it must be [n, c, {}]", op, describe(x),
         dims == 1   ? "l"
         : dims == 2 ? "h, w"
                     : "d, h, w");
}

}  // namespace

Shape pooled_shape(std::string_view op, const Tensor& x, const PoolSizes& sizes, bool ceil_mode) {
  require_images(op, x, sizes.kernel.size());
  Dims shape{x.shape()[0], x.shape()[1]};
  for (std::size_t i = 0; i < sizes.kernel.size(); ++i) {
    const auto kernel = sizes.kernel[i], stride = sizes.stride[i], padding = sizes.padding[i],
               dilation = sizes.dilation[i];
    if (kernel < 1 || stride < 1 || dilation < 1 || kernel > kMost || stride > kMost || dilation > kMost)
      fail("{}: kernel {}, stride {}, dilation {}; all must be at least 1", op, kernel, stride, dilation);
    if (padding < 0 || padding > kernel / 2)
      fail("{}: padding {} of a kernel of {}; it must be from 0 to half the kernel", op, padding, kernel);
    const std::int64_t size = x.shape()[static_cast<int>(i) + 2], reach = dilation * (kernel - 1) + 1;
    if (size > kMost * kMost) fail("{}: a size of {} is too large; it must be at most 2^62", op, size);
    const std::int64_t room = size + 2 * padding - reach;
    if (room < 0 && !(ceil_mode && room + stride > 0))
      fail("{}: the window reaches over {}, but the padded input has {}", op, reach, size + 2 * padding);
    std::int64_t count = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
    if (ceil_mode && (count - 1) * stride >= size + padding) --count;  // a window must begin inside
    shape.push_back(count);
  }
  return Shape(shape);
}

Shape adaptive_shape(std::string_view op, const Tensor& x, std::span<const std::int64_t> output) {
  require_images(op, x, output.size());
  Dims shape{x.shape()[0], x.shape()[1]};
  for (std::size_t i = 0; i < output.size(); ++i) {
    if (output[i] < 1)
      fail("{}: output {}; {}", op, fmt::join(output, " x "),
           output.size() == 1   ? "the size must be at least 1"
           : output.size() == 2 ? "both sizes must be at least 1"
                                : "all sizes must be at least 1");
    if (x.shape()[static_cast<int>(i) + 2] == 0) fail("{}: the images of {} are empty", op, describe(x));
    shape.push_back(output[i]);
  }
  return Shape(shape);
}

namespace {

// The batch of one that x is if it has no n; the result loses it again.
template <class F>
auto batched(const Tensor& x, int dims, F&& f) {
  if (x.dim() != dims + 1) return f(x);
  auto y = f(unsqueeze(x, 0));
  if constexpr (std::is_same_v<decltype(y), Tensor>) return squeeze(y, 0);
  else return ValuesIndices{squeeze(y.values, 0), y.indices.defined() ? squeeze(y.indices, 0) : y.indices};
}

template <std::size_t N>
Shape check(std::string_view op, const Tensor& x, const Size<N>& kernel, const PoolOptions<N>& o) {
  if (o.divisor_override == 0) fail("{}: divisor_override is 0; give another number, or leave it out", op);
  return pooled_shape(op, x, PoolSizes{kernel, o.stride.value_or(kernel), o.padding, o.dilation}, o.ceil_mode);
}

template <std::size_t N>
void check_no_dilation(std::string_view op, const PoolOptions<N>& o) {
  if (o.dilation != Size<N>(1)) fail("{}: its windows have no dilation; leave it at 1", op);
}

// The windows of two dimensions, from `first` on.
template <std::size_t N>
Pool2dGeometry plane_of(const Size<N>& kernel, const PoolOptions<N>& o) {
  const auto two = [](const Size<N>& size, std::int64_t other) -> std::array<std::int64_t, 2> {
    if constexpr (N == 1) return {other, size[0]};
    else return {size[N - 2], size[N - 1]};
  };
  return {two(kernel, 1),      two(o.stride.value_or(kernel), 1), two(o.padding, 0), two(o.dilation, 1),
          o.count_include_pad, o.divisor_override.value_or(0)};
}

// Those along the depth of [n, c, d, h w], after the planes are pooled, which have seen to the divisor.
Pool2dGeometry depth_of(const Size3& kernel, const Pool3dOptions& o) {
  return {{kernel[0], 1},      {o.stride.value_or(kernel)[0], 1}, {o.padding[0], 0}, {o.dilation[0], 1},
          o.count_include_pad, o.divisor_override ? 1 : 0};
}

// Pools the planes of [n, c, d, h, w], then the results along the depth.
template <class Plane, class Depth>
Tensor pool_mean(const Tensor& x, const Plane& plane, const Depth& depth) {
  const Shape& in = x.shape();
  const Tensor y = apply(plane, flatten(x, 1, 2));  // [n, c d, h, w]
  const std::int64_t h = y.shape()[2], w = y.shape()[3];
  const Tensor z = apply(depth, reshape(y, {in[0], in[1], in[2], h * w}));
  return reshape(z, {in[0], in[1], z.shape()[2], h, w});
}

// The first of equals is of the first slice that has one, and there the first. Indices are looked at only if wanted.
template <class Plane, class Depth>
ValuesIndices pool_largest(const Tensor& x, const Plane& plane, const Depth& depth, bool with_indices) {
  const Shape& in = x.shape();
  const auto [y, at] = apply(plane, flatten(x, 1, 2));  // [n, c d, h, w]
  const std::int64_t h = y.shape()[2], w = y.shape()[3];
  const auto [z, slice] = apply(depth, reshape(y, {in[0], in[1], in[2], h * w}));
  const Dims shape{in[0], in[1], z.shape()[2], h, w};
  if (!with_indices) return {reshape(z, shape), {}};
  const Tensor in_slices = flatten(slice, 2);  // d (h w) + the place among h w; -1: of padding alone
  const Tensor none = lt(in_slices, 0), chosen = masked_fill(in_slices, none, 0);
  const Tensor places = gather(reshape(at, {in[0], in[1], in[2] * h * w}), 2, chosen);
  const Tensor index =
      floor_divide(chosen, static_cast<double>(h * w)) * static_cast<double>(in[3] * in[4]) + places;
  return {reshape(z, shape), reshape(masked_fill(index, none, -1), shape)};
}

template <std::size_t N>
ValuesIndices max_pool(std::string_view op, const Tensor& x, const Size<N>& kernel, const PoolOptions<N>& o,
                       bool with_indices) {
  return batched(x, N, [&](const Tensor& images) -> ValuesIndices {
    if (N != 2) check(op, images, kernel, o);
    const MaxPool2d plane{plane_of(kernel, o), o.ceil_mode};
    if constexpr (N == 1) {
      const auto [y, index] = apply(plane, unsqueeze(images, 2));
      return {squeeze(y, 2), squeeze(index, 2)};
    } else if constexpr (N == 2) {
      auto [y, index] = apply(plane, images);
      return {std::move(y), std::move(index)};
    } else {
      return pool_largest(images, plane, MaxPool2d{depth_of(kernel, o), o.ceil_mode}, with_indices);
    }
  });
}

template <std::size_t N>
Tensor avg_pool(std::string_view op, const Tensor& x, const Size<N>& kernel, const PoolOptions<N>& o) {
  check_no_dilation(op, o);
  return batched(x, N, [&](const Tensor& images) {
    if (N != 2 || o.divisor_override) check(op, images, kernel, o);
    const AvgPool2d plane{plane_of(kernel, o), o.ceil_mode};
    if constexpr (N == 1) return squeeze(apply(plane, unsqueeze(images, 2)), 2);
    else if constexpr (N == 2) return apply(plane, images);
    else return pool_mean(images, plane, AvgPool2d{depth_of(kernel, o), o.ceil_mode});
  });
}

// The sizes of the result, or Error.
template <std::size_t N>
Size<N> resolved(std::string_view op, const Tensor& images, const AdaptiveSize<N>& wanted) {
  require_images(op, images, N);
  Size<N> output(0);
  for (std::size_t i = 0; i < N; ++i) output[i] = wanted[i].value_or(images.shape()[static_cast<int>(i) + 2]);
  adaptive_shape(op, images, output);
  return output;
}

template <std::size_t N>
ValuesIndices adaptive_max_pool(std::string_view op, const Tensor& x, const AdaptiveSize<N>& wanted,
                                bool with_indices) {
  return batched(x, N, [&](const Tensor& images) -> ValuesIndices {
    const Size<N> output = resolved(op, images, wanted);
    if constexpr (N == 1) {
      const auto [y, index] = apply(AdaptiveMaxPool2d{{1, output[0]}}, unsqueeze(images, 2));
      return {squeeze(y, 2), squeeze(index, 2)};
    } else if constexpr (N == 2) {
      auto [y, index] = apply(AdaptiveMaxPool2d{output}, images);
      return {std::move(y), std::move(index)};
    } else {
      return pool_largest(images, AdaptiveMaxPool2d{{output[1], output[2]}},
                          AdaptiveMaxPool2d{{output[0], output[1] * output[2]}}, with_indices);
    }
  });
}

template <std::size_t N>
Tensor adaptive_avg_pool(std::string_view op, const Tensor& x, const AdaptiveSize<N>& wanted) {
  return batched(x, N, [&](const Tensor& images) {
    const Size<N> output = resolved(op, images, wanted);
    if constexpr (N == 1) return squeeze(apply(AdaptiveAvgPool2d{{1, output[0]}}, unsqueeze(images, 2)), 2);
    else if constexpr (N == 2) return apply(AdaptiveAvgPool2d{output}, images);
    else
      return pool_mean(images, AdaptiveAvgPool2d{{output[1], output[2]}},
                       AdaptiveAvgPool2d{{output[0], output[1] * output[2]}});
  });
}

template <std::size_t N>
Tensor max_unpool(std::string_view op, const Tensor& x, const Tensor& indices, const Size<N>& kernel,
                  const UnpoolOptions<N>& o) {
  if (x.dim() == static_cast<int>(N) + 1)
    return squeeze(max_unpool(op, unsqueeze(x, 0), unsqueeze(indices, 0), kernel, o), 0);
  require_images(op, x, N);
  require_index(op, indices);
  if (indices.shape() != x.shape())
    fail("{}: the indices are {}, the input {}; their shapes must be equal", op, indices.shape(), x.shape());
  Dims shape{x.shape()[0], x.shape()[1]};
  std::int64_t pixels = 1;
  for (std::size_t i = 0; i < N; ++i) {
    const std::int64_t size = x.shape()[static_cast<int>(i) + 2], stride = o.stride.value_or(kernel)[i],
                       padding = o.padding[i];
    if (kernel[i] < 1 || stride < 1 || padding < 0 || kernel[i] > kMost || stride > kMost || padding > kMost)
      fail("{}: kernel {}, stride {}, padding {}; padding must be at least 0, the others at least 1", op,
           kernel[i], stride, padding);
    const std::int64_t usual = product(op, size - 1, stride) - 2 * padding + kernel[i];
    const std::int64_t wanted = o.output_size ? (*o.output_size)[i] : usual;
    if (wanted < 1 || wanted <= usual - stride || wanted >= usual + stride)
      fail("{}: output size {}; it must be positive, and less than the stride, {}, off {}", op, wanted, stride,
           usual);
    shape.push_back(wanted);
    pixels = product(op, pixels, wanted);
  }
  const Tensor empty = zeros({shape[0], shape[1], pixels}, {.dtype = x.dtype()});
  return reshape(scatter(empty, 2, flatten(indices, 2), flatten(x, 2)), shape);
}

template <std::size_t N>
Tensor lp_pool(std::string_view op, const Tensor& x, double p, const Size<N>& kernel, const LpPoolOptions<N>& o) {
  require_floating(op, x);
  double elements = 1;
  for (const auto size : kernel) elements *= static_cast<double>(size);
  const Tensor sums =
      avg_pool(op, pow(x, p), kernel, PoolOptions<N>{.stride = o.stride, .ceil_mode = o.ceil_mode}) * elements;
  const Tensor none = eq(sums, 0);
  return masked_fill(pow(masked_fill(sums, none, 1), 1 / p), none, 0);
}

}  // namespace
}  // namespace ops

Tensor max_pool1d(const Tensor& x, Size1 kernel, const Pool1dOptions& options) {
  return ops::max_pool("max_pool1d", x, kernel, options, false).values;
}
Tensor max_pool2d(const Tensor& x, Size2 kernel, const Pool2dOptions& options) {
  return ops::max_pool("max_pool2d", x, kernel, options, false).values;
}
Tensor max_pool3d(const Tensor& x, Size3 kernel, const Pool3dOptions& options) {
  return ops::max_pool("max_pool3d", x, kernel, options, false).values;
}
ValuesIndices max_pool1d_with_indices(const Tensor& x, Size1 kernel, const Pool1dOptions& options) {
  return ops::max_pool("max_pool1d", x, kernel, options, true);
}
ValuesIndices max_pool2d_with_indices(const Tensor& x, Size2 kernel, const Pool2dOptions& options) {
  return ops::max_pool("max_pool2d", x, kernel, options, true);
}
ValuesIndices max_pool3d_with_indices(const Tensor& x, Size3 kernel, const Pool3dOptions& options) {
  return ops::max_pool("max_pool3d", x, kernel, options, true);
}

Tensor max_unpool1d(const Tensor& x, const Tensor& indices, Size1 kernel, const UnpoolOptions<1>& options) {
  return ops::max_unpool("max_unpool1d", x, indices, kernel, options);
}
Tensor max_unpool2d(const Tensor& x, const Tensor& indices, Size2 kernel, const UnpoolOptions<2>& options) {
  return ops::max_unpool("max_unpool2d", x, indices, kernel, options);
}
Tensor max_unpool3d(const Tensor& x, const Tensor& indices, Size3 kernel, const UnpoolOptions<3>& options) {
  return ops::max_unpool("max_unpool3d", x, indices, kernel, options);
}

Tensor avg_pool1d(const Tensor& x, Size1 kernel, const Pool1dOptions& options) {
  return ops::avg_pool("avg_pool1d", x, kernel, options);
}
Tensor avg_pool2d(const Tensor& x, Size2 kernel, const Pool2dOptions& options) {
  return ops::avg_pool("avg_pool2d", x, kernel, options);
}
Tensor avg_pool3d(const Tensor& x, Size3 kernel, const Pool3dOptions& options) {
  return ops::avg_pool("avg_pool3d", x, kernel, options);
}

Tensor adaptive_avg_pool1d(const Tensor& x, AdaptiveSize1 output) {
  return ops::adaptive_avg_pool("adaptive_avg_pool1d", x, output);
}
Tensor adaptive_avg_pool2d(const Tensor& x, AdaptiveSize2 output) {
  return ops::adaptive_avg_pool("adaptive_avg_pool2d", x, output);
}
Tensor adaptive_avg_pool3d(const Tensor& x, AdaptiveSize3 output) {
  return ops::adaptive_avg_pool("adaptive_avg_pool3d", x, output);
}
Tensor adaptive_max_pool1d(const Tensor& x, AdaptiveSize1 output) {
  return ops::adaptive_max_pool("adaptive_max_pool1d", x, output, false).values;
}
Tensor adaptive_max_pool2d(const Tensor& x, AdaptiveSize2 output) {
  return ops::adaptive_max_pool("adaptive_max_pool2d", x, output, false).values;
}
Tensor adaptive_max_pool3d(const Tensor& x, AdaptiveSize3 output) {
  return ops::adaptive_max_pool("adaptive_max_pool3d", x, output, false).values;
}
ValuesIndices adaptive_max_pool1d_with_indices(const Tensor& x, AdaptiveSize1 output) {
  return ops::adaptive_max_pool("adaptive_max_pool1d", x, output, true);
}
ValuesIndices adaptive_max_pool2d_with_indices(const Tensor& x, AdaptiveSize2 output) {
  return ops::adaptive_max_pool("adaptive_max_pool2d", x, output, true);
}
ValuesIndices adaptive_max_pool3d_with_indices(const Tensor& x, AdaptiveSize3 output) {
  return ops::adaptive_max_pool("adaptive_max_pool3d", x, output, true);
}

Tensor lp_pool1d(const Tensor& x, double norm_type, Size1 kernel, const LpPoolOptions<1>& options) {
  return ops::lp_pool("lp_pool1d", x, norm_type, kernel, options);
}
Tensor lp_pool2d(const Tensor& x, double norm_type, Size2 kernel, const LpPoolOptions<2>& options) {
  return ops::lp_pool("lp_pool2d", x, norm_type, kernel, options);
}
Tensor lp_pool3d(const Tensor& x, double norm_type, Size3 kernel, const LpPoolOptions<3>& options) {
  return ops::lp_pool("lp_pool3d", x, norm_type, kernel, options);
}

}  // namespace ebb
