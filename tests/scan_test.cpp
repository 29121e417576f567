#include "autograd/kernels/scan.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "tests/arrays.h"
#include "tests/lines_of.h"

using namespace ebb;
using namespace ebb::test;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double round_to(Dtype dtype, double v) {
  return dtype == float32 ? static_cast<double>(static_cast<float>(v)) : v;
}

bool close(double a, double b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b || std::abs(a - b) <= tolerance * (1 + std::abs(b));
}

using Line = std::vector<double>;
using Plain = std::function<Line(const Line&)>;

Line running(const Line& x, double start, double (*combine)(double, double)) {
  Line y;
  for (const double e : x) y.push_back(start = combine(start, e));
  return y;
}
Line running_extreme(const Line& x, bool largest) {
  Line y;
  std::size_t best = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const bool better = largest ? x[i] >= x[best] : x[i] <= x[best];
    if (std::isnan(x[i]) || (!std::isnan(x[best]) && better)) best = i;
    y.push_back(static_cast<double>(best));
  }
  return y;
}
Line backwards(Line x) {
  std::reverse(x.begin(), x.end());
  return x;
}

const Plain kSums = [](const Line& x) { return running(x, 0, [](double a, double b) { return a + b; }); };
const Plain kProducts = [](const Line& x) { return running(x, 1, [](double a, double b) { return a * b; }); };
Plain from_the_end(const Plain& f) {
  return [f](const Line& x) { return backwards(f(backwards(x))); };
}

// Lines of y are f of the lines of x.
void check(const Array& x, const Array& y, int dim, const Plain& f, double tolerance) {
  bool same = y.guarded();
  for (std::int64_t line = 0; line < lines_of(x.shape(), dim); ++line) {
    const auto got = line_of(y, dim, line);
    const auto expected = f(line_of(x, dim, line));
    for (std::size_t i = 0; i < got.size(); ++i)
      same = same && close(got[i], round_to(y.dtype(), expected[i]), tolerance);
  }
  CHECK_MESSAGE(same, to_string(x.shape()), " along ", dim, " of ", name_of(x.dtype()));
}

}  // namespace

TEST_CASE("scans of any shape and strides equal plain loops") {
  Rng rng(1);
  for (int round = 0; round < 150; ++round) {
    const Shape shape = random_shape(rng, static_cast<int>(pick(rng, 1, 4)), 4000);
    const int dim = static_cast<int>(pick(rng, 0, shape.rank() - 1));
    for (const Dtype dtype : {float32, float64, int64, int32, uint8, boolean}) {
      Array x(dtype, shape, kLayouts[pick(rng, 0, 4)]);
      const auto layout = kOutputLayouts[pick(rng, 0, 3)];
      const bool floating = is_floating(dtype);
      x.fill([&](std::int64_t) {
        return static_cast<double>(
            pick(rng, dtype == uint8 || dtype == boolean ? 0 : -2, dtype == boolean ? 1 : 2));
      });
      Array y(floating ? dtype : int64, shape, layout), places(int64, shape, layout);
      kernels::cumsum(y, x, dim, false);
      check(x, y, dim, kSums, 0);
      kernels::cumsum(y, x, dim, true);
      check(x, y, dim, from_the_end(kSums), 0);
      kernels::cummax(places, x, dim);
      check(
          x, places, dim, [](const Line& line) { return running_extreme(line, true); }, 0);
      kernels::cummin(places, x, dim);
      check(
          x, places, dim, [](const Line& line) { return running_extreme(line, false); }, 0);
      x.fill([&](std::int64_t i) { return i % 3 == 0 && dtype != boolean && dtype != uint8 ? -1.0 : 1.0; });
      kernels::cumprod(y, x, dim, false);
      check(x, y, dim, kProducts, 0);
      if (!floating) continue;
      x.fill_normal(rng, 0, 3);
      const double unit = dtype == float32 ? 1e-7 : 1e-14;
      kernels::cumprod(y, x, dim, true);
      check(x, y, dim, from_the_end(kProducts), unit);
      kernels::logcumsumexp(y, x, dim);
      check(
          x, y, dim,
          [](const Line& line) {
            return running(line, -kInf, [](double a, double b) {
              const double largest = std::max(a, b);
              return largest + std::log(std::exp(a - largest) + std::exp(b - largest));
            });
          },
          10 * unit);
    }
  }
}

