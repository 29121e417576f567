// Initial weights: their bounds, moments and orthogonality.
#include "nn/init.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "autograd/base/parallel.h"
#include "autograd/create.h"
#include "autograd/ops.h"
#include "nn/nn.h"

using namespace ebb;
using namespace ebb::nn::init;

namespace {

struct Moments {
  double mean = 0, std = 0, min = 0, max = 0;
};

Moments moments(const Tensor& t) {
  const auto values = t.to_vector<double>();
  Moments m;
  for (const double v : values) m.mean += v;
  m.mean /= static_cast<double>(values.size());
  for (const double v : values) m.std += (v - m.mean) * (v - m.mean);
  m.std = std::sqrt(m.std / static_cast<double>(values.size()));
  m.min = *std::ranges::min_element(values);
  m.max = *std::ranges::max_element(values);
  return m;
}

// Values that fill (-bound, bound) evenly.
void check_uniform(const Tensor& t, double bound) {
  const auto m = moments(t);
  CHECK(m.min >= -bound);
  CHECK(m.max <= bound);
  CHECK(m.min == doctest::Approx(-bound).epsilon(0.03));
  CHECK(m.max == doctest::Approx(bound).epsilon(0.03));
  CHECK(std::abs(m.mean) < 0.05 * bound);
  CHECK(m.std == doctest::Approx(bound / std::sqrt(3.0)).epsilon(0.03));
}

void check_normal(const Tensor& t, double std) {
  const auto m = moments(t);
  CHECK(std::abs(m.mean) < 0.05 * std);
  CHECK(m.std == doctest::Approx(std).epsilon(0.03));
  CHECK(m.max > 3 * std);
}

// The largest |(q qᵀ)ij - expected δij|, for the rows of t as a matrix, or its columns if those are fewer.
double distance_from_orthogonal(const Tensor& t, double square) {
  const auto q = t.to_vector<double>();
  const auto rows = t.size(0), columns = t.numel() / rows;
  const bool by_rows = rows <= columns;
  const auto count = std::min(rows, columns), n = std::max(rows, columns);
  const auto at = [&](std::int64_t i, std::int64_t k) {
    return q[static_cast<std::size_t>(by_rows ? i * columns + k : k * columns + i)];
  };
  double worst = 0;
  for (std::int64_t i = 0; i < count; ++i)
    for (std::int64_t j = 0; j < count; ++j) {
      double product = 0;
      for (std::int64_t k = 0; k < n; ++k) product += at(i, k) * at(j, k);
      worst = std::max(worst, std::abs(product - (i == j ? square : 0)));
    }
  return worst;
}

std::string error_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) { return error.what(); }
  return "no error";
}

}  // namespace

TEST_CASE("uniform_, normal_, constant_") {
  const Tensor t = empty({200, 100});
  uniform_(t, -2, 2);
  check_uniform(t, 2);
  normal_(t, 0, 0.5);
  check_normal(t, 0.5);
  normal_(t, 3, 0.5);
  CHECK(moments(t).mean == doctest::Approx(3).epsilon(0.01));
  constant_(t, 7);
  CHECK(moments(t).min == 7);
  CHECK(moments(t).max == 7);
}

TEST_CASE("eye_") {
  const nn::Linear layer{2, 3};
  CHECK(eye_(layer.weight).to_vector<double>() == std::vector<double>{1, 0, 0, 1, 0, 0});
  CHECK(error_of([] { eye_(zeros({2})); }) == "eye_: the tensor is float32 [2]; give a matrix");
  CHECK_THROWS_AS(eye_(zeros({2, 2}, {.dtype = int64})), Error);
}

TEST_CASE("they write in place, also where grad is required") {
  nn::Linear layer{3, 2};
  const auto* memory = layer.weight.data<const float>();
  CHECK(constant_(layer.weight, 1).data<const float>() == memory);
  uniform_(layer.weight, 5, 6);
  CHECK(layer.weight.data<const float>() == memory);
  CHECK(layer.weight.requires_grad());
  CHECK(layer.weight.is_leaf());
  CHECK(moments(layer.weight).min >= 5);
}

TEST_CASE("a view is written where it lies") {
  const Tensor t = zeros({4, 4});
  uniform_(select(t, 1, 2), 1, 2);
  const auto values = t.to_vector<float>();
  for (std::size_t i = 0; i < 16; ++i) CHECK((i % 4 == 2 ? values[i] >= 1 : values[i] == 0));
}

TEST_CASE("the same generator state makes the same numbers") {
  Generator a{7, 0}, b{7, 0}, other{8, 0};
  const auto draw = [](Generator& g) { return normal_(empty({33}), 0, 1, &g).to_vector<float>(); };
  const auto first = draw(a);
  CHECK(draw(b) == first);
  CHECK(draw(a) != first);  // the stream went on
  CHECK(draw(other) != first);
  manual_seed(7);
  CHECK(normal_(empty({33})).to_vector<float>() == first);
}

TEST_CASE("fans") {
  CHECK(fans({5, 3}).in == 3);
  CHECK(fans({5, 3}).out == 5);
  CHECK(fans({8, 4, 3, 2}).in == 24);
  CHECK(fans({8, 4, 3, 2}).out == 48);
  CHECK(error_of([] { fans({5}); }) ==
        "fans: a tensor of shape [5] has no fan in and fan out; give two dimensions or more, [out, in, ...]");
}

