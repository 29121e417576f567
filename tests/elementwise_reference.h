// The element-by-element functions of autograd/kernels/elementwise.h by their plain formulas, in double.
#pragma once

#include <algorithm>
#include <cmath>

#include "autograd/kernels/elementwise.h"

namespace ebb::test {

using kernels::Binary;
using kernels::Compare;
using kernels::Unary;

inline constexpr double kPi = 3.14159265358979323846, kRootHalf = 0.70710678118654752440;

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
inline double hardsigmoid(double x) { return std::min(std::max(x + 3, 0.0), 6.0) / 6; }
inline double gelu_tanh_argument(double x) { return 1.5957691216057307 * (x + 0.044715 * x * x * x); }

// By bisection.
inline double inverse_of_erf(double y) {
  double low = -7, high = 7;
  for (int i = 0; i < 80; ++i) (std::erf((low + high) / 2) < y ? low : high) = (low + high) / 2;
  return low;
}
// Their definitions, as sums and integrals.
inline double trigamma(double x) {
  double sum = 0;
  for (int k = 0; k < 200; ++k, ++x) sum += 1 / (x * x);
  return sum + 1 / x + 1 / (2 * x * x) + 1 / (6 * x * x * x) - 1 / (30 * x * x * x * x * x);
}
inline double bessel_i1(
    double x) {  // 1/π ∫ exp(x cos t) cos t over [0, π]: the trapezoidal rule is exact to all digits
  double sum = 0;
  for (int k = 0; k < 64; ++k) sum += std::exp(x * std::cos(kPi * k / 32)) * std::cos(kPi * k / 32);
  return sum / 64;
}
inline long long whole(double x) { return static_cast<long long>(x); }

inline double reference(Unary f, double x, double a, double b, int bits) {
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
    case Unary::trunc:
      return std::trunc(x);
    case Unary::hardsigmoid:
      return hardsigmoid(x);
    case Unary::hardswish:
      return x * hardsigmoid(x);
    case Unary::softsign:
      return x / (1 + std::fabs(x));
    case Unary::exp2:
      return std::exp2(x);
    case Unary::log2:
      return std::log2(x);
    case Unary::log10:
      return std::log10(x);
    case Unary::logit:
      return std::log(x / (1 - x));
    case Unary::tan:
      return std::tan(x);
    case Unary::sinh:
      return std::sinh(x);
    case Unary::cosh:
      return std::cosh(x);
    case Unary::asinh:
      return std::asinh(x);
    case Unary::acosh:
      return std::acosh(x);
    case Unary::atanh:
      return std::atanh(x);
    case Unary::mish:
      return x * std::tanh(std::log1p(std::exp(x)));
    case Unary::erfc:
      return std::erfc(x);
    case Unary::asin:
      return std::asin(x);
    case Unary::acos:
      return std::acos(x);
    case Unary::atan:
      return std::atan(x);
    case Unary::erfinv:
      return inverse_of_erf(x);
    case Unary::lgamma:
      return std::lgamma(x);
    case Unary::polygamma:
      return trigamma(x);
    case Unary::sinc:
      return (std::cos(kPi * x) - std::sin(kPi * x) / (kPi * x)) / x;
    case Unary::bessel_i:
      return bessel_i1(x);
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
      return x > 0 ? x : a * std::expm1(b * x);
    case Unary::gelu:
      return x * std::erfc(-x * kRootHalf) / 2;
    case Unary::gelu_tanh:
      return x * sigmoid(gelu_tanh_argument(x));
    case Unary::erf:
      return std::erf(x);
    case Unary::bitwise_not:
      return bits == 1 ? 1 - x : -1 - x;
  }
  return 0;
}

// The derivative at x of the function whose backward f is.
inline double derivative(Binary f, double x, double p, double q) {
  switch (f) {
    case Binary::silu_backward:
      return sigmoid(x) * (1 + x * sigmoid(-x));
    case Binary::mish_backward: {
      const double t = std::tanh(std::log1p(std::exp(x)));
      return t + x * sigmoid(x) * (1 - t * t);
    }
    case Binary::softplus_backward:
      return p * x > q ? 1 : sigmoid(p * x);
    case Binary::elu_backward:
      return x > 0 ? 1 : p * q * std::exp(q * x);
    case Binary::gelu_backward:
      return std::erfc(-x * kRootHalf) / 2 + x * std::exp(-x * x / 2) * 0.39894228040143267794;
    default: {
      const double s = sigmoid(gelu_tanh_argument(x));
      return s + x * s * (1 - s) * 1.5957691216057307 * (1 + 3 * 0.044715 * x * x);
    }
  }
}

inline double reference(Binary f, double a, double b, double p, double q, int bits) {
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
    case Binary::trunc_divide:
      return std::trunc(a / b);
    case Binary::floor_divide:
      return std::floor(a / b);
    case Binary::fmod:
      return a - b * std::trunc(a / b);
    case Binary::remainder:
      return a - b * std::floor(a / b);
    case Binary::copysign:
      return std::signbit(b) ? -std::fabs(a) : std::fabs(a);
    case Binary::prelu:
      return a > 0 ? a : a * b;
    case Binary::inside:
      return a > p && a < q ? b : 0;
    case Binary::outside:
      return a < p || a > q ? b : 0;
    case Binary::hardswish_backward:
      return a <= -3 ? 0 : a < 3 ? b * (a / 3 + 0.5) : b;
    case Binary::hypot:
      return std::sqrt(a * a + b * b);
    case Binary::xlogy:
      return a * std::log(b);
    case Binary::logaddexp:
      return std::log(std::exp(a) + std::exp(b));
    case Binary::bitwise_and:
      return static_cast<double>(whole(a) & whole(b));
    case Binary::bitwise_or:
      return static_cast<double>(whole(a) | whole(b));
    case Binary::bitwise_xor:
      return static_cast<double>(whole(a) ^ whole(b));
    case Binary::left_shift:
      return b < 0 || b >= bits ? 0 : a * std::exp2(b);
    case Binary::right_shift:
      return b < 0 || b >= bits ? (a < 0 ? -1 : 0) : std::floor(a / std::exp2(b));
    default:
      return b * derivative(f, a, p, q);
  }
}

inline bool reference(Compare f, double a, double b) {
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

}  // namespace ebb::test
