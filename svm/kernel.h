// Kernels of support vector machines: inner products of the images of points.
#pragma once

#include <cstdint>

#include "autograd/tensor.h"

namespace ebb::svm {

enum class Kernel : std::uint8_t {
  linear,   // x·z
  poly,     // (gamma x·z + coef0)^degree
  rbf,      // exp(-gamma ‖x - z‖²)
  sigmoid,  // tanh(gamma x·z + coef0): not positive semidefinite for all parameters
};

struct KernelOptions {
  Kernel kernel = Kernel::rbf;
  double gamma = 1;
  double coef0 = 0;
  int degree = 3;
};

// K(x_i, z_j): x [n, d], z [m, d] → [n, m]. Differentiable. Squared distances of more than 16 features come from matmul(), so
// that their rounding error is that of the squared norms: points far from 0 should be centred.
Tensor kernel_matrix(const Tensor& x, const Tensor& z, const KernelOptions& options);

}  // namespace ebb::svm
