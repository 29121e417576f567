// How precise the functions of floats are: against long double, over dense samples of the whole range.
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "autograd/kernels/elementwise.h"
#include "tests/every_target.h"

namespace {

using namespace ebb;
using kernels::Binary;
using kernels::Unary;
using Real = long double;

// -- samples and errors

// Numbers of every size, the subnormals included, of both signs; more of them below `dense_to`; and the special ones.
template <class T>
std::vector<T> samples(double dense_to) {
  using Limits = std::numeric_limits<T>;
  std::vector<T> x{T(0), T(1), Limits::denorm_min(), Limits::min(), Limits::max(), Limits::infinity()};
  constexpr int kPerOctave = std::is_same_v<T, float> ? 40 : 6, kSteps = 8000;
  for (int e = Limits::min_exponent - Limits::digits; e < Limits::max_exponent; ++e)
    for (int i = 0; i < kPerOctave; ++i) x.push_back(std::ldexp(T(1) + (T(i) + T(0.3)) / T(kPerOctave), e));
  for (int i = 0; i < kSteps; ++i) x.push_back(static_cast<T>(dense_to * (i + 0.37) / kSteps));
  for (int i = 0; i < kSteps; ++i) x.push_back(static_cast<T>(2.0 * (i + 0.71) / kSteps));
  const std::size_t n = x.size();
  for (std::size_t i = 0; i < n; ++i) x.push_back(-x[i]);
  x.push_back(Limits::quiet_NaN());
  return x;
}

// |y - exact| in units of the last place of T at `scale`. NaN must be NaN. An infinity counts as the power of
// two that the type can not hold.
template <class T>
double ulps(T y, Real exact, Real scale) {
  using Limits = std::numeric_limits<T>;
  if (std::isnan(exact) || std::isnan(y)) return std::isnan(exact) && std::isnan(y) ? 0 : HUGE_VAL;
  if (y == static_cast<T>(exact)) return 0;
  const Real end = std::ldexp(Real(1), Limits::max_exponent);
  const auto bounded = [&](Real v) { return std::clamp(v, -end, end); };
  const int exponent = std::clamp(std::ilogb(scale), Limits::min_exponent - 1, Limits::max_exponent - 1);
  return static_cast<double>(std::fabs(bounded(y) - bounded(exact)) /
                             std::ldexp(Real(1), exponent - Limits::digits + 1));
}

struct Worst {
  double error = 0;
  Real x = 0, y = 0, exact = 0;
};

template <class T>
std::string text(const Worst& w) {
  const auto digits = [](Real v) {
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, "%.20Lg", v);
    return std::string(buffer);
  };
  return std::string(name_of(dtype_of<T>())) + ": " + std::to_string(w.error) + " ulp at " + digits(w.x) + ", " +
         digits(w.y) + " instead of " + digits(w.exact);
}

// -- calls on flat arrays

template <class T>
struct Array {
  explicit Array(std::vector<T> elements)
      : data(std::move(elements)), shape{static_cast<std::int64_t>(data.size())} {}
  View view() { return {data.data(), &shape, &strides, dtype_of<T>(), true}; }

  std::vector<T> data;
  Shape shape;
  Dims strides{1};
};

template <class T>
std::vector<T> call(Unary f, const std::vector<T>& x, double a = 0, double b = 0) {
  Array<T> input(x), y(x);
  test::unary(f, y.view(), input.view(), a, b);
  return y.data;
}

template <class T>
std::vector<T> call(Binary f, const std::vector<T>& a, const std::vector<T>& b, double p = 0, double q = 0) {
  Array<T> left(a), right(b), y(a);
  test::binary(f, y.view(), left.view(), right.view(), p, q);
  return y.data;
}

// f(x) on every target against exact(x): no error may be above the bound, in units at scale(x, exact(x)).
struct Check {
  const char* name;
  Real (*exact)(Real);
  double bound_float, bound_double;
  double dense_to;
  Real (*scale)(Real x, Real exact) = [](Real, Real y) { return y; };

