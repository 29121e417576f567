// Arithmetic, functions of one tensor, comparisons and operations on bits, element by element.
#pragma once

#include <cstdint>
#include <optional>

#include "autograd/tensor.h"

namespace ebb {

Tensor add(const Tensor& a, const Tensor& b);
Tensor sub(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, const Tensor& b);
Tensor div(const Tensor& a, const Tensor& b);  // of integers: an Error, since the result would not be one
// a^b. d/da = b a^(b-1), 0 where b = 0; d/db = a^b log a, 0 where a = 0 and b >= 0.
Tensor pow(const Tensor& a, const Tensor& b);
Tensor pow(const Tensor& a, double b);
Tensor add(const Tensor& a, double b);
Tensor mul(const Tensor& a, double b);

inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return sub(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return mul(a, b); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return div(a, b); }
inline Tensor operator+(const Tensor& a, double b) { return add(a, b); }
inline Tensor operator+(double a, const Tensor& b) { return add(b, a); }
inline Tensor operator-(const Tensor& a, double b) { return add(a, -b); }
Tensor operator-(double a, const Tensor& b);
inline Tensor operator*(const Tensor& a, double b) { return mul(a, b); }
inline Tensor operator*(double a, const Tensor& b) { return mul(b, a); }
Tensor operator/(const Tensor& a, double b);
Tensor operator/(double a, const Tensor& b);
Tensor operator-(const Tensor& a);

// a / b rounded towards 0, or down; the derivatives are 0. Of integers the quotient is exact, wraps at the least number
// by -1, and 0 as a divisor is an Error.
enum class Rounding : std::uint8_t { trunc, floor };
Tensor div(const Tensor& a, const Tensor& b, Rounding rounding_mode);
Tensor div(const Tensor& a, double b, Rounding rounding_mode);
Tensor floor_divide(const Tensor& a, const Tensor& b);  // div(a, b, Rounding::floor): Python's //
Tensor floor_divide(const Tensor& a, double b);
// What is left: a - b trunc(a / b), with the sign of a, and a - b floor(a / b), with the sign of b: Python's %. NaN where
// b = 0, of integers an Error. d/da = 1, d/db = -trunc(a / b) or -floor(a / b); so at the jumps too.
Tensor fmod(const Tensor& a, const Tensor& b);
Tensor fmod(const Tensor& a, double b);
Tensor remainder(const Tensor& a, const Tensor& b);
Tensor remainder(const Tensor& a, double b);
inline Tensor operator%(const Tensor& a, const Tensor& b) { return remainder(a, b); }
inline Tensor operator%(const Tensor& a, double b) { return remainder(a, b); }

Tensor atan2(const Tensor& y, const Tensor& x);  // the angle of (x, y), from -π to π; derivatives at (0, 0): 0
Tensor hypot(const Tensor& a, const Tensor& b);  // √(a² + b²) without overflow; derivatives at (0, 0): NaN
// x log(y); 0 where x = 0, unless y is NaN. d/dx = log(y), 0 where x = 0 and y <= 0; d/dy = x / y.
Tensor xlogy(const Tensor& x, const Tensor& y);
Tensor xlogy(const Tensor& x, double y);
Tensor xlogy(double x, const Tensor& y);
Tensor logaddexp(const Tensor& a, const Tensor& b);  // log(exp(a) + exp(b)) without overflow
// |a| with the sign of b, that of -0 included. d/da at a = 0: 0; d/db = 0.
Tensor copysign(const Tensor& a, const Tensor& b);
Tensor copysign(const Tensor& a, double b);
Tensor heaviside(const Tensor& x, const Tensor& values);  // 0 for x < 0 and NaN, values at 0, 1 for x > 0

// All three of one dtype; they broadcast.
Tensor addcmul(const Tensor& x, const Tensor& a, const Tensor& b, double value = 1);  // x + value a b
Tensor addcdiv(const Tensor& x, const Tensor& a, const Tensor& b, double value = 1);  // x + value a / b
Tensor lerp(const Tensor& start, const Tensor& end, const Tensor& weight);  // start + weight (end - start)
Tensor lerp(const Tensor& start, const Tensor& end, double weight);

Tensor neg(const Tensor& x);
Tensor square(const Tensor& x);
Tensor abs(const Tensor& x);   // derivative at 0: 0
Tensor sign(const Tensor& x);  // -1, 0 or 1; derivative 0
// Whole numbers: the derivative is 0. Integers stay as they are.
Tensor floor(const Tensor& x);
Tensor ceil(const Tensor& x);
Tensor trunc(const Tensor& x);                    // towards 0
Tensor round(const Tensor& x, int decimals = 0);  // half to even; to multiples of 10^-decimals
Tensor frac(const Tensor& x);                     // x - trunc(x); derivative 1
Tensor sqrt(const Tensor& x);                     // derivative at 0: inf
Tensor rsqrt(const Tensor& x);                    // 1 / sqrt(x)
Tensor reciprocal(const Tensor& x);               // 1 / x
Tensor exp(const Tensor& x);
Tensor exp2(const Tensor& x);   // 2^x
Tensor expm1(const Tensor& x);  // exp(x) - 1, precise near 0
Tensor log(const Tensor& x);    // -inf at 0, NaN below
Tensor log2(const Tensor& x);
Tensor log10(const Tensor& x);
Tensor log1p(const Tensor& x);  // log(1 + x), precise near 0
// log(x / (1 - x)) from 0 to 1, NaN outside, as the derivative is; with eps, of clamp(x, eps, 1 - eps).
Tensor logit(const Tensor& x, std::optional<double> eps = {});
Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor tan(const Tensor& x);
Tensor asin(const Tensor& x);  // NaN outside of [-1, 1]; derivative at ±1: inf
Tensor acos(const Tensor& x);  // likewise; -inf
Tensor atan(const Tensor& x);
Tensor sinh(const Tensor& x);
Tensor cosh(const Tensor& x);
Tensor asinh(const Tensor& x);
Tensor acosh(const Tensor& x);                      // NaN below 1; derivative at 1: inf
Tensor atanh(const Tensor& x);                      // ±inf at ±1, NaN beyond
Tensor erf(const Tensor& x);                        // 2/√π ∫₀ˣ exp(-t²) dt
Tensor erfc(const Tensor& x);                       // 1 - erf(x), precise where it is small
Tensor erfinv(const Tensor& x);                     // its inverse: ±inf at ±1, NaN beyond
Tensor lgamma(const Tensor& x);                     // log|Γ(x)|: inf at 0, -1, -2, …
Tensor digamma(const Tensor& x);                    // its derivative: ∓inf at ±0, NaN at -1, -2, …
Tensor polygamma(std::int64_t n, const Tensor& x);  // that one's n-th derivative, n >= 0: ±inf at 0, -1, -2, …
Tensor sinc(const Tensor& x);                       // sin(πx) / (πx); 1 at 0
Tensor i0(const Tensor& x);                         // the modified Bessel function of the first kind of order 0

// min(max(x, low), high). The derivative is 1 from low to high, both included, and 0 outside.
Tensor clamp(const Tensor& x, double low, double high);
// The larger (smaller) of two; NaN if one is. Equal elements share the gradient half and half.
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, const Tensor& b);
// condition ? a : b. The branch that is not taken gets the gradient 0, whatever its value.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);

