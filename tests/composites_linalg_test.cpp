// Certifies products of vectors, matrices and tensors, and distances, that are more than one operation.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/composites.h"
#include "tests/expect_error.h"

using namespace ebb;
using namespace ebb::test;
using ops::draw;

namespace {

Tensors drawn(Generator& random, const std::vector<Shape>& shapes) {
  Tensors x;
  for (const auto& shape : shapes) x.push_back(draw(random, shape));
  return x;
}

std::vector<Case> products() {
  Generator random{31};
  const auto in = [&](const std::vector<Shape>& shapes) { return drawn(random, shapes); };
  return {
      {"dot", F(dot(x[0], x[1])), in({{4}, {4}}), "torch.dot(*x)"},
      {"mv", F(mv(x[0], x[1])), in({{3, 4}, {4}}), "torch.mv(*x)"},
      {"mm", F(mm(x[0], x[1])), in({{3, 4}, {4, 2}}), "torch.mm(*x)"},
      {"bmm", F(bmm(x[0], x[1])), in({{2, 3, 4}, {2, 4, 2}}), "torch.bmm(*x)"},
      {"bmm of no batch", F(bmm(x[0], x[1])), in({{0, 3, 4}, {0, 4, 2}}), "torch.bmm(*x)"},
      {"addmv", F(addmv(x[0], x[1], x[2])), in({{3}, {3, 4}, {4}}), "torch.addmv(*x)"},
      {"addmv, scaled", F(addmv(x[0], x[1], x[2], 0.5, -2)), in({{}, {3, 4}, {4}}),
       "torch.addmv(*x, beta=0.5, alpha=-2)"},
      {"addmm", F(addmm(x[0], x[1], x[2])), in({{3, 2}, {3, 4}, {4, 2}}), "torch.addmm(*x)"},
      {"addmm, scaled", F(addmm(x[0], x[1], x[2], 0.5, -2)), in({{2}, {3, 4}, {4, 2}}),
       "torch.addmm(*x, beta=0.5, alpha=-2)"},
      {"baddbmm", F(baddbmm(x[0], x[1], x[2])), in({{2, 3, 2}, {2, 3, 4}, {2, 4, 2}}), "torch.baddbmm(*x)"},
      {"baddbmm, scaled", F(baddbmm(x[0], x[1], x[2], 0.5, -2)), in({{3, 1}, {2, 3, 4}, {2, 4, 2}}),
       "torch.baddbmm(*x, beta=0.5, alpha=-2)"},
      {"outer", F(outer(x[0], x[1])), in({{3}, {4}}), "torch.outer(*x)"},
      {"inner", F(inner(x[0], x[1])), in({{2, 3}, {4, 2, 3}}), "torch.inner(*x)"},
      {"inner of vectors", F(inner(x[0], x[1])), in({{3}, {3}}), "torch.inner(*x)"},
      {"inner, 0-d", F(inner(x[0], x[1])), in({{}, {2, 3}}), "torch.inner(*x)"},
      {"tensordot", F(tensordot(x[0], x[1])), in({{2, 3, 4}, {3, 4, 2}}), "torch.tensordot(*x)"},
      {"tensordot of names", F(tensordot(x[0], x[1], {0, -1}, {1, 0})), in({{2, 3, 4}, {4, 2, 5}}),
       "torch.tensordot(*x, dims=([0, -1], [1, 0]))"},
      {"tensordot over nothing", F(tensordot(x[0], x[1], 0)), in({{2, 3}, {2}}), "torch.tensordot(*x, dims=0)"},
      {"kron", F(kron(x[0], x[1])), in({{2, 3}, {3, 2}}), "torch.kron(*x)"},
      {"kron of ranks", F(kron(x[0], x[1])), in({{2}, {2, 1, 3}}), "torch.kron(*x)"},
      {"kron, empty", F(kron(x[0], x[1])), in({{2, 0}, {3, 2}}), "torch.kron(*x)"},
      {"cross", F(cross(x[0], x[1])), in({{2, 3}, {2, 3}}), "torch.linalg.cross(*x)"},
      {"cross of shapes", F(cross(x[0], x[1], 0)), in({{3, 2}, {3, 1}}), "torch.linalg.cross(*x, dim=0)"},
      {"trace", F(trace(x[0])), in({{3, 4}}), "torch.trace(*x)"},
  };
}

std::vector<Case> einsums() {
  const std::pair<const char*, std::vector<Shape>> equations[] = {
      {"ij,jk->ik", {{2, 3}, {3, 4}}},
      {"ij,jk", {{2, 3}, {3, 4}}},
      {"bA,bC", {{3, 2}, {3, 4}}},
      {" i j , j k -> k i ", {{2, 3}, {3, 4}}},
      {"bij,bjk->bik", {{2, 3, 4}, {2, 4, 2}}},
      {"ibj,kjb->bki", {{3, 2, 4}, {2, 4, 2}}},
      {"ii->i", {{3, 3}}},
      {"ii", {{3, 3}}},
      {"iji->j", {{3, 2, 3}}},
      {"iijj->ji", {{2, 2, 3, 3}}},
      {"iii->", {{2, 2, 2}}},
      {"aab,b->a", {{2, 2, 3}, {3}}},
      {"ij->ji", {{2, 3}}},
      {"ij->", {{2, 3}}},
      {"ijk->k", {{2, 3, 2}}},
      {"i,i->", {{3}, {3}}},
      {"i,i->i", {{3}, {3}}},
      {"i,j->ij", {{2}, {3}}},
      {"i,j->", {{2}, {3}}},
      {"i,j,k->kij", {{2}, {3}, {2}}},
      {"bij,bij->b", {{2, 3, 2}, {2, 3, 2}}},
      {"ij,ij,jk->k", {{2, 3}, {2, 3}, {3, 4}}},
      {"bn,anm,bm->ba", {{2, 3}, {4, 3, 2}, {2, 2}}},
      {"ab,bc,cd,de->ae", {{2, 3}, {3, 2}, {2, 4}, {4, 2}}},
      {"ij,jk,kl,lm,mn,no->io", {{2, 3}, {3, 2}, {2, 3}, {3, 2}, {2, 3}, {3, 2}}},
      {"...ij,...jk->...ik", {{2, 1, 2, 3}, {4, 3, 2}}},
      {"...ij,jk", {{2, 2, 3}, {3, 2}}},
      {"...i,i->...", {{2, 3}, {3}}},
      {"i...->...", {{2, 3, 2}}},
      {"i...j->j...i", {{2, 3, 2, 4}}},
      {"...,...->...", {{2, 3}, {3}}},
      {"ij,jk->ik", {{2, 1}, {3, 4}}},
      {"bij,bjk->bik", {{1, 3, 4}, {2, 4, 2}}},
      {"ij,jk->ik", {{0, 3}, {3, 2}}},
      {"ij,jk->ik", {{2, 0}, {0, 3}}},
      {",->", {{}, {}}},
      {",i->i", {{}, {3}}},
  };
  Generator random{32};
  std::vector<Case> cases;
  for (const auto& [text, shapes] : equations) {
    const std::string equation = text;
    std::string name = "einsum " + equation;
    for (const auto& shape : shapes) name += " " + to_string(shape);
    cases.push_back(
        {name, [equation](const Tensors& x) { return Tensors{einsum(equation, std::span<const Tensor>(x))}; },
         drawn(random, shapes), "torch.einsum('" + equation + "', *x)"});
  }
  return cases;
}

std::vector<Case> similarities() {
  Generator random{33};
  const auto in = [&](const std::vector<Shape>& shapes) { return drawn(random, shapes); };
  return {
      {"cdist", F(cdist(x[0], x[1])), in({{3, 2}, {4, 2}}), "torch.cdist(*x)"},
      {"cdist of shapes", F(cdist(x[0], x[1])), in({{2, 1, 3, 2}, {2, 4, 2}}), "torch.cdist(*x)"},
      {"cdist by sums", F(cdist(x[0], x[1], 1)), in({{2, 3, 2}, {4, 2}}), "torch.cdist(*x, 1)"},
      {"cdist by the largest", F(cdist(x[0], x[1], std::numeric_limits<double>::infinity())), in({{3, 3}, {4, 3}}),
       "torch.cdist(*x, float('inf'))"},
      {"cdist of nothing", F(cdist(x[0], x[1])), in({{3, 0}, {4, 0}}), "torch.cdist(*x)"},
  };
}

Tensor numbers(std::initializer_list<std::initializer_list<double>> rows) {
  return tensor(rows, {.dtype = float64});
}

}  // namespace

