// What an operation costs beside its arithmetic. Time per operation is 1 / items_per_second.
#include <benchmark/benchmark.h>

#include <string>

#include "bench/chain.h"

namespace ebb::bench {
namespace {

constexpr std::int64_t kLength = 1000;

void forward(benchmark::State& state, const auto& step) {
  const NoGrad off;
  const auto x = rand(step.shape), w = rand(step.shape);
  for (auto _ : state) benchmark::DoNotOptimize(chain(step, x, w, kLength));
  state.SetItemsProcessed(kLength * state.iterations());
}

// Forward, backward and release.
void backward(benchmark::State& state, const auto& step) {
  const auto x = rand(step.shape, {.requires_grad = true}), w = rand(step.shape, {.requires_grad = true});
  const auto seed = ones(step.shape);
  for (auto _ : state) chain(step, x, w, kLength).backward(seed);
  state.SetItemsProcessed(kLength * state.iterations());
}

// The same by Replay.
void replayed(benchmark::State& state, const auto& step) {
  Tensor x = rand(step.shape, {.requires_grad = true}), w = rand(step.shape, {.requires_grad = true});
  Replay work([&](const Tensor& seed) {
    x.zero_grad();
    w.zero_grad();
    chain(step, x, w, kLength).backward(seed);
    return seed;
  });
  const auto seed = ones(step.shape);
  for (auto _ : state) work(seed);
  state.SetItemsProcessed(kLength * state.iterations());
}

[[maybe_unused]] const bool registered = [] {
  const auto add = [](const auto& step) {
    const std::string base = std::string("overhead/") + step.name;
    benchmark::RegisterBenchmark((base + "/forward").c_str(), [=](auto& state) { forward(state, step); });
    benchmark::RegisterBenchmark((base + "/backward").c_str(), [=](auto& state) { backward(state, step); });
    benchmark::RegisterBenchmark((base + "/replay").c_str(), [=](auto& state) { replayed(state, step); });
  };
  std::apply([&](const auto&... step) { (add(step), ...); }, chain_steps());
  return true;
}();

}  // namespace
}  // namespace ebb::bench
