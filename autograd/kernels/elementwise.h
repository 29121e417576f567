// One output element from the input elements at the same place. All operands have the output's shape; strides
// are arbitrary (0 for expanded operands). The output does not overlap an input, except that it may be
// exactly the same view.
#pragma once

#include "autograd/base/view.h"

namespace ebb::kernels {

// y = f(x), float32 or float64; neg, abs, square, sign, add_scalar, mul_scalar, clamp also for integers.
// `a` and `b` are the function's parameters, named in the comment where it has any.
enum class Unary : std::uint8_t {
  neg,
  abs,
  square,
  sign,
  sqrt,
  rsqrt,
  reciprocal,
  exp,
  log,
  sin,
  cos,
  tanh,
  sigmoid,
  relu,
  gelu,
  gelu_tanh,
  silu,
  softplus,    // log(1 + exp(a x)) / a for a x <= b, else x
  leaky_relu,  // x > 0 ? x : a x
  elu,         // x > 0 ? x : a (exp(x) - 1)
  add_scalar,  // x + a
  mul_scalar,  // a x
  pow_scalar,  // x^a
  clamp,       // min(max(x, a), b); NaN stays NaN
  floor,
  ceil,
  round,
  log1p,
  expm1,
  erf,
  logical_not,  // bool
};
void unary(Unary f, View y, View x, double a = 0, double b = 0);

// y = f(a, b) with all three of one dtype. The `_backward` rows give g = dL/dx from b = the gradient of y.
enum class Binary : std::uint8_t {
  add,
  sub,
  mul,
  div,
  pow,
  maximum,
  minimum,
  atan2,  // maximum and minimum pass NaN on
  logical_and,
  logical_or,           // bool
  tanh_backward,        // b (1 - a²), a = tanh(x)
  sigmoid_backward,     // b a (1 - a), a = sigmoid(x)
  relu_backward,        // a > 0 ? b : 0
  leaky_relu_backward,  // a > 0 ? b : p b
  elu_backward,         // b f'(a), a = x, p = alpha
  gelu_backward,
  gelu_tanh_backward,
  silu_backward,      // b f'(a), a = x
  softplus_backward,  // b f'(a), a = x, p = beta, q = threshold
  clamp_backward,     // p <= a <= q ? b : 0
};
void binary(Binary f, View y, View a, View b, double p = 0, double q = 0);

// y = a ? b, y bool, a and b of one dtype. Comparisons with NaN are false but for ne.
enum class Compare : std::uint8_t { eq, ne, lt, le, gt, ge };
void compare(Compare f, View y, View a, View b);

// y = condition ? a : b, condition bool.
void where(View y, View condition, View a, View b);

// y += x; y and x of one dtype and shape, y contiguous or any strides that do not overlap themselves.
void add_into(View y, View x);

// y = x with conversion of dtype: floats to integers truncate, anything to bool is x != 0.
void copy(View y, View x);
void fill(View y, double value);

// y[i] = start + i step, i in row-major order, computed in float64 for floats.
void arange(View y, double start, double step);

// Random numbers of the stream {seed, position + i} for element i in row-major order (see Generator).
void uniform(View y, std::uint64_t seed, std::uint64_t position, double low, double high);  // in [low, high)
void normal(View y, std::uint64_t seed, std::uint64_t position, double mean, double std);   // Box-Muller
void bernoulli(View y, std::uint64_t seed, std::uint64_t position, double p);  // 1 with probability p
void randint(View y, std::uint64_t seed, std::uint64_t position, std::int64_t low, std::int64_t high);

// y = x / (1 - p) where bernoulli(1 - p) of the stream gives 1, else 0.
void dropout(View y, View x, std::uint64_t seed, std::uint64_t position, double p);

}  // namespace ebb::kernels
