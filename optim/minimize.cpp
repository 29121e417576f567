#include "optim/minimize.h"

#include <cmath>

#include "autograd/base/fail.h"
#include "optim/clip.h"

namespace ebb::optim {
namespace {

std::vector<NamedTensor> numbered(const std::vector<Tensor>& parameters) {
  std::vector<NamedTensor> named;
  for (const auto& p : parameters) named.push_back({fmt::format("parameter {}", named.size()), p});
  return named;
}

bool is_finite(const MinimizeResult& r) { return std::isfinite(r.value) && std::isfinite(r.gradient_norm); }

}  // namespace

std::string to_string(const MinimizeResult& r) {
  const char* outcome = r.converged ? "converged" : is_finite(r) ? "not converged" : "diverged";
  return fmt::format("{} after {} iterations: value {:.6g}, gradient norm {:.3g} (tolerance {:.3g})", outcome,
                     r.iterations, r.value, r.gradient_norm, r.tolerance);
}

void detail::check_stop(const char* name, double tolerance, std::int64_t max_iterations) {
  if (!(tolerance >= 0) || max_iterations < 0)
    fail("{}: tolerance {} and max_iterations {}; neither may be negative", name, tolerance, max_iterations);
}

MinimizeResult detail::minimize(const Objective& f, const std::vector<Tensor>& parameters,
                                const std::function<void()>& step, const StopOptions& options) {
  check_stop("minimize", options.tolerance, options.max_iterations);
  const auto named = numbered(parameters);
  MinimizeResult result{
      .converged = false, .iterations = 0, .gradient_norm = 0, .value = 0, .tolerance = options.tolerance};
  while (true) {
    for (Tensor p : parameters) p.zero_grad();
    const Tensor value = f();
    value.backward({.expect = named});
    result.value = value.item();
    result.gradient_norm = gradient_norm(parameters);
    result.converged = is_finite(result) && result.gradient_norm <= options.tolerance;
    if (result.converged || !is_finite(result) || result.iterations == options.max_iterations) return result;
    step();
    ++result.iterations;
  }
}

MinimizeResult minimize(const Objective& f, Optimizer& optimizer, const StopOptions& options) {
  return detail::minimize(
      f, optimizer.parameters(), [&] { optimizer.step(); }, options);
}

MinimizeResult minimize(const Objective& f, const std::vector<Tensor>& parameters, const DescentOptions& options) {
  SGD descent(parameters, {.lr = options.lr, .momentum = options.momentum, .nesterov = options.nesterov});
  return minimize(f, descent, {.tolerance = options.tolerance, .max_iterations = options.max_iterations});
}

}  // namespace ebb::optim
