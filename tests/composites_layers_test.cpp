// Certifies the functions of layers: normalisation of groups, pairs of vectors, bags of rows, grouped attention,
// projected states.
#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/composites.h"
#include "tests/expect_error.h"

using namespace ebb;
using namespace ebb::test;
using ops::draw;
using ops::draw_distinct;

namespace {

std::vector<Case> norms() {
  Generator random{31};
  const auto in = [&](const Shape& shape) { return draw(random, shape); };
  const auto variance = [&] { return draw(random, {3}, 0.5, 2); };
  const TensorFunction running = [](const Tensors& x) {
    const Tensor m = x[3].detach().clone(), v = x[4].detach().clone();
    return Tensors{instance_norm(x[0], m, v, x[1], x[2], true, 0.3), m, v};
  };
  return {
      {"rms_norm",
       F(rms_norm(x[0], {4}, x[1])),
       {in({2, 3, 4}), in({4})},
       "torch.nn.functional.rms_norm(x[0], (4,), x[1])"},
      {"rms_norm over two, plain",
       F(rms_norm(x[0], {3, 2}, {}, 0.1)),
       {in({2, 3, 2})},
       "torch.nn.functional.rms_norm(x[0], (3, 2), None, 0.1)"},
      {"rms_norm of none",
       F(rms_norm(x[0], {4}, x[1])),
       {in({0, 4}), in({4})},
       "torch.nn.functional.rms_norm(x[0], (4,), x[1])"},
      {"instance_norm, plain", F(instance_norm(x[0])), {in({2, 3, 4})}, "torch.nn.functional.instance_norm(x[0])"},
      {"instance_norm, running",
       running,
       {in({2, 3, 2, 2}), in({3}), in({3}), in({3}), variance()},
       "(lambda m, v: (torch.nn.functional.instance_norm(x[0], m, v, x[1], x[2], True, 0.3), m, v))"
       "(x[3].detach().clone(), x[4].detach().clone())",
       7,
       1},
      {"instance_norm by running statistics",
       F(instance_norm(x[0], x[1], x[2], x[3], {}, false, 0.1, 1e-3)),
       {in({2, 3, 4}), in({3}), variance(), in({3})},
       "torch.nn.functional.instance_norm(x[0], x[1], x[2], x[3], None, False, 0.1, 1e-3)",
       9},
      {"group_norm",
       F(group_norm(x[0], 2, x[1], x[2])),
       {in({2, 4, 3}), in({4}), in({4})},
       "torch.nn.functional.group_norm(x[0], 2, x[1], x[2])"},
      {"group_norm of rows, with bias alone",
       F(group_norm(x[0], 1, {}, x[1], 1e-3)),
       {in({3, 4}), in({4})},
       "torch.nn.functional.group_norm(x[0], 1, None, x[1], 1e-3)"},
      {"group_norm with weight alone",
       F(group_norm(x[0], 3, x[1])),
       {in({1, 3, 2, 2}), in({3})},
       "torch.nn.functional.group_norm(x[0], 3, x[1])"},
      {"local_response_norm",
       F(local_response_norm(x[0], 3, 0.7, 0.75, 2)),
       {in({2, 5, 3})},
       "torch.nn.functional.local_response_norm(x[0], 3, 0.7, 0.75, 2.0)"},
      {"local_response_norm of an even size",
       F(local_response_norm(x[0], 4, 0.5)),
       {in({1, 3, 2, 2})},
       "torch.nn.functional.local_response_norm(x[0], 4, 0.5)"},
  };
}

std::vector<Case> pairs() {
  Generator random{32};
  const auto in = [&](const Shape& shape) { return draw(random, shape); };
  return {
      {"cosine_similarity of rows",
       F(cosine_similarity(x[0], x[1])),
       {in({3, 4}), in({3, 4})},
       "torch.nn.functional.cosine_similarity(x[0], x[1])"},
      {"cosine_similarity of what broadcasts",
       F(cosine_similarity(x[0], x[1], -1)),
       {in({3, 1, 4}), in({2, 4})},
       "torch.nn.functional.cosine_similarity(x[0], x[1], -1)"},
      {.name = "cosine_similarity below eps, and at 0",
       .f = F(cosine_similarity(x[0], x[1], 1, 10)),
       .inputs = {reshape(tensor({1., 2., 0., 0.}, {.dtype = float64}), {2, 2}), in({2, 2})},
       .torch = "torch.nn.functional.cosine_similarity(x[0], x[1], 1, 10.0)",
       .smooth = false},
      {"pairwise_distance",
       F(pairwise_distance(x[0], x[1])),
       {in({3, 4}), in({3, 4})},
       "torch.nn.functional.pairwise_distance(x[0], x[1])"},
      {"pairwise_distance, p 3",
       F(pairwise_distance(x[0], x[1], 3, 0.1, true)),
       {in({2, 3}), in({3})},
       "torch.nn.functional.pairwise_distance(x[0], x[1], 3.0, 0.1, True)"},
      {"pairwise_distance, p inf",
       F(pairwise_distance(x[0], x[1], ops::kInfinity)),
       {in({4}), in({4})},
       "torch.nn.functional.pairwise_distance(x[0], x[1], float('inf'))"},
      {"bilinear",
       F(bilinear(x[0], x[1], x[2], x[3])),
       {in({2, 2, 3}), in({2, 2, 4}), in({2, 3, 4}), in({2})},
       "torch.nn.functional.bilinear(*x)"},
      {"bilinear of vectors, without bias",
       F(bilinear(x[0], x[1], x[2])),
       {in({3}), in({2}), in({4, 3, 2})},
       "torch.nn.functional.bilinear(*x)"},
      {"bilinear of none",
       F(bilinear(x[0], x[1], x[2])),
       {in({0, 3}), in({0, 2}), in({4, 3, 2})},
       "torch.nn.functional.bilinear(*x)"},
      {"softmin", F(softmin(x[0], 1)), {in({2, 3})}, "torch.nn.functional.softmin(x[0], 1)"},
      {"rrelu, evaluation", F(rrelu(x[0])), {draw_distinct(random, {3, 4})}, "torch.nn.functional.rrelu(x[0])"},
  };
}

// Offsets are no inputs: in another order they would be none.
std::vector<Case> bags() {
  Generator random{33};
  const Tensor index = tensor({1, 4, 0, 1, 2, 3, 4}), rows = tensor({{1, 4, 0}, {2, 2, 3}}),
               none = zeros({0}, {.dtype = int64});
  std::vector<Case> cases;
  const auto add = [&](const std::string& name, const Tensor& indices, const std::vector<std::int64_t>& offsets,
                       const EmbeddingBagOptions& options, const std::string& more, bool weighted = false) {
    const Tensor begin = indices.dim() == 1 ? tensor(offsets) : Tensor();
    std::string list;
    for (const auto offset : offsets) list += std::to_string(offset) + ", ";
    Case c{"embedding_bag, " + name,
           [=](const Tensors& x) {
             EmbeddingBagOptions present = options;
             if (weighted) present.per_sample_weights = x[2];
             return Tensors{embedding_bag(x[0], x[1], begin, present)};
           },
           {indices, draw_distinct(random, {5, 3})},
           "torch.nn.functional.embedding_bag(x[0], x[1]" +
               (begin.defined() ? ", torch.tensor([" + list + "], dtype=torch.int64)" : "") + more +
               (weighted ? ", per_sample_weights=x[2])" : ")")};
    if (weighted) c.inputs.push_back(draw(random, indices.shape()));
    cases.push_back(c);
  };
  add("rows", rows, {}, {}, "");
  add("weighted", index, {0, 3, 3, 5}, {.mode = BagMode::sum}, ", mode='sum'", true);
  add("padded from the end, weighted", rows, {}, {.mode = BagMode::sum, .padding_idx = -1},
      ", mode='sum', padding_idx=-1", true);
  add("empty bags", none, {0, 0}, {.mode = BagMode::max}, ", mode='max'");
  const std::pair<std::string, BagMode> modes[] = {
      {"sum", BagMode::sum}, {"mean", BagMode::mean}, {"max", BagMode::max}};
  for (const auto& [mode, m] : modes) {
    add(mode, index, {0, 3, 3, 5}, {.mode = m, .padding_idx = 4}, ", mode='" + mode + "', padding_idx=4");
    add("last offset, " + mode, index, {0, 3, 3, 5, 7}, {.mode = m, .include_last_offset = true},
        ", mode='" + mode + "', include_last_offset=True");
  }
  return cases;
}

std::vector<Case> attentions() {
  Generator random{34};
  const auto in = [&](const Shape& shape) { return draw(random, shape); };
  const std::string f = "torch.nn.functional.scaled_dot_product_attention(x[0], x[1], x[2]";
  return {
      {"attention in groups",
       F(scaled_dot_product_attention(x[0], x[1], x[2], {.enable_gqa = true})),
       {in({2, 4, 2, 3}), in({2, 2, 3, 3}), in({2, 2, 3, 2})},
       f + ", enable_gqa=True)"},
      {"attention in groups, causal, without batch",
       F(scaled_dot_product_attention(x[0], x[1], x[2], {.is_causal = true, .enable_gqa = true})),
       {in({4, 3, 2}), in({1, 3, 2}), in({1, 3, 2})},
       f + ", is_causal=True, enable_gqa=True)"},
      {"attention in groups, a mask for each head",
       F(scaled_dot_product_attention(x[0], x[1], x[2], {.attn_mask = x[3], .enable_gqa = true})),
       {in({2, 4, 2, 2}), in({2, 2, 3, 2}), in({2, 2, 3, 2}), in({2, 4, 2, 3})},
       f + ", x[3], enable_gqa=True)"},
      {"attention in groups, a mask for all heads",
       F(scaled_dot_product_attention(x[0], x[1], x[2], {.attn_mask = x[3], .enable_gqa = true})),
       {in({2, 4, 2, 2}), in({2, 2, 3, 2}), in({2, 2, 3, 2}), in({2, 1, 2, 3})},
       f + ", x[3], enable_gqa=True)"},
      {"attention in groups, a mask for all",
       F(scaled_dot_product_attention(x[0], x[1], x[2], {.attn_mask = x[3], .enable_gqa = true})),
       {in({2, 4, 2, 2}), in({2, 2, 3, 2}), in({2, 2, 3, 2}), in({2, 3})},
       f + ", x[3], enable_gqa=True)"},
  };
}

std::vector<Case> projections() {
  Generator random{35};
  const auto in = [&](const Shape& shape) { return draw(random, shape, -1, 1); };
  const auto inputs = [&](std::int64_t t) {
    return Tensors{in({t, 2, 3}), in({2, 2}), in({2, 4}), in({16, 3}),
                   in({16, 2}),   in({16}),   in({16}),   in({2, 4})};
  };
  const std::string f =
      "(lambda y, h, c: (y, h[0], c[0]))(*torch.lstm(x[0], (x[1][None], x[2][None]), x[3:], True, 1, "
      "0.0, False, False, False))";
  const std::string reversed =
      "(lambda y, h, c: (y.flip(0), h[0], c[0]))(*torch.lstm(x[0].flip(0), (x[1][None], x[2][None]), "
      "x[3:], True, 1, 0.0, False, False, False))";
#define LSTM(reverse)                                                                       \
  [](const Tensors& x) {                                                                    \
    const auto [y, h, c] = lstm(x[0], x[1], x[2], {x[3], x[4], x[5], x[6], x[7]}, reverse); \
    return Tensors{y, h, c};                                                                \
  }
  return {{"lstm with projections", LSTM(false), inputs(3), f},
          {"lstm with projections, reverse", LSTM(true), inputs(3), reversed},
          {"lstm with projections, one step", LSTM(false), inputs(1), f}};
#undef LSTM
}

std::vector<Case> hinges() {
  Generator random{36};
  const Tensor sign = tensor({{1., -1.}, {-1., 1.}, {1., 1.}}, {.dtype = float64});
  const std::string f = "(1 - x[1] * x[0]).clamp(min=0)";
  const auto in = [&] { return draw(random, {3, 2}); };
  return {{"hinge_loss", F(hinge_loss(x[0], x[1])), {in(), sign}, f + ".mean()", 1},
          {"hinge_loss, sum", F(hinge_loss(x[0], x[1], Reduction::sum)), {in(), sign}, f + ".sum()", 1},
          {"hinge_loss, none", F(hinge_loss(x[0], x[1], Reduction::none)), {in(), sign}, f, 1}};
}

}  // namespace

