#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

#include "autograd/base/error.h"
#include "autograd/kernels/reduce.h"
#include "tests/arrays.h"

using namespace ebb;
using namespace ebb::test;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Row-major places of the elements of each row of `shape` along `dim`.
std::vector<std::vector<std::int64_t>> rows_along(const Shape& shape, int dim) {
  std::int64_t inner = 1;
  for (int d = dim + 1; d < shape.rank(); ++d) inner *= shape[d];
  std::vector<std::vector<std::int64_t>> rows;
  for (std::int64_t i = 0; i < shape.numel(); ++i) {
    if (i / inner % shape[dim] != 0) continue;
    rows.emplace_back();
    for (std::int64_t j = 0; j < shape[dim]; ++j) rows.back().push_back(i + j * inner);
  }
  return rows;
}

double logsumexp_of(const Array& x, const std::vector<std::int64_t>& row) {
  double largest = -kInf, sum = 0;
  for (const auto i : row) largest = std::max(largest, x[i]);
  for (const auto i : row) sum += std::exp(x[i] - largest);
  return largest + std::log(sum);
}

bool close(double a, double b, double tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b || std::abs(a - b) <= tolerance * (1 + std::abs(b));
}

template <class Expected>
void check_rows(const char* name, const Array& y, int dim, double tolerance, Expected&& expected) {
  bool same = y.guarded();
  for (const auto& row : rows_along(y.shape(), dim)) {
    const auto values = expected(row);
    for (std::size_t j = 0; j < row.size(); ++j) same = same && close(y[row[j]], values(row[j]), tolerance);
  }
  CHECK_MESSAGE(same, name, " of ", to_string(y.shape()), " along ", dim);
}

void check_softmaxes(Rng& rng, Dtype dtype, const Shape& shape, int dim) {
  const double tolerance = dtype == float32 ? 1e-6 : 1e-14;
  Array x(dtype, shape, kLayouts[pick(rng, 0, 4)]), g(dtype, shape, kLayouts[pick(rng, 0, 4)]);
  Array y(dtype, shape, kOutputLayouts[pick(rng, 0, 3)]), gx(dtype, shape, kOutputLayouts[pick(rng, 0, 3)]);
  x.fill_normal(rng, 0, 4);
  g.fill_normal(rng);
  const auto sum_over = [&](const auto& row, auto&& term) {
    double sum = 0;
    for (const auto i : row) sum += term(i);
    return sum;
  };

  kernels::softmax(y, x, dim);
  check_rows("softmax", y, dim, tolerance, [&](const auto& row) {
    return [&x, l = logsumexp_of(x, row)](std::int64_t i) { return std::exp(x[i] - l); };
  });
  kernels::softmax_backward(gx, g, y, dim);
  check_rows("softmax_backward", gx, dim, tolerance, [&](const auto& row) {
    const double dot = sum_over(row, [&](std::int64_t i) { return g[i] * y[i]; });
    return [&g, &y, dot](std::int64_t i) { return y[i] * (g[i] - dot); };
  });
  kernels::log_softmax(y, x, dim);
  check_rows("log_softmax", y, dim, tolerance,
             [&](const auto& row) { return [&x, l = logsumexp_of(x, row)](std::int64_t i) { return x[i] - l; }; });
  kernels::log_softmax_backward(gx, g, y, dim);
  check_rows("log_softmax_backward", gx, dim, 10 * tolerance, [&](const auto& row) {
    const double sum = sum_over(row, [&](std::int64_t i) { return g[i]; });
    return [&g, &y, sum](std::int64_t i) { return g[i] - std::exp(y[i]) * sum; };
  });
}

void check_logsumexp_backward(Rng& rng, Dtype dtype, const Shape& shape) {
  const auto layout = [&] { return kLayouts[pick(rng, 0, 4)]; };
  Array g(dtype, shape, layout()), x(dtype, shape, layout()), y(dtype, shape, layout());
  Array gx(dtype, shape, kOutputLayouts[pick(rng, 0, 3)]);
  g.fill_normal(rng);
  x.fill_normal(rng, 0, 4);
  y.fill([&](std::int64_t) { return pick(rng, 0, 9) == 0 ? kInf : 20 + static_cast<double>(pick(rng, 0, 5)); });
  kernels::logsumexp_backward(gx, g, x, y);
  bool same = gx.guarded();
  for (std::int64_t i = 0; i < gx.numel(); ++i)
    same = same && close(gx[i], g[i] * std::exp(x[i] - y[i]), dtype == float32 ? 1e-6 : 1e-14);
  CHECK_MESSAGE(same, "logsumexp_backward of ", to_string(shape));
}

template <class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const Error& e) { return e.what(); }
  return "";
}

}  // namespace

