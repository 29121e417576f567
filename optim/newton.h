// Newton's method, for smooth functions of few parameters.
#pragma once

#include <vector>

#include "optim/minimize.h"

namespace ebb::optim {

// Steps along -|H|⁻¹ g, H the Hessian (one backward for each element of the parameters) with the absolute values of its
// eigenvalues, at least 1e-8 of the largest: downhill also where the function is not convex (Greenstadt: On the Relative
// Efficiencies of Gradient Methods; 1967). The step, 1 at first, is halved until the value falls by 1e-4 of what its slope
// promises (Armijo 1966), but for rounding; if 50 halvings do not do, it ends. Parameters are as those of an optimizer, all
// of one dtype; Error if the value does not depend on one.
//
//   auto result = optim::newton([&] { return f(x); }, {x}, {.tolerance = 1e-12});
[[nodiscard]] MinimizeResult newton(const Objective& f, const std::vector<Tensor>& parameters,
                                    const StopOptions& options = {});

}  // namespace ebb::optim