TEST_CASE("normalisation of groups") { certify_all(norms()); }
TEST_CASE("pairs of vectors") { certify_all(pairs()); }
TEST_CASE("bags") { certify_all(bags()); }
TEST_CASE("attention in groups") { certify_all(attentions()); }
TEST_CASE("projected states") { certify_all(projections()); }
TEST_CASE("hinge_loss") {
  certify_all(hinges());
  const Tensor at = ones({}).set_requires_grad(), loss = hinge_loss(at, ones({}));
  loss.backward();
  CHECK(at.grad().item() == 0);
}

TEST_CASE("norms refuse") {
  const Tensor x = zeros({2, 4, 3});
  CHECK_ERROR(rms_norm(x, {4}), "rms_norm: the input [2, 4, 3] does not end in the normalized shape [4]");
  CHECK_ERROR(rms_norm(x, {3}, zeros({4})), "rms_norm: the weight is [4]; it must be [3]");
  CHECK_ERROR(rms_norm(x.to(int64), {3}),
              "rms_norm: the input is int64 [2, 4, 3]; it must be float32 or float64, convert it by to(float32)");
  CHECK_ERROR(instance_norm(zeros({2, 4})),
              "instance_norm: the input is float32 [2, 4]; it must be [n, c, ..], of 3 dimensions or more");
  CHECK_ERROR(instance_norm(zeros({2, 4, 1})),
              "instance_norm: one value per channel (input [2, 4, 1]) has no variance; give larger examples");
  CHECK_ERROR(instance_norm(x, {}, {}, {}, {}, false),
              "instance_norm: running_mean and running_var are needed unless use_input_stats");
  CHECK_ERROR(instance_norm(x, {}, {}, zeros({3})), "instance_norm: the weight is [3]; it must be [4]");
  CHECK_ERROR(group_norm(zeros({3}), 1), "group_norm: the input is float32 [3]; it must be [n, c, ..]");
  CHECK_ERROR(
      group_norm(x, 3),
      "group_norm: num_groups is 3, which does not divide the channels of [2, 4, 3]; choose a divisor of 4");
  CHECK_ERROR(
      group_norm(x, 0),
      "group_norm: num_groups is 0, which does not divide the channels of [2, 4, 3]; choose a divisor of 4");
  CHECK_ERROR(local_response_norm(zeros({2, 4}), 3),
              "local_response_norm: the input is float32 [2, 4]; it must be [n, c, ..], of 3 dimensions or more");
  CHECK_ERROR(local_response_norm(x, 0), "local_response_norm: size is 0; it must be positive");
  CHECK_THROWS_AS((void)local_response_norm(x, std::numeric_limits<std::int64_t>::max()), Error);
  for (const Shape& shape : {Shape{0, 4, 3}, Shape{2, 4, 0}}) {
    CHECK(instance_norm(zeros(shape)).shape() == shape);
    CHECK(group_norm(zeros(shape), 2).shape() == shape);
    CHECK(local_response_norm(zeros(shape), 2).shape() == shape);
  }
}

