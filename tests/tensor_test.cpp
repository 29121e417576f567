// Tensors: making, viewing, reading, printing, and what they refuse.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <sstream>
#include <vector>

#include "autograd/autograd.h"
#include "autograd/print.h"
#include "tests/expect_error.h"

using namespace ebb;

namespace {

std::vector<std::int64_t> ints(const Tensor& x) { return x.to_vector<std::int64_t>(); }
using Ints = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("tensors from braces, spans and vectors") {
  CHECK(tensor({1.0, 2.0}).dtype() == float32);
  CHECK(tensor({1, 2}).dtype() == int64);
  CHECK(tensor({true, false}).dtype() == boolean);
  CHECK(tensor({1.0f}).dtype() == float32);
  CHECK(tensor({1.0}, {.dtype = float64}).dtype() == float64);
  CHECK(tensor({{1, 2, 3}, {4, 5, 6}}).shape() == Shape{2, 3});
  CHECK(tensor({{{1.5}, {2.5}}}).shape() == Shape{1, 2, 1});
  CHECK(tensor({{{{1, 2}}}}).shape() == Shape{1, 1, 1, 2});
  CHECK(tensor(3.5).shape() == Shape{});
  CHECK(tensor(std::numeric_limits<std::int64_t>::max()).item<std::int64_t>() ==
        std::numeric_limits<std::int64_t>::max());
  CHECK(tensor(std::vector<double>{1, 2}).dtype() == float64);
  const std::int32_t values[] = {7, 8};
  CHECK(tensor(std::span(values)).dtype() == int32);
  CHECK_ERROR(tensor({{1, 2}, {3}}), "tensor: rows of 2 and 1 elements at depth 1; all must have one length");
}

TEST_CASE("bug class 14: shapes are checked in one place") {
  const std::int64_t big = std::int64_t{1} << 40;
  CHECK_ERROR(zeros({2, -1}), "shape: negative size -1 in [2, -1]");
  CHECK_ERROR((Shape{big, big}), "shape: [1099511627776, 1099511627776] has more elements than can be addressed");
  CHECK_ERROR((Shape{big, big, 0}),
              "shape: [1099511627776, 1099511627776, 0] has more elements than can be addressed");
  CHECK_ERROR((Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}), "shape: 9 dimensions given; ebb tensors have at most 8");
  CHECK_ERROR(reshape(zeros({4}), {-1, -1}), "reshape: size -1 in [-1, -1]; at most one size may be -1");
  CHECK_ERROR(reshape(zeros({4}), {3, -1}), "reshape: the elements of float32 [4] do not fill [3, -1]");
  CHECK_ERROR(reshape(zeros({4}), {big, big}), "reshape: [1099511627776, 1099511627776] has too many elements");
  CHECK_ERROR(reshape(zeros({4}), {5}), "reshape: float32 [4] has 4 elements, [5] has 5");
}

TEST_CASE("creation") {
  CHECK(ints(arange(5)) == Ints{0, 1, 2, 3, 4});
  CHECK(ints(arange(2, 11, 3)) == Ints{2, 5, 8});
  CHECK(arange(0, 1, 0.25).to_vector<float>() == std::vector<float>{0, 0.25f, 0.5f, 0.75f});
  CHECK(linspace(0, 1, 5).to_vector<float>() == std::vector<float>{0, 0.25f, 0.5f, 0.75f, 1});
  CHECK(linspace(3, 4, 1).to_vector<float>() == std::vector<float>{3});
  CHECK(ints(eye(2, 3).to(int64)) == Ints{1, 0, 0, 0, 1, 0});
  CHECK(ints(full({2}, 7, {.dtype = int32})) == Ints{7, 7});
  CHECK(zeros({0, 3}).numel() == 0);
  CHECK_ERROR(arange(0, 1, -1),
              "arange: from 0 to 1 in steps of -1 never arrives; step must be finite, not 0 and lead to the end");
  CHECK_ERROR(linspace(0, 1, -1), "linspace: -1 steps; give 0 or more");
  CHECK_ERROR(randint(3, 3, {2}), "randint: no integer from 3 to below 3");
  CHECK_ERROR(bernoulli(1.5, {2}), "bernoulli: p is 1.5; it must be from 0 to 1");
  CHECK_ERROR(rand({2}, {.dtype = int64}), "rand: dtype int64 given; ask for float32 or float64");
}

