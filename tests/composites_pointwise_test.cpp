// Certifies functions, element by element, that are more than one operation; and all at points where a value or a
// derivative has a side to choose, and at extreme ones, against PyTorch's choice.
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

constexpr double inf = std::numeric_limits<double>::infinity(), none = std::numeric_limits<double>::quiet_NaN();

Tensor point(std::initializer_list<double> values) { return tensor(values, {.dtype = float64}); }

std::vector<Case> numbers() {
  Generator random{11};
  const auto any = [&] { return draw(random, {2, 3}); };
  const auto positive = [&] { return draw(random, {2, 3}, 0.5, 2); };
  return {
      {"frac", F(frac(x[0])), {draw_distinct(random, {12}, 0.3)}, "torch.frac(x[0])"},
      {"round to decimals",
       F(round(x[0], 1)),
       {draw_distinct(random, {6}, 0.13)},
       "torch.round(x[0], decimals=1)"},
      {"round to tens", F(round(x[0], -1)), {point({-26, 14, 6, 17})}, "torch.round(x[0], decimals=-1)"},
      {"logit of clamped", F(logit(x[0], 0.2)), {point({0.01, 0.25, 0.7, 0.95})}, "torch.logit(x[0], 0.2)"},
      {"polygamma of 2", F(polygamma(2, x[0])), {positive()}, "torch.polygamma(2, x[0])"},
      {"div, trunc",
       F(div(x[0], x[1], Rounding::trunc)),
       {draw(random, {3, 1}, 1, 9), draw(random, {4}, 0.5, 2)},
       "torch.div(x[0], x[1], rounding_mode='trunc')"},
      {"div by a number, floor",
       F(div(x[0], -0.7, Rounding::floor)),
       {any()},
       "torch.div(x[0], -0.7, rounding_mode='floor')"},
      {"floor_divide", F(floor_divide(x[0], 0.3)), {any()}, "torch.div(x[0], 0.3, rounding_mode='floor')"},
      {"fmod of shapes",
       F(fmod(x[0], x[1])),
       {draw(random, {3, 1}, 1, 9), draw(random, {4}, 0.5, 2)},
       "torch.fmod(x[0], x[1])"},
      {"fmod by a number", F(fmod(x[0], 0.7)), {any()}, "torch.fmod(x[0], 0.7)"},
      {"remainder of shapes",
       F(x[0] % x[1]),
       {draw(random, {3, 1}, 1, 9), draw(random, {4}, -2, -0.5)},
       "x[0] % x[1]"},
      {"remainder by a number", F(x[0] % 0.7), {any()}, "x[0] % 0.7"},
      {"atan2 of shapes", F(atan2(x[0], x[1])), {any(), draw(random, {3})}, "torch.atan2(x[0], x[1])"},
      {"hypot of shapes", F(hypot(x[0], x[1])), {any(), draw(random, {3})}, "torch.hypot(x[0], x[1])"},
      {"xlogy of a number", F(xlogy(x[0], 2.5)), {any()}, "torch.xlogy(x[0], 2.5)"},
      {"xlogy by a number", F(xlogy(2.5, x[0])), {positive()}, "torch.xlogy(2.5, x[0])"},
      {"logaddexp of shapes", F(logaddexp(x[0], x[1])), {any(), draw(random, {})}, "torch.logaddexp(x[0], x[1])"},
      {"copysign of a number", F(copysign(x[0], -1)), {positive()}, "torch.copysign(x[0], -1)"},
      {"addcmul of shapes",
       F(addcmul(x[0], x[1], x[2], 0.5)),
       {draw(random, {3}), any(), draw(random, {2, 1})},
       "torch.addcmul(x[0], x[1], x[2], value=0.5)"},
      {"addcdiv of shapes",
       F(addcdiv(x[0], x[1], x[2])),
       {any(), draw(random, {3}), draw(random, {}, 1, 2)},
       "torch.addcdiv(x[0], x[1], x[2])"},
      {"lerp by a number", F(lerp(x[0], x[1], 0.3)), {any(), any()}, "torch.lerp(x[0], x[1], 0.3)"},
      {"lerp, farther", F(lerp(x[0], x[1], 1.7)), {any(), any()}, "torch.lerp(x[0], x[1], 1.7)"},
  };
}

