// The Boltzmann machine, small enough to be counted out.
#pragma once

#include <cstdint>

#include "autograd/base/random.h"
#include "nn/role.h"

namespace ebb::nn {

namespace detail {
Tensor boltzmann_weight(std::int64_t visible, std::int64_t hidden);
Tensor boltzmann_bias(std::int64_t visible, std::int64_t hidden);
Tensor all_connected(std::int64_t visible, std::int64_t hidden);
}  // namespace detail

struct GibbsOptions {
  std::int64_t sweeps = 1;
  std::int64_t clamped = 0;  // the first so many units stay as they are
  double temperature = 1;    // > 0
  Generator* generator = nullptr;
};

// Binary units s [.., units], the visible ones first, of probability exp(-E(s)) / Z, E(s) = -Σ_{i<j} w_ij s_i s_j - Σ b_i s_i
// (Ackley, Hinton, Sejnowski: A Learning Algorithm for Boltzmann Machines; 1985). Of weight what is above the diagonal
// counts, where `connected` is 1. Weights start as N(0, 0.1²), biases as 0.
//
// Learning, by what units do together while the visible ones are clamped and while all are free:
//
//   Tensor positive = machine.gibbs(machine.clamp(data), {.sweeps = 10, .clamped = machine.visible});
//   Tensor negative = machine.gibbs(positive, {.sweeps = 10});
//   (mean(machine.energy(positive)) - mean(machine.energy(negative))).backward();
//
// or exactly: (-mean(machine.log_likelihood(data))).backward(), with the same gradient but for sampling.
struct BoltzmannMachine {
  std::int64_t visible, hidden;                                  // hidden: 0 or more
  Parameter weight = detail::boltzmann_weight(visible, hidden);  // [units, units]
  Parameter bias = detail::boltzmann_bias(visible, hidden);      // [units]
  Buffer connected = detail::all_connected(visible, hidden);     // [units, units]

  std::int64_t units() const { return visible + hidden; }
  Tensor energy(const Tensor& s) const;  // [..]

  // Summed over all states of at most 24 units. With history.
  Tensor free_energy(const Tensor& v) const;     // -log Σ_h exp(-E(v, h)): v [n, visible] → [n]
  Tensor log_partition() const;                  // log Z
  Tensor log_likelihood(const Tensor& v) const;  // log p(v): [n]

  // v [n, visible] with hidden units at random: [n, units].
  Tensor clamp(const Tensor& v, Generator* generator = nullptr) const;
  // s [n, units] after sweeps in which each unit, one after the other, is on with its probability given all others. Without
  // history.
  Tensor gibbs(const Tensor& s, const GibbsOptions& options = {}) const;
};

}  // namespace ebb::nn
