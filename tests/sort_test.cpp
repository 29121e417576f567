#include "autograd/kernels/sort.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "autograd/autograd.h"
#include "autograd/kernels/search.h"
#include "tests/arrays.h"
#include "tests/expect_error.h"
#include "tests/lines_of.h"

using namespace ebb;
using namespace ebb::test;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Some equal elements, and what floats have besides numbers.
void fill_with_equals(Array& x, Rng& rng) {
  const Dtype dtype = x.dtype();
  const std::int64_t most = dtype == boolean ? 1
                            : dtype == uint8 ? 255
                                             : 300,
                     least = is_floating(dtype) || size_of(dtype) >= 4 ? -most : 0;
  x.fill([&](std::int64_t) {
    const double odd[] = {kNaN, kInf, -kInf, -0.0, 0.0, -kNaN};
    if (is_floating(dtype) && pick(rng, 0, 9) == 0) return odd[pick(rng, 0, 5)];
    return static_cast<double>(pick(rng, least, most)) * (is_floating(dtype) ? 0.37 : 1);
  });
}

// The stable order of a line; NaN is the largest.
std::vector<std::int64_t> order_of(const std::vector<double>& line, bool largest) {
  std::vector<std::int64_t> order(line.size());
  std::iota(order.begin(), order.end(), 0);
  const auto less = [](double a, double b) { return std::isnan(b) ? !std::isnan(a) : a < b; };
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t i, std::int64_t j) {
    const double a = line[static_cast<std::size_t>(i)], b = line[static_cast<std::size_t>(j)];
    return largest ? less(b, a) : less(a, b);
  });
  return order;
}

// Lines of y begin as the order of x's lines does.
bool is_order(const Array& y, const Array& x, int dim, bool largest) {
  bool same = y.guarded();
  for (std::int64_t line = 0; line < lines_of(x.shape(), dim); ++line) {
    const auto order = order_of(line_of(x, dim, line), largest);
    const auto got = line_of(y, dim, line);
    for (std::size_t i = 0; i < got.size(); ++i) same = same && static_cast<std::int64_t>(got[i]) == order[i];
  }
  return same;
}

Tensor floats(std::initializer_list<double> values) { return tensor(values); }
Tensor integers(std::initializer_list<std::int64_t> values) { return tensor(values); }
bool equal(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() && all(eq(a, b)).item() != 0;
}

}  // namespace

TEST_CASE("sorting lines of any shape, strides and dtype is stable, NaN last") {
  Rng rng(1);
  for (int round = 0; round < 120; ++round) {
    Shape shape = random_shape(rng, static_cast<int>(pick(rng, 1, 4)), 4000);
    const int dim = static_cast<int>(pick(rng, 0, shape.rank() - 1));
    if (pick(rng, 0, 3) == 0) shape = shape.rank() < 3 ? shape.with(dim, pick(rng, 150, 700)) : shape;
    for (const Dtype dtype : {float32, float64, int64, int32, uint8, boolean}) {
      Array x(dtype, shape, kLayouts[pick(rng, 0, 4)]);
      fill_with_equals(x, rng);
      const auto layout = kOutputLayouts[pick(rng, 0, 3)];
      for (const bool largest : {false, true}) {
        for (const std::int64_t size : {shape[dim], std::min<std::int64_t>(2, shape[dim])}) {
          Array y(int64, shape.with(dim, size), layout);
          kernels::argsort(y, x, dim, largest);
          CHECK_MESSAGE(is_order(y, x, dim, largest), to_string(shape), " along ", dim, " of ", name_of(dtype));
        }
      }
    }
  }
}

TEST_CASE("the element of any rank, and the first NaN") {
  Rng rng(2);
  for (const Dtype dtype : {float32, float64, int32, boolean}) {
    Array x(dtype, {7, 40, 5});
    fill_with_equals(x, rng);
    Array y(int64, {7, 1, 5});
    for (const std::int64_t rank : {0, 3, 19, 39}) {
      for (const bool nan_first : {false, true}) {
        kernels::kth(y, x, 1, rank, nan_first);
        bool same = true;
        for (std::int64_t line = 0; line < 35; ++line) {
          const auto elements = line_of(x, 1, line);
          const auto nan = std::find_if(elements.begin(), elements.end(), [](double e) { return std::isnan(e); });
          const std::int64_t expected = nan_first && nan != elements.end()
                                            ? nan - elements.begin()
                                            : order_of(elements, false)[static_cast<std::size_t>(rank)];
          same = same && static_cast<std::int64_t>(line_of(y, 1, line)[0]) == expected;
        }
        CHECK(same);
      }
    }
  }
}

