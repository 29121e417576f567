// x.at(…) as a view, writing in place, and what indexing refuses.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "autograd/autograd.h"
#include "tests/expect_error.h"

using namespace ebb;

namespace {

Tensor numbers(const Shape& shape, Dtype dtype = float32) {
  return reshape(arange(static_cast<double>(shape.numel()), {.dtype = dtype}), shape);
}

std::vector<double> values(const Tensor& x) { return x.to_vector<double>(); }
using List = std::vector<double>;

}  // namespace

TEST_CASE("at: integers, slices and new dimensions give a view") {
  const Tensor x = numbers({3, 4});
  const Tensor part = x.at(Slice(1), newaxis, Slice({}, {}, 2));
  CHECK(part.shape() == Shape{2, 1, 2});
  CHECK(values(part) == List{4, 6, 8, 10});
  part.fill_(-1);
  CHECK(values(x) == List{0, 1, 2, 3, -1, 5, -1, 7, -1, 9, -1, 11});
  CHECK(x.at(-1, 1).item() == 9);
  CHECK(x.at(std::int64_t{2}, 3U).item() == 11);
  CHECK(values(x.at(Slice(2, {}, std::int64_t{1} << 62), 3)) == List{11});

  const std::vector<Index> list{ellipsis, 1};
  CHECK(values(x.at(std::span<const Index>(list))) == List{1, 5, 9});
}

TEST_CASE("at: index tensors copy") {
  const Tensor x = numbers({3, 2});
  const Tensor rows = x.at(tensor({2, 0}));
  rows.fill_(7);
  CHECK(values(x) == List{0, 1, 2, 3, 4, 5});
  CHECK(values(x.at(gt(x, 2))) == List{3, 4, 5});
  CHECK(x.at(gt(x, 100)).shape() == Shape{0});
}

TEST_CASE("at refuses") {
  const Tensor x = zeros({3, 4});
  CHECK_ERROR(x.at(3), "at: index 3 is out of bounds for dimension 0 of size 3");
  CHECK_ERROR(x.at(Slice(), -5), "at: index -5 is out of bounds for dimension 1 of size 4");
  CHECK_ERROR(x.at(Slice(), tensor({0, 4})), "at: index 4 is out of bounds for dimension 1 of size 4");
  CHECK_ERROR(x.at(tensor(-4)), "at: index -4 is out of bounds for dimension 0 of size 3");
  CHECK_ERROR(x.at(0, tensor({0}), 0), "at: indices for 3 dimensions, but the tensor is float32 [3, 4]");
  CHECK_ERROR(x.at(ellipsis, 0, ellipsis), "at: 2 ellipses among the indices; one can be there");
  CHECK_ERROR(x.at(Slice(0, 3, 0)), "at: the step is 0; it must be positive");
  CHECK_ERROR(x.at(Slice(0, 3, -1)), "at: the step is -1; it must be positive");
  CHECK_ERROR(x.at(tensor({1.0})), "at: the index is float32 [1]; it must be int64, convert it by to(int64)");
  CHECK_ERROR(x.at(tensor({true, false})),
              "at: the mask is [2], the tensor [3, 4]; they differ in dimension 0 of the tensor");
  CHECK_ERROR(x.at(tensor({0, 1}), tensor({0, 1, 2})),
              "at: shapes [2] and [3] do not broadcast: 2 and 3 differ and neither is 1");
  CHECK_ERROR(zeros({0, 2}).at(tensor({0})), "at: index 0 is out of bounds for dimension 0 of size 0");
}

TEST_CASE("at allocates no memory for its list of indices") {
  const Tensor x = zeros({3, 4});
  x.at(Slice(1), ellipsis, 0);
  const auto before = memory::stats();
  { const Tensor y = x.at(Slice(1), ellipsis, 0); }
  CHECK(memory::stats().allocations == before.allocations + 1);
  CHECK(memory::stats().system_calls == before.system_calls);
}

