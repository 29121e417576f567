// MultiheadAttention and TransformerEncoderLayer against PyTorch 2.15, with the same weights.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "autograd/autograd.h"
#include "autograd/ops.h"
#include "nn/nn.h"
#include "tests/expect_error.h"

using namespace ebb;

namespace {

std::vector<double> numbers(std::int64_t count, const auto& f) {
  std::vector<double> values;
  for (std::int64_t k = 0; k < count; ++k) values.push_back(f(static_cast<double>(k)));
  return values;
}

// sin(1.3 k + n) for element k.
Tensor input(double n, const Shape& shape) {
  return reshape(tensor(numbers(shape.numel(), [&](double k) { return std::sin(1.3 * k + n); })), Dims(shape))
      .detach()
      .set_requires_grad();
}

// Element k of parameter n becomes 0.4 cos(0.7 k + 3 n).
template <class M>
M filled(M module) {
  to(module, float64);
  double n = 0;
  const NoGrad off;
  for (const auto& p : parameters(module)) {
    p.copy_(reshape(tensor(numbers(p.numel(), [&](double k) { return 0.4 * std::cos(0.7 * k + 3 * n); })),
                    Dims(p.shape())));
    ++n;
  }
  return module;
}

// Σ x_k cos(k + 1): tells a tensor by one number.
Tensor projection(const Tensor& x) {
  const Tensor weights = tensor(numbers(x.numel(), [](double k) { return std::cos(k + 1); }));
  return sum(reshape(x, {-1}) * weights);
}

// The output's projection, then those of its gradients in the inputs and the parameters.
void check(const auto& module, const std::vector<Tensor>& inputs, const Tensor& y, const Shape& shape,
           const std::vector<double>& expected) {
  CHECK(y.shape() == shape);
  const Tensor loss = projection(y);
  loss.backward({.expect = named_parameters(module)});
  std::vector<double> found{loss.item()};
  for (const auto& x : inputs) found.push_back(projection(x.grad()).item());
  for (const auto& p : parameters(module)) found.push_back(projection(p.grad()).item());
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    CHECK_MESSAGE(std::abs(found[i] - expected[i]) < 2e-9 * (1 + std::abs(expected[i])), "number ", i, ": ",
                  found[i], " instead of ", expected[i]);
}

std::vector<std::string> names(const auto& module) {
  std::vector<std::string> result;
  for (const auto& [name, tensor] : state(module)) result.push_back(name);
  return result;
}

const nn::MultiheadAttention kBatchFirst{.embed_dim = 4, .num_heads = 2, .batch_first = true};
const nn::MultiheadAttention kBatchSecond{.embed_dim = 4, .num_heads = 2};
const Tensor kPadding3 = tensor({{false, false, true}, {false, true, false}});

}  // namespace

TEST_CASE("self-attention") {
  const auto m = filled(clone(kBatchFirst));
  const Tensor x = input(1, {2, 3, 4});
  check(m, {x}, m(x), {2, 3, 4},
        {0.309959656, -0.02106280635, -0.0145813487, -0.09460768333, 0.1396087086, 0.7886746418});
}

TEST_CASE("cross-attention") {
  const auto m = filled(clone(kBatchSecond));
  const Tensor q = input(1, {3, 2, 4}), k = input(2, {5, 2, 4}), v = input(3, {5, 2, 4});
  check(m, {q, k, v}, m(q, k, v), {3, 2, 4},
        {0.2940398322, 0.06389765207, -0.01040354218, -0.006888618317, 0.1340637142, -0.1088756418, 0.02506878373,
         0.7886746418});
}

TEST_CASE("masks") {
  const Tensor q = input(1, {3, 2, 4}), k = input(2, {5, 2, 4});
  SUBCASE("of padding and of pairs") {
    const auto m = filled(clone(kBatchSecond));
    const Tensor padding = tensor({{false, false, true, false, false}, {false, true, true, false, true}});
    const Tensor pairs = eq(tensor({{0, 1, 2, 3, 0}, {1, 2, 3, 0, 1}, {2, 3, 0, 1, 2}}), 1);
    check(
        m, {q, k}, m(q, k, k, {.key_padding_mask = padding, .attn_mask = pairs}), {3, 2, 4},
        {0.2720065165, 0.01276619908, -0.0250967718, 0.005440366625, -0.101538253, -0.05875134945, 0.7886746418});
  }
  SUBCASE("added, one for each head") {
    const auto m = filled(clone(kBatchSecond));
    const Tensor added = reshape(tensor(numbers(60, [](double i) { return std::sin(i); })), {4, 3, 5});
    check(m, {q, k}, m(q, k, k, {.attn_mask = added}), {3, 2, 4},
          {0.3261577941, -0.00535502135, -0.02165095319, -0.02143905114, -0.09474249672, 0.2537160043,
           0.7886746418});
  }
  const Tensor x = input(1, {2, 3, 4});
  SUBCASE("causal") {
    const auto m = filled(clone(kBatchFirst));
    check(m, {x}, m(x, {.is_causal = true}), {2, 3, 4},
          {0.3072909679, -0.07489450295, -0.04276961057, -0.07915401532, 0.04763696285, 0.7886746418});
  }
  SUBCASE("causal and of padding") {
    const auto m = filled(clone(kBatchFirst));
    check(m, {x}, m(x, {.key_padding_mask = kPadding3, .is_causal = true}), {2, 3, 4},
          {0.3106503677, -0.02215747351, 0.1128181203, -0.08131174146, -0.0423014332, 0.7886746418});
  }
}

