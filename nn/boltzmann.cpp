#include "nn/boltzmann.h"

#include <cmath>
#include <vector>

#include "autograd/base/fail.h"
#include "autograd/base/parallel.h"
#include "autograd/create.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "nn/checks.h"
#include "nn/init.h"
#include "nn/rbm.h"

namespace ebb::nn {
namespace detail {
namespace {

std::int64_t count_units(std::int64_t visible, std::int64_t hidden) {
  check_positive("BoltzmannMachine", "visible", visible);
  const std::int64_t given[] = {hidden};
  check_not_negative("BoltzmannMachine", "hidden", given);
  return visible + hidden;
}

}  // namespace

Tensor boltzmann_weight(std::int64_t visible, std::int64_t hidden) {
  const std::int64_t units = count_units(visible, hidden);
  return init::normal_(empty({units, units}), 0, 0.1);
}

Tensor boltzmann_bias(std::int64_t visible, std::int64_t hidden) { return zeros({count_units(visible, hidden)}); }

Tensor all_connected(std::int64_t visible, std::int64_t hidden) {
  const std::int64_t units = count_units(visible, hidden);
  return triu(ones({units, units}), 1);
}

}  // namespace detail

namespace {

void check_last(const char* function, const Tensor& x, std::int64_t units, Dtype dtype) {
  if (x.dim() < 1 || x.size(-1) != units || x.dtype() != dtype)
    fail("BoltzmannMachine: {} of {}; give {} [.., {}]", function, describe(x), dtype, units);
}

// [units, units], 0 where nothing is connected and below the diagonal.
Tensor couplings(const BoltzmannMachine& machine) { return triu(machine.weight * machine.connected, 1); }

}  // namespace

Tensor BoltzmannMachine::energy(const Tensor& s) const {
  check_last("energy", s, units(), weight.dtype());
  return -(sum(matmul(s, couplings(*this)) * s, {-1}) + matmul(s, bias));
}

Tensor BoltzmannMachine::free_energy(const Tensor& v) const {
  check_last("free_energy", v, visible, weight.dtype());
  if (v.dim() != 2) fail("BoltzmannMachine: free_energy of {}; give [n, {}]", describe(v), visible);
  if (hidden == 0) return energy(v);
  const Tensor h = binary_states(hidden, weight.dtype());
  const std::int64_t n = v.size(0), states = h.size(0);
  const Tensor s =
      cat({expand(unsqueeze(v, 1), {n, states, visible}), expand(unsqueeze(h, 0), {n, states, hidden})}, 2);
  return -logsumexp(-energy(s), {1});
}

Tensor BoltzmannMachine::log_partition() const {
  return logsumexp(-energy(binary_states(units(), weight.dtype())));
}

Tensor BoltzmannMachine::log_likelihood(const Tensor& v) const { return -free_energy(v) - log_partition(); }

Tensor BoltzmannMachine::clamp(const Tensor& v, Generator* generator) const {
  const NoGrad off;
  check_last("clamp", v, visible, weight.dtype());
  if (v.dim() != 2) fail("BoltzmannMachine: clamp of {}; give [n, {}]", describe(v), visible);
  const RandomOptions random{.dtype = weight.dtype(), .generator = generator};
  return cat({v, bernoulli(0.5, {v.size(0), hidden}, random)}, 1);
}

Tensor BoltzmannMachine::gibbs(const Tensor& s, const GibbsOptions& options) const {
  const NoGrad off;
  check_last("gibbs", s, units(), weight.dtype());
  const std::int64_t n = units(), first = options.clamped;
  if (options.sweeps < 0 || first < 0 || first > n || !(options.temperature > 0))
    fail(
        "BoltzmannMachine: gibbs with sweeps {}, clamped {} and temperature {}; give sweeps >= 0, clamped from 0 "
        "to {} "
        "and temperature > 0",
        options.sweeps, first, options.temperature, n);
  const Tensor above = couplings(*this);
  const auto w = (above + t(above)).to_vector<double>(), b = bias.to_vector<double>();
  auto state = s.to_vector<double>();
  const std::int64_t chains = s.numel() / n, draws = options.sweeps * (n - first);
  const Tensor uniform = rand({chains, draws}, {.dtype = float64, .generator = options.generator});
  const double* random = uniform.data<const double>();
  parallel_for(chains, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t chain = begin; chain < end; ++chain) {
      double* const unit = state.data() + chain * n;
      const double* u = random + chain * draws;
      for (std::int64_t sweep = 0; sweep < options.sweeps; ++sweep)
        for (std::int64_t i = first; i < n; ++i) {
          double input = b[static_cast<std::size_t>(i)];
          for (std::int64_t j = 0; j < n; ++j) input += w[static_cast<std::size_t>(i * n + j)] * unit[j];
          unit[i] = *u++ < 1 / (1 + std::exp(-input / options.temperature)) ? 1 : 0;
        }
    }
  });
  return reshape(tensor(state, {.dtype = weight.dtype()}), s.shape());
}

}  // namespace ebb::nn
