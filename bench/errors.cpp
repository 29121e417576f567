// Rounding errors of float32: the largest, against the same work in float64, relative to the largest result. On the same
// numbers in all programs.
#include <benchmark/benchmark.h>

#include <functional>
#include <string>
#include <vector>

#include "bench/training.h"

namespace ebb::bench {
namespace {

using Tensors = std::vector<Tensor>;
using Function = std::function<Tensor(const Tensors&)>;

double error_of(const Function& f, const std::vector<Shape>& shapes) {
  Tensors single, twice;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    single.push_back(filled(shapes[i], i, -1, 1));
    twice.push_back(single.back().to(float64));
  }
  const Tensor expected = f(twice), error = f(single).to(float64) - expected;
  return amax(abs(error)).item() / amax(abs(expected)).item();
}

void add(const std::string& name, std::vector<Shape> shapes, const Function& f) {
  benchmark::RegisterBenchmark(("error/" + name).c_str(), [=](benchmark::State& state) {
    double error = 0;
    for (auto _ : state) error = error_of(f, shapes);
    state.counters["error"] = error;
  });
}

// The gradient of conv2d in input `which`, where the output's gradient is x[2].
Function gradient(std::size_t which) {
  return [which](const Tensors& x) {
    const Tensor leaf = x[which].detach().set_requires_grad();
    const Tensor y = which == 0 ? conv2d(leaf, x[1], {}, {.padding = 1}) : conv2d(x[0], leaf, {}, {.padding = 1});
    return grad(y, leaf, {.grad_outputs = {x[2]}});
  };
}

[[maybe_unused]] const bool registered = [] {
  for (const std::int64_t n : {128, 512, 2048})
    add("gemm/" + std::to_string(n), {{n, n}, {n, n}}, [](const Tensors& x) { return matmul(x[0], x[1]); });
  for (const auto& [name, c, size] : {std::tuple{"c64", 64, 32}, {"c256", 256, 8}}) {
    const std::vector<Shape> shapes{{32, c, size, size}, {c, c, 3, 3}, {32, c, size, size}};
    const std::string base = std::string("conv/") + name;
    add(base + "/forward", shapes, [](const Tensors& x) { return conv2d(x[0], x[1], {}, {.padding = 1}); });
    add(base + "/input", shapes, gradient(0));
    add(base + "/weight", shapes, gradient(1));
  }
  const Shape many{2048, 2048};
  add("sum", {many}, [](const Tensors& x) { return sum(x[0]); });
  add("sum/columns", {many}, [](const Tensors& x) { return sum(x[0], {0}); });
  add("var", {many}, [](const Tensors& x) { return var(x[0], {1}); });
  add("softmax", {many}, [](const Tensors& x) { return softmax(x[0], 1); });
  add("logsumexp", {many}, [](const Tensors& x) { return logsumexp(x[0], {1}); });
  add("layer_norm", {many}, [](const Tensors& x) { return layer_norm(x[0], {2048}); });
  return true;
}();

}  // namespace
}  // namespace ebb::bench
