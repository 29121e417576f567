// Convolutions and their definition in plain loops, for the tests of their kernels.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "autograd/kernels/conv.h"
#include "tests/pictures.h"

namespace ebb::test {

using kernels::Conv2dGeometry;

// A convolution with all of its operands, and its definition in plain loops.
struct Convolution {
  Conv2dGeometry geometry;
  Pictures x, weight, y;  // weight: [out, in / groups, kernel, kernel]
  Array bias;

  static Sizes output(const Sizes& x, const Sizes& w, const Conv2dGeometry& g) {
    const auto size = [&](std::int64_t in, std::int64_t kernel, std::size_t i) {
      return (in + 2 * g.padding[i] - g.dilation[i] * (kernel - 1) - 1) / g.stride[i] + 1;
    };
    return {x.n, w.n, size(x.h, w.h, 0), size(x.w, w.w, 1)};
  }

  Convolution(Rng& rng, Dtype dtype, const Sizes& x_sizes, const Sizes& w_sizes, const Conv2dGeometry& g,
              int x_layout, int w_layout, int y_layout)
      : geometry(g),
        x(dtype, x_sizes, x_layout),
        weight(dtype, w_sizes, w_layout),
        y(dtype, output(x_sizes, w_sizes, g), y_layout),
        bias(dtype, {w_sizes.n}, Layout::gaps) {
    x.array().fill_normal(rng);
    weight.array().fill_normal(rng);
    y.array().fill_normal(rng);
    bias.fill_normal(rng);
  }

  // Calls f(n, o, i, j, k, r, s, row, column): y[n, o, i, j] has a term weight[o, k % depth, r, s] x[n, k, row, column].
  template <class F>
  void for_each_term(F&& f) const {
    const Sizes &w = weight.sizes(), out = y.sizes();
    for_each_element(out, [&](auto n, auto o, auto i, auto j) {
      const std::int64_t first = o / (w.n / geometry.groups) * w.c;
      for (std::int64_t k = 0; k < w.c; ++k)
        for (std::int64_t r = 0; r < w.h; ++r)
          for (std::int64_t s = 0; s < w.w; ++s)
            f(n, o, i, j, first + k, r, s, i * geometry.stride[0] + r * geometry.dilation[0] - geometry.padding[0],
              j * geometry.stride[1] + s * geometry.dilation[1] - geometry.padding[1]);
    });
  }
  bool inside(std::int64_t row, std::int64_t column) const {
    return row >= 0 && row < x.sizes().h && column >= 0 && column < x.sizes().w;
  }
};

// The kernels under test.
struct Directions {
  std::function<void(View y, View x, View weight, View bias, const Conv2dGeometry&)> forward = kernels::conv2d;
  std::function<void(View gx, View g, View weight, const Conv2dGeometry&)> input = kernels::conv2d_backward_input;
  std::function<void(View gw, View g, View x, const Conv2dGeometry&)> weight = kernels::conv2d_backward_weight;
};

using Doubles = std::vector<double>;

inline std::int64_t place(const Sizes& s, std::int64_t n, std::int64_t c, std::int64_t y, std::int64_t x) {
  return ((n * s.c + c) * s.h + y) * s.w + x;
}

// Whether the elements of `pictures` are the expected ones, but for rounding of sums whose terms have the given
// absolute sum; and whether nothing beside them was written.
inline bool close(const Pictures& pictures, const Doubles& expected, const Doubles& magnitude) {
  const double epsilon = pictures.array().dtype() == float32 ? 1e-6 : 1e-14;
  bool good = pictures.array().guarded();
  for_each_element(pictures.sizes(), [&](auto n, auto c, auto y, auto x) {
    const auto i = static_cast<std::size_t>(place(pictures.sizes(), n, c, y, x));
    good = good && std::abs(pictures.at(n, c, y, x) - expected[i]) <= epsilon * (magnitude[i] + 1);
  });
  return good;
}

// The sums of the values that f(add) passes to add(place in row-major order, value).
template <class F>
bool agrees(const Pictures& pictures, F&& f) {
  Doubles sum(static_cast<std::size_t>(pictures.numel())), magnitude(sum);
  f([&](std::int64_t i, double value) {
    sum[static_cast<std::size_t>(i)] += value;
    magnitude[static_cast<std::size_t>(i)] += std::abs(value);
  });
  return close(pictures, sum, magnitude);
}

inline bool forward_agrees(Convolution& c, const Directions& directions, bool with_bias) {
  Pictures y = c.y;
  View bias = c.bias;
  if (!with_bias) bias.data = nullptr;
  directions.forward(y, c.x, c.weight, bias, c.geometry);
  return agrees(y, [&](auto add) {
    if (with_bias)
      for_each_element(y.sizes(),
                       [&](auto n, auto o, auto i, auto j) { add(place(y.sizes(), n, o, i, j), c.bias[o]); });
    c.for_each_term([&](auto n, auto o, auto i, auto j, auto k, auto r, auto s, auto row, auto column) {
      add(place(y.sizes(), n, o, i, j),
          c.weight.at(o, k % c.weight.sizes().c, r, s) * c.x.padded(n, k, row, column));
    });
  });
}

inline bool backward_input_agrees(Convolution& c, const Directions& directions) {
  Pictures gx = c.x;
  directions.input(gx, c.y, c.weight, c.geometry);
  return agrees(gx, [&](auto add) {
    c.for_each_term([&](auto n, auto o, auto i, auto j, auto k, auto r, auto s, auto row, auto column) {
      if (c.inside(row, column))
        add(place(gx.sizes(), n, k, row, column),
            c.weight.at(o, k % c.weight.sizes().c, r, s) * c.y.at(n, o, i, j));
    });
  });
}

inline bool backward_weight_agrees(Convolution& c, const Directions& directions) {
  Pictures gw = c.weight;
  directions.weight(gw, c.y, c.x, c.geometry);
  return agrees(gw, [&](auto add) {
    c.for_each_term([&](auto n, auto o, auto i, auto j, auto k, auto r, auto s, auto row, auto column) {
      add(place(gw.sizes(), o, k % gw.sizes().c, r, s), c.y.at(n, o, i, j) * c.x.padded(n, k, row, column));
    });
  });
}

inline void check(Convolution& c, const Directions& directions = {}) {
  INFO("x ", to_string(*c.x.view().shape), " ", to_string(*c.x.view().strides), " weight ",
       to_string(*c.weight.view().shape), " ", to_string(*c.weight.view().strides), " y ",
       to_string(*c.y.view().shape), " ", to_string(*c.y.view().strides), " stride ", c.geometry.stride[0], " ",
       c.geometry.stride[1], " padding ", c.geometry.padding[0], " ", c.geometry.padding[1], " dilation ",
       c.geometry.dilation[0], " ", c.geometry.dilation[1], " groups ", c.geometry.groups, " ",
       name_of(c.x.array().dtype()));
  CHECK(forward_agrees(c, directions, true));
  CHECK(forward_agrees(c, directions, false));
  CHECK(backward_input_agrees(c, directions));
  CHECK(backward_weight_agrees(c, directions));
}

}  // namespace ebb::test
