// Certifies reductions, scans, sorting and searching as the public functions give them: several operations, all their
// arguments, and the points where a derivative has a side to choose.
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
using ops::draw_index;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

Tensor point(std::initializer_list<double> values) { return tensor(values, {.dtype = float64}); }
Tensor rows(std::initializer_list<std::initializer_list<double>> values) {
  return tensor(values, {.dtype = float64});
}

std::vector<Case> reductions() {
  Generator random{31};
  const auto cube = [&] { return draw_distinct(random, {2, 3, 4}); };
  const auto scalar = [&] { return draw(random, {}); };
  const auto none = [&] { return draw(random, {0, 3}); };
  return {
      {"prod", F(prod(x[0])), {draw(random, {2, 3})}, "x[0].prod()"},
      {"prod -1, kept", F(prod(x[0], -1, true)), {cube()}, "x[0].prod(-1, keepdim=True)"},
      {"prod, 0-d", F(prod(x[0], 0)), {scalar()}, "x[0].prod(0)"},
      {"prod of nothing", F(prod(x[0], 0)), {none()}, "x[0].prod(0)"},
      {"prod of integers", F(prod(x[0], 1)), {draw_index(random, 5, {3, 4})}, "x[0].prod(1)"},
      {"std", F(ebb::std(x[0])), {cube()}, "x[0].std()"},
      {"std 0 2, biased, kept",
       F(ebb::std(x[0], {0, 2}, 0, true)),
       {cube()},
       "x[0].std((0, 2), correction=0, keepdim=True)"},
      {"std_mean", F(std_mean(x[0], {1})), {cube()}, "torch.std_mean(x[0], 1)"},
      {"var_mean",
       F(var_mean(x[0], {-1}, 0, true)),
       {cube()},
       "torch.var_mean(x[0], -1, correction=0, keepdim=True)"},
      {"nansum",
       F(nansum(x[0], {1})),
       {rows({{1, kNaN, 3}, {kNaN, kNaN, kNaN}})},
       "torch.nansum(x[0], 1)",
       ~0u,
       1,
       false},
      {"nanmean", F(nanmean(x[0])), {rows({{1, kNaN, 3}, {-2, 0, kNaN}})}, "torch.nanmean(x[0])", ~0u, 1, false},
      {"nanmean 1, kept", F(nanmean(x[0], {1}, true)), {cube()}, "torch.nanmean(x[0], 1, keepdim=True)"},
      {"norm", F(norm(x[0])), {cube()}, "torch.norm(x[0])"},
      {"norm 2 of rows, kept", F(norm(x[0], 2, {1}, true)), {cube()}, "torch.norm(x[0], 2, 1, keepdim=True)"},
      {"norm 1", F(norm(x[0], 1, {0, 2})), {cube()}, "torch.norm(x[0], 1, (0, 2))"},
      {"norm 3", F(norm(x[0], 3, {-1})), {cube()}, "torch.norm(x[0], 3, -1)"},
      {"norm 1.5", F(vector_norm(x[0], 1.5)), {cube()}, "torch.linalg.vector_norm(x[0], 1.5)"},
      {"norm 0.5", F(vector_norm(x[0], 0.5, {1})), {cube()}, "torch.linalg.vector_norm(x[0], 0.5, 1)"},
      {"norm -2", F(vector_norm(x[0], -2, {1})), {cube()}, "torch.linalg.vector_norm(x[0], -2, 1)"},
      {"norm inf", F(norm(x[0], kInf, {1})), {cube()}, "torch.norm(x[0], float('inf'), 1)", ~0u, 1, true, false},
      {"norm -inf",
       F(norm(x[0], -kInf, {1}, true)),
       {cube()},
       "torch.norm(x[0], -float('inf'), 1, keepdim=True)",
       ~0u,
       1,
       true,
       false},
      {"norm of nothing", F(norm(x[0], 2, {0})), {none()}, "torch.norm(x[0], 2, 0)"},
      {"norm, 0-d", F(norm(x[0])), {scalar()}, "torch.norm(x[0])"},
      {"max", F(max(x[0])), {cube()}, "x[0].max()"},
      {"min", F(min(x[0])), {cube()}, "x[0].min()"},
      {"max 1", F(max(x[0], 1)), {cube()}, "x[0].max(1)"},
      {"max -1, kept", F(max(x[0], -1, true)), {cube()}, "x[0].max(-1, keepdim=True)"},
      {"min 0", F(min(x[0], 0)), {cube()}, "x[0].min(0)"},
      {"max, 0-d", F(max(x[0], -1, true)), {scalar()}, "x[0].max(-1, keepdim=True)"},
      {"max of no lines", F(max(x[0], 1)), {none()}, "x[0].max(1)"},
      {"max of two",
       F(max(x[0], x[1])),
       {draw_distinct(random, {3, 4}), draw(random, {4})},
       "torch.max(x[0], x[1])"},
      {"min of two",
       F(min(x[0], x[1])),
       {draw_distinct(random, {3, 4}), draw(random, {4})},
       "torch.min(x[0], x[1])"},
  };
}

