// The gradients of single examples are those of a loop over the examples.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "autograd/autograd.h"
#include "nn/nn.h"
#include "tests/expect_error.h"

using namespace ebb;

namespace {

struct Net {
  nn::Conv2d conv1{.in = 2, .out = 4, .kernel = 3, .padding = 1};
  nn::BatchNorm2d batch_norm{4};
  nn::Conv2d conv2{.in = 4, .out = 4, .kernel = 3, .stride = 2, .groups = 2};
  nn::GroupNorm group_norm{2, 4};
  nn::Linear fc1{4 * 2 * 2, 6};
  nn::LayerNorm layer_norm{{6}};
  nn::Linear fc2{6, 3};

  Tensor operator()(const Tensor& x) const {
    const Tensor features = tanh(group_norm(conv2(tanh(batch_norm(conv1(x))))));
    return fc2(gelu(layer_norm(fc1(flatten(features, 1)))));
  }
};

Net trained_somewhat() {
  manual_seed(5);
  Net net;
  to(net, float64);
  net(randn({4, 2, 5, 5}, {.dtype = float64}));  // moves the running statistics
  const NoGrad off;
  for (auto& p : parameters(net)) p.copy_(p + 0.1 * randn(p.shape(), {.dtype = float64}));
  eval(net);
  return net;
}

constexpr std::int64_t kExamples = 5;

}  // namespace

TEST_CASE("one pass gives what a loop over the examples gives") {
  const Net net = trained_somewhat();
  const Tensor x = randn({kExamples, 2, 5, 5}, {.dtype = float64});
  const Tensor labels = remainder(arange(0, kExamples, 1, {.dtype = int64}), 3);
  const auto found = nn::per_sample_grads(net, kExamples, [&](const Net& each) {
    return cross_entropy(each(x), labels, {.reduction = Reduction::none});
  });
  const auto expected = named_parameters(net);
  REQUIRE(found.size() == expected.size());
  for (std::int64_t i = 0; i < kExamples; ++i) {
    const Tensor loss = cross_entropy(net(narrow(x, 0, i, 1)), narrow(labels, 0, i, 1));
    const auto alone = grad(loss, parameters(net));
    for (std::size_t p = 0; p < found.size(); ++p) {
      CHECK(found[p].name == expected[p].name);
      CHECK(found[p].tensor.shape() == alone[p].shape().inserted(0, kExamples));
      const double error = amax(abs(select(found[p].tensor, 0, i) - alone[p])).item<double>();
      CHECK_MESSAGE(error < 1e-13, found[p].name, " of example ", i);
    }
  }
}

TEST_CASE("the model is left as it was") {
  const Net net = trained_somewhat();
  const Tensor before = net.fc1.weight;
  (void)nn::per_sample_grads(net, 2, [](const Net& each) {
    return sum(each(ones({2, 2, 5, 5}, {.dtype = float64})), {1});
  });
  CHECK(net.fc1.weight.shape() == before.shape());
  CHECK(&net.fc1.weight.impl() == &before.impl());
  CHECK_FALSE(net.fc1.weight.grad().defined());
}

TEST_CASE("tied weights, frozen ones and ones without influence") {
  struct Tied {
    nn::Linear first{3, 3}, second{3, 3}, frozen{3, 3}, unused{3, 3};
  } net;
  net.second.weight = net.first.weight;
  net.frozen.weight.set_requires_grad(false);
  net.frozen.bias.set_requires_grad(false);
  const Tensor x = randn({2, 3});
  const auto found = nn::per_sample_grads(
      net, 2, [&](const Tied& each) { return sum(each.frozen(each.second(tanh(each.first(x)))), {1}); });
  std::vector<std::string> names;
  for (const auto& [name, gradient] : found) names.push_back(name);
  CHECK(names ==
        std::vector<std::string>{"first.weight", "first.bias", "second.bias", "unused.weight", "unused.bias"});
  CHECK(found[0].tensor.shape() == Shape{2, 3, 3});
  CHECK(amax(abs(found[3].tensor)).item<float>() == 0);
  const Tensor loss = sum(net.frozen(net.second(tanh(net.first(narrow(x, 0, 1, 1))))));
  const Tensor alone = grad({loss}, {net.first.weight})[0];
  CHECK(amax(abs(select(found[0].tensor, 0, 1) - alone)).item<float>() < 1e-5);
}

TEST_CASE("what can not be told apart is refused") {
  const nn::Linear net{3, 1};
  const auto losses_of = [](const Tensor& x) { return [x](const nn::Linear& each) { return sum(each(x)); }; };
  CHECK_ERROR(
      (nn::per_sample_grads(net, 2, losses_of(ones({2, 3})))),
      "per_sample_grads: the losses are []; give one for each of 2 examples, like those of Reduction::none");
  const nn::Sequential trains{nn::Linear{2, 2}, nn::BatchNorm1d{2}};
  CHECK_ERROR(
      (nn::per_sample_grads(trains, 2,
                            [](const auto& each) {
                              return sum(each(ones({2, 2})), {1});
                            })),
      "batch_norm: weights for each example and a training that mixes the examples; use eval() or another norm");
}
