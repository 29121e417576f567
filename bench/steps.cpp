// Whole training steps: zero_grad, forward, loss, backward, update.
#include <benchmark/benchmark.h>

#include "ebb.h"

namespace ebb::bench {
namespace {

struct Mlp {
  nn::Linear fc1{784, 128}, fc2{128, 10};
  Tensor operator()(const Tensor& x) const { return fc2(relu(fc1(x))); }
};

struct LeNet5 {
  nn::Conv2d conv1{.in = 1, .out = 6, .kernel = 5, .padding = 2};
  nn::Conv2d conv2{.in = 6, .out = 16, .kernel = 5};
  nn::Linear fc1{400, 120}, fc2{120, 84}, fc3{84, 10};

  Tensor operator()(Tensor x) const {
    x = max_pool2d(relu(conv1(x)), 2);
    x = max_pool2d(relu(conv2(x)), 2);
    return fc3(relu(fc2(relu(fc1(flatten(x, 1))))));
  }
};

template <class Net>
void step(benchmark::State& state, const Shape& shape) {
  manual_seed(0);
  Net net;
  optim::Adam adam(parameters(net));
  const auto x = rand(shape), y = randint(0, 10, {shape[0]});
  for (auto _ : state) {
    adam.zero_grad();
    auto loss = cross_entropy(net(x), y);
    loss.backward();
    adam.step();
  }
  state.SetItemsProcessed(shape[0] * state.iterations());
}

void mlp(benchmark::State& state) { step<Mlp>(state, {64, 784}); }
void lenet5(benchmark::State& state) { step<LeNet5>(state, {64, 1, 28, 28}); }
BENCHMARK(mlp)->Name("step/mlp");
BENCHMARK(lenet5)->Name("step/lenet5");

}  // namespace
}  // namespace ebb::bench
