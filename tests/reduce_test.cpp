#include "autograd/kernels/reduce.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tests/arrays.h"

using namespace ebb;
using namespace ebb::test;
using kernels::Reduce;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Elements of x that become one element of y, each list in row-major order.
std::vector<std::vector<double>> groups(const Array& x, const Shape& y) {
  std::vector<std::vector<double>> result(static_cast<std::size_t>(y.numel()));
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    std::int64_t rest = i, at = 0, step = 1;
    for (int dim = y.rank() - 1; dim >= 0; --dim) {
      const std::int64_t place = rest % x.shape()[dim];
      rest /= x.shape()[dim];
      at += (y[dim] == 1 ? 0 : place) * step;
      step *= y[dim];
    }
    result[static_cast<std::size_t>(at)].push_back(x[i]);
  }
  return result;
}

double sum_of(const std::vector<double>& v) {
  double sum = 0;
  for (const double e : v) sum += e;
  return sum;
}
double variance_of(const std::vector<double>& v, double divisor) {
  const double mean = sum_of(v) / static_cast<double>(v.size());
  double sum = 0;
  for (const double e : v) sum += (e - mean) * (e - mean);
  return sum / divisor;
}
double largest_of(const std::vector<double>& v, double sign) {
  double best = -kInf;
  for (const double e : v) {
    if (std::isnan(e)) return e;
    best = std::max(best, sign * e);
  }
  return sign * best;
}
double logsumexp_of(const std::vector<double>& v) {
  const double largest = largest_of(v, 1);
  if (!std::isfinite(largest)) return largest;
  double sum = 0;
  for (const double e : v) sum += std::exp(e - largest);
  return largest + std::log(sum);
}

bool close(double a, double b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) return a == b;
  return std::abs(a - b) <= tolerance * (1 + std::abs(b));
}

// A shape of y for x's: some dimensions reduced.
Shape reduced_shape(Rng& rng, const Shape& shape) {
  Dims sizes = shape;
  for (int dim = 0; dim < sizes.rank(); ++dim)
    if (pick(rng, 0, 1) == 0) sizes[dim] = 1;
  return Shape(sizes);
}

double round_to(Dtype dtype, double v) {
  return dtype == float32 ? static_cast<double>(static_cast<float>(v)) : v;
}

void check_all_reductions(Array& x, const Shape& to, Layout y_layout) {
  const bool floating = is_floating(x.dtype());
  const double unit = x.dtype() == float32 ? 2e-7 : 1e-15;
  const auto lists = groups(x, to);
  const auto check = [&](Array& y, double tolerance, auto&& run, auto&& expected) {
    y.fill([](std::int64_t) { return 99; });
    run();
    bool same = y.guarded();
    for (std::int64_t i = 0; i < y.numel(); ++i) {
      const auto& list = lists[static_cast<std::size_t>(i)];
      const double allowed = tolerance * (2 + std::sqrt(static_cast<double>(list.size())));
      same = same && close(y[i], round_to(y.dtype(), expected(list)), allowed);
    }
    CHECK_MESSAGE(same, to_string(x.shape()), " to ", to_string(to));
  };
  Array y(floating ? x.dtype() : int64, to, y_layout), same(x.dtype(), to, y_layout);
  check(
      y, unit, [&] { kernels::reduce<Reduce::sum>(y, x); }, sum_of);
  if (x.numel() > 0) {
    check(
        same, 0, [&] { kernels::reduce<Reduce::amax>(same, x); }, [](const auto& v) { return largest_of(v, 1); });
    check(
        same, 0, [&] { kernels::reduce<Reduce::amin>(same, x); }, [](const auto& v) { return largest_of(v, -1); });
  }
  if (!floating) return;
  check(
      y, unit, [&] { kernels::reduce<Reduce::sum>(y, x, 0.25); }, [](const auto& v) { return 0.25 * sum_of(v); });
  check(
      y, unit, [&] { kernels::variance(y, x, 3); },
      [](const auto& v) { return v.empty() ? kNaN : variance_of(v, 3); });
  check(
      y, unit, [&] { kernels::logsumexp(y, x); }, logsumexp_of);
}

}  // namespace

