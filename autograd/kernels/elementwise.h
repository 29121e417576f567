// One output element from the input elements at the same place. All operands have the output's shape; strides
// are arbitrary (0 for expanded operands). The output does not overlap an input, except that it may be
// exactly the same view. The functions are template arguments so that a program carries only those it calls.
#pragma once

#include "autograd/base/view.h"

namespace ebb::kernels {

// y = f(x), float32 or float64. `a` and `b` are the function's parameters, named in the comment where it has any. Those
// marked + are also defined for integers, which wrap; the parameters then are converted to the dtype.
//
// The numbers behind the functions are the largest errors in units in the last place, float32 / float64; those without
// are rounded correctly, or to within one where there is more than one operation. Results are as precise where they are
// tiny or subnormal; infinities give the limits, and NaN stays NaN.
enum class Unary : std::uint8_t {
  neg,     // +
  abs,     // +
  square,  // +
  sign,    // + of NaN: NaN
  sqrt,
  rsqrt,
  reciprocal,
  floor,       // + of integers: themselves; so too
  ceil,        // +
  round,       // + half to even
  trunc,       // +
  add_scalar,  // + x + a
  mul_scalar,  // + a x
  clamp,       // + min(max(x, a), b)
  relu,
  leaky_relu,   // x > 0 ? x : a x
  hardsigmoid,  // min(max(x + 3, 0), 6) / 6
  hardswish,    // x hardsigmoid(x)
  softsign,     // x / (1 + |x|)

  exp,         // 1 / 1
  exp2,        // 1 / 1
  expm1,       // 1.5 / 1.5
  log,         // 1 / 1
  log2,        // 2 / 2
  log10,       // 2 / 2
  log1p,       // 1.5 / 1.5
  logit,       // log(x / (1 - x)): 4 / 4
  sin,         // 1.5 / 2 up to |x| = 131072 / 1048576; beyond std::sin
  cos,         // likewise
  tan,         // 3.5 / 3.5, likewise
  sinh,        // 2.5 / 2.5
  cosh,        // 2 / 2
  asinh,       // 3.5 / 3.5
  acosh,       // 3.5 / 3.5
  atanh,       // 2.5 / 2.5
  pow_scalar,  // x^a: 1 / 1

  tanh,      // 2 / 2.5
  sigmoid,   // 2 / 2
  silu,      // x sigmoid(x): 2.5 / 2.5
  mish,      // x tanh(log(1 + exp(x))): 4 / 4
  softplus,  // log(1 + exp(a x)) / a for a x <= b, else x: 3 / 3
  elu,       // x > 0 ? x : a (exp(b x) - 1): 2 / 2
  gelu,      // x Φ(x), Φ the normal distribution's cumulative function: 4 / 4
  gelu_tanh,  // x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2: 4 / 4 for x >= 0, below more by the rounding of the argument
  erf,   // 1.5 / 1.5
  erfc,  // 1 - erf(x): 4 / 4

  // One element at a time, in double: special.cpp.
  asin,       // 1 / 1
  acos,       // 1 / 1
  atan,       // 1 / 1
  erfinv,     // 1 / 4
  lgamma,     // log|Γ(x)|: 1 / that of std::lgamma
  polygamma,  // derivative number a + 1 of log Γ(x): 1 / 2, more near its roots
  sinc,       // derivative number a of sin(πx) / (πx): 1 / 4 for a = 0
  bessel_i,   // the modified Bessel function of the first kind of order a: 1 / 10

