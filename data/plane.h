// Points of two classes in the plane, made up: those of the TensorFlow Playground (Smilkov, Carter et al. 2016).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "autograd/base/random.h"
#include "autograd/tensor.h"

namespace ebb::data {

// circle: class 1 within 2.5 of the origin, -1 from 3.5 to 5; xor: 1 where x1 x2 > 0, up to 5.3, with a gap of 0.6 between
// the quadrants; gauss: one cloud around (2, 2), another around (-2, -2); spiral: two arms of 1¾ turns, up to 5.
enum class PlaneSet : std::uint8_t { circle, exclusive_or, gauss, spiral };
inline constexpr std::array<std::string_view, 4> kPlaneSets{"circle", "xor", "gauss", "spiral"};

struct PlanePoints {
  Tensor points;   // [n, 2] float32
  Tensor classes;  // [n, 1]: 1 or -1; half of each but in xor and where noise moves circle's
};

// `noise` from 0 to 1: of circle and xor, how far, in units of 5, the point whose class is taken may lie from the one that is
// given; of gauss, the variance grows from 0.5 to 7.5; of spiral, how far points are moved. Random numbers from `generator`,
// or default_generator() if that is null.
PlanePoints plane_points(PlaneSet set, std::int64_t n, double noise = 0, Generator* generator = nullptr);

}  // namespace ebb::data
