// The optimizers' algorithms: what a step computes from the gradient g, negated if maximize, and the parameter p; the
// options with PyTorch's names and defaults; the state, by name. `t` counts a parameter's steps from 1. Where nothing else
// is said, weight_decay p is first added to g; decoupled, it is p that becomes p - lr weight_decay p. Options are those
// of the step that is taken: they may change between steps.
//
// Error, from the constructor, step() and load_state(), if lr, eps, weight_decay or another option that scales is
// negative or not finite, or if a beta is not in [0, 1). Every state holds "group.j.lr" and j's other options, and for
// parameter i, besides the buffers named here, "i.step", if anything is remembered of it.
#pragma once

#include <cstdint>

namespace ebb::optim {

// Stochastic gradient descent (Robbins, Monro 1951).
//
//   g ← g + weight_decay p
//   v ← momentum v + (1 - dampening) g        v ← g in a parameter's first step
//   p ← p - lr v                              or p ← p - lr (g + momentum v) if nesterov
//
// Momentum is Polyak's heavy ball (1964), nesterov the form of Nesterov's method (1983) by Sutskever,
// Martens, Dahl, Hinton (On the importance of initialization and momentum in deep learning; ICML 2013). As in
// PyTorch, lr multiplies the whole step, so that a change of lr acts at once.
//
// Error if nesterov comes without momentum or with dampening. State: "i.momentum_buffer" with momentum.
struct SGDOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  bool nesterov = false;
  double weight_decay = 0;
  bool maximize = false;
};

// Adam (Kingma, Ba: Adam: A Method for Stochastic Optimization; ICLR 2015).
//
//   g ← g + weight_decay p                    or p ← p - lr weight_decay p if decoupled
//   m ← beta1 m + (1 - beta1) g
//   v ← beta2 v + (1 - beta2) g²
//   p ← p - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)
//
// amsgrad takes the largest v so far instead of v (Reddi, Kale, Kumar: On the Convergence of Adam and Beyond;
// ICLR 2018); without bias_correction both denominators 1 - beta^t are 1. The powers are of the betas as they
// are now. State: "i.exp_avg" (m), "i.exp_avg_sq" (v) and, with amsgrad, "i.max_exp_avg_sq".
template <bool kDecoupled>
struct BasicAdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = kDecoupled ? 0.01 : 0;
  bool amsgrad = false;
  bool bias_correction = true;
  bool maximize = false;
};
using AdamOptions = BasicAdamOptions<false>;
// The decay acts on the parameter alone, not on m and v (Loshchilov, Hutter: Decoupled Weight Decay
// Regularization; ICLR 2019).
using AdamWOptions = BasicAdamOptions<true>;

// Adam with the largest gradient so far, slowly forgotten, in v's place (Kingma, Ba 2015, §7.1):
//
//   u ← max(beta2 u, |g| + eps)
//   p ← p - lr / (1 - beta1^t) m / u
//
// State: "i.exp_avg" (m), "i.exp_inf" (u).
struct AdamaxOptions {
  double lr = 2e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  bool maximize = false;
};

// Adam with Nesterov's momentum (Dozat: Incorporating Nesterov Momentum into Adam; 2016), whose decay grows:
//
//   μ_t = beta1 (1 - 0.96^(t momentum_decay) / 2)
//   p ← p - lr ((1 - μ_t) / (1 - Π_{s≤t} μ_s) g + μ_{t+1} / (1 - Π_{s≤t+1} μ_s) m) / (sqrt(v / (1 - beta2^t)) + eps)
//
// State: "i.exp_avg" (m), "i.exp_avg_sq" (v).
struct NAdamOptions {
  double lr = 2e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum_decay = 4e-3;
  bool decoupled_weight_decay = false;
  bool maximize = false;
};

// Adam that steps by m alone until v is known well enough (Liu et al.: On the Variance of the Adaptive Learning Rate and
// Beyond; ICLR 2020): with ρ∞ = 2 / (1 - beta2) - 1 and ρ = ρ∞ - 2 t beta2^t / (1 - beta2^t), m̂ = m / (1 - beta1^t),
//
//   p ← p - lr r m̂ sqrt(1 - beta2^t) / (sqrt(v) + eps),  r² = (ρ-4)(ρ-2)ρ∞ / ((ρ∞-4)(ρ∞-2)ρ),  if ρ > 5, else
//   p ← p - lr m̂
//
// State: "i.exp_avg" (m), "i.exp_avg_sq" (v).
struct RAdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  bool decoupled_weight_decay = false;
  bool maximize = false;
};

// Adam whose steps are in proportion to the parameter (You et al.: Large Batch Optimization for Deep Learning; ICLR
// 2020): with r = m̂ / (sqrt(v̂) + eps) + weight_decay p and the norms over the whole parameter,
//
//   p ← p - lr ‖p‖ / ‖r‖ r,  or p ← p - lr r if one of the norms is 0.
//
// State: "i.exp_avg" (m), "i.exp_avg_sq" (v). Not in PyTorch.
struct LAMBOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-6;
  double weight_decay = 0.01;
  bool maximize = false;
};

