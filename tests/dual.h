// Dual numbers: v + d ε with ε² = 0 (Clifford 1873). f(x + ε) = f(x) + f'(x) ε holds exactly, so a scalar function that
// is a template gives its derivative, rounded but not truncated; and of Dual<Dual<…>> its second.
//
//   template <class S> S f(S x) { return x * exp(x); }
//   const Dual<long double> y = f(Dual<long double>(2, 1));  // y.v = f(2), y.d = f'(2)
//
// Functions are found by their arguments; for plain numbers they are those of <cmath>.
#pragma once

#include <cmath>
#include <numbers>
#include <utility>

namespace ebb::dual {

using Real = long double;

template <class S>
struct Dual {
  S v, d;

  Dual(Real constant = 0) : v(constant), d(0) {}  // NOLINT: numbers are duals
  Dual(S value, S derivative) : v(value), d(derivative) {}

  friend Dual operator-(const Dual& a) { return {-a.v, -a.d}; }
  friend Dual operator+(const Dual& a, const Dual& b) { return {a.v + b.v, a.d + b.d}; }
  friend Dual operator-(const Dual& a, const Dual& b) { return {a.v - b.v, a.d - b.d}; }
  friend Dual operator*(const Dual& a, const Dual& b) { return {a.v * b.v, a.v * b.d + a.d * b.v}; }
  friend Dual operator/(const Dual& a, const Dual& b) {
    const S y = a.v / b.v;
    return {y, (a.d - y * b.d) / b.v};
  }
  friend bool operator<(const Dual& a, const Dual& b) { return a.v < b.v; }
  friend bool operator>(const Dual& a, const Dual& b) { return b < a; }
};

inline Real value(Real x) { return x; }
template <class S>
Real value(const Dual<S>& x) {
  return value(x.v);
}

// f(x), given f and f' at x.v.
template <class S>
Dual<S> chain(const Dual<S>& x, const S& f, const S& slope) {
  return {f, slope * x.d};
}

using std::acos, std::acosh, std::asin, std::asinh, std::atan, std::atanh, std::cos, std::cosh, std::erf,
    std::erfc, std::exp, std::expm1, std::lgamma, std::log, std::log1p, std::sin, std::sinh, std::sqrt, std::tan,
    std::tanh;

template <class S>
Dual<S> exp(const Dual<S>& x) {
  const S y = exp(x.v);
  return chain(x, y, y);
}
template <class S>
Dual<S> expm1(const Dual<S>& x) {
  return chain(x, expm1(x.v), exp(x.v));
}
template <class S>
Dual<S> log(const Dual<S>& x) {
  return chain(x, log(x.v), S(1) / x.v);
}
template <class S>
Dual<S> log1p(const Dual<S>& x) {
  return chain(x, log1p(x.v), S(1) / (S(1) + x.v));
}
template <class S>
Dual<S> sqrt(const Dual<S>& x) {
  const S y = sqrt(x.v);
  return chain(x, y, S(1) / (y + y));
}
template <class S>
Dual<S> cos(const Dual<S>& x);
template <class S>
Dual<S> sin(const Dual<S>& x) {
  return chain(x, sin(x.v), cos(x.v));
}
template <class S>
Dual<S> cos(const Dual<S>& x) {
  return chain(x, cos(x.v), -sin(x.v));
}
template <class S>
Dual<S> tan(const Dual<S>& x) {
  const S y = tan(x.v);
  return chain(x, y, S(1) + y * y);
}
template <class S>
Dual<S> asin(const Dual<S>& x) {
  return chain(x, asin(x.v), S(1) / sqrt(S(1) - x.v * x.v));
}
template <class S>
Dual<S> acos(const Dual<S>& x) {
  return chain(x, acos(x.v), S(-1) / sqrt(S(1) - x.v * x.v));
}
template <class S>
Dual<S> atan(const Dual<S>& x) {
  return chain(x, atan(x.v), S(1) / (S(1) + x.v * x.v));
}
template <class S>
Dual<S> cosh(const Dual<S>& x);
template <class S>
Dual<S> sinh(const Dual<S>& x) {
  return chain(x, sinh(x.v), cosh(x.v));
}
template <class S>
Dual<S> cosh(const Dual<S>& x) {
  return chain(x, cosh(x.v), sinh(x.v));
}
template <class S>
Dual<S> tanh(const Dual<S>& x) {
  const S c = cosh(x.v);
  return chain(x, tanh(x.v), S(1) / (c * c));
}
template <class S>
Dual<S> asinh(const Dual<S>& x) {
  return chain(x, asinh(x.v), S(1) / sqrt(x.v * x.v + S(1)));
}
template <class S>
Dual<S> acosh(const Dual<S>& x) {
  return chain(x, acosh(x.v), S(1) / sqrt(x.v * x.v - S(1)));
}
template <class S>
Dual<S> atanh(const Dual<S>& x) {
  return chain(x, atanh(x.v), S(1) / (S(1) - x.v * x.v));
}

template <class S>
S erf_slope(const S& x) {
  return exp(-x * x) * S(2 * std::numbers::inv_sqrtpi_v<Real>);
}
template <class S>
Dual<S> erf(const Dual<S>& x) {
  return chain(x, erf(x.v), erf_slope(x.v));
}
template <class S>
Dual<S> erfc(const Dual<S>& x) {
  return chain(x, erfc(x.v), -erf_slope(x.v));
}

// Derivative number n + 1 of log Γ at x > 0: a thousand terms of its sum, and what is left by Euler and Maclaurin.
inline Real polygamma(int n, Real x) {
  Real sum = 0;
  for (int k = 0; k < 1000; ++k, x += 1) sum += std::pow(x, Real(-n - 1));
  if (n == 0) return std::log(x) - 1 / (2 * x) - 1 / (12 * x * x) + 1 / (120 * x * x * x * x) - sum;
  const Real power = std::pow(x, Real(-n - 1));
  sum += power * (x / Real(n) + Real(0.5) + Real(n + 1) / (12 * x));
  return (n % 2 == 0 ? -1 : 1) * std::tgamma(Real(n + 1)) * sum;
}
template <class S>
Dual<S> polygamma(int n, const Dual<S>& x) {
  return chain(x, polygamma(n, x.v), polygamma(n + 1, x.v));
}
template <class S>
Dual<S> lgamma(const Dual<S>& x) {
  return chain(x, lgamma(x.v), polygamma(0, x.v));
}

// a^b for a > 0.
template <class S>
Dual<S> pow(const Dual<S>& a, const Dual<S>& b) {
  return exp(b * log(a));
}
template <class S>
Dual<S> abs(const Dual<S>& x) {
  return x < 0 ? -x : x;
}

// Functions of the library that <cmath> lacks.
template <class S>
Dual<S> square(const Dual<S>& x) {
  return x * x;
}
template <class S>
Dual<S> reciprocal(const Dual<S>& x) {
  return Dual<S>(1) / x;
}
template <class S>
Dual<S> rsqrt(const Dual<S>& x) {
  return reciprocal(sqrt(x));
}
template <class S>
Dual<S> exp2(const Dual<S>& x) {
  return exp(x * std::numbers::ln2_v<Real>);
}
template <class S>
Dual<S> log2(const Dual<S>& x) {
  return log(x) / std::numbers::ln2_v<Real>;
}
template <class S>
Dual<S> log10(const Dual<S>& x) {
  return log(x) / std::numbers::ln10_v<Real>;
}
template <class S>
Dual<S> logit(const Dual<S>& x) {
  return log(x / (1 - x));
}
template <class S>
Dual<S> sigmoid(const Dual<S>& x) {
  return 1 / (1 + exp(-x));
}
template <class S>
Dual<S> softplus(const Dual<S>& x) {
  return log1p(exp(x));
}
template <class S>
Dual<S> logsigmoid(const Dual<S>& x) {
  return -softplus(-x);
}
template <class S>
Dual<S> silu(const Dual<S>& x) {
  return x * sigmoid(x);
}
template <class S>
Dual<S> mish(const Dual<S>& x) {
  return x * tanh(softplus(x));
}
template <class S>
Dual<S> gelu(const Dual<S>& x) {
  return x * erfc(-x * (std::numbers::sqrt2_v<Real> / 2)) / 2;
}
// Newton's rule from 0, on any kind of number: the derivatives converge too.
template <class S>
Dual<S> erfinv(const Dual<S>& x) {
  Dual<S> y = 0;
  for (int i = 0; i < 60; ++i) y = y - (erf(y) - x) / erf_slope(y);
  return y;
}
template <class S>
Dual<S> i0(const Dual<S>& x) {
  Dual<S> sum = 1, term = 1;
  for (int k = 1; k < 60; ++k) sum = sum + (term = term * x * x / (Real(4) * k * k));
  return sum;
}
template <class S>
Dual<S> atan2(const Dual<S>& y, const Dual<S>& x) {  // x > 0
  return atan(y / x);
}
template <class S>
Dual<S> hypot(const Dual<S>& a, const Dual<S>& b) {
  return sqrt(a * a + b * b);
}
template <class S>
Dual<S> xlogy(const Dual<S>& x, const Dual<S>& y) {
  return x * log(y);
}
template <class S>
Dual<S> logaddexp(const Dual<S>& a, const Dual<S>& b) {
  return log(exp(a) + exp(b));
}
// Constant between their jumps.
template <class S>
S floor_of(const S& x) {
  return std::floor(value(x));
}
template <class S>
S trunc_of(const S& x) {
  return std::trunc(value(x));
}

}  // namespace ebb::dual