TEST_CASE("products") { certify_all(products()); }
TEST_CASE("einsum") { certify_all(einsums()); }
TEST_CASE("similarities") { certify_all(similarities()); }

TEST_CASE("products of integers, where elements are multiplied") {
  CHECK(to_string(outer(tensor({1, 2}), tensor({3, 4}))) == to_string(tensor({{3, 4}, {6, 8}})));
  CHECK(to_string(kron(tensor({1, 2}), tensor({1, 10}))) == to_string(tensor({1, 10, 2, 20})));
  CHECK(to_string(cross(tensor({1, 0, 0}), tensor({0, 1, 0}))) == to_string(tensor({0, 0, 1})));
  CHECK(trace(tensor({{1, 2}, {3, 4}})).item() == 5);
}

TEST_CASE("beta = 0 leaves the input out") {
  const Tensor nan = full({2, 2}, std::numeric_limits<double>::quiet_NaN()), x = ones({2, 2});
  CHECK(sum(addmm(nan, x, x, 0)).item() == 8);
}

TEST_CASE("einsum multiplies in the cheapest order") {
  // Any product of i and j would have 10^12 elements.
  const Tensor v = ones({1'000'000});
  CHECK(sum(einsum("i,j,j->i", {v, v, v})).item() == 1e12f);
  CHECK(sum(einsum("j,i,j,j,j,j->i", {v, v, v, v, v, v})).item() == 1e12f);
  CHECK(einsum("i,j,k->", {v, v, v}).item() == doctest::Approx(1e18));
}

