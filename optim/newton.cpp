#include "optim/newton.h"

#include <cmath>
#include <limits>

#include "autograd/base/fail.h"
#include "autograd/capture.h"
#include "autograd/create.h"
#include "autograd/engine.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "optim/flat.h"
#include "optim/parameters.h"

namespace ebb::optim {

MinimizeResult newton(const Objective& f, const std::vector<Tensor>& parameters, const StopOptions& options) {
  ebb::detail::refuse_in_replay("newton()");
  detail::check_stop("newton", options.tolerance, options.max_iterations);
  check_parameters("newton", parameters);
  check_one_dtype("newton", parameters);
  const EnableGrad on;
  MinimizeResult result{
      .converged = false, .iterations = 0, .gradient_norm = 0, .value = 0, .tolerance = options.tolerance};
  while (true) {
    const Tensor value = f();
    const Tensor slopes = flat_gradients(parameters, grad(value, parameters, {.create_graph = true}));
    const Tensor g = slopes.detach().to(float64);
    result.value = value.item();
    result.gradient_norm = norm(g).item();
    const bool finite = std::isfinite(result.value) && std::isfinite(result.gradient_norm);
    result.converged = finite && result.gradient_norm <= options.tolerance;
    if (result.converged || !finite || result.iterations == options.max_iterations) return result;

    const Tensor hessian = slopes.requires_grad() ? rows_of_jacobian(slopes, parameters).to(float64)
                                                  : zeros({g.numel(), g.numel()}, {.dtype = float64});
    const NoGrad off;
    const auto [curvatures, axes] = eigh(hessian);
    Tensor curvature = abs(curvatures);
    const double least = 1e-8 * amax(curvature).item();
    curvature = clamp(curvature, least > 0 ? least : 1, std::numeric_limits<double>::infinity());
    const Tensor step = -matmul(axes, matmul(g, axes) / curvature);
    const double slope = dot(g, step).item();

    const Tensor before = flat_values(parameters);
    const double noise = 4 * std::numeric_limits<double>::epsilon() * std::abs(result.value);
    double length = 1;
    bool falls = false;
    for (int halved = 0; !falls && halved <= 50; ++halved, length /= 2) {
      set_flat_values(parameters, before + (step * length).to(before.dtype()));
      falls = f().item() <= result.value + 1e-4 * length * slope + noise;
    }
    if (!falls) {
      set_flat_values(parameters, before);
      return result;
    }
    ++result.iterations;
  }
}

}  // namespace ebb::optim
