// What an operation costs beside its arithmetic: chains of operations on tensors of one element, or a few.
#include <benchmark/benchmark.h>

#include "autograd/autograd.h"

namespace ebb::bench {
namespace {

constexpr std::int64_t kChain = 1000;

// Forward, backward and release of a chain; time per operation is 1 / items_per_second.
template <class Step>
void chain(benchmark::State& state, const Shape& shape, Step step) {
  auto x = rand(shape, {.requires_grad = true}), w = rand(shape, {.requires_grad = true});
  const auto seed = ones(shape);
  for (auto _ : state) {
    auto y = x;
    for (std::int64_t i = 0; i < kChain; ++i) y = step(y, w);
    y.backward(seed);
  }
  state.SetItemsProcessed(kChain * state.iterations());
}

template <class Step>
void forward_chain(benchmark::State& state, const Shape& shape, Step step) {
  const NoGrad off;
  const auto x = rand(shape), w = rand(shape);
  for (auto _ : state) {
    auto y = x;
    for (std::int64_t i = 0; i < kChain; ++i) y = step(y, w);
    benchmark::DoNotOptimize(y);
  }
  state.SetItemsProcessed(kChain * state.iterations());
}

const auto kAdd = [](const Tensor& y, const Tensor& w) { return y + w; };
const auto kRelu = [](const Tensor& y, const Tensor&) { return relu(y); };
const auto kMatmul = [](const Tensor& y, const Tensor& w) { return matmul(y, w); };
const auto kLinear = [](const Tensor& y, const Tensor& w) { return linear(y, w); };

void add_all(const char* name, const Shape& shape, auto step) {
  const std::string base = std::string("overhead/") + name;
  benchmark::RegisterBenchmark((base + "/forward").c_str(),
                               [=](auto& state) { forward_chain(state, shape, step); });
  benchmark::RegisterBenchmark((base + "/backward").c_str(), [=](auto& state) { chain(state, shape, step); });
}

[[maybe_unused]] const bool registered = [] {
  add_all("add", {1}, kAdd);
  add_all("relu", {1}, kRelu);
  add_all("matmul", {4, 4}, kMatmul);
  add_all("linear", {4, 4}, kLinear);
  return true;
}();

}  // namespace
}  // namespace ebb::bench