std::vector<Case> activations() {
  Generator random{12};
  const auto any = [&] { return draw(random, {2, 3}); };
  const auto distinct = [&] { return draw_distinct(random, {3, 4}); };
  const std::string f = "torch.nn.functional.";
  return {
      {"relu6", F(relu6(x[0] * 12)), {distinct()}, f + "relu6(x[0] * 12)"},
      {"hardtanh", F(hardtanh(x[0] * 3)), {distinct()}, f + "hardtanh(x[0] * 3)"},
      {"selu", F(selu(x[0])), {distinct()}, f + "selu(x[0])"},
      {"celu", F(celu(x[0], 0.5)), {distinct()}, f + "celu(x[0], 0.5)"},
      {"softshrink", F(softshrink(x[0], 0.2)), {distinct()}, f + "softshrink(x[0], 0.2)"},
      {"hardshrink", F(hardshrink(x[0] * 3)), {distinct()}, f + "hardshrink(x[0] * 3)"},
      {"tanhshrink", F(tanhshrink(x[0])), {any()}, f + "tanhshrink(x[0])"},
      {"logsigmoid", F(logsigmoid(x[0])), {any()}, f + "logsigmoid(x[0])"},
      {"threshold", F(threshold(x[0], 0.1, -7)), {distinct()}, f + "threshold(x[0], 0.1, -7)"},
      {"glu", F(glu(x[0])), {draw(random, {3, 4})}, f + "glu(x[0])"},
      {"glu 0", F(glu(x[0], 0)), {draw(random, {4, 3})}, f + "glu(x[0], 0)"},
      {"prelu", F(prelu(x[0], x[1])), {distinct(), point({0.2})}, f + "prelu(x[0], x[1])"},
      {"prelu of channels",
       F(prelu(x[0], x[1])),
       {draw_distinct(random, {2, 3, 2}), draw(random, {3})},
       f + "prelu(x[0], x[1])"},
      {"prelu of a vector",
       F(prelu(x[0], x[1])),
       {draw_distinct(random, {4}), point({0.2})},
       f + "prelu(x[0], x[1])"},
      {"prelu, 0-d",
       F(prelu(x[0], x[1])),
       {draw_distinct(random, {}), tensor(0.3, {.dtype = float64})},
       f + "prelu(x[0], x[1])"},
  };
}

