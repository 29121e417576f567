// One output element from the input elements at the same place. All operands have the output's shape; strides
// are arbitrary (0 for expanded operands). The output does not overlap an input, except that it may be
// exactly the same view.
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
  floor,
  ceil,
  round,       // half to even
  add_scalar,  // + x + a
  mul_scalar,  // + a x
  clamp,       // + min(max(x, a), b)
  relu,
  leaky_relu,  // x > 0 ? x : a x

  exp,         // 1 / 1
  expm1,       // 1.5 / 1.5
  log,         // 1 / 1
  log1p,       // 1.5 / 1.5
  sin,         // 1.5 / 2 up to |x| = 131072 / 1048576; beyond std::sin
  cos,         // likewise
  pow_scalar,  // x^a: 1 / 1

  tanh,      // 2 / 2.5
  sigmoid,   // 2 / 2
  silu,      // x sigmoid(x): 2.5 / 2.5
  softplus,  // log(1 + exp(a x)) / a for a x <= b, else x: 3 / 3
  elu,       // x > 0 ? x : a (exp(x) - 1): 2 / 2
  gelu,      // x Φ(x), Φ the normal distribution's cumulative function: 4 / 4
  gelu_tanh,  // x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2: 4 / 4 for x >= 0, below more by the rounding of the argument
  erf,  // 1.5 / 1.5

  logical_not,  // bool only
};
void unary(Unary f, const View& y, const View& x, double a = 0, double b = 0);

// y = f(a, b) with all three of one dtype, float32 or float64; + as above. The `_backward` rows give g = dL/dx from b =
// the gradient of y; their derivatives are as precise as the functions, in the tails too.
enum class Binary : std::uint8_t {
  add,                  // +
  sub,                  // +
  mul,                  // +
  div,                  //
  maximum,              // + NaN if one is NaN
  minimum,              // + likewise
  relu_backward,        // a > 0 ? b : 0
  leaky_relu_backward,  // a > 0 ? b : p b
  clamp_backward,       // p <= a <= q ? b : 0
  tanh_backward,        // b (1 - a²), a = tanh(x)
  sigmoid_backward,     // b a (1 - a), a = sigmoid(x)

  pow,    // special cases as std::pow's: 0.6 / that of std::pow
  atan2,  // that of std::atan2

  silu_backward,      // b f'(a), a = x
  softplus_backward,  // b f'(a), a = x, p = beta, q = threshold
  elu_backward,       // b f'(a), a = x, p = alpha
  gelu_backward,      // b f'(a), a = x
  gelu_tanh_backward,

  logical_and,  // bool only
  logical_or,   // bool only
};
void binary(Binary f, const View& y, const View& a, const View& b, double p = 0, double q = 0);

// y = a ? b, y bool, a and b of one dtype, any. Comparisons with NaN are false but for ne.
enum class Compare : std::uint8_t { eq, ne, lt, le, gt, ge };
void compare(Compare f, const View& y, const View& a, const View& b);

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