TEST_CASE("random numbers depend on seed and position alone") {
  Generator a{5}, b{5};
  const auto first = randn({6}, {.generator = &a}), second = randn({6}, {.generator = &a});
  CHECK(a.position == 16);
  b.position = 8;
  CHECK(randn({6}, {.generator = &b}).to_vector<float>() == second.to_vector<float>());
  CHECK(first.to_vector<float>() != second.to_vector<float>());
  manual_seed(3);
  const auto p = ints(randperm(100));
  manual_seed(3);
  CHECK(ints(randperm(100)) == p);
  auto sorted = p;
  std::sort(sorted.begin(), sorted.end());
  CHECK(sorted == ints(arange(100)));
}

TEST_CASE("views share memory") {
  auto x = arange(24).to(float32);
  auto m = view(x, {2, 3, 4});
  CHECK(m.data<const float>() == x.data<const float>());
  CHECK(ints(m[1][2]) == Ints{20, 21, 22, 23});
  CHECK(ints(m[-1][0]) == Ints{12, 13, 14, 15});
  CHECK(ints(transpose(m, 0, 2)[3]) == Ints{3, 15, 7, 19, 11, 23});
  CHECK(ints(select(permute(m, {2, 0, 1}), 0, 1)) == Ints{1, 5, 9, 13, 17, 21});
  CHECK(ints(slice(x, 0, 1, 10, 4)) == Ints{1, 5, 9});
  CHECK(ints(slice(x, 0, -3)) == Ints{21, 22, 23});
  CHECK(slice(x, 0, 5, 2).numel() == 0);
  CHECK(ints(narrow(m, 1, 1, 1)) == Ints{4, 5, 6, 7, 16, 17, 18, 19});
  CHECK(unsqueeze(x, 0).shape() == Shape{1, 24});
  CHECK(unsqueeze(x, -1).shape() == Shape{24, 1});
  CHECK(squeeze(zeros({1, 3, 1})).shape() == Shape{3});
  CHECK(squeeze(zeros({1, 3, 1}), 0).shape() == Shape{3, 1});
  CHECK(expand(zeros({3, 1}), {2, 3, 4}).strides() == Dims{0, 1, 0});
  CHECK(flatten(m).shape() == Shape{24});
  CHECK(flatten(m, 1).shape() == Shape{2, 12});
  CHECK(flatten(m, 0, 1).shape() == Shape{6, 4});
  CHECK(split(x, 10).size() == 3);
  CHECK(ints(split(x, 10)[2]) == Ints{20, 21, 22, 23});
  CHECK(chunk(x, 5).size() == 5);
  CHECK(ints(split(x, {1, 23})[0]) == Ints{0});
  x.fill_(9);
  CHECK(m[1][2][3].item() == 9);
}

TEST_CASE("reshape copies only where it must") {
  auto m = reshape(arange(24), {2, 3, 4});
  auto t = transpose(m, 1, 2);
  CHECK(reshape(t, {2, 2, 2, 3}).data<const std::int64_t>() == m.data<const std::int64_t>());
  CHECK(ints(reshape(t, {2, 12})[0]) == Ints{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11});
  CHECK_ERROR(
      view(t, {24}),
      "view: int64 [2, 4, 3] with strides [12, 1, 4] can not be seen as [24] without a copy; use reshape()");
  CHECK(ints(reshape(narrow(m, 2, 0, 2), {2, 3, 2, 1})) == Ints{0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21});
}

TEST_CASE("mistaken dimensions and indices") {
  auto x = zeros({2, 3});
  CHECK_ERROR(x[2], "select: index 2 of dimension 0 of float32 [2, 3]");
  CHECK_ERROR(select(x, 2, 0), "select: dimension 2 of a tensor of 2 dimensions");
  CHECK_ERROR(narrow(x, 1, 2, 2), "narrow: start 2 and length 2 leave dimension 1 of float32 [2, 3]");
  CHECK_ERROR(permute(x, {0, 0}), "permute: dimension 0 appears twice in [0, 0]");
  CHECK_ERROR(permute(x, {0}), "permute: [0] names 1 dimensions, the tensor is float32 [2, 3]");
  CHECK_ERROR(expand(x, {4, 3}), "expand: [2, 3] does not stretch to [4, 3]: size 2 is not 1");
  CHECK_ERROR(slice(x, 0, 0, 2, 0), "slice: the step is 0; it must be positive");
  CHECK_ERROR(cat({x, zeros({2, 4})}, 0),
              "cat: tensor 1 is [2, 4], tensor 0 [2, 3]; all sizes but that of dimension 0 must be equal");
  CHECK_ERROR(stack({x, zeros({2})}), "stack: shapes differ, [2, 3] and [2]");
  CHECK_ERROR(x + zeros({4}), "add: shapes [2, 3] and [4] do not broadcast: 3 and 4 differ and neither is 1");
  CHECK_ERROR(x + zeros({3}, {.dtype = float64}),
              "add: dtypes differ, float32 [2, 3] and float64 [2, 3]; convert one by to(float32)");
  CHECK_ERROR(matmul(zeros({64, 128}), zeros({784, 10})),
              "matmul: inner sizes differ, 128 and 784 (lhs [64, 128], rhs [784, 10])");
}

