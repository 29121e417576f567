// Functions of numbers, element by element, against scalar functions: values, first and second derivatives to twelve
// digits and more, by dual numbers instead of finite differences. Every operation that works element by element is one
// that some function here, or its gradient, is made of.
#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/autograd.h"
#include "autograd/ops/activation.h"
#include "autograd/ops/arithmetic.h"
#include "autograd/ops/compare.h"
#include "autograd/ops/multivariate.h"
#include "autograd/ops/pointwise.h"
#include "autograd/ops/special.h"
#include "tests/dual.h"

using namespace ebb;

namespace {

using dual::Real;
using Jet = dual::Dual<dual::Dual<Real>>;  // a value, two first derivatives, and the second one

constexpr Real kPi = std::numbers::pi_v<Real>;

// A function of the library, the same for any kind of number, and where to compare them. `tolerance` is relative; the
// absolute one, for what crosses 0, is a hundredth of it.
struct OfOne {
  std::string name;
  Tensor (*f)(const Tensor&);
  Jet (*reference)(Jet);
  double low = -2, high = 2, tolerance = 1e-12;
};
struct OfTwo {
  std::string name;
  Tensor (*f)(const Tensor&, const Tensor&);
  Jet (*reference)(Jet, Jet);
  double low = -2, high = 2, tolerance = 1e-12;
};

template <class S>
S relu_of(S x) {
  return x < 0 ? 0 : x;
}
template <class S>
S hardshrink_of(S x) {
  return x < -0.5 ? x : x > 0.5 ? x : 0;
}
template <class S>
S relu6_of(S x) {
  return x < 0 ? 0 : x > 6 ? 6 : x;
}
// A product in a macro's argument looks like a pointer to clang-format.
// clang-format off
#define F(expression) [](const Tensor& x) -> Tensor { return expression; }
#define N(expression) [](auto x) { return expression; }
#define F2(expression) [](const Tensor& x, const Tensor& y) -> Tensor { return expression; }
#define N2(expression) [](auto x, auto y) { return expression; }

const OfOne kOfOne[] = {
    {"neg", F(-x), N(-x)},
    {"square", F(square(x)), N(square(x))},
    {"floor", F(floor(x)), N(dual::floor_of(x))},
    {"trunc", F(trunc(x)), N(dual::trunc_of(x))},
    {"abs", F(abs(x)), N(abs(x))},
    {"frac", F(frac(x)), N(x - dual::trunc_of(x))},
    {"sqrt", F(sqrt(x)), N(sqrt(x)), 0.1, 9},
    {"rsqrt", F(rsqrt(x)), N(1 / sqrt(x)), 0.1, 9},
    {"reciprocal", F(reciprocal(x)), N(1 / x), 0.1, 9},
    {"x^2.5", F(pow(x, 2.5)), N(x * x * sqrt(x)), 0.1, 9},
    {"exp", F(exp(x)), N(exp(x)), -9, 9},
    {"exp2", F(exp2(x)), N(exp2(x)), -9, 9},
    {"expm1", F(expm1(x)), N(expm1(x)), -9, 9},
    {"log", F(log(x)), N(log(x)), 0.1, 9},
    {"log2", F(log2(x)), N(log2(x)), 0.1, 9},
    {"log10", F(log10(x)), N(log10(x)), 0.1, 9},
    {"log1p", F(log1p(x)), N(log1p(x)), -0.9, 9},
    {"logit", F(logit(x)), N(logit(x)), 0.01, 0.99},
    {"sin", F(sin(x)), N(sin(x)), -9, 9},
    {"cos", F(cos(x)), N(cos(x)), -9, 9},
    {"tan", F(tan(x)), N(tan(x)), -1.5, 1.5},
    {"asin", F(asin(x)), N(asin(x)), -0.99, 0.99},
    {"acos", F(acos(x)), N(acos(x)), -0.99, 0.99},
    {"atan", F(atan(x)), N(atan(x)), -9, 9},
    {"sinh", F(sinh(x)), N(sinh(x)), -9, 9},
    {"cosh", F(cosh(x)), N(cosh(x)), -9, 9},
    {"tanh", F(tanh(x)), N(tanh(x)), -5, 5},
    {"asinh", F(asinh(x)), N(asinh(x)), -9, 9},
    {"acosh", F(acosh(x)), N(acosh(x)), 1.01, 9},
    {"atanh", F(atanh(x)), N(atanh(x)), -0.99, 0.99},
    {"erf", F(erf(x)), N(erf(x)), -4, 4},
    {"erfc", F(erfc(x)), N(erfc(x)), -4, 4},
    {"erfinv", F(erfinv(x)), N(erfinv(x)), -0.9, 0.9},
    {"lgamma", F(lgamma(x)), N(lgamma(x)), 0.1, 9},
    {"digamma", F(digamma(x)), N(polygamma(0, x)), 0.1, 9},
    {"polygamma 1", F(polygamma(1, x)), N(polygamma(1, x)), 0.1, 9},
    {"polygamma 2", F(polygamma(2, x)), N(polygamma(2, x)), 0.1, 9},
    {"sinc", F(sinc(x)), N(sin(kPi * x) / (kPi * x)), 0.01, 9, 1e-11},
    {"i0", F(i0(x)), N(i0(x)), -9, 30},

    {"sigmoid", F(sigmoid(x)), N(sigmoid(x)), -9, 9},
    {"silu", F(silu(x)), N(silu(x)), -9, 9},
    {"mish", F(mish(x)), N(mish(x)), -9, 9},
    {"softplus", F(softplus(x, 2)), N(softplus(2 * x) / 2), -9, 9},
    {"logsigmoid", F(logsigmoid(x)), N(logsigmoid(x)), -9, 9},
    {"gelu", F(gelu(x)), N(gelu(x)), -4, 4},
    {"gelu, tanh", F(gelu(x, Gelu::tanh)), N(x*(1 + tanh(std::sqrt(2 / kPi) * (x + 0.044715 * x * x * x))) / 2),
     -3, 3},
    {"relu", F(relu(x)), N(relu_of(x))},
    {"leaky_relu", F(leaky_relu(x, 0.125)), N(x < 0 ? x / 8 : x)},
    {"elu", F(elu(x, 1.5)), N(x < 0 ? 1.5 * expm1(x) : x)},
    {"celu", F(celu(x, 0.75)), N(x < 0 ? 0.75 * expm1(x / 0.75) : x)},
    {"selu", F(selu(x)), N(1.0507009873554804934 * (x < 0 ? 1.6732632423543772848 * expm1(x) : x))},
    {"softsign", F(softsign(x)), N(x / (1 + abs(x)))},
    {"tanhshrink", F(tanhshrink(x)), N(x - tanh(x)), 0.5, 3},
    {"hardtanh", F(hardtanh(x)), N(x < -1 ? -1 : x > 1 ? 1 : x)},
    {"relu6", F(relu6(x)), N(relu6_of(x)), -2, 8},
    {"hardsigmoid", F(hardsigmoid(x)), N(relu6_of(x + 3) / 6), -5, 5},
    {"hardswish", F(hardswish(x)), N(x * relu6_of(x + 3) / 6), -5, 5},
    {"hardshrink", F(hardshrink(x)), N(hardshrink_of(x))},
    {"softshrink", F(softshrink(x)), N(x < -0.5 ? x + 0.5 : x > 0.5 ? x - 0.5 : 0)},
    {"threshold", F(threshold(x, 0.3, -1)), N(x > 0.3 ? x : -1)},
    {"clamp", F(clamp(x, -0.7, 0.9)), N(x < -0.7 ? -0.7 : x > 0.9 ? 0.9 : x)},
    {"ceil", F(ceil(x)), N(dual::floor_of(x) + 1)},
    {"round", F(round(x)), N(dual::floor_of(x + 0.5))},
    {"sign", F(sign(x)), N(x < 0 ? 0 * x - 1 : 0 * x + 1)},
    {"erfc, far", F(erfc(x)), N(erfc(x)), 3, 5},
};

const OfTwo kOfTwo[] = {
    {"add", F2(x + y), N2(x + y)},
    {"sub", F2(x - y), N2(x - y)},
    {"mul", F2(x * y), N2(x * y)},
    {"div", F2(x / y), N2(x / y), 0.3, 3},
    {"pow", F2(pow(x, y)), N2(pow(x, y)), 0.3, 3},
    {"fmod", F2(fmod(x + 2, y)), N2(x + 2 - y * dual::trunc_of((x + 2) / y)), 0.3, 3},
    {"remainder", F2(remainder(-x, y)), N2(-x - y * dual::floor_of(-x / y)), 0.3, 3},
    {"atan2", F2(atan2(x, y)), N2(atan2(x, y)), 0.3, 3},
    {"hypot", F2(hypot(x, y)), N2(hypot(x, y)), 0.3, 3},
    {"xlogy", F2(xlogy(x, y)), N2(xlogy(x, y)), 0.3, 3},
    {"logaddexp", F2(logaddexp(x, y)), N2(logaddexp(x, y))},
    {"copysign", F2(copysign(x, y)), N2(abs(x) + 0 * y), 0.3, 3},
    {"addcmul", F2(addcmul(x, x, y, 0.5)), N2(x + x * y / 2)},
    {"addcdiv", F2(addcdiv(y, x, y, 0.5)), N2(y + x / y / 2), 0.3, 3},
    {"lerp", F2(lerp(x, y, x)), N2(x + x * (y - x)), -1.4, 1.4},
    {"where", F2(where(gt(x, 0), x, x * y)), N2(x < 0 ? x * y : x)},
    {"div, floor", F2(div(x * 9 + 0.1, y, Rounding::floor)), N2(dual::floor_of((x * 9 + 0.1) / y)), 0.3, 3},
    {"prelu", F2(prelu(x, mean(y) * 0 + 0.25)), N2(x < 0 ? x / 4 + 0 * y : x)},
    {"minimum", F2(minimum(x, y + 0.01)), N2(x < y + 0.01 ? x : y + 0.01)},
    {"addcmul of three", F2(addcmul(y, x, x * y)), N2(y + x * x * y)},
    {"maximum", F2(maximum(x, y + 0.01)), N2(x < y + 0.01 ? y + 0.01 : x)},
};

// clang-format on

// n numbers in (low, high), at no simple fraction of the way; in another order by `step`.
Tensor points(double low, double high, std::int64_t n = 97, std::int64_t step = 1) {
  std::vector<double> x;
  for (std::int64_t i = 0; i < n; ++i)
    x.push_back(low +
                (high - low) * (static_cast<double>(i * step % n) + 0.5 + 0.1 / M_PI) / static_cast<double>(n));
  return tensor(x, {.requires_grad = true});
}

void check_close(const Tensor& got, const std::vector<Real>& expected, double relative, double absolute) {
  const auto y = got.to_vector<double>();
  Real worst = 0;
  std::size_t at = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const Real error = std::fabs(y[i] - expected[i]) / (relative * std::fabs(expected[i]) + absolute);
    if (!(error <= worst)) worst = error, at = i;
  }
  CHECK_MESSAGE(worst <= 1, "element ", at, ": ", y[at], " instead of ", static_cast<double>(expected[at]));
}

