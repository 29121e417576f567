#include "optim/line_search.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ebb::optim {
namespace {

// The minimum, within [low, high], of the cubic that has both points' values and slopes.
double cubic_minimum(const LinePoint& a, const LinePoint& b, double low, double high) {
  const auto& [left, right] = a.t <= b.t ? std::pair<const LinePoint&, const LinePoint&>(a, b)
                                         : std::pair<const LinePoint&, const LinePoint&>(b, a);
  const double width = right.t - left.t;
  const double mean = left.slope + right.slope + 3 * (left.value - right.value) / width;
  const double square = mean * mean - left.slope * right.slope;
  if (!(square >= 0)) return (low + high) / 2;
  const double root = std::sqrt(square);
  const double t = right.t - width * (right.slope + root - mean) / (right.slope - left.slope + 2 * root);
  return std::min(std::max(t, low), high);
}

}  // namespace

LinePoint strong_wolfe(const std::function<LinePoint(double t)>& at, const LinePoint& start, double t, double size,
                       const WolfeOptions& options) {
  const auto falls_enough = [&](const LinePoint& p) {
    return p.value <= start.value + options.c1 * p.t * start.slope;
  };
  const auto is_flat = [&](const LinePoint& p) { return std::abs(p.slope) <= -options.c2 * start.slope; };

  // Steps grow until one is right, or goes too far.
  LinePoint before = start, now = at(t);
  int evaluations = 0;
  for (; evaluations < options.max_evaluations; ++evaluations) {
    if (!falls_enough(now) || (evaluations > 1 && now.value >= before.value)) break;
    if (is_flat(now)) return now;
    if (now.slope >= 0) break;
    const double next = cubic_minimum(before, now, now.t + 0.01 * (now.t - before.t), now.t * 10);
    before = std::exchange(now, at(next));
  }
  if (evaluations == options.max_evaluations) before = start;

  // The two enclose one: the lower point is kept, the other moves closer.
  LinePoint *low = &before, *high = &now;
  if (before.value > now.value) std::swap(low, high);
  bool was_near_an_end = false;
  for (; evaluations < options.max_evaluations; ++evaluations) {
    if (std::abs(high->t - low->t) * size < options.tolerance) break;
    const auto [left, right] = std::minmax(low->t, high->t);
    const double margin = 0.1 * (right - left);
    double next = cubic_minimum(*low, *high, left, right);
    const bool near_an_end = std::min(right - next, next - left) < margin;
    const bool stuck = near_an_end && (was_near_an_end || next >= right || next <= left);
    if (stuck) next = right - next < next - left ? right - margin : left + margin;
    was_near_an_end = near_an_end && !stuck;

    LinePoint found = at(next);
    if (!falls_enough(found) || found.value >= low->value) {
      *high = std::move(found);
      if (low->value > high->value) std::swap(low, high);
      continue;
    }
    const bool done = is_flat(found);
    if (!done && found.slope * (high->t - low->t) >= 0) *high = *low;
    *low = std::move(found);
    if (done) break;
  }
  return *low;
}

}  // namespace ebb::optim