std::vector<Case> counts() {
  Generator random{32};
  const auto few = [&] { return draw_index(random, 2, {3, 4}).to(float64); };
  return {
      {"any", F(any(x[0])), {few()}, "x[0].any()"},
      {"any 1", F(any(x[0], {1})), {few()}, "x[0].any(1)"},
      {"any 0 1, kept", F(any(x[0], {0, 1}, true)), {few()}, "x[0].any((0, 1), keepdim=True)"},
      {"any of nothing", F(any(x[0], {1})), {draw(random, {3, 0})}, "x[0].any(1)"},
      {"any of a NaN", F(any(x[0])), {point({0, kNaN})}, "x[0].any()"},
      {"all", F(all(x[0], {0}, true)), {few()}, "x[0].all(0, keepdim=True)"},
      {"all of nothing", F(all(x[0], {1})), {draw(random, {3, 0})}, "x[0].all(1)"},
      {"all of integers", F(all(x[0], {1})), {draw_index(random, 4, {3, 4})}, "x[0].all(1)"},
      {"all, 0-d", F(all(x[0])), {draw(random, {})}, "x[0].all()"},
      {"count_nonzero", F(count_nonzero(x[0])), {few()}, "x[0].count_nonzero()"},
      {"count_nonzero 1", F(count_nonzero(x[0], {1})), {few()}, "x[0].count_nonzero(1)"},
      {"norm 0", F(norm(x[0], 0, {1})), {few()}, "torch.norm(x[0], 0, 1)"},
      {"histc", F(histc(x[0], 4)), {draw_distinct(random, {3, 4})}, "torch.histc(x[0], 4)"},
  };
}