TEST_CASE("linear recurrences in both directions, by their own factor or the one before") {
  Rng rng(2);
  for (int round = 0; round < 60; ++round) {
    const Shape shape = random_shape(rng, static_cast<int>(pick(rng, 1, 3)), 1000);
    const int dim = static_cast<int>(pick(rng, 0, shape.rank() - 1));
    for (const Dtype dtype : {float32, float64}) {
      Array a(dtype, shape, kLayouts[pick(rng, 0, 4)]), b(dtype, shape, kLayouts[pick(rng, 0, 4)]),
          y(dtype, shape, kOutputLayouts[pick(rng, 0, 3)]);
      a.fill_normal(rng, 0, 0.5);
      b.fill_normal(rng);
      for (const bool reverse : {false, true}) {
        for (const bool shifted : {false, true}) {
          kernels::linear_scan(y, a, b, dim, reverse, shifted);
          bool same = y.guarded();
          for (std::int64_t line = 0; line < lines_of(shape, dim); ++line) {
            const auto turned = [&](const Array& x) {
              const auto elements = line_of(x, dim, line);
              return reverse ? backwards(elements) : elements;
            };
            const Line factor = turned(a), term = turned(b), got = turned(y);
            double last = 0;
            for (std::size_t i = 0; i < got.size(); ++i) {
              last = i == 0 ? term[0] : term[i] + factor[shifted ? i - 1 : i] * last;
              same = same && close(got[i], last, dtype == float32 ? 1e-6 : 1e-14);
            }
          }
          CHECK(same);
        }
      }
    }
  }
}

TEST_CASE("a float sum of ten million elements is right in every place") {
  Array x(float32, {10'000'000}), y(float32, {10'000'000});
  Rng rng(3);
  auto* data = x.view().as<float>();
  for (std::int64_t i = 0; i < x.numel(); ++i) data[i] = 1.0f + static_cast<float>(rng() >> 44) * 0x1p-20f;
  kernels::cumsum(y, x, 0, false);
  double exact = 0, worst = 0;
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    exact += static_cast<double>(data[i]);
    worst = std::max(worst, std::abs(static_cast<double>(y.view().as<float>()[i]) / exact - 1));
  }
  CHECK(worst < 0x1p-24);
}

TEST_CASE("sums and products of integers wrap") {
  Array x(int64, {3}), y(int64, {3});
  auto* data = x.view().as<std::int64_t>();
  data[0] = std::numeric_limits<std::int64_t>::max();
  data[1] = 2;
  data[2] = -1;
  kernels::cumsum(y, x, 0, false);
  CHECK(y.view().as<std::int64_t>()[1] == std::numeric_limits<std::int64_t>::min() + 1);
  CHECK(y.view().as<std::int64_t>()[2] == std::numeric_limits<std::int64_t>::min());
  kernels::cumprod(y, x, 0, false);
  CHECK(y.view().as<std::int64_t>()[1] == -2);
  CHECK(y.view().as<std::int64_t>()[2] == 2);
}

TEST_CASE("an infinite or missing first factor of a recurrence is not used") {
  for (const double first : {kInf, kNaN}) {
    Array a(float64, {2}), b(float64, {2}), y(float64, {2});
    a.set(0, first);
    a.set(1, 2);
    b.fill([](std::int64_t) { return 1; });
    kernels::linear_scan(y, a, b, 0, false, false);
    CHECK(y[0] == 1);
    CHECK(y[1] == 3);
  }
}

TEST_CASE("scans give the same bits on any number of threads") {
  Rng rng(4);
  for (const auto& [shape, dim] : {std::pair<Shape, int>{{3, 100'003}, 1}, {{300, 1001}, 0}, {{5000, 60}, 1}}) {
    Array x(float32, shape), y(float32, shape);
    x.fill_normal(rng);
    for (const auto& kernel : {&kernels::cumsum, &kernels::cumprod})
      CHECK(same_bits_on_any_threads([&, d = dim] {
        kernel(y, x, d, false);
        return y.bytes();
      }));
    CHECK(same_bits_on_any_threads([&, d = dim] {
      kernels::logcumsumexp(y, x, d);
      return y.bytes();
    }));
  }
}