TEST_CASE("the extreme integers are sorted") {
  const auto least = std::numeric_limits<std::int64_t>::min(), most = std::numeric_limits<std::int64_t>::max();
  const Tensor x = integers({0, most, -1, least, 1});
  CHECK(equal(sort(x).values, integers({least, -1, 0, 1, most})));
  CHECK(equal(sort(x, 0, true).indices, integers({1, 4, 0, 2, 3})));
}

TEST_CASE("sorting gives the same bits on any number of threads") {
  Rng rng(3);
  for (const auto& [shape, dim] : {std::pair<Shape, int>{{3, 50'000}, 1}, {{200, 1000}, 0}, {{20'000, 6}, 1}}) {
    Array x(float32, shape), y(int64, shape);
    fill_with_equals(x, rng);
    CHECK(same_bits_on_any_threads([&, d = dim] {
      kernels::argsort(y, x, d, false);
      return y.bytes();
    }));
  }
}

TEST_CASE("searching counts the elements below") {
  Rng rng(4);
  for (int round = 0; round < 100; ++round) {
    const std::int64_t n = pick(rng, 0, 40);
    const bool many = pick(rng, 0, 1) == 1;
    Shape shape = random_shape(rng, static_cast<int>(pick(rng, many ? 1 : 0, 3)), 300);
    const Shape sequences = many ? shape.with(shape.rank() - 1, n) : Shape{n};
    for (const Dtype dtype : {float32, float64, int64, uint8}) {
      const auto layout = kLayouts[pick(rng, 0, 3)];
      Array sequence(dtype, sequences, layout), values(dtype, shape, kLayouts[pick(rng, 0, 4)]),
          y(int64, shape, kOutputLayouts[pick(rng, 0, 3)]);
      for (std::int64_t i = 0; i < sequence.numel(); i += n) {
        std::vector<std::int64_t> line;
        for (std::int64_t j = 0; j < n; ++j) line.push_back(pick(rng, 0, 30));
        std::sort(line.begin(), line.end());
        for (std::int64_t j = 0; j < n; ++j)
          sequence.set(i + j, static_cast<double>(line[static_cast<std::size_t>(j)]));
      }
      values.fill([&](std::int64_t) { return static_cast<double>(pick(rng, 0, 31)); });
      for (const bool right : {false, true}) {
        kernels::searchsorted(y, sequence, values, right);
        bool same = y.guarded();
        for (std::int64_t i = 0; i < y.numel(); ++i) {
          const std::int64_t first = many ? i / shape[shape.rank() - 1] * n : 0;
          double below = 0;
          for (std::int64_t j = 0; j < n; ++j)
            below += right ? sequence[first + j] <= values[i] : sequence[first + j] < values[i];
          same = same && y[i] == below;
        }
        CHECK(same);
      }
    }
  }
}

TEST_CASE("the places that are not 0") {
  CHECK(equal(nonzero(tensor({{0, 3, 0}, {1, 0, 2}})), tensor({{0, 1}, {1, 0}, {1, 2}})));
  CHECK(equal(nonzero(transpose(tensor({{0, 3, 0}, {1, 0, 2}}), 0, 1)), tensor({{0, 1}, {1, 0}, {2, 1}})));
  CHECK(equal(nonzero(floats({0, -0.0, kNaN, 1})), tensor({{2}, {3}})));
  CHECK(nonzero(zeros({3, 4})).shape() == Shape{0, 2});
  CHECK(nonzero(zeros({0, 4})).shape() == Shape{0, 2});
  CHECK(nonzero(tensor(2)).shape() == Shape{1, 0});
  CHECK(nonzero(tensor(0)).shape() == Shape{0, 0});
  Generator random{5};
  const Tensor x = bernoulli(0.1, {7, 3, 50}, {.generator = &random});
  const auto flags = x.to_vector<float>();
  std::vector<std::int64_t> places;
  for (std::size_t i = 0; i < flags.size(); ++i)
    if (flags[i] != 0)
      for (const std::size_t place : {i / 150, i / 50 % 3, i % 50})
        places.push_back(static_cast<std::int64_t>(place));
  CHECK(nonzero(x).to_vector<std::int64_t>() == places);
}

