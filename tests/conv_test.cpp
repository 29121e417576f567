#include "autograd/kernels/conv.h"

#include <doctest/doctest.h>

#include "tests/convolutions.h"

using namespace ebb;
using namespace ebb::test;

namespace {

Convolution random_convolution(Rng& rng, Dtype dtype) {
  const auto pair = [&](std::int64_t low, std::int64_t high) {
    const bool plain = pick(rng, 0, 1) == 0;
    return std::array{plain ? low : pick(rng, low, high), plain ? low : pick(rng, low, high)};
  };
  Conv2dGeometry g{pair(1, 3), pair(0, 4), pair(1, 3), 1};
  Sizes x{pick(rng, 0, 3), 0, pick(rng, 1, 20), pick(rng, 1, 36)};
  Sizes w{0, pick(rng, 1, 5), pick(rng, 1, 5), pick(rng, 1, 4)};
  if (pick(rng, 0, 2) == 0) g.groups = pick(rng, 1, 5);
  w.n = g.groups * (pick(rng, 0, 3) == 0 ? pick(rng, 8, 35) : pick(rng, 1, 7));
  if (pick(rng, 0, 3) == 0) w.c = pick(rng, 6, 34);
  if (pick(rng, 0, 4) == 0) w.c = w.n = 1, w.n *= g.groups = pick(rng, 2, 9);
  x.c = g.groups * w.c;
  const auto fits = [&](std::int64_t& in, std::int64_t kernel, std::size_t i) {
    in = std::max(in, g.dilation[i] * (kernel - 1) + 1 - 2 * g.padding[i]);
  };
  fits(x.h, w.h, 0);
  fits(x.w, w.w, 1);
  const auto layout = [&] {
    return static_cast<int>(pick(rng, 0, 2) == 0 ? pick(rng, 1, 3) : pick(rng, 0, 1) * 4);
  };
  return Convolution(rng, dtype, x, w, g, layout(), layout(), layout());
}

}  // namespace

TEST_CASE("bug class 22: all three directions agree with plain loops on random geometries and layouts") {
  on_every_target([] {
    Rng rng(1);
    for (int i = 0; i < 60; ++i) {
      for (const Dtype dtype : {float32, float64}) {
        auto c = random_convolution(rng, dtype);
        check(c);
      }
    }
  });
}

TEST_CASE("kernels of one pixel agree too: they are products where planes are rows") {
  on_every_target([] {
    Rng rng(2);
    for (const Dtype dtype : {float32, float64})
      for (const std::array<std::int64_t, 2> stride : {std::array<std::int64_t, 2>{1, 1}, {2, 1}, {2, 3}})
        for (const int x_layout : {0, 1, 4})
          for (const int y_layout : {0, 1, 4}) {
            Convolution c(rng, dtype, {2, 5, 13, 25}, {19, 5, 1, 1}, {stride, {0, 0}, {1, 1}, 1}, x_layout, 0,
                          y_layout);
            check(c);
          }
  });
}

TEST_CASE("few channels of small images agree too: the images of a batch are lanes") {
  on_every_target([] {
    Rng rng(3);
    for (const Dtype dtype : {float32, float64}) {
      for (const std::int64_t images : {16, 19, 70}) {
        Convolution plain(rng, dtype, {images, 3, 7, 6}, {5, 3, 5, 5}, {{1, 1}, {0, 0}, {1, 1}, 1}, 0, 0, 0);
        Convolution padded(rng, dtype, {images, 3, 5, 5}, {2, 3, 5, 4}, {{1, 1}, {3, 4}, {1, 1}, 1}, 0, 4, 0);
        Convolution strided(rng, dtype, {images, 4, 6, 9}, {6, 2, 3, 5}, {{2, 1}, {1, 3}, {1, 2}, 2}, 1, 0, 0);
        for (auto* c : {&plain, &padded, &strided}) check(*c);
      }
    }
  });
}
