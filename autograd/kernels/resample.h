// Lines of a tensor at another number of places, along one dimension at a time. float32 or float64, any strides.
#pragma once

#include "autograd/base/view.h"

namespace ebb::kernels {

// What an output is made of: one element, the two or the four around its place.
enum class Resampler : std::uint8_t { nearest, nearest_exact, linear, cubic };

// Output i is at place i s of the input (nearest), or (i + ½) s - ½; with align_corners the ends meet. s is `scale`, or if
// that is 0 the input's size by the output's. Places beyond the ends are the ends.
struct Resampling {
  Resampler how = Resampler::linear;
  bool align_corners = false;
  double scale = 0;
};

// y, made of x along dim. Each is that of the other sizes, and has at least one element along it.
void resample(View y, View x, int dim, const Resampling& resampling);
// gx: each element of g, to where it came from. An element's terms are added in order.
void resample_backward(View gx, View g, int dim, const Resampling& resampling);

}  // namespace ebb::kernels
