// Sequences, and random tensors by their distributions: moments and chi-square on fixed seeds.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "autograd/autograd.h"
#include "tests/expect_error.h"

using namespace ebb;

namespace {

using List = std::vector<double>;
List values(const Tensor& x) { return x.to_vector<double>(); }

// Σ (observed - expected)² / expected.
double chi_square(const List& samples, const List& probabilities) {
  List counts(probabilities.size());
  for (const double s : samples) ++counts[static_cast<std::size_t>(s)];
  double sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = probabilities[i] * static_cast<double>(samples.size());
    if (expected == 0) CHECK(counts[i] == 0);
    else sum += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  return sum;
}

void check_moments(const Tensor& x, double mean_expected, double variance) {
  const double n = static_cast<double>(x.numel());
  CHECK(std::abs(mean(x).item() - mean_expected) < 4 * std::sqrt(variance / n));
  CHECK(std::abs(var(x).item() / variance - 1) < 12 / std::sqrt(n));  // 4 deviations of the exponential's
}

// The same on any number of threads.
template <class F>
void check_threads(F&& f) {
  const int before = num_threads();
  List expected;
  for (const int threads : {1, 2, 3, 8}) {
    set_num_threads(threads);
    manual_seed(7);
    const List got = values(f());
    if (threads == 1) expected = got;
    CHECK(got == expected);
  }
  set_num_threads(before);
}

}  // namespace

TEST_CASE("logspace") {
  const auto x = values(logspace(-2, 3, 6, 10, {.dtype = float64}));
  for (int i = 0; i < 6; ++i)
    CHECK(x[static_cast<std::size_t>(i)] == doctest::Approx(std::pow(10, i - 2)).epsilon(1e-15));
  CHECK(values(logspace(0, 4, 5, 2)) == List{1, 2, 4, 8, 16});
  CHECK(logspace(0, 4, 0).shape() == Shape{0});
  CHECK(logspace(0, 1, 2, 10, {.requires_grad = true}).requires_grad());
  CHECK_ERROR(logspace(0, 1, -1), "logspace: -1 steps; give 0 or more");
  CHECK_ERROR(logspace(0, 1, 2, 10, {.dtype = int64}), "logspace: dtype int64 given; ask for float32 or float64");
}

TEST_CASE("tril_indices and triu_indices are the places that tril and triu leave") {
  for (const std::int64_t offset : {-3, -1, 0, 2, 7}) {
    const Tensor x = ones({3, 5});
    for (const bool upper : {false, true}) {
      const Tensor places = upper ? triu_indices(3, 5, offset) : tril_indices(3, 5, offset);
      const Tensor y = zeros({3, 5});
      y.set_at({places[0], places[1]}, 1);
      CHECK(values(y) == values(upper ? triu(x, offset) : tril(x, offset)));
      CHECK(places.size(1) == static_cast<std::int64_t>(sum(y).item()));
    }
  }
  CHECK(values(tril_indices(2, 2)) == List{0, 1, 1, 0, 0, 1});
  CHECK_ERROR(tril_indices(-1, 2), "tril_indices: -1 rows and 2 columns; neither may be negative");
}

