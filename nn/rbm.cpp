#include "nn/rbm.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "nn/checks.h"
#include "nn/init.h"

namespace ebb::nn {
namespace detail {

Tensor rbm_weight(std::int64_t visible, std::int64_t hidden) {
  check_positive("RBM", "visible", visible);
  check_positive("RBM", "hidden", hidden);
  return init::normal_(empty({hidden, visible}), 0, 0.01);
}

Tensor rbm_bias(std::int64_t units) { return zeros({units}); }

}  // namespace detail

namespace {

// log(1 + exp(x)), to the last digit of float64 too.
Tensor log1pexp(const Tensor& x) { return softplus(x, 1, 40); }

Tensor times(const Tensor& units, const Tensor& bias) { return matmul(units, bias); }

}  // namespace

Tensor sample_units(const Tensor& p, Generator* generator) {
  const NoGrad off;
  return lt(rand_like(p, generator), p).to(p.dtype());
}

Tensor binary_states(std::int64_t n, Dtype dtype) {
  if (n < 1 || n > 24) fail("binary_states: n is {}; give 1 to 24, for there are 2^n states", n);
  const Tensor numbers = arange(static_cast<double>(std::int64_t{1} << n), {.dtype = int64});
  const Tensor places = arange(static_cast<double>(n - 1), -1, -1, {.dtype = int64});
  return bitwise_and(bitwise_right_shift(unsqueeze(numbers, 1), places), ones({1}, {.dtype = int64})).to(dtype);
}

Tensor base_rate_bias(const Tensor& data) {
  const NoGrad off;
  if (data.dim() != 2) fail("base_rate_bias: the data is {}; give [n, visible]", describe(data));
  const Tensor on = sum(data, {0}) + 1;
  return log(on / (static_cast<double>(data.size(0)) + 2 - on));
}

Tensor RBM::energy(const Tensor& v, const Tensor& h) const {
  return -(times(v, visible_bias) + sum(h * linear(v, weight, hidden_bias), {-1}));
}

Tensor RBM::free_energy(const Tensor& v) const {
  return -(times(v, visible_bias) + sum(log1pexp(linear(v, weight, hidden_bias)), {-1}));
}

Tensor RBM::hidden_given(const Tensor& v) const { return sigmoid(linear(v, weight, hidden_bias)); }

Tensor RBM::visible_given(const Tensor& h) const { return sigmoid(linear(h, t(weight), visible_bias)); }

Tensor RBM::gibbs(Tensor v, std::int64_t steps, Generator* generator) const {
  const NoGrad off;
  if (steps < 0) fail("RBM: gibbs of {} steps; give 0 or more", steps);
  for (std::int64_t i = 0; i < steps; ++i)
    v = sample_units(visible_given(sample_units(hidden_given(v), generator)), generator);
  return v;
}

Tensor RBM::log_partition() const {
  if (std::min(visible, hidden) > 24)
    fail(
        "RBM: log_partition of {} visible and {} hidden units; one layer must have at most 24 units, or use "
        "log_partition_ais",
        visible, hidden);
  if (visible <= hidden) return logsumexp(-free_energy(binary_states(visible, weight.dtype())));
  const Tensor h = binary_states(hidden, weight.dtype());
  return logsumexp(times(h, hidden_bias) + sum(log1pexp(linear(h, t(weight), visible_bias)), {-1}));
}

namespace {

// The inverse temperatures 0 = β_0 < … < β_steps = 1.
std::vector<double> annealing(std::int64_t steps) {
  struct Part {
    double until_step, until_beta;
  };
  constexpr Part kParts[] = {{0, 0}, {1. / 29, 0.5}, {9. / 29, 0.9}, {1, 1}};
  std::vector<double> betas;
  for (std::int64_t k = 0; k <= steps; ++k) {
    const double place = static_cast<double>(k) / static_cast<double>(steps);
    const Part* part = kParts + 1;
    while (place > part->until_step) ++part;
    const double share = (place - part[-1].until_step) / (part->until_step - part[-1].until_step);
    betas.push_back(part[-1].until_beta + share * (part->until_beta - part[-1].until_beta));
  }
  return betas;
}

AisEstimate summary(const Tensor& log_weights) {
  const auto n = static_cast<double>(log_weights.numel());
  const double top = amax(log_weights).item();
  const Tensor weights = exp(log_weights - top);
  const double average = mean(weights).item();
  const double error = n > 1 ? 3 * ebb::std(weights).item() / std::sqrt(n) : 0;
  const auto log_of = [&](double mean) {
    return mean > 0 ? top + std::log(mean) : -std::numeric_limits<double>::infinity();
  };
  return {log_of(average), log_of(average - error), log_of(average + error), log_weights};
}

}  // namespace

AisEstimate log_partition_ais(const RBM& rbm, const AisOptions& options) {
  const NoGrad off;
  if (options.runs < 1 || options.steps < 1)
    fail("log_partition_ais: runs is {} and steps {}; both must be positive", options.runs, options.steps);
  const Tensor& b = rbm.visible_bias;
  const Tensor a = options.base_bias.defined() ? options.base_bias : zeros_like(b);
  if (a.shape() != b.shape() || a.dtype() != b.dtype())
    fail("log_partition_ais: base_bias is {}; it must be {}, as the visible biases", describe(a), describe(b));

  const auto betas = annealing(options.steps);
  Tensor v = sample_units(sigmoid(broadcast_to(a, {options.runs, rbm.visible})), options.generator);
  Tensor log_weights =
      full({options.runs}, static_cast<double>(rbm.hidden) * std::log(2.) + sum(log1pexp(a.to(float64))).item(),
           {.dtype = float64});
  for (std::size_t k = 1; k < betas.size(); ++k) {
    const double before = betas[k - 1], now = betas[k];
    const Tensor input = linear(v, rbm.weight, rbm.hidden_bias);
    const Tensor gain =
        sum(log1pexp(now * input) - log1pexp(before * input), {-1}) + times(v, b - a) * (now - before);
    log_weights.add_(gain.to(float64));
    if (k + 1 == betas.size()) break;
    const Tensor h = sample_units(sigmoid(now * input), options.generator);
    v = sample_units(sigmoid(linear(h, now * t(rbm.weight), (1 - now) * a + now * b)), options.generator);
  }
  return summary(log_weights);
}

}  // namespace ebb::nn
