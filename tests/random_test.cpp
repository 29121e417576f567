// Random kernels: against the scalar generator, and by their statistics.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "autograd/base/random.h"
#include "autograd/kernels/elementwise.h"
#include "tests/every_target.h"

namespace {

using namespace ebb;
using test::Array;
using test::Layout;

constexpr std::uint64_t kSeed = 0x123456789abcdef0;

TEST_CASE("philox gives the published numbers") {
  using Counter = std::array<std::uint32_t, 4>;
  // Random123's kat_vectors
  CHECK(philox({0, 0, 0, 0}, {0, 0}) == Counter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}) ==
        Counter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Counter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

// Number `position` of the stream; word 1 has the numbers for a second 32 bits.
std::uint32_t number(std::uint64_t position, std::uint32_t word = 0) {
  const std::uint64_t block = position / 4;
  return philox({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), word, 0},
                {static_cast<std::uint32_t>(kSeed), static_cast<std::uint32_t>(kSeed >> 32)})[position % 4];
}

// Beginnings of a call: the block's number may pass 2^32.
constexpr std::uint64_t kPositions[] = {0, 4, 1000, 4 * (std::uint64_t{1} << 32) - 40};
const Shape kShapes[] = {Shape{}, Shape{0}, Shape{3}, Shape{64}, Shape{1023}, Shape{5, 7, 41}, Shape{2100}};

double unit_float(std::uint64_t position) { return (number(position) >> 8) * 0x1p-24; }
double unit_double(std::uint64_t position) {
  const std::uint64_t k = (std::uint64_t{number(position)} << 21) | (number(position, 1) >> 11);
  return static_cast<double>(k) * 0x1p-53;
}

// f(position, shape, layout of the output)
template <class F>
void for_each_call(F&& f) {
  for (const auto position : kPositions)
    for (const auto& shape : kShapes)
      for (const auto layout : test::kOutputLayouts) f(position, shape, layout);
}

TEST_CASE("uniform: element i is number position + i, scaled") {
  test::with_every_target([] {
    for_each_call([](std::uint64_t position, const Shape& shape, Layout layout) {
      Array x(float32, shape, layout), y(float64, shape, layout);
      kernels::uniform(x, kSeed, position, 0, 1);
      kernels::uniform(y, kSeed, position, -2, 6);
      CHECK((x.guarded() && y.guarded()));
      bool right = true;
      for (std::int64_t i = 0; i < x.numel(); ++i) {
        const std::uint64_t p = position + static_cast<std::uint64_t>(i);
        right = right && x[i] == unit_float(p) && y[i] == -2 + 8 * unit_double(p);
      }
      CHECK(right);
    });
  });
}

TEST_CASE("bug class 19: uniform stays below its end, even where the end is the next number") {
  const double next = std::nextafter(1.0F, 2.0F);
  const std::pair<double, double> ranges[] = {{0, 1}, {1, next}, {-1e30, 1e30}, {-3, -2.5}, {5, 5}};
  for (const auto& [low, high] : ranges) {
    Array x(float32, {100000});
    kernels::uniform(x, kSeed, 0, low, high);
    bool inside = true;
    for (std::int64_t i = 0; i < x.numel(); ++i) inside = inside && x[i] >= low && (x[i] < high || low == high);
    CHECK(inside);
  }
}

TEST_CASE("normal: Box and Muller on pairs of numbers") {
  test::with_every_target([] {
    for_each_call([](std::uint64_t position, const Shape& shape, Layout layout) {
      Array x(float32, shape, layout), y(float64, shape, layout);
      kernels::normal(x, kSeed, position, 0, 1);
      kernels::normal(y, kSeed, position, 3, 0.5);
      CHECK((x.guarded() && y.guarded()));
      double worst_x = 0, worst_y = 0;
      const auto of_pair = [](std::int64_t i, double u, double v) {
        const double radius = std::sqrt(-2 * std::log(u)), angle = 6.283185307179586477 * v;
        return radius * (i % 2 == 0 ? std::cos(angle) : std::sin(angle));
      };
      for (std::int64_t i = 0; i < x.numel(); ++i) {
        const std::uint64_t p = position + static_cast<std::uint64_t>(i / 2 * 2);
        const double u = (static_cast<float>(number(p) >> 1) + 1.0F) * 0x1p-31;
        worst_x = std::max(worst_x, std::fabs(x[i] - of_pair(i, u, unit_float(p + 1))));
        const double expected = 3 + 0.5 * of_pair(i, unit_double(p) + 0x1p-53, unit_double(p + 1));
        worst_y = std::max(worst_y, std::fabs(y[i] - expected));
      }
      CHECK(worst_x < 6e-6);
      CHECK(worst_y < 1e-14);
    });
  });
}