// Values of any dtype, without derivative.
std::vector<Case> truths_and_integers() {
  Generator random{13};
  const Tensor values = point({-inf, -2, -0.0, 0, 0.5, inf, none}), others = point({1, 0, none, 0, 2, -inf, 0});
  const Tensor bools = gt(draw(random, {5}), 0), more = gt(draw(random, {5}), 0);
  const Tensor whole = tensor({-7, -6, -1, 0, 1, 5, 6}), divisors = tensor({3, -3, 2, -5, -2, -3, 2});
  const Tensor counts = tensor({0, 1, 63, 64, -1, 200, 3}), shifted = tensor({5, -5, -5, -5, -5, 5, -100});
  const Tensor bytes = tensor({0, 1, 100, 200, 255}, {.dtype = uint8}),
               few = tensor({3, 2, 7, 1, 8}, {.dtype = uint8});
  return {
      {"isnan", F(isnan(x[0])), {values}, "torch.isnan(x[0])"},
      {"isinf", F(isinf(x[0])), {values}, "torch.isinf(x[0])"},
      {"isfinite", F(isfinite(x[0])), {values}, "torch.isfinite(x[0])"},
      {"isnan of integers", F(isnan(x[0])), {whole}, "torch.isnan(x[0])"},
      {"isinf of integers", F(isinf(x[0])), {whole}, "torch.isinf(x[0])"},
      {"isfinite of bool", F(isfinite(x[0])), {bools}, "torch.isfinite(x[0])"},
      {"logical_and", F(logical_and(x[0], x[1])), {values, others}, "torch.logical_and(x[0], x[1])"},
      {"logical_or", F(logical_or(x[0], x[1])), {values, whole}, "torch.logical_or(x[0], x[1])"},
      {"logical_xor", F(logical_xor(x[0], x[1])), {values, others}, "torch.logical_xor(x[0], x[1])"},
      {"logical_not", F(logical_not(x[0])), {values}, "torch.logical_not(x[0])"},
      {"logical_not of bool", F(logical_not(x[0])), {bools}, "torch.logical_not(x[0])"},
      {"and of bool", F(x[0] & x[1]), {bools, more}, "x[0] & x[1]"},
      {"or of bool", F(x[0] | x[1]), {bools, more}, "x[0] | x[1]"},
      {"xor of bool", F(x[0] ^ x[1]), {bools, more}, "x[0] ^ x[1]"},
      {"not of bool", F(~x[0]), {bools}, "~x[0]"},
      {"not of bytes", F(~x[0]), {bytes}, "~x[0]"},
      {"and of shapes", F(x[0] & x[1]), {whole, tensor(6)}, "x[0] & x[1]"},
      {"left shift", F(bitwise_left_shift(x[0], x[1])), {shifted, counts}, "torch.bitwise_left_shift(x[0], x[1])"},
      {"right shift",
       F(bitwise_right_shift(x[0], x[1])),
       {shifted, counts},
       "torch.bitwise_right_shift(x[0], x[1])"},
      {"left shift of bytes",
       F(bitwise_left_shift(x[0], x[1])),
       {bytes, few},
       "torch.bitwise_left_shift(x[0], x[1])"},
      {"right shift of bytes",
       F(bitwise_right_shift(x[0], x[1])),
       {bytes, few},
       "torch.bitwise_right_shift(x[0], x[1])"},
      {"floor_divide of integers", F(floor_divide(x[0], x[1])), {whole, divisors}, "x[0] // x[1]"},
      {"div of integers",
       F(div(x[0], x[1], Rounding::trunc)),
       {whole, divisors},
       "torch.div(x[0], x[1], rounding_mode='trunc')"},
      {"fmod of integers", F(fmod(x[0], x[1])), {whole, divisors}, "torch.fmod(x[0], x[1])"},
      {"remainder of integers", F(x[0] % x[1]), {whole, divisors}, "x[0] % x[1]"},
      {"remainder of bytes", F(x[0] % x[1]), {bytes, few}, "x[0] % x[1]"},
      {"floor of integers", F(floor(x[0])), {whole}, "torch.floor(x[0])"},
      {"relu6 of integers", F(relu6(x[0])), {whole}, "torch.nn.functional.relu6(x[0])"},
      {"addcmul of integers",
       F(addcmul(x[0], x[1], x[0], 2)),
       {whole, divisors},
       "torch.addcmul(x[0], x[1], x[0], value=2)"},
      {"heaviside of integers", F(heaviside(x[0], x[1])), {whole, tensor(9)}, "torch.heaviside(x[0], x[1])"},
      {"nan_to_num of integers", F(nan_to_num(x[0])), {whole}, "torch.nan_to_num(x[0])"},
  };
}

