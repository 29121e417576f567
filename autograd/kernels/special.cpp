// Functions of floats that are rare, compiled once: one element at a time.
#include "autograd/kernels/float_runs.h"

#include <math.h>  // NOLINT: lgamma_r, which is not in <cmath>: std::lgamma writes to a global variable

#include <cmath>
#include <limits>
#include <numbers>

namespace ebb::kernels {
namespace {

using std::numbers::pi;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

// ---- the inverse of erf

// A first guess (Winitzki 2008), right to 0.4 %, and steps of Halley's rule, each of which about cubes its error. Above ½
// they are taken in erfc, whose value 1 - |x| is exact.
double erfinv(double x) {
  const double a = std::abs(x);
  if (a > 1) return kNaN;
  if (a == 1) return x * kInfinity;
  const double log = std::log1p(-a * a), half = 2 / (pi * 0.147) + log / 2;
  double y =
      a < 0.1 ? a * (1 / std::numbers::inv_sqrtpi / 2) : std::sqrt(std::sqrt(half * half - log / 0.147) - half);
  for (int i = 0; i < 3; ++i) {
    const double residual = a < 0.5 ? std::erf(y) - a : (1 - a) - std::erfc(y);
    const double step = residual / (2 * std::numbers::inv_sqrtpi * std::exp(-y * y));
    y -= step / (1 + y * step);
  }
  return std::copysign(y, x);
}

// ---- log Γ and its derivatives

double log_gamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

// What follows has bits to spare, where the machine has them, for what cancels.
using Real = long double;

constexpr Real kSteps = 15;

// Σ B₂ⱼ / (2j)! s (s + 1) … (s + 2j - 2) x^(-s-2j+1): the end of the Euler-Maclaurin formula for Σ (x + k)^-s over k >=
// 0. To all digits for x >= kSteps + s.
Real euler_maclaurin(int s, Real x) {
  constexpr Real kBernoulli[] = {12.0L,
                                 -720.0L,
                                 30240.0L,
                                 -1209600.0L,
                                 47900160.0L,
                                 -1307674368000.0L / 691,
                                 74724249600.0L,
                                 -10670622842880000.0L / 3617,
                                 5109094217170944000.0L / 43867,
                                 -802857662698291200000.0L / 174611,
                                 14101100039391805440000.0L / 77683,
                                 -1693824136731743669452800000.0L / 236364091};  // (2j)! / B₂ⱼ
  Real factor = static_cast<Real>(s) * std::pow(x, static_cast<Real>(-s - 1)), sum = 0;
  int next = s + 1;
  for (const Real b : kBernoulli) {
    sum += factor / b;
    factor *= static_cast<Real>(next) * static_cast<Real>(next + 1) / (x * x);
    next += 2;
  }
  return sum;
}

// Hurwitz' ζ(s, x) = Σ (x + k)^-s over k >= 0, for a whole s >= 2 and x > 0.
Real zeta_of_positive(int s, Real x) {
  if (std::isinf(x)) return 0;
  Real sum = 0;
  const Real far = kSteps + static_cast<Real>(s);
  for (; x < far; ++x) sum += std::pow(x, static_cast<Real>(-s));
  const Real power = std::pow(x, static_cast<Real>(-s));
  return sum + power * x / static_cast<Real>(s - 1) + power / 2 + euler_maclaurin(s, x);
}

// The sum over all whole k is known from ζ of the two distances to the integers beside x; what is on the left is
// taken away.
Real zeta(int s, double x) {
  if (!(x <= 0)) return zeta_of_positive(s, x);
  const Real left = x - std::floor(x), right = std::ceil(x) - x;
  if (left == 0) return kInfinity;
  if (std::isnan(left)) return kNaN;
  const Real beyond = zeta_of_positive(s, right) - zeta_of_positive(s, 1 - static_cast<Real>(x));
  return zeta_of_positive(s, left) + (s % 2 == 0 ? beyond : -beyond);
}

Real digamma_of_positive(Real x) {
  if (std::isinf(x)) return x;
  Real sum = 0;
  for (; x < kSteps + 1; ++x) sum -= 1 / x;
  return sum + std::log(x) - 1 / (2 * x) - euler_maclaurin(1, x);
}

double digamma(double x) {
  if (x == 0) return std::copysign(kInfinity, -x);
  if (!(x < 0)) return static_cast<double>(digamma_of_positive(x));
  if (x == std::floor(x)) return kNaN;
  const Real from_integer = x - std::nearbyint(x);
  return static_cast<double>(digamma_of_positive(1 - static_cast<Real>(x)) -
                             std::numbers::pi_v<Real> / std::tan(std::numbers::pi_v<Real> * from_integer));
}

// (-1)^(n+1) n! ζ(n + 1, x)
double polygamma(double x, int n) {
  if (n == 0) return digamma(x);
  const Real size = std::tgamma(static_cast<Real>(n + 1)) * zeta(n + 1, x);
  return static_cast<double>(n % 2 == 0 ? -size : size);
}

// ---- sin(πx) / (πx)

// Derivative number n of f(z) = sin(z) / z, times πⁿ. Near 0 its series; farther out z f⁽ᵐ⁾ + m f⁽ᵐ⁻¹⁾ = sin⁽ᵐ⁾(z).
double sinc(double x, int n) {
  const double z = pi * x;
  double f = 0;
  if (std::abs(z) < n + 2) {  // Σ (-1)ᵏ zʲ / (j! (j + n + 1)), j = 2k - n
    int j = n % 2;
    double term = (n + j) / 2 % 2 == 0 ? 1 : -1;
    if (j == 1) term *= z;
    for (; std::abs(term) > kEpsilon / 64 * std::abs(f); j += 2, term *= -z * z / (j * (j - 1)))
      f += term / (j + n + 1);
  } else {
    const double half_turns = std::nearbyint(x), angle = pi * (x - half_turns);
    const double sign = std::fmod(half_turns, 2) == 0 ? 1 : -1;
    const double s = sign * std::sin(angle), c = sign * std::cos(angle);
    const double derivatives[] = {s, c, -s, -c};
    f = s / z;
    for (int m = 1; m <= n; ++m) f = (derivatives[m % 4] - m * f) / z;
  }
  return f * std::pow(pi, n);
}

// ---- the modified Bessel function of the first kind

// Σ (x/2)^(n+2k) / (k! (n+k)!), and for large x its asymptotic series (Abramowitz, Stegun 9.6.10, 9.7.1).
double bessel_i(double x, int n) {
  const double a = std::abs(x), sign = n % 2 == 1 && x < 0 ? -1 : 1;
  if (a > 1000) return sign * kInfinity;
  double term = 1, sum = 1;
  const auto add = [&](double factor) { sum += term *= factor; };
  if (a < 20 + 2 * n) {
    for (int k = 1; std::abs(term) > kEpsilon / 8 * sum; ++k) add(a * a / 4 / (static_cast<double>(k) * (k + n)));
    for (int k = 1; k <= n; ++k) sum *= a / (2 * k);
    return sign * sum;
  }
  for (int k = 1; std::abs(term) > kEpsilon / 8 * std::abs(sum); ++k)
    add(-(4.0 * n * n - (2.0 * k - 1) * (2.0 * k - 1)) / (8 * k * a));
  const double half = std::exp(a / 2);  // all of it may overflow
  return sign * (half / std::sqrt(2 * pi * a)) * sum * half;
}

// ---- division with a whole quotient

template <class T>
T floor_remainder(T a, T b) {
  const T r = std::fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

// a - r is a multiple of b, but their quotient may round: to the nearest whole number.
template <class T>
T floor_quotient(T a, T b) {
  if (b == 0) return a / b;
  const T r = std::fmod(a, b), q = (a - r) / b - (r != 0 && (r < 0) != (b < 0) ? T(1) : T(0));
  return q == 0 ? std::copysign(T(0), a / b) : std::nearbyint(q);
}

// ---- loops

// f is a lambda without captures: (x, p), in double.
template <class F>
constexpr FloatKernels by_one(F /*f*/) {
  constexpr auto kernel = []<class T>(T /*type*/) -> RunKernel {
    return [](const Run& run) {
      const auto* x = static_cast<const T*>(run.x[0]);
      auto* y = static_cast<T*>(run.y);
      for (std::int64_t i = 0; i < run.n; ++i) y[i] = static_cast<T>(F()(static_cast<double>(x[i]), run.p));
    };
  };
  return {kernel(float()), kernel(double())};
}

// f is one too: (a, b), in the type itself.
template <class F>
constexpr FloatKernels by_two(F /*f*/) {
  constexpr auto kernel = []<class T>(T /*type*/) -> RunKernel {
    return [](const Run& run) {
      const auto* a = static_cast<const T*>(run.x[0]);
      const auto* b = static_cast<const T*>(run.x[1]);
      auto* y = static_cast<T*>(run.y);
      for (std::int64_t i = 0; i < run.n; ++i) y[i] = F()(a[i], b[i]);
    };
  };
  return {kernel(float()), kernel(double())};
}

template <auto F>
constexpr FloatKernels kernels{};
template <>
constexpr FloatKernels kernels<Unary::asin> = by_one([](double x, double) { return std::asin(x); });
template <>
constexpr FloatKernels kernels<Unary::acos> = by_one([](double x, double) { return std::acos(x); });
template <>
constexpr FloatKernels kernels<Unary::atan> = by_one([](double x, double) { return std::atan(x); });
template <>
constexpr FloatKernels kernels<Unary::erfinv> = by_one([](double x, double) { return erfinv(x); });
template <>
constexpr FloatKernels kernels<Unary::lgamma> = by_one([](double x, double) { return log_gamma(x); });
template <>
constexpr FloatKernels kernels<Unary::polygamma> = by_one([](double x, double n) {
  return polygamma(x, static_cast<int>(n));
});
template <>
constexpr FloatKernels kernels<Unary::sinc> = by_one([](double x, double n) {
  return sinc(x, static_cast<int>(n));
});
template <>
constexpr FloatKernels kernels<Unary::bessel_i> = by_one([](double x, double n) {
  return bessel_i(x, static_cast<int>(n));
});
template <>
constexpr FloatKernels kernels<Binary::atan2> = by_two([]<class T>(T a, T b) { return std::atan2(a, b); });
template <>
constexpr FloatKernels kernels<Binary::fmod> = by_two([]<class T>(T a, T b) { return std::fmod(a, b); });
template <>
constexpr FloatKernels kernels<Binary::remainder> = by_two([]<class T>(T a, T b) {
  return floor_remainder(a, b);
});
template <>
constexpr FloatKernels kernels<Binary::floor_divide> = by_two([]<class T>(T a, T b) {
  return floor_quotient(a, b);
});

}  // namespace

EBB_UNARY(asin)
EBB_UNARY(acos)
EBB_UNARY(atan)
EBB_UNARY(erfinv)
EBB_UNARY(lgamma)
EBB_UNARY(polygamma)
EBB_UNARY(sinc)
EBB_UNARY(bessel_i)
EBB_BINARY(atan2)
EBB_BINARY(fmod)
EBB_BINARY(remainder)
EBB_BINARY(floor_divide)

}  // namespace ebb::kernels
