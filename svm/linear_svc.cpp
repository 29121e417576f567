#include "svm/linear_svc.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include "autograd/base/fail.h"
#include "autograd/base/parallel.h"
#include "autograd/base/random.h"
#include "autograd/create.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "svm/svc.h"

namespace ebb::svm {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Sixteen sums side by side, so that the compiler can keep them in vectors.
template <class T>
double dot(const T* a, const T* b, std::int64_t n) {
  constexpr std::int64_t kLanes = 16;
  T sums[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (std::int64_t lane = 0; lane < kLanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  double sum = 0;
  for (const T part : sums) sum += static_cast<double>(part);
  for (; i < n; ++i) sum += static_cast<double>(a[i] * b[i]);
  return sum;
}

template <class T>
void add_scaled(T* y, const T* x, double factor, std::int64_t n) {
  const T f = static_cast<T>(factor);
  for (std::int64_t i = 0; i < n; ++i) y[i] += f * x[i];
}

// One class against the others: w after coordinate descent, and how good it is.
template <class T>
class Machine {
 public:
  // `sign`: 1 for the class, -1 for the others. `squares`: x_i·x_i.
  Machine(const T* x, std::int64_t d, std::vector<double> sign, std::span<const double> squares,
          const LinearSVCOptions& options)
      : x_(x),
        d_(d),
        sign_(std::move(sign)),
        squares_(squares),
        options_(options),
        high_(options.loss == Loss::hinge ? options.C : kInfinity),
        ridge_(options.loss == Loss::hinge ? 0 : 0.5 / options.C),
        alpha_(sign_.size(), 0.),
        w_(static_cast<std::size_t>(d), T(0)) {}

  void solve() {
    std::vector<std::int64_t> active(sign_.size());
    std::iota(active.begin(), active.end(), std::int64_t{0});
    Generator random{.seed = options_.seed};
    Bounds bounds;
    while (iterations_ < options_.max_iter) {
      ++iterations_;
      const Bounds found = pass(active, bounds, random);
      if (found.most - found.least > options_.tol) {
        bounds = {found.most > 0 ? found.most : kInfinity, found.least < 0 ? found.least : -kInfinity};
      } else if (active.size() == sign_.size()) {
        break;
      } else {  // look at all once more
        active.resize(sign_.size());
        std::iota(active.begin(), active.end(), std::int64_t{0});
        bounds = {};
      }
    }
    judge();
  }

  const std::vector<T>& w() const { return w_; }
  std::int64_t iterations() const { return iterations_; }
  double gap() const { return gap_; }
  double residual() const { return residual_; }

 private:
  // Of the projected gradients of a pass. Those beyond the last pass's mark examples that stay where they are.
  struct Bounds {
    double most = kInfinity, least = -kInfinity;
  };

  double gradient(std::int64_t i) const {
    const auto s = static_cast<std::size_t>(i);
    return sign_[s] * dot(w_.data(), x_ + i * d_, d_) - 1 + ridge_ * alpha_[s];
  }
  double projected(std::int64_t i, double g) const {
    const double alpha = alpha_[static_cast<std::size_t>(i)];
    return alpha == 0 ? std::min(g, 0.) : alpha == high_ ? std::max(g, 0.) : g;
  }

  Bounds pass(std::vector<std::int64_t>& active, const Bounds& before, Generator& random) {
    Bounds found{-kInfinity, kInfinity};
    for (std::size_t k = 0; k < active.size(); ++k) {
      const auto rest = static_cast<std::int64_t>(active.size() - k);
      std::swap(active[k], active[k + static_cast<std::size_t>(random_below(random, rest))]);
      const std::int64_t i = active[k];
      const auto s = static_cast<std::size_t>(i);
      const double g = gradient(i), old = alpha_[s];
      if ((old == 0 && g > before.most) || (old == high_ && g < before.least)) {
        active[k--] = active.back();
        active.pop_back();
        continue;
      }
      const double pg = projected(i, g);
      found = {std::max(found.most, pg), std::min(found.least, pg)};
      const double curvature = squares_[s] + ridge_;
      if (pg == 0 || !(curvature > 0)) continue;
      alpha_[s] = std::clamp(old - g / curvature, 0., high_);
      add_scaled(w_.data(), x_ + i * d_, (alpha_[s] - old) * sign_[s], d_);
    }
    return found;
  }

  // w anew, without what rounding has added up, and then the optimality conditions.
  void judge() {
    std::vector<double> sum(static_cast<std::size_t>(d_), 0.);
    for (std::size_t s = 0; s < sign_.size(); ++s)
      if (alpha_[s] != 0)
        for (std::size_t f = 0; f < sum.size(); ++f)
          sum[f] += alpha_[s] * sign_[s] * static_cast<double>(x_[s * sum.size() + f]);
    for (std::size_t f = 0; f < sum.size(); ++f) w_[f] = static_cast<T>(sum[f]);
    const double norm = dot(w_.data(), w_.data(), d_);
    double primal = norm / 2, dual = -norm / 2, most = -kInfinity, least = kInfinity;
    for (std::size_t s = 0; s < sign_.size(); ++s) {
      const double g = gradient(static_cast<std::int64_t>(s)), pg = projected(static_cast<std::int64_t>(s), g);
      const double slack = std::max(0., ridge_ * alpha_[s] - g);
      primal += options_.C * (options_.loss == Loss::hinge ? slack : slack * slack);
      dual += alpha_[s] - ridge_ * alpha_[s] * alpha_[s] / 2;
      most = std::max(most, pg);
      least = std::min(least, pg);
    }
    gap_ = (primal - dual) / primal;
    residual_ = most - least;
  }

  const T* x_;
  std::int64_t d_;
  std::vector<double> sign_;
  std::span<const double> squares_;
  const LinearSVCOptions& options_;
  double high_, ridge_;  // of the dual's α, and of its Hessian's diagonal
  std::vector<double> alpha_;
  std::vector<T> w_;
  std::int64_t iterations_ = 0;
  double gap_ = 0, residual_ = 0;
};

template <class T>
std::vector<Machine<T>> solve_all(const Tensor& x, const std::vector<std::int64_t>& labels,
                                  const std::vector<std::int64_t>& classes, const LinearSVCOptions& options) {
  const auto squares = sum(square(x), {1}).to_vector<double>();
  std::vector<Machine<T>> machines;
  for (std::size_t c = classes.size() == 2 ? 1 : 0; c < classes.size(); ++c) {
    std::vector<double> sign;
    for (const auto label : labels) sign.push_back(label == classes[c] ? 1 : -1);
    machines.emplace_back(x.data<const T>(), x.size(1), std::move(sign), squares, options);
  }
  parallel_for(static_cast<std::int64_t>(machines.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t m = begin; m < end; ++m) machines[static_cast<std::size_t>(m)].solve();
  });
  return machines;
}

}  // namespace

LinearSVC::LinearSVC(const LinearSVCOptions& options) : options_(options) {
  if (!(options.C > 0) || !(options.tol > 0) || options.max_iter < 1 || !(options.intercept_scaling >= 0))
    fail(
        "LinearSVC: C is {}, tol {}, max_iter {} and intercept_scaling {}; the first three must be positive, the "
        "last "
        "0 or more",
        options.C, options.tol, options.max_iter, options.intercept_scaling);
}

void LinearSVC::fit(const Tensor& x, const Tensor& y) {
  const NoGrad off;
  const auto classes = detail::classes_of("LinearSVC", x, y);
  const auto labels = y.to_vector<std::int64_t>();
  const TensorOptions same{.dtype = x.dtype()};
  const std::int64_t d = x.size(1);
  const double scale = options_.intercept_scaling;
  const Tensor points = cat({x, full({x.size(0), 1}, scale, same)}, 1);

  gap_ = residual_ = 0;
  iterations_ = 0;
  std::vector<Tensor> rows;
  const auto keep = [&](const auto& machines) {
    for (const auto& machine : machines) {
      rows.push_back(tensor(machine.w()));
      gap_ = std::max(gap_, machine.gap());
      residual_ = std::max(residual_, machine.residual());
      iterations_ = std::max(iterations_, machine.iterations());
    }
  };
  if (x.dtype() == float64) keep(solve_all<double>(points, labels, classes, options_));
  else keep(solve_all<float>(points, labels, classes, options_));
  const Tensor w = stack(rows);
  classes_ = tensor(classes);
  coef_ = narrow(w, 1, 0, d).clone();
  intercept_ = select(w, 1, d) * scale;
}

Tensor LinearSVC::decision_function(const Tensor& x) const {
  check_fitted();
  const NoGrad off;
  if (x.dim() != 2 || x.size(1) != coef_.size(1) || x.dtype() != coef_.dtype())
    fail("LinearSVC: decision_function of {}; give {} [n, {}], as for fit()", describe(x), coef_.dtype(),
         coef_.size(1));
  const Tensor values = linear(x, coef_, intercept_);
  return classes_.numel() == 2 ? squeeze(values, 1) : values;
}

Tensor LinearSVC::predict(const Tensor& x) const {
  const Tensor values = decision_function(x);
  return index_select(classes_, 0, classes_.numel() == 2 ? gt(values, 0).to(int64) : argmax(values, 1));
}

void LinearSVC::check_fitted() const {
  if (!classes_.defined()) fail("LinearSVC: it has not been fitted; call fit() first");
}

const Tensor& LinearSVC::classes() const { return check_fitted(), classes_; }
const Tensor& LinearSVC::coef() const { return check_fitted(), coef_; }
const Tensor& LinearSVC::intercept() const { return check_fitted(), intercept_; }
double LinearSVC::duality_gap() const { return check_fitted(), gap_; }
double LinearSVC::kkt_residual() const { return check_fitted(), residual_; }

}  // namespace ebb::svm
