// Learning-rate schedules: lr = f(step), as PyTorch's schedulers of the same names give it.
//
//   optim::Schedule schedule(adam, optim::SequentialLR{
//       {optim::LinearLR{.start_factor = 0.1, .total_iters = 5}, optim::CosineAnnealingLR{.t_max = 95}},
//       {5}});
//   for (int epoch = 0; epoch < 100; ++epoch) {
//     train();
//     schedule.step();
//   }
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <vector>

#include "optim/optimizer.h"

namespace ebb::optim {

// The learning rate in step t = 0, 1, … of a group whose own learning rate is `base`. A pure function: what
// lr is after a restart, or after any other history, is what it would have been. Below are those that PyTorch
// has, but a lambda does as well. Each throws an Error if its fields make no sense.
using LrRule = std::function<double(std::int64_t t, double base)>;

// base gamma^⌊t / step_size⌋
struct StepLR {
  std::int64_t step_size;
  double gamma = 0.1;
  double operator()(std::int64_t t, double base) const;
};

// base gamma^t
struct ExponentialLR {
  double gamma;
  double operator()(std::int64_t t, double base) const;
};

// eta_min + (base - eta_min) (1 + cos(π t / t_max)) / 2; after t_max it rises again (Loshchilov, Hutter:
// SGDR: Stochastic Gradient Descent with Warm Restarts; ICLR 2017).
struct CosineAnnealingLR {
  std::int64_t t_max;
  double eta_min = 0;
  double operator()(std::int64_t t, double base) const;
};

// base (start_factor + (end_factor - start_factor) min(t / total_iters, 1)): a warm-up (Goyal et al.:
// Accurate, Large Minibatch SGD; 2017), or a linear decay.
struct LinearLR {
  double start_factor = 1.0 / 3;
  double end_factor = 1;
  std::int64_t total_iters = 5;
  double operator()(std::int64_t t, double base) const;
};

// From max_lr / div_factor up to max_lr at t = pct_start total_steps - 1, then down to max_lr / div_factor /
// final_div_factor at t = total_steps - 1 (Smith, Topin: Super-Convergence; 2018). `base` has no part in it,
// nor has momentum. The value at total_steps, which is set after the last update, is that at total_steps - 1;
// Error beyond.
struct OneCycleLR {
  enum class Anneal : std::uint8_t { cos, linear };
  double max_lr;
  std::int64_t total_steps;
  double pct_start = 0.3;
  Anneal anneal_strategy = Anneal::cos;
  double div_factor = 25;
  double final_div_factor = 1e4;
  double operator()(std::int64_t t, double base) const;
};

// One rule after another: rules[k] from milestones[k - 1] on, and there it begins with its own t = 0.
struct SequentialLR {
  std::vector<LrRule> rules;
  std::vector<std::int64_t> milestones;  // ascending, one fewer than the rules
  double operator()(std::int64_t t, double base) const;
};

// Keeps an optimizer's learning rates on a rule. Sets them to those of t = 0 when made; step() goes on to the
// next t. The optimizer outlives it.
class Schedule {
 public:
  Schedule(Optimizer& optimizer, LrRule rule);
  Schedule(Optimizer& optimizer, std::vector<LrRule> rules);  // one for each group

  void step();
  std::int64_t last_step() const { return t_; }

  // "step" and "base_lrs" [groups]. Loading sets the learning rates too.
  std::vector<NamedTensor> state() const;
  void load_state(std::span<const NamedTensor> saved);

 private:
  void go_to(std::int64_t t, std::vector<double> base_lrs);

  Optimizer* optimizer_;
  std::vector<LrRule> rules_;
  std::vector<double> base_lrs_;
  std::int64_t t_ = 0;
};

enum class Goal : std::uint8_t { min, max };
enum class Threshold : std::uint8_t { rel, abs };

struct PlateauOptions {
  Goal mode = Goal::min;  // is the metric to become small or large?
  double factor = 0.1;    // in [0, 1)
  std::int64_t patience = 10;
  double threshold = 1e-4;
  Threshold threshold_mode = Threshold::rel;
  std::int64_t cooldown = 0;
  double min_lr = 0;
  double eps = 1e-8;  // changes of lr that are no larger are left out
};

// Multiplies the learning rates by `factor`, down to min_lr, when a metric has not become better for more
// than `patience` steps. After that, `cooldown` steps do not count. Better, for mode min, is below best (1 -
// threshold) for rel and below best - threshold for abs; for max it is above best (1 + threshold), best +
// threshold. NaN never is.
class ReduceLROnPlateau {
 public:
  explicit ReduceLROnPlateau(Optimizer& optimizer, const PlateauOptions& options = {});

  void step(double metric);
  double best() const { return best_; }

  // "best", "bad_steps", "cooldown_left". The learning rates are in the optimizer's state.
  std::vector<NamedTensor> state() const;
  void load_state(std::span<const NamedTensor> saved);

 private:
  bool is_better(double metric) const;
  void reduce();

  Optimizer* optimizer_;
  PlateauOptions options_;
  double best_;
  std::int64_t bad_steps_ = 0, cooldown_left_ = 0;
};

}  // namespace ebb::optim
