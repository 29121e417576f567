// Certifies indexing by all kinds of indices, and writing at indices.
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

std::vector<Case> reads() {
  Generator random{11};
  const auto cube = [&] { return draw(random, {3, 4, 5}); };
  const auto many = [&] { return draw(random, {2, 3, 2, 3}); };
  const Tensor two = tensor({{-1, 0}, {2, 2}}), pair = tensor({1, 0});
  return {
      {"at(1)", F(x[0].at(1)), {cube()}, "x[0][1]"},
      {"at()", F(x[0].at()), {cube()}, "x[0][()]"},
      {"at of all kinds",
       F(x[0].at(Slice(1, {}), newaxis, ellipsis, Slice(-3, -1), -2)),
       {draw(random, {3, 2, 4, 5})},
       "x[0][1:, None, ..., -3:-1, -2]"},
      {"at ellipsis", F(x[0].at(ellipsis)), {cube()}, "x[0][...]"},
      {"at ellipsis for nothing", F(x[0].at(0, ellipsis, 1, 2)), {cube()}, "x[0][0, ..., 1, 2]"},
      {"at slices",
       F(x[0].at(Slice({}, {}, 2), Slice(-100, 100), Slice(3, 1))),
       {cube()},
       "x[0][::2, -100:100, 3:1]"},
      {"at newaxis of a number", F(x[0].at(newaxis, newaxis)), {draw(random, {})}, "x[0][None, None]"},
      {"at an index", F(x[0].at(x[1])), {cube(), two}, "x[0][x[1]]"},
      {"at an index behind", F(x[0].at(ellipsis, x[1])), {cube(), two}, "x[0][..., x[1]]"},
      {"at a slice and an index", F(x[0].at(Slice(1), x[1])), {cube(), two}, "x[0][1:, x[1]]"},
      {"at two indices", F(x[0].at(x[1], x[2])), {cube(), two, pair}, "x[0][x[1], x[2]]"},
      {"at two indices behind", F(x[0].at(Slice(), x[1], x[2])), {cube(), two, pair}, "x[0][:, x[1], x[2]]"},
      {"at two indices apart", F(x[0].at(x[1], Slice(), x[2])), {cube(), two, pair}, "x[0][x[1], :, x[2]]"},
      {"at two indices around a new dimension",
       F(x[0].at(Slice(), x[1], newaxis, x[2])),
       {cube(), two, pair},
       "x[0][:, x[1], None, x[2]]"},
      {"at three indices", F(x[0].at(x[1], x[2], x[1])), {cube(), two, pair}, "x[0][x[1], x[2], x[1]]"},
      {"at an integer, a slice and an index", F(x[0].at(0, Slice(), x[1])), {cube(), pair}, "x[0][0, :, x[1]]"},
      {"at a 0-d index, a slice and an index",
       F(x[0].at(x[1], Slice(), x[2])),
       {cube(), tensor(1), pair},
       "x[0][x[1].item(), :, x[2]]"},
      {"at 0-d indices", F(x[0].at(x[1], x[1])), {cube(), tensor(-1)}, "x[0][x[1].item(), x[1].item()]"},
      {"at an index of a transposed part",
       F(transpose(x[0], 0, 2).at(x[1], Slice(1, 3), x[2])),
       {cube(), two, pair},
       "x[0].transpose(0, 2)[x[1], 1:3, x[2]]"},
      {"at no index", F(x[0].at(x[1])), {cube(), zeros({0, 2}, {.dtype = int64})}, "x[0][x[1]]"},
      {"at rows and columns",
       F(x[0].at(x[1], x[2])),
       {cube(), tensor({{0}, {2}}), tensor({{3, 1, 1}})},
       "x[0][x[1], x[2]]"},
      {"at an index apart of four",
       F(x[0].at(Slice(), x[1], Slice(), x[2])),
       {many(), pair, pair},
       "x[0][:, x[1], :, x[2]]"},
  };
}

