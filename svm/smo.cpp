#include "svm/smo.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <list>
#include <numeric>
#include <unordered_map>

#include "autograd/base/fail.h"

namespace ebb::svm {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The rows of K that were used last, as many as there is room for, and at least two.
template <class T>
class Rows {
 public:
  Rows(const DualProblem& problem, double megabytes)
      : problem_(problem), n_(static_cast<std::int64_t>(problem.y.size())) {
    const double row = static_cast<double>(sizeof(T)) * static_cast<double>(n_) / 1e6;
    room_ = static_cast<std::size_t>(std::max(2., std::min(megabytes / row, 1e9)));
    if (room_ < static_cast<std::size_t>(n_)) return;
    std::vector<std::int64_t> every(static_cast<std::size_t>(n_));
    std::iota(every.begin(), every.end(), std::int64_t{0});
    all_ = problem.rows(every);
  }

  const T* operator[](std::int64_t i) {
    if (all_.defined()) return all_.data<const T>() + i * n_;
    const auto found = places_.find(i);
    if (found != places_.end()) {
      used_.splice(used_.begin(), used_, found->second);
    } else {
      if (used_.size() == room_) {
        places_.erase(used_.back().index);
        used_.pop_back();
      }
      used_.push_front({i, problem_.rows({&i, 1})});
      places_[i] = used_.begin();
    }
    return used_.front().values.template data<const T>();
  }

 private:
  struct Row {
    std::int64_t index;
    Tensor values;
  };
  const DualProblem& problem_;
  std::int64_t n_;
  std::size_t room_;
  Tensor all_;
  std::list<Row> used_;  // the latest first
  std::unordered_map<std::int64_t, typename std::list<Row>::iterator> places_;
};

// β, its bounds and the gradient of the dual objective, y - Kβ.
struct State {
  std::vector<double> beta, low, high, gradient;

  State(std::span<const double> y, double C) : beta(y.size(), 0.), gradient(y.begin(), y.end()) {
    for (const double sign : y) {
      low.push_back(std::min(0., sign * C));
      high.push_back(std::max(0., sign * C));
    }
  }
  bool may_grow(std::size_t i) const { return beta[i] < high[i]; }
  bool may_shrink(std::size_t i) const { return beta[i] > low[i]; }
};

struct Extremes {
  std::size_t i = 0;                            // where the gradient is largest of those that may grow
  double most = -kInfinity, least = kInfinity;  // least of those that may shrink
};

Extremes extremes(const State& s) {
  Extremes e;
  for (std::size_t t = 0; t < s.beta.size(); ++t) {
    if (s.may_grow(t) && s.gradient[t] > e.most) e = {t, s.gradient[t], e.least};
    if (s.may_shrink(t)) e.least = std::min(e.least, s.gradient[t]);
  }
  return e;
}

// Σ_i of what is not negative definite counts as this.
constexpr double kLeastCurvature = 1e-12;

template <class T>
std::size_t second(const State& s, const Extremes& e, const T* row, std::span<const double> diagonal) {
  std::size_t best = e.i;
  double most = -kInfinity;
  for (std::size_t t = 0; t < s.beta.size(); ++t) {
    const double slope = e.most - s.gradient[t];
    if (!(slope > 0) || !s.may_shrink(t)) continue;
    const double curvature =
        std::max(diagonal[e.i] + diagonal[t] - 2 * static_cast<double>(row[t]), kLeastCurvature);
    const double gain = slope * slope / curvature;
    if (gain > most) {
      most = gain;
      best = t;
    }
  }
  return best;
}

// The middle of where b may be; the mean of what it is by the β between their bounds, if there are any.
double intercept_of(const State& s, const Extremes& e) {
  double sum = 0, count = 0;
  for (std::size_t t = 0; t < s.beta.size(); ++t)
    if (s.may_grow(t) && s.may_shrink(t)) {
      sum += s.gradient[t];
      ++count;
    }
  return count > 0 ? sum / count : (e.most + e.least) / 2;
}

template <class T>
DualSolution solve(const DualProblem& problem, const DualOptions& options) {
  Rows<T> rows(problem, options.cache_size);
  State s(problem.y, problem.C);
  DualSolution result;
  Extremes e = extremes(s);
  for (; e.most - e.least > options.tol && result.iterations != options.max_iter; ++result.iterations) {
    const std::size_t i = e.i;
    const T* row_i = rows[static_cast<std::int64_t>(i)];
    const std::size_t j = second(s, e, row_i, problem.diagonal);
    const T* row_j = rows[static_cast<std::int64_t>(j)];
    const double curvature =
        std::max(problem.diagonal[i] + problem.diagonal[j] - 2 * static_cast<double>(row_i[j]), kLeastCurvature);
    const double room_i = s.high[i] - s.beta[i], room_j = s.beta[j] - s.low[j];
    const double step = std::min({(e.most - s.gradient[j]) / curvature, room_i, room_j});
    s.beta[i] = step == room_i ? s.high[i] : s.beta[i] + step;
    s.beta[j] = step == room_j ? s.low[j] : s.beta[j] - step;
    for (std::size_t t = 0; t < s.beta.size(); ++t)
      s.gradient[t] -= step * (static_cast<double>(row_i[t]) - static_cast<double>(row_j[t]));
    e = extremes(s);
  }
  result.kkt_residual = std::max(0., e.most - e.least);
  result.intercept = intercept_of(s, e);
  double norm = 0, linear = 0, hinge = 0;
  for (std::size_t t = 0; t < s.beta.size(); ++t) {
    const double y = problem.y[t];
    norm += s.beta[t] * (y - s.gradient[t]);
    linear += s.beta[t] * y;
    hinge += std::max(0., y * (s.gradient[t] - result.intercept));
  }
  result.primal = norm / 2 + problem.C * hinge;
  result.dual = linear - norm / 2;
  result.beta = std::move(s.beta);
  return result;
}

}  // namespace

DualSolution solve_dual(const DualProblem& problem, const DualOptions& options) {
  const auto positive = std::count(problem.y.begin(), problem.y.end(), 1.);
  const auto n = static_cast<std::ptrdiff_t>(problem.y.size());
  if (positive == 0 || positive == n || positive + std::count(problem.y.begin(), problem.y.end(), -1.) != n ||
      problem.diagonal.size() != problem.y.size())
    fail(
        "solve_dual: of {} labels {} are 1, with a diagonal of {}; give 1 and -1, some of each, and as large a "
        "diagonal",
        n, positive, problem.diagonal.size());
  if (!(problem.C > 0) || !(options.tol > 0))
    fail("solve_dual: C is {} and tol {}; both must be positive", problem.C, options.tol);
  const std::int64_t first = 0;
  return problem.rows({&first, 1}).dtype() == float64 ? solve<double>(problem, options)
                                                      : solve<float>(problem, options);
}

}  // namespace ebb::svm
