#include "autograd/ops/decompose.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/ops/linear.h"

namespace ebb {
namespace ops {
namespace {

Tensor last_columns(const Tensor& x, std::int64_t from) {
  const std::int64_t size = x.shape()[x.dim() - 1];
  return narrow(x, -1, from, size - from);
}
Tensor last_rows(const Tensor& x, std::int64_t from) {
  const std::int64_t size = x.shape()[x.dim() - 2];
  return narrow(x, -2, from, size - from);
}

// [..] as matrices of one element.
Tensor as_matrix(const Tensor& numbers) { return unsqueeze(unsqueeze(numbers, -1), -1); }

// A gradient, zero where nothing depends on the output.
Tensor or_zero(Grad g, const Tensor& output) { return g.defined() ? g : zeros_like(output); }

// The symmetric matrix with x's upper triangle.
Tensor symmetric_from_upper(const Tensor& x) { return triu(x) + turned(triu(x, 1)); }

// x a⁻¹, a triangular.
Tensor right_divided(const Tensor& x, const Tensor& a, bool upper) { return solve_triangular(a, x, upper, false); }

// f(i, j) = values[j] - values[i], `diagonal` on the diagonal.
Tensor differences(const Tensor& values, double diagonal) {
  const std::int64_t n = values.shape()[values.dim() - 1];
  const Tensor all = unsqueeze(values, -2) - unsqueeze(values, -1);
  return where(eye(n, n, {.dtype = boolean}), scalar_like(values, diagonal), all);
}

}  // namespace

Shape with_matrix(const Shape& shape, std::int64_t rows, std::int64_t columns) {
  return shape.with(shape.rank() - 2, rows).with(shape.rank() - 1, columns);
}

Shape with_vector(const Shape& shape, std::int64_t size) {
  return shape.without(shape.rank() - 1).with(shape.rank() - 2, size);
}

void require_matrix(std::string_view op, const Tensor& x) {
  require_floating(op, x);
  if (x.dim() < 2) fail("{}: the tensor is {}; it must be matrices, [.., m, n]", op, describe(x));
}

void require_square(std::string_view op, const Tensor& x) {
  require_matrix(op, x);
  if (x.shape()[x.dim() - 1] != x.shape()[x.dim() - 2])
    fail("{}: the tensor is {}; it must be square matrices, [.., n, n]", op, describe(x));
}

Spec right_hand_spec(std::string_view op, const Tensor& a, const Tensor& b) {
  require_square(op, a);
  require_same_dtype(op, a, b);
  const int rank = a.dim();
  if (b.dim() != rank || with_matrix(b.shape(), 0, 0) != with_matrix(a.shape(), 0, 0) ||
      b.shape()[rank - 2] != a.shape()[rank - 1])
    fail("{}: the matrices are {}, the right-hand sides {}; they must be [.., n, n] and [.., n, k]", op, a.shape(),
         b.shape());
  return {b.shape(), b.dtype()};
}

Tensor draw_regular(Generator& random, const Shape& shape) {
  const std::int64_t rows = shape[shape.rank() - 2], columns = shape[shape.rank() - 1];
  const Tensor diagonal = arange(4, 4 + 4 * static_cast<double>(columns), 4, {.dtype = float64});
  return draw(random, shape, -1, 1) + eye(rows, columns, {.dtype = float64}) * diagonal;
}

Tensor Cholesky::grad0(Grad g, Out l) const {
  const Tensor s =
      symmetric_from_upper(matmul(turned(g), l)) * 0.5;  // its upper triangle is the lower one of lᵀ g
  return right_divided(solve_triangular(turned(l), s, true), l, false);
}

std::array<Spec, 3> Lu::infer(const Tensor& a) const {
  require_matrix(name, a);
  const std::int64_t m = a.shape()[a.dim() - 2], n = a.shape()[a.dim() - 1], k = std::min(m, n);
  const auto spec = [&](std::int64_t rows, std::int64_t columns) {
    return Spec{with_matrix(a.shape(), rows, columns), a.dtype()};
  };
  return {spec(m, k), spec(k, n), spec(m, m)};
}

// With A' = Pᵀ A: of square matrices g' = L⁻ᵀ (tril(Lᵀ gL, -1) + triu(gU Uᵀ)) U⁻ᵀ. What lies beyond, U₂ = L⁻¹ A'₂ on the right
// or L₂ = A'₂ U⁻¹ below, is solved with the square factors, and adds to their gradients.
Tensor Lu::grad0(Grads g, Output<0> l, Output<1> u, Output<2> p) const {
  const std::int64_t m = l.shape()[l.dim() - 2], n = u.shape()[u.dim() - 1], k = std::min(m, n);
  const Tensor square_l = narrow(l, -2, 0, k), square_u = narrow(u, -1, 0, k);
  const Tensor all_l = or_zero(g[0], l), all_u = or_zero(g[1], u);
  Tensor gl = narrow(all_l, -2, 0, k), gu = narrow(all_u, -1, 0, k), beyond;
  if (n > k) {
    beyond = solve_triangular(turned(square_l), last_columns(all_u, k), true, true, true);
    gl = gl - matmul(beyond, turned(last_columns(u, k)));
  }
  if (m > k) {
    beyond = right_divided(last_rows(all_l, k), turned(square_u), false);
    gu = gu - matmul(turned(last_rows(l, k)), beyond);
  }
  const Tensor inner = tril(matmul(turned(square_l), gl), -1) + triu(matmul(gu, turned(square_u)));
  Tensor result =
      solve_triangular(turned(square_l), right_divided(inner, turned(square_u), false), true, true, true);
  if (beyond.defined()) result = cat({result, beyond}, n > k ? -1 : -2);
  return matmul(p, result);
}

std::array<Spec, 2> Qr::infer(const Tensor& a) const {
  require_matrix(name, a);
  const std::int64_t m = a.shape()[a.dim() - 2], n = a.shape()[a.dim() - 1], k = complete ? m : std::min(m, n);
  return {Spec{with_matrix(a.shape(), m, k), a.dtype()}, Spec{with_matrix(a.shape(), k, n), a.dtype()}};
}

// (gQ + Q S) R⁻ᵀ, S the symmetric matrix with the upper triangle of gR Rᵀ - Qᵀ gQ. Columns of R that stand beyond a square
// are Qᵀ A₂: they are as they are in A, and add A₂ gR₂ᵀ to gQ.
Tensor Qr::grad0(Grads g, Output<0> q, Output<1> r) const {
  const std::int64_t m = q.shape()[q.dim() - 2], k = q.shape()[q.dim() - 1], n = r.shape()[r.dim() - 1];
  if (k > n) fail("qr: the complete factors of {} by {} matrices have no derivative; take the mode reduced", m, n);
  Tensor gq = or_zero(g[0], q), gr = or_zero(g[1], r), square = r, beyond;
  if (n > k) {
    const Tensor g2 = last_columns(gr, k);
    beyond = matmul(q, g2);
    gq = gq + matmul(q, matmul(last_columns(r, k), turned(g2)));
    gr = narrow(gr, -1, 0, k);
    square = narrow(r, -1, 0, k);
  }
  const Tensor s = symmetric_from_upper(matmul(gr, turned(square)) - matmul(turned(q), gq));
  const Tensor result = right_divided(gq + matmul(q, s), turned(square), false);
  return beyond.defined() ? cat({result, beyond}, -1) : result;
}

// V (diag(gw) + S) Vᵀ, S the symmetric part of Vᵀ gV / (w_j - w_i), 0 on its diagonal.
Tensor Eigh::grad0(Grads g, Output<0> w, Output<1> v) const {
  if (!g[1].defined()) return matmul(v * unsqueeze(g[0], -2), turned(v));
  const Tensor part = matmul(turned(v), g[1]) / differences(w, kInfinity);
  Tensor inner = (part + turned(part)) * 0.5;
  if (g[0].defined()) inner = inner + diag_embed(g[0]);
  return matmul(v, matmul(inner, turned(v)));
}

std::array<Spec, 3> Svd::infer(const Tensor& a) const {
  require_matrix(name, a);
  const std::int64_t m = a.shape()[a.dim() - 2], n = a.shape()[a.dim() - 1], k = std::min(m, n);
  return {Spec{with_matrix(a.shape(), m, full ? m : k), a.dtype()}, Spec{with_vector(a.shape(), k), a.dtype()},
          Spec{with_matrix(a.shape(), full ? n : k, n), a.dtype()}};
}

// U (diag(gs) + (X / E) diag(s) + diag(s) (Y / E)) Vᵀ with X, Y = Uᵀ gU, Vᵀ gV less their transposes and E = s_j² - s_i², and
// what gU and gV have outside of the columns of U and V, divided by s (Townsend, Differentiating the singular value
// decomposition, 2016).
Tensor Svd::grad0(Grads g, Output<0> all_u, Output<1> s, Output<2> all_vh) const {
  const std::int64_t m = all_u.shape()[all_u.dim() - 2], n = all_vh.shape()[all_vh.dim() - 1], k = std::min(m, n);
  if (full && m != n && (g[0].defined() || g[2].defined()))
    fail("svd: the full U and Vh of {} by {} matrices have no derivative; pass full_matrices = false", m, n);
  const Tensor u = narrow(all_u, -1, 0, k), vh = narrow(all_vh, -2, 0, k), row = unsqueeze(s, -2);
  if (!g[0].defined() && !g[2].defined()) return matmul(u * unsqueeze(g[1], -2), vh);
  const Tensor gu = or_zero(g[0], u), gv = turned(or_zero(g[2], vh)), v = turned(vh);
  const auto skew = [](const Tensor& x) { return x - turned(x); };
  const Tensor e = differences(square(s), kInfinity), of_u = matmul(turned(u), gu), of_v = matmul(vh, gv);
  Tensor inner = skew(of_u) / e * row + skew(of_v) / e * unsqueeze(s, -1);
  if (g[1].defined()) inner = inner + diag_embed(g[1]);
  Tensor result = matmul(u, inner);
  if (m > k) result = result + (gu - matmul(u, of_u)) / row;
  result = matmul(result, vh);
  if (n > k) result = result + matmul(u, turned((gv - matmul(v, of_v)) / row));
  return result;
}

Tensor Det::grad0(Grad g, In<0> a) const { return as_matrix(g) * turned(apply(Adjugate{}, a)); }

// Y = det(A) A⁻¹: dY = (tr(Y dA) Y - Y dA Y) / det(A)
Tensor Adjugate::grad0(Grad g, In<0> a, Out y) const {
  const Tensor yt = turned(y), product = sum(g * y, {-2, -1}, true);
  return (product * yt - matmul(yt, matmul(g, yt))) / as_matrix(det(a));
}

// With K = gᵀ P: K Pᵀ - (P K)ᵀ - A P K Pᵀ + Pᵀ P (gᵀ - K A).
Tensor Pinv::grad0(Grad g, In<0> a, Out p) const {
  const Tensor gt = turned(g), pt = turned(p), k = matmul(gt, p), kp = matmul(k, pt);
  return kp - turned(matmul(p, k)) - matmul(a, matmul(p, kp)) + matmul(pt, matmul(p, gt - matmul(k, a)));
}

Tensor MatrixExp::grad0(Grad g, In<0> a) const {
  const std::int64_t n = a.shape()[a.dim() - 1];
  const Tensor at = turned(a);
  const Tensor block = cat({cat({at, g}, -1), cat({zeros_like(at), at}, -1)}, -2);
  return narrow(narrow(apply(*this, block), -2, 0, n), -1, n, n);
}

}  // namespace ops

using ops::turned;

namespace {

template <class Op>
Tensor solved(const Op& op, Tensor a, Tensor b) {
  ops::require_matrix(Op::name, b);
  ops::broadcast_leading(Op::name, a, b);
  return apply(op, a, b);
}

// Whether b is a vector for each of the matrices, [.., rows].
bool is_vector(const Tensor& a, const Tensor& b) {
  return b.dim() == 1 || (b.dim() == a.dim() - 1 && b.shape() == a.shape().without(a.dim() - 1));
}

}  // namespace

Tensor inv(const Tensor& a) { return apply(ops::Inverse{}, a); }

Tensor solve(const Tensor& a, const Tensor& b, bool left) {
  ops::require_square("solve", a);
  if (is_vector(a, b)) {
    if (!left) fail("solve: left = false is for matrices; the right-hand side is {}", describe(b));
    return squeeze(solved(ops::Solve{}, a, unsqueeze(b, -1)), -1);
  }
  return left ? solved(ops::Solve{}, a, b) : turned(solved(ops::Solve{}, turned(a), turned(b)));
}

Tensor solve_triangular(const Tensor& a, const Tensor& b, bool upper, bool left, bool unitriangular) {
  ops::require_square("solve_triangular", a);
  if (left) return solved(ops::SolveTriangular{upper, unitriangular}, a, b);
  return turned(solved(ops::SolveTriangular{!upper, unitriangular}, turned(a), turned(b)));
}

Tensor cholesky_solve(const Tensor& b, const Tensor& l, bool upper) {
  ops::require_square("cholesky_solve", l);
  ops::require_matrix("cholesky_solve", b);
  const Tensor lower = upper ? turned(l) : l;
  return solve_triangular(turned(lower), solve_triangular(lower, b, false), true);
}

Tensor lstsq(const Tensor& a, const Tensor& b) {
  ops::require_matrix("lstsq", a);
  ops::require_same_dtype("lstsq", a, b);
  if (is_vector(a, b)) return squeeze(lstsq(a, unsqueeze(b, -1)), -1);
  ops::require_matrix("lstsq", b);
  Tensor matrices = a, right = b;
  ops::broadcast_leading("lstsq", matrices, right);
  const std::int64_t m = a.shape()[a.dim() - 2], n = a.shape()[a.dim() - 1];
  if (b.shape()[b.dim() - 2] != m)
    fail("lstsq: the matrices are {}, the right-hand sides {}; they must be [.., m, n] and [.., m, k]", a.shape(),
         b.shape());
  if (m >= n) {
    const auto [q, r] = qr(matrices);
    return solve_triangular(r, matmul(turned(q), right), true);
  }
  const auto [q, r] = qr(turned(matrices));  // A = Rᵀ Qᵀ
  return matmul(q, solve_triangular(turned(r), right, false));
}

Tensor cholesky(const Tensor& a, bool upper) {
  if (!upper) return apply(ops::Cholesky{}, a);
  ops::require_square("cholesky", a);
  return turned(apply(ops::Cholesky{}, turned(a)));
}

LuFactors lu(const Tensor& a) {
  const auto [l, u, p] = apply(ops::Lu{}, a);
  return {p, l, u};
}

QrFactors qr(const Tensor& a, QrMode mode) {
  const auto [q, r] = apply(ops::Qr{mode == QrMode::complete}, a);
  return {q, r};
}

EigenPairs eigh(const Tensor& a, Uplo uplo) {
  const auto [w, v] = apply(ops::Eigh{uplo == Uplo::upper}, a);
  return {w, v};
}

Tensor eigvalsh(const Tensor& a, Uplo uplo) { return eigh(a, uplo).values; }

SvdFactors svd(const Tensor& a, bool full_matrices) {
  const auto [u, s, vh] = apply(ops::Svd{full_matrices}, a);
  return {u, s, vh};
}

Tensor svdvals(const Tensor& a) { return svd(a, false).s; }

Tensor det(const Tensor& a) { return apply(ops::Det{}, a); }

SignLog slogdet(const Tensor& a) {
  const auto [logarithm, sign] = apply(ops::Slogdet{}, a);
  return {sign, logarithm};
}

Tensor pinv(const Tensor& a, const PinvOptions& options) {
  ops::require_matrix("pinv", a);
  const double rounding =
      a.dtype() == float32 ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
  const std::int64_t most = std::max(a.shape()[a.dim() - 1], a.shape()[a.dim() - 2]);
  const double usual = options.atol.value_or(0) > 0 ? 0 : rounding * static_cast<double>(most);
  const ops::Pinv op{options.atol.value_or(0), options.rtol.value_or(usual)};
  if (!(op.absolute >= 0 && op.relative >= 0))
    fail("pinv: atol is {}, rtol {}; they must be 0 or more", op.absolute, op.relative);
  return apply(op, a);
}

Tensor matrix_power(const Tensor& a, std::int64_t n) {
  ops::require_square("matrix_power", a);
  if (n == 0) return expand(eye(a.shape()[a.dim() - 1], {}, {.dtype = a.dtype()}), a.shape()).clone();
  Tensor square = n < 0 ? inv(a) : a, result;
  for (auto left = n < 0 ? 0 - static_cast<std::uint64_t>(n) : static_cast<std::uint64_t>(n); left > 0;) {
    if (left % 2 == 1) result = result.defined() ? matmul(result, square) : square;
    if (left /= 2; left > 0) square = matmul(square, square);
  }
  return n == 1 ? a.clone() : result;
}

Tensor matrix_exp(const Tensor& a) { return apply(ops::MatrixExp{}, a); }

namespace {

// The two dimensions of matrices, last; sizes of 1 come back in their places.
template <class F>
Tensor norm_of_matrices(const Tensor& a, const Dims& dims, bool keepdim, F&& f) {
  ops::require_matrix("matrix_norm", a);
  if (dims.rank() != 2) fail("matrix_norm: {} names {} dimensions; give two", dims, dims.rank());
  const int rows = ops::dimension("matrix_norm", static_cast<int>(dims[0]), a.dim());
  const int columns = ops::dimension("matrix_norm", static_cast<int>(dims[1]), a.dim());
  if (rows == columns) fail("matrix_norm: dimension {} appears twice in {}", rows, dims);
  const Tensor result = f(movedim(a, dims, {-2, -1}));
  return keepdim ? reshape(result, a.shape().with(rows, 1).with(columns, 1)) : result;
}

}  // namespace

Tensor matrix_norm(const Tensor& a, MatrixNorm ord, const Dims& dims, bool keepdim) {
  return norm_of_matrices(a, dims, keepdim, [ord](const Tensor& x) {
    return ord == MatrixNorm::fro ? norm(x, 2, {-2, -1}) : sum(svdvals(x), {-1});
  });
}

Tensor matrix_norm(const Tensor& a, double ord, const Dims& dims, bool keepdim) {
  const double size = std::abs(ord);
  if (size != 1 && size != 2 && size != ops::kInfinity)
    fail("matrix_norm: ord is {}; it must be 1, 2 or inf, with either sign, fro or nuc", ord);
  return norm_of_matrices(a, dims, keepdim, [=](const Tensor& x) {
    const Tensor sizes = size == 2 ? svdvals(x) : sum(abs(x), {size == 1 ? -2 : -1});
    return ord > 0 ? amax(sizes, {-1}) : amin(sizes, {-1});
  });
}

}  // namespace ebb