// Their shapes depend on values, which Replay does not allow: certified but for that.
std::vector<Case> masks() {
  Generator random{12};
  const auto cube = [&] { return draw(random, {3, 4, 5}); };
  const auto mask = [&](const Shape& shape) { return gt(draw(random, shape), 0); };
  const Tensor three = tensor({true, false, true}), four = tensor({false, true, true, false});
  return {
      {"at a mask", F(x[0].at(x[1])), {cube(), mask({3, 4, 5})}, "x[0][x[1]]"},
      {"at a mask in front", F(x[0].at(x[1])), {cube(), mask({3, 4})}, "x[0][x[1]]"},
      {"at a mask behind", F(x[0].at(ellipsis, x[1])), {cube(), mask({4, 5})}, "x[0][..., x[1]]"},
      {"at a mask and a slice", F(x[0].at(Slice(1), x[1], 0)), {cube(), four}, "x[0][1:, x[1], 0]"},
      {"at a mask and an index", F(x[0].at(x[1], x[2])), {cube(), three, tensor({1, 3})}, "x[0][x[1], x[2]]"},
      {"at masks apart",
       F(x[0].at(x[1], Slice(), x[2])),
       {cube(), three, tensor({true, false, false, true, false})},
       "x[0][x[1], :, x[2]]"},
      {"at true", F(x[0].at(x[1])), {cube(), tensor(true)}, "x[0][x[1]]"},
      {"at false", F(x[0].at(x[1], 1)), {cube(), tensor(false)}, "x[0][x[1], 1]"},
      {"at a mask of nothing",
       F(x[0].at(x[1])),
       {draw(random, {0, 2}), zeros({0}, {.dtype = boolean})},
       "x[0][x[1]]"},
      {"masked_select", F(masked_select(x[0], x[1])), {cube(), mask({4, 5})}, "x[0].masked_select(x[1])"},
      {"masked_select of a number",
       F(masked_select(x[0], x[1])),
       {draw(random, {}), mask({3})},
       "x[0].masked_select(x[1])"},
      {"masked_select, 0-d",
       F(masked_select(x[0], x[1])),
       {draw(random, {}), tensor(true)},
       "x[0].masked_select(x[1])"},
      {"masked_scatter",
       F(masked_scatter(x[0], x[1], x[2])),
       {draw(random, {2, 3}), tensor({true, false, true}), draw(random, {5})},
       "x[0].masked_scatter(x[1], x[2])"},
      {"index_put at a mask",
       F(index_put(x[0], {x[1]}, x[2])),
       {draw(random, {4, 2}), four, draw(random, {2, 2})},
       "x[0].index_put((x[1],), x[2])"},
      {"index_put of one number at a mask, and added",
       F(index_put(x[0], {x[1]}, x[2], true)),
       {draw(random, {4, 2}), four, draw(random, {})},
       "x[0].index_put((x[1],), x[2], accumulate=True)"},
      {"repeat_interleave by a tensor",
       F(repeat_interleave(x[0], x[1], -1)),
       {draw(random, {2, 3}), tensor({2, 0, 3})},
       "x[0].repeat_interleave(x[1], -1)"},
      {"repeat_interleave by a number in a tensor",
       F(repeat_interleave(x[0], x[1])),
       {draw(random, {2, 3}), tensor({2})},
       "x[0].repeat_interleave(x[1])"},
  };
}

