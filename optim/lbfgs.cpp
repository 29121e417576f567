#include "optim/lbfgs.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "autograd/base/fail.h"
#include "autograd/capture.h"
#include "autograd/create.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "optim/flat.h"
#include "optim/parameters.h"
#include "optim/state_reader.h"

namespace ebb::optim {
namespace {

double inner_product(const Tensor& a, const Tensor& b) { return dot(a, b).item(); }
double largest(const Tensor& x) { return amax(abs(x)).item(); }

void check(const LBFGSOptions& o) {
  if (!(o.lr >= 0) || !(o.tolerance_grad >= 0) || !(o.tolerance_change >= 0))
    fail("LBFGS: lr {}, tolerance_grad {} and tolerance_change {}; none may be negative", o.lr, o.tolerance_grad,
         o.tolerance_change);
  if (o.max_iter < 1 || o.max_eval.value_or(1) < 1 || o.history_size < 1)
    fail("LBFGS: max_iter {}, max_eval {} and history_size {}; each must be 1 or more", o.max_iter,
         o.max_eval.value_or(1), o.history_size);
}

}  // namespace

LBFGS::LBFGS(std::vector<Tensor> parameters, const LBFGSOptions& options)
    : parameters_(std::move(parameters)), options_(options) {
  check(options_);
  check_parameters("LBFGS", parameters_);
  check_one_dtype("LBFGS", parameters_);
}

auto LBFGS::evaluate(const Objective& f) -> Evaluation {
  for (auto& p : parameters_) p.zero_grad();
  const Tensor value = f();
  value.backward();
  const NoGrad off;
  std::vector<Tensor> gradients;
  for (const auto& p : parameters_) gradients.push_back(p.grad());
  return {value.item(), flat_gradients(parameters_, gradients)};
}

void LBFGS::remember(const Tensor& gradient) {
  const Tensor y = gradient - gradient_, s = d_ * t_;
  const double curvature = inner_product(s, y);
  if (!(curvature > 1e-10)) return;
  if (std::ssize(changes_) >= options_.history_size) changes_.pop_front();
  changes_.push_back({s, y, curvature});
  h_diag_ = curvature / inner_product(y, y);
}

Tensor LBFGS::direction(const Tensor& gradient) const {
  Tensor q = -gradient;
  std::vector<double> shares(changes_.size());
  for (std::size_t i = changes_.size(); i-- > 0;) {
    const auto& [s, y, curvature] = changes_[i];
    shares[i] = inner_product(s, q) / curvature;
    q = q - y * shares[i];
  }
  q = q * h_diag_;
  for (std::size_t i = 0; i < changes_.size(); ++i) {
    const auto& [s, y, curvature] = changes_[i];
    q = q + s * (shares[i] - inner_product(y, q) / curvature);
  }
  return q;
}

double LBFGS::step(const Objective& f) {
  ebb::detail::refuse_in_replay("LBFGS::step()");
  check(options_);
  const auto& o = options_;
  const std::int64_t max_eval = o.max_eval.value_or(o.max_iter * 5 / 4);
  Evaluation now = evaluate(f);
  const double before = now.value;
  std::int64_t evaluations = 1;
  const auto is_flat = [&] { return largest(now.gradient) <= o.tolerance_grad; };
  if (is_flat()) return before;

  const NoGrad off;
  for (std::int64_t i = 1; i <= o.max_iter; ++i) {
    if (n_iter_ > 0) remember(now.gradient);
    d_ = direction(now.gradient);
    t_ = n_iter_ > 0 ? o.lr : o.lr * std::min(1.0, 1 / sum(abs(now.gradient)).item());
    gradient_ = now.gradient;
    value_ = now.value;
    ++n_iter_;
    const LinePoint start{0, now.value, inner_product(now.gradient, d_), now.gradient};
    if (start.slope > -o.tolerance_change) break;

    const Tensor from = flat_values(parameters_);
    if (o.line_search_fn == LineSearch::strong_wolfe) {
      const auto at = [&](double t) -> LinePoint {
        set_flat_values(parameters_, from + d_ * t);
        const EnableGrad on;
        const auto [value, gradient] = evaluate(f);
        ++evaluations;
        return {t, value, inner_product(gradient, d_), gradient};
      };
      LinePoint found = strong_wolfe(at, start, t_, largest(d_), {.tolerance = o.tolerance_change});
      t_ = found.t;
      now = {found.value, found.gradient};
      set_flat_values(parameters_, from + d_ * t_);
    } else {
      set_flat_values(parameters_, from + d_ * t_);
      if (i == o.max_iter) break;  // what follows would be computed in vain
      const EnableGrad on;
      now = evaluate(f);
      ++evaluations;
    }
    const bool stands =
        largest(d_ * t_) <= o.tolerance_change || std::abs(now.value - value_) < o.tolerance_change;
    if (evaluations >= max_eval || is_flat() || stands) break;
  }
  return before;
}

std::vector<NamedTensor> LBFGS::state() const {
  const NoGrad off;
  std::vector<NamedTensor> saved{named_number("n_iter", static_cast<double>(n_iter_))};
  if (n_iter_ == 0) return saved;
  saved.push_back(named_number("t", t_));
  saved.push_back(named_number("prev_loss", value_));
  saved.push_back(named_number("h_diag", h_diag_));
  saved.push_back(named_number("history", static_cast<double>(changes_.size())));
  saved.push_back({"d", d_.clone()});
  saved.push_back({"prev_flat_grad", gradient_.clone()});
  if (changes_.empty()) return saved;
  std::vector<Tensor> steps, differences;
  for (const auto& c : changes_) {
    steps.push_back(c.s);
    differences.push_back(c.y);
  }
  saved.push_back({"old_dirs", stack(differences)});
  saved.push_back({"old_stps", stack(steps)});
  return saved;
}

void LBFGS::load_state(std::span<const NamedTensor> saved) {
  const NoGrad off;
  StateReader reader("LBFGS", saved);
  const Tensor at = flat_values(parameters_);
  LBFGS read(parameters_, options_);
  const auto whole = [&](const char* name) {
    const double n = reader.number(name, 0);
    if (!(n >= 0) || n != std::floor(n) || n > 0x1p53) fail("LBFGS: {} is {}; it must be a whole number", name, n);
    return static_cast<std::int64_t>(n);
  };
  read.n_iter_ = whole("n_iter");
  if (read.n_iter_ > 0) {
    read.t_ = reader.number("t", 0);
    read.value_ = reader.number("prev_loss", 0);
    read.h_diag_ = reader.number("h_diag", 1);
    const std::int64_t history = whole("history");
    read.d_ = reader.tensor("d", {at.shape(), at.dtype()});
    read.gradient_ = reader.tensor("prev_flat_grad", {at.shape(), at.dtype()});
    const Spec changes{{history, at.numel()}, at.dtype()};
    const Tensor y = history > 0 ? reader.tensor("old_dirs", changes) : Tensor();
    const Tensor s = history > 0 ? reader.tensor("old_stps", changes) : Tensor();
    for (std::int64_t i = 0; i < history && y.defined() && s.defined(); ++i) {
      const Tensor step = select(s, 0, i), difference = select(y, 0, i);
      read.changes_.push_back({step, difference, inner_product(step, difference)});
    }
  }
  reader.finish();
  *this = std::move(read);
}

MinimizeResult minimize(const Objective& f, LBFGS& lbfgs, const StopOptions& options) {
  return detail::minimize(
      f, lbfgs.parameters(), [&] { lbfgs.step(f); }, options);
}

}  // namespace ebb::optim
