// Element-by-element kernels on every function, dtype and layout, against plain loops in double.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "autograd/base/error.h"
#include "autograd/kernels/elementwise.h"
#include "tests/every_target.h"

namespace {

using namespace ebb;
using kernels::Binary;
using kernels::Compare;
using kernels::Unary;
using test::Array;
using test::Layout;
using test::Rng;

constexpr Dtype kDtypes[] = {float32, float64, int64, int32, uint8, boolean};
constexpr double kRootHalf = 0.70710678118654752440;

// -- references

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double gelu_tanh_argument(double x) { return 1.5957691216057307 * (x + 0.044715 * x * x * x); }

double reference(Unary f, double x, double a, double b) {
  switch (f) {
    case Unary::neg:
      return -x;
    case Unary::abs:
      return std::fabs(x);
    case Unary::square:
      return x * x;
    case Unary::sign:
      return (x > 0) - (x < 0);
    case Unary::sqrt:
      return std::sqrt(x);
    case Unary::rsqrt:
      return 1 / std::sqrt(x);
    case Unary::reciprocal:
      return 1 / x;
    case Unary::floor:
      return std::floor(x);
    case Unary::ceil:
      return std::ceil(x);
    case Unary::round:
      return std::nearbyint(x);
    case Unary::add_scalar:
      return x + a;
    case Unary::mul_scalar:
      return x * a;
    case Unary::clamp:
      return std::min(std::max(x, a), b);
    case Unary::relu:
      return std::max(x, 0.0);
    case Unary::leaky_relu:
      return x > 0 ? x : a * x;
    case Unary::exp:
      return std::exp(x);
    case Unary::expm1:
      return std::expm1(x);
    case Unary::log:
      return std::log(x);
    case Unary::log1p:
      return std::log1p(x);
    case Unary::sin:
      return std::sin(x);
    case Unary::cos:
      return std::cos(x);
    case Unary::pow_scalar:
      return std::pow(x, a);
    case Unary::tanh:
      return std::tanh(x);
    case Unary::sigmoid:
      return sigmoid(x);
    case Unary::silu:
      return x * sigmoid(x);
    case Unary::softplus:
      return a * x > b ? x : std::log1p(std::exp(a * x)) / a;
    case Unary::elu:
      return x > 0 ? x : a * std::expm1(x);
    case Unary::gelu:
      return x * std::erfc(-x * kRootHalf) / 2;
    case Unary::gelu_tanh:
      return x * sigmoid(gelu_tanh_argument(x));
    case Unary::erf:
      return std::erf(x);
    case Unary::logical_not:
      return x == 0;
  }
  return 0;
}

// The derivative at x of the function whose backward f is.
double derivative(Binary f, double x, double p, double q) {
  switch (f) {
    case Binary::silu_backward:
      return sigmoid(x) * (1 + x * sigmoid(-x));
    case Binary::softplus_backward:
      return p * x > q ? 1 : sigmoid(p * x);
    case Binary::elu_backward:
      return x > 0 ? 1 : p * std::exp(x);
    case Binary::gelu_backward:
      return std::erfc(-x * kRootHalf) / 2 + x * std::exp(-x * x / 2) * 0.39894228040143267794;
    default: {
      const double s = sigmoid(gelu_tanh_argument(x));
      return s + x * s * (1 - s) * 1.5957691216057307 * (1 + 3 * 0.044715 * x * x);
    }
  }
}

double reference(Binary f, double a, double b, double p, double q) {
  switch (f) {
    case Binary::add:
      return a + b;
    case Binary::sub:
      return a - b;
    case Binary::mul:
      return a * b;
    case Binary::div:
      return a / b;
    case Binary::maximum:
      return std::max(a, b);
    case Binary::minimum:
      return std::min(a, b);
    case Binary::relu_backward:
      return a > 0 ? b : 0;
    case Binary::leaky_relu_backward:
      return a > 0 ? b : p * b;
    case Binary::clamp_backward:
      return p <= a && a <= q ? b : 0;
    case Binary::tanh_backward:
      return b * (1 - a * a);
    case Binary::sigmoid_backward:
      return b * a * (1 - a);
    case Binary::pow:
      return std::pow(a, b);
    case Binary::atan2:
      return std::atan2(a, b);
    case Binary::logical_and:
      return a != 0 && b != 0;
    case Binary::logical_or:
      return a != 0 || b != 0;
    default:
      return b * derivative(f, a, p, q);
  }
}

bool reference(Compare f, double a, double b) {
  switch (f) {
    case Compare::eq:
      return a == b;
    case Compare::ne:
      return a != b;
    case Compare::lt:
      return a < b;
    case Compare::le:
      return a <= b;
    case Compare::gt:
      return a > b;
    default:
      return a >= b;
  }
}

// x as an element of an integer type, which wraps.
double wrapped(Dtype dtype, double x) { return dtype == uint8 ? x - 256 * std::floor(x / 256) : x; }

// -- operands

// Of about n elements.
Array operand(Rng& rng, Dtype dtype, const Shape& shape, Layout layout, bool positive = false) {
  Array x(dtype, shape, layout);
  return x.fill([&](std::int64_t) {
    if (dtype == boolean) return static_cast<double>(test::pick(rng, 0, 1));
    if (!is_floating(dtype)) return static_cast<double>(test::pick(rng, dtype == uint8 ? 0 : -12, 12));
    return std::uniform_real_distribution<double>(positive ? 0.1 : -3, 3)(rng);
  });
}

bool close(Dtype dtype, double got, double expected) {
  if (!is_floating(dtype)) return got == expected;
  const double tolerance = dtype == float32 ? 3e-6 : 3e-14;
  return std::fabs(got - expected) <= tolerance * std::max(1.0, std::fabs(expected));
}

std::vector<Shape> some_shapes(Rng& rng) {
  std::vector<Shape> shapes{Shape{}, Shape{0}, Shape{1}, Shape{1, 1}, Shape{3, 0, 2}, Shape{37}};
  for (int rank = 1; rank <= 4; ++rank) shapes.push_back(test::random_shape(rng, rank, 300));
  return shapes;
}

// f(layout of y, layout of x) on all pairs.
template <class F>
void for_each_layout(F&& f) {
  for (const auto y : test::kOutputLayouts)
    for (const auto x : test::kLayouts) f(y, x);
}

// Whether both hold the same numbers.
bool equal(const Array& a, const Array& b) {
  for (std::int64_t i = 0; i < a.numel(); ++i)
    if (a[i] != b[i] && !(std::isnan(a[i]) && std::isnan(b[i]))) return false;
  return true;
}

Array contiguous(const Array& x) {
  return Array(x.dtype(), x.shape()).fill([&](std::int64_t i) { return x[i]; });
}

// -- which functions there are

bool has(Unary f, Dtype dtype) {
  if (dtype == boolean) return f == Unary::logical_not;
  if (is_floating(dtype)) return f != Unary::logical_not;
  return f == Unary::neg || f == Unary::abs || f == Unary::square || f == Unary::sign || f == Unary::add_scalar ||
         f == Unary::mul_scalar || f == Unary::clamp;
}

bool has(Binary f, Dtype dtype) {
  const bool logical = f == Binary::logical_and || f == Binary::logical_or;
  if (dtype == boolean) return logical;
  if (is_floating(dtype)) return !logical;
  return f == Binary::add || f == Binary::sub || f == Binary::mul || f == Binary::maximum || f == Binary::minimum;
}

struct Parameters {
  double a, b;
};
Parameters parameters(Unary f, Dtype dtype) {
  if (f == Unary::clamp) return {dtype == uint8 ? 3.0 : -1.0, 5};
  if (f == Unary::pow_scalar) return {1.7, 0};
  if (f == Unary::softplus) return {2, 3};
  return is_floating(dtype) ? Parameters{0.75, 1.5} : Parameters{3, 2};
}
Parameters parameters(Binary f) {
  return f == Binary::clamp_backward ? Parameters{-1, 1.25} : Parameters{0.75, 1.5};
}

bool needs_positive(Unary f) {
  return f == Unary::sqrt || f == Unary::rsqrt || f == Unary::log || f == Unary::log1p || f == Unary::pow_scalar ||
         f == Unary::reciprocal;
}

// -- tests

void check_unary(Rng& rng, Unary f, Dtype dtype, const Shape& shape, Layout y_layout, Layout x_layout) {
  const auto [a, b] = parameters(f, dtype);
  Array y(dtype, shape, y_layout), x = operand(rng, dtype, shape, x_layout, needs_positive(f)),
                                   plain = contiguous(x);
  kernels::unary(f, y, x, a, b);
  CHECK(y.guarded());
  for (std::int64_t i = 0; i < y.numel(); ++i) {
    CAPTURE(x[i]);
    CHECK(close(dtype, y[i], wrapped(dtype, reference(f, x[i], a, b))));
  }
  kernels::unary(f, plain, plain, a, b);  // in place; and the bits do not depend on the layout
  CHECK(equal(y, plain));
}

TEST_CASE("unary: every function, dtype and layout") {
  test::with_every_target([] {
    Rng rng(1);
    for (int f = 0; f <= static_cast<int>(Unary::logical_not); ++f) {
      for (const auto dtype : kDtypes) {
        CAPTURE(f);
        CAPTURE(name_of(dtype));
        const auto function = static_cast<Unary>(f);
        if (!has(function, dtype)) {
          Array x(dtype, {2});
          CHECK_THROWS_AS(kernels::unary(function, x, x, 1, 2), Error);
          continue;
        }
        const auto shapes = some_shapes(rng);
        std::size_t next = 0;
        for_each_layout([&](Layout y, Layout x) {
          for (int i = 0; i < 3; ++i) check_unary(rng, function, dtype, shapes[next++ % shapes.size()], y, x);
        });
      }
    }
  });
}

void check_binary(Rng& rng, Binary f, Dtype dtype, const Shape& shape, Layout y_layout, Layout a_layout,
                  Layout b_layout) {
  const auto [p, q] = parameters(f);
  const bool positive = f == Binary::pow || f == Binary::div;
  Array y(dtype, shape, y_layout), a = operand(rng, dtype, shape, a_layout, positive);
  Array b = operand(rng, dtype, shape, b_layout, positive), plain = contiguous(a), other = contiguous(b);
  kernels::binary(f, y, a, b, p, q);
  CHECK(y.guarded());
  for (std::int64_t i = 0; i < y.numel(); ++i) {
    CAPTURE(a[i]);
    CAPTURE(b[i]);
    CHECK(close(dtype, y[i], wrapped(dtype, reference(f, a[i], b[i], p, q))));
  }
  kernels::binary(f, plain, plain, other, p, q);
  CHECK(equal(y, plain));
}

TEST_CASE("binary: every function, dtype and layout") {
  test::with_every_target([] {
    Rng rng(2);
    for (int f = 0; f <= static_cast<int>(Binary::logical_or); ++f) {
      for (const auto dtype : kDtypes) {
        CAPTURE(f);
        CAPTURE(name_of(dtype));
        const auto function = static_cast<Binary>(f);
        if (!has(function, dtype)) {
          Array x(dtype, {2});
          CHECK_THROWS_AS(kernels::binary(function, x, x, x), Error);
          continue;
        }
        const auto shapes = some_shapes(rng);
        std::size_t next = 0;
        for_each_layout([&](Layout y, Layout a) {
          const auto b = test::kLayouts[test::pick(rng, 0, 4)];
          for (int i = 0; i < 3; ++i) check_binary(rng, function, dtype, shapes[next++ % shapes.size()], y, a, b);
        });
      }
    }
  });
}

TEST_CASE("compare and where: every dtype and layout; NaN compares with nothing") {
  Rng rng(3);
  for (const auto dtype : kDtypes) {
    for_each_layout([&](Layout y_layout, Layout a_layout) {
      for (const auto& shape : some_shapes(rng)) {
        Array a = operand(rng, dtype, shape, a_layout), b = operand(rng, dtype, shape, Layout::permuted);
        for (std::int64_t i = 0; i < a.numel(); i += 3) b.set(i, a[i]);
        if (is_floating(dtype) && a.numel() > 0) b.set(a.numel() / 2, std::nan(""));
        Array condition(boolean, shape, a_layout), chosen(dtype, shape, y_layout);
        for (int f = 0; f <= static_cast<int>(Compare::ge); ++f) {
          Array y(boolean, shape, y_layout);
          kernels::compare(static_cast<Compare>(f), y, a, b);
          CHECK(y.guarded());
          for (std::int64_t i = 0; i < y.numel(); ++i)
            CHECK((y[i] != 0) == reference(static_cast<Compare>(f), a[i], b[i]));
        }
        condition.fill([&](std::int64_t) { return static_cast<double>(test::pick(rng, 0, 1)); });
        kernels::where(chosen, condition, a, b);
        CHECK(chosen.guarded());
        CHECK(equal(chosen,
                    Array(dtype, shape).fill([&](std::int64_t i) { return condition[i] != 0 ? a[i] : b[i]; })));
      }
    });
  }
}

TEST_CASE("add_into adds in place") {
  Rng rng(4);
  for (const auto dtype : {float32, float64, int64, int32, uint8}) {
    for_each_layout([&](Layout y_layout, Layout x_layout) {
      for (const auto& shape : some_shapes(rng)) {
        Array y = operand(rng, dtype, shape, y_layout), x = operand(rng, dtype, shape, x_layout);
        const Array before = y;
        kernels::add_into(y, x);
        CHECK(y.guarded());
        for (std::int64_t i = 0; i < y.numel(); ++i) CHECK(close(dtype, y[i], wrapped(dtype, before[i] + x[i])));
      }
    });
  }
}

TEST_CASE("copy: every pair of dtypes and layouts") {
  Rng rng(5);
  for (const auto to : kDtypes) {
    for (const auto from : kDtypes) {
      CAPTURE(name_of(to));
      CAPTURE(name_of(from));
      for_each_layout([&](Layout y_layout, Layout x_layout) {
        for (const auto& shape : some_shapes(rng)) {
          Array y(to, shape, y_layout), x = operand(rng, from, shape, x_layout, true);
          x.fill([&](std::int64_t i) { return std::fabs(x[i]); });  // of -1, uint8 says nothing
          kernels::copy(y, x);
          CHECK(y.guarded());
          CHECK(equal(y, Array(to, shape).fill([&](std::int64_t i) { return x[i]; })));
        }
      });
    }
  }
}

TEST_CASE("copy: large transposes, of every size of element") {
  Rng rng(6);
  for (const auto dtype : {float32, float64, uint8}) {
    for (const auto& shape :
         {Shape{100, 131}, Shape{64, 64}, Shape{3, 70, 129}, Shape{129, 5, 66}, Shape{2, 3, 40, 65}}) {
      for (const auto y_layout : test::kOutputLayouts) {
        Array y(dtype, shape, y_layout), x = operand(rng, dtype, shape, Layout::permuted);
        kernels::copy(y, x);
        CHECK(y.guarded());
        CHECK(equal(y, x));
      }
    }
  }
}

TEST_CASE("copy: floats beyond an integer's range become its end, NaN 0") {
  const double inf = std::numeric_limits<double>::infinity();
  Array x(float64, {7}), bytes(uint8, {7}), words(int32, {7}), longs(int64, {7}), bits(boolean, {7});
  const double values[] = {-inf, -1e30, -1.75, 2.75, 300, inf, std::nan("")};
  x.fill([&](std::int64_t i) { return values[i]; });
  for (auto* y : {&bytes, &words, &longs, &bits}) kernels::copy(*y, x);
  const double as_bytes[] = {0, 0, 0, 2, 255, 255, 0};
  const double as_words[] = {-0x1p31, -0x1p31, -1, 2, 300, 0x1p31 - 1, 0};
  const double as_longs[] = {-0x1p63, -0x1p63, -1, 2, 300, 0x1p63, 0};  // 2^63 - 1 reads as 2^63
  for (std::int64_t i = 0; i < 7; ++i) {
    CHECK(bytes[i] == as_bytes[i]);
    CHECK(words[i] == as_words[i]);
    CHECK(longs[i] == as_longs[i]);
    CHECK(bits[i] == 1);
  }
}

TEST_CASE("integers wrap, and parameters take their type") {
  Array x(uint8, {4}), y(uint8, {4});
  x.fill([](std::int64_t i) { return static_cast<double>(100 * i); });  // 0, 100, 200, 44
  x.set(3, 250);
  kernels::unary(Unary::add_scalar, y, x, 10);
  CHECK((y[0] == 10 && y[1] == 110 && y[2] == 210 && y[3] == 4));
  kernels::unary(Unary::neg, y, x);
  CHECK((y[0] == 0 && y[1] == 156 && y[2] == 56 && y[3] == 6));
  kernels::unary(Unary::clamp, y, x, -5.5, 1e9);
  CHECK(equal(y, x));
  Array big(int32, {1}), sum(int32, {1});
  big.set(0, 0x1p31 - 1);
  kernels::binary(Binary::add, sum, big, big);
  CHECK(sum[0] == -2);
}

TEST_CASE("fill and arange: every dtype and layout") {
  Rng rng(7);
  for (const auto dtype : kDtypes) {
    for (const auto layout : test::kOutputLayouts) {
      for (const auto& shape : some_shapes(rng)) {
        Array y(dtype, shape, layout);
        kernels::fill(y, 3);
        CHECK(y.guarded());
        CHECK(equal(y, Array(dtype, shape).fill([](std::int64_t) { return 3; })));
        const double step = is_floating(dtype) ? 0.1 : 1;
        kernels::arange(y, 2, step);
        CHECK(y.guarded());
        for (std::int64_t i = 0; i < std::min<std::int64_t>(y.numel(), 250); ++i) {
          const double exact = 2 + static_cast<double>(i) * step;
          CHECK(y[i] == (dtype == float32 ? static_cast<float>(exact) : dtype == boolean ? 1 : exact));
        }
      }
    }
  }
}

TEST_CASE("large tensors: the same bits with any number of threads, whatever the layouts") {
  Rng rng(8);
  for (const auto& shape : {Shape{70001}, Shape{301, 257}, Shape{40, 3, 700}}) {
    for_each_layout([&](Layout y_layout, Layout a_layout) {
      Array a = operand(rng, float32, shape, a_layout), b = operand(rng, float32, shape, Layout::permuted);
      Array one(float32, shape, y_layout), other(float32, shape, y_layout), condition(boolean, shape, y_layout);
      CHECK(test::same_bits_on_any_threads([&] {
        kernels::binary(Binary::gelu_backward, one, a, b);
        kernels::unary(Unary::exp, other, one);
        kernels::add_into(one, other);
        kernels::compare(Compare::lt, condition, one, b);
        kernels::where(other, condition, one, a);
        kernels::copy(one, other);
        return one.bytes();
      }));
      CHECK(one.guarded());
      CHECK(equal(one, other));
    });
  }
}

TEST_CASE("long rows: an element that is repeated along each of them, and one along all") {
  Rng rng(9);
  for (const std::int64_t n : {16, 17, 511, 512, 513, 1025, 40001}) {
    Array x(float32, {3, n}), y(float32, {3, n});
    x.fill_normal(rng);
    const float values[] = {2, 3, 5};
    for (const std::int64_t step : {1, 0}) {
      const Shape shape{3, n};
      const Dims strides{step, 0};
      const View repeated{const_cast<float*>(values), &shape, &strides, float32, false};
      kernels::binary(Binary::mul, y, x, repeated);
      bool same = y.guarded();
      for (std::int64_t i = 0; i < 3 * n; ++i)
        same = same && y[i] == static_cast<double>(static_cast<float>(x[i]) * values[i / n * step]);
      CHECK_MESSAGE(same, n, " columns, step ", step);
    }
  }
}

}  // namespace
