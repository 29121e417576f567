// Optimizers: how parameters follow their gradients.
//
//   optim::Adam adam(parameters(net), {.lr = 1e-3});
//   for (auto [images, labels] : loader) {
//     adam.zero_grad();
//     cross_entropy(net(images), labels).backward();
//     adam.step();
//   }
//
// Parameters in groups, each with its own options, which may be changed between steps:
//
//   optim::SGD sgd({{weights, {.lr = 0.1, .weight_decay = 5e-4}}, {biases, {.lr = 0.2}}});
//   sgd.groups()[0].options.lr = 0.01;
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "autograd/tensor.h"

namespace ebb::optim {

// What all optimizers can do. Schedules and minimize() need no more, so an optimizer of one's own derives
// from this. An optimizer is used by one thread at a time.
class Optimizer {
 public:
  Optimizer() = default;
  Optimizer(const Optimizer&) = delete;  // a copy would move the same parameters
  Optimizer& operator=(const Optimizer&) = delete;
  virtual ~Optimizer() = default;

  // Moves every parameter that has a gradient; the others, and what is remembered of them, stay as they are.
  virtual void step() = 0;
  // Forgets all gradients.
  virtual void zero_grad() = 0;
  // All parameters, group after group.
  virtual std::vector<Tensor> parameters() const = 0;

  virtual std::size_t group_count() const = 0;
  virtual double lr(std::size_t group = 0) const = 0;
  virtual void set_lr(std::size_t group, double lr) = 0;

  // Everything that the next steps depend on besides parameters and gradients: a snapshot, which later steps
  // leave alone. Loading it takes no step; a run that is saved and restored goes on with the same bits.
  // Error, and nothing is loaded, if a name is missing or unknown or a tensor is not of the right shape and
  // dtype; the Error lists all.
  virtual std::vector<NamedTensor> state() const = 0;
  virtual void load_state(std::span<const NamedTensor> saved) = 0;
};

// Stochastic gradient descent (Robbins, Monro 1951). With the gradient g, negated if maximize, and the
// parameter p:
//
//   g ← g + weight_decay p
//   v ← momentum v + (1 - dampening) g        v ← g in a parameter's first step
//   p ← p - lr v                              or p ← p - lr (g + momentum v) if nesterov
//
// Momentum is Polyak's heavy ball (1964), nesterov the form of Nesterov's method (1983) by Sutskever,
// Martens, Dahl, Hinton (On the importance of initialization and momentum in deep learning; ICML 2013). As in
// PyTorch, lr multiplies the whole step, so that a change of lr acts at once.
//
// Error if lr, momentum or weight_decay is negative, or if nesterov comes without momentum or with dampening.
// State: "i.step", "i.momentum_buffer" of parameter i, for groups with momentum; "group.j.lr" and j's other
// options.
struct SGDOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  bool nesterov = false;
  double weight_decay = 0;
  bool maximize = false;
};

// Adam (Kingma, Ba: Adam: A Method for Stochastic Optimization; ICLR 2015). In step t of a parameter p:
//
//   g ← g + weight_decay p                    or p ← p - lr weight_decay p if decoupled
//   m ← beta1 m + (1 - beta1) g
//   v ← beta2 v + (1 - beta2) g²
//   p ← p - lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)
//
// amsgrad takes the largest v so far instead of v (Reddi, Kale, Kumar: On the Convergence of Adam and Beyond;
// ICLR 2018); without bias_correction both denominators 1 - beta^t are 1. The powers are of the betas as they
// are now.
//
// Error if lr, eps or weight_decay is negative, or a beta not in [0, 1).
// State: "i.step", "i.exp_avg" (m), "i.exp_avg_sq" (v) and, with amsgrad, "i.max_exp_avg_sq" of parameter i;
// "group.j.lr" and j's other options.
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

template <class Options>
struct Group {
  const std::vector<Tensor> parameters;
  Options options = {};
};

// The optimizer whose options these are. Each step is one fused pass over the memory of a group's parameters.
// A parameter is a leaf that requires grad, dense, float32 or float64, and shares its memory with no other;
// Error otherwise, and if there is none. From the second step on, step() asks the system for no memory.
template <class Options>
class BasicOptimizer final : public Optimizer {
 public:
  explicit BasicOptimizer(std::vector<Tensor> parameters, const Options& options = {});
  explicit BasicOptimizer(std::vector<Group<Options>> groups);
  BasicOptimizer(std::initializer_list<Group<Options>> groups);

  std::span<Group<Options>> groups() { return groups_; }
  std::span<const Group<Options>> groups() const { return groups_; }

  void step() override;
  void zero_grad() override;
  std::vector<Tensor> parameters() const override;
  std::size_t group_count() const override { return groups_.size(); }
  double lr(std::size_t group = 0) const override;
  void set_lr(std::size_t group, double lr) override;
  std::vector<NamedTensor> state() const override;
  void load_state(std::span<const NamedTensor> saved) override;

 private:
  // What is remembered of one parameter. `step` counts its updates, as far as they depend on earlier ones.
  struct ParameterState {
    double step = 0;
    std::array<Tensor, 3> buffers;  // as Rule<Options>::kBuffers names them; undefined before their first use
    Tensor gradient;                // during step(): dense
  };
  using States = std::vector<std::vector<ParameterState>>;  // of each group's parameters

  States make_states() const;
  void prepare(const Group<Options>& group, std::vector<ParameterState>& states);
  void update(const Group<Options>& group, std::vector<ParameterState>& states);
  void check_group(std::size_t group) const;

  std::vector<Group<Options>> groups_;
  States states_;
};

using SGD = BasicOptimizer<SGDOptions>;
using Adam = BasicOptimizer<AdamOptions>;
using AdamW = BasicOptimizer<AdamWOptions>;

extern template class BasicOptimizer<SGDOptions>;
extern template class BasicOptimizer<AdamOptions>;
extern template class BasicOptimizer<AdamWOptions>;

}  // namespace ebb::optim