TEST_CASE("bug class 22: reductions of any shape and strides equal plain loops") {
  Rng rng(1);
  on_every_target([&] {
    for (int round = 0; round < 150; ++round) {
      const Shape shape = random_shape(rng, static_cast<int>(pick(rng, 0, 5)), 4000);
      for (const Dtype dtype : {float32, float64, int64, int32, uint8, boolean}) {
        Array x(dtype, shape, kLayouts[pick(rng, 0, 4)]);
        x.fill_normal(rng, dtype == uint8 ? 100 : 0, dtype == boolean ? 0.5 : is_floating(dtype) ? 1 : 20);
        const Shape to = reduced_shape(rng, shape);
        if (shape.numel() == 0 && to.numel() > 0 && !is_floating(dtype)) continue;
        check_all_reductions(x, to, kOutputLayouts[pick(rng, 0, 3)]);
      }
    }
  });
}

TEST_CASE("long reductions, split into segments, equal plain loops") {
  Rng rng(2);
  struct Case {
    Shape from, to;
  };
  on_every_target([&] {
    for (const auto& [from, to] : {Case{{100'001}, {1}}, Case{{30'003, 3}, {1, 3}}, Case{{30'003, 3}, {30'003, 1}},
                                   Case{{5, 3, 9001}, {1, 3, 1}}, Case{{3, 2, 100, 200}, {1, 2, 1, 1}},
                                   Case{{70, 3000}, {1, 3000}}, Case{{2, 150'000}, {2, 1}}}) {
      for (const Layout layout : {Layout::contiguous, Layout::permuted, Layout::gaps}) {
        Array x(float32, from, layout);
        x.fill_normal(rng);
        check_all_reductions(x, to, Layout::contiguous);
      }
    }
  });
}

TEST_CASE("a reduction gives the same bits on any number of threads") {
  Rng rng(3);
  for (const auto& [from, to] : {std::pair<Shape, Shape>{{1'000'003}, {1}},
                                 {{30'000, 33}, {1, 33}},
                                 {{4000, 300}, {4000, 1}},
                                 {{16, 12, 50, 50}, {1, 12, 1, 1}}}) {
    Array x(float32, from), y(float32, to);
    x.fill_normal(rng);
    const auto run = [&](auto&& kernel) {
      CHECK(same_bits_on_any_threads([&] {
        kernel();
        return y.bytes();
      }));
    };
    run([&] { kernels::reduce<Reduce::sum>(y, x); });
    run([&] { kernels::variance(y, x, 5); });
    run([&] { kernels::logsumexp(y, x); });
  }
}

TEST_CASE("a float sum of ten million elements is right to the last bits") {
  Array x(float32, {10'000'000}), y(float32, {1});
  Rng rng(4);
  double exact = 0;
  auto* data = x.view().as<float>();
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    data[i] = 1.0f + static_cast<float>(rng() >> 44) * 0x1p-20f;
    exact += static_cast<double>(data[i]);
  }
  on_every_target([&] {
    kernels::reduce<Reduce::sum>(y, x);
    CHECK(std::abs(y[0] / exact - 1) < 1e-7);
  });
}

TEST_CASE("integers are summed exactly, as int64") {
  Array x(int32, {1000, 3}), y(int64, {1, 3});
  x.fill([](std::int64_t i) { return 2e9 + static_cast<double>(i % 3); });
  kernels::reduce<Reduce::sum>(y, x);
  CHECK(y[0] == 2e12);
  CHECK(y[1] == 2e12 + 1000);
  CHECK(y[2] == 2e12 + 2000);
  const std::int64_t large = (std::int64_t{1} << 53) + 1;
  Array a(int64, {5}), s(int64, {1});
  for (int i = 0; i < 5; ++i) a.view().as<std::int64_t>()[i] = large + i;
  kernels::reduce<Reduce::amax>(s, a);
  CHECK(*s.view().as<std::int64_t>() == large + 4);
  kernels::reduce<Reduce::amin>(s, a);
  CHECK(*s.view().as<std::int64_t>() == large);
  kernels::reduce<Reduce::sum>(s, a);
  CHECK(*s.view().as<std::int64_t>() == 5 * large + 10);
}

TEST_CASE("empty reductions") {
  for (const Shape& from : {Shape{0}, Shape{3, 0}, Shape{0, 3}, Shape{3, 0, 70}}) {
    Dims to = from;
    for (int dim = 0; dim < to.rank(); ++dim)
      if (from[dim] == 0) to[dim] = 1;
    Array x(float32, from), y(float32, Shape(to));
    const auto all_are = [&](double value) {
      bool same = true;
      for (std::int64_t i = 0; i < y.numel(); ++i) same = same && close(y[i], value, 0);
      return same;
    };
    kernels::reduce<Reduce::sum>(y, x);
    CHECK(all_are(0));
    kernels::reduce<Reduce::amax>(y, x);
    CHECK(all_are(-kInf));
    kernels::reduce<Reduce::amin>(y, x);
    CHECK(all_are(kInf));
    kernels::logsumexp(y, x);
    CHECK(all_are(-kInf));
    kernels::variance(y, x, 0);
    CHECK(all_are(kNaN));
    kernels::reduce<Reduce::sum>(y, x, kInf);  // the mean of nothing
    CHECK(all_are(kNaN));
  }
  Array none(int32, {0}), least(int32, {1});
  kernels::reduce<Reduce::amax>(least, none);
  CHECK(least[0] == std::numeric_limits<std::int32_t>::min());
}

TEST_CASE("NaN and infinities at every place of a row and of a column") {
  on_every_target([] {
    for (const std::int64_t n : {1, 3, 17, 64, 70}) {
      for (std::int64_t at = 0; at < n; ++at) {
        for (const bool column : {false, true}) {
          Array x(float32, column ? Shape{n, 40} : Shape{40, n}), y(float32, column ? Shape{1, 40} : Shape{40, 1});
          const std::int64_t place = column ? at * 40 + 7 : 7 * n + at;
          const auto result = [&](double value, double others, auto&& kernel) {
            x.fill([&](std::int64_t i) { return i == place ? value : others; });
            kernel();
            return y[7];
          };
          const auto amax = [&] { kernels::reduce<Reduce::amax>(y, x); };
          const auto amin = [&] { kernels::reduce<Reduce::amin>(y, x); };
          const auto lse = [&] { kernels::logsumexp(y, x); };
          CHECK(std::isnan(result(kNaN, 1, amax)));
          CHECK(std::isnan(result(kNaN, 1, amin)));
          CHECK(std::isnan(result(kNaN, kInf, lse)));
          CHECK(std::isnan(result(kNaN, -kInf, lse)));
          CHECK(y[6] == -kInf);
          CHECK(result(kInf, 1, lse) == kInf);
          CHECK(result(kInf, -kInf, lse) == kInf);
          CHECK(result(-kInf, -kInf, lse) == -kInf);
          CHECK(result(3, -kInf, lse) == 3);
          CHECK(result(-5, -kInf, amax) == -5);
          CHECK(result(5, kInf, amin) == 5);
          CHECK(close(result(1e4, 1e4, lse), 1e4 + std::log(static_cast<double>(n)), 1e-7));
        }
      }
    }
  });
}

TEST_CASE("the variance of numbers far from 0") {
  Rng rng(5);
  on_every_target([&] {
    for (const auto& [from, to] : {std::pair<Shape, Shape>{{4, 5000}, {4, 1}}, {{5000, 4}, {1, 4}}}) {
      Array x(float32, from), y(float32, to), mean(float32, to);
      x.fill_normal(rng, 1e4, 1);
      const auto lists = groups(x, to);
      kernels::mean_variance(mean, y, x, 5000);
      for (std::int64_t i = 0; i < 4; ++i) {
        const auto& list = lists[static_cast<std::size_t>(i)];
        CHECK(close(y[i], variance_of(list, 5000), 3e-7));
        CHECK(close(mean[i], sum_of(list) / 5000, 1e-7));
      }
      x.fill([](std::int64_t) { return 0.1; });
      kernels::variance(y, x, 5000);
      for (std::int64_t i = 0; i < 4; ++i) CHECK(y[i] == 0);
      const double step = 0x1p-10;  // from one float to the next there: the mean lies between them
      x.fill([&](std::int64_t) { return 8192 + static_cast<double>(pick(rng, 0, 1)) * step; });
      const auto pairs = groups(x, to);
      kernels::variance(y, x, 5000);
      for (std::int64_t i = 0; i < 4; ++i)
        CHECK(close(y[i] / (step * step), variance_of(pairs[static_cast<std::size_t>(i)], 5000) / (step * step),
                    1e-6));
    }
  });
}
