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

Tensor transposed(const Tensor& x) { return transpose(x, -2, -1); }
bool is_wide(const Tensor& x) { return x.size(-2) < x.size(-1); }

// H_1 … H_k of the reflections H_j = 1 - 2 v_j v_jᵀ / |v_j|² at V's columns: 1 - V T⁻¹ Vᵀ, T = VᵀV above its diagonal, half of it
// there (Schreiber, Van Loan, A storage-efficient WY representation for products of Householder transformations, 1989). The
// first k columns; times the diagonal, which is not trained.
Tensor reflections(const Tensor& x) {
  const std::int64_t k = x.size(-1);
  const Tensor one = eye(x.size(-2), k, {.dtype = x.dtype()}), v = tril(x, -1) + one;
  const Tensor products = matmul(transposed(v), v);
  const Tensor t = triu(products) - products * eye(k, {}, {.dtype = x.dtype()}) * 0.5;
  const Tensor q = one - matmul(v, solve_triangular(t, transposed(narrow(v, -2, 0, k)), true));
  return q * unsqueeze(trunc(diagonal(x.detach(), 0, -2, -1)), -2);
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

OrthogonalMap orthogonal_map(const Tensor& weight, std::optional<OrthogonalMap> wanted) {
  if (weight.dim() < 2)
    fail("Orthogonal: the weight is {}; its last two dimensions must be a matrix", weight.shape());
  const bool square = weight.size(-2) == weight.size(-1);
  return wanted.value_or(square ? OrthogonalMap::matrix_exp : OrthogonalMap::householder);
}

Tensor orthogonal_base(const Tensor& weight) {
  const NoGrad off;
  Tensor columns = is_wide(weight) ? transposed(weight) : weight;
  const std::int64_t n = columns.size(-2), k = columns.size(-1);
  if (n == k) {
    const double rounding =
        weight.dtype() == float32 ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
    const Tensor off_by = matmul(transposed(columns), columns) - eye(n, {}, {.dtype = weight.dtype()});
    if (amax(abs(off_by)).item() <= 10 * static_cast<double>(n) * rounding) return columns.clone();
  } else {
    const Shape more = columns.shape().with(columns.dim() - 1, n - k);
    columns = cat({columns, randn(more, {.dtype = weight.dtype()})}, -1);
  }
  const auto [q, r] = qr(columns);
  return q * unsqueeze(sign(diagonal(r, 0, -2, -1)), -2);
}

Tensor minus_identity(const Tensor& weight) {
  return expand(-eye(weight.size(-2), weight.size(-1), {.dtype = weight.dtype()}), weight.shape()).clone();
}

Tensor orthogonal_weight(const Tensor& original, const Tensor& base, OrthogonalMap map) {
  const bool wide = is_wide(original);
  const Tensor x = wide ? transposed(original) : original;
  const std::int64_t n = x.size(-2), k = x.size(-1);
  Tensor q;
  if (map == OrthogonalMap::householder) {
    q = reflections(x);
  } else {
    const Tensor lower = pad(tril(x), {0, n - k}), a = lower - transposed(lower);
    const Tensor one = eye(n, {}, {.dtype = x.dtype()});
    q = map == OrthogonalMap::matrix_exp ? matrix_exp(a) : solve(one - a * 0.5, one + a * 0.5);
    q = narrow(q, -1, 0, k);
  }
  q = matmul(base, q);
  return wide ? transposed(q) : q;
}

}  // namespace ebb::nn::detail
