// Borders as layers: pad() of autograd/ops.h. x [n, c, sizes] with N sizes, or without n.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "autograd/ops.h"

namespace ebb::nn {

namespace detail {
// x with borders in its last dimensions, `dims` of them; Error if it is no image of that many, with or without n.
Tensor padded(const Tensor& x, std::size_t dims, std::span<const std::int64_t> padding, PadMode mode,
              double value = 0);
}  // namespace detail

// padding: one number for all sides, or two for each dimension, before and after, from the last dimension on: {left, right,
// top, bottom}. Negative numbers cut.
template <std::size_t N>
struct ConstantPad {
  Size<2 * N> padding;
  double value;
  Tensor operator()(const Tensor& x) const { return detail::padded(x, N, padding, PadMode::constant, value); }
};
using ConstantPad1d = ConstantPad<1>;
using ConstantPad2d = ConstantPad<2>;
using ConstantPad3d = ConstantPad<3>;

// The same with a border that is zeros, x mirrored without its edge, its edge, or its other end; of these only the zeros
// may be cut.
//
//   nn::ReflectionPad2d pad{1};
template <std::size_t N, PadMode mode>
struct BorderPad {
  Size<2 * N> padding;
  Tensor operator()(const Tensor& x) const { return detail::padded(x, N, padding, mode); }
};
using ZeroPad1d = BorderPad<1, PadMode::constant>;
using ZeroPad2d = BorderPad<2, PadMode::constant>;
using ZeroPad3d = BorderPad<3, PadMode::constant>;
using ReflectionPad1d = BorderPad<1, PadMode::reflect>;
using ReflectionPad2d = BorderPad<2, PadMode::reflect>;
using ReflectionPad3d = BorderPad<3, PadMode::reflect>;
using ReplicationPad1d = BorderPad<1, PadMode::replicate>;
using ReplicationPad2d = BorderPad<2, PadMode::replicate>;
using ReplicationPad3d = BorderPad<3, PadMode::replicate>;
using CircularPad1d = BorderPad<1, PadMode::circular>;
using CircularPad2d = BorderPad<2, PadMode::circular>;
using CircularPad3d = BorderPad<3, PadMode::circular>;

}  // namespace ebb::nn
