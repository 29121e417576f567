// Pooling layers: the functions of autograd/ops.h with their options. x [n, c, sizes] → [n, c, sizes], or both without n.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "autograd/ops.h"

namespace ebb::nn {

template <std::size_t N>
struct MaxPool {
  Size<N> kernel;
  std::optional<Size<N>> stride = {};  // left out: the kernel's size
  Size<N> padding = 0;
  Size<N> dilation = 1;
  bool ceil_mode = false;

  Tensor operator()(const Tensor& x) const {
    const PoolOptions<N> options{
        .stride = stride, .padding = padding, .dilation = dilation, .ceil_mode = ceil_mode};
    if constexpr (N == 1) return max_pool1d(x, kernel, options);
    else if constexpr (N == 2) return max_pool2d(x, kernel, options);
    else return max_pool3d(x, kernel, options);
  }
};
using MaxPool1d = MaxPool<1>;
using MaxPool2d = MaxPool<2>;
using MaxPool3d = MaxPool<3>;

// Takes x and the indices that max_pool1d_with_indices() and its like gave.
template <std::size_t N>
struct MaxUnpool {
  Size<N> kernel;
  std::optional<Size<N>> stride = {};  // left out: the kernel's size
  Size<N> padding = 0;

  Tensor operator()(const Tensor& x, const Tensor& indices, std::optional<Size<N>> output_size = {}) const {
    const UnpoolOptions<N> options{stride, padding, output_size};
    if constexpr (N == 1) return max_unpool1d(x, indices, kernel, options);
    else if constexpr (N == 2) return max_unpool2d(x, indices, kernel, options);
    else return max_unpool3d(x, indices, kernel, options);
  }
};
using MaxUnpool1d = MaxUnpool<1>;
using MaxUnpool2d = MaxUnpool<2>;
using MaxUnpool3d = MaxUnpool<3>;

template <std::size_t N>
struct AvgPool {
  Size<N> kernel;
  std::optional<Size<N>> stride = {};  // left out: the kernel's size
  Size<N> padding = 0;
  bool ceil_mode = false;
  bool count_include_pad = true;
  std::optional<std::int64_t> divisor_override = {};

  Tensor operator()(const Tensor& x) const {
    const PoolOptions<N> options{.stride = stride,
                                 .padding = padding,
                                 .ceil_mode = ceil_mode,
                                 .count_include_pad = count_include_pad,
                                 .divisor_override = divisor_override};
    if constexpr (N == 1) return avg_pool1d(x, kernel, options);
    else if constexpr (N == 2) return avg_pool2d(x, kernel, options);
    else return avg_pool3d(x, kernel, options);
  }
};
using AvgPool1d = AvgPool<1>;
using AvgPool2d = AvgPool<2>;
using AvgPool3d = AvgPool<3>;

template <std::size_t N>
struct AdaptiveAvgPool {
  AdaptiveSize<N> output;

  Tensor operator()(const Tensor& x) const {
    if constexpr (N == 1) return adaptive_avg_pool1d(x, output);
    else if constexpr (N == 2) return adaptive_avg_pool2d(x, output);
    else return adaptive_avg_pool3d(x, output);
  }
};
using AdaptiveAvgPool1d = AdaptiveAvgPool<1>;
using AdaptiveAvgPool2d = AdaptiveAvgPool<2>;
using AdaptiveAvgPool3d = AdaptiveAvgPool<3>;

template <std::size_t N>
struct AdaptiveMaxPool {
  AdaptiveSize<N> output;

  Tensor operator()(const Tensor& x) const {
    if constexpr (N == 1) return adaptive_max_pool1d(x, output);
    else if constexpr (N == 2) return adaptive_max_pool2d(x, output);
    else return adaptive_max_pool3d(x, output);
  }
};
using AdaptiveMaxPool1d = AdaptiveMaxPool<1>;
using AdaptiveMaxPool2d = AdaptiveMaxPool<2>;
using AdaptiveMaxPool3d = AdaptiveMaxPool<3>;

template <std::size_t N>
struct LPPool {
  double norm_type;
  Size<N> kernel;
  std::optional<Size<N>> stride = {};  // left out: the kernel's size
  bool ceil_mode = false;

  Tensor operator()(const Tensor& x) const {
    if constexpr (N == 1) return lp_pool1d(x, norm_type, kernel, {stride, ceil_mode});
    else if constexpr (N == 2) return lp_pool2d(x, norm_type, kernel, {stride, ceil_mode});
    else return lp_pool3d(x, norm_type, kernel, {stride, ceil_mode});
  }
};
using LPPool1d = LPPool<1>;
using LPPool2d = LPPool<2>;
using LPPool3d = LPPool<3>;

}  // namespace ebb::nn