TEST_CASE("cdist of many rows, among them equal ones and near ones far from the origin") {
  Generator random{34};
  for (const Dtype dtype : {float64, float32}) {
    const double rounding = dtype == float32 ? 1e-6 : 1e-14;
    const Tensor x = draw(random, {2, 30, 9}).to(dtype) + 100, near = narrow(x, 1, 0, 20);
    const Tensor z = cat({near, near + draw(random, {2, 20, 9}, -1e-3, 1e-3).to(dtype)}, 1);
    // As their formula says, in double, where equal rows count for nothing.
    const Tensor a = x.to(float64).set_requires_grad(), b = z.to(float64).set_requires_grad();
    const Tensor squares = sum(square(unsqueeze(a, 2) - unsqueeze(b, 1)), {3}), equal = eq(squares, 0);
    const Tensor expected = masked_fill(sqrt(masked_fill(squares, equal, 1)), equal, 0);
    const Tensor p = x.detach().set_requires_grad(), q = z.detach().set_requires_grad(), y = cdist(p, q);
    CHECK(largest_of(diagonal(narrow(y, 1, 0, 20), 0, 1, 2)) == 0);
    CHECK(amax(abs(y.to(float64) / expected.detach() - 1).at(expected.detach() > 0)).item() < 20 * rounding);
    const Tensor cotangent = draw(random, {2, 30, 40});
    const auto wanted = grad(expected, {a, b}, {.grad_outputs = {cotangent}}),
               got = grad(y, {p, q}, {.grad_outputs = {cotangent.to(dtype)}});
    for (std::size_t i = 0; i < 2; ++i) CHECK(same(got[i].to(float64), wanted[i], 20 * rounding));
    set_strict(true);
    CHECK(same(cdist(p, q).to(float64), expected, rounding));
    set_strict(false);
    const Tensor odd = p.detach().clone();
    odd.set_at({0, 3, 1}, std::numeric_limits<double>::quiet_NaN());
    const Tensor nan = cdist(odd, z);
    CHECK(sum(ne(nan, nan)).item() == 40);
  }
}

TEST_CASE("cdist and cosine_similarity at zero") {
  Tensor x = numbers({{1, 2}, {3, 4}}).set_requires_grad();
  for (const double p : {0.5, 1.0, 2.0, 3.0, std::numeric_limits<double>::infinity()}) {
    x.zero_grad();
    diagonal(cdist(x, x.detach(), p)).backward(ones({2}, {.dtype = float64}));
    CHECK(largest_of(x.grad()) == 0);
  }
  CHECK(to_string(cdist(numbers({{0, 1, 2}}), numbers({{0, 0, 0}, {3, 1, 4}}), 0)) ==
        to_string(numbers({{2, 2}})));
  CHECK_FALSE(cdist(x, x.detach(), 0).requires_grad());
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isnan(cdist(numbers({{nan, 1}}), numbers({{0, 0}}), std::numeric_limits<double>::infinity()).item()));
  // Two largest differences share the gradient.
  x.zero_grad();
  cdist(x, numbers({{0, 1}}), std::numeric_limits<double>::infinity()).backward(numbers({{1}, {0}}));
  CHECK(to_string(x.grad()) == to_string(numbers({{0.5, 0.5}, {0, 0}})));
  Tensor zero = zeros({1, 3}).set_requires_grad();
  const Tensor y = cosine_similarity(zero, ones({1, 3}));
  CHECK(y.item() == 0);
  y.backward(ones({1}));
  CHECK(largest_of(zero.grad()) == doctest::Approx(1e8 / std::sqrt(3.0)));
}