std::vector<Case> edges() {
  const std::string f = "torch.nn.functional.";
  const auto halves = [] { return point({-2.5, -1.5, -0.5, -0.0, 0.5, 1.5, 2.5, inf, none}); };
  const auto far = [] { return point({-inf, -800, -30, -0.0, 0, 30, 800, inf, none}); };
  std::vector<Case> cases{
      {"floor of halves", F(floor(x[0])), {halves()}, "torch.floor(x[0])"},
      {"ceil of halves", F(ceil(x[0])), {halves()}, "torch.ceil(x[0])"},
      {"round of halves", F(round(x[0])), {halves()}, "torch.round(x[0])"},
      {"trunc of halves", F(trunc(x[0])), {halves()}, "torch.trunc(x[0])"},
      {"frac of halves", F(frac(x[0])), {halves()}, "torch.frac(x[0])"},
      {"nan_to_num",
       F(nan_to_num(x[0], 5, 6, -7)),
       {point({-inf, -1, none, 2, inf})},
       "torch.nan_to_num(x[0], 5, 6, -7)"},
      {"heaviside",
       F(heaviside(x[0], x[1].detach())),
       {point({-inf, -1, -0.0, 0, 2, none}), point({3, 4, 5, 6, 7, 8})},
       "torch.heaviside(x[0].detach(), x[1].detach())"},
      {"exp2 far out", F(exp2(x[0])), {point({-inf, -1080, -1060, 3, 100, 1024, none})}, "torch.exp2(x[0])"},
      {"expm1 far out", F(expm1(x[0])), {far()}, "torch.expm1(x[0])"},
      {"log1p at its end", F(log1p(x[0])), {point({-2, -1, -0.0, 1e-300, 1e-17, inf, none})}, "torch.log1p(x[0])"},
      {"log2 at 0", F(log2(x[0])), {point({-1, 0, 1e-310, 8, inf})}, "torch.log2(x[0])"},
      {"log10 at 0", F(log10(x[0])), {point({-1, 0, 1e-310, 1000, inf})}, "torch.log10(x[0])"},
      {"logit at its ends", F(logit(x[0])), {point({-0.5, 0, 1e-300, 0.5, 1, 1.5, none})}, "torch.logit(x[0])"},
      {"logit at its bounds", F(logit(x[0], 0.25)), {point({0, 0.25, 0.5, 0.75, 1})}, "torch.logit(x[0], 0.25)"},
      {"asin at its ends", F(asin(x[0])), {point({-2, -1, 0, 1, 2})}, "torch.asin(x[0])"},
      {"acos at its ends", F(acos(x[0])), {point({-2, -1, 0, 1, 2})}, "torch.acos(x[0])"},
      {"atan far out", F(atan(x[0])), {far()}, "torch.atan(x[0])"},
      {"sinh far out", F(sinh(x[0])), {far()}, "torch.sinh(x[0])"},
      {"cosh far out", F(cosh(x[0])), {far()}, "torch.cosh(x[0])"},
      {"asinh far out", F(asinh(x[0])), {point({-inf, -1e10, -1e-20, 0, 1e5, inf, none})}, "torch.asinh(x[0])"},
      {"acosh at its end", F(acosh(x[0])), {point({0.5, 1, 1e10, inf, none})}, "torch.acosh(x[0])"},
      {"atanh at its ends", F(atanh(x[0])), {point({-1, -1e-20, 0, 1, 2, none})}, "torch.atanh(x[0])"},
      {"erf far out", F(erf(x[0])), {far()}, "torch.erf(x[0])"},
      {"erfc far out", F(erfc(x[0])), {point({-inf, -30, -6, 0, 6, 26, 30, inf, none})}, "torch.erfc(x[0])"},
      {"erfinv at its ends",
       F(erfinv(x[0])),
       {point({-2, -1, -1e-20, 0, 0.999999, 1, 2, none})},
       "torch.erfinv(x[0])"},
      {"lgamma at its poles", F(lgamma(x[0])), {point({-1.5, 1, 2, 1e10, none})}, "torch.lgamma(x[0])"},
      {"digamma at its poles", F(digamma(x[0])), {point({-2.25, -0.5, 1e-3, 1e10, none})}, "torch.digamma(x[0])"},
      {"polygamma left of 0", F(polygamma(1, x[0])), {point({-3.25, -1.5, -0.5})}, "torch.polygamma(1, x[0])"},
      {"sinc at 0", F(sinc(x[0])), {point({-2.5, -0.0, 0, 0.5, 100.5, none})}, "torch.sinc(x[0])"},
      {"i0 far out", F(i0(x[0])), {point({-60, -20, 0, 19, 21, 80, none})}, "torch.i0(x[0])"},

      {"atan2 at the axes",
       F(atan2(x[0], x[1])),
       {point({1, -1, 0, 0, -0.0, 0}), point({0, 0, 1, -1, -1, 0})},
       "torch.atan2(x[0], x[1])"},
      {"hypot of large and small",
       F(hypot(x[0], x[1])),
       {point({3e200, 3e-200, 0, -5, none}), point({4e200, 4e-200, 2, 0, 1})},
       "torch.hypot(x[0], x[1])"},
      {"xlogy at 0",
       F(xlogy(x[0], x[1])),
       {point({0, 0, 0, 0, 2, -1, 0}), point({0, 2, -1, inf, 0, 3, none})},
       "torch.xlogy(x[0], x[1])"},
      {"logaddexp of large and missing",
       F(logaddexp(x[0], x[1])),
       {point({1000, -1000, -inf, 5, inf, 700}), point({999, 0, 3, -inf, 2, 1400})},
       "torch.logaddexp(x[0], x[1])"},
      {"copysign of zeros",
       F(copysign(x[0], x[1])),
       {point({0, -0.0, 3, 3, -3, none}), point({-1, 1, -0.0, 0, -2, 1})},
       "torch.copysign(x[0], x[1])"},
      {"fmod of special numbers",
       F(fmod(x[0], x[1])),
       {point({5, -5, 5, -5, 6, -6, 1, inf, none}), point({3, 3, -3, -3, 3, 3, inf, 2, 1})},
       "torch.fmod(x[0], x[1])"},
      {"remainder of special numbers",
       F(remainder(x[0], x[1])),
       {point({5, -5, 5, -5, 6, -6, 1, inf, none}), point({3, 3, -3, -3, 3, 3, inf, 2, 1})},
       "torch.remainder(x[0], x[1])"},
      {"floor_divide of special numbers",
       F(floor_divide(x[0], x[1])),
       {point({5, -5, 5, -5, 6, 1, -1, inf, 1, 0}), point({3, 3, -3, -3, 0.1, inf, inf, 2, 0, 0})},
       "torch.div(x[0], x[1], rounding_mode='floor')"},
      {"lerp at its ends",
       F(lerp(x[0], x[1], x[2])),
       {point({1, 1, 1, 1e30}), point({3, 3, 3, 1}), point({0, 0.5, 1, 1})},
       "torch.lerp(x[0], x[1], x[2])"},

      {"relu6 at its kinks", F(relu6(x[0])), {point({-1, 0, 3, 6, 7, none})}, f + "relu6(x[0])"},
      {"hardtanh at its kinks", F(hardtanh(x[0])), {point({-2, -1, 0, 1, 2, none})}, f + "hardtanh(x[0])"},
      {"hardsigmoid at its kinks",
       F(hardsigmoid(x[0])),
       {point({-4, -3, 0, 3, 4, none})},
       f + "relu6(x[0] + 3) / 6"},
      {"hardswish at its kinks", F(hardswish(x[0])), {point({-4, -3, 0, 3, 4})}, f + "hardswish(x[0])"},
      {"hardshrink at its kinks",
       F(hardshrink(x[0])),
       {point({-1, -0.5, 0, 0.5, 1, none})},
       f + "hardshrink(x[0])"},
      {"softshrink at its kinks",
       F(softshrink(x[0])),
       {point({-1, -0.5, 0, 0.5, 1, inf})},
       f + "softshrink(x[0])"},
      {"threshold at its kink", F(threshold(x[0], 1, 5)), {point({0, 1, 2, none})}, f + "threshold(x[0], 1, 5)"},
      {"prelu at 0", F(prelu(x[0], x[1])), {point({-1, 0, 1}), point({0.25})}, f + "prelu(x[0], x[1])"},
      {"softsign far out", F(softsign(x[0])), {point({-1e9, 0, 1e9, none})}, f + "softsign(x[0])"},
      {"logsigmoid far out", F(logsigmoid(x[0])), {point({-800, -30, 0, 30, 800, none})}, f + "logsigmoid(x[0])"},
      {"mish far out", F(mish(x[0])), {point({-800, -40, 0, 19, 40, 800, none})}, f + "mish(x[0])"},
      {"celu far out", F(celu(x[0], 2)), {point({-inf, -800, 0, 800, inf})}, f + "celu(x[0], 2)"},
  };
  for (auto& c : cases) c.smooth = false;
  return cases;
}

}  // namespace

