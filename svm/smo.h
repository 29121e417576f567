// The dual problem of a support vector machine with two classes, and how it is solved. For SVC's use and tests.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "autograd/tensor.h"

namespace ebb::svm {

// maximise Σ y_i β_i - βᵀKβ / 2 where Σ β_i = 0 and y_i β_i is from 0 to C: β_i = y_i α_i of the usual dual.
struct DualProblem {
  std::span<const double> y;         // 1 or -1
  std::span<const double> diagonal;  // K_ii
  double C = 1;
  // The rows of K at these places, [k, n] contiguous float32 or float64.
  std::function<Tensor(std::span<const std::int64_t>)> rows;
};

struct DualOptions {
  double tol = 1e-3;           // converged when the KKT residual is not larger
  double cache_size = 200;     // of rows of K, MB
  std::int64_t max_iter = -1;  // -1: no limit
};

struct DualSolution {
  std::vector<double> beta;
  double intercept = 0;  // b of f(x) = Σ β_i K(x_i, x) + b
  double primal = 0;     // βᵀKβ / 2 + C Σ max(0, 1 - y_i f(x_i))
  double dual = 0;       // Σ y_i β_i - βᵀKβ / 2, never above primal
  double kkt_residual =
      0;  // max of the gradient y - Kβ where β may grow, less its min where β may shrink; 0 at best
  std::int64_t iterations = 0;
};

// Sequential minimal optimization (Platt 1998): two β at a time, one where the gradient is largest, the other that promises
// most by the second derivative (Fan, Chen, Lin: Working Set Selection Using Second Order Information; 2005). Of K all rows
// are computed at once if they fit into the cache, else as they are needed, the least recently used giving way.
DualSolution solve_dual(const DualProblem& problem, const DualOptions& options = {});

}  // namespace ebb::svm
