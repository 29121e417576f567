// Boltzmann machines against sums over all states in plain loops, closed forms and finite differences.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "autograd/autograd.h"
#include "nn/nn.h"
#include "optim/optim.h"
#include "tests/expect_error.h"

using namespace ebb;

namespace {

using Doubles = std::vector<double>;

void check_near(const Tensor& found, const Doubles& expected, double tolerance) {
  const auto values = found.to_vector<double>();
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) CHECK(std::abs(values[i] - expected[i]) <= tolerance);
}

void randomise(const auto& module, Generator& random) {
  for (const auto& parameter : parameters(module)) nn::init::normal_(parameter, 0, 0.7, &random);
}

// A machine of 5 visible and 3 hidden units in float64, two of which are not connected.
nn::BoltzmannMachine machine_of_eight() {
  Generator random{.seed = 5};
  nn::BoltzmannMachine machine{.visible = 5, .hidden = 3};
  to(machine, float64);
  randomise(machine, random);
  machine.connected.set_at({1, 4}, 0);
  return machine;
}

// What the formulas say, state by state.
struct Enumerated {
  std::vector<Doubles> states;
  Doubles weight;  // exp(-E)
  double z = 0;

  explicit Enumerated(const nn::BoltzmannMachine& machine) {
    const auto n = static_cast<std::size_t>(machine.units());
    const auto w = machine.weight.to_vector<double>(), c = machine.connected.to_vector<double>(),
               b = machine.bias.to_vector<double>();
    for (std::size_t number = 0; number < std::size_t{1} << n; ++number) {
      Doubles s(n);
      for (std::size_t i = 0; i < n; ++i) s[i] = static_cast<double>((number >> (n - 1 - i)) & 1);
      double energy = 0;
      for (std::size_t i = 0; i < n; ++i) {
        energy -= b[i] * s[i];
        for (std::size_t j = i + 1; j < n; ++j) energy -= w[i * n + j] * c[i * n + j] * s[i] * s[j];
      }
      states.push_back(s);
      weight.push_back(std::exp(-energy));
      z += weight.back();
    }
  }
};

}  // namespace

TEST_CASE("all states of binary units") {
  check_near(nn::binary_states(2), {0, 0, 0, 1, 1, 0, 1, 1}, 0);
  CHECK(nn::binary_states(10, float64).shape() == Shape{1024, 10});
  CHECK_ERROR(nn::binary_states(25), "binary_states: n is 25; give 1 to 24, for there are 2^n states");
}

TEST_CASE("a Boltzmann machine's energies, free energies and likelihoods are their sums") {
  const auto machine = machine_of_eight();
  const Enumerated all(machine);
  const Tensor states = nn::binary_states(8, float64);
  Doubles energies, free, likelihoods;
  for (const double weight : all.weight) energies.push_back(-std::log(weight));
  check_near(machine.energy(states), energies, 1e-12);
  CHECK(machine.log_partition().item() == doctest::Approx(std::log(all.z)).epsilon(1e-14));
  for (std::size_t v = 0; v < 32; ++v) {
    double sum = 0;
    for (std::size_t h = 0; h < 8; ++h) sum += all.weight[v * 8 + h];
    free.push_back(-std::log(sum));
    likelihoods.push_back(std::log(sum / all.z));
  }
  check_near(machine.free_energy(nn::binary_states(5, float64)), free, 1e-12);
  check_near(machine.log_likelihood(nn::binary_states(5, float64)), likelihoods, 1e-12);

  nn::BoltzmannMachine visible_only{.visible = 3, .hidden = 0};
  CHECK(sum(exp(visible_only.log_likelihood(nn::binary_states(3)))).item() == doctest::Approx(1).epsilon(1e-6));
}