  template <class T, class F>
  void run(F&& f) const {
    const std::vector<T> x = samples<T>(dense_to);
    std::vector<Real> right;
    for (const T v : x) right.push_back(exact(v));
    test::with_every_target([&] {
      const std::vector<T> y = f(x);
      Worst worst;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const double error = ulps(y[i], right[i], scale(x[i], right[i]));
        if (error > worst.error) worst = {error, x[i], y[i], right[i]};
      }
      const std::string what = std::string(name) + " " + text<T>(worst);
      CAPTURE(what);
      CHECK(worst.error <= (std::is_same_v<T, float> ? bound_float : bound_double));
    });
  }
};

// -- the functions

Real sigmoid(Real x) { return x < -12000 ? 0 : 1 / (1 + std::exp(-x)); }
Real normal_cdf(Real x) { return std::erfc(-x * 0.707106781186547524400844362104849039L) / 2; }
Real normal_density(Real x) { return std::exp(-x * x / 2) * 0.398942280401432677939946059934381868L; }
// 0 · ∞ = 0
Real product(Real a, Real b) { return a == 0 || b == 0 ? 0 : a * b; }

Real logit(Real x) { return x < 0.25L ? std::log(x) - std::log1p(-x) : std::log1p((2 * x - 1) / (1 - x)); }
// tanh(log(1 + e)) = n / (n + 2), n = e (e + 2)
Real mish_factor(Real x) {
  const Real e = std::exp(std::min(x, Real(50))), n = e * (e + 2);
  return n / (n + 2);
}
Real mish_derivative(Real x) {
  if (x > 50) return 1;
  const Real t = mish_factor(x), n = std::exp(x) + 1;  // 1 - t² = 4 n² / (n² + 1)²
  return t + product(x, sigmoid(x) * (4 * n * n / ((n * n + 1) * (n * n + 1))));
}

// By its series near 0 and by bisection.
Real erfinv(Real x) {
  constexpr Real kPi = 3.141592653589793238462643383279502884L;
  const Real a = std::fabs(x);
  if (!(a < 1)) return a == 1 ? x * HUGE_VALL : std::nanl("");
  if (a < 1e-4L) return std::sqrt(kPi) / 2 * x * (1 + kPi / 12 * x * x);
  Real low = 0, high = 8;
  for (int i = 0; i < 80; ++i) {
    const Real middle = (low + high) / 2;
    const bool below = a < 0.5L ? std::erf(middle) < a : std::erfc(middle) > 1 - a;
    (below ? low : high) = middle;
  }
  return std::copysign(low, x);
}

Real sinc(Real x) {
  constexpr Real kPi = 3.141592653589793238462643383279502884L;
  if (x == 0) return 1;
  const Real whole = std::nearbyint(x), sine = std::sin(kPi * (x - whole));
  return (std::fmod(whole, Real(2)) == 0 ? sine : -sine) / (kPi * x);
}

// 1/π ∫ exp(x cos t) over [0, π]: for a periodic function the trapezoidal rule is exact to all digits.
Real bessel_i0(Real x) {
  constexpr int kPoints = 160;
  if (!(std::fabs(x) < 800)) return std::isnan(x) ? x : HUGE_VALL;
  static const std::vector<Real> cosines = [] {
    std::vector<Real> c;
    for (int k = 0; k <= kPoints; ++k)
      c.push_back(std::cos(3.141592653589793238462643383279502884L * k / kPoints));
    return c;
  }();
  Real sum = (std::exp(x) + std::exp(-x)) / 2;
  for (std::size_t k = 1; k < kPoints; ++k) sum += std::exp(x * cosines[k]);
  return sum / kPoints;
}