// Comparisons: bool, without derivative. NaN is unequal to everything.
Tensor eq(const Tensor& a, const Tensor& b);
Tensor ne(const Tensor& a, const Tensor& b);
Tensor lt(const Tensor& a, const Tensor& b);
Tensor le(const Tensor& a, const Tensor& b);
Tensor gt(const Tensor& a, const Tensor& b);
Tensor ge(const Tensor& a, const Tensor& b);
Tensor eq(const Tensor& a, double b);
Tensor ne(const Tensor& a, double b);
Tensor lt(const Tensor& a, double b);
Tensor le(const Tensor& a, double b);
Tensor gt(const Tensor& a, double b);
Tensor ge(const Tensor& a, double b);
// bool, of any dtype. Integers are finite.
Tensor isnan(const Tensor& x);
Tensor isinf(const Tensor& x);
Tensor isfinite(const Tensor& x);
// x with other numbers for NaN, inf and -inf, the last two by default the largest and the least of the dtype. There the
// derivative is 0.
Tensor nan_to_num(const Tensor& x, double nan = 0, std::optional<double> posinf = {},
                  std::optional<double> neginf = {});

// Of the truth values x != 0; NaN is true. Bool; dtypes may differ.
Tensor logical_and(const Tensor& a, const Tensor& b);
Tensor logical_or(const Tensor& a, const Tensor& b);
Tensor logical_xor(const Tensor& a, const Tensor& b);
Tensor logical_not(const Tensor& x);
// Of the bits of integers, or of bool.
Tensor bitwise_and(const Tensor& a, const Tensor& b);
Tensor bitwise_or(const Tensor& a, const Tensor& b);
Tensor bitwise_xor(const Tensor& a, const Tensor& b);
Tensor bitwise_not(const Tensor& x);
inline Tensor operator&(const Tensor& a, const Tensor& b) { return bitwise_and(a, b); }
inline Tensor operator|(const Tensor& a, const Tensor& b) { return bitwise_or(a, b); }
inline Tensor operator^(const Tensor& a, const Tensor& b) { return bitwise_xor(a, b); }
inline Tensor operator~(const Tensor& x) { return bitwise_not(x); }
// Of integers: a 2^b, and floor(a / 2^b). By a negative b, or by as many bits as there are, all are shifted out: 0, or -1
// where a negative number goes right.
Tensor bitwise_left_shift(const Tensor& a, const Tensor& b);
Tensor bitwise_right_shift(const Tensor& a, const Tensor& b);

inline Tensor operator<(const Tensor& a, const Tensor& b) { return lt(a, b); }
inline Tensor operator>(const Tensor& a, const Tensor& b) { return gt(a, b); }
inline Tensor operator<(const Tensor& a, double b) { return lt(a, b); }
inline Tensor operator>(const Tensor& a, double b) { return gt(a, b); }

}  // namespace ebb
