#include "data/plane.h"

#include <cmath>
#include <numbers>

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "autograd/ops.h"

namespace ebb::data {
namespace {

constexpr double kRadius = 5, kPi = std::numbers::pi;

// What draws the random numbers of one set.
struct Source {
  Generator* generator;

  Tensor uniform(std::int64_t n, double low, double high) const {
    return low + (high - low) * rand({n, 1}, {.generator = generator});
  }
  Tensor around(const Tensor& x, double distance) const { return x + uniform(x.size(0), -distance, distance); }
};

// 1 where the condition holds, else -1.
Tensor classes_of(const Tensor& condition) { return 2 * condition.to(float32) - 1; }
Tensor halves(std::int64_t n) { return cat({ones({n / 2, 1}), full({n - n / 2, 1}, -1)}); }
PlanePoints points_of(const Tensor& x1, const Tensor& x2, const Tensor& classes) {
  return {cat({x1, x2}, 1), classes};
}

PlanePoints circle(const Source& draw, std::int64_t n, double noise) {
  const Tensor radius =
      cat({draw.uniform(n / 2, 0, 0.5 * kRadius), draw.uniform(n - n / 2, 0.7 * kRadius, kRadius)});
  const Tensor angle = draw.uniform(n, 0, 2 * kPi);
  const Tensor x1 = radius * sin(angle), x2 = radius * cos(angle);
  const Tensor y1 = draw.around(x1, kRadius * noise), y2 = draw.around(x2, kRadius * noise);
  return points_of(x1, x2, classes_of(lt(hypot(y1, y2), 0.5 * kRadius)));
}

PlanePoints exclusive_or(const Source& draw, std::int64_t n, double noise) {
  const auto coordinate = [&] {
    const Tensor x = draw.uniform(n, -kRadius, kRadius);
    return x + 0.3 * classes_of(gt(x, 0));
  };
  const Tensor x1 = coordinate(), x2 = coordinate();
  const Tensor y1 = draw.around(x1, kRadius * noise), y2 = draw.around(x2, kRadius * noise);
  return points_of(x1, x2, classes_of(ge(y1 * y2, 0)));
}

PlanePoints gauss(const Source& draw, std::int64_t n, double noise) {
  const Tensor classes = halves(n);
  const auto coordinate = [&] {
    return 2 * classes + std::sqrt(0.5 + 7 * noise) * randn({n, 1}, {.generator = draw.generator});
  };
  const Tensor x1 = coordinate(), x2 = coordinate();
  return points_of(x1, x2, classes);
}

PlanePoints spiral(const Source& draw, std::int64_t n, double noise) {
  const auto arm = [&](std::int64_t count, double turned) {
    const Tensor along = arange(static_cast<double>(count), {.dtype = float32}) / static_cast<double>(count);
    const Tensor angle = reshape(3.5 * kPi * along + turned, {count, 1}),
                 radius = reshape(kRadius * along, {count, 1});
    return cat({draw.around(radius * sin(angle), noise), draw.around(radius * cos(angle), noise)}, 1);
  };
  const Tensor first = arm(n / 2, 0), second = arm(n - n / 2, kPi);
  return {cat({first, second}), halves(n)};
}

}  // namespace

PlanePoints plane_points(PlaneSet set, std::int64_t n, double noise, Generator* generator) {
  if (n < 2 || !(noise >= 0 && noise <= 1))
    fail("plane_points: {} points with noise {}; give two or more, and noise from 0 to 1", n, noise);
  const Source draw{generator};
  switch (set) {
    case PlaneSet::circle:
      return circle(draw, n, noise);
    case PlaneSet::exclusive_or:
      return exclusive_or(draw, n, noise);
    case PlaneSet::gauss:
      return gauss(draw, n, noise);
    case PlaneSet::spiral:
      break;
  }
  return spiral(draw, n, noise);
}

}  // namespace ebb::data