TEST_CASE("attention without batch and bias") {
  const auto m =
      filled(nn::MultiheadAttention{.embed_dim = 4, .num_heads = 2, .with_bias = false, .batch_first = true});
  CHECK(names(m) == std::vector<std::string>{"in_proj_weight", "out_proj.weight"});
  const Tensor x = input(1, {3, 4});
  check(m, {x}, m(x), {3, 4}, {0.003835045837, -0.01289692225, 0.2628944995, -0.02534613379});
}

TEST_CASE("attention as it begins") {
  const nn::MultiheadAttention m{.embed_dim = 64, .num_heads = 4};
  CHECK(names(m) ==
        std::vector<std::string>{"in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"});
  CHECK(m.in_proj_weight.shape() == Shape{192, 64});
  const double bound = std::sqrt(6.0 / 256), largest = amax(abs(m.in_proj_weight)).item();
  CHECK(largest <= bound);
  CHECK(largest > 0.99 * bound);
  CHECK(amax(abs(m.out_proj.weight)).item() <= 0.125);
  CHECK(amax(abs(m.in_proj_bias)).item() == 0);
  CHECK(amax(abs(m.out_proj.bias)).item() == 0);
}

TEST_CASE("attention refuses") {
  CHECK_ERROR((nn::MultiheadAttention{.embed_dim = 5, .num_heads = 2}),
              "MultiheadAttention: embed_dim is 5 and num_heads 2; heads must share embed_dim evenly");
  CHECK_ERROR((nn::MultiheadAttention{.embed_dim = 4, .num_heads = 0}),
              "MultiheadAttention: num_heads is 0; it must be positive");
  const auto& m = kBatchFirst;
  CHECK_ERROR(
      m(ones({2, 3, 5})),
      "MultiheadAttention: query, key and value are [2, 3, 5], [2, 3, 5] and [2, 3, 5]; give [n, rows, 4] each");
  CHECK_ERROR(m(ones({2, 3, 4}), {.key_padding_mask = ones({3, 2})}),
              "MultiheadAttention: key_padding_mask is [3, 2]; it must be [2, 3]");
  CHECK_ERROR(m(ones({2, 3, 4}), {.attn_mask = ones({3, 2})}),
              "MultiheadAttention: attn_mask is [3, 2]; it must be [3, 3] or [4, 3, 3]");
}

TEST_CASE("TransformerEncoderLayer") {
  const auto m = filled(nn::TransformerEncoderLayer{
      .d_model = 4, .nhead = 2, .dim_feedforward = 6, .dropout = 0, .batch_first = true});
  CHECK(names(m) == std::vector<std::string>{"self_attn.in_proj_weight", "self_attn.in_proj_bias",
                                             "self_attn.out_proj.weight", "self_attn.out_proj.bias",
                                             "linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias",
                                             "norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"});
  const Tensor x = input(1, {2, 3, 4});
  check(m, {x}, m(x), {2, 3, 4},
        {0.7115904742, 1.711172524, -0.2036148507, -0.7135236666, 1.009251616, 0.02172795772, -1.271967559,
         -1.64525411, -0.2232666721, 0.5678171164, -1.2861003, 0.2742412993, -0.4922205025, 0.7886746418});
}

TEST_CASE("TransformerEncoderLayer with GELU, norm first, padding") {
  const auto m = filled(nn::TransformerEncoderLayer{.d_model = 4,
                                                    .nhead = 2,
                                                    .dim_feedforward = 6,
                                                    .dropout = 0,
                                                    .activation = nn::Activation::gelu,
                                                    .layer_norm_eps = 1e-3,
                                                    .norm_first = true});
  const Tensor x = input(1, {3, 2, 4});
  check(
      m, {x}, m(x, {.src_key_padding_mask = kPadding3}), {3, 2, 4},
      {0.9732248986, 11.58133235, -0.004720049703, -0.117538686, 0.1017620657, 0.8274354193, -0.02231309821,
       -0.2284371173, -0.12845551, 0.7886746418, 0.01241288931, -0.0006621708109, -0.06815254716, 0.01830411244});
}

TEST_CASE("train() and eval() switch every dropout of a layer") {
  nn::TransformerEncoderLayer m{.d_model = 8, .nhead = 2, .dim_feedforward = 16, .dropout = 0.5};
  const Tensor x = randn({5, 2, 8});
  const auto before = default_generator().position;
  const Tensor trained = m(x);
  // Attention's rows of 5 take 8 numbers each; the other three take one for each element.
  CHECK(default_generator().position - before == 2 * 2 * 5 * 8 + 80 + 160 + 80);
  eval(m);
  const Tensor y = m(x);
  CHECK(default_generator().position - before == 2 * 2 * 5 * 8 + 80 + 160 + 80);
  CHECK(m(x).to_vector<float>() == y.to_vector<float>());
  CHECK(trained.to_vector<float>() != y.to_vector<float>());
}
