#include "autograd/kernels/norm.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include "tests/arrays.h"

using namespace ebb;
using namespace ebb::test;

namespace {

bool close(double a, double b, double tolerance) {
  return std::abs(a - b) <= tolerance * (1 + std::abs(b)) || (std::isnan(a) && std::isnan(b));
}

bool all_close(const Array& a, const std::vector<double>& b, double tolerance) {
  bool same = a.guarded();
  for (std::int64_t i = 0; i < a.numel(); ++i)
    same = same && close(a[i], b[static_cast<std::size_t>(i)], tolerance);
  return same;
}

View none() {
  static const Shape shape{0};
  static const Dims strides{1};
  return {nullptr, &shape, &strides, float32, true};
}

// Elements are in groups that are normalised together, and in classes that share weight and bias.
struct Plan {
  std::int64_t groups, classes;
  std::function<std::int64_t(std::int64_t)> group_of, class_of;
};
Plan layer_plan(std::int64_t rows, std::int64_t n) {
  return {rows, n, [n](std::int64_t i) { return i / n; }, [n](std::int64_t i) { return i % n; }};
}
Plan batch_plan(std::int64_t c, std::int64_t inner) {
  const auto channel = [c, inner](std::int64_t i) { return i / inner % c; };
  return {c, c, channel, channel};
}

struct Statistics {
  std::vector<double> mean, variance, count;
};
Statistics statistics_of(const Array& x, const Plan& plan) {
  const auto size = static_cast<std::size_t>(plan.groups);
  Statistics s{std::vector<double>(size), std::vector<double>(size), std::vector<double>(size)};
  const auto group = [&](std::int64_t i) { return static_cast<std::size_t>(plan.group_of(i)); };
  for (std::int64_t i = 0; i < x.numel(); ++i) s.mean[group(i)] += x[i], s.count[group(i)] += 1;
  for (std::size_t k = 0; k < size; ++k)
    s.mean[k] /= s.count[k], s.variance[k] = 0 / s.count[k];  // NaN of nothing
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const double deviation = x[i] - s.mean[group(i)];
    s.variance[group(i)] += deviation * deviation / s.count[group(i)];
  }
  return s;
}

// Gradients for given statistics: those of x = x̂ / rstd + mean, with x̂ depending on x through mean and rstd.
struct Gradients {
  std::vector<double> x, weight, bias;
};
Gradients gradients_of(const Array& g, const Array& x, const std::function<double(std::int64_t)>& weight,
                       const Array& mean, const Array& rstd, const Plan& plan) {
  const auto groups = static_cast<std::size_t>(plan.groups), classes = static_cast<std::size_t>(plan.classes);
  Gradients r{std::vector<double>(static_cast<std::size_t>(x.numel())), std::vector<double>(classes),
              std::vector<double>(classes)};
  std::vector<double> sum(groups), sum_normal(groups), count(groups);
  const auto normal = [&](std::int64_t i) { return (x[i] - mean[plan.group_of(i)]) * rstd[plan.group_of(i)]; };
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const auto k = static_cast<std::size_t>(plan.group_of(i)), c = static_cast<std::size_t>(plan.class_of(i));
    r.weight[c] += g[i] * normal(i);
    r.bias[c] += g[i];
    sum[k] += g[i] * weight(plan.class_of(i));
    sum_normal[k] += g[i] * weight(plan.class_of(i)) * normal(i);
    count[k] += 1;
  }
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const auto k = static_cast<std::size_t>(plan.group_of(i));
    r.x[static_cast<std::size_t>(i)] =
        rstd[plan.group_of(i)] *
        (g[i] * weight(plan.class_of(i)) - sum[k] / count[k] - normal(i) * sum_normal[k] / count[k]);
  }
  return r;
}

struct Case {
  Dtype dtype;
  Layout layout;  // of the coefficients
  bool has_weight, has_bias;
};

