#include "svm/kernel.h"

#include "autograd/base/fail.h"
#include "autograd/ops.h"

namespace ebb::svm {
namespace {

Tensor squared_distances(const Tensor& x, const Tensor& z) {
  constexpr std::int64_t kFew = 16;
  if (x.size(1) <= kFew) return sum(square(unsqueeze(x, 1) - unsqueeze(z, 0)), {2});
  return relu(sum(square(x), {1}, true) - 2 * matmul(x, t(z)) + sum(square(z), {1}));
}

}  // namespace

Tensor kernel_matrix(const Tensor& x, const Tensor& z, const KernelOptions& options) {
  if (x.dim() != 2 || z.dim() != 2 || x.size(1) != z.size(1) || x.dtype() != z.dtype() || !is_floating(x.dtype()))
    fail("kernel_matrix: {} and {}; give float32 or float64 [n, d] and [m, d]", describe(x), describe(z));
  switch (options.kernel) {
    case Kernel::linear:
      return matmul(x, t(z));
    case Kernel::poly:
      return pow(options.gamma * matmul(x, t(z)) + options.coef0, options.degree);
    case Kernel::rbf:
      return exp(-options.gamma * squared_distances(x, z));
    case Kernel::sigmoid:
      return tanh(options.gamma * matmul(x, t(z)) + options.coef0);
  }
  fail("kernel_matrix: no such kernel, {}", static_cast<int>(options.kernel));
}

}  // namespace ebb::svm