// Steps of one length (Chen et al.: Symbolic Discovery of Optimization Algorithms; NeurIPS 2023):
//
//   p ← p - lr weight_decay p - lr sign(beta1 m + (1 - beta1) g)
//   m ← beta2 m + (1 - beta2) g
//
// State: "i.exp_avg" (m). Not in PyTorch.
struct LionOptions {
  double lr = 1e-4;
  double beta1 = 0.9;
  double beta2 = 0.99;
  double weight_decay = 0;
  bool maximize = false;
};

// Steps that shrink by what has been seen (Duchi, Hazan, Singer: Adaptive Subgradient Methods; JMLR 2011):
//
//   s ← s + g²,  s starts as initial_accumulator_value
//   p ← p - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)
//
// State: "i.sum" (s).
struct AdagradOptions {
  double lr = 1e-2;
  double lr_decay = 0;
  double weight_decay = 0;
  double initial_accumulator_value = 0;
  double eps = 1e-10;
  bool maximize = false;
};

// Steps in the parameter's own unit (Zeiler: ADADELTA: An Adaptive Learning Rate Method; 2012):
//
//   s ← rho s + (1 - rho) g²
//   x = sqrt(a + eps) / sqrt(s + eps) g
//   a ← rho a + (1 - rho) x²
//   p ← p - lr x
//
// State: "i.square_avg" (s), "i.acc_delta" (a).
struct AdadeltaOptions {
  double lr = 1;
  double rho = 0.9;
  double eps = 1e-6;
  double weight_decay = 0;
  bool maximize = false;
};

// Steps divided by the gradient's recent size (Tieleman, Hinton: Lecture 6.5; 2012):
//
//   s ← alpha s + (1 - alpha) g²
//   x = g / (sqrt(s) + eps), or, if centered, with a ← alpha a + (1 - alpha) g and s - a² for s (Graves 2013)
//   p ← p - lr x, or with momentum b ← momentum b + x and b for x
//
// State: "i.square_avg" (s), "i.grad_avg" (a), "i.momentum_buffer" (b).
struct RMSpropOptions {
  double lr = 1e-2;
  double alpha = 0.99;
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum = 0;
  bool centered = false;
  bool maximize = false;
};

// Steps by the gradient's sign, for whole batches (Riedmiller, Braun: A Direct Adaptive Method for Faster
// Backpropagation Learning; 1993): an element's step s, lr at first, grows by eta_plus where the gradient keeps its sign,
// and shrinks by eta_minus where it turns, where the element then waits for a step; it stays within
// [step_size_min, step_size_max]. p ← p - s sign(g).
//
// Error if not 0 < eta_minus < 1 < eta_plus. State: "i.prev", "i.step_size" (s).
struct RpropOptions {
  double lr = 1e-2;
  double eta_minus = 0.5;
  double eta_plus = 1.2;
  double step_size_min = 1e-6;
  double step_size_max = 50;
  bool maximize = false;
};

// SGD that also averages where it has been (Polyak, Juditsky: Acceleration of Stochastic Approximation by Averaging;
// 1992), with η = lr / (1 + lambd lr (t - 1))^alpha:
//
//   p ← p - lambd η p - η g
//   a ← a + (p - a) / max(1, t - 1 - t0)
//
// State: "i.ax" (a), the averages to use in the end.
struct ASGDOptions {
  double lr = 1e-2;
  double lambd = 1e-4;
  double alpha = 0.75;
  double t0 = 1e6;
  double weight_decay = 0;
  bool maximize = false;
};

// For matrices: momentum whose singular values are all made 1, nearly (Jordan et al.: Muon: An optimizer for hidden layers
// in neural networks; 2024).
//
//   b ← momentum b + (1 - momentum) g;  u = nesterov ? momentum b + (1 - momentum) g : b
//   X = u / max(‖u‖, eps), then ns_steps times, with A = X Xᵀ: X ← ns_a X + (ns_b A + ns_c A²) X   (Newton, Schulz)
//   p ← p - lr weight_decay p - lr s X,
//
// with s = sqrt(max(1, rows / columns)), or 0.2 sqrt(max(rows, columns)), which makes a step as long as AdamW's. All in
// the parameter's dtype, where PyTorch iterates in bfloat16. Error if a parameter is not a matrix: give the others to
// AdamW. State: "i.momentum_buffer" (b).
struct MuonOptions {
  enum class AdjustLr : std::uint8_t { original, match_rms_adamw };
  double lr = 1e-3;
  double weight_decay = 0.1;
  double momentum = 0.95;
  bool nesterov = true;
  double ns_a = 3.4445;
  double ns_b = -4.775;
  double ns_c = 2.0315;
  double eps = 1e-7;
  std::int64_t ns_steps = 5;
  AdjustLr adjust_lr_fn = AdjustLr::original;
  bool maximize = false;
};

}  // namespace ebb::optim
