// The convolution layers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "autograd/ops.h"
#include "nn/role.h"

namespace ebb::nn {

namespace detail {
template <std::size_t N>
Tensor conv_weight(std::int64_t in, std::int64_t out, const Size<N>& kernel, const ConvOptions<N>& options);
template <std::size_t N>
Tensor conv_transpose_weight(std::int64_t in, std::int64_t out, const Size<N>& kernel,
                             const ConvTransposeOptions<N>& options);
Tensor conv_bias(std::int64_t out, const Tensor& weight, bool wanted);
}  // namespace detail

// Cross-correlation: conv1d(), conv2d(), conv3d() of autograd/ops.h. x [n, in, sizes] → [n, out, sizes], or both without n.
// Weight [out, in / groups, kernel] and bias [out] start as U(-b, b), b = 1 / √(in / groups · the kernel's elements).
//
//   nn::Conv2d conv{.in = 1, .out = 6, .kernel = 5, .padding = 2};
//   nn::Conv2d wide{.in = 6, .out = 6, .kernel = {1, 7}, .padding = Padding::same, .groups = 6};
template <std::size_t N>
struct Conv {
  std::int64_t in, out;
  Size<N> kernel;
  Size<N> stride = 1;
  ConvPadding<N> padding = 0;
  Size<N> dilation = 1;
  std::int64_t groups = 1;
  bool with_bias = true;
  PadMode padding_mode = PadMode::constant;  // what the padding is made of: constant is zeros
  Parameter weight = detail::conv_weight<N>(in, out, kernel, {stride, padding, dilation, groups});
  Parameter bias = detail::conv_bias(out, weight, with_bias);

  Tensor operator()(const Tensor& x) const;
};
using Conv1d = Conv<1>;
using Conv2d = Conv<2>;
using Conv3d = Conv<3>;

// conv_transpose1d(), conv_transpose2d(), conv_transpose3d() of autograd/ops.h. x [n, in, sizes] → [n, out, sizes], or both
// without n. Weight [in, out / groups, kernel] and bias [out] start as U(-b, b), b = 1 / √(out / groups · the kernel's
// elements). A call may say which of the sizes that a stride allows the result has, and then output_padding is not used.
//
//   nn::ConvTranspose2d up{.in = 16, .out = 8, .kernel = 4, .stride = 2, .padding = 1};  // twice the size
//   y = up(x, Size2{33, 32});
template <std::size_t N>
struct ConvTranspose {
  std::int64_t in, out;
  Size<N> kernel;
  Size<N> stride = 1, padding = 0, output_padding = 0;
  std::int64_t groups = 1;
  bool with_bias = true;
  Size<N> dilation = 1;
  Parameter weight =
      detail::conv_transpose_weight<N>(in, out, kernel, {stride, padding, output_padding, groups, dilation});
  Parameter bias = detail::conv_bias(out, weight, with_bias);

  Tensor operator()(const Tensor& x, const std::optional<Size<N>>& output_size = {}) const;
};
using ConvTranspose1d = ConvTranspose<1>;
using ConvTranspose2d = ConvTranspose<2>;
using ConvTranspose3d = ConvTranspose<3>;

}  // namespace ebb::nn