TEST_CASE("products refuse what makes no sense") {
  const Tensor x = ones({2, 3}), y = ones({3}), z = ones({});
  CHECK_ERROR(dot(x, y), "dot: float32 [2, 3] and float32 [3]; they must be [n] and [n]");
  CHECK_ERROR(mv(x, ones({2})), "mv: float32 [2, 3] and float32 [2]; they must be [n, k] and [k]");
  CHECK_ERROR(mm(x, x), "mm: float32 [2, 3] and float32 [2, 3]; they must be [n, k] and [k, m]");
  CHECK_ERROR(bmm(ones({2, 1, 3}), ones({1, 3, 1})),
              "bmm: float32 [2, 1, 3] and float32 [1, 3, 1]; they must be [b, n, k] and [b, k, m]");
  CHECK_ERROR(addmm(y, x, ones({3, 2})),
              "addmm: shapes [3] and [2, 2] do not broadcast: 3 and 2 differ and neither is 1");
  CHECK_ERROR(addmv(ones({2, 2}), x, y), "addmv: the input [2, 2] does not broadcast to the product, [2]");
  CHECK_ERROR(outer(x, y), "outer: float32 [2, 3] and float32 [3]; they must be [n] and [m]");
  CHECK_ERROR(kron(ones({1, 1, 1, 1, 1}), z),
              "kron: float32 [1, 1, 1, 1, 1] and float32 []; they must have 4 dimensions at most");
  CHECK_ERROR(cross(x, y), "cross: float32 [2, 3] and float32 [3]; both must have the same number of dimensions");
  CHECK_ERROR(cross(x, x, 0), "cross: dimension 0 of float32 [2, 3] and float32 [2, 3]; its size must be 3");
  CHECK_ERROR(trace(y), "trace: the tensor is float32 [3]; it must be a matrix");
  CHECK_ERROR(tensordot(x, y, 2), "tensordot: 2 dimensions of [2, 3] and [3]");
  CHECK_ERROR(tensordot(x, y, {0}, {0}),
              "tensordot: dimension 0 of [2, 3] has another size than dimension 0 of [3]");
  CHECK_ERROR(tensordot(x, x, {1, 1}, {1, 0}), "tensordot: a dimension appears twice in [1, 1] or [1, 0]");
  CHECK_ERROR(tensordot(x, x, {1}, {}), "tensordot: [1] names 1 dimensions, [] names 0");
  CHECK_ERROR(cdist(x, y), "cdist: [2, 3] and [3]; they must be [.., n, d] and [.., m, d]");
  CHECK_ERROR(cdist(x, x, -1), "cdist: p is -1; it must be 0 or more");
}

TEST_CASE("einsum refuses what makes no sense") {
  const Tensor x = ones({2, 3});
  CHECK_ERROR(einsum("ij,jk", {x}),
              "einsum: 1 operands for \"ij,jk\"; it must have as many terms, separated by commas");
  CHECK_ERROR(einsum("i,j", {x, x}), "einsum: operand 0 is [2, 3], but \"i,j\" names 1 dimensions of it");
  CHECK_ERROR(einsum("i1", {x}), "einsum: '1' in \"i1\"; a term has letters, and \"...\" once");
  CHECK_ERROR(einsum("......", {x}), "einsum: '.' in \"......\"; a term has letters, and \"...\" once");
  CHECK_ERROR(einsum("ii", {x}), "einsum: 'i' names sizes 2 and 3 of one operand in \"ii\"");
  CHECK_ERROR(einsum("ij,jk", {x, x}), "einsum: j has the sizes 3 and 2 in \"ij,jk\"");
  CHECK_ERROR(einsum("i...,j...", {x, transpose(x, 0, 1)}), "einsum: ... has the sizes 3 and 2 in \"i...,j...\"");
  CHECK_ERROR(einsum("ij->ik", {x}), "einsum: 'k' of the result is in no operand of \"ij->ik\"");
  CHECK_ERROR(einsum("ij->ii", {x}), "einsum: 'i' is twice in the result of \"ij->ii\"");
  CHECK_ERROR(einsum("ij->i", {tensor({{1, 2}})}),
              "einsum: an operand is int64 [1, 2]; it must be float32 or float64, convert it by to(float32)");
  CHECK_ERROR(einsum("abcde,fghij->abcdefghij", {ones({1, 1, 1, 1, 1}), ones({1, 1, 1, 1, 1})}),
              "einsum: a product of [1, 1, 1, 1, 1] and [1, 1, 1, 1, 1] has 10 dimensions; 8 are possible");
}

TEST_CASE("write samples" * doctest::skip()) { write_samples(together({products(), einsums(), similarities()})); }