TEST_CASE("softmax, log_softmax and their gradients equal plain loops") {
  Rng rng(1);
  on_every_target([&] {
    for (int round = 0; round < 150; ++round) {
      const Shape shape = random_shape(rng, static_cast<int>(pick(rng, 1, 4)), 3000);
      for (const Dtype dtype : {float32, float64})
        check_softmaxes(rng, dtype, shape, static_cast<int>(pick(rng, 0, shape.rank() - 1)));
    }
    for (const Shape& shape : {Shape{3, 2000}, Shape{2000, 3}, Shape{300, 10}, Shape{2, 600, 5}})
      for (int dim = 0; dim < shape.rank(); ++dim) check_softmaxes(rng, float32, shape, dim);
  });
}

TEST_CASE("logsumexp's gradient equals plain loops, in any layout; a row of -inf gets 0") {
  Rng rng(4);
  on_every_target([&] {
    for (const Dtype dtype : {float32, float64}) {
      for (int round = 0; round < 50; ++round)
        check_logsumexp_backward(rng, dtype, random_shape(rng, static_cast<int>(pick(rng, 1, 4)), 3000));
      for (const Shape& shape : {Shape{20001}, Shape{7, 3001}, Shape{3001, 7}})
        check_logsumexp_backward(rng, dtype, shape);
      Array gx(dtype, {3}), g(dtype, {3}), x(dtype, {3}), y(dtype, {3});
      g.fill([](std::int64_t) { return 2; });
      x.fill([](std::int64_t i) { return i == 2 ? kNaN : -kInf; });
      y.fill([](std::int64_t) { return -kInf; });
      kernels::logsumexp_backward(gx, g, x, y);
      CHECK(gx[0] == 0);
      CHECK(gx[1] == 0);
      CHECK(std::isnan(gx[2]));
    }
  });
}

TEST_CASE("bug class 11: softmax of far numbers, infinities and NaN") {
  on_every_target([] {
    for (const std::int64_t n : {2, 9, 16, 40}) {
      Array x(float32, {3, n}), y(float32, {3, n}), l(float32, {3, n});
      const auto run = [&](double first, double others) {  // of row 1; the other rows are 0
        x.fill([&](std::int64_t i) { return i == n ? first : i > n && i < 2 * n ? others : 0; });
        kernels::softmax(y, x, 1);
        kernels::log_softmax(l, x, 1);
        for (const std::int64_t row : {0, 2}) {
          CHECK(close(y[row * n + 1], 1 / static_cast<double>(n), 1e-7));
          CHECK(close(l[row * n + 1], -std::log(static_cast<double>(n)), 1e-6));
        }
      };
      run(1e4, 0);
      CHECK(y[n] == 1);
      CHECK(y[n + 1] == 0);
      CHECK(l[n] == 0);
      CHECK(l[n + 1] == -1e4);
      run(-1e4, -1e4);
      CHECK(close(y[n], 1 / static_cast<double>(n), 1e-7));
      run(3, -kInf);
      CHECK(y[n] == 1);
      CHECK(y[n + 1] == 0);
      CHECK(l[n + 1] == -kInf);
      for (const auto& [first, others] : {std::pair{-kInf, -kInf}, {kNaN, 0.0}, {0.0, kNaN}, {kNaN, -kInf}}) {
        run(first, others);
        for (std::int64_t i = n; i < 2 * n; ++i) CHECK((std::isnan(y[i]) && std::isnan(l[i])));
      }
    }
  });
}

TEST_CASE("exponentials are right to the last bits down to the smallest normal number") {
  on_every_target([] {
    const auto check = [](Dtype dtype, double least, double unit) {
      const std::int64_t n = 4000;
      Array x(dtype, {n, 2}), y(dtype, {n, 2});
      x.fill([&](std::int64_t i) { return i % 2 == 0 ? 0 : least * static_cast<double>(i / 2) / n; });
      kernels::softmax(y, x, 1);
      double worst = 0;
      for (std::int64_t i = 0; i < n; ++i) {
        const double e = std::exp(x[2 * i + 1]), exact = e / (1 + e);
        worst = std::max(worst, std::abs(y[2 * i + 1] / exact - 1));
      }
      CHECK(worst < 3 * unit);
    };
    check(float32, -87.3, 0x1p-23);
    check(float64, -708.3, 0x1p-52);
  });
}