std::vector<Case> scans() {
  Generator random{33};
  const auto cube = [&] { return draw_distinct(random, {2, 3, 4}); };
  const auto scalar = [&] { return draw(random, {}); };
  return {
      {"cumsum -1", F(cumsum(x[0], -1)), {cube()}, "x[0].cumsum(-1)"},
      {"cumsum, 0-d", F(cumsum(x[0], 0)), {scalar()}, "x[0].cumsum(0)"},
      {"cumsum of integers", F(cumsum(x[0], 0)), {draw_index(random, 9, {3, 4})}, "x[0].cumsum(0)"},
      {"cumsum of bool", F(cumsum(gt(x[0], 0), 1)), {draw(random, {3, 4})}, "(x[0] > 0).cumsum(1)"},
      {"cumprod 1", F(cumprod(x[0], 1)), {cube()}, "x[0].cumprod(1)"},
      {"cumprod, 0-d", F(cumprod(x[0], -1)), {scalar()}, "x[0].cumprod(-1)"},
      {"logcumsumexp 0", F(logcumsumexp(x[0], 0)), {cube()}, "torch.logcumsumexp(x[0], 0)"},
      {"cummax", F(cummax(x[0], 1)), {cube()}, "torch.cummax(x[0], 1)"},
      {"cummin", F(cummin(x[0], -1)), {cube()}, "torch.cummin(x[0], -1)"},
      {"cummax, 0-d", F(cummax(x[0], 0)), {scalar()}, "torch.cummax(x[0], 0)"},
      {"diff", F(diff(x[0])), {cube()}, "torch.diff(x[0])"},
      {"diff 2 along 1", F(diff(x[0], 2, 1)), {cube()}, "torch.diff(x[0], 2, 1)"},
      {"diff between others",
       F(diff(x[0], 1, -1, x[1], x[2])),
       {draw(random, {2, 3}), draw(random, {2, 1}), draw(random, {2, 2})},
       "torch.diff(x[0], 1, -1, x[1], x[2])"},
      {"diff of too few", F(diff(x[0], 5, 0)), {draw(random, {3, 2})}, "torch.diff(x[0], 5, 0)"},
      {"diff of bool", F(diff(gt(x[0], 0))), {draw(random, {3, 4})}, "torch.diff(x[0] > 0)"},
      {"diff 0 times", F(diff(x[0] * 1, 0)), {draw(random, {3})}, "torch.diff(x[0], 0)"},
      {"trapezoid", F(trapezoid(x[0])), {cube()}, "torch.trapezoid(x[0])"},
      {"trapezoid of steps", F(trapezoid(x[0], 0.5, 1)), {cube()}, "torch.trapezoid(x[0], dx=0.5, dim=1)"},
      {"trapezoid of points",
       F(trapezoid(x[0], x[1], 1)),
       {cube(), draw(random, {3})},
       "torch.trapezoid(x[0], x[1], dim=1)"},
      {"trapezoid of points that broadcast",
       F(trapezoid(x[0], x[1])),
       {draw(random, {2, 3}), draw(random, {1, 3})},
       "torch.trapezoid(x[0], x[1])"},
      {"trapezoid of one point", F(trapezoid(x[0])), {draw(random, {3, 1})}, "torch.trapezoid(x[0])"},
      {"trapezoid of no point", F(trapezoid(x[0])), {draw(random, {3, 0})}, "torch.trapezoid(x[0])"},
  };
}

