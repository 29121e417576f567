// Certifies decompositions and functions of matrices as users call them, and where they end.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "autograd/ops/decompose.h"
#include "tests/composites.h"
#include "tests/expect_error.h"

using namespace ebb;
using namespace ebb::test;
using ops::draw;
using ops::draw_regular;
using ops::turned;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = ops::kInfinity;

Tensor symmetric(const Tensor& x) { return (x + turned(x)) / 2; }

std::vector<Case> systems() {
  Generator random{41};
  const auto regular = [&](const Shape& shape) { return draw_regular(random, shape); };
  const auto in = [&](const Shape& shape) { return draw(random, shape); };
  return {
      {"inv", F(inv(x[0])), {regular({3, 3})}, "torch.linalg.inv(*x)"},
      {"inv of one", F(inv(x[0])), {regular({1, 1})}, "torch.linalg.inv(*x)"},
      {"solve for a vector", F(solve(x[0], x[1])), {regular({3, 3}), in({3})}, "torch.linalg.solve(*x)"},
      {"solve for vectors", F(solve(x[0], x[1])), {regular({2, 3, 3}), in({2, 3})}, "torch.linalg.solve(*x)"},
      {"solve of shapes", F(solve(x[0], x[1])), {regular({3, 3}), in({2, 3, 2})}, "torch.linalg.solve(*x)"},
      {"solve from the right",
       F(solve(x[0], x[1], false)),
       {regular({2, 3, 3}), in({2, 2, 3})},
       "torch.linalg.solve(*x, left=False)"},
      {"solve_triangular from the right",
       F(solve_triangular(x[0], x[1], true, false)),
       {regular({3, 3}), in({2, 3})},
       "torch.linalg.solve_triangular(*x, upper=True, left=False)"},
      {"solve_triangular of shapes",
       F(solve_triangular(x[0], x[1], false, true, true)),
       {regular({2, 1, 3, 3}), in({2, 3, 1})},
       "torch.linalg.solve_triangular(*x, upper=False, unitriangular=True)"},
      {"cholesky_solve",
       F(cholesky_solve(x[0], tril(x[1]))),
       {in({3, 2}), regular({3, 3})},
       "torch.cholesky_solve(x[0], x[1].tril())"},
      {"cholesky_solve, upper",
       F(cholesky_solve(x[0], triu(x[1]), true)),
       {in({2, 3, 1}), regular({2, 3, 3})},
       "torch.cholesky_solve(x[0], x[1].triu(), upper=True)"},
      {"lstsq", F(lstsq(x[0], x[1])), {regular({4, 2}), in({4, 3})}, "torch.linalg.lstsq(*x).solution"},
      {"lstsq for a vector", F(lstsq(x[0], x[1])), {regular({3, 2}), in({3})}, "torch.linalg.lstsq(*x).solution"},
      {"lstsq, the shortest",
       F(lstsq(x[0], x[1])),
       {regular({2, 2, 3}), in({2, 2, 1})},
       "torch.linalg.lstsq(*x).solution"},
  };
}

std::vector<Case> decompositions() {
  Generator random{42};
  const auto regular = [&](const Shape& shape) { return draw_regular(random, shape); };
  return {
      {"cholesky, upper",
       F(cholesky(symmetric(x[0]), true)),
       {regular({2, 3, 3})},
       "torch.linalg.cholesky((x[0] + x[0].mT) / 2, upper=True)"},
      {"lu",
       [](const Tensors& x) {
         const auto [p, l, u] = lu(x[0]);
         return Tensors{p, l, u};
       },
       {regular({2, 3, 3})},
       "torch.linalg.lu(*x)"},
      {"qr of a wide matrix",
       [](const Tensors& x) {
         const auto [q, r] = qr(x[0], QrMode::complete);
         return Tensors{q, r};
       },
       {regular({2, 4})},
       "torch.linalg.qr(*x)"},
      {"eigh back",
       [](const Tensors& x) {
         const auto [w, v] = eigh(symmetric(x[0]), Uplo::upper);
         return Tensors{w, matmul(v * unsqueeze(exp(w * 0.1), -2), turned(v))};
       },
       {regular({2, 3, 3})},
       "(lambda a: (torch.linalg.eigvalsh(a), torch.linalg.matrix_exp(a * 0.1)))((x[0] + x[0].mT) / 2)"},
      {"eigvalsh", F(eigvalsh(symmetric(x[0]))), {regular({3, 3})}, "torch.linalg.eigvalsh((x[0] + x[0].mT) / 2)"},
      {"svd back",
       [](const Tensors& x) {
         const auto [u, s, vh] = svd(x[0], false);
         return matmul(u * unsqueeze(log(s), -2), vh);
       },
       {regular({3, 2})},
       "(lambda u, s, v: u @ torch.diag(s.log()) @ v)(*torch.linalg.svd(x[0], False))"},
      {"svd of a square, all", F(svd(x[0]).s), {regular({2, 3, 3})}, "torch.linalg.svd(*x).S"},
      {"svdvals of a tall matrix", F(svdvals(x[0])), {regular({4, 2})}, "torch.linalg.svdvals(*x)"},
      {"svdvals of a wide matrix", F(svdvals(x[0])), {regular({2, 2, 3})}, "torch.linalg.svdvals(*x)"},
  };
}

