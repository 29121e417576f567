#include "optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "optim/state_reader.h"

namespace ebb::optim {
namespace {

std::int64_t whole_number(std::string_view owner, std::string_view name, double value) {
  if (!(value >= 0) || value != std::floor(value) || value > 0x1p53)
    fail("{}: {} is {}; it must be a whole number", owner, name, value);
  return static_cast<std::int64_t>(value);
}

}  // namespace

// -- Schedule

Schedule::Schedule(Optimizer& optimizer, LrRule rule)
    : Schedule(optimizer, std::vector<LrRule>(optimizer.group_count(), std::move(rule))) {}

Schedule::Schedule(Optimizer& optimizer, std::vector<LrRule> rules)
    : optimizer_(&optimizer), rules_(std::move(rules)) {
  if (rules_.size() != optimizer.group_count())
    fail("Schedule: {} rules for an optimizer of {} groups; give one, or one each", rules_.size(),
         optimizer.group_count());
  std::vector<double> base_lrs;
  for (std::size_t g = 0; g < rules_.size(); ++g) base_lrs.push_back(optimizer.lr(g));
  go_to(0, std::move(base_lrs));
}

void Schedule::step() { go_to(t_ + 1, base_lrs_); }

void Schedule::go_to(std::int64_t t, std::vector<double> base_lrs) {
  std::vector<double> lrs;
  for (std::size_t g = 0; g < rules_.size(); ++g) {
    lrs.push_back(rules_[g](t, base_lrs[g]));
    if (!(lrs[g] >= 0) || !std::isfinite(lrs[g]))
      fail("Schedule: the rule of group {} gives {} at step {}; it must be 0 or larger, and finite", g, lrs[g], t);
  }
  for (std::size_t g = 0; g < lrs.size(); ++g) optimizer_->set_lr(g, lrs[g]);
  base_lrs_ = std::move(base_lrs);
  t_ = t;
}

std::vector<NamedTensor> Schedule::state() const {
  return {named_number("step", static_cast<double>(t_)), {"base_lrs", tensor(base_lrs_)}};
}

void Schedule::load_state(std::span<const NamedTensor> saved) {
  StateReader reader("Schedule", saved);
  const double t = reader.number("step", 0);
  const Tensor base_lrs = reader.tensor("base_lrs", {{static_cast<std::int64_t>(rules_.size())}, float64});
  reader.finish();
  go_to(whole_number("Schedule", "step", t), base_lrs.to_vector<double>());
}

// -- ReduceLROnPlateau

ReduceLROnPlateau::ReduceLROnPlateau(Optimizer& optimizer, const PlateauOptions& options)
    : optimizer_(&optimizer),
      options_(options),
      best_(options.mode == Goal::min ? std::numeric_limits<double>::infinity()
                                      : -std::numeric_limits<double>::infinity()) {
  const auto& o = options_;
  if (!(o.factor >= 0 && o.factor < 1)) fail("ReduceLROnPlateau: factor is {}; it must be in [0, 1)", o.factor);
  if (o.patience < 0 || o.cooldown < 0)
    fail("ReduceLROnPlateau: patience {} and cooldown {}; neither may be negative", o.patience, o.cooldown);
  if (!(o.threshold >= 0) || !(o.min_lr >= 0) || !(o.eps >= 0))
    fail("ReduceLROnPlateau: threshold {}, min_lr {} and eps {}; none may be negative", o.threshold, o.min_lr,
         o.eps);
}

bool ReduceLROnPlateau::is_better(double metric) const {
  const double sign = options_.mode == Goal::min ? -1 : 1;
  const bool relative = options_.threshold_mode == Threshold::rel;
  const double mark = relative ? best_ * (1 + sign * options_.threshold) : best_ + sign * options_.threshold;
  return sign * metric > sign * mark;
}

void ReduceLROnPlateau::step(double metric) {
  ++bad_steps_;
  if (is_better(metric)) {
    best_ = metric;
    bad_steps_ = 0;
  }
  if (cooldown_left_ > 0) {
    --cooldown_left_;
    bad_steps_ = 0;
  }
  if (bad_steps_ > options_.patience) {
    reduce();
    cooldown_left_ = options_.cooldown;
    bad_steps_ = 0;
  }
}

void ReduceLROnPlateau::reduce() {
  for (std::size_t g = 0; g < optimizer_->group_count(); ++g) {
    const double before = optimizer_->lr(g), after = std::max(before * options_.factor, options_.min_lr);
    if (before - after > options_.eps) optimizer_->set_lr(g, after);
  }
}

std::vector<NamedTensor> ReduceLROnPlateau::state() const {
  return {named_number("best", best_), named_number("bad_steps", static_cast<double>(bad_steps_)),
          named_number("cooldown_left", static_cast<double>(cooldown_left_))};
}

void ReduceLROnPlateau::load_state(std::span<const NamedTensor> saved) {
  constexpr std::string_view kOwner = "ReduceLROnPlateau";
  StateReader reader(kOwner, saved);
  const double best = reader.number("best", best_);
  const double bad_steps = reader.number("bad_steps", 0), cooldown_left = reader.number("cooldown_left", 0);
  reader.finish();
  bad_steps_ = whole_number(kOwner, "bad_steps", bad_steps);
  cooldown_left_ = whole_number(kOwner, "cooldown_left", cooldown_left);
  best_ = best;
}

}  // namespace ebb::optim