std::vector<Case> sorts() {
  Generator random{34};
  const auto cube = [&] { return draw_distinct(random, {2, 3, 4}); };
  const auto scalar = [&] { return draw(random, {}); };
  return {
      {"sort", F(sort(x[0])), {cube()}, "torch.sort(x[0])"},
      {"sort 1, descending", F(sort(x[0], 1, true)), {cube()}, "torch.sort(x[0], 1, True)"},
      {"sort of many", F(sort(x[0], 0)), {draw_distinct(random, {400})}, "torch.sort(x[0], 0)"},
      {"sort, 0-d", F(sort(x[0])), {scalar()}, "torch.sort(x[0])"},
      {"sort of integers",
       F(sort(x[0], -1, false, true)),
       {draw_index(random, 3, {4, 9}) - 1},
       "torch.sort(x[0], stable=True)"},
      {"sort of bool",
       F(sort(gt(x[0], 0), -1, true, true)),
       {draw(random, {4, 9})},
       "torch.sort(x[0] > 0, descending=True, stable=True)"},
      {"argsort", F(argsort(x[0], 0)), {cube()}, "torch.argsort(x[0], 0)"},
      {"topk", F(topk(x[0], 2)), {cube()}, "torch.topk(x[0], 2)"},
      {"topk, smallest", F(topk(x[0], 2, 1, false)), {cube()}, "torch.topk(x[0], 2, 1, False)"},
      {"topk, 0-d", F(topk(x[0], 1)), {scalar()}, "torch.topk(x[0], 1)"},
      {"kthvalue", F(kthvalue(x[0], 3)), {cube()}, "torch.kthvalue(x[0], 3)"},
      {"kthvalue 1, kept", F(kthvalue(x[0], 1, 1, true)), {cube()}, "torch.kthvalue(x[0], 1, 1, True)"},
      {"kthvalue, 0-d", F(kthvalue(x[0], 1)), {scalar()}, "torch.kthvalue(x[0], 1)"},
      {"median", F(median(x[0])), {cube()}, "torch.median(x[0])"},
      {"median 1", F(median(x[0], 1)), {cube()}, "torch.median(x[0], 1)"},
      {"median of an even number", F(median(x[0], -1, true)), {cube()}, "torch.median(x[0], -1, True)"},
      {"median, 0-d", F(median(x[0])), {scalar()}, "torch.median(x[0])"},
      {"quantile", F(quantile(x[0], 0.3)), {cube()}, "torch.quantile(x[0], 0.3)"},
      {"quantile 1, kept",
       F(quantile(x[0], 0.8, 1, true)),
       {cube()},
       "torch.quantile(x[0], 0.8, 1, keepdim=True)"},
      {"quantile of all, kept",
       F(quantile(x[0], 1, {}, true)),
       {cube()},
       "torch.quantile(x[0], 1., keepdim=True)"},
      {"quantiles",
       F(quantile(x[0], {0.1, 0.5, 0.75}, -1)),
       {cube()},
       "torch.quantile(x[0], torch.tensor([0.1, 0.5, 0.75], dtype=torch.float64), -1)"},
      {"quantile, lower",
       F(quantile(x[0], 0.7, 2, false, Interpolation::lower)),
       {cube()},
       "torch.quantile(x[0], 0.7, 2, interpolation='lower')"},
      {"quantile, higher",
       F(quantile(x[0], 0.7, 2, false, Interpolation::higher)),
       {cube()},
       "torch.quantile(x[0], 0.7, 2, interpolation='higher')"},
      {"quantile, midpoint",
       F(quantile(x[0], 0.7, 2, false, Interpolation::midpoint)),
       {cube()},
       "torch.quantile(x[0], 0.7, 2, interpolation='midpoint')"},
      {"quantile, nearest",
       F(quantile(x[0], 0.5, 2, false, Interpolation::nearest)),
       {cube()},
       "torch.quantile(x[0], 0.5, 2, interpolation='nearest')"},
      {"quantile, 0-d", F(quantile(x[0], 0.7, 0)), {scalar()}, "torch.quantile(x[0], 0.7, 0)"},
      {"bucketize",
       F(bucketize(x[0], x[1], true)),
       {tensor({{1, 5}, {3, 9}}), tensor({1, 3, 5, 7})},
       "torch.bucketize(x[0], x[1], right=True)"},
      {"searchsorted of NaN and infinities",
       F(searchsorted(x[0], x[1])),
       {point({-kInf, 0, kInf}), point({kNaN, -kInf, kInf, 1})},
       "torch.searchsorted(x[0], x[1])"},
  };
}

// In the dtype that is asked for.
std::vector<Case> of_a_dtype() {
  Generator random{35};
  const auto integers = [&](std::int64_t most) { return draw_index(random, most, {3, 4}); };
  const auto reals = [&] { return draw(random, {3, 4}, -5, 5); };
  return {
      {"prod as int32", F(prod(x[0], 1, false, int32)), {reals()}, "x[0].detach().prod(1, dtype=torch.int32)"},
      {"prod of all as float64", F(prod(x[0], float64)), {integers(4)}, "x[0].prod(dtype=torch.float64)"},
      {"sum as uint8", F(sum(x[0], {1}, true, uint8)), {integers(200)}, "x[0].sum(1, True, dtype=torch.uint8)"},
      {"sum as float64", F(sum(x[0], {}, false, float64)), {reals()}, "x[0].sum(dtype=torch.float64)"},
      {"mean as float64", F(mean(x[0], {0}, false, float64)), {integers(9)}, "x[0].mean(0, dtype=torch.float64)"},
      {"cumsum as int32", F(cumsum(x[0], 0, int32)), {reals()}, "x[0].detach().cumsum(0, dtype=torch.int32)"},
      {"cumprod as float64", F(cumprod(x[0], 1, float64)), {integers(5)}, "x[0].cumprod(1, dtype=torch.float64)"},
  };
}

