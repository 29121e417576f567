// Support vector machines with kernels.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "autograd/tensor.h"
#include "svm/kernel.h"

namespace ebb::svm {

// scikit-learn's names and meanings.
struct SVCOptions {
  double C = 1;  // the price of a margin that is not kept
  Kernel kernel = Kernel::rbf;
  int degree = 3;
  std::optional<double> gamma = {};  // left out: 1 / (features · variance of x), "scale"
  double coef0 = 0;
  double tol = 1e-3;           // of the KKT residual
  double cache_size = 200;     // of rows of the kernel's matrix, MB
  std::int64_t max_iter = -1;  // for each pair of classes; -1: no limit
};

// min ‖w‖² / 2 + C Σ max(0, 1 - y_i f(x_i)) over f(x) = w·φ(x) + b (Cortes, Vapnik 1995), for classes two by two, each pair by
// its dual (svm/smo.h); the class that wins most pairs is the answer, the lowest of equals.
//
//   svm::SVC svc({.C = 10, .gamma = 0.02});
//   svc.fit(images, labels);
//   Tensor answers = svc.predict(more);
class SVC {
 public:
  explicit SVC(const SVCOptions& options = {});

  // x [n, d] float32 or float64, y [n] integers, at least two different ones.
  void fit(const Tensor& x, const Tensor& y);

  // Two classes: [n], positive for the larger one. More: [n, pairs], positive for the first class of (0, 1), (0, 2), …, (1, 2), …
  Tensor decision_function(const Tensor& x) const;
  Tensor predict(const Tensor& x) const;  // [n] int64, of classes()

  // Of the last fit; Error before.
  const Tensor& classes() const;          // [classes] int64, ascending
  const Tensor& support() const;          // [support vectors] int64: their places in x, class after class
  const Tensor& support_vectors() const;  // [support vectors, d]
  const Tensor& dual_coef() const;        // [pairs, support vectors]: y α, 0 for those of other pairs
  const Tensor& intercept() const;        // [pairs]
  Tensor coef() const;                    // [pairs, d]: w of a linear kernel
  double gamma() const;

  // Of the pair that is worst: how far from the optimum the solution is at most, and how far from its conditions.
  double duality_gap() const;                              // (primal - dual) / primal
  double kkt_residual() const;                             // at most tol unless max_iter came first
  std::int64_t iterations() const { return iterations_; }  // of all pairs

 private:
  KernelOptions kernel() const { return {options_.kernel, gamma_, options_.coef0, options_.degree}; }
  void check_fitted() const;
  void check_x(const char* function, const Tensor& x) const;

  SVCOptions options_;
  double gamma_ = 1, gap_ = 0, residual_ = 0;
  std::int64_t iterations_ = 0;
  Tensor classes_, support_, support_vectors_, dual_coef_, intercept_;
  Tensor shift_;  // taken from points before distances are computed
};

namespace detail {
// The different elements of y, ascending. Error unless y is integers [n] with at least two different ones, and x floating
// [n, d].
std::vector<std::int64_t> classes_of(const char* owner, const Tensor& x, const Tensor& y);
}  // namespace detail

}  // namespace ebb::svm
