// Whole training steps: zero_grad, forward, loss, backward, update.
#include <benchmark/benchmark.h>

#include "bench/models.h"

namespace ebb::bench {
namespace {

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
void lstm(benchmark::State& state) { step<Lstm>(state, {32, 32, 64}); }  // 32 steps of 32 sequences
BENCHMARK(mlp)->Name("step/mlp");
BENCHMARK(lenet5)->Name("step/lenet5");
BENCHMARK(lstm)->Name("step/lstm");

}  // namespace
}  // namespace ebb::bench