TEST_CASE("each element once") {
  const auto u = unique(tensor({{3, 1}, {3, 2}}), true, true, true);
  CHECK(equal(u.output, tensor({1, 2, 3})));
  CHECK(equal(u.inverse_indices, tensor({{2, 0}, {2, 1}})));
  CHECK(equal(u.counts, tensor({1, 1, 2})));
  CHECK_FALSE(unique(tensor({1, 1})).counts.defined());
  CHECK(unique(floats({kNaN, 1, kNaN})).output.numel() == 3);
  CHECK(equal(unique(gt(floats({1, -1, 2}), 0)).output, tensor({false, true})));
  const auto none = unique(zeros({0, 3}), true, true, true);
  CHECK(none.output.shape() == Shape{0});
  CHECK(none.inverse_indices.shape() == Shape{0, 3});
  CHECK(none.counts.shape() == Shape{0});
  CHECK(equal(unique(tensor(5), false, true).inverse_indices, tensor(0)));
}

TEST_CASE("each slice once: NaN last, and none of them equal") {
  const Tensor x = tensor({{1., kNaN}, {1., 2.}, {-0., 5.}, {1., kNaN}, {0., 5.}});
  const auto u = unique(x, true, true, true, 0);
  CHECK(equal(u.inverse_indices, tensor({2, 1, 0, 3, 0})));
  CHECK(equal(u.counts, tensor({2, 1, 1, 1})));
  CHECK(equal(narrow(u.output, 0, 0, 2), tensor({{-0., 5.}, {1., 2.}})));
  CHECK(unique(transpose(x, 0, 1), true, false, false, 1).output.shape() == Shape{2, 4});
  CHECK(equal(unique(gt(x, 1), true, false, false, 0).output, tensor({{false, false}, {false, true}})));
}

TEST_CASE("how often each number occurs") {
  CHECK(equal(bincount(tensor({1, 3, 1})), tensor({0, 2, 0, 1})));
  CHECK(equal(bincount(tensor({1, 0}, {.dtype = uint8}), {}, 4), tensor({1, 1, 0, 0})));
  CHECK(equal(bincount(tensor({1, 3, 1}), floats({0.5, 2, 0.25})), floats({0, 0.75, 0, 2})));
  CHECK(bincount(zeros({0}, {.dtype = int64})).shape() == Shape{0});
  Tensor weights = tensor({1.0, 2.0}, {.requires_grad = true});
  sum(bincount(tensor({1, 0}), weights) * floats({3, 4})).backward();
  CHECK(equal(weights.grad(), floats({4, 3})));

  CHECK_ERROR(bincount(tensor({1, -2})), "bincount: an element is -2; they must be 0 or more");
  CHECK_ERROR(bincount(floats({1})), "bincount: the tensor is float32 [1]; it must be integers in one dimension");
  CHECK_ERROR(bincount(zeros({1, 1}, {.dtype = int64})),
              "bincount: the tensor is int64 [1, 1]; it must be integers in one dimension");
  CHECK_ERROR(bincount(tensor({1}), {}, -1), "bincount: minlength is -1; it must be 0 or more");
  CHECK_ERROR(bincount(tensor({1}), floats({1, 2})),
              "bincount: the weights are [2], the tensor [1]; their shapes must be equal");
  CHECK_ERROR(bincount(tensor({std::numeric_limits<std::int64_t>::max()})),
              "shape: [9223372036854775807] has more elements than can be addressed");
}

TEST_CASE("shapes that depend on values are refused in a replay, lines that are too long everywhere") {
  const auto refusal = [](const char* name) {
    return std::string("Replay: ") + name +
           " within the function would happen once, when it is recorded; move it out of the function";
  };
  const auto recorded = [](Tensor (*f)(const Tensor&)) {
    Replay replay(f);
    return replay(tensor({1, 2}));
  };
  CHECK_ERROR(recorded([](const Tensor& x) { return nonzero(x); }), refusal("nonzero").c_str());
  CHECK_ERROR(recorded([](const Tensor& x) { return unique(x).output; }), refusal("unique").c_str());
  CHECK_ERROR(recorded([](const Tensor& x) { return quantile(x, x); }), refusal("quantile").c_str());
  CHECK_ERROR(recorded([](const Tensor& x) { return bincount(x); }), refusal("bincount").c_str());

  CHECK_ERROR(kthvalue(expand(zeros({1}), {std::int64_t{1} << 50}), 1),
              "sort: dimension 0 has 1125899906842624 elements; at most 281474976710656 are sorted");
}
