#include "autograd/ops/conv.h"

#include <algorithm>
#include <array>

#include "autograd/ops/part.h"

namespace ebb {
namespace ops {
namespace {

constexpr std::int64_t kMost = std::int64_t{1}
                               << 31;  // of strides and their like: products of two do not overflow

const char* axis_name(std::size_t dims, std::size_t i) {
  static constexpr const char* kNames[] = {"depth", "height", "width"};
  return dims == 1 ? "length" : kNames[i + 3 - dims];
}

void check_axis(std::string_view op, const char* axis, std::int64_t kernel, std::int64_t stride,
                std::int64_t padding, std::int64_t dilation) {
  if (stride < 1 || dilation < 1 || padding < 0 || stride > kMost || dilation > kMost || padding > kMost)
    fail(
        "{}: {} stride {}, padding {}, dilation {}; stride and dilation must be at least 1 and padding at least "
        "0, "
        "all of them at most 2^31",
        op, axis, stride, padding, dilation);
  if (kernel < 1 || kernel > kMost) fail("{}: the kernel's {} is {}; it must be from 1 to 2^31", op, axis, kernel);
}

// The output's size along one axis, or an Error; all steps are safe against overflow.
std::int64_t conv_size(std::string_view op, const char* axis, std::int64_t size, std::int64_t kernel,
                       std::int64_t stride, std::int64_t padding, std::int64_t dilation) {
  check_axis(op, axis, kernel, stride, padding, dilation);
  const std::int64_t reach = dilation * (kernel - 1) + 1;
  if (size > kMost * kMost) fail("{}: the input's {} is {}; it must be at most 2^62", op, axis, size);
  const std::int64_t room = size + 2 * padding;
  if (room < reach)
    fail("{}: the kernel reaches over {} in {}, but the padded input has {}; add padding or shrink the kernel", op,
         reach, axis, room);
  return (room - reach) / stride + 1;
}

// Input and weight of a convolution over `dims` dimensions, transposed or not.
void check_operands(std::string_view op, const Tensor& x, const Tensor& weight, std::size_t dims,
                    const char* weight_shape) {
  require_floating(op, x);
  require_same_dtype(op, x, weight);
  const int rank = static_cast<int>(dims) + 2;
  if (x.dim() == rank && weight.dim() == rank) return;
  const char* const sizes = dims == 1 ? "l" : dims == 2 ? "h, w" : "d, h, w";
  const char* const kernel = dims == 1 ? "kl" : dims == 2 ? "kh, kw" : "kd, kh, kw";
  fail("{}: input {} and weight {}; they must be [n, c, {}] and [{}, {}]", op, x.shape(), weight.shape(), sizes,
       weight_shape, kernel);
}

}  // namespace

Shape conv_shape(std::string_view op, const Tensor& x, const Tensor& weight, const Tensor& bias,
                 const ConvSizes& sizes) {
  const std::size_t dims = sizes.stride.size();
  check_operands(op, x, weight, dims, "out, c / groups");
  const std::int64_t in = x.shape()[1], out = weight.shape()[0], groups = sizes.groups;
  if (groups < 1 || in % groups != 0 || out % groups != 0)
    fail("{}: {} groups do not divide the {} input and {} output channels", op, groups, in, out);
  if (weight.shape()[1] != in / groups)
    fail("{}: the weight takes {} channels per group, the input has {} (input {}, weight {}, groups {})", op,
         weight.shape()[1], in / groups, x.shape(), weight.shape(), groups);
  require_parameter(op, "bias", bias, x, {out});
  Dims shape{x.shape()[0], out}, padded{x.shape()[0], in};
  for (std::size_t i = 0; i < dims; ++i) {
    const int d = static_cast<int>(i) + 2;
    shape.push_back(conv_size(op, axis_name(dims, i), x.shape()[d], weight.shape()[d], sizes.stride[i],
                              sizes.padding[i], sizes.dilation[i]));
    padded.push_back(x.shape()[d] + 2 * sizes.padding[i]);
  }
  static_cast<void>(Shape(padded));  // or an Error: more pixels than can be counted
  return Shape(shape);
}

namespace {

// The shape of the transposed convolution's result, or Error.
template <std::size_t N>
Shape transposed_shape(std::string_view op, const Tensor& x, const Tensor& weight, const Tensor& bias,
                       const ConvTransposeOptions<N>& o) {
  check_operands(op, x, weight, N, "c, out / groups");
  const std::int64_t in = x.shape()[1];
  if (weight.shape()[0] != in)
    fail("{}: the weight takes {} channels, the input has {} (input {}, weight {})", op, weight.shape()[0], in,
         x.shape(), weight.shape());
  if (o.groups < 1 || o.groups > kMost || in % o.groups != 0)
    fail("{}: {} groups do not divide the {} input channels", op, o.groups, in);
  const std::int64_t out = product(op, weight.shape()[1], o.groups);
  require_parameter(op, "bias", bias, x, {out});
  Dims shape{x.shape()[0], out}, padded = shape;
  for (std::size_t i = 0; i < N; ++i) {
    const char* const axis = axis_name(N, i);
    const int d = static_cast<int>(i) + 2;
    const std::int64_t size = x.shape()[d], kernel = weight.shape()[d], more = o.output_padding[i];
    check_axis(op, axis, kernel, o.stride[i], o.padding[i], o.dilation[i]);
    if (more < 0 || more >= std::max(o.stride[i], o.dilation[i]))
      fail("{}: {} output_padding {}; it must be from 0 on and less than the stride, {}, or the dilation, {}", op,
           axis, more, o.stride[i], o.dilation[i]);
    if (size < 1) fail("{}: the input is {}; its {} must be at least 1", op, x.shape(), axis);
    std::int64_t whole = 0;
    if (__builtin_add_overflow(product(op, size - 1, o.stride[i]),
                               o.dilation[i] * (kernel - 1) + 1 + more - 2 * o.padding[i], &whole))
      fail("{}: the result's {} is too large (input {}, stride {})", op, axis, size, o.stride[i]);
    if (whole < 1)
      fail("{}: the result's {} would be {}; take a padding smaller than {}", op, axis, whole, o.padding[i]);
    shape.push_back(whole);
    padded.push_back(whole + 2 * o.padding[i]);
  }
  static_cast<void>(Shape(padded));  // as above
  return Shape(shape);
}

// Of operands that are checked, without the bias. Rows that only output_padding reaches beyond the stride are no gradient
// of a convolution of this padding: then all rows are made, and those of the padding cut off.
Tensor transposed(const Tensor& x, const Tensor& weight, const ConvTransposeOptions<2>& o) {
  const bool whole = o.output_padding[0] >= o.stride[0] || o.output_padding[1] >= o.stride[1];
  const Size2 padding = whole ? Size2(0) : o.padding, more = whole ? Size2(0) : o.output_padding;
  Dims shape{x.shape()[0], weight.shape()[1] * o.groups};
  for (std::size_t i = 0; i < 2; ++i) {
    const int d = static_cast<int>(i) + 2;
    shape.push_back((x.shape()[d] - 1) * o.stride[i] + o.dilation[i] * (weight.shape()[d] - 1) + 1 + more[i] -
                    2 * padding[i]);
  }
  const Tensor y = apply(Conv2dBackwardInput{{o.stride, padding, o.dilation, o.groups}, Shape(shape)}, x, weight);
  if (!whole) return y;
  return pad(
      y, {-o.padding[1], o.output_padding[1] - o.padding[1], -o.padding[0], o.output_padding[0] - o.padding[0]});
}

// `same` as numbers; if more zeros belong behind x than in front of it, x gets those here.
template <std::size_t N>
Tensor padded_to_same(std::string_view op, const Tensor& x, const Tensor& weight, ConvOptions<N>& o) {
  check_operands(op, x, weight, N, "out, c / groups");
  std::array<std::int64_t, 2 * N> behind{};
  bool even = true;
  for (std::size_t i = 0; i < N; ++i) {
    const std::int64_t kernel = weight.shape()[static_cast<int>(i) + 2];
    check_axis(op, axis_name(N, i), kernel, o.stride[i], 0, o.dilation[i]);
    if (o.stride[i] != 1)
      fail("{}: padding same with {} stride {}; the size stays the same by a stride of 1 only", op,
           axis_name(N, i), o.stride[i]);
    const std::int64_t all = o.dilation[i] * (kernel - 1);
    o.padding[i] = all / 2;
    behind[2 * (N - 1 - i) + 1] = all % 2;
    even &= all % 2 == 0;
  }
  o.padding.same = false;
  return even ? x : pad(x, behind);
}

Tensor with_bias(const Tensor& y, const Tensor& bias) {
  if (!bias.defined()) return y;
  Dims sizes = Dims::filled(y.dim() - 1, 1);
  sizes[0] = bias.numel();
  return y + reshape(bias, sizes);
}

// A weight [n, ..] and a bias [n, out], one for each x[i]: the channels of all examples are those of one, in n times as many
// groups.
template <class Conv, class Options>
Tensor of_each(const char* op, Conv conv, const Tensor& x, const Tensor& weight, const Tensor& bias, Options o) {
  const std::int64_t n = weight.shape()[0];
  if (n < 1 || x.dim() != weight.dim() - 1 || x.shape()[0] != n ||
      (bias.defined() && (bias.dim() != 2 || bias.shape()[0] != n)))
    fail("{}: the weight {} is one for each of {} inputs, but the input is {}{}", op, weight.shape(), n, x.shape(),
         bias.defined() ? fmt::format(" and the bias {}", bias.shape()) : "");
  o.groups = product(op, o.groups, n);
  const Tensor y = conv(flatten(x, 0, 1), flatten(weight, 0, 1), bias.defined() ? flatten(bias, 0, 1) : bias, o);
  return unflatten(y, 0, {n, y.shape()[0] / n});
}

// 1 for the dimension that a 1-d operation does not have.
Size2 flat(Size1 size, std::int64_t other) { return {other, size[0]}; }

}  // namespace
}  // namespace ops

using ops::product;

Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv1dOptions& options) {
  if (weight.dim() == 4) return ops::of_each("conv1d", conv1d, x, weight, bias, options);
  if (x.dim() == 2) return squeeze(conv1d(unsqueeze(x, 0), weight, bias, options), 0);
  Conv1dOptions o = options;
  const Tensor in = o.padding.same ? ops::padded_to_same("conv1d", x, weight, o) : x;
  ops::conv_shape("conv1d", in, weight, bias, {o.stride, o.padding, o.dilation, o.groups});
  const ops::Conv2d op{{ops::flat(o.stride, 1), ops::flat(o.padding, 0), ops::flat(o.dilation, 1), o.groups}};
  return squeeze(apply(op, unsqueeze(in, 2), unsqueeze(weight, 2), bias), 2);
}

Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv2dOptions& o) {
  if (weight.dim() == 5) return ops::of_each("conv2d", conv2d, x, weight, bias, o);
  if (x.dim() == 3) return squeeze(conv2d(unsqueeze(x, 0), weight, bias, o), 0);
  if (o.padding.same) {
    Conv2dOptions numbers = o;
    const Tensor in = ops::padded_to_same("conv2d", x, weight, numbers);
    return conv2d(in, weight, bias, numbers);
  }
  return apply(ops::Conv2d{{o.stride, o.padding, o.dilation, o.groups}}, x, weight, bias);
}