std::vector<Case> more_searches() {
  Generator random{36};
  const auto cube = [&] { return draw_distinct(random, {2, 3, 4}); };
  return {
      {"quantile at an element, midpoint",
       F(quantile(x[0], 0.5, {}, false, Interpolation::midpoint)),
       {draw_distinct(random, {5})},
       "torch.quantile(x[0], 0.5, interpolation='midpoint')"},
      {"nanquantile of numbers",
       F(nanquantile(x[0], 0.3, 1, true)),
       {cube()},
       "torch.nanquantile(x[0], 0.3, 1, True)"},
      {"nanquantiles",
       F(nanquantile(x[0], {0.3, 1.})),
       {cube()},
       "torch.nanquantile(x[0], x[0].new_tensor([0.3, 1]))"},
      {"searchsorted through a sorter",
       F(searchsorted(x[0], x[1], true, argsort(x[0]))),
       {draw_distinct(random, {2, 5}), draw(random, {2, 3}, -0.5, 0.5)},
       "torch.searchsorted(x[0], x[1], right=True, sorter=x[0].argsort())"},
  };
}

// They read values, which Replay does not allow: certified but for that.
std::vector<Case> reading() {
  Generator random{37};
  const auto cube = [&] { return draw_distinct(random, {2, 3, 4}); };
  const auto at = [&] { return point({0.1, 0.75}); };
  const auto few = [&] { return draw_index(random, 2, {6, 2, 2}).to(float64); };
  const auto each = [](int dim) {
    return [dim](const Tensors& x) {
      const auto u = unique(x[0], true, true, true, dim);
      return Tensors{u.output, u.inverse_indices, u.counts};
    };
  };
  const std::string torch = "torch.unique(x[0].detach(), return_inverse=True, return_counts=True, dim=";
  return {
      {"quantile at a tensor", F(quantile(x[0], x[1], 1)), {cube(), at()}, "torch.quantile(x[0], x[1], 1)"},
      {"quantile at a number in a tensor",
       F(quantile(x[0], x[1], -1, true)),
       {cube(), tensor(0.3, {.dtype = float64})},
       "torch.quantile(x[0], x[1], -1, True)"},
      {"quantile at a tensor, higher",
       F(quantile(x[0], x[1], {}, true, Interpolation::higher)),
       {cube(), at()},
       "torch.quantile(x[0], x[1], keepdim=True, interpolation='higher')"},
      {"nanquantile at a tensor",
       F(nanquantile(x[0], x[1], 0)),
       {cube(), at()},
       "torch.nanquantile(x[0], x[1], 0)"},
      {"unique rows", each(0), {few()}, torch + "0)", 0},
      {"unique columns", each(-1), {few()}, torch + "-1)", 0},
      {"unique rows of integers", each(0), {draw_index(random, 3, {9, 2}) - 1}, torch + "0)", 0},
      {"unique rows of none", each(0), {draw(random, {0, 2})}, torch + "0)", 0},
  };
}