std::vector<Case> writes() {
  Generator random{13};
  const auto table = [&] { return draw(random, {4, 3}); };
  const auto cube = [&] { return draw(random, {3, 4, 2}); };
  const std::string zero = "torch.zeros(3, 4, 2, dtype=torch.float64)";
  return {
      {"index_put of slices",
       F(index_put(x[0], {Slice(1, 3), ellipsis, 0}, x[1])),
       {cube(), draw(random, {2, 1})},
       "x[0].slice_scatter(x[0][1:3].select_scatter(x[1].expand(2, 4), -1, 0), 0, 1, 3)"},
      {"index_put of slices, added",
       F(index_put(x[0], {Slice(1, 3), ellipsis, 0}, x[1], true)),
       {cube(), draw(random, {4})},
       "x[0] + " + zero + ".slice_scatter(" + zero + "[1:3].select_scatter(x[1].expand(2, 4), -1, 0), 0, 1, 3)"},
      {"index_put of one number", F(index_put(x[0], {}, x[1])), {table(), draw(random, {})}, "0 * x[0] + x[1]"},
      {"index_put at an index",
       F(index_put(x[0], {x[1]}, x[2])),
       {table(), tensor({-1, 0}), draw(random, {2, 3})},
       "x[0].index_put((x[1],), x[2])"},
      {"index_put, the last stays",
       F(index_put(x[0], {x[1]}, x[2])),
       {table(), tensor({2, 0, -2, 1}), draw(random, {4, 3})},
       "x[0].index_put((x[1][1:],), x[2][1:])"},
      {"index_put at indices, broadcast",
       F(index_put(x[0], {x[1], x[2]}, x[3])),
       {cube(), tensor({{0}, {2}}), tensor({3, 1}), draw(random, {2})},
       "x[0].index_put((x[1], x[2]), x[3])"},
      {"index_put at indices, added",
       F(index_put(x[0], {x[1], x[2]}, x[3], true)),
       {table(), tensor({0, 2, 0}), tensor({1, 1, 1}), draw(random, {3})},
       "x[0].index_put((x[1], x[2]), x[3], accumulate=True)"},
      {"index_put at indices apart",
       F(index_put(x[0], {x[1], Slice(), x[1]}, x[2], true)),
       {cube(), tensor({1, 0, 1}), draw(random, {3, 4})},
       "x[0].transpose(1, 2).index_put((x[1], x[1]), x[2], accumulate=True).transpose(1, 2)"},
      {"index_put at an index of a part",
       F(index_put(x[0], {Slice(1), x[1], 0}, x[2])),
       {cube(), tensor({3, 0}), draw(random, {2, 2})},
       "x[0].index_put((torch.tensor([[1], [2]]), x[1], torch.tensor(0)), x[2])"},
      {"index_put of one number at a mask",
       F(index_put(x[0], {Slice(), x[1]}, x[2])),
       {cube(), tensor({true, false, true, true}), draw(random, {})},
       "x[0].masked_fill(x[1][:, None], x[2])"},
      {"slice_scatter",
       F(slice_scatter(x[0], x[1], 1, -2)),
       {table(), draw(random, {4, 2})},
       "x[0].slice_scatter(x[1], 1, -2)"},
      {"slice_scatter in steps",
       F(slice_scatter(x[0], x[1], 0, 1, 100, 2)),
       {table(), draw(random, {2, 3})},
       "x[0].slice_scatter(x[1], 0, 1, 100, 2)"},
      {"select_scatter",
       F(select_scatter(x[0], x[1], -1, -3)),
       {table(), draw(random, {4})},
       "x[0].select_scatter(x[1], -1, -3)"},
      {"index_add",
       F(index_add(x[0], -1, x[1], x[2], -0.5)),
       {table(), tensor({2, 0, 2, 2}), draw(random, {4, 4})},
       "x[0].index_add(-1, x[1], x[2], alpha=-0.5)"},
      {"index_add, 0-d",
       F(index_add(x[0], 0, x[1], x[2])),
       {draw(random, {}), tensor({0}), draw(random, {})},
       "x[0] + x[2]"},
      {"index_copy",
       F(index_copy(x[0], 0, x[1], x[2])),
       {table(), tensor({2, 0}), draw(random, {2, 3})},
       "x[0].index_copy(0, x[1], x[2])"},
      {"index_copy, the last stays",
       F(index_copy(x[0], 0, x[1], x[2])),
       {table(), tensor({2, 0, 2}), draw(random, {3, 3})},
       "x[0].index_copy(0, x[1][1:], x[2][1:])"},
      {"scatter",
       F(scatter(x[0], -1, x[1], x[2])),
       {table(), tensor({{2, 0}, {1, 2}}), draw(random, {4, 4})},
       "x[0].scatter(-1, x[1], x[2][:2, :2])"},
      {"scatter of a number",
       F(scatter(x[0], 0, x[1], 0.5)),
       {table(), draw_index(random, 4, {2, 2})},
       "x[0].scatter(0, x[1], 0.5)"},
      {"scatter, 0-d",
       F(scatter(x[0], 0, x[1], x[2])),
       {draw(random, {}), tensor(0), draw(random, {})},
       "x[0].scatter(0, x[1], x[2])"},
      {"scatter_add",
       F(scatter_add(x[0], 0, x[1], x[2])),
       {table(), draw_index(random, 4, {6, 2}), draw(random, {7, 3})},
       "x[0].scatter_add(0, x[1], x[2][:6, :2])"},
      {"one_hot", F(one_hot(x[0], 5)), {draw_index(random, 5, {2, 3})}, "torch.nn.functional.one_hot(x[0], 5)"},
      {"one_hot of a number", F(one_hot(x[0], 3)), {tensor(2)}, "torch.nn.functional.one_hot(x[0], 3)"},
      {"take", F(take(x[0], x[1])), {table(), tensor({{0, -1}, {5, 5}})}, "torch.take(x[0], x[1])"},
      {"take, 0-d", F(take(x[0], x[1])), {draw(random, {}), tensor({0, 0})}, "torch.take(x[0], x[1])"},
      {"take from a transposed one",
       F(take(t(x[0]), x[1])),
       {table(), draw_index(random, 12, {5})},
       "torch.take(x[0].t(), x[1])"},
      {"take_along_dim",
       F(take_along_dim(x[0], x[1], 1)),
       {table(), draw_index(random, 3, {1, 2})},
       "torch.take_along_dim(x[0], x[1], 1)"},
      {"take_along_dim of all",
       F(take_along_dim(x[0], x[1])),
       {table(), draw_index(random, 12, {2, 2})},
       "torch.take_along_dim(x[0], x[1])"},
      {"masked_fill",
       F(masked_fill(x[0], x[1], -1.5)),
       {table(), gt(draw(random, {3}), 0)},
       "x[0].masked_fill(x[1], -1.5)"},
      {"masked_fill of a tensor",
       F(masked_fill(x[0], x[1], x[2])),
       {table(), gt(draw(random, {4, 1}), 0), draw(random, {})},
       "x[0].masked_fill(x[1], x[2])"},
      {"masked_fill of more",
       F(masked_fill(x[0], x[1], 2)),
       {draw(random, {3}), gt(draw(random, {2, 1}), 0)},
       "x[0].masked_fill(x[1], 2)"},
  };
}

