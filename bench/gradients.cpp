// Functions that statistics and the benchmarks of derivatives use: the value, and value and gradient together.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/faults.h"
#include "bench/training.h"

namespace ebb::bench {
namespace {

struct Function {
  std::vector<Tensor> inputs;
  std::function<Tensor()> value;
};

// The log posterior of a mixture of k Gaussians at n points of d dimensions, but for constants, with a Wishart prior
// (Srajer, Kukelova, Fitzgibbon: A benchmark of selected algorithmic differentiation tools; 2018). Each Gaussian's
// inverse covariance is QᵀQ, Q lower triangular with the diagonal exp(q).
Function mixture(std::int64_t d, std::int64_t k) {
  constexpr std::int64_t n = 1000;
  const auto points = filled({1, d, n}, 0, 0, 1, float64);
  const auto alpha = filled({k}, 1, -1, 1, float64), means = filled({k, d, 1}, 2, 0, 1, float64),
             q = filled({k, d}, 3, -1, 1, float64), lower = filled({k, d, d}, 4, -1, 1, float64);
  const auto eye_d = eye(d, {}, {.dtype = float64});
  const auto below = gt(unsqueeze(arange(static_cast<double>(d)), 1), arange(static_cast<double>(d))).to(float64);
  for (const auto& x : {alpha, means, q, lower}) Tensor(x).set_requires_grad();
  return {{alpha, means, q, lower}, [=] {
            const auto scale = exp(q), strict = lower * below;
            const auto factors = unsqueeze(scale, 2) * eye_d + strict;
            const auto squares = sum(square(matmul(factors, points - means)), {1});
            const auto terms = unsqueeze(alpha + sum(q, {1}), 1) - 0.5 * squares;
            const auto prior = 0.5 * (sum(square(scale)) + sum(square(strict)));
            return sum(logsumexp(terms, {0})) - static_cast<double>(n) * logsumexp(alpha) + prior;
          }};
}

Function log_sum_exp(std::int64_t n) {
  const auto x = filled({n}, 0, -1, 1, float64).set_requires_grad();
  return {{x}, [=] { return logsumexp(x); }};
}

void primal(benchmark::State& state, const Function& f) {
  const NoGrad off;
  f.value();
  const Faults faults(state);
  for (auto _ : state) benchmark::DoNotOptimize(f.value());
  state.counters["loss"] = f.value().item();
}

void derivative(benchmark::State& state, const Function& f) {
  const auto gradients = grad(f.value(), f.inputs);
  double total = 0;
  for (const auto& g : gradients) total += sum(abs(g)).item();
  const Faults faults(state);
  for (auto _ : state) benchmark::DoNotOptimize(grad(f.value(), f.inputs));
  state.counters["loss"] = total;
}

void add(const std::string& name, const std::function<Function()>& make) {
  const std::string base = "gradient/" + name;
  benchmark::RegisterBenchmark((base + "/primal").c_str(), [=](auto& state) { primal(state, make()); });
  benchmark::RegisterBenchmark((base + "/derivative").c_str(), [=](auto& state) { derivative(state, make()); });
}

[[maybe_unused]] const bool registered = [] {
  add("mixture/d10k25", [] { return mixture(10, 25); });
  add("mixture/d64k100", [] { return mixture(64, 100); });
  for (const std::int64_t n : {2'500, 20'000, 160'000, 1'280'000})
    add("logsumexp/" + std::to_string(n), [=] { return log_sum_exp(n); });
  return true;
}();

}  // namespace
}  // namespace ebb::bench