void check_layer_norm(Rng& rng, const Case& c, std::int64_t rows, std::int64_t n) {
  const double tolerance = c.dtype == float32 ? 3e-6 : 1e-12, eps = 1e-5;
  Array x(c.dtype, {rows, n}), y(c.dtype, {rows, n}), g(c.dtype, {rows, n}), gx(c.dtype, {rows, n});
  Array mean(c.dtype, {rows}, c.layout), rstd(c.dtype, {rows}, c.layout);
  Array weight(c.dtype, {n}, c.layout), bias(c.dtype, {n}, c.layout);
  Array gweight(c.dtype, {n}, c.layout), gbias(c.dtype, {n}, c.layout);
  x.fill_normal(rng, 3, 2);
  g.fill_normal(rng);
  weight.fill_normal(rng);
  bias.fill_normal(rng);
  const View w = c.has_weight ? weight.view() : none(), b = c.has_bias ? bias.view() : none();
  const auto plan = layer_plan(rows, n);
  const auto s = statistics_of(x, plan);

  kernels::layer_norm(y, mean, rstd, x, w, b, eps);
  std::vector<double> expected, expected_rstd;
  for (const double v : s.variance) expected_rstd.push_back(1 / std::sqrt(v + eps));
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const auto row = static_cast<std::size_t>(i / n);
    expected.push_back((x[i] - s.mean[row]) * expected_rstd[row] * (c.has_weight ? weight[i % n] : 1) +
                       (c.has_bias ? bias[i % n] : 0));
  }
  CHECK(all_close(y, expected, tolerance));
  CHECK(all_close(mean, s.mean, tolerance));
  CHECK(all_close(rstd, expected_rstd, tolerance));

  const auto gradients = gradients_of(
      g, x, [&](std::int64_t j) { return c.has_weight ? weight[j] : 1; }, mean, rstd, plan);
  const double many = 1 + std::sqrt(static_cast<double>(rows));
  double steep = 1;
  for (const double v : expected_rstd) steep = std::max(steep, v);
  kernels::layer_norm_backward(gx, gweight, gbias, g, x, w, mean, rstd);
  CHECK(all_close(gx, gradients.x, tolerance * steep));
  CHECK(all_close(gweight, gradients.weight, tolerance * many));
  CHECK(all_close(gbias, gradients.bias, tolerance * many));

  gx.fill([](std::int64_t) { return 0; });
  gbias.fill([](std::int64_t) { return 0; });
  kernels::layer_norm_backward(gx, none(), none(), g, x, w, mean, rstd);
  kernels::layer_norm_backward(none(), none(), gbias, g, x, w, mean, rstd);
  CHECK(all_close(gx, gradients.x, tolerance * steep));
  CHECK(all_close(gbias, gradients.bias, tolerance * many));
}

void check_batch_norm(Rng& rng, const Case& k, std::int64_t n, std::int64_t c, std::int64_t inner) {
  const double tolerance = k.dtype == float32 ? 3e-6 : 1e-12;
  Array x(k.dtype, {n, c, inner}), y(k.dtype, {n, c, inner}), g(k.dtype, {n, c, inner}),
      gx(k.dtype, {n, c, inner});
  Array mean(k.dtype, {c}, k.layout), variance(k.dtype, {c}), rstd(k.dtype, {c}, k.layout);
  Array weight(k.dtype, {c}, k.layout), bias(k.dtype, {c}, k.layout);
  Array gweight(k.dtype, {c}, k.layout), gbias(k.dtype, {c}, k.layout);
  x.fill([&, normal = std::normal_distribution<double>()](std::int64_t i) mutable {
    return static_cast<double>(i / inner % c % 5) + normal(rng);
  });
  g.fill_normal(rng);
  weight.fill_normal(rng);
  bias.fill_normal(rng);
  const View w = k.has_weight ? weight.view() : none(), b = k.has_bias ? bias.view() : none();
  const auto plan = batch_plan(c, inner);
  const auto s = statistics_of(x, plan);

  kernels::batch_norm_statistics(mean, variance, x);
  CHECK(all_close(mean, s.mean, tolerance));
  CHECK(all_close(variance, s.variance, tolerance));
  rstd.fill([&](std::int64_t j) { return 1 / std::sqrt(variance[j] + 1e-5); });

  kernels::batch_norm_apply(y, x, mean, rstd, w, b);
  std::vector<double> expected;
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const std::int64_t j = plan.class_of(i);
    expected.push_back((x[i] - mean[j]) * rstd[j] * (k.has_weight ? weight[j] : 1) + (k.has_bias ? bias[j] : 0));
  }
  CHECK(all_close(y, expected, tolerance));

  const auto gradients = gradients_of(
      g, x, [&](std::int64_t j) { return k.has_weight ? weight[j] : 1; }, mean, rstd, plan);
  const double many = 1 + std::sqrt(static_cast<double>(n * inner));
  kernels::batch_norm_backward(gx, gweight, gbias, g, x, w, mean, rstd);
  CHECK(all_close(gx, gradients.x, tolerance));
  CHECK(all_close(gweight, gradients.weight, tolerance * many));
  CHECK(all_close(gbias, gradients.bias, tolerance * many));

  gx.fill([](std::int64_t) { return 0; });
  gweight.fill([](std::int64_t) { return 0; });
  kernels::batch_norm_backward(gx, none(), none(), g, x, w, mean, rstd);
  kernels::batch_norm_backward(none(), gweight, none(), g, x, w, mean, rstd);
  CHECK(all_close(gx, gradients.x, tolerance));
  CHECK(all_close(gweight, gradients.weight, tolerance * many));
}