std::vector<Case> scatter_reductions() {
  using enum ScatterReduction;
  Generator random{14};
  const std::pair<ScatterReduction, std::string> kinds[] = {
      {sum, "sum"}, {prod, "prod"}, {mean, "mean"}, {amax, "amax"}, {amin, "amin"}};
  std::vector<Case> cases;
  for (const auto& [kind, name] : kinds)
    for (const bool self : {true, false})
      cases.push_back({"scatter_reduce " + name + (self ? "" : " without itself"),
                       [how = kind, self](const Tensors& x) {
                         return Tensors{scatter_reduce(x[0], 1, x[1], x[2], how, self)};
                       },
                       {draw_distinct(random, {3, 5}, 0.2), draw_index(random, 4, {2, 6}),
                        draw_distinct(random, {2, 7}, 0.2) + 0.05},
                       "x[0].scatter_reduce(1, x[1], x[2][:, :6], '" + name +
                           "', include_self=" + (self ? "True)" : "False)")});
  return cases;
}

// Equals, zeros, and what is no number.
std::vector<Case> edges() {
  constexpr double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  const auto point = [](std::initializer_list<double> values) { return tensor(values, {.dtype = float64}); };
  using enum ScatterReduction;
  std::vector<Case> cases{
      {"scatter_reduce amax of equals",
       F(scatter_reduce(x[0], 0, x[1], x[2], amax)),
       {point({1, 2, -1}), tensor({0, 0, 1, 1}), point({1, 1, 5, 5})},
       "x[0].scatter_reduce(0, x[1], x[2], 'amax')"},
      {"scatter_reduce amin of no numbers",
       F(scatter_reduce(x[0], 0, x[1], x[2], amin)),
       {point({nan, 2, 1, inf}), tensor({0, 1, 2, 3}), point({1, nan, -inf, -1})},
       "x[0].scatter_reduce(0, x[1], x[2], 'amin')"},
      {"scatter_reduce prod with zeros",
       F(scatter_reduce(x[0], 0, x[1], x[2], prod)),
       {point({3, 0, 2, 0}), tensor({0, 0, 1, 2, 2, 3, 3}), point({0, 2, 5, 0, 0, 0, 7})},
       "x[0].scatter_reduce(0, x[1], x[2], 'prod')"},
      {"masked_fill of no numbers",
       F(masked_fill(x[0], x[1], -inf)),
       {point({nan, 1, nan}), tensor({true, true, false})},
       "x[0].masked_fill(x[1], -float('inf'))"},
  };
  for (auto& c : cases) c.smooth = false;
  return cases;
}

}  // namespace

TEST_CASE("reads at indices") { certify_all(reads()); }
TEST_CASE("masks") {
  for (const auto& c : masks()) certify_without_replay(c);
}
TEST_CASE("writes at indices") { certify_all(writes()); }
TEST_CASE("scatter_reduce") { certify_all(scatter_reductions()); }
TEST_CASE("edges") { certify_all(edges()); }

TEST_CASE("write samples" * doctest::skip()) {
  write_samples(together({reads(), masks(), writes(), scatter_reductions(), edges()}));
}
