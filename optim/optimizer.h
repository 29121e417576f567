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
#include "optim/algorithms.h"

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
  ~BasicOptimizer() override;

  std::span<Group<Options>> groups() { return groups_; }
  std::span<const Group<Options>> groups() const { return groups_; }

  void step() override;
  void zero_grad() override;
  std::vector<Tensor> parameters() const override;
  std::size_t group_count() const override;
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

// What each computes: optim/algorithms.h. Their members are compiled in the library, once.
using SGD = BasicOptimizer<SGDOptions>;
using Adam = BasicOptimizer<AdamOptions>;
using AdamW = BasicOptimizer<AdamWOptions>;
using Adamax = BasicOptimizer<AdamaxOptions>;
using NAdam = BasicOptimizer<NAdamOptions>;
using RAdam = BasicOptimizer<RAdamOptions>;
using LAMB = BasicOptimizer<LAMBOptions>;
using Lion = BasicOptimizer<LionOptions>;
using Adagrad = BasicOptimizer<AdagradOptions>;
using Adadelta = BasicOptimizer<AdadeltaOptions>;
using RMSprop = BasicOptimizer<RMSpropOptions>;
using Rprop = BasicOptimizer<RpropOptions>;
using ASGD = BasicOptimizer<ASGDOptions>;
using Muon = BasicOptimizer<MuonOptions>;

}  // namespace ebb::optim