// The slices of a window are channels, as the slices of the kernel are: one product for all of them.
Tensor conv3d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv3dOptions& options) {
  if (weight.dim() == 6) return ops::of_each("conv3d", conv3d, x, weight, bias, options);
  if (x.dim() == 4) return squeeze(conv3d(unsqueeze(x, 0), weight, bias, options), 0);
  Conv3dOptions o = options;
  const Tensor in = o.padding.same ? ops::padded_to_same("conv3d", x, weight, o) : x;
  const Shape shape = ops::conv_shape("conv3d", in, weight, bias, {o.stride, o.padding, o.dilation, o.groups});
  const std::int64_t n = shape[0], depth = shape[2], out = shape[1], kernel = weight.shape()[2];
  const Tensor padded = o.padding[0] == 0 ? in : pad(in, {0, 0, 0, 0, o.padding[0], o.padding[0]});
  const Tensor windows = apply(ops::Windows{2, kernel, o.stride[0], o.dilation[0]}, padded);
  const Tensor slices = reshape(
      permute(windows, {0, 2, 1, 5, 3, 4}),
      {product("conv3d", n, depth), product("conv3d", in.shape()[1], kernel), in.shape()[3], in.shape()[4]});
  const Tensor kernels = reshape(weight, {out, weight.shape()[1] * kernel, weight.shape()[3], weight.shape()[4]});
  const ops::Conv2d op{
      {{o.stride[1], o.stride[2]}, {o.padding[1], o.padding[2]}, {o.dilation[1], o.dilation[2]}, o.groups}};
  const Tensor y = apply(op, slices, kernels, bias);
  return permute(reshape(y, {n, depth, out, shape[3], shape[4]}), {0, 2, 1, 3, 4});
}