TEST_CASE("elements, dtypes and undefined tensors") {
  auto x = tensor({{1.5, -2.5}, {3.0, 0.0}});
  CHECK(x[0][1].item() == -2.5);
  CHECK(x[1][0].item<int>() == 3);
  CHECK(ints(x.to(boolean)) == Ints{1, 1, 1, 0});
  CHECK(x.to(float32).data<const float>() == x.data<const float>());
  CHECK(transpose(x, 0, 1).to_vector<float>() == std::vector<float>{1.5f, 3, -2.5f, 0});
  CHECK(transpose(x, 0, 1).contiguous().is_contiguous());
  CHECK(x.size(-1) == 2);
  CHECK_ERROR(x.item(), "item: the tensor is float32 [2, 2], not a single element; index it first");
  CHECK_ERROR(
      x.data<double>(),
      "data: asked for float64, but the tensor is float32 [2, 2]; ask for that, or convert it by to(float64)");
  CHECK_ERROR(x.size(2), "size: dimension 2 of a tensor of 2 dimensions");
  CHECK_ERROR(Tensor().shape(), "tensor: this Tensor is undefined; assign one before using it");
  CHECK(!Tensor().defined());
}

TEST_CASE("writes broadcast, convert and may overlap") {
  auto x = zeros({2, 3});
  x.copy_(tensor({1, 2, 3}));
  CHECK(ints(x) == Ints{1, 2, 3, 1, 2, 3});
  x.add_(ones({2, 1}), 2);
  CHECK(ints(x) == Ints{3, 4, 5, 3, 4, 5});
  auto v = arange(5);
  slice(v, 0, 1).copy_(slice(v, 0, 0, 4));
  CHECK(ints(v) == Ints{0, 0, 1, 2, 3});
}

TEST_CASE("foreign memory") {
  int freed = 0;
  float values[] = {1, 2, 3, 4};
  {
    auto x = from_blob(values, {2, 2}, float32, [&](void* p) {
      CHECK(p == values);
      ++freed;
    });
    auto row = x[1];
    x = Tensor();
    CHECK(freed == 0);
    row.fill_(7);
  }
  CHECK(freed == 1);
  CHECK(values[3] == 7);
  CHECK_ERROR(from_blob(nullptr, {2}, float32), "from_blob: the data pointer is null, but the shape is [2]");
  CHECK_ERROR(from_blob(reinterpret_cast<char*>(values) + 1, {2}, float32),
              "from_blob: the data is not aligned for float32; align it to 4 bytes");
}

TEST_CASE("printing, as NumPy prints") {
  const auto text = [](const Tensor& x) { return to_string(x); };
  CHECK(text(tensor({1.0, 2.5, -3.0})) == "[ 1.   2.5 -3. ]");
  CHECK(text(tensor({{1, 20}, {300, 4}})) == "[[  1  20]\n [300   4]]");
  CHECK(text(tensor({true, false})) == "[ True False]");
  CHECK(text(tensor(3.5)) == "3.5");
  CHECK(text(zeros({0, 3})) == "[]");
  CHECK(text(tensor({1e-10, 1.0}, {.dtype = float64})) == "[1.e-10 1.e+00]");
  CHECK(text(tensor({0.1, 0.12345678912}, {.dtype = float64})) == "[0.1        0.12345679]");
  CHECK(text(zeros({2, 2, 1})) == "[[[0.]\n  [0.]]\n\n [[0.]\n  [0.]]]");
  const double inf = std::numeric_limits<double>::infinity();
  CHECK(text(tensor({inf, -1.0, std::nan("")})) == "[inf -1. nan]");
  CHECK(text(arange(2000)) == "[   0    1    2 ... 1997 1998 1999]");
  CHECK(text(arange(30)) ==
        "[ 0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23\n 24 25 26 27 28 29]");
  CHECK(text(Tensor()) == "undefined");
  std::ostringstream out;
  out << tensor({1, 2});
  CHECK(out.str() == "[1 2]");
  CHECK(fmt::format("{}", tensor({1, 2})) == "[1 2]");
}
