#include "optim/gauss_newton.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/base/fail.h"
#include "autograd/capture.h"
#include "autograd/create.h"
#include "autograd/engine.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "optim/flat.h"
#include "optim/minimize.h"
#include "optim/parameters.h"

namespace ebb::optim {
namespace {

double half_square(const Tensor& r) { return 0.5 * dot(r, r).item(); }

// Residuals and Jacobian, in float64, at the parameters as they are.
class Problem {
 public:
  Problem(const char* name, const Residuals& residuals, const std::vector<Tensor>& parameters)
      : residuals_(residuals), parameters_(parameters) {
    ebb::detail::refuse_in_replay(name);
    check_parameters(name, parameters);
    check_one_dtype(name, parameters);
    evaluate();
    std::vector<NamedTensor> named;
    for (const auto& p : parameters) named.push_back({fmt::format("parameter {}", named.size()), p});
    if (const auto idle = unreached(graph_, named); !idle.empty())
      fail("{}: the residuals do not depend on {}; compute them from it, or leave it out", name,
           fmt::join(idle, ", "));
    if (!std::isfinite(value)) fail("{}: the residuals are not finite at the start; begin elsewhere", name);
    linearise();
  }

  Tensor r, jacobian, norms;  // [m], [m, n], of the jacobian's columns [n]
  double value = 0, gradient = 0;

  // Of the residuals' dtype, relatively.
  double rounding() const {
    return graph_.dtype() == float32 ? std::numeric_limits<float>::epsilon()
                                     : std::numeric_limits<double>::epsilon();
  }

  // ½ Σ r² at other parameters, to which it goes; the Jacobian stays until linearise().
  void go_to(const Tensor& position) {
    set_flat_values(parameters_, position);
    evaluate();
  }
  Tensor position() const { return flat_values(parameters_); }

  // Where it was before a step, and back there.
  struct Point {
    Tensor position, r;
    double value;
  };
  Point point() const { return {position(), r, value}; }
  void return_to(const Point& point) {
    set_flat_values(parameters_, point.position);
    r = point.r;
    value = point.value;
  }

  void linearise() {
    {
      const EnableGrad on;
      jacobian = (graph_.numel() > 2 * position().numel() ? by_columns() : rows_of_jacobian(graph_, parameters_))
                     .to(float64);
    }
    norms = norm(jacobian, 2, {0});
    const double length = std::sqrt(2 * value);
    gradient = 0;
    const auto slopes = abs(matmul(r, jacobian)).to_vector<double>(), sizes = norms.to_vector<double>();
    for (std::size_t j = 0; j < slopes.size(); ++j)
      if (slopes[j] > 0) gradient = std::max(gradient, slopes[j] / (sizes[j] * length));
  }

 private:
  void evaluate() {
    const EnableGrad on;
    graph_ = reshape(residuals_(), {-1});
    r = graph_.detach().to(float64);
    value = half_square(r);
  }

  // uᵀ J is linear in u, and its derivative in u, one backward for each of its elements, is Jᵀ.
  Tensor by_columns() const {
    const Tensor u = zeros_like(graph_).set_requires_grad();
    const Tensor pulled =
        flat_gradients(parameters_, grad(std::vector<Tensor>{graph_}, parameters_,
                                         {.grad_outputs = {u}, .create_graph = true, .allow_unused = true}));
    return transpose(rows_of_jacobian(pulled, {u}), 0, 1);
  }