std::vector<Case> functions() {
  Generator random{43};
  const auto regular = [&](const Shape& shape) { return draw_regular(random, shape); };
  const auto in = [&](const Shape& shape) { return draw(random, shape); };
  return {
      {"det of one", F(det(x[0])), {in({1, 1})}, "torch.linalg.det(*x)"},
      {"slogdet", F(slogdet(x[0]).logabsdet), {regular({2, 3, 3})}, "torch.linalg.slogdet(*x).logabsdet"},
      {"pinv of a wide matrix", F(pinv(x[0])), {regular({2, 3})}, "torch.linalg.pinv(*x)"},
      {"pinv with a bound",
       F(pinv(x[0], {.atol = 1, .rtol = 0.01})),
       {regular({3, 2})},
       "torch.linalg.pinv(*x, atol=1, rtol=0.01)"},
      {"matrix_power 1", F(matrix_power(x[0], 1)), {in({2, 2})}, "torch.linalg.matrix_power(*x, 1)"},
      {"matrix_power 5", F(matrix_power(x[0], 5)), {in({2, 2, 2})}, "torch.linalg.matrix_power(*x, 5)"},
      {"matrix_power -2", F(matrix_power(x[0], -2)), {regular({3, 3})}, "torch.linalg.matrix_power(*x, -2)"},
      {"matrix_exp", F(matrix_exp(x[0])), {in({3, 3})}, "torch.linalg.matrix_exp(*x)"},
      {"matrix_exp, near 0", F(matrix_exp(x[0] * 1e-3)), {in({2, 2})}, "torch.linalg.matrix_exp(x[0] * 1e-3)"},
      {"matrix_norm", F(matrix_norm(x[0])), {in({2, 3, 2})}, "torch.linalg.matrix_norm(*x)"},
      {"matrix_norm nuc",
       F(matrix_norm(x[0], MatrixNorm::nuc, {0, 1}, true)),
       {in({3, 2, 2})},
       "torch.linalg.matrix_norm(*x, 'nuc', (0, 1), True)"},
      {"matrix_norm 1", F(matrix_norm(x[0], 1)), {in({2, 3, 2})}, "torch.linalg.matrix_norm(*x, 1)"},
      {"matrix_norm -1",
       F(matrix_norm(x[0], -1, {2, 0})),
       {in({2, 3, 2})},
       "torch.linalg.matrix_norm(*x, -1, (2, 0))"},
      {"matrix_norm inf",
       F(matrix_norm(x[0], kInfinity)),
       {in({3, 2})},
       "torch.linalg.matrix_norm(*x, float('inf'))"},
      {"matrix_norm -inf",
       F(matrix_norm(x[0], -kInfinity)),
       {in({3, 2})},
       "torch.linalg.matrix_norm(*x, -float('inf'))"},
      {"matrix_norm 2", F(matrix_norm(x[0], 2)), {regular({3, 2})}, "torch.linalg.matrix_norm(*x, 2)"},
      {"matrix_norm -2", F(matrix_norm(x[0], -2)), {regular({3, 2})}, "torch.linalg.matrix_norm(*x, -2)"},
  };
}

std::vector<Case> all() {
  std::vector<Case> cases;
  for (const auto& group : {systems(), decompositions(), functions()})
    for (auto c : group) {
      c.repeats = false;
      cases.push_back(std::move(c));
    }
  return cases;
}

void certify_some(std::vector<Case> cases) {
  for (auto& c : cases) {
    c.repeats = false;
    certify(c);
  }
}

