// Factorisations of matrices and what is made with them, in the last two dimensions of views; leading sizes are equal and
// count matrices. float32 or float64, all of one dtype; float32 is computed in double. Results are contiguous, other views lie
// as they like. A matrix that has no result is an Error that says which one it is.
#pragma once

#include "autograd/base/view.h"

namespace ebb::kernels {

// X = A⁻¹, and A X = B: [.., n, n], [.., n, k].
void inverse(const View& x, const View& a);
void solve(const View& x, const View& a, const View& b);
// The same for a triangular A, of which only that triangle is read; `unit`: its diagonal counts as ones.
void solve_triangular(const View& x, const View& a, const View& b, bool upper, bool unit);

// A = L Lᵀ of a symmetric A, of which the lower triangle is read.
void cholesky(const View& l, const View& a);
// A = P L U, k = min(m, n): A [.., m, n], L [.., m, k], U [.., k, n], P [.., m, m]. The pivot is the largest of its column.
void lu(const View& l, const View& u, const View& p, const View& a);
// A = Q R by Householder's reflections, with LAPACK's signs: Q [.., m, j], R [.., j, n], j = min(m, n) or m.
void qr(const View& q, const View& r, const View& a);

// A = V diag(w) Vᵀ of a symmetric A, of which the lower triangle is read, or the upper one; w ascends. In each column of V the
// element largest in magnitude, the first of equals, is positive.
void eigh(const View& w, const View& v, const View& a, bool upper);
// A = U diag(s) Vh, s descends: A [.., m, n], U [.., m, j], Vh [.., i, n], j = i = k = min(m, n), or j = m and i = n. The signs
// of V's columns are chosen as those of eigh, and so are those of U's that have no partner.
void svd(const View& u, const View& s, const View& vh, const View& a);

// The determinant; its sign and the logarithm of its magnitude: [..].
void determinant(const View& y, const View& a);
void determinant_log(const View& logarithm, const View& sign, const View& a);
// The transposed matrix of cofactors, det(A) A⁻¹ where that exists.
void adjugate(const View& y, const View& a);
// The pseudoinverse [.., n, m] of A [.., m, n]; singular values up to max(absolute, relative · the largest) count as 0.
void pseudoinverse(const View& y, const View& a, double absolute, double relative);
// exp(A) by the rational approximation of order 13 of a scaled A, squared (Higham 2005).
void matrix_exponential(const View& y, const View& a);

}  // namespace ebb::kernels
