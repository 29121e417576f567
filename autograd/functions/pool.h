// Pooling; x [n, c, sizes], where there are one, two or three sizes. All take x without n too: then the result has none.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "autograd/functions/reduce.h"
#include "autograd/functions/size.h"
#include "autograd/tensor.h"

namespace ebb {

template <std::size_t N>
struct PoolOptions {
  std::optional<Size<N>> stride = {};                 // left out: the kernel's size
  Size<N> padding = 0;                                // at most half the kernel
  Size<N> dilation = 1;                               // max_pool only
  bool ceil_mode = false;                             // windows may begin inside and end outside
  bool count_include_pad = true;                      // avg_pool only
  std::optional<std::int64_t> divisor_override = {};  // avg_pool only: instead of the number of elements; not 0
};
using Pool1dOptions = PoolOptions<1>;
using Pool2dOptions = PoolOptions<2>;
using Pool3dOptions = PoolOptions<3>;

// The largest of each window; the first of equals gets the gradient. NaN is larger than all.
Tensor max_pool1d(const Tensor& x, Size1 kernel, const Pool1dOptions& options = {});
Tensor max_pool2d(const Tensor& x, Size2 kernel, const Pool2dOptions& options = {});
Tensor max_pool3d(const Tensor& x, Size3 kernel, const Pool3dOptions& options = {});
// And where it is: the number of the element in its image, in row-major order; int64.
ValuesIndices max_pool1d_with_indices(const Tensor& x, Size1 kernel, const Pool1dOptions& options = {});
ValuesIndices max_pool2d_with_indices(const Tensor& x, Size2 kernel, const Pool2dOptions& options = {});
ValuesIndices max_pool3d_with_indices(const Tensor& x, Size3 kernel, const Pool3dOptions& options = {});

template <std::size_t N>
struct UnpoolOptions {
  std::optional<Size<N>> stride = {};  // left out: the kernel's size
  Size<N> padding = 0;
  std::optional<Size<N>> output_size = {};  // left out: (size - 1) stride - 2 padding + kernel
};
// Back: zeros with the elements of x at the indices that max_pool gave. Where an index is repeated, the last in row-major
// order stays, and the others get the gradient 0.
Tensor max_unpool1d(const Tensor& x, const Tensor& indices, Size1 kernel, const UnpoolOptions<1>& options = {});
Tensor max_unpool2d(const Tensor& x, const Tensor& indices, Size2 kernel, const UnpoolOptions<2>& options = {});
Tensor max_unpool3d(const Tensor& x, const Tensor& indices, Size3 kernel, const UnpoolOptions<3>& options = {});

// The mean of each window.
Tensor avg_pool1d(const Tensor& x, Size1 kernel, const Pool1dOptions& options = {});
Tensor avg_pool2d(const Tensor& x, Size2 kernel, const Pool2dOptions& options = {});
Tensor avg_pool3d(const Tensor& x, Size3 kernel, const Pool3dOptions& options = {});

// One size for all dimensions, or one for each; std::nullopt leaves a dimension its size: {std::nullopt, 7}.
template <std::size_t N>
struct AdaptiveSize : std::array<std::optional<std::int64_t>, N> {
  using One = std::optional<std::int64_t>;
  constexpr AdaptiveSize(const Size<N>& sizes) : std::array<One, N>{} {
    for (std::size_t i = 0; i < N; ++i) (*this)[i] = sizes[i];
  }
  constexpr AdaptiveSize(std::int64_t all) : AdaptiveSize(Size<N>(all)) {}
  template <std::convertible_to<One>... More>
  constexpr AdaptiveSize(One first, One second, More... more) : std::array<One, N>{first, second, more...} {
    static_assert(sizeof...(More) + 2 == N, "give one number, or one for each dimension");
  }
};
using AdaptiveSize1 = AdaptiveSize<1>;
using AdaptiveSize2 = AdaptiveSize<2>;
using AdaptiveSize3 = AdaptiveSize<3>;

// Window i of an axis of n pooled to o: from ⌊i n / o⌋ to ⌈(i + 1) n / o⌉.
Tensor adaptive_avg_pool1d(const Tensor& x, AdaptiveSize1 output);
Tensor adaptive_avg_pool2d(const Tensor& x, AdaptiveSize2 output);
Tensor adaptive_avg_pool3d(const Tensor& x, AdaptiveSize3 output);
Tensor adaptive_max_pool1d(const Tensor& x, AdaptiveSize1 output);
Tensor adaptive_max_pool2d(const Tensor& x, AdaptiveSize2 output);
Tensor adaptive_max_pool3d(const Tensor& x, AdaptiveSize3 output);
ValuesIndices adaptive_max_pool1d_with_indices(const Tensor& x, AdaptiveSize1 output);
ValuesIndices adaptive_max_pool2d_with_indices(const Tensor& x, AdaptiveSize2 output);
ValuesIndices adaptive_max_pool3d_with_indices(const Tensor& x, AdaptiveSize3 output);

template <std::size_t N>
struct LpPoolOptions {
  std::optional<Size<N>> stride = {};  // left out: the kernel's size
  bool ceil_mode = false;              // a window that ends outside counts as if the mean went on there
};
// (Σ xᵖ)^(1 / p) of each window, p = norm_type: of x, not |x|. Where the sum is 0, so is the derivative.
Tensor lp_pool1d(const Tensor& x, double norm_type, Size1 kernel, const LpPoolOptions<1>& options = {});
Tensor lp_pool2d(const Tensor& x, double norm_type, Size2 kernel, const LpPoolOptions<2>& options = {});
Tensor lp_pool3d(const Tensor& x, double norm_type, Size3 kernel, const LpPoolOptions<3>& options = {});

}  // namespace ebb