Tensor matrix(std::initializer_list<std::initializer_list<double>> rows) {
  return tensor(rows, {.dtype = float64});
}

// The largest difference of two tensors' elements.
double distance(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  return a.numel() == 0 ? 0 : amax(abs(a - b)).item();
}
double from_identity(const Tensor& x) { return distance(x, eye(x.size(0), {}, {.dtype = x.dtype()})); }

Tensor gradient(const TensorFunction& f, const Tensor& x) {
  const Tensor leaf = x.clone().set_requires_grad();
  sum(f({leaf})[0]).backward();
  return leaf.grad();
}

}  // namespace

TEST_CASE("systems of equations") { certify_some(systems()); }
TEST_CASE("decompositions") { certify_some(decompositions()); }
TEST_CASE("functions of matrices") { certify_some(functions()); }

TEST_CASE("factors of large matrices make them again") {
  Generator random{44};
  for (const auto& [m, n] : {std::pair{90, 90}, {130, 40}, {40, 130}}) {
    const Tensor a = draw(random, {m, n});
    const auto [p, l, u] = lu(a);
    CHECK(distance(matmul(p, matmul(l, u)), a) < 1e-12);
    CHECK(largest_of(l) == 1);
    CHECK(distance(l, tril(l)) + distance(u, triu(u)) == 0);
    CHECK(from_identity(matmul(p, turned(p))) == 0);
    for (const auto mode : {QrMode::reduced, QrMode::complete}) {
      const auto [q, r] = qr(a, mode);
      CHECK(distance(matmul(q, r), a) < 1e-12);
      CHECK(from_identity(matmul(turned(q), q)) < 1e-13);
      CHECK(distance(r, triu(r)) == 0);
    }
    for (const bool full : {false, true}) {
      const auto [left, s, right] = svd(a, full);
      const std::int64_t k = s.size(0);
      CHECK(distance(matmul(narrow(left, 1, 0, k) * s, narrow(right, 0, 0, k)), a) < 1e-11);
      CHECK(from_identity(matmul(turned(left), left)) < 1e-12);
      CHECK(from_identity(matmul(right, turned(right))) < 1e-12);
      CHECK(distance(s, sort(s, 0, true).values) == 0);
    }
  }
  const Tensor a = draw(random, {120, 120}), b = draw(random, {120, 5}), s = matmul(a, turned(a));
  CHECK(distance(matmul(a, solve(a, b)), b) < 1e-10);
  CHECK(from_identity(matmul(inv(a), a)) < 1e-10);
  const Tensor l = cholesky(s);
  CHECK(distance(matmul(l, turned(l)), s) < 1e-10);
  const auto [w, v] = eigh(s);
  CHECK(distance(matmul(v * w, turned(v)), s) < 1e-9);
  CHECK(from_identity(matmul(turned(v), v)) < 1e-12);
  CHECK(slogdet(a).logabsdet.item() == doctest::Approx(sum(log(svdvals(a))).item()));
}

TEST_CASE("of the two triangles of a symmetric matrix one is read") {
  const Tensor lower = matrix({{4, kNaN}, {2, 3}}), upper = matrix({{4, 2}, {kNaN, 3}}),
               l = matrix({{4, 0}, {2, 3}});
  const Tensor whole = matrix({{4, 2}, {2, 3}});
  CHECK(distance(cholesky(lower), cholesky(whole)) == 0);
  CHECK(distance(cholesky(upper, true), turned(cholesky(whole))) == 0);
  CHECK(distance(eigh(lower).vectors, eigh(whole).vectors) == 0);
  CHECK(distance(eigvalsh(upper, Uplo::upper), eigvalsh(whole)) == 0);
  CHECK(distance(solve_triangular(matrix({{4, kNaN}, {2, 3}}), l, false), eye(2, {}, {.dtype = float64})) == 0);
  CHECK(distance(solve_triangular(matrix({{kNaN, kNaN}, {2, kNaN}}), matrix({{1}, {2}}), false, true, true),
                 matrix({{1}, {0}})) == 0);
}

TEST_CASE("the signs of eigenvectors and singular vectors are chosen") {
  const Tensor v = eigh(matrix({{0, 1}, {1, 0}})).vectors;
  CHECK(distance(v, matrix({{1, 1}, {-1, 1}}) / std::sqrt(2.0)) < 1e-15);
  const auto [u, s, vh] = svd(matrix({{-3, 0}, {0, 2}, {0, 0}}));
  CHECK(distance(vh, eye(2, {}, {.dtype = float64})) < 1e-15);
  CHECK(distance(u, matrix({{-1, 0, 0}, {0, 1, 0}, {0, 0, 1}})) < 1e-15);
}

