// Learning rates as functions of the step.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace ebb::optim {

// The learning rate in step t = 0, 1, … of a group whose own learning rate is `base`. A pure function: what
// lr is after a restart, or after any other history, is what it would have been. Below are those that PyTorch
// has, by its names; a lambda does as well. Each throws an Error if its fields make no sense.
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

// base gamma^k, k the number of milestones ≤ t.
struct MultiStepLR {
  std::vector<std::int64_t> milestones;
  double gamma = 0.1;
  double operator()(std::int64_t t, double base) const;
};

// base factor for t < total_iters, then base.
struct ConstantLR {
  double factor = 1.0 / 3;
  std::int64_t total_iters = 5;
  double operator()(std::int64_t t, double base) const;
};

// base (1 - min(t / total_iters, 1))^power
struct PolynomialLR {
  std::int64_t total_iters = 5;
  double power = 1;
  double operator()(std::int64_t t, double base) const;
};

// CosineAnnealingLR that falls from base to eta_min in t_0 steps, jumps back to base, and falls again in t_mult times as
// many (Loshchilov, Hutter 2017).
struct CosineAnnealingWarmRestarts {
  std::int64_t t_0;
  std::int64_t t_mult = 1;
  double eta_min = 0;
  double operator()(std::int64_t t, double base) const;
};

// Up from base_lr to max_lr in step_size_up steps and down in step_size_down, again and again (Smith: Cyclical Learning
// Rates for Training Neural Networks; 2017). The height max_lr - base_lr is halved in each cycle for triangular2, and
// multiplied by gamma^t for exp_range. `base` has no part in it, nor has momentum.
struct CyclicLR {
  enum class Mode : std::uint8_t { triangular, triangular2, exp_range };
  double base_lr, max_lr;
  std::int64_t step_size_up = 2000;
  std::optional<std::int64_t> step_size_down = {};  // left out: step_size_up
  Mode mode = Mode::triangular;
  double gamma = 1;
  double operator()(std::int64_t t, double base) const;
};

enum class Anneal : std::uint8_t { cos, linear };

// From max_lr / div_factor up to max_lr at t = pct_start total_steps - 1, then down to max_lr / div_factor /
// final_div_factor at t = total_steps - 1 (Smith, Topin: Super-Convergence; 2018). `base` has no part in it,
// nor has momentum. The value at total_steps, which is set after the last update, is that at total_steps - 1;
// Error beyond.
struct OneCycleLR {
  double max_lr;
  std::int64_t total_steps;
  double pct_start = 0.3;
  Anneal anneal_strategy = Anneal::cos;
  double div_factor = 25;
  double final_div_factor = 1e4;
  double operator()(std::int64_t t, double base) const;
};

// From base to swa_lr in anneal_epochs steps, for the averaging at the end (Izmailov et al.: Averaging Weights Leads to
// Wider Optima and Better Generalization; 2018).
struct SWALR {
  double swa_lr;
  std::int64_t anneal_epochs = 10;
  Anneal anneal_strategy = Anneal::cos;
  double operator()(std::int64_t t, double base) const;
};

// One rule after another: rules[k] from milestones[k - 1] on, and there it begins with its own t = 0.
struct SequentialLR {
  std::vector<LrRule> rules;
  std::vector<std::int64_t> milestones;  // ascending, one fewer than the rules
  double operator()(std::int64_t t, double base) const;
};

// All rules at once: each takes for its base what the one before it gives. PyTorch's ChainedScheduler.
struct ChainedLR {
  std::vector<LrRule> rules;
  double operator()(std::int64_t t, double base) const;
};

}  // namespace ebb::optim
