// How cost grows with work: time and memory per item stay the same. Time per item is 1 / items_per_second; "memory" is
// what the graph holds for each.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "ebb.h"

namespace ebb::bench {
namespace {

// `build` makes a graph of n items on the leaf.
void measure(benchmark::State& state, std::int64_t n, const Tensor& leaf, auto build) {
  build(leaf).backward();
  const auto before = memory::stats().live_bytes;
  {
    const auto y = build(leaf);
    state.counters["memory"] = static_cast<double>(memory::stats().live_bytes - before) / static_cast<double>(n);
  }
  for (auto _ : state) build(leaf).backward();
  state.SetItemsProcessed(n * state.iterations());
}

// n operations, one after another.
void chain(benchmark::State& state, std::int64_t n) {
  measure(state, n, ones({1}, {.requires_grad = true}), [n](const Tensor& x) {
    auto y = x;
    for (std::int64_t i = 0; i < n; ++i) y = y * x;
    return y;
  });
}

// The n elements of a vector, read one by one.
void read(benchmark::State& state, std::int64_t n) {
  measure(state, n, ones({n}, {.requires_grad = true}), [n](const Tensor& x) {
    std::vector<Tensor> elements;
    for (std::int64_t i = 0; i < n; ++i) elements.push_back(x[i]);
    return sum(stack(elements));
  });
}

// One node that n others use.
void shared(benchmark::State& state, std::int64_t n) {
  measure(state, n, ones({1}, {.requires_grad = true}), [n](const Tensor& x) {
    const auto node = x * 2;
    auto y = node;
    for (std::int64_t i = 0; i < n; ++i) y = y + node;
    return y;
  });
}

// n steps of a recurrent layer, 4 sequences at a time.
void lstm(benchmark::State& state, std::int64_t n) {
  const nn::LSTM layer{.in = 64, .hidden = 128};
  measure(state, n, ones({n, 4, 64}, {.requires_grad = true}),
          [&](const Tensor& x) { return sum(layer(x).output); });
}

void add(const std::string& name, std::vector<std::int64_t> sizes, void (*run)(benchmark::State&, std::int64_t)) {
  for (const auto n : sizes)
    benchmark::RegisterBenchmark(("growth/" + name + "/" + std::to_string(n)).c_str(),
                                 [=](auto& state) { run(state, n); });
}

[[maybe_unused]] const bool registered = [] {
  add("chain", {1'000, 10'000, 100'000, 1'000'000}, chain);
  add("read", {100, 1'000, 10'000, 100'000}, read);
  add("shared", {100, 1'000, 10'000}, shared);
  add("lstm", {32, 128, 512, 2048}, lstm);
  return true;
}();

}  // namespace
}  // namespace ebb::bench