constexpr Case kCases[] = {{float32, Layout::contiguous, true, true},
                           {float32, Layout::gaps, true, false},
                           {float64, Layout::contiguous, true, true},
                           {float64, Layout::reversed, false, true},
                           {float32, Layout::contiguous, false, false}};

}  // namespace

TEST_CASE("layer_norm and its gradients equal plain loops") {
  Rng rng(1);
  on_every_target([&] {
    for (const Case& c : kCases)
      for (const auto& [rows, n] :
           {std::pair{1, 1}, {1, 2}, {3, 7}, {33, 16}, {5, 100}, {40, 67}, {2, 1500}, {700, 30}, {0, 4}, {3, 0}})
        check_layer_norm(rng, c, rows, n);
  });
}

TEST_CASE("batch_norm and its gradients equal plain loops") {
  Rng rng(2);
  struct Sizes {
    std::int64_t n, c, inner;
  };
  on_every_target([&] {
    for (const Case& k : kCases)
      for (const auto& [n, c, inner] :
           {Sizes{2, 1, 1}, Sizes{33, 20, 1}, Sizes{700, 37, 1}, Sizes{9, 5, 4}, Sizes{4, 3, 15}, Sizes{4, 3, 16},
            Sizes{6, 6, 196}, Sizes{2, 3, 1030}, Sizes{1, 2, 40}, Sizes{3, 0, 5}})
        check_batch_norm(rng, k, n, c, inner);
  });
}

TEST_CASE("normalisation of float numbers around 10,000") {
  Rng rng(3);
  on_every_target([&] {
    Array x(float32, {8, 512}), y(float32, {8, 512}), mean(float32, {8}), rstd(float32, {8});
    x.fill_normal(rng, 1e4, 1);
    kernels::layer_norm(y, mean, rstd, x, none(), none(), 0);
    const auto s = statistics_of(x, layer_plan(8, 512));
    std::vector<double> expected;
    for (std::int64_t i = 0; i < x.numel(); ++i) {
      const auto row = static_cast<std::size_t>(i / 512);
      expected.push_back((x[i] - s.mean[row]) / std::sqrt(s.variance[row]));
    }
    CHECK(all_close(y, expected, 1e-6));

    for (const Shape& shape : {Shape{8, 4, 512}, Shape{4096, 4, 1}}) {
      Array z(float32, shape), m(float32, {4}), variance(float32, {4});
      z.fill_normal(rng, 1e4, 1);
      kernels::batch_norm_statistics(m, variance, z);
      const auto t = statistics_of(z, batch_plan(4, shape[2]));
      CHECK(all_close(m, t.mean, 1e-7));
      CHECK(all_close(variance, t.variance, 3e-7));
    }
  });
}

TEST_CASE("constant rows give the bias, and no division by 0") {
  Array x(float32, {2, 40}), y(float32, {2, 40}), mean(float32, {2}), rstd(float32, {2}), bias(float32, {40});
  x.fill([](std::int64_t) { return 7; });
  bias.fill([](std::int64_t i) { return static_cast<double>(i); });
  kernels::layer_norm(y, mean, rstd, x, none(), bias, 1e-5);
  for (std::int64_t i = 0; i < 80; ++i) CHECK(y[i] == static_cast<double>(i % 40));
  CHECK(rstd[0] == doctest::Approx(1 / std::sqrt(1e-5)));
}

TEST_CASE("normalisation gives the same bits on any number of threads") {
  Rng rng(4);
  const auto check = [&](const Shape& shape, std::int64_t statistics, std::int64_t parameters, auto&& backward) {
    Array x(float32, shape), g(float32, shape), gx(float32, shape);
    Array mean(float32, {statistics}), rstd(float32, {statistics}), weight(float32, {parameters});
    Array gweight(float32, {parameters}), gbias(float32, {parameters});
    for (Array* a : {&x, &g, &mean, &weight}) a->fill_normal(rng);
    rstd.fill([](std::int64_t) { return 0.7; });
    CHECK(same_bits_on_any_threads([&] {
      backward(gx, gweight, gbias, g, x, weight, mean, rstd);
      return std::array{gx.bytes(), gweight.bytes(), gbias.bytes()};
    }));
  };
  check({3000, 100}, 3000, 100, kernels::layer_norm_backward);
  check({3000, 100, 1}, 100, 100, kernels::batch_norm_backward);
  check({40, 20, 300}, 20, 20, kernels::batch_norm_backward);
  Array x(float32, {40, 20, 300}), mean(float32, {20}), variance(float32, {20});
  x.fill_normal(rng);
  CHECK(same_bits_on_any_threads([&] {
    kernels::batch_norm_statistics(mean, variance, x);
    return std::array{mean.bytes(), variance.bytes()};
  }));
}