constexpr Real kGeluLinear = 1.59576912160573071175978423973752747L, kGeluCubic = 0.044715L;
Real gelu_tanh_argument(Real x) { return kGeluLinear * x * (1 + kGeluCubic * x * x); }
// The argument's rounding shows below 0, as many times as the argument says.
Real by_argument(Real x, Real exact) {
  return x < 0 ? std::fabs(exact) * (1 + std::fabs(gelu_tanh_argument(x)) / 2) : exact;
}
// The derivatives that cross 0 are sums of terms of about this size there.
Real by_terms(Real x, Real exact) { return std::fabs(x) < 3 ? std::max(std::fabs(exact), Real(0.1)) : exact; }

struct UnaryCheck {
  Unary f;
  Check check;
  double a = 0, b = 0;
};

const UnaryCheck kUnaryChecks[] = {
    {Unary::sqrt, {"sqrt", std::sqrt, 0.501, 0.501, 10}},
    {Unary::rsqrt, {"rsqrt", [](Real x) { return 1 / std::sqrt(x); }, 1.5, 1.5, 10}},
    {Unary::reciprocal, {"reciprocal", [](Real x) { return 1 / x; }, 0.501, 0.501, 10}},
    {Unary::exp, {"exp", std::exp, 1.2, 1.2, 110}},
    {Unary::exp2, {"exp2", std::exp2, 1.2, 1.2, 150}},
    {Unary::expm1, {"expm1", std::expm1, 1.5, 1.9, 110}},
    {Unary::log, {"log", std::log, 0.9, 0.9, 10}},
    {Unary::log2, {"log2", std::log2, 2, 2, 10}},
    {Unary::log10, {"log10", std::log10, 2, 2, 10}},
    {Unary::log1p, {"log1p", std::log1p, 1.5, 1.5, 10}},
    {Unary::logit, {"logit", logit, 4, 4, 1}},
    {Unary::sin, {"sin", std::sin, 1.6, 1.6, 1000}},
    {Unary::cos, {"cos", std::cos, 1.6, 1.6, 1000}},
    {Unary::tan, {"tan", std::tan, 3.6, 3.6, 1000}},
    {Unary::sinh, {"sinh", std::sinh, 2.6, 2.6, 100}},
    {Unary::cosh, {"cosh", std::cosh, 2, 2, 100}},
    {Unary::asinh, {"asinh", std::asinh, 3.5, 3.5, 10}},
    {Unary::acosh, {"acosh", std::acosh, 3.5, 3.5, 10}},
    {Unary::atanh, {"atanh", std::atanh, 2.6, 2.6, 1}},
    {Unary::tanh, {"tanh", std::tanh, 2.5, 2.5, 20}},
    {Unary::sigmoid, {"sigmoid", sigmoid, 2.3, 2.3, 120}},
    {Unary::silu, {"silu", [](Real x) { return product(x, sigmoid(x)); }, 3.2, 3.2, 120}},
    {Unary::mish, {"mish", [](Real x) { return product(x, mish_factor(x)); }, 4, 4, 120}},
    {Unary::softplus,
     {"softplus", [](Real x) { return x > 20 ? x : std::log1p(std::exp(x)); }, 1.9, 1.9, 120},
     1,
     20},
    {Unary::elu, {"elu", [](Real x) { return x > 0 ? x : std::expm1(x); }, 1, 1.2, 120}, 1, 1},
    {Unary::gelu, {"gelu", [](Real x) { return product(x, normal_cdf(x)); }, 4, 4.2, 40}},
    {Unary::gelu_tanh,
     {"gelu_tanh", [](Real x) { return product(x, sigmoid(gelu_tanh_argument(x))); }, 5, 5, 15, by_argument}},
    {Unary::erf, {"erf", std::erf, 1.3, 1.3, 7}},
    {Unary::erfc, {"erfc", std::erfc, 4, 4, 30}},
    {Unary::asin, {"asin", std::asin, 0.6, 1, 1}},
    {Unary::acos, {"acos", std::acos, 0.6, 1, 1}},
    {Unary::atan, {"atan", std::atan, 0.6, 1, 10}},
    {Unary::erfinv, {"erfinv", erfinv, 0.6, 4, 1}},
    {Unary::sinc, {"sinc", sinc, 0.6, 4, 10}},
    {Unary::bessel_i, {"i0", bessel_i0, 0.6, 10, 800}},
    {Unary::pow_scalar, {"x^2.5", [](Real x) { return std::pow(x, Real(2.5)); }, 0.6, 0.6, 10}, 2.5},
    {Unary::pow_scalar, {"x^-3", [](Real x) { return std::pow(x, Real(-3)); }, 0.6, 0.6, 10}, -3},
    {Unary::pow_scalar, {"x^3", [](Real x) { return x * x * x; }, 1.5, 1.5, 10}, 3},
    {Unary::pow_scalar, {"x^2", [](Real x) { return x * x; }, 0.501, 0.501, 10}, 2},
    {Unary::pow_scalar, {"x^1", [](Real x) { return x; }, 0, 0, 10}, 1},
    {Unary::pow_scalar, {"x^0.5", [](Real x) { return std::pow(x, Real(0.5)); }, 0.501, 0.501, 10}, 0.5},
    {Unary::pow_scalar, {"x^0", [](Real) { return Real(1); }, 0, 0, 10}, 0},
    {Unary::pow_scalar, {"x^-1", [](Real x) { return 1 / x; }, 0.501, 0.501, 10}, -1},
};

