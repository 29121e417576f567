// Least squares by second order: minimises L = ½ Σ rᵢ², where the residuals r are a function of the parameters θ. What
// Newton's method needs of the Hessian is approximated by JᵀJ, J the Jacobian of r, which takes first derivatives alone.
//
//   auto b = tensor({500.0, 1e-4}, {.dtype = float64, .requires_grad = true});
//   auto result = optim::levenberg_marquardt([&] { return b[0] * (1.0 - exp(-b[1] * x)) - y; }, {b});
//   if (!result.converged) throw std::runtime_error(to_string(result));
//
// For some hundred parameters at most, better float64: a step solves a dense system, by QR factors of J rather than of JᵀJ,
// whose condition number is the square. J is computed by one backward for each residual or, where these are many, by one
// for each parameter, through the linear map u ↦ uᵀJ.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "autograd/tensor.h"

namespace ebb::optim {

// Computes the residuals, in any shape, from the parameters.
using Residuals = std::function<Tensor()>;

// All as of the parameters as they are left.
struct LeastSquaresResult {
  bool converged;
  std::int64_t iterations;  // steps tried
  double value;             // L
  double gradient;          // the largest |cosine| between r and a column of J: 0 at a minimum, whatever the units
  double tolerance;         // that was asked for
};

// "converged after 9 iterations: value 0.062, gradient 3.1e-11 (tolerance 1e-10)", "not converged …"
std::string to_string(const LeastSquaresResult& result);

struct LevenbergMarquardtOptions {
  // Converged when `gradient` is not larger; or when the next step, or its fall of L, would be lost in rounding.
  double tolerance = 1e-10;
  std::int64_t max_iterations = 200;
  double damping = 1e-3;   // μ of the first step
  double step_bound = 10;  // of |D δ| / |D θ|, if θ is not 0: a longer step is damped more, as in MINPACK
};

// Gauss and Newton's step, damped: (JᵀJ + μ D²) δ = -Jᵀ r, with D the largest norms that J's columns have had (Marquardt
// 1963; Moré: The Levenberg-Marquardt Algorithm, Implementation and Theory; 1978), so that the parameters' units do not
// matter. A step is taken if L falls; with ρ = (fall) / (fall of the linear model),
//
//   taken:  μ ← μ max(1/3, 1 - (2ρ - 1)³), ν ← 2        else:  μ ← μ ν, ν ← 2ν
//
// (Nielsen: Damping Parameter in Marquardt's Method; 1999. Madsen, Nielsen, Tingleff: Methods for Non-Linear Least Squares
// Problems; 2004, algorithm 3.16). Residuals that are not finite count as no fall. Parameters are as those of an optimizer,
// all of one dtype. Error if they are not, if no residual depends on one of them, or if a residual is not finite at the start.
[[nodiscard]] LeastSquaresResult levenberg_marquardt(const Residuals& residuals,
                                                     const std::vector<Tensor>& parameters,
                                                     const LevenbergMarquardtOptions& options = {});

struct GaussNewtonOptions {
  double tolerance = 1e-10;
  std::int64_t max_iterations = 200;
};

// The step without damping, the shortest δ of least |J δ + r|, halved up to 30 times until L falls. Few steps near a
// minimum with small residuals; elsewhere it may go nowhere. Error if J has not the full rank.
[[nodiscard]] LeastSquaresResult gauss_newton(const Residuals& residuals, const std::vector<Tensor>& parameters,
                                              const GaussNewtonOptions& options = {});

}  // namespace ebb::optim