// The names of the operations that x was computed by.
void collect(const Tensor& x, std::set<std::string_view>& names) {
  std::vector<const Node*> stack{x.impl().edge.node.get()};
  std::set<const Node*> reached;
  while (!stack.empty()) {
    const Node* node = stack.back();
    stack.pop_back();
    if (node == nullptr || !reached.insert(node).second) continue;
    names.insert(node->name());
    for (const auto& edge : node->edges()) stack.push_back(edge.node.get());
  }
}

// f of any number of tensors and its derivatives, against those of a function of as many Jets.
template <class Reference>
void check(const std::vector<Tensor>& x, const Tensor& y, double tolerance, Reference reference) {
  const std::size_t n = x.size(), count = static_cast<std::size_t>(y.numel());
  const auto expected = [&](std::size_t i, std::size_t j, auto part) {
    std::vector<Real> numbers;
    for (std::size_t k = 0; k < count; ++k) {
      std::vector<Jet> at;
      for (std::size_t a = 0; a < n; ++a)
        at.push_back({{x[a].data<const double>()[k], a == j ? 1.0L : 0.0L}, {a == i ? 1.0L : 0.0L, 0}});
      numbers.push_back(part(reference(at)));
    }
    return numbers;
  };
  const auto derivatives = [&](const Tensor& of) {
    GradOptions options{.grad_outputs = {ones_like(of)}, .create_graph = true, .allow_unused = true};
    auto g = grad(of, x, options);
    for (std::size_t a = 0; a < n; ++a)
      if (!g[a].defined()) g[a] = zeros_like(x[a]);
    return g;
  };
  check_close(y, expected(0, 0, [](const Jet& v) { return v.v.v; }), tolerance, tolerance / 100);
  const auto first = derivatives(y);
  for (std::size_t i = 0; i < n; ++i) {
    CAPTURE(i);
    check_close(first[i], expected(i, i, [](const Jet& v) { return v.d.v; }), tolerance, tolerance / 100);
    if (!first[i].requires_grad()) continue;
    const auto second = derivatives(first[i]);
    for (std::size_t j = 0; j < n; ++j) {
      CAPTURE(j);
      check_close(second[j], expected(i, j, [](const Jet& v) { return v.d.d; }), tolerance, tolerance / 100);
    }
  }
}

}  // namespace