TEST_CASE("pairs refuse") {
  const Tensor x = zeros({2, 3});
  CHECK_ERROR(cosine_similarity(x, zeros({2, 4})),
              "cosine_similarity: shapes [2, 3] and [2, 4] do not broadcast: 3 and 4 differ and neither is 1");
  CHECK_ERROR(cosine_similarity(x, x, 2), "cosine_similarity: dimension 2 of a tensor of 2 dimensions");
  CHECK_ERROR(pairwise_distance(x, zeros({})),
              "pairwise_distance: the inputs are [2, 3] and []; give them a dimension at least");
  CHECK_ERROR(bilinear(x, zeros({2, 4}), zeros({5, 4, 3})),
              "bilinear: inputs [2, 3] and [2, 4], weight [5, 4, 3]; they must be [.., in1], [.., in2] and [out, "
              "in1, in2]");
  CHECK_ERROR(bilinear(x, x, zeros({5, 3, 3}), zeros({4})), "bilinear: the bias is [4]; it must be [5]");
}

TEST_CASE("embedding_bag refuses") {
  const Tensor table = zeros({5, 3}), index = tensor({0, 1, 2}), rows = tensor({{0, 1}});
  CHECK_ERROR(embedding_bag(zeros({2}), table, tensor({0})),
              "embedding_bag: the index is float32 [2]; it must be int64, convert it by to(int64)");
  CHECK_ERROR(embedding_bag(index, zeros({5}), tensor({0})),
              "embedding_bag: the weight is float32 [5]; it must be [n, d]");
  CHECK_ERROR(embedding_bag(index, table), "embedding_bag: an index [n] needs offsets: where each bag begins");
  CHECK_ERROR(embedding_bag(rows, table, tensor({0})),
              "embedding_bag: offsets are given, but the rows of the index [1, 2] are the bags");
  CHECK_ERROR(embedding_bag(unsqueeze(rows, 0), table),
              "embedding_bag: the index is int64 [1, 1, 2]; it must be [n] or [bags, n]");
  CHECK_ERROR(embedding_bag(index, table, zeros({1})),
              "embedding_bag: the offsets are float32 [1]; they must be int64, one for each bag");
  CHECK_ERROR(
      embedding_bag(index, table, zeros({0}, {.dtype = int64}), {.include_last_offset = true}),
      "embedding_bag: the offsets are int64 [0]; they must be int64, one for each bag and one for the end");
  CHECK_ERROR(embedding_bag(index, table, tensor({1, 2})),
              "embedding_bag: offset 0 is 1; offsets begin with 0, do not fall and end at most at 3");
  CHECK_ERROR(embedding_bag(index, table, tensor({0, 2, 1})),
              "embedding_bag: offset 2 is 1; offsets begin with 0, do not fall and end at most at 3");
  CHECK_ERROR(embedding_bag(index, table, tensor({0, 4})),
              "embedding_bag: offset 1 is 4; offsets begin with 0, do not fall and end at most at 3");
  CHECK_ERROR(embedding_bag(rows, table, {}, {.per_sample_weights = zeros({1, 2})}),
              "embedding_bag: per_sample_weights are for the mode sum");
  CHECK_ERROR(embedding_bag(rows, table, {}, {.mode = BagMode::sum, .per_sample_weights = zeros({2})}),
              "embedding_bag: the per_sample_weights is [2]; it must be [1, 2]");
  CHECK_ERROR(embedding_bag(rows, table, {}, {.padding_idx = 5}),
              "embedding_bag: padding_idx is 5; the weight has 5 rows");
  CHECK_ERROR(embedding(rows, table, -6), "embedding: padding_idx is -6; the weight has 5 rows");
  CHECK(embedding_bag(zeros({0}, {.dtype = int64}), table, zeros({0}, {.dtype = int64})).shape() == Shape{0, 3});
  CHECK_ERROR(embedding_bag(tensor({{0, 5}}), table),
              "index_select: index 5 is out of bounds for dimension 0 of size 5");
}