TEST_CASE("numbers") { certify_all(numbers()); }
TEST_CASE("activations") { certify_all(activations()); }
TEST_CASE("truth values and integers") { certify_all(truths_and_integers()); }
TEST_CASE("edges") { certify_all(edges()); }

TEST_CASE("poles and infinities") {
  const auto values = [](const Tensor& x) { return x.to_vector<double>(); };
  CHECK(values(lgamma(point({0, -1, -7, inf}))) == std::vector<double>(4, inf));
  CHECK(values(digamma(point({0, -0.0, inf}))) == std::vector<double>{-inf, inf, inf});
  CHECK(isnan(digamma(point({-1, -inf}))).to_vector<bool>() == std::vector<bool>{true, true});
  CHECK(values(polygamma(1, point({0, -3, inf}))) == std::vector<double>{inf, inf, 0});
  CHECK(values(i0(point({inf, -inf}))) == std::vector<double>{inf, inf});
  CHECK(values(hypot(point({inf, none}), point({none, -inf}))) == std::vector<double>{inf, inf});
  CHECK(values(logaddexp(point({inf, -inf, inf}), point({inf, -inf, -inf}))) ==
        std::vector<double>{inf, -inf, inf});
  CHECK(values(nan_to_num(point({inf, none, -inf}))) ==
        std::vector<double>{std::numeric_limits<double>::max(), 0, std::numeric_limits<double>::lowest()});
  CHECK(values(nan_to_num(tensor({inf, -inf}, {.dtype = float32}))) ==
        std::vector<double>{std::numeric_limits<float>::max(), std::numeric_limits<float>::lowest()});
}