  bitwise_not,  // integers and bool only
};
template <Unary F>
void unary(const View& y, const View& x, double a = 0, double b = 0);

// y = f(a, b) with all three of one dtype, float32 or float64; + as above. The `_backward` rows give g = dL/dx from b =
// the gradient of y; their derivatives are as precise as the functions, in the tails too.
enum class Binary : std::uint8_t {
  add,                  // +
  sub,                  // +
  mul,                  // +
  div,                  //
  trunc_divide,         // + trunc(a / b); of integers Error where b = 0
  maximum,              // + NaN if one is NaN
  minimum,              // + likewise
  copysign,             // |a| with the sign of b
  prelu,                // a > 0 ? a : a b
  relu_backward,        // a > 0 ? b : 0
  leaky_relu_backward,  // a > 0 ? b : p b
  clamp_backward,       // p <= a <= q ? b : 0
  inside,               // a <= p or a >= q ? 0 : b
  outside,              // p <= a <= q ? 0 : b
  hardswish_backward,   // a <= -3 ? 0 : a < 3 ? b (a / 3 + ½) : b
  tanh_backward,        // b (1 - a²), a = tanh(x)
  sigmoid_backward,     // b a (1 - a), a = sigmoid(x)

  pow,        // special cases as std::pow's: 0.6 / that of std::pow
  hypot,      // √(a² + b²) without overflow: 2 / 2
  xlogy,      // a log(b), 0 where a = 0 and b is not NaN: 1.5 / 1.5
  logaddexp,  // log(exp(a) + exp(b)): 2 / 2, of the larger of |y|, |a| and |b|

  silu_backward,      // b f'(a), a = x
  mish_backward,      // b f'(a), a = x
  softplus_backward,  // b f'(a), a = x, p = beta, q = threshold
  elu_backward,       // b f'(a), a = x, the function's a and b = p and q
  gelu_backward,      // b f'(a), a = x
  gelu_tanh_backward,

  // One element at a time: special.cpp.
  atan2,         // that of std::atan2
  fmod,          // + a - b trunc(a / b), exact; of integers Error where b = 0
  remainder,     // + fmod, but with the sign of b, as Python's %: 0.5; likewise
  floor_divide,  // + floor(a / b), of the exact quotient, as Python's //; likewise

  bitwise_and,  // these of integers and bool only
  bitwise_or,
  bitwise_xor,
  left_shift,   // integers only; by more bits than there are, or a negative number: 0
  right_shift,  // likewise: the sign alone is left
};
template <Binary F>
void binary(const View& y, const View& a, const View& b, double p = 0, double q = 0);

// y = f(a, b, c), all of one dtype, float32 or float64.
enum class Ternary : std::uint8_t {
  addcmul,  // a + p b c
  addcdiv,  // a + p b / c
  lerp,     // a + c (b - a), from the nearer end
};
template <Ternary F>
void ternary(const View& y, const View& a, const View& b, const View& c, double p = 0);

// y = a ? b, y bool, a and b of one dtype, any. Comparisons with NaN are false but for ne.
enum class Compare : std::uint8_t { eq, ne, lt, le, gt, ge };
template <Compare F>
void compare(const View& y, const View& a, const View& b);

// y = condition ? a : b, condition bool; a, b and y of one dtype, any.
void where(const View& y, const View& condition, const View& a, const View& b);

// y += x; y and x of one dtype and shape, y contiguous or any strides that do not overlap themselves.
void add_into(const View& y, const View& x);

// y = x with conversion of dtype: floats to integers truncate, anything to bool is x != 0.
void copy(const View& y, const View& x);
void fill(const View& y, double value);

// y[i] = start + i step, i in row-major order, computed in float64 for floats.
void arange(const View& y, double start, double step);

// Random numbers of the stream {seed, position + i} for element i in row-major order (see Generator).
void uniform(const View& y, std::uint64_t seed, std::uint64_t position, double low,
             double high);                                                                        // in [low, high)
void normal(const View& y, std::uint64_t seed, std::uint64_t position, double mean, double std);  // Box-Muller
void bernoulli(const View& y, std::uint64_t seed, std::uint64_t position, double p);  // 1 with probability p
void randint(const View& y, std::uint64_t seed, std::uint64_t position, std::int64_t low, std::int64_t high);

// y = x / (1 - p) where bernoulli(1 - p) of the stream gives 1, else 0.
void dropout(const View& y, const View& x, std::uint64_t seed, std::uint64_t position, double p);

}  // namespace ebb::kernels