TEST_CASE("gains are PyTorch's") {
  CHECK(calculate_gain(Nonlinearity::linear) == 1);
  CHECK(calculate_gain(Nonlinearity::sigmoid) == 1);
  CHECK(calculate_gain(Nonlinearity::tanh) == doctest::Approx(1.6666666666666667));
  CHECK(calculate_gain(Nonlinearity::relu) == doctest::Approx(1.4142135623730951));
  CHECK(calculate_gain(Nonlinearity::leaky_relu) == doctest::Approx(1.4141428569978354));
  CHECK(calculate_gain(Nonlinearity::leaky_relu, 0.2) == doctest::Approx(1.3867504905630728));
  CHECK(calculate_gain(Nonlinearity::selu) == 0.75);
}

TEST_CASE("xavier and kaiming") {
  const Tensor t = empty({50, 20, 3, 3});  // fans 180 and 450
  xavier_uniform_(t);
  check_uniform(t, std::sqrt(6.0 / 630));
  xavier_uniform_(t, 2);
  check_uniform(t, 2 * std::sqrt(6.0 / 630));
  xavier_normal_(t);
  check_normal(t, std::sqrt(2.0 / 630));
  kaiming_uniform_(t);
  check_uniform(t, std::sqrt(6.0 / 180));
  kaiming_uniform_(t, {.slope = std::sqrt(5.0)});
  check_uniform(t, 1 / std::sqrt(180.0));
  kaiming_uniform_(t, {.fan = Fan::out, .nonlinearity = Nonlinearity::relu});
  check_uniform(t, std::sqrt(6.0 / 450));
  kaiming_normal_(t, {.nonlinearity = Nonlinearity::tanh});
  check_normal(t, 5.0 / 3 / std::sqrt(180.0));
  kaiming_normal_(t, {.fan = Fan::out, .nonlinearity = Nonlinearity::linear});
  check_normal(t, 1 / std::sqrt(450.0));
}

TEST_CASE("the layers start as PyTorch's do") {
  const nn::Linear linear{100, 200};
  check_uniform(linear.weight, 0.1);
  check_uniform(nn::Linear{4, 5000}.bias, 0.5);
  const nn::Conv2d conv{.in = 8, .out = 3000, .kernel = {2, 4}, .groups = 2};  // fan in 4 · 2 · 4
  check_uniform(conv.weight, 1 / std::sqrt(32.0));
  check_uniform(conv.bias, 1 / std::sqrt(32.0));
  const nn::Embedding embedding{.count = 300, .size = 50, .padding = 2};
  check_normal(embedding.weight, 1);
  CHECK(moments(embedding.weight[2]).max == 0);
  CHECK(moments(embedding.weight[2]).min == 0);
  const nn::BatchNorm2d norm{3};
  CHECK(norm.weight.to_vector<float>() == std::vector<float>(3, 1));
  CHECK(norm.bias.to_vector<float>() == std::vector<float>(3, 0));
  CHECK(norm.running_mean.to_vector<float>() == std::vector<float>(3, 0));
  CHECK(norm.running_var.to_vector<float>() == std::vector<float>(3, 1));
}

TEST_CASE("orthogonal_") {
  for (const auto& shape :
       {Shape{1, 1}, Shape{3, 3}, Shape{4, 9}, Shape{9, 4}, Shape{6, 2, 3, 3}, Shape{20, 2, 3}}) {
    const Tensor t = empty(shape, float64);
    CHECK(distance_from_orthogonal(orthogonal_(t), 1) < 1e-13);
    CHECK(distance_from_orthogonal(orthogonal_(t, 3), 9) < 1e-12);
  }
  CHECK(distance_from_orthogonal(orthogonal_(empty({150, 150})), 1) < 1e-6);
  CHECK(distance_from_orthogonal(orthogonal_(empty({150, 150}, float64)), 1) < 1e-10);
  CHECK(orthogonal_(empty({0, 3})).numel() == 0);
}

TEST_CASE("orthogonal_ has no preferred direction") {
  // For a uniform rotation of the plane, cos of its angle has mean 0 and variance 1/2, and half are reflections.
  double sum = 0, squares = 0, determinants = 0;
  constexpr int kDraws = 4000;
  for (int i = 0; i < kDraws; ++i) {
    const auto q = orthogonal_(empty({2, 2}, float64)).to_vector<double>();
    sum += q[0];
    squares += q[0] * q[0];
    determinants += q[0] * q[3] - q[1] * q[2];
  }
  CHECK(std::abs(sum / kDraws) < 0.05);
  CHECK(squares / kDraws == doctest::Approx(0.5).epsilon(0.05));
  CHECK(std::abs(determinants / kDraws) < 0.08);
}

TEST_CASE("orthogonal_ has the same bits at any number of threads") {
  const int before = num_threads();
  const auto draw = [] {
    Generator g{3, 0};
    return orthogonal_(empty({90, 400}), 1, &g).to_vector<float>();
  };
  set_num_threads(1);
  const auto one = draw();
  set_num_threads(4);
  CHECK(draw() == one);
  set_num_threads(before);
}

TEST_CASE("errors") {
  CHECK(error_of([] { uniform_(zeros({2}, {.dtype = int64})); }) ==
        "uniform_: the tensor is int64 [2]; only float32 and float64 can be initialised");
  CHECK(error_of([] { uniform_(zeros({2}), 1, 0); }) == "uniform_: from 1 to 0; low must not be above high");
  CHECK(error_of([] { normal_(zeros({2}), 0, -1); }) ==
        "normal_: the standard deviation is -1; it must not be negative");
  CHECK(error_of([] { orthogonal_(zeros({2})); }) ==
        "orthogonal_: the tensor is float32 [2]; give two dimensions or more");
  CHECK_THROWS_AS(kaiming_normal_(zeros({2})), Error);
  CHECK_THROWS_AS(uniform_(Tensor()), Error);
}