TEST_CASE("functions of one number and their derivatives, by dual numbers") {
  for (const auto& function : kOfOne) {
    CAPTURE(function.name);
    const std::vector<Tensor> x{points(function.low, function.high)};
    check(x, function.f(x[0]), function.tolerance,
          [&](const std::vector<Jet>& v) { return function.reference(v[0]); });
  }
}

TEST_CASE("functions of two numbers and their derivatives, by dual numbers") {
  for (const auto& function : kOfTwo) {
    CAPTURE(function.name);
    const std::vector<Tensor> x{points(function.low, function.high), points(function.low, function.high, 97, 29)};
    check(x, function.f(x[0], x[1]), function.tolerance,
          [&](const std::vector<Jet>& v) { return function.reference(v[0], v[1]); });
  }
}

namespace {

using ElementByElement = decltype(ops::ArithmeticOps() + ops::MultivariateOps() + ops::PointwiseOps() +
                                  ops::SpecialOps() + ops::CompareOps() + ops::ActivationOps());

// Operations that no function here is made of, and why.
const std::map<std::string_view, const char*> kWithout{
    {"eq", "gives truth values"}, {"ne", "gives truth values"}, {"lt", "gives truth values"},
    {"le", "gives truth values"}, {"gt", "gives truth values"}, {"ge", "gives truth values"},
    {"dropout", "is random"},
};

}  // namespace