TEST_CASE("det has a derivative where there is no inverse") {
  const TensorFunction f = F(Tensors{det(x[0])});
  // Cofactors of matrices of rank 2, 1 and 0.
  const Tensor a = matrix({{1, 2, 3}, {4, 5, 6}, {7, 8, 9}});
  CHECK(distance(gradient(f, a), matrix({{-3, 6, -3}, {6, -12, 6}, {-3, 6, -3}})) < 1e-12);
  CHECK(largest_of(gradient(f, ones({3, 3}, {.dtype = float64}))) < 1e-14);
  CHECK(largest_of(gradient(f, zeros({3, 3}, {.dtype = float64}))) == 0);
  CHECK(gradient(f, zeros({1, 1}, {.dtype = float64})).item() == 1);
  CHECK(det(a.to(float32)).item() == doctest::Approx(0).epsilon(1e-5));
  const auto [sign, logarithm] = slogdet(zeros({2, 2}));
  CHECK(sign.item() == 0);
  CHECK(logarithm.item() == -kInfinity);
  CHECK(slogdet(matrix({{0, 2}, {3, 0}})).sign.item() == -1);
  CHECK(std::isnan(slogdet(matrix({{kNaN}})).sign.item()));
}

TEST_CASE("values have a derivative where vectors have none") {
  const Tensor i = eye(3, {}, {.dtype = float64});
  CHECK(from_identity(gradient(F(Tensors{eigvalsh(x[0])}), i)) < 1e-15);
  CHECK(from_identity(gradient(F(Tensors{svdvals(x[0])}), i)) < 1e-15);
  const auto is_finite = [](const Tensor& x) { return all(isfinite(x)).item() == 1; };
  CHECK_FALSE(
      is_finite(gradient(F(Tensors{eigh(x[0]).vectors * arange(9, {.dtype = float64}).at(Slice(3, 6))}), i)));
  CHECK_FALSE(is_finite(gradient(F(Tensors{svd(x[0]).u}), i)));
  CHECK(is_finite(gradient(F(Tensors{pinv(x[0])}), i)));
}

TEST_CASE("matrix_exp squares what is large, and matrix_power takes any number") {
  const double t = 40;
  const Tensor turn = matrix({{0, -t}, {t, 0}});
  CHECK(distance(matrix_exp(turn), matrix({{std::cos(t), -std::sin(t)}, {std::sin(t), std::cos(t)}})) < 1e-12);
  CHECK(from_identity(matrix_exp(zeros({2, 2}, {.dtype = float64}))) < 1e-15);
  CHECK(std::isnan(matrix_exp(matrix({{kInfinity}})).item()));
  CHECK(from_identity(matrix_power(turn, 0)) == 0);
  CHECK(matrix_power(matrix({{-1}}), std::numeric_limits<std::int64_t>::min()).item() == 1);
}

TEST_CASE("pinv leaves out singular values up to a bound") {
  const Tensor a = matrix({{2, 0, 0}, {0, 0.5, 0}});
  CHECK(distance(pinv(a), matrix({{0.5, 0}, {0, 2}, {0, 0}})) < 1e-15);
  CHECK(distance(pinv(a, {.atol = 0.5}), matrix({{0.5, 0}, {0, 0}, {0, 0}})) < 1e-15);
  CHECK(distance(pinv(a, {.rtol = 0.3}), matrix({{0.5, 0}, {0, 0}, {0, 0}})) < 1e-15);
  CHECK(largest_of(pinv(zeros({2, 3}))) == 0);
}

TEST_CASE("matrices without elements") {
  const Tensor none = zeros({0, 0}), tall = zeros({3, 0});
  CHECK(det(none).item() == 1);
  CHECK(slogdet(zeros({2, 0, 0})).logabsdet.shape() == Shape{2});
  CHECK(inv(zeros({0, 2, 2})).shape() == Shape{0, 2, 2});
  CHECK(from_identity(qr(tall, QrMode::complete).q) == 0);
  CHECK(from_identity(svd(tall).u) == 0);
  CHECK(svd(tall, false).u.shape() == Shape{3, 0});
  CHECK(pinv(tall).shape() == Shape{0, 3});
  CHECK(lstsq(tall, zeros({3, 2})).shape() == Shape{0, 2});
  CHECK(matrix_exp(none).shape() == Shape{0, 0});
  CHECK(eigh(none).values.shape() == Shape{0});
  CHECK(lu(tall).p.shape() == Shape{3, 3});
}

