#include "autograd/kernels/index.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <utility>

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

// One index for all slices, or one for each element.
void read(bool by_dim, View y, View x, View index, int dim) {
  by_dim ? kernels::index_select(y, x, index, dim) : kernels::gather(y, x, index, dim);
}
void add(bool by_dim, View y, View x, View index, int dim) {
  by_dim ? kernels::index_add(y, x, index, dim) : kernels::scatter_add(y, x, index, dim);
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
  read(by_dim, y, x, index, dim);
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
  add(by_dim, y, x, index, dim);
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

namespace {

double combined(kernels::Combine how, double to, double value) {
  switch (how) {
    case kernels::Combine::assign:
      return value;
    case kernels::Combine::add:
      return to + value;
    case kernels::Combine::multiply:
      return to * value;
    case kernels::Combine::largest:
      return std::max(to, value);
    default:
      return std::min(to, value);
  }
}

// scatter, and, after assigning, that scatter_take finds what is there, once.
void check_scatter(Rng& rng, Dtype dtype, const Shape& to, std::int64_t count, int dim, kernels::Combine how) {
  const Shape from = to.with(dim, count);
  Array x(dtype, from, output_layout(rng)), y(dtype, to, output_layout(rng)), index(int64, from, any_layout(rng));
  const auto small = [&](std::int64_t) { return static_cast<double>(pick(rng, 1, dtype == float64 ? 3 : 2)); };
  x.fill(small);
  y.fill(small);
  index.fill([&](std::int64_t) { return static_cast<double>(pick(rng, 0, to[dim] - 1)); });
  std::vector<double> expected, taken(static_cast<std::size_t>(x.numel()));
  for (std::int64_t i = 0; i < y.numel(); ++i) expected.push_back(y[i]);
  const auto place = [&](std::int64_t i) {
    return static_cast<std::size_t>(indexed(from, i, to, index, dim, false));
  };
  for (std::int64_t i = 0; i < x.numel(); ++i) expected[place(i)] = combined(how, expected[place(i)], x[i]);
  kernels::scatter(y, x, index, dim, how);
  CHECK_MESSAGE(equal(y, expected), to_string(from), " to ", to_string(to), " along ", dim);
  for (std::int64_t i = x.numel() - 1; i >= 0; --i)
    taken[static_cast<std::size_t>(i)] = std::exchange(expected[place(i)], 0);
  kernels::scatter_take(y, x, index, dim);
  CHECK_MESSAGE((equal(y, expected) && equal(x, taken)), to_string(from), " from ", to_string(to), " along ", dim);
}

}  // namespace

TEST_CASE("scatter combines in row-major order, in any dtype, shape and strides; scatter_take undoes it") {
  using kernels::Combine;
  Rng rng(4);
  for (int round = 0; round < 200; ++round) {
    const Shape shape = random_shape(rng, static_cast<int>(pick(rng, 1, 4)), 500);
    const int dim = static_cast<int>(pick(rng, 0, shape.rank() - 1));
    const std::int64_t count = shape[dim] == 0 ? 0 : pick(rng, 0, 5);
    for (const auto how : {Combine::assign, Combine::add, Combine::multiply, Combine::largest, Combine::smallest})
      for (const Dtype dtype : {float32, float64, int64, int32, uint8})
        check_scatter(rng, dtype, shape, count, dim, how);
    check_scatter(rng, boolean, shape, count, dim, Combine::assign);
  }
}

TEST_CASE("an index addresses several dimensions by one number, whatever their strides") {
  Rng rng(5);
  for (int round = 0; round < 300; ++round) {
    const Shape shape = random_shape(rng, static_cast<int>(pick(rng, 2, 4)), 500);
    const int count = static_cast<int>(pick(rng, 1, shape.rank())),
              dim = static_cast<int>(pick(rng, 0, shape.rank() - count));
    Dims sizes = shape;
    std::int64_t size = 1;
    for (int d = 0; d < count; ++d) size *= shape[dim + d];
    for (int d = 1; d < count; ++d) sizes.erase(dim);
    const std::int64_t chosen = size == 0 ? 0 : pick(rng, 0, 6);
    const Shape flat = Shape(sizes).with(dim, size), part = flat.with(dim, chosen);
    Array x(float32, shape, output_layout(rng)), y(float32, part, output_layout(rng)),
        index(int64, {chosen}, any_layout(rng));
    x.fill([](std::int64_t i) { return static_cast<double>(i); });
    index.fill([&](std::int64_t) { return static_cast<double>(pick(rng, 0, size - 1)); });
    kernels::index_select(y, x, index, dim, count);
    const auto place = [&](std::int64_t i) { return indexed(part, i, flat, index, dim, true); };
    bool right = y.guarded();
    for (std::int64_t i = 0; i < y.numel(); ++i) right = right && y[i] == static_cast<double>(place(i));
    std::vector<double> expected;
    for (std::int64_t i = 0; i < x.numel(); ++i) expected.push_back(x[i]);
    for (std::int64_t i = 0; i < y.numel(); ++i) expected[static_cast<std::size_t>(place(i))] += y[i];
    kernels::index_add(x, y, index, dim, count);
    right = right && equal(x, expected);
    y.fill([](std::int64_t i) { return static_cast<double>(-i); });
    for (std::int64_t i = 0; i < y.numel(); ++i) expected[static_cast<std::size_t>(place(i))] = y[i];
    kernels::index_put(x, y, index, dim, count, false);
    CHECK_MESSAGE((right && equal(x, expected)), to_string(shape), " at ", dim, ", ", count);
  }
}

TEST_CASE("largest and smallest are no number if one is") {
  const double nan = std::nan("");
  for (const auto how : {kernels::Combine::largest, kernels::Combine::smallest})
    for (const double first : {nan, 1.0})
      for (const double second : {nan, 2.0}) {
        Array x(float32, {1}), y(float32, {1}), index(int64, {1});
        y.set(0, first);
        x.set(0, second);
        index.set(0, 0);
        kernels::scatter(y, x, index, 0, how);
        CHECK(std::isnan(y[0]) == (std::isnan(first) || std::isnan(second)));
      }
}

TEST_CASE("true elements are counted and found") {
  Rng rng(6);
  for (const std::int64_t n : {0, 1, 1000, 70'000}) {
    Array mask(boolean, {n});
    std::vector<double> expected;
    mask.fill([&](std::int64_t i) {
      const bool on = pick(rng, 0, 2) == 0;
      if (on) expected.push_back(static_cast<double>(i));
      return on;
    });
    CHECK(kernels::count_true(mask) == std::ssize(expected));
    CHECK(same_bits_on_any_threads([&] {
      Array y(int64, {std::ssize(expected)});
      kernels::find_true(y, mask);
      CHECK(equal(y, expected));
      return y.bytes();
    }));
  }
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
          "index_select: index " + number + " is out of bounds for dimension 0 of size 3");
    CHECK(message_of([&] { kernels::index_add(x, y, index, 0); }) ==
          "index_add: index " + number + " is out of bounds for dimension 0 of size 3");
    CHECK(message_of([&] { kernels::gather(y, x, wide, 0); }) ==
          "gather: index " + number + " is out of bounds for dimension 0 of size 3");
    CHECK(message_of([&] { kernels::scatter_add(x, y, wide, 0); }) ==
          "scatter_add: index " + number + " is out of bounds for dimension 0 of size 3");
    CHECK(equal(x, std::vector<double>(12, 1)));
    CHECK(equal(y, std::vector<double>(8, 5)));
  };
  check(3);
  check(-1);
  Array none(float32, {0, 4});
  index.fill([](std::int64_t) { return 0; });
  CHECK(message_of([&] { kernels::index_select(y, none, index, 0); }) ==
        "index_select: index 0 is out of bounds for dimension 0 of size 0");
  Array flags(boolean, {3}), more(boolean, {2});
  CHECK(message_of([&] { kernels::index_add(flags, more, index, 0); }) ==
        "index_add: bool elements cannot be combined; convert both to another dtype first");
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
        add(by_dim, y, x, by_dim ? index : each, dim);
        return y.bytes();
      }));
      CHECK(same_bits_on_any_threads([&] {
        Array y(float32, shape);
        read(by_dim, y, x, by_dim ? index : each, dim);
        return y.bytes();
      }));
    }
  }
}