  const Residuals& residuals_;
  const std::vector<Tensor>& parameters_;
  Tensor graph_;  // r with its history
};

// Is a step, or the fall of L that the linear model promises, so small that rounding hides it?
bool is_lost(const Problem& at, const Tensor& step, const Tensor& scale, double promised) {
  const double moved = norm(step * scale).item(), from = norm(at.position().to(float64) * scale).item();
  return promised <= at.rounding() * at.value || moved <= at.rounding() * from;
}

// The least of |J δ + r|² + μ |D δ|².
Tensor damped(const Problem& at, const Tensor& scale, double mu) {
  const Tensor system = cat(std::vector<Tensor>{at.jacobian, std::sqrt(mu) * diag(scale)});
  return lstsq(system, -cat(std::vector<Tensor>{at.r, zeros_like(scale)}));
}

}  // namespace

std::string to_string(const LeastSquaresResult& r) {
  return fmt::format("{} after {} iterations: value {:.6g}, gradient {:.3g} (tolerance {:.3g})",
                     r.converged ? "converged" : "not converged", r.iterations, r.value, r.gradient, r.tolerance);
}

LeastSquaresResult levenberg_marquardt(const Residuals& residuals, const std::vector<Tensor>& parameters,
                                       const LevenbergMarquardtOptions& options) {
  detail::check_stop("levenberg_marquardt", options.tolerance, options.max_iterations);
  if (!(options.damping > 0)) fail("levenberg_marquardt: damping is {}; it must be above 0", options.damping);
  const NoGrad off;
  Problem at("levenberg_marquardt", residuals, parameters);
  double mu = options.damping, nu = 2;
  Tensor scale = zeros_like(at.norms);
  std::int64_t iterations = 0;
  bool converged = at.gradient <= options.tolerance;
  for (; !converged && iterations < options.max_iterations; ++iterations) {
    scale = maximum(scale, at.norms);
    scale = where(eq(scale, 0), ones_like(scale), scale);
    const auto before = at.point();
    const double bound = options.step_bound * norm(before.position.to(float64) * scale).item();
    Tensor step = damped(at, scale, mu);
    for (; bound > 0 && norm(step * scale).item() > bound; step = damped(at, scale, mu)) mu *= 2;
    const double promised = half_square(matmul(at.jacobian, step)) + mu * 2 * half_square(step * scale);
    const bool last = is_lost(at, step * (1 + mu), scale, promised * (1 + mu));
    at.go_to(before.position + step.to(before.position.dtype()));
    const double gain = (before.value - at.value) / promised;
    const bool taken =
        last ? at.value <= before.value * (1 + 4 * at.rounding()) : gain > 0;  // not if L is not a number
    if (taken) {
      at.linearise();
      mu *= std::max(1. / 3, 1 - std::pow(2 * gain - 1, 3));
      nu = 2;
      converged = last || at.gradient <= options.tolerance;
    } else {
      at.return_to(before);
      mu *= nu;
      nu *= 2;
      converged = last;
      if (!std::isfinite(mu)) break;
    }
  }
  return {converged, iterations, at.value, at.gradient, options.tolerance};
}

LeastSquaresResult gauss_newton(const Residuals& residuals, const std::vector<Tensor>& parameters,
                                const GaussNewtonOptions& options) {
  detail::check_stop("gauss_newton", options.tolerance, options.max_iterations);
  const NoGrad off;
  Problem at("gauss_newton", residuals, parameters);
  std::int64_t iterations = 0;
  bool converged = at.gradient <= options.tolerance;
  for (bool moves = true; moves && !converged && iterations < options.max_iterations; ++iterations) {
    const Tensor step = lstsq(at.jacobian, -at.r);
    if (is_lost(at, step, at.norms, half_square(matmul(at.jacobian, step)))) {
      converged = true;
      break;
    }
    const auto before = at.point();
    double length = 1;
    moves = false;
    for (int halved = 0; !moves && halved <= 30; ++halved, length /= 2) {
      at.go_to(before.position + (step * length).to(before.position.dtype()));
      moves = at.value < before.value;
    }
    if (moves) {
      at.linearise();
      converged = at.gradient <= options.tolerance;
    } else {
      at.return_to(before);
    }
  }
  return {converged, iterations, at.value, at.gradient, options.tolerance};
}

}  // namespace ebb::optim