TEST_CASE("moments: uniform and normal") {
  for (const auto dtype : {float32, float64}) {
    constexpr std::int64_t n = 200000;
    Array u(dtype, {n}), z(dtype, {n});
    kernels::uniform(u, 1, 0, 0, 1);
    kernels::normal(z, 2, 0, 0, 1);
    double mean_u = 0, mean_z = 0, square = 0, cube = 0, fourth = 0, neighbours = 0, most = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      const double v = z[i];
      mean_u += u[i] / n;
      mean_z += v / n, square += v * v / n, cube += v * v * v / n, fourth += v * v * v * v / n;
      if (i > 0) neighbours += v * z[i - 1] / n;
      most = std::max(most, std::fabs(v));
    }
    // five standard deviations each
    CHECK(std::fabs(mean_u - 0.5) < 5 * 0.2887 / std::sqrt(n));
    CHECK(std::fabs(mean_z) < 5 / std::sqrt(n));
    CHECK(std::fabs(square - 1) < 5 * std::sqrt(2.0 / n));
    CHECK(std::fabs(cube) < 5 * std::sqrt(15.0 / n));
    CHECK(std::fabs(fourth - 3) < 5 * std::sqrt(96.0 / n));
    CHECK(std::fabs(neighbours) < 5 / std::sqrt(n));
    CHECK(most > 4);
    CHECK(most < 7);
  }
}

TEST_CASE("bernoulli: 1 where the number is below p 2^32, in every dtype") {
  for (const auto dtype : {float32, float64, int64, int32, uint8, boolean}) {
    for (const double p : {0.0, 1.0, 0.3, 0.5, 1e-9}) {
      for_each_call([&](std::uint64_t position, const Shape& shape, Layout layout) {
        Array y(dtype, shape, layout);
        kernels::bernoulli(y, kSeed, position, p);
        CHECK(y.guarded());
        bool right = true;
        for (std::int64_t i = 0; i < y.numel(); ++i)
          right =
              right && (y[i] != 0) == (number(position + static_cast<std::uint64_t>(i)) < std::round(p * 0x1p32));
        CHECK(right);
      });
    }
  }
}

TEST_CASE("randint: every number of the range, and no other") {
  Array y(int64, {4000});
  kernels::randint(y, kSeed, 0, -3, 4);
  std::array<int, 7> counts{};
  for (std::int64_t i = 0; i < y.numel(); ++i) {
    REQUIRE((y[i] >= -3 && y[i] < 4));
    ++counts[static_cast<std::size_t>(y[i] + 3)];
  }
  for (const int count : counts) CHECK(std::abs(count - 571) < 5 * 23);

  for (const auto dtype : {int32, uint8, float32}) {
    Array same(dtype, {4000}, Layout::gaps);
    kernels::randint(same, kSeed, 0, 0, 7);
    bool equal = same.guarded();
    for (std::int64_t i = 0; i < y.numel(); ++i) equal = equal && same[i] == y[i] + 3;
    CHECK(equal);
  }
  using Limits = std::numeric_limits<std::int64_t>;
  Array wide(int64, {1000}), one(int64, {10});
  kernels::randint(wide, kSeed, 0, Limits::min(), Limits::max());
  double mean = 0;
  for (std::int64_t i = 0; i < 1000; ++i) mean += wide[i] / 1000;
  CHECK(std::fabs(mean) < 5 * 0x1p64 * 0.2887 / std::sqrt(1000.0));
  kernels::randint(one, kSeed, 0, 42, 43);
  for (std::int64_t i = 0; i < 10; ++i) CHECK(one[i] == 42);
}

TEST_CASE("dropout: zeros and scaled elements, as bernoulli(1 - p) says") {
  test::with_every_target([] {
    for (const auto dtype : {float32, float64}) {
      for (const double p : {0.0, 0.25, 0.5, 1.0}) {
        for_each_call([&](std::uint64_t position, const Shape& shape, Layout layout) {
          for (const auto x_layout : test::kLayouts) {
            Array x(dtype, shape, x_layout), y(dtype, shape, layout), kept(dtype, shape);
            x.fill([](std::int64_t i) { return static_cast<double>(i % 17) - 8.5; });
            kernels::dropout(y, x, kSeed, position, p);
            kernels::bernoulli(kept, kSeed, position, 1 - p);
            bool right = y.guarded();
            for (std::int64_t i = 0; i < y.numel(); ++i) {
              const double expected = kept[i] == 0 ? 0 : x[i] / (1 - p);
              right = right && std::fabs(y[i] - expected) <= 1e-6 * std::fabs(expected);
            }
            CHECK(right);
          }
        });
      }
    }
  });
}

TEST_CASE("a call can be split, and threads do not matter") {
  constexpr std::int64_t n = 150000, cut = 70000;
  const auto all = [](Array& y, Array& x, std::uint64_t position) {
    kernels::normal(x, kSeed, position, 0, 1);
    kernels::dropout(y, x, kSeed, position, 0.3);
  };
  Array x(float32, {n}), y(float32, {n});
  CHECK(test::same_bits_on_any_threads([&] {
    all(y, x, 400);
    return y.bytes();
  }));
  Array x1(float32, {cut}), y1(float32, {cut}), x2(float32, {n - cut}), y2(float32, {n - cut});
  all(y1, x1, 400);
  all(y2, x2, 400 + cut);
  bool equal = true;
  for (std::int64_t i = 0; i < n; ++i) equal = equal && y[i] == (i < cut ? y1[i] : y2[i - cut]);
  CHECK(equal);
}

}  // namespace
