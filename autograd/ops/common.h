// What the operations share: checks with one wording each, and the makers of samples.
#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "autograd/op.h"
#include "autograd/ops.h"

namespace ebb::ops {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

// -- checks

inline void require_floating(std::string_view op, const Tensor& x, std::string_view what = "the input") {
  if (!is_floating(x.dtype()))
    fail("{}: {} is {}; it must be float32 or float64, convert it by to(float32)", op, what, describe(x));
}

inline void require_number(std::string_view op, const Tensor& x) {
  if (x.dtype() == boolean)
    fail("{}: the input is {}; it must be numbers, convert it by to(float32)", op, describe(x));
}

inline void require_same_dtype(std::string_view op, const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype())
    fail("{}: dtypes differ, {} and {}; convert one by to({})", op, describe(a), describe(b), a.dtype());
}

inline void require_index(std::string_view op, const Tensor& index) {
  if (index.dtype() != int64)
    fail("{}: the index is {}; it must be int64, convert it by to(int64)", op, describe(index));
}

// A parameter that was left out is undefined.
inline void require_parameter(std::string_view op, std::string_view what, const Tensor& parameter, const Tensor& x,
                              const Shape& shape) {
  if (!parameter.defined()) return;
  require_same_dtype(op, x, parameter);
  if (parameter.shape() != shape) fail("{}: the {} is {}; it must be {}", op, what, parameter.shape(), shape);
}

// Operands that broadcasting has made equal in shape. Every sum and product comes by here, so it is part of them and
// what fails stands apart.
[[gnu::cold]] inline void refuse_mixed(std::string_view op, const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) fail("{}: shapes differ, {} and {}", op, a.shape(), b.shape());
  require_same_dtype(op, a, b);
}
[[gnu::always_inline]] inline Spec same_spec(std::string_view op, const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) refuse_mixed(op, a, b);
  return {a.shape(), a.dtype()};
}

inline Spec number_spec(std::string_view op, const Tensor& x) {
  require_number(op, x);
  return {x.shape(), x.dtype()};
}

inline Spec floating_spec(std::string_view op, const Tensor& x) {
  require_floating(op, x);
  return {x.shape(), x.dtype()};
}

// A dimension of `rank`, from a number that may be negative. A 0-d tensor has the dimensions -1 and 0, as in
// PyTorch.
inline int dimension(std::string_view op, int dim, int rank) {
  const int count = rank > 0 ? rank : 1;
  if (dim < -count || dim >= count) fail("{}: dimension {} of a tensor of {} dimensions", op, dim, rank);
  return dim < 0 ? dim + count : dim;
}

// a b, or an Error if that is beyond an int64.
inline std::int64_t product(std::string_view op, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result)) fail("{}: {} times {} is too large a size", op, a, b);
  return result;
}

// [a, b] and [c, b] make [max, b] where one size is 1; Error otherwise.
Shape broadcast_shape(std::string_view op, const Shape& a, const Shape& b);

// A number as a tensor that goes with x.
inline Tensor scalar_like(const Tensor& x, double value) { return full({}, value, {.dtype = x.dtype()}); }

// Runs a two-operand operation on operands of any shapes that broadcast. Stretching is an operation of its
// own, whose gradient sums back, so no other formula thinks of it.
template <class Op>
Tensor broadcasting(const Op& op, const Tensor& a, const Tensor& b) {
  if (a.shape() == b.shape()) return apply(op, a, b);
  const Shape shape = broadcast_shape(Op::name, a.shape(), b.shape());
  return apply(op, expand(a, shape), expand(b, shape));
}

// -- samples

// Uniform in [low, high), float64.
inline Tensor draw(Generator& random, const Shape& shape, double low = -2, double high = 2) {
  return rand(shape, {.dtype = float64, .generator = &random}) * (high - low) + low;
}

// Distinct values, `gap` apart, in random order: no ties, and no kink within a finite difference.
inline Tensor draw_distinct(Generator& random, const Shape& shape, double gap = 0.1) {
  const Tensor order = randperm(shape.numel(), {.generator = &random});
  return reshape((order.to(float64) - static_cast<double>(shape.numel() / 2) + 0.5) * gap, shape);
}

// Random indices in [0, n).
inline Tensor draw_index(Generator& random, std::int64_t n, const Shape& shape) {
  return randint(0, n, shape, {.generator = &random});
}

// The usual shapes of an element-by-element operation: a matrix, 0-d, empty.
inline const std::vector<Shape>& usual_shapes() {
  static const std::vector<Shape> shapes{{3, 4}, {}, {0, 3}};
  return shapes;
}

template <class Op>
Samples<Op> unary_samples(Generator& random, const Op& op, std::string torch, double low = -2, double high = 2) {
  Samples<Op> samples;
  for (const auto& shape : usual_shapes()) samples.push_back({op, {draw(random, shape, low, high)}, torch});
  return samples;
}

// The same for functions with kinks: the first input's values are distinct and no kink is near, and `others`
// more are uniform.
template <class Op>
Samples<Op> kinked_samples(Generator& random, const Op& op, const std::string& torch, int others = 0) {
  Samples<Op> samples;
  for (const auto& shape : usual_shapes()) {
    samples.push_back({op, {draw_distinct(random, shape)}, torch});
    for (int i = 0; i < others; ++i) samples.back().inputs.push_back(draw(random, shape));
  }
  return samples;
}

template <class Op>
Samples<Op> binary_samples(Generator& random, const Op& op, std::string torch, double low = -2, double high = 2) {
  Samples<Op> samples;
  for (const auto& shape : usual_shapes())
    samples.push_back({op, {draw(random, shape, low, high), draw(random, shape, low, high)}, torch});
  return samples;
}

}  // namespace ebb::ops
