#include "nn/parametrize.h"

#include <limits>

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "nn/checks.h"

namespace ebb::nn::detail {
namespace {

int axis_of(const char* layer, const Tensor& weight, int dim) {
  if (dim < -weight.dim() || dim >= weight.dim())
    fail("{}: dim is {}, and the weight is {}; give one of its dimensions", layer, dim, weight.shape());
  return dim < 0 ? dim + weight.dim() : dim;
}

Tensor unit(const Tensor& x, double eps) {
  return x / clamp(norm(x), eps, std::numeric_limits<double>::infinity());
}

}  // namespace

Tensor norm_except(const char* layer, const Tensor& v, std::optional<int> dim) {
  if (!dim) return norm(v);
  const int axis = axis_of(layer, v, *dim);
  Dims others;
  for (int d = 0; d < v.dim(); ++d)
    if (d != axis) others.push_back(d);
  return others.empty() ? abs(v) : norm(v, 2, others, true);
}

Tensor as_matrix(const Tensor& weight, int dim) { return flatten(movedim(weight, dim, 0), 1); }

SpectralVectors spectral_vectors(const Tensor& weight, int dim, double eps) {
  axis_of("SpectralNorm", weight, dim);
  if (weight.dim() == 1) return {};
  const Tensor matrix = as_matrix(weight, dim);
  const auto drawn = [&](int d) { return unit(randn({matrix.shape()[d]}, {.dtype = weight.dtype()}), eps); };
  SpectralVectors vectors{drawn(0), drawn(1)};
  iterate(vectors, matrix, 15, eps);
  return vectors;
}

std::int64_t positive_steps(std::int64_t steps) {
  check_positive("SpectralNorm", "steps", steps);
  return steps;
}

void iterate(const SpectralVectors& vectors, const Tensor& matrix, std::int64_t steps, double eps) {
  const NoGrad off;
  for (; steps > 0; --steps) {
    vectors._u.copy_(unit(matmul(matrix, vectors._v), eps));
    vectors._v.copy_(unit(matmul(t(matrix), vectors._u), eps));
  }
}

// The vectors are copied: the next call writes them, while this one's gradient may still be wanted.
Tensor spectrally_normalized(const Tensor& weight, const SpectralVectors& vectors, int dim, double eps) {
  if (weight.dim() == 1) return unit(weight, eps);
  return weight / matmul(vectors._u.clone(), matmul(as_matrix(weight, dim), vectors._v.clone()));
}

}  // namespace ebb::nn::detail