TEST_CASE("set_at and add_at write in place") {
  const Tensor x = zeros({3, 4});
  x.set_at({Slice(1), ellipsis, 0}, 5);
  CHECK(values(x) == List{0, 0, 0, 0, 5, 0, 0, 0, 5, 0, 0, 0});
  x.set_at({0}, tensor({1, 2, 3, 4}));  // converted
  x.add_at({Slice(), 1}, tensor({1.0F, 2.0F, 3.0F}));
  CHECK(values(x) == List{1, 3, 3, 4, 5, 2, 0, 0, 5, 3, 0, 0});
  x.set_at({tensor({0, 2}), tensor({3, 3})}, tensor({-1.0, -2.0}));
  CHECK(values(x) == List{1, 3, 3, -1, 5, 2, 0, 0, 5, 3, 0, -2});
  x.add_at({ellipsis, tensor({2, 2, 2})}, tensor(1.0));
  CHECK(values(x) == List{1, 3, 6, -1, 5, 2, 3, 0, 5, 3, 3, -2});
  x.set_at({gt(x, 2)}, 0);
  CHECK(values(x) == List{1, 0, 0, -1, 0, 2, 0, 0, 0, 0, 0, -2});
  x.set_at({lt(x, 0)}, tensor({8.0, 9.0}));
  CHECK(values(x) == List{1, 0, 0, 8, 0, 2, 0, 0, 0, 0, 0, 9});
  x.set_at({tensor({true, false, true}), Slice(1, 3)}, tensor({{1.0, 2.0}, {3.0, 4.0}}));
  CHECK(values(x) == List{1, 1, 2, 8, 0, 2, 0, 0, 0, 3, 4, 9});
  const std::vector<Index> list{1, Slice(2)};
  x.set_at(std::span<const Index>(list), tensor(6.0));
  x.add_at(std::span<const Index>(list), tensor(1.0));
  CHECK(values(x) == List{1, 1, 2, 8, 0, 2, 7, 7, 0, 3, 4, 9});
}

TEST_CASE("set_at: of repeated indices the last stays") {
  const Tensor x = zeros({2, 2}), index = tensor({1, 0, 1});
  x.set_at({index}, tensor({{1.0, 2.0}, {3.0, 4.0}, {5.0, 6.0}}));
  CHECK(values(x) == List{3, 4, 5, 6});
}

TEST_CASE("set_at writes tensors whose dimensions have no one stride, and only there") {
  const Tensor x = zeros({2, 3, 2});
  x.set_at({tensor({0, 1, -1}), Slice(1, 3), tensor({0, 1, 0})}, tensor({{1.0, 2.0}, {3.0, 4.0}, {5.0, 6.0}}));
  CHECK(values(x) == List{0, 0, 1, 0, 2, 0, 0, 0, 5, 3, 6, 4});
  const Tensor y = zeros({3, 3});
  transpose(y, 0, 1).set_at({tensor({0, 2}), tensor({1, 1})}, tensor({1.0, 2.0}));
  CHECK(values(y) == List{0, 0, 0, 1, 0, 2, 0, 0, 0});
}

TEST_CASE("set_at from its own memory") {
  const Tensor x = numbers({4});
  x.set_at({Slice(1)}, x.at(Slice({}, -1)));
  CHECK(values(x) == List{0, 0, 1, 2});
  x.set_at({tensor({0, 1, 2, 3})}, flip(x, {0}));
  x.set_at({tensor({2, 3})}, x.at(Slice(0, 2)));
  CHECK(values(x) == List{2, 1, 2, 1});
  const Tensor places = tensor({2, 0, 1});
  places.set_at({places}, places);
  CHECK(values(places) == List{0, 1, 2});
  const Tensor flags = tensor({true, false, true});
  flags.set_at({flags}, false);
  CHECK(values(flags) == List{0, 0, 0});
}

