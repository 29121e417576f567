// Certifies public functions that are more than one operation: arithmetic that broadcasts, reductions, shapes, indices.
#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/composites.h"

using namespace ebb;
using namespace ebb::test;
using ops::draw;
using ops::draw_distinct;
using ops::draw_index;

namespace {

std::vector<Case> broadcasting() {
  struct Named {
    std::string name;
    Tensor (*f)(const Tensor&, const Tensor&);
    std::string torch;
  };
  const Named functions[] = {{"add", add, "x[0] + x[1]"},
                             {"sub", sub, "x[0] - x[1]"},
                             {"mul", mul, "x[0] * x[1]"},
                             {"div", div, "x[0] / x[1]"},
                             {"pow", pow, "torch.pow(x[0], x[1])"},
                             {"maximum", maximum, "torch.maximum(x[0], x[1])"},
                             {"minimum", minimum, "torch.minimum(x[0], x[1])"}};
  const std::pair<Shape, Shape> shapes[] = {{{3, 4}, {4}}, {{4}, {3, 4}},       {{3, 1}, {1, 4}},
                                            {{}, {2, 3}},  {{2, 1, 3}, {4, 1}}, {{0, 3}, {1, 1}}};
  Generator random{1};
  std::vector<Case> cases;
  for (const auto& [name, f, torch] : functions)
    for (const auto& [a, b] : shapes)
      cases.push_back({name + " " + to_string(a) + " " + to_string(b),
                       [function = f](const Tensors& x) { return function(x[0], x[1]); },
                       {draw(random, a, 0.5, 2), draw(random, b, 0.5, 2)},
                       torch});
  return cases;
}

std::vector<Case> arithmetic() {
  Generator random{2};
  const auto positive = [&] { return draw(random, {2, 3}, 0.5, 2); };
  const Tensor mask = gt(draw(random, {3, 1}), 0);
  return {
      {"x + 2", F(x[0] + 2), {positive()}, "x[0] + 2"},
      {"2 + x", F(2 + x[0]), {positive()}, "2 + x[0]"},
      {"x - 2", F(x[0] - 2), {positive()}, "x[0] - 2"},
      {"2 - x", F(2 - x[0]), {positive()}, "2 - x[0]"},
      {"x * 3", F(x[0] * 3), {positive()}, "x[0] * 3"},
      {"3 * x", F(3 * x[0]), {positive()}, "3 * x[0]"},
      {"x / 3", F(x[0] / 3), {positive()}, "x[0] / 3"},
      {"3 / x", F(3 / x[0]), {positive()}, "3 / x[0]"},
      {"-x", F(-x[0]), {positive()}, "-x[0]"},
      {"pow(x, -1.5)", F(pow(x[0], -1.5)), {positive()}, "x[0] ** -1.5"},
      {"x x", F(x[0] * x[0]), {positive()}, "x[0] * x[0]"},
      {"x / x", F(x[0] / x[0]), {positive()}, "x[0] / x[0]"},
      {"x^x", F(pow(x[0], x[0])), {positive()}, "x[0] ** x[0]"},
      {"a chain",
       F(exp(sin(x[0]) * x[1]) / (1 + square(x[0]))),
       {positive(), positive()},
       "torch.exp(torch.sin(x[0]) * x[1]) / (1 + x[0] ** 2)"},
      {"x < 1", F(x[0] < 1), {positive()}, "x[0] < 1"},
      {"where of shapes",
       F(where(x[0], x[1], x[2])),
       {mask, draw(random, {4}), draw(random, {})},
       "torch.where(x[0], x[1], x[2])"},
      {"clamp", F(clamp(x[0], -0.43, 0.37)), {draw_distinct(random, {3, 4})}, "torch.clamp(x[0], -0.43, 0.37)"},
      {"dropout in evaluation", F(dropout(x[0], 0.5, false)), {positive()}, "x[0] * 1"},
      {"dropout of everything", F(dropout(x[0], 1)), {positive()}, "x[0] * 0"},
      {"softmax, last", F(softmax(x[0], -1)), {draw(random, {2, 3})}, "torch.softmax(x[0], -1)"},
      {"softmax, 0-d", F(softmax(x[0], 0)), {draw(random, {})}, "torch.softmax(x[0], 0)"},
      {"log_softmax, last", F(log_softmax(x[0], -1)), {draw(random, {2, 3})}, "torch.log_softmax(x[0], -1)"},
      {"log_softmax, 0-d", F(log_softmax(x[0], -1)), {draw(random, {})}, "torch.log_softmax(x[0], -1)"},
  };
}

std::vector<Case> reductions() {
  Generator random{3};
  const auto cube = [&] { return draw_distinct(random, {2, 3, 4}); };
  return {
      {"sum", F(sum(x[0])), {cube()}, "x[0].sum()"},
      {"sum -1 1", F(sum(x[0], {-1, 1})), {cube()}, "x[0].sum((-1, 1))"},
      {"sum, 0-d", F(sum(x[0])), {draw(random, {})}, "x[0].sum()"},
      {"sum of nothing", F(sum(x[0], {0})), {draw(random, {0, 3})}, "x[0].sum(0)"},
      {"mean", F(mean(x[0])), {cube()}, "x[0].mean()"},
      {"mean 1, kept", F(mean(x[0], {1}, true)), {cube()}, "x[0].mean(1, keepdim=True)"},
      {"mean 0 2", F(mean(x[0], {0, 2})), {cube()}, "x[0].mean((0, 2))"},
      {"var", F(var(x[0])), {cube()}, "x[0].var()"},
      {"var 1, biased", F(var(x[0], {1}, 0)), {cube()}, "x[0].var(1, correction=0)"},
      {"var 0 2, kept", F(var(x[0], {0, 2}, 1, true)), {cube()}, "x[0].var((0, 2), keepdim=True)"},
      {"amax", F(amax(x[0])), {cube()}, "x[0].amax()"},
      {"amax -1, kept", F(amax(x[0], {-1}, true)), {cube()}, "x[0].amax(-1, keepdim=True)"},
      {"amin", F(amin(x[0])), {cube()}, "x[0].amin()"},
      {"argmax", F(argmax(x[0])), {cube()}, "x[0].argmax()"},
      {"argmax -2, kept", F(argmax(x[0], -2, true)), {cube()}, "x[0].argmax(-2, keepdim=True)"},
      {"argmin", F(argmin(x[0])), {cube()}, "x[0].argmin()"},
      {"argmin 2", F(argmin(x[0], 2)), {cube()}, "x[0].argmin(2)"},
      {"logsumexp", F(logsumexp(x[0])), {cube()}, "torch.logsumexp(x[0], (0, 1, 2))"},
      {"logsumexp -1 0", F(logsumexp(x[0], {-1, 0})), {cube()}, "torch.logsumexp(x[0], (-1, 0))"},
      {"sum_to", F(sum_to(x[0], {3, 1})), {cube()}, "x[0].sum_to_size(3, 1)"},
      {"sum_to 0-d", F(sum_to(x[0], {})), {cube()}, "x[0].sum_to_size(())"},
  };
}

std::vector<Case> shapes() {
  Generator random{4};
  const auto cube = [&] { return draw(random, {2, 3, 4}); };
  const auto row = [&] { return draw(random, {5}); };
  return {
      {"reshape", F(reshape(x[0], {4, -1})), {cube()}, "x[0].reshape(4, -1)"},
      {"reshape that copies",
       F(reshape(transpose(x[0], 0, 2), {6, 4})),
       {cube()},
       "x[0].transpose(0, 2).reshape(6, 4)"},
      {"view", F(view(x[0] * 1, {6, 4})), {cube()}, "x[0].contiguous().view(6, 4)"},
      {"flatten", F(flatten(x[0])), {cube()}, "x[0].flatten()"},
      {"flatten 1", F(flatten(x[0], 1)), {cube()}, "x[0].flatten(1)"},
      {"flatten, 0-d", F(flatten(x[0])), {draw(random, {})}, "x[0].flatten()"},
      {"transpose", F(transpose(x[0], -1, 0)), {cube()}, "x[0].transpose(-1, 0)"},
      {"t", F(t(x[0])), {draw(random, {2, 3})}, "x[0].t()"},
      {"permute", F(permute(x[0], {-1, 0, 1})), {cube()}, "x[0].permute(-1, 0, 1)"},
      {"squeeze", F(squeeze(x[0])), {draw(random, {1, 3, 1})}, "x[0].squeeze()"},
      {"squeeze -1", F(squeeze(x[0], -1)), {draw(random, {1, 3, 1})}, "x[0].squeeze(-1)"},
      {"unsqueeze", F(unsqueeze(x[0], -1)), {row()}, "x[0].unsqueeze(-1)"},
      {"expand", F(expand(x[0], {2, -1, 3})), {draw(random, {4, 1})}, "x[0].expand(2, -1, 3)"},
      {"narrow", F(narrow(x[0], 1, -2, 2)), {cube()}, "x[0].narrow(1, -2, 2)"},
      {"select", F(select(x[0], -1, -2)), {cube()}, "x[0].select(-1, -2)"},
      {"x[i]", F(x[0][1]), {cube()}, "x[0][1]"},
      {"slice", F(slice(x[0], 0, 1, -1)), {row()}, "x[0][1:-1]"},
      {"slice in steps", F(slice(x[0], 2, {}, {}, 3)), {cube()}, "x[0][:, :, ::3]"},
      {"slice of nothing", F(slice(x[0], 0, 4, 2)), {row()}, "x[0][4:2]"},
      {"split", F(split(x[0], 2)), {row()}, "x[0].split(2)"},
      {"split of sizes", F(split(x[0], {1, 2}, 1)), {cube()}, "x[0].split([1, 2], 1)"},
      {"chunk", F(chunk(x[0], 2, -1)), {row()}, "x[0].chunk(2, -1)"},
      {"cat",
       F(cat({x[0], x[1], x[0]}, -1)),
       {draw(random, {2, 3}), draw(random, {2, 1})},
       "torch.cat([x[0], x[1], x[0]], -1)"},
      {"stack", F(stack({x[0], x[1]}, -1)), {row(), row()}, "torch.stack(x, -1)"},
      {"stack of scalars", F(stack({x[0], x[1]})), {draw(random, {}), draw(random, {})}, "torch.stack(x)"},
      {"contiguous", F(transpose(x[0], 0, 1).contiguous()), {cube()}, "x[0].transpose(0, 1).contiguous()"},
      {"parts that overlap",
       F(x[0][0] * x[0][1] + sum(slice(x[0], 0, 1, 4)) * x[0][1]),
       {row()},
       "x[0][0] * x[0][1] + x[0][1:4].sum() * x[0][1]"},
      {"parts beside the whole", F(sum(square(x[0])) * x[0][2]), {row()}, "(x[0] ** 2).sum() * x[0][2]"},
      {"through float32", F(x[0].to(float32).to(float64)), {row()}, "x[0].float().double()", ~0u, 1, false},
  };
}

std::vector<Case> indices() {
  Generator random{5};
  const auto table = [&] { return draw(random, {4, 3}); };
  return {
      {"index_select",
       F(index_select(x[0], -1, x[1])),
       {table(), tensor({2, 0, 2})},
       "torch.index_select(x[0], -1, x[1])"},
      {"gather",
       F(gather(x[0], -1, x[1])),
       {table(), draw_index(random, 3, {4, 5})},
       "torch.gather(x[0], -1, x[1])"},
      {"embedding",
       F(embedding(x[0], x[1])),
       {draw_index(random, 4, {2, 3}), table()},
       "torch.nn.functional.embedding(x[0], x[1])"},
      {"embedding of one",
       F(embedding(x[0], x[1])),
       {tensor(2), table()},
       "torch.nn.functional.embedding(x[0], x[1])"},
      {"embedding of none",
       F(embedding(x[0], x[1])),
       {zeros({2, 0}, {.dtype = int64}), table()},
       "torch.nn.functional.embedding(x[0], x[1])"},
      {"embedding with padding",
       F(embedding(x[0], x[1], 1)),
       {tensor({{0, 1}, {1, 3}}), table()},
       "torch.nn.functional.embedding(x[0], x[1], padding_idx=1)",
       ~0u,
       1,
       false},
  };
}

// Points where a derivative has a side to choose, and extreme values: PyTorch's choice.
std::vector<Case> edges() {
  constexpr double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  const auto point = [](std::initializer_list<double> values) { return tensor(values, {.dtype = float64}); };
  std::vector<Case> cases{
      {"relu at 0", F(relu(x[0])), {point({-1, -0.0, 0, 1, inf, -inf})}, "torch.relu(x[0])"},
      {"leaky_relu at 0",
       F(leaky_relu(x[0], 0.1)),
       {point({-1, 0, 1})},
       "torch.nn.functional.leaky_relu(x[0], 0.1)"},
      {"elu at 0", F(elu(x[0], 2)), {point({-1, 0, 1, -700})}, "torch.nn.functional.elu(x[0], 2)"},
      {"abs at 0", F(abs(x[0])), {point({-1, 0, 1})}, "torch.abs(x[0])"},
      {"sign", F(sign(x[0])), {point({-2, 0, 3})}, "torch.sign(x[0])"},
      // at the bounds PyTorch 2.15 has 0, earlier ones had 1 as here
      {"clamp at its bounds",
       F(clamp(x[0], -1, 1)),
       {point({-2, -1, 0, 1, 2, nan})},
       "torch.where((x[0] >= -1) & (x[0] <= 1), x[0], torch.clamp(x[0], -1, 1).detach())"},
      {"maximum of equals",
       F(maximum(x[0], x[1])),
       {point({1, 2, 3}), point({1, 1, 4})},
       "torch.maximum(x[0], x[1])"},
      {"minimum of equals",
       F(minimum(x[0], x[1])),
       {point({1, 2, 3}), point({1, 1, 4})},
       "torch.minimum(x[0], x[1])"},
      {"amax of equals", F(amax(x[0], {1})), {reshape(point({1, 3, 3, 2, 2, 2}), {2, 3})}, "x[0].amax(1)"},
      {"amin of equals", F(amin(x[0])), {point({1, 1, 3, 1})}, "x[0].amin()"},
      {"argmax of equals", F(argmax(x[0])), {point({1, 3, 3})}, "x[0].argmax()"},
      {"sqrt at 0", F(sqrt(x[0])), {point({0, 4})}, "torch.sqrt(x[0])"},
      {"log at 0", F(log(x[0])), {point({0, 1, inf})}, "torch.log(x[0])"},
      {"pow at 0", F(pow(x[0], x[1])), {point({0, 0, 0, 2}), point({0, 2, 1, 0})}, "torch.pow(x[0], x[1])"},
      {"pow of negative numbers", F(pow(x[0], 3)), {point({-2, 0, 1})}, "torch.pow(x[0], 3)"},
      {"pow(x, 0) at 0", F(pow(x[0], 0)), {point({-2, 0, 1})}, "torch.pow(x[0], 0)"},
      {"exp far out", F(exp(x[0])), {point({-inf, -800, 80, 800})}, "torch.exp(x[0])"},
      {"sigmoid far out", F(sigmoid(x[0])), {point({-inf, -800, 40, inf})}, "torch.sigmoid(x[0])"},
      {"tanh far out", F(tanh(x[0])), {point({-inf, -400, 1e-9, 30})}, "torch.tanh(x[0])"},
      {"softplus far out",
       F(softplus(x[0])),
       {point({-900, -30, 19, 21, 900})},
       "torch.nn.functional.softplus(x[0])"},
      {"gelu far out", F(gelu(x[0])), {point({-30, -6, 6, 30})}, "torch.nn.functional.gelu(x[0])"},
      {"silu far out", F(silu(x[0])), {point({-800, -30, 30, 800})}, "torch.nn.functional.silu(x[0])"},
      {"softmax of large and missing",
       F(softmax(x[0], 0)),
       {point({1000, 999, -inf, 3})},
       "torch.softmax(x[0], 0)"},
      {"log_softmax of large", F(log_softmax(x[0], 0)), {point({1000, 999, -1000})}, "torch.log_softmax(x[0], 0)"},
      {"logsumexp of large", F(logsumexp(x[0])), {point({1000, 999, -inf})}, "torch.logsumexp(x[0], 0)"},
      {"the branch not taken is NaN",
       F(where(gt(x[0], 0), log(x[0]), x[0] * 2)),
       {point({-1, 2})},
       "torch.where(x[0] > 0, torch.log(x[0].clamp(min=1e-300)), x[0] * 2)"},
      {"l1_loss of equals",
       F(l1_loss(x[0], x[1])),
       {point({1, 2}), point({1, 3})},
       "torch.nn.functional.l1_loss(x[0], x[1])"},
  };
  for (auto& c : cases) c.smooth = false;
  return cases;
}

}  // namespace

TEST_CASE("bug class 7: broadcasting") { certify_all(broadcasting()); }
TEST_CASE("arithmetic and activations") { certify_all(arithmetic()); }
TEST_CASE("reductions") { certify_all(reductions()); }
TEST_CASE("shapes") { certify_all(shapes()); }
TEST_CASE("indices") { certify_all(indices()); }
TEST_CASE("edges") { certify_all(edges()); }

TEST_CASE("write samples" * doctest::skip()) {
  write_samples(together({broadcasting(), arithmetic(), reductions(), shapes(), indices(), edges()}));
}