TEST_CASE("the gradient of the log-likelihood is what units do together, clamped less free") {
  const auto machine = machine_of_eight();
  const Tensor data =
      tensor({{1., 0., 0., 1., 1.}, {0., 1., 1., 0., 1.}, {1., 1., 0., 0., 1.}}, {.dtype = float64});
  mean(machine.log_likelihood(data)).backward({.expect = named_parameters(machine)});

  const Enumerated all(machine);
  const auto rows = data.to_vector<double>(), connected = machine.connected.to_vector<double>();
  Doubles pairs(64, 0), units(8, 0);
  const auto add = [&](const Doubles& s, double p) {
    for (std::size_t i = 0; i < 8; ++i) {
      units[i] += p * s[i];
      for (std::size_t j = i + 1; j < 8; ++j) pairs[i * 8 + j] += p * s[i] * s[j] * connected[i * 8 + j];
    }
  };
  for (std::size_t row = 0; row < 3; ++row) {
    double total = 0;
    for (const bool adding : {false, true})
      for (std::size_t k = 0; k < all.states.size(); ++k) {
        bool same = true;
        for (std::size_t i = 0; i < 5; ++i) same = same && all.states[k][i] == rows[row * 5 + i];
        if (!same) continue;
        if (adding) add(all.states[k], all.weight[k] / total / 3);
        else total += all.weight[k];
      }
  }
  for (std::size_t k = 0; k < all.states.size(); ++k) add(all.states[k], -all.weight[k] / all.z);
  check_near(machine.weight.grad(), pairs, 1e-12);
  check_near(machine.bias.grad(), units, 1e-12);

  // The loss of two samples has that difference as its gradient too.
  auto learner = clone(machine);
  const Tensor positive = machine.clamp(data), negative = nn::binary_states(8, float64);
  (mean(learner.energy(negative)) - mean(learner.energy(positive))).backward();
  const Tensor together = matmul(t(positive), positive) / 3. - matmul(t(negative), negative) / 256.;
  check_near(learner.weight.grad() - triu(together, 1) * machine.connected, Doubles(64, 0), 1e-12);
}

TEST_CASE("Gibbs sampling reaches a Boltzmann machine's distribution, and leaves what is clamped") {
  const auto machine = machine_of_eight();
  const Enumerated all(machine);
  Generator random{.seed = 1};
  const std::int64_t chains = 20000;
  const Tensor start = machine.clamp(zeros({chains, 5}, {.dtype = float64}), &random);
  check_near(mean(narrow(start, 1, 5, 3), {0}), {0.5, 0.5, 0.5}, 0.02);
  const Tensor end = machine.gibbs(start, {.sweeps = 40, .generator = &random});
  Doubles expected(8, 0);
  for (std::size_t k = 0; k < all.states.size(); ++k)
    for (std::size_t i = 0; i < 8; ++i) expected[i] += all.states[k][i] * all.weight[k] / all.z;
  check_near(mean(end, {0}), expected, 0.018);  // five standard deviations

  const Tensor held = machine.gibbs(end, {.sweeps = 3, .clamped = 5, .generator = &random});
  CHECK(narrow(held, 1, 0, 5).to_vector<double>() == narrow(end, 1, 0, 5).to_vector<double>());
  CHECK(narrow(held, 1, 5, 3).to_vector<double>() != narrow(end, 1, 5, 3).to_vector<double>());
  // So hot that the weights do not count.
  check_near(mean(machine.gibbs(end, {.sweeps = 1, .temperature = 1e9, .generator = &random}), {0}),
             Doubles(8, 0.5), 0.02);
}

TEST_CASE("a restricted machine's free energy and log Z are sums over states") {
  Generator random{.seed = 2};
  for (const std::int64_t hidden : {3, 6}) {
    nn::RBM rbm{.visible = 4, .hidden = hidden};
    to(rbm, float64);
    randomise(rbm, random);
    const Tensor v = nn::binary_states(4, float64), h = nn::binary_states(hidden, float64);
    double z = 0;
    Doubles free, on(4, 0);
    for (std::int64_t i = 0; i < 16; ++i) {
      double sum = 0;
      for (std::int64_t j = 0; j < h.size(0); ++j) {
        const Tensor hv = outer(h[j], v[i]) * rbm.weight;
        const double energy = -(dot(v[i], rbm.visible_bias) + dot(h[j], rbm.hidden_bias) + ebb::sum(hv)).item();
        CHECK(rbm.energy(v[i], h[j]).item() == doctest::Approx(energy).epsilon(1e-12));
        sum += std::exp(-energy);
      }
      free.push_back(-std::log(sum));
      z += sum;
    }
    check_near(rbm.free_energy(v), free, 1e-12);
    CHECK(rbm.log_partition().item() == doctest::Approx(std::log(z)).epsilon(1e-14));

    for (std::size_t i = 0; i < 16; ++i)
      for (std::size_t unit = 0; unit < 4; ++unit)
        on[unit] += v.to_vector<double>()[i * 4 + unit] * std::exp(-free[i]) / z;
    const Tensor samples = rbm.gibbs(zeros({20000, 4}, {.dtype = float64}), 60, &random);
    check_near(mean(samples, {0}), on, 0.018);
  }
}

