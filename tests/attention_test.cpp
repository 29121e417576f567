// Attention: blocks, dropout, masks, memory, refusals. tests/ops_test.cpp and composites_nn_test.cpp certify it at small
// sizes and against PyTorch.
#include "autograd/ops/attention.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tests/arrays.h"
#include "tests/certify.h"
#include "tests/expect_error.h"

using namespace ebb;
using namespace ebb::test;
using ops::draw;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The operation alone, beside its definition in primitive operations.
Case case_of(const std::string& name, const kernels::AttentionTerms& terms, const Tensors& inputs) {
  const ops::Attention op{terms};
  Case c{.name = name, .f = [op](const Tensors& x) { return run_op(op, x); }, .inputs = inputs, .torch = ""};
  c.differentiable_outputs = 1;
  c.reference = [op](const Tensors& x) {
    const auto y = op.reference(x[0], x[1], x[2], x[3]);
    return Tensors(y.begin(), y.end());
  };
  return c;
}

void check_against_reference(const Case& c) {
  INFO(c.name);
  const TensorFunction reference = [&](const Tensors& x) {
    auto y = (*c.reference)(x);
    y[1] = y[1].detach();  // the operation does not differentiate it
    return y;
  };
  const Result expected = evaluate(reference, c, c.inputs);
  on_every_target([&] {
    const Result got = evaluate(c, c.inputs);
    check_same(got.outputs, expected.outputs, 1e-12, "output");
    check_same(got.gradients, expected.gradients, 1e-11, "gradient");
  });
  check_threads(c, c.inputs);
  check_float32(c);
}

Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options) {
  return scaled_dot_product_attention(q, k, v, options);
}

}  // namespace

TEST_CASE("several blocks of rows, several pieces of a head") {
  Generator random{1};
  const auto in = [&](const Shape& shape) { return draw(random, shape, -1, 1); };
  const Tensor q = in({1, 150, 2, 5}), k = in({1, 170, 2, 5}), v = in({1, 170, 2, 3});
  const Tensor some = gt(in({1, 2, 150, 170}), -0.5);
  check_against_reference(case_of("plain", {.scale = 0.7}, {q, k, v, Tensor()}));
  check_against_reference(case_of("causal", {.scale = 0.7, .causal = true}, {q, k, v, Tensor()}));
  check_against_reference(case_of("added mask", {.scale = 0.7}, {q, k, v, in({1, 2, 150, 170})}));
  check_against_reference(case_of("bool mask", {.scale = 0.7}, {q, k, v, some}));
  check_against_reference(case_of("padding", {}, {q, k, v, expand(narrow(some, 2, 0, 1), {1, 2, 150, 170})}));
  check_against_reference(case_of("dropout", {.p = 0.2, .seed = 3, .position = 8}, {q, k, v, some}));
}

TEST_CASE("many heads, each of one piece of several blocks") {
  Generator random{2};
  const auto in = [&](std::int64_t rows, std::int64_t width) { return draw(random, {2, rows, 9, width}, -1, 1); };
  const Tensor q = in(70, 3), k = in(66, 3), v = in(66, 2);
  check_against_reference(case_of("plain", {}, {q, k, v, Tensor()}));
  check_against_reference(case_of("causal, dropout", {.causal = true, .p = 0.5, .seed = 1}, {q, k, v, Tensor()}));
}

TEST_CASE("dropout") {
  Generator random{3};
  const auto in = [&] { return draw(random, {2, 3, 2, 2}); };
  const Tensor mask = draw(random, {2, 2, 3, 3});
  certify(case_of("dropout", {.scale = 0.8, .p = 0.4, .seed = 5, .position = 12}, {in(), in(), in(), mask}));

  const Tensor q = randn({2, 4, 10, 8}, {.generator = &random});
  Generator a{7}, b{7};
  const Tensor once = attend(q, q, q, {.dropout_p = 0.5, .generator = &a});
  CHECK(a.position == 2 * 4 * 10 * 12);  // rows of 10 take 12 numbers
  CHECK(same(attend(q, q, q, {.dropout_p = 0.5, .generator = &b}), once, 0));
  CHECK_FALSE(same(attend(q, q, q, {.dropout_p = 0.5, .generator = &b}), once, 0));
  CHECK(same(attend(q, q, q, {.dropout_p = 1}), zeros_like(q), 1e-30));

  // Equal scores, values of 1: the mean over many rows stays 1.
  const Tensor even = zeros({64, 1, 64, 4}), one = ones({64, 1, 64, 4});
  CHECK(mean(attend(even, even, one, {.dropout_p = 0.25, .generator = &a})).item() ==
        doctest::Approx(1).epsilon(0.01));
}