TEST_CASE("matrices that have no result are named") {
  const Tensor good = eye(2), singular = ones({2, 2});
  const Tensor both = stack({good, singular, singular});
  CHECK_ERROR(inv(singular),
              "inv: the matrix [2, 2] is singular; pinv() has an answer for matrices without an inverse");
  CHECK_ERROR(inv(both),
              "inv: matrix 1 of [3, 2, 2] is singular; pinv() has an answer for matrices without an inverse");
  CHECK_ERROR(solve(both, ones({2})),
              "solve: matrix 1 of [3, 2, 2] is singular; pinv() has an answer for matrices without an inverse");
  CHECK_ERROR(
      solve_triangular(zeros({2, 2}), good, false),
      "solve_triangular: the matrix [2, 2] is singular; pinv() has an answer for matrices without an inverse");
  CHECK_ERROR(cholesky(stack({good, -good})),
              "cholesky: matrix 1 of [2, 2, 2] is not positive definite; lu() and eigh() take others");
  const char* text = "{}: the matrix [2, 2] has no decomposition; isfinite() finds NaN and infinity";
  const auto of = [&](const char* op) { return fmt::format(fmt::runtime(text), op); };
  const Tensor nan = full({2, 2}, kNaN);
  CHECK_ERROR(cholesky(nan), "cholesky: the matrix [2, 2] is not positive definite; lu() and eigh() take others");
  CHECK_ERROR(eigh(nan), of("eigh").c_str());
  CHECK_ERROR(svd(nan), of("svd").c_str());
  CHECK_ERROR(pinv(nan), of("pinv").c_str());
  CHECK_ERROR(gradient(F(Tensors{slogdet(x[0]).logabsdet}), singular),
              "inv: the matrix [2, 2] is singular; pinv() has an answer for matrices without an inverse");
}

TEST_CASE("decompositions refuse what makes no sense") {
  const Tensor wide = ones({2, 3}), square = eye(2), line = ones({3});
  CHECK_ERROR(inv(wide), "inv: the tensor is float32 [2, 3]; it must be square matrices, [.., n, n]");
  CHECK_ERROR(svd(line), "svd: the tensor is float32 [3]; it must be matrices, [.., m, n]");
  CHECK_ERROR(qr(tensor({{1, 2}})),
              "qr: the input is int64 [1, 2]; it must be float32 or float64, convert it by to(float32)");
  CHECK_ERROR(
      solve(square, ones({3, 1})),
      "solve: the matrices are [2, 2], the right-hand sides [3, 1]; they must be [.., n, n] and [.., n, k]");
  CHECK_ERROR(solve(square, ones({2}), false),
              "solve: left = false is for matrices; the right-hand side is float32 [2]");
  CHECK_ERROR(
      lstsq(wide, ones({3, 1})),
      "lstsq: the matrices are [2, 3], the right-hand sides [3, 1]; they must be [.., m, n] and [.., m, k]");
  CHECK_ERROR(pinv(wide, {.rtol = -1}), "pinv: atol is 0, rtol -1; they must be 0 or more");
  CHECK_ERROR(matrix_norm(wide, 3), "matrix_norm: ord is 3; it must be 1, 2 or inf, with either sign, fro or nuc");
  CHECK_ERROR(matrix_norm(wide, 1, {0, -2}), "matrix_norm: dimension 0 appears twice in [0, -2]");
  CHECK_ERROR(matrix_norm(wide, 1, {0}), "matrix_norm: [0] names 1 dimensions; give two");
  const Tensor tall = ones({3, 2});
  CHECK_ERROR(gradient(F(Tensors{qr(x[0], QrMode::complete).q}), tall),
              "qr: the complete factors of 3 by 2 matrices have no derivative; take the mode reduced");
  CHECK_ERROR(gradient(F(Tensors{svd(x[0]).u}), tall),
              "svd: the full U and Vh of 3 by 2 matrices have no derivative; pass full_matrices = false");
}

TEST_CASE("write samples" * doctest::skip()) { write_samples(all()); }