TEST_CASE("the gradient of two free energies is contrastive divergence's") {
  Generator random{.seed = 4};
  nn::RBM rbm{.visible = 6, .hidden = 4};
  to(rbm, float64);
  randomise(rbm, random);
  const Tensor data = bernoulli(0.5, {5, 6}, {.dtype = float64, .generator = &random});
  const Tensor fantasies = rbm.gibbs(data, 1, &random);
  CHECK_FALSE(fantasies.requires_grad());
  (mean(rbm.free_energy(data)) - mean(rbm.free_energy(fantasies))).backward({.expect = named_parameters(rbm)});
  const Tensor h = rbm.hidden_given(data), g = rbm.hidden_given(fantasies);
  check_near(rbm.weight.grad() - (matmul(t(g), fantasies) - matmul(t(h), data)) / 5., Doubles(24, 0), 1e-12);
  check_near(rbm.visible_bias.grad() - mean(fantasies - data, {0}), Doubles(6, 0), 1e-12);
  check_near(rbm.hidden_bias.grad() - mean(g - h, {0}), Doubles(4, 0), 1e-12);

  // And of the likelihood itself.
  const auto f = [&](const Tensors& in) {
    nn::RBM other = rbm;
    other.weight = nn::Parameter();
    static_cast<Tensor&>(other.weight) = in[0];
    return mean(-other.free_energy(data)) - other.log_partition();
  };
  CHECK_NOTHROW(gradcheck(f, {rbm.weight.detach().clone().set_requires_grad()}));
}

TEST_CASE("annealed importance sampling finds log Z") {
  Generator random{.seed = 6};
  nn::RBM rbm{.visible = 12, .hidden = 5};
  randomise(rbm, random);
  const double exact = rbm.log_partition().item();
  const Tensor bias = nn::base_rate_bias(rbm.gibbs(zeros({200, 12}), 50, &random));
  for (const auto& base : {Tensor(), bias}) {
    const auto found =
        log_partition_ais(rbm, {.runs = 200, .steps = 500, .base_bias = base, .generator = &random});
    CHECK(std::abs(found.log_z - exact) < 0.1);
    CHECK((found.low < exact && exact < found.high));
    CHECK(found.log_weights.shape() == Shape{200});
  }
  nn::RBM plain{.visible = 12, .hidden = 5};
  nn::init::constant_(plain.weight, 0);
  CHECK(log_partition_ais(plain, {.runs = 3, .steps = 7}).log_z ==
        doctest::Approx(17 * std::log(2.)).epsilon(1e-6));
  check_near(nn::base_rate_bias(tensor({{1., 0.}, {1., 0.}})), {std::log(3.), -std::log(3.)}, 1e-6);
}

TEST_CASE("persistent chains learn a distribution that can be counted") {
  manual_seed(1);
  nn::RBM rbm{.visible = 3, .hidden = 4};
  const Tensor data = repeat(tensor({{1., 1., 0.}, {0., 0., 1.}}), {20, 1});
  optim::Adam adam(parameters(rbm), {.lr = 0.05});
  Tensor chains = nn::sample_units(full({40, 3}, 0.5));
  for (int step = 0; step < 300; ++step) {
    chains = rbm.gibbs(chains, 2);
    adam.zero_grad();
    (mean(rbm.free_energy(data)) - mean(rbm.free_energy(chains))).backward();
    adam.step();
  }
  CHECK((mean(-rbm.free_energy(data)) - rbm.log_partition()).item() >
        -0.9);  // log 2 = 0.69 at best; 2.08 at first
}

TEST_CASE("what Boltzmann machines refuse") {
  nn::BoltzmannMachine machine{.visible = 3, .hidden = 1};
  CHECK_ERROR((nn::BoltzmannMachine{.visible = 0, .hidden = 1}),
              "BoltzmannMachine: visible is 0; it must be positive");
  CHECK_ERROR(machine.energy(zeros({2, 3})), "BoltzmannMachine: energy of float32 [2, 3]; give float32 [.., 4]");
  CHECK_ERROR(
      machine.gibbs(zeros({2, 4}), {.temperature = 0}),
      "BoltzmannMachine: gibbs with sweeps 1, clamped 0 and temperature 0; give sweeps >= 0, clamped from 0 to 4 "
      "and temperature > 0");
  nn::RBM rbm{.visible = 30, .hidden = 30};
  CHECK_ERROR((nn::RBM{.visible = 3, .hidden = -1}), "RBM: hidden is -1; it must be positive");
  CHECK_ERROR(rbm.log_partition(),
              "RBM: log_partition of 30 visible and 30 hidden units; one layer must have at most 24 units, or use "
              "log_partition_ais");
  CHECK_ERROR(rbm.gibbs(zeros({1, 30}), -1), "RBM: gibbs of -1 steps; give 0 or more");
  CHECK_ERROR(log_partition_ais(rbm, {.steps = 0}),
              "log_partition_ais: runs is 100 and steps 0; both must be positive");
  CHECK_ERROR(log_partition_ais(rbm, {.base_bias = zeros({3})}),
              "log_partition_ais: base_bias is float32 [3]; it must be float32 [30], as the visible biases");
}
