#include "autograd/kernels/index.h"

#include <doctest/doctest.h>

#include <string>

#include "autograd/base/error.h"
#include "tests/arrays.h"

using namespace ebb;
using namespace ebb::test;

namespace {

// The coordinates of element i, and back.
std::vector<std::int64_t> coordinates(const Shape& shape, std::int64_t i) {
  std::vector<std::int64_t> place(static_cast<std::size_t>(shape.rank()));
  for (int dim = shape.rank() - 1; dim >= 0; --dim) {
    place[static_cast<std::size_t>(dim)] = i % shape[dim];
    i /= shape[dim];
  }
  return place;
}
std::int64_t number(const Shape& shape, const std::vector<std::int64_t>& place) {
  std::int64_t i = 0;
  for (int dim = 0; dim < shape.rank(); ++dim) i = i * shape[dim] + place[static_cast<std::size_t>(dim)];
  return i;
}

// Element i of a tensor of shape `from` belongs to this one of a tensor of shape `to`, whose coordinate along
// dim is an index: index[i], or index[coordinate along dim] if it is 1-d.
std::int64_t indexed(const Shape& from, std::int64_t i, const Shape& to, const Array& index, int dim,
                     bool by_dim) {
  auto place = coordinates(from, i);
  auto& along = place[static_cast<std::size_t>(dim)];
  along = static_cast<std::int64_t>(index[by_dim ? along : i]);
  return number(to, place);
}

bool equal(const Array& a, const std::vector<double>& b, double tolerance = 0) {
  bool same = a.guarded();
  for (std::int64_t i = 0; i < a.numel(); ++i)
    same = same && std::abs(a[i] - b[static_cast<std::size_t>(i)]) <= tolerance;
  return same;
}

Layout any_layout(Rng& rng) { return kLayouts[pick(rng, 0, 4)]; }
Layout output_layout(Rng& rng) { return kOutputLayouts[pick(rng, 0, 3)]; }

// The reads: y = x at the indices.
void check_read(Rng& rng, Dtype dtype, const Shape& from, std::int64_t count, int dim, bool by_dim) {
  const Shape to = from.with(dim, count);
  Array x(dtype, from, any_layout(rng)), y(dtype, to, output_layout(rng));
  Array index(int64, by_dim ? Shape{count} : to, any_layout(rng));
  x.fill([&](std::int64_t) { return static_cast<double>(pick(rng, 0, dtype == boolean ? 1 : 200)); });
  index.fill([&](std::int64_t) { return static_cast<double>(pick(rng, 0, from[dim] - 1)); });
  (by_dim ? kernels::index_select : kernels::gather)(y, x, index, dim);
  std::vector<double> expected;
  for (std::int64_t i = 0; i < y.numel(); ++i) expected.push_back(x[indexed(to, i, from, index, dim, by_dim)]);
  CHECK_MESSAGE(equal(y, expected), to_string(from), " to ", to_string(to), " along ", dim, " by_dim ", by_dim);
}

// The additions: y at the indices += x.
void check_add(Rng& rng, Dtype dtype, const Shape& to, std::int64_t count, int dim, bool by_dim) {
  const Shape from = to.with(dim, count);
  Array x(dtype, from, any_layout(rng)), y(dtype, to, output_layout(rng));
  Array index(int64, by_dim ? Shape{count} : from, any_layout(rng));
  const auto small = [&](std::int64_t) { return static_cast<double>(pick(rng, 0, dtype == uint8 ? 1 : 9)); };
  x.fill(small);
  y.fill(small);
  index.fill([&](std::int64_t) { return static_cast<double>(pick(rng, 0, to[dim] - 1)); });
  std::vector<double> expected;
  for (std::int64_t i = 0; i < y.numel(); ++i) expected.push_back(y[i]);
  for (std::int64_t i = 0; i < x.numel(); ++i)
    expected[static_cast<std::size_t>(indexed(from, i, to, index, dim, by_dim))] += x[i];
  (by_dim ? kernels::index_add : kernels::scatter_add)(y, x, index, dim);
  CHECK_MESSAGE(equal(y, expected), to_string(from), " to ", to_string(to), " along ", dim, " by_dim ", by_dim);
}

template <class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const Error& e) { return e.what(); }
  return "";
}

}  // namespace

TEST_CASE("index_select and gather read any dtype, shape and strides") {
  Rng rng(1);
  for (int round = 0; round < 400; ++round) {
    const Shape shape = random_shape(rng, static_cast<int>(pick(rng, 1, 4)), 2000);
    const int dim = static_cast<int>(pick(rng, 0, shape.rank() - 1));
    const std::int64_t count = shape[dim] == 0 ? 0 : pick(rng, 0, 12);
    for (const Dtype dtype : {float32, float64, int64, int32, uint8, boolean})
      for (const bool by_dim : {false, true}) check_read(rng, dtype, shape, count, dim, by_dim);
  }
  for (int dim = 0; dim < 2; ++dim)
    for (const bool by_dim : {false, true}) check_read(rng, float32, {300, 200}, 500, dim, by_dim);
}