TEST_CASE("the derivatives of atan2 and hypot do not overflow") {
  const Tensor a = point({3e200}).set_requires_grad(), b = point({4e200}).set_requires_grad();
  CHECK(grad(atan2(a, b), a).item() == doctest::Approx(0.16e-200).epsilon(1e-14));
  CHECK(grad(atan2(a, b), b).item() == doctest::Approx(-0.12e-200).epsilon(1e-14));
  CHECK(grad(hypot(a, b), a).item() == doctest::Approx(0.6).epsilon(1e-14));
}

TEST_CASE("integers at the ends of their range") {
  const auto least = std::numeric_limits<std::int64_t>::min();
  const Tensor x = tensor({least}), minus_one = tensor({-1});
  CHECK(floor_divide(x, minus_one).to_vector<std::int64_t>()[0] == least);
  CHECK(fmod(x, minus_one).to_vector<std::int64_t>()[0] == 0);
  CHECK(remainder(x, minus_one).to_vector<std::int64_t>()[0] == 0);
  CHECK(remainder(x, tensor({3})).to_vector<std::int64_t>()[0] == 1);
}

TEST_CASE("errors") {
  const Tensor bits = tensor({true, false}), whole = tensor({1, 2}), x = tensor({1.0, 2.0});
  CHECK_ERROR(
      floor_divide(whole, tensor({1, 0})),
      "div: an integer is divided by 0; convert the operands by to(float32), where that is infinite or NaN");
  CHECK_ERROR(whole % tensor(0),
              "remainder: an integer is divided by 0; convert the operands by to(float32), where "
              "that is infinite or NaN");
  CHECK_ERROR(fmod(whole, 0),
              "fmod: an integer is divided by 0; convert the operands by to(float32), where that is "
              "infinite or NaN");
  CHECK_ERROR(floor(bits), "floor: the input is bool [2]; it must be numbers, convert it by to(float32)");
  CHECK_ERROR(neg(bits), "neg: the input is bool [2]; it must be numbers, convert it by to(float32)");
  CHECK_ERROR(fmod(bits, bits), "fmod: the input is bool [2]; it must be numbers, convert it by to(float32)");
  CHECK_ERROR(exp2(whole),
              "exp2: the input is int64 [2]; it must be float32 or float64, convert it by to(float32)");
  CHECK_ERROR(hypot(whole, whole),
              "hypot: the input is int64 [2]; it must be float32 or float64, convert it by to(float32)");
  CHECK_ERROR(lerp(x, whole, 0.5), "lerp: dtypes differ, float32 [2] and int64 [2]; convert one by to(float32)");
  CHECK_ERROR(x & x,
              "bitwise_and: the input is float32 [2]; it must be integers or bool, convert it by to(int64)");
  CHECK_ERROR(~x, "bitwise_not: the input is float32 [2]; it must be integers or bool, convert it by to(int64)");
  CHECK_ERROR(bitwise_left_shift(bits, bits),
              "bitwise_left_shift: the input is bool [2]; it must be integers, convert it by to(int64)");
  CHECK_ERROR(heaviside(x, whole),
              "heaviside: dtypes differ, float32 [2] and int64 [2]; convert one by to(float32)");
  CHECK_ERROR(logit(x, 0.6), "logit: eps is 0.6; it must be from 0 to 0.5");
  CHECK_ERROR(polygamma(-1, x), "polygamma: n is -1; it must be from 0 to 1000");
  CHECK_ERROR(hardtanh(x, 1, 0), "hardtanh: min_val 1 is not at most max_val 0");
  CHECK_ERROR(celu(x, 0), "celu: alpha is 0; it must not be 0");
  CHECK_ERROR(softshrink(x, -1), "softshrink: lambd is -1; it must not be negative");
  CHECK_ERROR(glu(tensor(1.0)), "glu: the input has no dimensions; give it one of an even size");
  CHECK_ERROR(glu(zeros({2, 3})), "glu: dimension -1 of [2, 3] has an odd size; it must be even");
  CHECK_ERROR(prelu(zeros({2, 3}), zeros({2})),
              "prelu: the weight is [2]; it must be [1] or, for float32 [2, 3], [3]");
  CHECK_ERROR(prelu(zeros({3}), zeros({3})), "prelu: the weight is [3]; it must be [1] or, for float32 [3], [1]");
}

TEST_CASE("write samples" * doctest::skip()) {
  write_samples(together({numbers(), activations(), truths_and_integers(), edges()}));
}
