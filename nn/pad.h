// Borders as layers: pad() of autograd/ops.h. x [n, c, sizes] with N sizes, or without n.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "autograd/ops.h"

namespace ebb::nn {

namespace detail {
// x with borders in its last dimensions, `dims` of them; Error if it is no image of that many, with or without n.
Tensor padded(const char* layer, std::size_t dims, const Tensor& x, std::span<const std::int64_t> padding,
              PadMode mode, double value = 0);
}  // namespace detail

// padding: one number for all sides, or two for each dimension, before and after, from the last dimension on: {left, right,
// top, bottom}. Negative numbers cut, but not with the last three.
//
//   nn::ReflectionPad2d pad{1};
template <std::size_t N>
struct ConstantPad {
  Size<2 * N> padding;
  double value;
  Tensor operator()(const Tensor& x) const {
    return detail::padded("ConstantPad", N, x, padding, PadMode::constant, value);
  }
};
using ConstantPad1d = ConstantPad<1>;
using ConstantPad2d = ConstantPad<2>;
using ConstantPad3d = ConstantPad<3>;

template <std::size_t N>
struct ZeroPad {
  Size<2 * N> padding;
  Tensor operator()(const Tensor& x) const { return detail::padded("ZeroPad", N, x, padding, PadMode::constant); }
};
using ZeroPad1d = ZeroPad<1>;
using ZeroPad2d = ZeroPad<2>;
using ZeroPad3d = ZeroPad<3>;

template <std::size_t N>
struct ReflectionPad {
  Size<2 * N> padding;
  Tensor operator()(const Tensor& x) const {
    return detail::padded("ReflectionPad", N, x, padding, PadMode::reflect);
  }
};
using ReflectionPad1d = ReflectionPad<1>;
using ReflectionPad2d = ReflectionPad<2>;
using ReflectionPad3d = ReflectionPad<3>;

template <std::size_t N>
struct ReplicationPad {
  Size<2 * N> padding;
  Tensor operator()(const Tensor& x) const {
    return detail::padded("ReplicationPad", N, x, padding, PadMode::replicate);
  }
};
using ReplicationPad1d = ReplicationPad<1>;
using ReplicationPad2d = ReplicationPad<2>;
using ReplicationPad3d = ReplicationPad<3>;

template <std::size_t N>
struct CircularPad {
  Size<2 * N> padding;
  Tensor operator()(const Tensor& x) const {
    return detail::padded("CircularPad", N, x, padding, PadMode::circular);
  }
};
using CircularPad1d = CircularPad<1>;
using CircularPad2d = CircularPad<2>;
using CircularPad3d = CircularPad<3>;

}  // namespace ebb::nn
