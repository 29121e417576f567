// The restricted Boltzmann machine, and how good it is.
#pragma once

#include <cstdint>

#include "autograd/base/random.h"
#include "nn/role.h"

namespace ebb::nn {

namespace detail {
Tensor rbm_weight(std::int64_t visible, std::int64_t hidden);
Tensor rbm_bias(std::int64_t units);
}  // namespace detail

// Binary units v [.., visible] and h [.., hidden] of probability exp(-E(v, h)) / Z, E = -vᵀb - hᵀc - hᵀWv (Smolensky 1986;
// Hinton 2002). Given one layer, the units of the other are independent. Weights start as N(0, 0.01²), biases as 0.
//
// The gradient of mean(free_energy(data)) - mean(free_energy(fantasies)) is the difference of the two statistics <hv> by
// which these machines learn; where the fantasies come from gives the algorithm its name:
//
//   Tensor fantasies = rbm.gibbs(data, k);     // contrastive divergence, CD-k
//   chains = rbm.gibbs(chains, k);             // persistent CD (Tieleman 2008): they go on from step to step
//   (mean(rbm.free_energy(data)) - mean(rbm.free_energy(fantasies))).backward();
struct RBM {
  std::int64_t visible, hidden;
  Parameter weight = detail::rbm_weight(visible, hidden);  // [hidden, visible]
  Parameter visible_bias = detail::rbm_bias(visible);
  Parameter hidden_bias = detail::rbm_bias(hidden);

  Tensor energy(const Tensor& v, const Tensor& h) const;  // [..]
  // -log Σ_h exp(-E(v, h)) = -vᵀb - Σ_j softplus(c_j + W_j v): [..]
  Tensor free_energy(const Tensor& v) const;
  Tensor hidden_given(const Tensor& v) const;   // p(h_j = 1 | v)
  Tensor visible_given(const Tensor& h) const;  // p(v_i = 1 | h)

  // v after `steps` times h from p(h | v) and v from p(v | h). Without history.
  Tensor gibbs(Tensor v, std::int64_t steps = 1, Generator* generator = nullptr) const;

  // log Z, summed over all states of the smaller layer, of at most 24 units. With history.
  Tensor log_partition() const;
};

// 1 with the probabilities p, else 0; of p's dtype. Without derivative.
Tensor sample_units(const Tensor& p, Generator* generator = nullptr);

// All states of n <= 24 binary units, counting up, the last unit changing fastest: [2^n, n].
Tensor binary_states(std::int64_t n, Dtype dtype = float32);

// The visible biases of independent units as often on as in data [n, visible]: log odds, of one more example on and one
// more off.
Tensor base_rate_bias(const Tensor& data);

struct AisOptions {
  std::int64_t runs = 100;
  std::int64_t steps = 1000;  // between the base model and the machine
  Tensor base_bias = {};      // [visible]: the base model's visible biases; left out: 0
  Generator* generator = nullptr;
};
// An estimate of log Z, and where those lie whose mean weight is three standard errors away; the lower is -inf where that
// is not positive.
struct AisEstimate {
  double log_z, low, high;
  Tensor log_weights;  // [runs] float64: log Z is the logarithm of the weights' mean
};
// Annealed importance sampling (Neal 2001) from a model without weights, whose Z is known, through machines of
// exp(((1 - β) a + β b)ᵀv) Π_j (1 + exp(β (c_j + W_j v))) to this one (Salakhutdinov, Murray 2008); β goes from 0 to 0.5, 0.9
// and 1 in 1, 8 and 20 parts of 29 of the steps, as there. The mean of the weights is Z without bias.
AisEstimate log_partition_ais(const RBM& rbm, const AisOptions& options = {});

}  // namespace ebb::nn