TEST_CASE("index_add and scatter_add add every element, repeated indices too") {
  Rng rng(2);
  for (int round = 0; round < 400; ++round) {
    const Shape shape = random_shape(rng, static_cast<int>(pick(rng, 1, 4)), 2000);
    const int dim = static_cast<int>(pick(rng, 0, shape.rank() - 1));
    const std::int64_t count = shape[dim] == 0 ? 0 : pick(rng, 0, 12);
    for (const Dtype dtype : {float32, float64, int64, int32, uint8})
      for (const bool by_dim : {false, true}) check_add(rng, dtype, shape, count, dim, by_dim);
  }
  for (int dim = 0; dim < 2; ++dim)
    for (const bool by_dim : {false, true}) check_add(rng, float32, {300, 200}, 500, dim, by_dim);
}

TEST_CASE("gather and scatter_add take an index smaller than the tensor in other dimensions") {
  Array x(float32, {4, 5}), index(int64, {2, 3}), y(float32, {2, 3});
  x.fill([](std::int64_t i) { return static_cast<double>(i); });
  index.fill([](std::int64_t i) { return static_cast<double>(4 - i % 3); });
  kernels::gather(y, x, index, 1);
  CHECK(equal(y, {4, 3, 2, 9, 8, 7}));
  kernels::scatter_add(x, y, index, 1);
  CHECK(x[4] == 8);
  CHECK(x[7] == 14);
  CHECK(x[14] == 14);
}

TEST_CASE("an index out of range is an error, before anything is written") {
  Array x(float32, {3, 4}), y(float32, {2, 4}), index(int64, {2});
  Array wide(int64, {2, 4}, Layout::permuted);
  const auto check = [&](double bad) {
    const auto number = std::to_string(static_cast<int>(bad));
    index.fill([&](std::int64_t i) { return i == 1 ? bad : 0; });
    wide.fill([&](std::int64_t i) { return i == 6 ? bad : 0; });
    x.fill([](std::int64_t) { return 1; });
    y.fill([](std::int64_t) { return 5; });
    CHECK(message_of([&] { kernels::index_select(y, x, index, 0); }) ==
          "index_select: index " + number + " at place 1 is outside [0, 3)");
    CHECK(message_of([&] { kernels::index_add(x, y, index, 0); }) ==
          "index_add: index " + number + " at place 1 is outside [0, 3)");
    CHECK(message_of([&] { kernels::gather(y, x, wide, 0); }) ==
          "gather: index " + number + " at place 6 is outside [0, 3)");
    CHECK(message_of([&] { kernels::scatter_add(x, y, wide, 0); }) ==
          "scatter_add: index " + number + " at place 6 is outside [0, 3)");
    CHECK(equal(x, std::vector<double>(12, 1)));
    CHECK(equal(y, std::vector<double>(8, 5)));
  };
  check(3);
  check(-1);
  Array none(float32, {0, 4});
  index.fill([](std::int64_t) { return 0; });
  CHECK(message_of([&] { kernels::index_select(y, none, index, 0); }) ==
        "index_select: index 0 at place 0 is outside [0, 0)");
  Array flags(boolean, {3}), more(boolean, {2});
  CHECK(message_of([&] { kernels::index_add(flags, more, index, 0); }) ==
        "index_add: bool elements cannot be added; convert both to another dtype first");
}

TEST_CASE("indexing gives the same bits on any number of threads") {
  Rng rng(3);
  for (const int dim : {0, 1}) {
    const Shape shape{600, 500};
    Array x(float32, shape), index(int64, {shape[dim]}), each(int64, shape);
    x.fill_normal(rng);
    index.fill([&](std::int64_t) { return static_cast<double>(pick(rng, 0, 19)); });
    each.fill([&](std::int64_t) { return static_cast<double>(pick(rng, 0, 19)); });
    for (const bool by_dim : {false, true}) {
      CHECK(same_bits_on_any_threads([&] {
        Array y(float32, shape.with(dim, 20));
        y.fill([](std::int64_t) { return 0.1; });
        (by_dim ? kernels::index_add : kernels::scatter_add)(y, x, by_dim ? index : each, dim);
        return y.bytes();
      }));
      CHECK(same_bits_on_any_threads([&] {
        Array y(float32, shape);
        (by_dim ? kernels::index_select : kernels::gather)(y, x, by_dim ? index : each, dim);
        return y.bytes();
      }));
    }
  }
}