// Equal elements, zeros, NaN and infinities: PyTorch's choice.
std::vector<Case> edges() {
  const Tensor odd = point({2, kNaN, -kInf, 1, kInf, kNaN, -0.0, 0, 1});
  std::vector<Case> cases{
      {"std of equals", F(ebb::std(x[0], {1})), {rows({{2, 2, 2}, {1, 2, 4}})}, "x[0].std(1)"},
      {"histc of a range",
       F(histc(x[0], 4, -1, 3)),
       {point({-2, -1, 0, 0.5, 1, 3, 3.5, kNaN, kInf, -kInf})},
       "torch.histc(x[0], 4, -1, 3)"},
      {"histc of equals", F(histc(x[0], 4)), {point({2, 2, 2})}, "torch.histc(x[0], 4)"},
      {"std of one", F(ebb::std(x[0])), {point({3})}, "x[0].std()"},
      {"norm at 0",
       F(norm(x[0], 2, {1})),
       {rows({{0, 0}, {3, 0}, {kInf, 1}, {kNaN, 0}})},
       "torch.norm(x[0], 2, 1)"},
      {"norm 1 at 0", F(norm(x[0], 1, {1})), {rows({{0, 0}, {3, 0}})}, "torch.norm(x[0], 1, 1)"},
      {"norm 3 at 0", F(norm(x[0], 3, {1})), {rows({{0, 0}, {3, 0}})}, "torch.norm(x[0], 3, 1)"},
      {"norm 1.5 at 0", F(norm(x[0], 1.5, {1})), {rows({{0, 0}, {3, 0}})}, "torch.norm(x[0], 1.5, 1)"},
      {"norm 0.5 at 0", F(norm(x[0], 0.5, {1})), {rows({{3, 0}, {2, 1}})}, "torch.norm(x[0], 0.5, 1)"},
      {"norm -1 at 0", F(norm(x[0], -1, {1})), {rows({{3, 0}, {2, 1}})}, "torch.norm(x[0], -1, 1)"},
      {"norm inf of equals",
       F(norm(x[0], kInf, {1})),
       {rows({{2, -2, 1}, {0, 0, 0}})},
       "torch.norm(x[0], float('inf'), 1)"},
      {"max of equals", F(max(x[0])), {point({3, 1, 3})}, "x[0].max()"},
      {"max of a line of equals", F(max(x[0], 0)), {point({3, 1, 3})}, "x[0].max(0)"},
      {"max of NaN", F(max(x[0], 0)), {odd}, "x[0].max(0)"},
      {"min of NaN", F(min(x[0], 0)), {odd}, "x[0].min(0)"},
      {"cummax of equals", F(cummax(x[0], 0)), {point({1, 3, 2, 3, 1})}, "torch.cummax(x[0], 0)"},
      {"cummin of equals", F(cummin(x[0], 0)), {point({1, 3, 1, 3, 0})}, "torch.cummin(x[0], 0)"},
      {"cummax of NaN", F(cummax(x[0], 0)), {odd}, "torch.cummax(x[0], 0)"},
      {"cummin of NaN", F(cummin(x[0], 0)), {odd}, "torch.cummin(x[0], 0)"},
      {"cumsum of infinities", F(cumsum(x[0], 0)), {point({1, kInf, 2, -kInf, 1})}, "x[0].cumsum(0)"},
      {"logcumsumexp of large and missing",
       F(logcumsumexp(x[0], 0)),
       {point({1000, -kInf, 1001, 3, 2000})},
       "torch.logcumsumexp(x[0], 0)"},
      {"logcumsumexp of infinities",
       F(logcumsumexp(x[0].detach(), 0)),
       {point({-kInf, -kInf, 1, kInf, 2, kInf, kNaN, 1})},
       "torch.logcumsumexp(x[0].detach(), 0)"},
      {"sort of NaN", F(sort(x[0])), {odd}, "torch.sort(x[0], stable=True)"},
      {"sort of NaN, descending",
       F(sort(x[0], 0, true)),
       {odd},
       "torch.sort(x[0], dim=0, descending=True, stable=True)"},
      {"topk of NaN", F(topk(x[0].detach(), 3).values), {odd}, "torch.topk(x[0].detach(), 3).values"},
      {"kthvalue of NaN", F(kthvalue(x[0].detach(), 8).values), {odd}, "torch.kthvalue(x[0].detach(), 8).values"},
      {"median of NaN", F(median(x[0], 0)), {odd}, "torch.median(x[0], 0)"},
      {"quantile of NaN",
       F(quantile(x[0], 0.5, 1)),
       {rows({{1, kNaN, 2}, {1, 2, 3}})},
       "torch.quantile(x[0], 0.5, 1)"},
      {"nanquantile of NaN",
       F(nanquantile(x[0], 0.7, 1)),
       {rows({{1, kNaN, 2}, {1, 2, 3}, {kNaN, kNaN, kNaN}})},
       "torch.nanquantile(x[0], 0.7, 1)"},
  };
  for (auto& c : cases) c.smooth = false;
  return cases;
}

}  // namespace

