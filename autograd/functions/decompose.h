// Decompositions of matrices, and what is computed by them: torch.linalg. Matrices are the last two dimensions, [.., m, n], of
// float32 or float64; leading dimensions are a batch, of any size. float32 is computed in double. A matrix that has no result is
// an Error that says which one of the batch it is: one that is singular, not positive definite, or, for eigh(), svd() and pinv(),
// not finite.
#pragma once

#include <cstdint>
#include <optional>

#include "autograd/tensor.h"

namespace ebb {

// -- systems of equations; leading sizes broadcast

// A⁻¹ [.., n, n].
Tensor inv(const Tensor& a);
// X with A X = B, or with left = false X A = B: A [.., n, n], B [.., n, k] (left = false: [.., k, n]), or a vector for each
// matrix: B [n], or of A's shape without its last size. By LU factors with row exchanges.
Tensor solve(const Tensor& a, const Tensor& b, bool left = true);
// The same for triangular A, of which only the triangle is read, and not the diagonal if `unitriangular`, which stands for
// ones there. B [.., n, k] ([.., k, n]). It has torch.linalg's arguments; torch.triangular_solve(b, A) had others.
Tensor solve_triangular(const Tensor& a, const Tensor& b, bool upper, bool left = true,
                        bool unitriangular = false);
// X with L Lᵀ X = B, or Uᵀ U X = B if `upper`: B [.., n, k], and a factor of cholesky().
Tensor cholesky_solve(const Tensor& b, const Tensor& l, bool upper = false);
// The X that makes |A X - B|² least for each column: A [.., m, n], B [.., m, k] → [.., n, k], or a vector, as in solve(). A has
// full rank: with m < n X is the shortest of all that solve A X = B. By A's QR factors.
Tensor lstsq(const Tensor& a, const Tensor& b);

// -- decompositions

// L, lower triangular with a positive diagonal, A = L Lᵀ, of a symmetric positive definite A [.., n, n]; or U = Lᵀ. Only the
// lower triangle is read, or the upper one; the gradient is that of symmetric matrices, and symmetric.
Tensor cholesky(const Tensor& a, bool upper = false);

// A = P L U: P [.., m, m] a permutation, without derivative, L [.., m, k] with ones on its diagonal, U [.., k, n], k =
// min(m, n). The gradient needs k independent columns in the first k: otherwise it is an Error.
struct LuFactors {
  Tensor p, l, u;
};
LuFactors lu(const Tensor& a);

// A = Q R: Q's columns are orthonormal, R is upper triangular. reduced: Q [.., m, k], R [.., k, n], k = min(m, n); complete: Q
// [.., m, m], R [.., m, n], of which there is no derivative if m > n. R's diagonal has the signs that Householder's reflections
// give, as LAPACK's. The gradient needs k independent columns in the first k: otherwise it is an Error or, but for rounding,
// infinite. (Walter, Lehmann, Algorithmic differentiation of linear algebra functions, 2010.)
enum class QrMode : std::uint8_t { reduced, complete };
struct QrFactors {
  Tensor q, r;
};
QrFactors qr(const Tensor& a, QrMode mode = QrMode::reduced);

// A = V diag(w) Vᵀ of a symmetric A [.., n, n]: w [.., n] ascends, V's columns [.., n, n] are orthonormal. Only one triangle is
// read; the gradient is that of symmetric matrices, and symmetric. Of each column the element largest in magnitude is made
// positive, which PyTorch leaves open. Where values are equal, V has no derivative: NaN or infinity; w has.
enum class Uplo : std::uint8_t { lower, upper };
struct EigenPairs {
  Tensor values, vectors;
};
EigenPairs eigh(const Tensor& a, Uplo uplo = Uplo::lower);
Tensor eigvalsh(const Tensor& a, Uplo uplo = Uplo::lower);

// A = U diag(s) Vh: s [.., k] descends, k = min(m, n), U [.., m, m] and Vh [.., n, n] are orthogonal, or, without
// full_matrices, their first columns [.., m, k] and rows [.., k, n]. In each row of Vh the element largest in magnitude is made
// positive, which PyTorch leaves open. U and Vh have a derivative without full_matrices, or if m = n; where singular values
// are equal, or 0 if m differs from n, it is NaN or infinity. s always has one.
struct SvdFactors {
  Tensor u, s, vh;
};
SvdFactors svd(const Tensor& a, bool full_matrices = true);
Tensor svdvals(const Tensor& a);

// -- functions of matrices

Tensor det(const Tensor& a);  // [.., n, n] → [..]. The first derivative is right for singular matrices too
// The sign and the logarithm of the magnitude of the determinant, which may be too large or small for a number itself: 0 and
// -inf of singular matrices, whose derivative is an Error.
struct SignLog {
  Tensor sign, logabsdet;
};
SignLog slogdet(const Tensor& a);
// The pseudoinverse [.., n, m] of Moore and Penrose. Singular values up to max(atol, rtol · the largest) count as 0; rtol is
// max(m, n) · the dtype's rounding if neither is given, 0 if atol is. Where the rank changes there is no derivative.
struct PinvOptions {
  std::optional<double> atol = {}, rtol = {};
};
Tensor pinv(const Tensor& a, const PinvOptions& options = {});
// A^n; A⁰ is the identity, A⁻ⁿ the power of the inverse.
Tensor matrix_power(const Tensor& a, std::int64_t n);
// Σ Aᵏ / k! (Higham, The scaling and squaring method for the matrix exponential revisited, 2005). NaN where A is not finite.
Tensor matrix_exp(const Tensor& a);

// Of matrices: fro, (Σ |a|²)^½; nuc, the sum of the singular values. Or by number: 1 (-1) the largest (smallest) sum of
// magnitudes of a column, inf (-inf) of a row, 2 (-2) the largest (smallest) singular value.
enum class MatrixNorm : std::uint8_t { fro, nuc };
Tensor matrix_norm(const Tensor& a, MatrixNorm ord = MatrixNorm::fro, const Dims& dims = {-2, -1},
                   bool keepdim = false);
Tensor matrix_norm(const Tensor& a, double ord, const Dims& dims = {-2, -1}, bool keepdim = false);

}  // namespace ebb