TEST_CASE_TEMPLATE("functions keep their error bounds", T, float, double) {
  for (const auto& function : kUnaryChecks)
    function.check.run<T>([&](const std::vector<T>& x) { return call(function.f, x, function.a, function.b); });
}

// Of f(x), given x; the gradient that comes in is 1.
struct BackwardCheck {
  Binary f;
  Check check;
  double p = 0, q = 0;
};

Real silu_derivative(Real x) { return product(sigmoid(x), 1 + product(x, sigmoid(-x))); }
Real gelu_derivative(Real x) { return normal_cdf(x) + product(x, normal_density(x)); }
Real gelu_tanh_derivative(Real x) {
  const Real w = gelu_tanh_argument(x), slope = kGeluLinear * (1 + 3 * kGeluCubic * x * x);
  return product(sigmoid(w), 1 + product(x * slope, sigmoid(-w)));
}

const BackwardCheck kBackwardChecks[] = {
    {Binary::silu_backward, {"silu'", silu_derivative, 5, 5, 120, by_terms}},
    {Binary::mish_backward, {"mish'", mish_derivative, 8, 8, 120, by_terms}},
    {Binary::softplus_backward,
     {"softplus'", [](Real x) { return x > 20 ? 1 : sigmoid(x); }, 2.3, 2.3, 120},
     1,
     20},
    {Binary::elu_backward, {"elu'", [](Real x) { return x > 0 ? 1 : std::exp(x); }, 1.2, 1.2, 120}, 1, 1},
    {Binary::gelu_backward, {"gelu'", gelu_derivative, 8, 8, 40, by_terms}},
    {Binary::gelu_tanh_backward,
     {"gelu_tanh'", gelu_tanh_derivative, 6, 6, 12,
      [](Real x, Real exact) { return by_argument(x, by_terms(x, exact)); }}},
    {Binary::tanh_backward, {"1 - y²", [](Real y) { return (1 - y) * (1 + y); }, 1.5, 1.5, 1}},
    {Binary::sigmoid_backward, {"y (1 - y)", [](Real y) { return y * (1 - y); }, 1.5, 1.5, 1}},
};

TEST_CASE_TEMPLATE("derivatives are as precise as the functions", T, float, double) {
  for (const auto& function : kBackwardChecks)
    function.check.run<T>([&](const std::vector<T>& x) {
      return call(function.f, x, std::vector<T>(x.size(), T(1)), function.p, function.q);
    });
}

// -- values that are no numbers, and functions of two numbers

template <class T>
bool same(T a, T b) {
  return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b);
}

// a and b with every pair of the values.
template <class T>
void pair_up(const std::vector<T>& values, std::vector<T>& a, std::vector<T>& b) {
  for (const T x : values)
    for (const T y : values) a.push_back(x), b.push_back(y);
}

