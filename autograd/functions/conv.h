// Convolution; x [n, c, sizes], where there are one, two or three sizes. All take x without n too: then the result has none.
// A weight with one more dimension in front, n, and a bias [n, out], are one for each x[i].
#pragma once

#include <cstddef>
#include <cstdint>

#include "autograd/functions/size.h"
#include "autograd/tensor.h"

namespace ebb {

// valid: none. same: as many zeros as keep the sizes, which needs a stride of 1; of an odd number one more comes behind.
enum class Padding : std::uint8_t { valid, same };

// Zeros in front and behind: numbers, or one of these.
template <std::size_t N>
struct ConvPadding : Size<N> {
  using Size<N>::Size;
  constexpr ConvPadding(const Size<N>& sizes) : Size<N>(sizes) {}
  constexpr ConvPadding(Padding padding) : Size<N>(0), same(padding == Padding::same) {}
  bool same = false;
};

template <std::size_t N>
struct ConvOptions {
  Size<N> stride = 1;
  ConvPadding<N> padding = 0;
  Size<N> dilation = 1;
  std::int64_t groups = 1;
};
using Conv1dOptions = ConvOptions<1>;
using Conv2dOptions = ConvOptions<2>;
using Conv3dOptions = ConvOptions<3>;

// Cross-correlation. weight [out, c / groups, kernel], bias [out] or undefined → [n, out, ..], of which each size is
// ⌊(size + 2 padding - dilation (kernel - 1) - 1) / stride⌋ + 1.
Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, const Conv1dOptions& options = {});
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, const Conv2dOptions& options = {});
// The windows along the depth are copied, as channels of a conv2d: memory for kernel-depth times x.
Tensor conv3d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, const Conv3dOptions& options = {});

template <std::size_t N>
struct ConvTransposeOptions {
  Size<N> stride = 1, padding = 0;
  Size<N> output_padding = 0;  // rows of the result more; less than the stride, or than the dilation
  std::int64_t groups = 1;
  Size<N> dilation = 1;
};
using ConvTranspose1dOptions = ConvTransposeOptions<1>;
using ConvTranspose2dOptions = ConvTransposeOptions<2>;
using ConvTranspose3dOptions = ConvTransposeOptions<3>;

// What a convolution's gradient in x does to its own (Zeiler et al. 2010): each element of x adds a copy of the kernel,
// times itself, `stride` on from its neighbour's. weight [c, out / groups, kernel], bias [out] or undefined →
// [n, out, ..], of which each size is (size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1.
Tensor conv_transpose1d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                        const ConvTranspose1dOptions& options = {});
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                        const ConvTranspose2dOptions& options = {});
Tensor conv_transpose3d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                        const ConvTranspose3dOptions& options = {});

}  // namespace ebb