TEST_CASE("bug class 11: a row in which no key takes part is 0, and so are its gradients") {
  const Tensor x = ones({3, 2}).set_requires_grad();
  const Tensor mask = tensor({{true, false, true}, {false, false, false}, {true, true, true}});
  const Tensor added = where(mask, zeros({}), full({}, -kInfinity)).detach().set_requires_grad();
  for (const Tensor& m : {mask, added}) {
    const Tensor y = attend(x, x * 1, x * 1, {.attn_mask = m});
    CHECK(same(y, tensor({{1.0, 1.0}, {0.0, 0.0}, {1.0, 1.0}}), 1e-7));
    const Tensor g = grad(sum(y), x);
    for (const double value : g.to_vector<double>()) CHECK(std::isfinite(value));
  }
  CHECK(same(grad(sum(attend(x, x, x, {.attn_mask = added})), added), zeros({3, 3}), 1e-7));
  CHECK(same(attend(ones({2, 3}), zeros({0, 3}), zeros({0, 4}), {}), zeros({2, 4}), 0));
}

TEST_CASE("a NaN is not taken for a key that takes no part") {
  const Tensor q = full({1, 1}, std::nan("")), one = ones({1, 1}), two = ones({2, 1});
  CHECK(std::isnan(attend(q, one, one, {}).item()));
  CHECK(std::isnan(attend(q, two, two, {.attn_mask = tensor({0.0, -kInfinity})}).item()));
}

TEST_CASE("the scores are never in memory as a whole") {
  const Tensor q = randn({1, 2, 2048, 16}).set_requires_grad();
  memory::reset_peak();
  const auto before = memory::stats().peak_bytes;
  sum(attend(q, q, q, {.dropout_p = 0.1})).backward();
  constexpr std::int64_t kScores = std::int64_t{2} * 2048 * 2048 * 4;
  CHECK(memory::stats().peak_bytes - before < kScores / 3);
}

TEST_CASE("heads may lie inside rows") {
  Generator random{4};
  const auto in = [&] { return transpose(draw(random, {2, 5, 3, 4}), 1, 2); };
  const Tensor q = in(), k = in(), v = in(), y = attend(q, k, v, {});
  CHECK(same(y, attend(q.contiguous(), k.contiguous(), v.contiguous(), {}), 1e-14));
  CHECK(transpose(y, 1, 2).is_contiguous());
}

TEST_CASE("refusals") {
  const Tensor x = ones({2, 3});
  CHECK_ERROR(attend(ones({3}), x, x, {}),
              "scaled_dot_product_attention: the query is float32 [3]; it must be [.., rows, width]");
  CHECK_ERROR(
      attend(ones({2, 4}), x, x, {}),
      "scaled_dot_product_attention: the last sizes of query and key differ, 4 and 3 (query [2, 4], key [2, 3])");
  CHECK_ERROR(
      attend(x, x, ones({4, 3}), {}),
      "scaled_dot_product_attention: key and value have 2 and 4 rows; each key needs one value (key [2, 3], "
      "value [4, 3])");
  CHECK_ERROR(attend(x, x, x, {.dropout_p = 1.5}),
              "scaled_dot_product_attention: dropout_p is 1.5; it must be from 0 to 1");
  CHECK_ERROR(
      attend(x, x, x, {.attn_mask = ones({2, 2}), .is_causal = true}),
      "scaled_dot_product_attention: is_causal and attn_mask are both given; put the causal mask into attn_mask");
  CHECK_ERROR(
      attend(x, x, x, {.attn_mask = tensor({1, 0})}),
      "scaled_dot_product_attention: attn_mask is int64 [2]; it must be bool or float32, convert it by to()");
  CHECK_ERROR(attend(x, x, x, {.attn_mask = ones({3, 2, 2})}),
              "scaled_dot_product_attention: attn_mask [3, 2, 2] does not broadcast to the scores [2, 2]");
  CHECK_ERROR(attend(x, x.to(float64), x, {}),
              "scaled_dot_product_attention: dtypes differ, float32 [2, 3] and float64 [2, 3]; convert one by "
              "to(float32)");
}