template <class T>
std::vector<T> special_values() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> v;
  for (const T x : {T(0), T(0.5), T(1), T(2), T(3), T(2.5), T(1e8), T(16777217), Limits::denorm_min(),
                    Limits::min(), Limits::max(), Limits::infinity(), Limits::quiet_NaN()})
    v.push_back(x), v.push_back(-x);
  return v;
}

TEST_CASE_TEMPLATE("pow, atan2, maximum and minimum of special values are those of the standard", T, float,
                   double) {
  std::vector<T> a, b;
  pair_up(special_values<T>(), a, b);
  test::with_every_target([&] {
    const auto power = call(Binary::pow, a, b), angle = call(Binary::atan2, a, b);
    const auto most = call(Binary::maximum, a, b), least = call(Binary::minimum, a, b);
    for (std::size_t i = 0; i < a.size(); ++i) {
      CAPTURE(a[i]);
      CAPTURE(b[i]);
      const T exact = static_cast<T>(std::pow(static_cast<Real>(a[i]), static_cast<Real>(b[i])));
      CHECK(ulps(power[i], exact, exact) <= 1);
      CHECK((std::isnan(exact) || std::signbit(power[i]) == std::signbit(exact)));
      CHECK(same(angle[i], std::atan2(a[i], b[i])));
      const bool unordered = std::isnan(a[i]) || std::isnan(b[i]);
      CHECK(std::isnan(most[i]) == unordered);
      CHECK(std::isnan(least[i]) == unordered);
      if (unordered) continue;
      CHECK(most[i] == std::max(a[i], b[i]));
      CHECK(least[i] == std::min(a[i], b[i]));
    }
  });
}

TEST_CASE_TEMPLATE("pow keeps its error bound", T, float, double) {
  std::vector<T> a, b;
  for (int i = 0; i < 4000; ++i) {
    a.push_back(static_cast<T>(std::exp(0.01 * (i % 997 - 500))));
    b.push_back(static_cast<T>(0.02 * (i % 1009 - 504)));
  }
  test::with_every_target([&] {
    const auto y = call(Binary::pow, a, b);
    double worst = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const Real exact = std::pow(static_cast<Real>(a[i]), static_cast<Real>(b[i]));
      worst = std::max(worst, ulps(y[i], exact, exact));
    }
    CHECK(worst <= 0.6);
  });
}

TEST_CASE_TEMPLATE("odd functions keep the sign of zero, and NaN stays NaN", T, float, double) {
  test::with_every_target([&] {
    for (const auto f : {Unary::sin, Unary::tanh, Unary::erf, Unary::expm1, Unary::log1p, Unary::floor,
                         Unary::round, Unary::trunc, Unary::tan, Unary::sinh, Unary::asinh, Unary::atanh,
                         Unary::asin, Unary::atan, Unary::erfinv})
      CHECK(same(call(f, std::vector<T>{-T(0)})[0], -T(0)));
    for (int f = 0; f < static_cast<int>(Unary::bitwise_not); ++f) {
      CAPTURE(f);
      CHECK(std::isnan(
          call(static_cast<Unary>(f), std::vector<T>{std::numeric_limits<T>::quiet_NaN()}, 1.5, 2.5)[0]));
    }
  });
}

TEST_CASE_TEMPLATE("large angles are reduced by std::sin and std::cos, lane by lane", T, float, double) {
  const std::vector<T> x{T(1), T(1e7), T(-3e20), T(2), T(5e9), T(0.5)};
  test::with_every_target([&] {
    const auto s = call(Unary::sin, x), c = call(Unary::cos, x);
    const auto near = call(Unary::sin, std::vector<T>{T(1), T(1), T(1), T(2)});
    for (const std::size_t i : {1U, 2U, 4U}) {
      CHECK(s[i] == std::sin(x[i]));
      CHECK(c[i] == std::cos(x[i]));
    }
    CHECK(s[0] == near[0]);  // a large neighbour changes nothing
    CHECK(s[3] == near[3]);
  });
}

}  // namespace