TEST_CASE("reductions") { certify_all(reductions()); }
TEST_CASE("counts") { certify_all(counts()); }
TEST_CASE("scans") { certify_all(scans()); }
TEST_CASE("sorting and searching") { certify_all(sorts()); }
TEST_CASE("of a dtype") { certify_all(of_a_dtype()); }
TEST_CASE("more searches") { certify_all(more_searches()); }
TEST_CASE("functions that read values") {
  for (const auto& c : reading()) certify_without_replay(c);
}
TEST_CASE("edges") { certify_all(edges()); }

TEST_CASE("errors") {
  const Tensor x = zeros({2, 3}), integers = zeros({2, 3}, {.dtype = int64}), none = zeros({3, 0});
  CHECK_ERROR(norm(integers),
              "norm: the input is int64 [2, 3]; it must be float32 or float64, convert it by to(float32)");
  CHECK_ERROR(norm(x, kNaN), "norm: p is NaN");
  CHECK_ERROR(norm(none, kInf, {1}),
              "norm: the tensor is float32 [3, 0], and no element has a largest or smallest among none");
  CHECK_ERROR(norm(none, -1, {1}),
              "norm: the tensor is float32 [3, 0], and no element has a largest or smallest among none");
  CHECK_ERROR(prod(x, 2), "prod: dimension 2 of a tensor of 2 dimensions");
  CHECK_ERROR(ebb::std(integers),
              "std: the input is int64 [2, 3]; it must be float32 or float64, convert it by to(float32)");
  CHECK_ERROR(nanmean(integers),
              "nanmean: the input is int64 [2, 3]; it must be float32 or float64, convert it by to(float32)");
  CHECK_ERROR(max(none), "max: the tensor is float32 [3, 0], and no element has a largest or smallest among none");
  CHECK_ERROR(min(none, 1), "min: dimension 1 of float32 [3, 0] is empty; there is no element to choose");
  CHECK_ERROR(any(x, {0, 0}), "any: a dimension appears twice in [0, 0]");
  CHECK_ERROR(all(x, {-3}), "all: dimension -3 of a tensor of 2 dimensions");
  CHECK_ERROR(cumsum(x, 2), "cumsum: dimension 2 of a tensor of 2 dimensions");
  CHECK_ERROR(logcumsumexp(integers, 0),
              "logcumsumexp: the input is int64 [2, 3]; it must be float32 or float64, convert it by to(float32)");
  CHECK_ERROR(diff(x[0][0]), "diff: the tensor is 0-d; it must have a dimension to take differences along");
  CHECK_ERROR(diff(x, -1), "diff: the order is -1; it must be 0 or more");
  CHECK_ERROR(trapezoid(x[0][0]), "trapezoid: the tensor is 0-d; it must have a dimension to integrate along");
  CHECK_ERROR(trapezoid(x[0][0], x), "trapezoid: the tensor is 0-d; it must have a dimension to integrate along");
  CHECK_ERROR(trapezoid(integers),
              "trapezoid: the input is int64 [2, 3]; it must be float32 or float64, convert it by to(float32)");
  CHECK_ERROR(trapezoid(x, zeros({2, 2, 3})),
              "trapezoid: x is [2, 2, 3], y [2, 3]; x must have one dimension or as many as y");
  CHECK_ERROR(trapezoid(x, zeros({2})),
              "trapezoid: x is [2], y [2, 3]; along dimension 1 there must be as many x as y");
  CHECK_ERROR(topk(x, 4), "topk: k is 4 of dimension -1 of float32 [2, 3]; it must be from 0 to 3");
  CHECK_ERROR(topk(x[0][0], 0), "topk: k is 0 of dimension -1 of float32 []; it must be from 1 to 1");
  CHECK_ERROR(kthvalue(x, 0, 0), "kthvalue: k is 0 of dimension 0 of float32 [2, 3]; it must be from 1 to 2");
  CHECK_ERROR(median(none, 1), "median: dimension 1 of float32 [3, 0] is empty; there is no element to choose");
  CHECK_ERROR(quantile(none, 0.5), "quantile: the tensor is float32 [3, 0]; there is no element to choose");
  CHECK_ERROR(quantile(x, 1.5), "quantile: q is 1.5; it must be from 0 to 1");
  CHECK_ERROR(quantile(x, std::vector<double>()), "quantile: no q given");
  CHECK_ERROR(nanquantile(x, {0.5, -1.0}), "nanquantile: q is -1; it must be from 0 to 1");
  CHECK_ERROR(quantile(x, tensor({0.5, kNaN})), "quantile: q is nan; it must be from 0 to 1");
  CHECK_ERROR(quantile(x, tensor(0.5, {.dtype = float64})),
              "quantile: dtypes differ, float32 [2, 3] and float64 []; convert one by to(float32)");
  CHECK_ERROR(mean(x, {}, false, int64),
              "mean: the input is int64 [2, 3]; it must be float32 or float64, convert it by to(float32)");
  CHECK_ERROR(unique(none, true, false, false, 0),
              "unique: dimension 0 of float32 [3, 0] has no slices with elements; leave out dim");
  CHECK_ERROR(unique(tensor(1), true, false, false, 0),
              "unique: dimension 0 of int64 [] has no slices with elements; leave out dim");
  CHECK_ERROR(quantile(integers, 0.5),
              "quantile: the input is int64 [2, 3]; it must be float32 or float64, convert it by to(float32)");
  CHECK_ERROR(
      searchsorted(x, zeros({3, 2})),
      "searchsorted: the sequence is [2, 3], the values [3, 2]; it must have one dimension, or all their sizes "
      "but the last");
  CHECK_ERROR(searchsorted(x[0], integers),
              "searchsorted: dtypes differ, float32 [3] and int64 [2, 3]; convert one by to(float32)");
  CHECK_ERROR(searchsorted(x, x, false, integers[0]),
              "searchsorted: the sorter is [3], the sequence [2, 3]; their shapes must be equal");
  CHECK_ERROR(searchsorted(x[0], x, false, tensor({0, 1, 3})),
              "gather: index 3 is out of bounds for dimension 0 of size 3");
  CHECK_ERROR(bucketize(x, x), "bucketize: the boundaries are float32 [2, 3]; they must have one dimension");
  CHECK_ERROR(histc(x, 0), "histc: 0 bins; give 1 or more");
  CHECK_ERROR(histc(x, 3, 2, 1), "histc: from 2 to 1; min must be at most max, and both finite");
  CHECK_ERROR(histc(x, 3, 0, kInf), "histc: from 0 to inf; min must be at most max, and both finite");
  CHECK_ERROR(histc(tensor({1.0, kNaN})), "histc: an element is nan; give min and max");
  CHECK_ERROR(histc(tensor({1.0}), 3, -3e38, 3e38), "histc: the range from -3e+38 to 3e+38 is too wide");
}

TEST_CASE("write samples" * doctest::skip()) {
  write_samples(
      together({reductions(), counts(), scans(), sorts(), of_a_dtype(), more_searches(), reading(), edges()}));
}