TEST_CASE("attention in groups and projected states refuse") {
  const Tensor q = zeros({3, 2, 4}), k = zeros({2, 2, 4});
  CHECK_ERROR(scaled_dot_product_attention(q, k, k, {.enable_gqa = true}),
              "scaled_dot_product_attention: enable_gqa with query [3, 2, 4], key [2, 2, 4] and value [2, 2, 4]; "
              "they must "
              "be [.., heads, rows, width], and the query must have a multiple of the heads of both others");
  const Tensor x = zeros({5, 2, 3}), h = zeros({2, 2}), c = zeros({2, 4}), w_ih = zeros({16, 3}),
               w_hh = zeros({16, 2});
  CHECK_ERROR(lstm(x, c, c, {w_ih, w_hh, {}, {}, zeros({2, 4})}),
              "lstm: the first h is [2, 4]; it must be [2, 2]");
  CHECK_ERROR(lstm(x, h, h, {w_ih, w_hh, {}, {}, zeros({2, 4})}),
              "lstm: the first c is [2, 2]; it must be [2, 4]");
  CHECK_ERROR(lstm(x, h, c, {w_ih, zeros({16, 4}), {}, {}, zeros({2, 4})}),
              "lstm: the weight_hh is [16, 4]; it must be [16, 2]");
  CHECK_ERROR(lstm(x, h, c, {w_ih, w_hh, {}, {}, zeros({2})}), "lstm: the weight_hr is [2]; it must be [p, h]");
  CHECK_ERROR(gru(x, c, {zeros({12, 3}), zeros({12, 4}), {}, {}, zeros({2, 4})}),
              "gru: weight_hr is given; only lstm has projections");
}

TEST_CASE("write samples" * doctest::skip()) {
  write_samples(together({norms(), pairs(), bags(), attentions(), projections(), hinges()}));
}