TEST_CASE("every operation that works element by element is compared with numbers") {
  std::set<std::string_view> seen;
  const auto note = [&](const Tensor& y, const std::vector<Tensor>& x) {
    collect(y, seen);
    for (const auto& g : grad(y, x, {.grad_outputs = {y * 0 + 1}, .create_graph = true, .allow_unused = true})) {
      if (!g.defined() || !g.requires_grad()) continue;
      collect(g, seen);
      for (const auto& h :
           grad(g, x, {.grad_outputs = {ones_like(g)}, .create_graph = true, .allow_unused = true}))
        if (h.defined()) collect(h, seen);
    }
  };
  for (const auto& function : kOfOne) {
    const Tensor x = points(function.low, function.high, 5);
    note(function.f(x), {x});
  }
  for (const auto& function : kOfTwo) {
    const Tensor x = points(function.low, function.high, 5), y = points(function.low, function.high, 5, 2);
    note(function.f(x, y), {x, y});
  }
  const auto check_one = [&](std::string_view name) {
    CHECK_MESSAGE(seen.contains(name) != kWithout.contains(name), name,
                  ": compare a function that is made of it with a function of numbers");
  };
  [&]<class... Op>(OpList<Op...>) { (check_one(Op::name), ...); }(ElementByElement());
}
