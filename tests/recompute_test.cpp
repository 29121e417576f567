// checkpoint(): the same bits with less memory.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "autograd/autograd.h"
#include "tests/expect_error.h"

using namespace ebb;

namespace {

Tensor f64(std::initializer_list<double> values) { return tensor(values, {.dtype = float64}); }

// A deep net of tanh layers with dropout.
struct Deep {
  static constexpr std::int64_t kLayers = 64, kWidth = 64, kBatch = 512;
  std::vector<Tensor> weights;

  Deep() {
    manual_seed(1);
    for (std::int64_t i = 0; i < kLayers; ++i)
      weights.push_back((randn({kWidth, kWidth}) * 0.1).set_requires_grad());
  }
  Tensor layers(Tensor x, std::int64_t first, std::int64_t count) const {
    for (std::int64_t i = first; i < first + count; ++i)
      x = dropout(tanh(matmul(x, weights[static_cast<std::size_t>(i)])), 0.1);
    return x;
  }
  // The gradients, the input's last, and the most memory that a step held, in parts of so many layers; 0: without.
  std::vector<std::vector<float>> run(std::int64_t part, std::int64_t* peak = nullptr) const {
    manual_seed(2);
    Tensor input = randn({kBatch, kWidth}).set_requires_grad();
    const std::int64_t before = memory::stats().live_bytes;
    memory::reset_peak();
    Tensor x = input;
    if (part == 0) x = layers(x, 0, kLayers);
    else
      for (std::int64_t i = 0; i < kLayers; i += part)
        x = checkpoint([this, i, part](const Tensor& t) { return layers(t, i, part); }, x);
    auto inputs = weights;
    inputs.push_back(input);
    const auto gradients = grad(mean(square(x)), inputs);
    x = {};
    if (peak) *peak = memory::stats().peak_bytes - before;
    std::vector<std::vector<float>> values;
    for (const auto& g : gradients) values.push_back(g.to_vector<float>());
    return values;
  }
};

}  // namespace

TEST_CASE("a deep net in √n parts: the same bits, a fraction of the memory") {
  const Deep net;
  std::int64_t whole = 0, parts = 0;
  const auto expected = net.run(0, &whole);
  CHECK(net.run(8, &parts) == expected);
  CHECK(net.run(64) == expected);
  // Each layer keeps two activations of kBatch x kWidth: 128 of them, against 8 borders and a part of 16.
  CHECK(3 * parts < whole);
}

TEST_CASE("backward() reaches the weights, and the random numbers go on as without") {
  const Tensor w = f64({1, 2, 3}).set_requires_grad(), x = f64({0.5, -1, 2}).set_requires_grad();
  const auto f = [&](const Tensor& t) { return dropout(sin(t * w) * w, 0.5); };
  std::vector<std::vector<double>> results[2];
  for (const bool kept : {false, true}) {
    manual_seed(3);
    for (Tensor t : {w, x}) t.zero_grad();
    const Tensor y = kept ? checkpoint(f, x) : f(x);
    const Tensor z = rand({2}, {.dtype = float64});
    sum(y * y).backward();
    results[kept] = {w.grad().to_vector<double>(), x.grad().to_vector<double>(), z.to_vector<double>(),
                     rand({2}, {.dtype = float64}).to_vector<double>()};
  }
  CHECK(results[0] == results[1]);
}

TEST_CASE("several inputs and outputs, what is captured, and what depends on each other") {
  const Tensor a = f64({1, 2}).set_requires_grad(), index = tensor({1, 0});
  const auto value = [&](bool kept) {
    const Tensor b = exp(a), outside = a * b;  // each from the others
    const TensorFunction f = [a, outside](const Tensors& x) -> Tensors {
      return {index_select(x[0] * x[1], 0, x[2]) * outside, x[1], index_select(a, 0, x[2]).detach()};
    };
    const auto y = kept ? checkpoint(f, {a, b, index}) : f({a, b, index});
    CHECK(!y[2].requires_grad());
    return sum(y[0] * y[1] * y[2]);
  };
  const Tensor plain = grad(value(false), a), kept = grad(value(true), a);
  CHECK(kept.to_vector<double>() == plain.to_vector<double>());
  const auto second = [&](bool k) {
    const Tensor g = grad(value(k), a, {.create_graph = true});
    return grad(sum(g * g), a).to_vector<double>();
  };
  const auto expected = second(false), found = second(true);
  for (std::size_t i = 0; i < 2; ++i) CHECK(found[i] == doctest::Approx(expected[i]).epsilon(1e-13));
  gradgradcheck([&](const Tensors& x) { return checkpoint([](const Tensor& t) { return sin(t) * t; }, x[0]); },
                {a});
}

TEST_CASE("checkpoints inside checkpoints") {
  const Tensor x = f64({0.3, -0.7}).set_requires_grad();
  const auto inner = [](const Tensor& t) { return sin(t) * t; };
  const auto outer = [&](const Tensor& t) { return checkpoint(inner, checkpoint(inner, t) + t); };
  const auto plain = [&](const Tensor& t) { return inner(inner(t) + t); };
  CHECK(grad(sum(checkpoint(outer, x)), x).to_vector<double>() == grad(sum(plain(x)), x).to_vector<double>());
}

TEST_CASE("partial derivatives stop at the inputs") {
  const Tensor a = f64({3}).set_requires_grad(), b = a * a, y = a * b;
  CHECK(grad(sum(y), {a, b}, {.retain_graph = true, .partial = true})[0].item() == 9);
  CHECK(grad(sum(y), {a, b})[0].item() == 27);
}

TEST_CASE("without gradients, and what is refused") {
  const Tensor x = f64({1, 2});
  const auto twice = [](const Tensor& t) { return t * 2; };
  CHECK(!checkpoint(twice, x).requires_grad());
  Tensor written = f64({1, 2}).set_requires_grad();
  const Tensor y = checkpoint(twice, written);
  {
    const NoGrad off;
    CHECK(!checkpoint(twice, written).requires_grad());
    written.fill_(0);
  }
  CHECK_THROWS_AS(sum(y).backward(), Error);
  int calls = 0;
  const Tensor z = f64({1, 2}).set_requires_grad();
  const auto moody = checkpoint([&](const Tensors& t) { return Tensors(++calls == 1 ? 1 : 2, t[0] * 2); }, {z});
  CHECK_ERROR(
      sum(moody[0]).backward(),
      "checkpoint: the function gave other outputs in backward than before; it must compute the same again");
  CHECK_ERROR(checkpoint([](const Tensors& t) { return Tensors(9, t[0] * 2); }, {z}),
              "checkpoint: the function gives 9 tensors that require grad; it may give 8");
}
