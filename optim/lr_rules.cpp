#include "optim/lr_rules.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string_view>

#include "autograd/base/fail.h"

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
double anneal(Anneal strategy, double start, double end, double x) {
  return strategy == Anneal::cos ? cosine(start, end, x) : line(start, end, x);
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

double MultiStepLR::operator()(std::int64_t t, double base) const {
  const auto passed = std::count_if(milestones.begin(), milestones.end(), [&](std::int64_t m) { return m <= t; });
  return base * std::pow(gamma, static_cast<double>(passed));
}

double ConstantLR::operator()(std::int64_t t, double base) const { return t < total_iters ? base * factor : base; }

double PolynomialLR::operator()(std::int64_t t, double base) const {
  check_positive("PolynomialLR", "total_iters", static_cast<double>(total_iters));
  const auto done = static_cast<double>(std::min(t, total_iters)) / static_cast<double>(total_iters);
  return base * std::pow(1 - done, power);
}

double CosineAnnealingWarmRestarts::operator()(std::int64_t t, double base) const {
  check_positive("CosineAnnealingWarmRestarts", "t_0", static_cast<double>(t_0));
  check_positive("CosineAnnealingWarmRestarts", "t_mult", static_cast<double>(t_mult));
  std::int64_t period = t_0;
  if (t_mult == 1) t %= t_0;
  for (; t >= period; period *= t_mult) t -= period;
  return cosine(base, eta_min, static_cast<double>(t) / static_cast<double>(period));
}

double CyclicLR::operator()(std::int64_t t, double) const {
  check_positive("CyclicLR", "step_size_up", static_cast<double>(step_size_up));
  const std::int64_t down = step_size_down.value_or(step_size_up), period = step_size_up + down;
  check_positive("CyclicLR", "step_size_down", static_cast<double>(down));
  const std::int64_t cycle = t / period, place = t % period;
  const double height = place <= step_size_up ? static_cast<double>(place) / static_cast<double>(step_size_up)
                                              : static_cast<double>(period - place) / static_cast<double>(down);
  const double scale = mode == Mode::triangular2 ? std::exp2(-static_cast<double>(cycle))
                       : mode == Mode::exp_range ? std::pow(gamma, static_cast<double>(t))
                                                 : 1;
  return base_lr + (max_lr - base_lr) * height * scale;
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
    return anneal(anneal_strategy, start, end, x);
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

double SWALR::operator()(std::int64_t t, double base) const {
  if (anneal_epochs < 0) fail("SWALR: anneal_epochs is {}; it must not be negative", anneal_epochs);
  const double done =
      anneal_epochs == 0 ? 1 : std::min(1.0, static_cast<double>(t) / static_cast<double>(anneal_epochs));
  return anneal(anneal_strategy, base, swa_lr, done);
}

double ChainedLR::operator()(std::int64_t t, double base) const {
  for (const auto& rule : rules) base = rule(t, base);
  return base;
}

}  // namespace ebb::optim
