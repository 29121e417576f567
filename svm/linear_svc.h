// Linear support vector machines for many examples.
#pragma once

#include <cstdint>

#include "autograd/tensor.h"

namespace ebb::svm {

enum class Loss : std::uint8_t { hinge, squared_hinge };

// scikit-learn's names and meanings.
struct LinearSVCOptions {
  double C = 1;
  Loss loss = Loss::squared_hinge;
  double tol = 1e-4;             // of the KKT residual
  std::int64_t max_iter = 1000;  // passes over the examples
  double intercept_scaling = 1;  // the feature whose weight is the intercept; 0: none
  std::uint64_t seed = 0;        // of the order in which examples come
};

// min ‖w‖² / 2 + C Σ l(y_i w·x_i), l(m) = max(0, 1 - m) or its square, for each class against all others (two classes: once);
// the largest decides. The intercept is a weight like the others, of a feature that is always intercept_scaling. By coordinate
// descent in the dual, one example at a time, those that stay at a bound left out (Hsieh, Chang, Lin, Keerthi, Sundararajan: A Dual
// Coordinate Descent Method for Large-scale Linear SVM; 2008), as liblinear.
class LinearSVC {
 public:
  explicit LinearSVC(const LinearSVCOptions& options = {});

  // x [n, d] float32 or float64, y [n] integers, at least two different ones.
  void fit(const Tensor& x, const Tensor& y);

  // Two classes: [n], positive for the larger one. More: [n, classes].
  Tensor decision_function(const Tensor& x) const;
  Tensor predict(const Tensor& x) const;  // [n] int64, of classes()

  // Of the last fit; Error before.
  const Tensor& classes() const;    // [classes] int64, ascending
  const Tensor& coef() const;       // [1 or classes, d]
  const Tensor& intercept() const;  // [1 or classes]

  // Of the class that is worst: how far from the optimum the solution is at most, and how far from its conditions.
  double duality_gap() const;   // (primal - dual) / primal
  double kkt_residual() const;  // the largest projected gradient of the dual less the least
  std::int64_t iterations() const { return iterations_; }  // passes, of the class that took most

 private:
  void check_fitted() const;

  LinearSVCOptions options_;
  double gap_ = 0, residual_ = 0;
  std::int64_t iterations_ = 0;
  Tensor classes_, coef_, intercept_;
};

}  // namespace ebb::svm
