// Runs an optimizer until the gradient vanishes, for functions that are computed whole, not in batches.
//
//   auto x = tensor({-1.2, 1.0}, {.dtype = float64, .requires_grad = true});
//   auto result = optim::minimize([&] { return f(x); }, {x}, {.tolerance = 1e-8, .lr = 1e-3, .momentum =
//   0.9}); if (!result.converged) throw std::runtime_error(to_string(result));
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "optim/optimizer.h"

namespace ebb::optim {

// Computes the value to be minimised, one floating element, from the parameters.
using Objective = std::function<Tensor()>;

struct StopOptions {
  double tolerance = 1e-6;  // converged when the gradient's norm sqrt(Σ g²) is not larger
  std::int64_t max_iterations = 1000;
};

// Gradient descent with momentum, as SGD.
struct DescentOptions {
  double tolerance = 1e-6;
  std::int64_t max_iterations = 1000;
  double lr = 1e-2;
  double momentum = 0;
  bool nesterov = false;
};

// The value and the gradient's norm are those at the parameters as they are left.
struct MinimizeResult {
  bool converged;
  std::int64_t iterations;  // steps taken
  double gradient_norm;
  double value;
  double tolerance;  // that was asked for
};

// "converged after 37 iterations: value 0.5, gradient norm 8.1e-07 (tolerance 1e-06)", "not converged …",
// "diverged …"
std::string to_string(const MinimizeResult& result);

// Stops when converged, after max_iterations steps, or when the value or the gradient is not finite; look at
// the result. Error if a parameter gets no gradient, since nothing would ever move it.
[[nodiscard]] MinimizeResult minimize(const Objective& f, Optimizer& optimizer, const StopOptions& options = {});
[[nodiscard]] MinimizeResult minimize(const Objective& f, const std::vector<Tensor>& parameters,
                                      const DescentOptions& options = {});

namespace detail {
void check_stop(const char* name, double tolerance, std::int64_t max_iterations);
// With steps that move the parameters by their gradients.
MinimizeResult minimize(const Objective& f, const std::vector<Tensor>& parameters,
                        const std::function<void()>& step, const StopOptions& options);
}  // namespace detail

}  // namespace ebb::optim
