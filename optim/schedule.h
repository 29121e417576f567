// Learning-rate schedules: lr = f(step).
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
#include <span>
#include <vector>

#include "optim/lr_rules.h"
#include "optim/optimizer.h"

namespace ebb::optim {

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
