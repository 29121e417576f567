#include "optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string_view>
#include <utility>

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "optim/state_reader.h"

namespace ebb::optim {
namespace {

void check_positive(std::string_view rule, std::string_view field, double value) {
  if (!(value > 0)) fail("{}: {} is {}; it must be above 0", rule, field, value);
}

// From `start` to `end` as x goes from 0 to 1: along half a cosine wave, or a line.
double cosine(double start, double end, double x) {
  return end + (start - end) * (1 + std::cos(std::numbers::pi * x)) / 2;
}
double line(double start, double end, double x) { return start + (end - start) * x; }

std::int64_t whole_number(std::string_view owner, std::string_view name, double value) {
  if (!(value >= 0) || value != std::floor(value) || value > 0x1p53)
    fail("{}: {} is {}; it must be a whole number", owner, name, value);
  return static_cast<std::int64_t>(value);
}

}  // namespace

double StepLR::operator()(std::int64_t t, double base) const {
  check_positive("StepLR", "step_size", static_cast<double>(step_size));
  return base * std::pow(gamma, static_cast<double>(t / step_size));
}

double ExponentialLR::operator()(std::int64_t t, double base) const {
  return base * std::pow(gamma, static_cast<double>(t));
}

double CosineAnnealingLR::operator()(std::int64_t t, double base) const {
  check_positive("CosineAnnealingLR", "t_max", static_cast<double>(t_max));
  return cosine(base, eta_min, static_cast<double>(t) / static_cast<double>(t_max));
}

double LinearLR::operator()(std::int64_t t, double base) const {
  check_positive("LinearLR", "total_iters", static_cast<double>(total_iters));
  const auto done = static_cast<double>(std::min(t, total_iters)) / static_cast<double>(total_iters);
  return base * line(start_factor, end_factor, done);
}

double OneCycleLR::operator()(std::int64_t t, double) const {
  check_positive("OneCycleLR", "total_steps", static_cast<double>(total_steps));
  check_positive("OneCycleLR", "div_factor", div_factor);
  check_positive("OneCycleLR", "final_div_factor", final_div_factor);
  if (!(pct_start >= 0 && pct_start <= 1)) fail("OneCycleLR: pct_start is {}; it must be in [0, 1]", pct_start);
  if (t > total_steps) fail("OneCycleLR: step {} of a schedule of {}; make total_steps larger", t, total_steps);
  const double first = max_lr / div_factor, last = first / final_div_factor;
  const auto total = static_cast<double>(total_steps), now = std::min(static_cast<double>(t), total - 1);
  const double top = pct_start * total - 1;
  const auto between = [&](double start, double end, double from, double to) {
    const double x = to > from ? (now - from) / (to - from) : 1;
    return anneal_strategy == Anneal::cos ? cosine(start, end, x) : line(start, end, x);
  };
  return now <= top ? between(first, max_lr, 0, top) : between(max_lr, last, top, total - 1);
}

double SequentialLR::operator()(std::int64_t t, double base) const {
  if (rules.size() != milestones.size() + 1)
    fail("SequentialLR: {} rules and {} milestones; there must be one rule more", rules.size(), milestones.size());
  if (std::adjacent_find(milestones.begin(), milestones.end(), std::greater_equal<>()) != milestones.end() ||
      (!milestones.empty() && milestones[0] <= 0))
    fail("SequentialLR: the milestones do not ascend from above 0");
  const auto next = std::upper_bound(milestones.begin(), milestones.end(), t);
  const std::int64_t begin = next == milestones.begin() ? 0 : *std::prev(next);
  return rules[static_cast<std::size_t>(next - milestones.begin())](t - begin, base);
}

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
