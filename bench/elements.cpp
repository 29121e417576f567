// Element by element, along rows, and copies: bytes per second, to be held against peak/bandwidth of the same run.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

#include "autograd/autograd.h"

namespace ebb::bench {
namespace {

// On n x n float32; `arrays`: of that size read and written.
void add(const std::string& name, double arrays, auto f) {
  for (const std::int64_t n : {32, 320, 2048})
    benchmark::RegisterBenchmark(
        ("elements/" + name + "/" + std::to_string(n * n)).c_str(), [=](benchmark::State& state) {
          const NoGrad off;
          const auto x = rand({n, n});
          for (auto _ : state) benchmark::DoNotOptimize(f(x));
          state.counters["bytes"] = benchmark::Counter(
              arrays * 4 * static_cast<double>(n * n * state.iterations()), benchmark::Counter::kIsRate);
        });
}

[[maybe_unused]] const bool registered = [] {
  add("exp", 2, [](const Tensor& x) { return exp(x); });
  add("tanh", 2, [](const Tensor& x) { return tanh(x); });
  add("sigmoid", 2, [](const Tensor& x) { return sigmoid(x); });
  add("gelu", 2, [](const Tensor& x) { return gelu(x); });
  add("softmax", 2, [](const Tensor& x) { return softmax(x, 1); });
  add("layer_norm", 2, [](const Tensor& x) { return layer_norm(x, {x.size(1)}); });
  add("sum", 1, [](const Tensor& x) { return sum(x); });
  add("transpose", 2, [](const Tensor& x) { return t(x).contiguous(); });
  return true;
}();

}  // namespace
}  // namespace ebb::bench