TEST_CASE("normal") {
  manual_seed(1);
  check_moments(normal(3, 2, {100'000}), 3, 4);
  check_moments(normal(full({100'000}, -1), tensor(0.5)), -1, 0.25);
  check_moments(normal(tensor(5.0), full({100'000}, 3)), 5, 9);
  check_moments(normal(full({100'000}, 2), 0.1), 2, 0.01);
  check_moments(normal(1, full({100'000}, 4)), 1, 16);
  const Tensor m = zeros({2, 1}), s = ones({3});
  CHECK(normal(m, s).shape() == Shape{2, 3});
  Tensor leaf = zeros({2});
  leaf.set_requires_grad();
  CHECK(!normal(leaf).requires_grad());
  CHECK(values(normal(4, 0, {2})) == List{4, 4});
  check_threads([] { return normal(1, 2, {70'000}); });
  CHECK_ERROR(normal(0, -1, {2}), "normal: the standard deviation is -1; it must not be negative");
  CHECK_ERROR(normal(m, -1), "normal: the standard deviation is -1; it must not be negative");
}

TEST_CASE("exponential") {
  manual_seed(2);
  for (const double rate : {1.0, 0.25, 30.0}) {
    const Tensor x = exponential({200'000}, rate);
    check_moments(x, 1 / rate, 1 / (rate * rate));
    CHECK(amin(x).item() >= 0);
    CHECK(!std::signbit(amin(x).item()));
    List bins;  // of equal probability
    for (const double v : values(x)) bins.push_back(std::floor(-std::expm1(-rate * v) * 20));
    CHECK(chi_square(bins, List(20, 0.05)) < 45);  // 19 degrees of freedom: probability 0.0007
  }
  check_moments(exponential({200'000}, 2, {.dtype = float64}), 0.5, 0.25);
  check_threads([] { return exponential({70'000}, 3); });
  CHECK_ERROR(exponential({2}, 0), "exponential: the rate is 0; it must be positive");
  CHECK_ERROR(exponential({2}, 1, {.dtype = int64}), "exponential: dtype int64 given; ask for float32 or float64");
}

TEST_CASE("multinomial with replacement draws with the weights' probabilities") {
  manual_seed(3);
  const List p{0.1, 0, 0.4, 0.3, 0.2, 0};
  for (const double scale : {1.0, 1e300, 1e-300}) {
    const Tensor weights = tensor(p) * scale;
    CHECK(chi_square(values(multinomial(weights, 100'000, true)), p) < 16.3);  // 3 degrees of freedom: 0.001
  }
  const Tensor rows = multinomial(tensor({{1.0, 0.0, 3.0}, {0.0, 2.0, 0.0}}), 50'000, true);
  CHECK(rows.dtype() == int64);
  CHECK(rows.shape() == Shape{2, 50'000});
  CHECK(chi_square(values(rows[0]), {0.25, 0, 0.75}) < 10.9);
  CHECK(sum(ne(rows[1], 1).to(int64)).item() == 0);
  CHECK(multinomial(ones({3}), 0, true).shape() == Shape{0});
  CHECK(multinomial(zeros({0, 3}), 2, true).shape() == Shape{0, 2});
  check_threads([] { return multinomial(rand({300, 40}), 50, true); });
}

TEST_CASE("multinomial without replacement draws one after the other") {
  manual_seed(4);
  const List p{0.1, 0.2, 0, 0.7};
  const Tensor pairs = multinomial(expand(tensor(p), {100'000, 4}), 2);
  // the pair (i, j) has the probability p_i p_j / (1 - p_i)
  List places, probabilities(16);
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 4; ++j) probabilities[4 * i + j] = i == j ? 0 : p[i] * p[j] / (1 - p[i]);
  const List drawn = values(pairs);
  for (std::size_t k = 0; k < drawn.size(); k += 2) places.push_back(4 * drawn[k] + drawn[k + 1]);
  CHECK(chi_square(places, probabilities) < 20.6);  // 5 degrees of freedom: 0.001
  const List all = values(multinomial(tensor({1e-300, 1.0, 1e300}, {.dtype = float64}), 3));
  CHECK(all[0] + all[1] + all[2] == 3);
  CHECK(all[0] != all[1]);
  check_threads([] { return multinomial(rand({300, 40}), 20); });
}

TEST_CASE("multinomial refuses") {
  constexpr double inf = std::numeric_limits<double>::infinity();
  CHECK_ERROR(multinomial(zeros({}), 1),
              "multinomial: the weights are float32 []; they must be [n] or [m, n], float32 or float64");
  CHECK_ERROR(multinomial(tensor({1, 2}), 1),
              "multinomial: the weights are int64 [2]; they must be [n] or [m, n], float32 or float64");
  CHECK_ERROR(multinomial(ones({2}), 3), "multinomial: 3 samples of 2 numbers without replacement");
  CHECK_ERROR(multinomial(ones({2}), -1, true), "multinomial: -1 samples of 2 numbers with replacement");
  CHECK_ERROR(multinomial(ones({0}), 1, true), "multinomial: 1 samples of 0 numbers with replacement");
  CHECK_ERROR(multinomial(zeros({2, 2}), 1), "multinomial: the weights of row 0 are all 0");
  CHECK_ERROR(multinomial(tensor({0.0, 1.0, -1.0}), 1),
              "multinomial: weight 2 of row 0 is -1; weights must be finite and not negative");
  CHECK_ERROR(multinomial(tensor({1.0, inf}), 1, true),
              "multinomial: weight 1 of row 0 is inf; weights must be finite and not negative");
  CHECK_ERROR(multinomial(tensor({0.0, 1.0}), 2),
              "multinomial: 2 samples without replacement, but only 1 weights of row 0 are not 0");
}

TEST_CASE("random tensors move on under Replay") {
  manual_seed(5);
  const auto draw = [](const Tensor& weights) {
    return multinomial(weights, 4, true).to(float32) + exponential({4}) + normal(0, 1, {4});
  };
  Replay again(draw);
  const Tensor weights = ones({10});
  const List first = values(again(weights)), second = values(again(weights));
  manual_seed(5);
  CHECK(first == values(draw(weights)));
  CHECK(second == values(draw(weights)));
}
