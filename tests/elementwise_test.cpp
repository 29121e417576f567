// Element-by-element kernels on every function, dtype and layout, against plain loops in double.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "autograd/base/error.h"
#include "autograd/kernels/elementwise.h"
#include "tests/elementwise_reference.h"
#include "tests/every_target.h"

namespace {

using namespace ebb;
using kernels::Binary;
using kernels::Compare;
using kernels::Unary;
using test::Array;
using test::Layout;
using test::reference;
using test::Rng;

constexpr Dtype kDtypes[] = {float32, float64, int64, int32, uint8, boolean};

// Of an integer type; 1 of bool.
int bits_of(Dtype dtype) { return dtype == boolean ? 1 : static_cast<int>(8 * size_of(dtype)); }

// x as an element of an integer type, which wraps.
double wrapped(Dtype dtype, double x) { return dtype == uint8 ? x - 256 * std::floor(x / 256) : x; }

// -- operands

// What the elements are; of integers only that none is 0 where they are positive.
enum class Domain { any, positive, fraction, above_one };

Array operand(Rng& rng, Dtype dtype, const Shape& shape, Layout layout, Domain domain = Domain::any) {
  Array x(dtype, shape, layout);
  return x.fill([&](std::int64_t) {
    if (dtype == boolean) return static_cast<double>(test::pick(rng, 0, 1));
    if (!is_floating(dtype)) {
      const auto number = test::pick(rng, dtype == uint8 ? 0 : -12, 12);
      return static_cast<double>(number == 0 && domain == Domain::positive ? 5 : number);
    }
    const double low = domain == Domain::any ? -3 : domain == Domain::above_one ? 1.1 : 0.1;
    return std::uniform_real_distribution<double>(low, domain == Domain::fraction ? 0.9 : 3)(rng);
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
  if (dtype == boolean) return f == Unary::bitwise_not;
  if (is_floating(dtype)) return f != Unary::bitwise_not;
  constexpr Unary kOfIntegers[] = {Unary::neg,        Unary::abs,        Unary::square, Unary::sign,
                                   Unary::floor,      Unary::ceil,       Unary::round,  Unary::trunc,
                                   Unary::add_scalar, Unary::mul_scalar, Unary::clamp,  Unary::bitwise_not};
  return std::count(std::begin(kOfIntegers), std::end(kOfIntegers), f) > 0;
}

bool is_division(Binary f) {
  return f == Binary::trunc_divide || f == Binary::floor_divide || f == Binary::fmod || f == Binary::remainder;
}

bool has(Binary f, Dtype dtype) {
  const bool bitwise = f == Binary::bitwise_and || f == Binary::bitwise_or || f == Binary::bitwise_xor;
  const bool shift = f == Binary::left_shift || f == Binary::right_shift;
  if (dtype == boolean) return bitwise;
  if (is_floating(dtype)) return !bitwise && !shift;
  return bitwise || shift || is_division(f) || f == Binary::add || f == Binary::sub || f == Binary::mul ||
         f == Binary::maximum || f == Binary::minimum;
}

struct Parameters {
  double a, b;
};
Parameters parameters(Unary f, Dtype dtype) {
  if (f == Unary::clamp) return {dtype == uint8 ? 3.0 : -1.0, 5};
  if (f == Unary::pow_scalar) return {1.7, 0};
  if (f == Unary::softplus) return {2, 3};
  if (f == Unary::polygamma || f == Unary::sinc || f == Unary::bessel_i) return {1, 0};
  return is_floating(dtype) ? Parameters{0.75, 1.5} : Parameters{3, 2};
}
Parameters parameters(Binary f) {
  return f == Binary::clamp_backward ? Parameters{-1, 1.25} : Parameters{0.75, 1.5};
}

Domain domain(Unary f) {
  switch (f) {
    case Unary::sqrt:
    case Unary::rsqrt:
    case Unary::reciprocal:
    case Unary::log:
    case Unary::log2:
    case Unary::log10:
    case Unary::log1p:
    case Unary::pow_scalar:
    case Unary::lgamma:
    case Unary::polygamma:
    case Unary::sinc:
      return Domain::positive;
    case Unary::logit:
    case Unary::atanh:
    case Unary::asin:
    case Unary::acos:
    case Unary::erfinv:
    case Unary::tan:
      return Domain::fraction;
    case Unary::acosh:
      return Domain::above_one;
    default:
      return Domain::any;
  }
}
Domain domain(Binary f) {
  if (is_division(f) || f == Binary::pow || f == Binary::div || f == Binary::xlogy) return Domain::positive;
  return Domain::any;
}

// -- tests

void check_unary(Rng& rng, Unary f, Dtype dtype, const Shape& shape, Layout y_layout, Layout x_layout) {
  const auto [a, b] = parameters(f, dtype);
  Array y(dtype, shape, y_layout), x = operand(rng, dtype, shape, x_layout, domain(f)), plain = contiguous(x);
  test::unary(f, y, x, a, b);
  CHECK(y.guarded());
  for (std::int64_t i = 0; i < y.numel(); ++i) {
    CAPTURE(x[i]);
    CHECK(close(dtype, y[i], wrapped(dtype, reference(f, x[i], a, b, bits_of(dtype)))));
  }
  test::unary(f, plain, plain, a, b);  // in place; and the bits do not depend on the layout
  CHECK(equal(y, plain));
}

TEST_CASE("bug class 22: unary: every function, dtype and layout") {
  test::with_every_target([] {
    Rng rng(1);
    for (int f = 0; f <= static_cast<int>(Unary::bitwise_not); ++f) {
      for (const auto dtype : kDtypes) {
        CAPTURE(f);
        CAPTURE(name_of(dtype));
        const auto function = static_cast<Unary>(f);
        if (!has(function, dtype)) {
          Array x(dtype, {2});
          CHECK_THROWS_AS(test::unary(function, x, x, 1, 2), Error);
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
  Array y(dtype, shape, y_layout), a = operand(rng, dtype, shape, a_layout, domain(f));
  Array b = operand(rng, dtype, shape, b_layout, domain(f)), plain = contiguous(a), other = contiguous(b);
  test::binary(f, y, a, b, p, q);
  CHECK(y.guarded());
  for (std::int64_t i = 0; i < y.numel(); ++i) {
    CAPTURE(a[i]);
    CAPTURE(b[i]);
    CHECK(close(dtype, y[i], wrapped(dtype, reference(f, a[i], b[i], p, q, bits_of(dtype)))));
  }
  test::binary(f, plain, plain, other, p, q);
  CHECK(equal(y, plain));
}

TEST_CASE("bug class 22: binary: every function, dtype and layout") {
  test::with_every_target([] {
    Rng rng(2);
    for (int f = 0; f <= static_cast<int>(Binary::right_shift); ++f) {
      for (const auto dtype : kDtypes) {
        CAPTURE(f);
        CAPTURE(name_of(dtype));
        const auto function = static_cast<Binary>(f);
        if (!has(function, dtype)) {
          Array x(dtype, {2});
          CHECK_THROWS_AS(test::binary(function, x, x, x), Error);
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
          test::with_function<Compare::ge>(static_cast<Compare>(f),
                                           [&]<Compare F>() { kernels::compare<F>(y, a, b); });
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
          Array y(to, shape, y_layout), x = operand(rng, from, shape, x_layout, Domain::positive);
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
  x.fill([](std::int64_t i) { return std::min(100.0 * static_cast<double>(i), 250.0); });  // 0, 100, 200, 250
  kernels::unary<Unary::add_scalar>(y, x, 10);
  CHECK((y[0] == 10 && y[1] == 110 && y[2] == 210 && y[3] == 4));
  kernels::unary<Unary::neg>(y, x);
  CHECK((y[0] == 0 && y[1] == 156 && y[2] == 56 && y[3] == 6));
  kernels::unary<Unary::clamp>(y, x, -5.5, 1e9);
  CHECK(equal(y, x));
  Array big(int32, {1}), sum(int32, {1});
  big.set(0, 0x1p31 - 1);
  kernels::binary<Binary::add>(sum, big, big);
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
        kernels::binary<Binary::gelu_backward>(one, a, b);
        kernels::unary<Unary::exp>(other, one);
        kernels::add_into(one, other);
        kernels::compare<Compare::lt>(condition, one, b);
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
      kernels::binary<Binary::mul>(y, x, repeated);
      bool same = y.guarded();
      for (std::int64_t i = 0; i < 3 * n; ++i)
        same = same && y[i] == static_cast<double>(static_cast<float>(x[i]) * values[i / n * step]);
      CHECK_MESSAGE(same, n, " columns, step ", step);
    }
  }
}

}  // namespace