TEST_CASE("set_at under replay") {
  const Tensor x = zeros({3});
  Replay step([&](const Tensor& index, const Tensor& y) {
    x.set_at({index}, y);
    x.add_at({Slice(0, 1)}, ones({1}));
    x.set_at({lt(x, 0)}, 0);
    return x * 1;
  });
  CHECK(values(step(tensor({0, 1}), tensor({5.0, 6.0}))) == List{6, 6, 0});
  CHECK(values(step(tensor({2, 1}), tensor({1.0, -2.0}))) == List{7, 0, 1});
  CHECK(values(step(tensor({0, 2}), tensor({1.0, 9.0}))) == List{2, 0, 9});
  CHECK_ERROR(step(tensor({0, 3}), tensor({1.0, 9.0})),
              "set_at: index 3 is out of bounds for dimension 0 of size 3");
}

TEST_CASE("set_at refuses, and leaves all as it was") {
  const Tensor x = zeros({3, 4});
  CHECK_ERROR(x.set_at({tensor({0, 3})}, 1), "set_at: index 3 is out of bounds for dimension 0 of size 3");
  CHECK_ERROR(x.add_at({tensor({-4, 0})}, tensor(1.0)),
              "add_at: index -4 is out of bounds for dimension 0 of size 3");
  CHECK_ERROR(x.set_at({0}, zeros({3})), "set_at: the values are [3]; they must broadcast to [4]");
  CHECK_ERROR(x.set_at({tensor({0, 1})}, zeros({1, 2, 4})),
              "set_at: the values are [1, 2, 4]; they must broadcast to [2, 4]");
  CHECK(values(x) == List(12, 0));
  CHECK_ERROR(expand(zeros({1}), {3}).set_at({0}, 1),
              "set_at: the tensor (float32 [3]) is expanded, so that several elements are one; clone() it first");

  Tensor w = ones({3});
  w.set_requires_grad();
  CHECK_ERROR(
      w.set_at({0}, 1),
      "set_at: the tensor (float32 [3]) requires grad and its history would be lost; write under NoGrad, or "
      "compute a new one");
  CHECK_ERROR(
      (w * 2).set_at({tensor({0})}, 1),
      "set_at: the tensor (float32 [3]) requires grad and its history would be lost; write under NoGrad, or "
      "compute a new one");
  {
    const NoGrad off;
    w.set_at({tensor({0})}, 4);
  }
  CHECK(values(w) == List{4, 1, 1});
}

TEST_CASE("a tensor saved for backward and then written by set_at is found out") {
  Tensor w = ones({3});
  w.set_requires_grad();
  for (const Tensor& index : {tensor({1}), tensor({false, true, false})}) {
    const Tensor x = ones({3}), y = sum(w * x);
    x.set_at({index}, 2);
    CHECK_ERROR(
        y.backward(),
        "mul: input 1 (float32 [3]) was saved for backward and then changed by set_at (1 writes since); clone() "
        "it before the change, or change it after backward");
  }
}

