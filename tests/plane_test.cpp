// Points of two classes in the plane.
#include "data/plane.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>

#include "autograd/ops.h"
#include "tests/expect_error.h"

using namespace ebb;
using data::PlaneSet;

namespace {

struct Point {
  double x1, x2, label;
  double radius() const { return std::hypot(x1, x2); }
};

std::vector<Point> points_of(PlaneSet set, std::int64_t n, double noise = 0) {
  Generator random{7};
  const auto [points, classes] = data::plane_points(set, n, noise, &random);
  REQUIRE(points.shape() == Shape{n, 2});
  REQUIRE(classes.shape() == Shape{n, 1});
  const auto x = points.to_vector<double>(), y = classes.to_vector<double>();
  std::vector<Point> all;
  for (std::size_t i = 0; i < y.size(); ++i) all.push_back({x[2 * i], x[2 * i + 1], y[i]});
  return all;
}

// The share of class 1.
double share(const std::vector<Point>& points) {
  double ones = 0;
  for (const auto& p : points) {
    CHECK(std::abs(p.label) == 1);
    ones += p.label > 0;
  }
  return ones / static_cast<double>(points.size());
}

}  // namespace

TEST_CASE("circle") {
  const auto all = points_of(PlaneSet::circle, 2001);
  CHECK(share(all) == doctest::Approx(1000. / 2001));
  for (const auto& p : all) {
    CHECK(p.radius() <= 5.0001);
    CHECK((p.radius() < 2.5) == (p.label > 0));
    CHECK_FALSE((p.radius() > 2.5001 && p.radius() < 3.4999));
  }
  int moved = 0;
  for (const auto& p : points_of(PlaneSet::circle, 2000, 0.3)) moved += (p.radius() < 2.5) != (p.label > 0);
  CHECK(moved > 100);
}

TEST_CASE("xor") {
  const auto all = points_of(PlaneSet::exclusive_or, 2000);
  CHECK(share(all) == doctest::Approx(0.5).epsilon(0.1));
  for (const auto& p : all) {
    CHECK((p.x1 * p.x2 > 0) == (p.label > 0));
    CHECK(std::min(std::abs(p.x1), std::abs(p.x2)) >= 0.2999);
    CHECK(std::max(std::abs(p.x1), std::abs(p.x2)) <= 5.3001);
  }
}

TEST_CASE("gauss") {
  for (const double noise : {0.0, 0.5}) {
    const auto all = points_of(PlaneSet::gauss, 4000, noise);
    CHECK(share(all) == 0.5);
    double mean = 0, variance = 0;
    for (const auto& p : all) {
      mean += p.label * (p.x1 + p.x2) / 8000;
      variance += (std::pow(p.x1 - 2 * p.label, 2) + std::pow(p.x2 - 2 * p.label, 2)) / 8000;
    }
    CHECK(mean == doctest::Approx(2).epsilon(0.03));
    CHECK(variance == doctest::Approx(0.5 + 7 * noise).epsilon(0.05));
  }
}

TEST_CASE("spiral") {
  const auto all = points_of(PlaneSet::spiral, 500);
  CHECK(share(all) == 0.5);
  for (const auto& p : all) {  // the angle from the second axis, less that of the arm at this radius
    const double turned = std::atan2(p.x1, p.x2) - 3.5 * std::numbers::pi * p.radius() / 5;
    if (p.radius() > 0.1) CHECK(std::cos(turned) == doctest::Approx(p.label).epsilon(1e-4));
  }
  double distance = 0;
  const auto moved = points_of(PlaneSet::spiral, 500, 0.2);
  for (std::size_t i = 0; i < all.size(); ++i)
    distance = std::max(distance, std::hypot(moved[i].x1 - all[i].x1, moved[i].x2 - all[i].x2));
  CHECK(distance > 0.2);
  CHECK(distance < 0.2 * std::numbers::sqrt2);
}

TEST_CASE("what plane_points refuses") {
  CHECK_ERROR(data::plane_points(PlaneSet::gauss, 1),
              "plane_points: 1 points with noise 0; give two or more, and noise from 0 to 1");
  CHECK_THROWS_AS(data::plane_points(PlaneSet::gauss, 10, -0.1), Error);
}