TEST_CASE("argmax and argmin: the first of equals, a NaN before all, any strides") {
  Rng rng(2);
  on_every_target([&] {
    for (int round = 0; round < 100; ++round) {
      const Shape shape = random_shape(rng, static_cast<int>(pick(rng, 1, 4)), 3000);
      const int dim = static_cast<int>(pick(rng, 0, shape.rank() - 1));
      if (shape[dim] == 0) continue;
      for (const Dtype dtype : {float32, float64, int64, int32, uint8, boolean}) {
        Array x(dtype, shape, kLayouts[pick(rng, 0, 4)]);
        x.fill([&](std::int64_t) { return static_cast<double>(pick(rng, 0, dtype == boolean ? 1 : 9)); });
        if (is_floating(dtype) && x.numel() > 0)
          for (int k = 0; k < 3; ++k) x.set(pick(rng, 0, x.numel() - 1), kNaN);
        const Shape to = shape.with(dim, 1);
        Array low(int64, to, kOutputLayouts[pick(rng, 0, 3)]), high(int64, to, kOutputLayouts[pick(rng, 0, 3)]);
        kernels::argmax(high, x, dim);
        kernels::argmin(low, x, dim);
        bool same = low.guarded() && high.guarded();
        const auto rows = rows_along(shape, dim);
        for (std::size_t r = 0; r < rows.size(); ++r) {
          std::size_t first_high = 0, first_low = 0;
          for (std::size_t j = 1; j < rows[r].size(); ++j) {
            const double value = x[rows[r][j]], h = x[rows[r][first_high]], l = x[rows[r][first_low]];
            if (!std::isnan(h) && (value > h || std::isnan(value))) first_high = j;
            if (!std::isnan(l) && (value < l || std::isnan(value))) first_low = j;
          }
          same = same && high[static_cast<std::int64_t>(r)] == static_cast<double>(first_high) &&
                 low[static_cast<std::int64_t>(r)] == static_cast<double>(first_low);
        }
        CHECK_MESSAGE(same, to_string(shape), " along ", dim);
      }
    }
  });
  Array x(float32, {2, 0}), y(int64, {2, 1});
  CHECK(message_of([&] { kernels::argmax(y, x, 1); }) ==
        "argmax: dimension 1 of [2, 0] is empty; an index needs at least one element");
}

TEST_CASE("cross_entropy and its gradient equal plain loops; ignored rows are 0") {
  Rng rng(3);
  on_every_target([&] {
    for (const Dtype dtype : {float32, float64}) {
      for (const auto& size : {std::pair{64, 10}, {1, 1}, {7, 1000}, {300, 33}, {0, 5}}) {
        const std::int64_t n = size.first, classes = size.second;
        for (const Layout layout : kOutputLayouts) {
          const double tolerance = dtype == float32 ? 1e-6 : 1e-14;
          Array x(dtype, {n, classes}, layout), gx(dtype, {n, classes}, layout);
          Array target(int64, {n}, layout), loss(dtype, {n}, layout), scale(dtype, {n}, layout);
          x.fill_normal(rng, 0, 3);
          scale.fill_normal(rng);
          target.fill([&](std::int64_t i) {
            return i % 5 == 3 ? -100.0 : static_cast<double>(pick(rng, 0, classes - 1));
          });
          if (n > 3) x.set(3 * classes, kNaN);  // in an ignored row
          kernels::cross_entropy(loss, x, target, -100);
          kernels::cross_entropy_backward(gx, x, target, scale, -100);
          bool same = loss.guarded() && gx.guarded();
          const auto rows = rows_along(x.shape(), 1);
          for (std::int64_t i = 0; i < n; ++i) {
            const bool ignored = target[i] == -100;
            const double l = logsumexp_of(x, rows[static_cast<std::size_t>(i)]);
            const auto t = static_cast<std::int64_t>(target[i]);
            same = same && close(loss[i], ignored ? 0 : l - x[i * classes + t], tolerance);
            for (std::int64_t j = 0; j < classes; ++j) {
              const double softmax = std::exp(x[i * classes + j] - l);
              const double expected = ignored ? 0 : scale[i] * (softmax - (j == t ? 1 : 0));
              same = same && close(gx[i * classes + j], expected, tolerance);
            }
          }
          CHECK_MESSAGE(same, n, " x ", classes);
        }
      }
    }
  });
}

TEST_CASE("bug class 12: a target out of range is an error, before anything is written") {
  Array x(float32, {3, 4}), gx(float32, {3, 4}), loss(float32, {3}), scale(float32, {3}), target(int64, {3});
  x.fill([](std::int64_t i) { return static_cast<double>(i); });
  scale.fill([](std::int64_t) { return 1; });
  for (const double bad : {4.0, -1.0}) {
    target.fill([&](std::int64_t i) { return i == 2 ? bad : i == 1 ? -7 : 0; });
    loss.fill([](std::int64_t) { return 5; });
    gx.fill([](std::int64_t) { return 5; });
    const auto text = "cross_entropy: target " + std::to_string(static_cast<int>(bad)) +
                      " at row 2 is outside [0, 4) and is not ignore_index -7";
    CHECK(message_of([&] { kernels::cross_entropy(loss, x, target, -7); }) == text);
    CHECK(message_of([&] { kernels::cross_entropy_backward(gx, x, target, scale, -7); }) == text);
    CHECK(loss[0] == 5);
    CHECK(gx[0] == 5);
  }
}

TEST_CASE("softmax and cross_entropy give the same bits on any number of threads") {
  Rng rng(4);
  Array x(float32, {2000, 100}), y(float32, {2000, 100}), target(int64, {2000}), loss(float32, {2000});
  x.fill_normal(rng);
  target.fill([&](std::int64_t) { return static_cast<double>(pick(rng, 0, 99)); });
  for (const int dim : {0, 1})
    CHECK(same_bits_on_any_threads([&] {
      kernels::softmax(y, x, dim);
      return y.bytes();
    }));
  CHECK(same_bits_on_any_threads([&] {
    kernels::cross_entropy(loss, x, target, -1);
    return loss.bytes();
  }));
}