TEST_CASE("index_put and the scatters refuse") {
  const Tensor x = zeros({3, 4}), i = zeros({2, 2}, {.dtype = int64});
  CHECK_ERROR(index_put(x, {0}, zeros({4}, {.dtype = float64})),
              "index_put: dtypes differ, float32 [3, 4] and float64 [4]; convert one by to(float32)");
  CHECK_ERROR(index_put(x, {0}, zeros({2})), "index_put: the values are [2]; they must broadcast to [4]");
  CHECK_ERROR(index_put(x, {tensor({5})}, zeros({})),
              "index_put: index 5 is out of bounds for dimension 0 of size 3");
  CHECK_ERROR(scatter(x, 1, i + 4, 1.0), "scatter: index 4 is out of bounds for dimension 1 of size 4");
  CHECK_ERROR(scatter(x, 1, i + (-1), 1.0), "scatter: index -1 is out of bounds for dimension 1 of size 4");
  CHECK_ERROR(scatter_add(x, 0, i + 3, zeros({2, 2})),
              "scatter_add: index 3 is out of bounds for dimension 0 of size 3");
  CHECK_ERROR(scatter(x, 0, i, zeros({2, 1})),
              "scatter: the index is [2, 2], the tensor [3, 4], the source [2, 1]; ranks must be equal, and the "
              "index's sizes at most the source's and, off dimension 0, the tensor's");
  CHECK_ERROR(scatter(x, 0, zeros({2, 5}, {.dtype = int64}), 1.0),
              "scatter: the index is [2, 5], the tensor [3, 4], the source [2, 5]; ranks must be equal, and the "
              "index's sizes at most the source's and, off dimension 0, the tensor's");
  CHECK_ERROR(scatter(x, 0, zeros({2, 2}), 1.0),
              "scatter: the index is float32 [2, 2]; it must be int64, convert it by to(int64)");
  CHECK_ERROR(scatter_reduce(i, 0, i, i, ScatterReduction::mean),
              "scatter_reduce: the mean's input is int64 [2, 2]; it must be float32 or float64, convert it by "
              "to(float32)");
  CHECK_ERROR(scatter_reduce(gt(i, 0), 0, i, gt(i, 0), ScatterReduction::prod),
              "scatter: bool elements cannot be combined; convert both to another dtype first");
  CHECK_ERROR(
      index_add(x, 0, tensor({0, 1}), zeros({3, 4})),
      "index_add: the source is [3, 4]; for a tensor [3, 4] and 2 indices along dimension 0 it must be [2, 4]");
  CHECK_ERROR(index_copy(x, 0, i, zeros({2, 4})),
              "index_copy: the index is int64 [2, 2]; it must have one dimension");
  CHECK_ERROR(slice_scatter(x, zeros({1, 4}), 0, 1),
              "slice_scatter: the source is [1, 4]; the part that it replaces is [2, 4]");
  CHECK_ERROR(select_scatter(x, zeros({4}), 0, 3),
              "select_scatter: index 3 is out of bounds for dimension 0 of size 3");
  CHECK_ERROR(slice_scatter(zeros({}), zeros({})), "slice_scatter: the tensor is 0-d");
  CHECK_ERROR(select_scatter(zeros({}), zeros({}), 0, 0), "select_scatter: the tensor is 0-d");
  CHECK_ERROR(take(x, tensor({12})), "take: index 12 is out of bounds for dimension 0 of size 12");
  CHECK_ERROR(take_along_dim(x, tensor({0}), 0),
              "take_along_dim: the tensor is float32 [3, 4], the index int64 [1]; they must have one rank");
  CHECK_ERROR(masked_fill(x, gt(x, 0), zeros({4})),
              "masked_fill: the value is float32 [4]; it must be 0-d, or use where()");
  CHECK_ERROR(masked_select(x, x),
              "masked_select: the mask is float32 [3, 4]; it must be bool, convert it by to(boolean)");
  CHECK_ERROR(masked_scatter(x, ge(x, 0), zeros({11})),
              "masked_scatter: the mask has 12 true elements, the source only 11");
  CHECK_ERROR(one_hot(x), "one_hot: the index is float32 [3, 4]; it must be int64, convert it by to(int64)");
  CHECK_ERROR(one_hot(i, 0), "one_hot: 0 classes; give 1 or more");
  CHECK_ERROR(one_hot(zeros({0}, {.dtype = int64})),
              "one_hot: no index is given, from which num_classes would follow; give it");
  CHECK(one_hot(tensor({0, 2})).shape() == Shape{2, 3});
  const Tensor whole =
      scatter_reduce(tensor({5, 2}), 0, tensor({0, 0}), tensor({3, 4}), ScatterReduction::amin, false);
  CHECK(values(whole) == List{3, 2});
}

TEST_CASE("what has a shape that depends on values is refused within a Replay") {
  const auto refused = [](auto f) {
    Replay step(f);
    return step(zeros({3}));
  };
  const std::string rest =
      " within the function would happen once, when it is recorded; move it out of the function";
  CHECK_ERROR(refused([](const Tensor& x) { return x.at(gt(x, 0)); }), ("Replay: at" + rest).c_str());
  CHECK_ERROR(refused([](const Tensor& x) { return masked_select(x, gt(x, 0)); }),
              ("Replay: masked_select" + rest).c_str());
  CHECK_ERROR(refused([](const Tensor& x) { return repeat_interleave(x, ones({3}, {.dtype = int64})); }),
              ("Replay: repeat_interleave()" + rest).c_str());
}