Tensor conv_transpose1d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const ConvTranspose1dOptions& o) {
  if (weight.dim() == 4) return ops::of_each("conv_transpose1d", conv_transpose1d, x, weight, bias, o);
  if (x.dim() == 2) return squeeze(conv_transpose1d(unsqueeze(x, 0), weight, bias, o), 0);
  ops::transposed_shape("conv_transpose1d", x, weight, bias, o);
  const Tensor y = ops::transposed(unsqueeze(x, 2), unsqueeze(weight, 2),
                                   {ops::flat(o.stride, 1), ops::flat(o.padding, 0),
                                    ops::flat(o.output_padding, 0), o.groups, ops::flat(o.dilation, 1)});
  return ops::with_bias(squeeze(y, 2), bias);
}

Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const ConvTranspose2dOptions& o) {
  if (weight.dim() == 5) return ops::of_each("conv_transpose2d", conv_transpose2d, x, weight, bias, o);
  if (x.dim() == 3) return squeeze(conv_transpose2d(unsqueeze(x, 0), weight, bias, o), 0);
  ops::transposed_shape("conv_transpose2d", x, weight, bias, o);
  return ops::with_bias(ops::transposed(x, weight, o), bias);
}

// conv3d the other way round: each slice of x makes as many as the kernel has, as channels, which then add up.
Tensor conv_transpose3d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const ConvTranspose3dOptions& o) {
  if (weight.dim() == 6) return ops::of_each("conv_transpose3d", conv_transpose3d, x, weight, bias, o);
  if (x.dim() == 4) return squeeze(conv_transpose3d(unsqueeze(x, 0), weight, bias, o), 0);
  const Shape shape = ops::transposed_shape("conv_transpose3d", x, weight, bias, o);
  const std::int64_t n = shape[0], out = shape[1], depth = x.shape()[2], kernel = weight.shape()[2];
  const Tensor slices = reshape(permute(x, {0, 2, 1, 3, 4}),
                                {product("conv_transpose3d", n, depth), x.shape()[1], x.shape()[3], x.shape()[4]});
  const Tensor kernels =
      reshape(weight, {weight.shape()[0], product("conv_transpose3d", weight.shape()[1], kernel),
                       weight.shape()[3], weight.shape()[4]});
  const Tensor y = ops::transposed(slices, kernels,
                                   {{o.stride[1], o.stride[2]},
                                    {o.padding[1], o.padding[2]},
                                    {o.output_padding[1], o.output_padding[2]},
                                    o.groups,
                                    {o.dilation[1], o.dilation[2]}});
  const Tensor windows = permute(reshape(y, {n, depth, out, kernel, shape[3], shape[4]}), {0, 2, 1, 4, 5, 3});
  const std::int64_t whole = (depth - 1) * o.stride[0] + o.dilation[0] * (kernel - 1) + 1;
  const Tensor sum = apply(
      ops::WindowsBackward{{2, kernel, o.stride[0], o.dilation[0]}, {n, out, whole, shape[3], shape[4]}}, windows);
  const std::int64_t before = -o.padding[0], after = o.output_padding[0] - o.padding[0];
  return ops::with_bias(before == 0 && after == 0 ? sum : pad(sum, {0, 0, 0, 0, before, after}), bias);
}

}  // namespace ebb
