#include "autograd/create.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "autograd/base/fail.h"
#include "autograd/capture.h"
#include "autograd/kernels/convert.h"
#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/multinomial.h"
#include "autograd/node.h"
#include "autograd/ops.h"

namespace ebb {
namespace {

Tensor finished(Tensor x, bool requires_grad) {
  if (requires_grad) x.set_requires_grad();
  return x;
}

bool is_whole(double v) { return v == std::floor(v) && std::abs(v) < 9e15; }

Tensor random_tensor(const char* name, const Shape& shape, const RandomOptions& options, Dtype usual, auto fill) {
  const Dtype dtype = options.dtype.value_or(usual);
  if (!is_floating(dtype) && is_floating(usual))
    fail("{}: dtype {} given; ask for float32 or float64", name, dtype);
  Tensor x = empty(shape, dtype);
  auto& generator = detail::generator_or_default(options.generator);
  detail::launch([fill, seed = generator.seed,
                  first = generator.take(x.numel())](const View& y) { fill(y, seed, replayed(first)); },
                 x.view());
  return finished(std::move(x), options.requires_grad);
}

}  // namespace

Tensor full(const Shape& shape, double value, const TensorOptions& options) {
  Tensor x = empty(shape, options.dtype.value_or(float32));
  detail::launch([value](const View& y) { kernels::fill(y, value); }, x.view());
  return finished(std::move(x), options.requires_grad);
}

Tensor zeros(const Shape& shape, const TensorOptions& options) { return full(shape, 0, options); }
Tensor ones(const Shape& shape, const TensorOptions& options) { return full(shape, 1, options); }

Tensor arange(double end, const TensorOptions& options) { return arange(0, end, 1, options); }

Tensor arange(double start, double end, double step, const TensorOptions& options) {
  if (step == 0 || !std::isfinite(start) || !std::isfinite(end) || !std::isfinite(step) ||
      (end - start) / step < 0)
    fail("arange: from {} to {} in steps of {} never arrives; step must be finite, not 0 and lead to the end",
         start, end, step);
  const Dtype usual = is_whole(start) && is_whole(end) && is_whole(step) ? int64 : float32;
  const auto count = kernels::convert<std::int64_t>(std::ceil((end - start) / step));
  Tensor x = empty({count}, options.dtype.value_or(usual));
  detail::launch([=](const View& y) { kernels::arange(y, start, step); }, x.view());
  return finished(std::move(x), options.requires_grad);
}

Tensor linspace(double start, double end, std::int64_t steps, const TensorOptions& options) {
  if (steps < 0) fail("linspace: {} steps; give 0 or more", steps);
  const Dtype dtype = options.dtype.value_or(float32);
  if (!is_floating(dtype)) fail("linspace: dtype {} given; ask for float32 or float64", dtype);
  Tensor x = empty({steps}, dtype);
  const double step = steps > 1 ? (end - start) / static_cast<double>(steps - 1) : 0;
  detail::launch([=](const View& y) { kernels::arange(y, start, step); }, x.view());
  if (steps > 1) alias(x, {}, {}, steps - 1).fill_(end);  // exactly, whatever the rounding of the step
  return finished(std::move(x), options.requires_grad);
}

Tensor logspace(double start, double end, std::int64_t steps, double base, const TensorOptions& options) {
  if (steps < 0) fail("logspace: {} steps; give 0 or more", steps);
  const Dtype dtype = options.dtype.value_or(float32);
  if (!is_floating(dtype)) fail("logspace: dtype {} given; ask for float32 or float64", dtype);
  const Tensor powers = pow(full({}, base, {.dtype = float64}), linspace(start, end, steps, {.dtype = float64}));
  return finished(powers.to(dtype), options.requires_grad);
}

namespace {

// How many places (i, j) of a matrix have j - i <= offset, -row <= offset + 1 and offset <= col: rows of 1, 2, … places, or
// from more on, up to whole ones.
std::int64_t count_lower(std::int64_t row, std::int64_t col, std::int64_t offset) {
  const std::int64_t first = std::max<std::int64_t>(0, -offset), rows = std::max<std::int64_t>(0, row - first);
  const std::int64_t least = first + offset + 1, growing = std::clamp<std::int64_t>(col - least, 0, rows);
  return growing * least + growing * (growing - 1) / 2 + (rows - growing) * col;
}

// The places for which j - i <= offset, or >= offset. They are counted first: what is too large is an Error at once.
Tensor triangle_indices(const char* name, std::int64_t row, std::int64_t col, std::int64_t offset, bool upper,
                        const TensorOptions& options) {
  if (row < 0 || col < 0) fail("{}: {} rows and {} columns; neither may be negative", name, row, col);
  const std::int64_t all = Shape{row, col}.numel();  // checked, so that nothing here overflows
  offset = std::clamp(offset, -row, col);
  const std::int64_t count = upper ? all - count_lower(row, col, offset - 1) : count_lower(row, col, offset);
  const Tensor places = empty({2, count}, int64);
  auto *i_of = places.data<std::int64_t>(), *j_of = i_of + count;
  for (std::int64_t i = upper ? 0 : std::max<std::int64_t>(0, -offset), k = 0; k < count; ++i) {
    const std::int64_t end = upper ? col : std::min(col, i + offset + 1);
    for (std::int64_t j = upper ? std::max<std::int64_t>(0, i + offset) : 0; j < end; ++j, ++k)
      i_of[k] = i, j_of[k] = j;
  }
  return finished(places.to(options.dtype.value_or(int64)), options.requires_grad);
}

}  // namespace

Tensor tril_indices(std::int64_t row, std::int64_t col, std::int64_t offset, const TensorOptions& options) {
  return triangle_indices("tril_indices", row, col, offset, false, options);
}
Tensor triu_indices(std::int64_t row, std::int64_t col, std::int64_t offset, const TensorOptions& options) {
  return triangle_indices("triu_indices", row, col, offset, true, options);
}

Tensor eye(std::int64_t n, std::optional<std::int64_t> m, const TensorOptions& options) {
  Tensor x = zeros({n, m.value_or(n)}, {.dtype = options.dtype});
  const std::int64_t columns = x.shape()[1];
  alias(x, {std::min(n, columns)}, {columns + 1}, 0).fill_(1);
  return finished(std::move(x), options.requires_grad);
}

Tensor rand(const Shape& shape, const RandomOptions& options) {
  return random_tensor("rand", shape, options, float32, [](View y, std::uint64_t seed, std::uint64_t position) {
    kernels::uniform(y, seed, position, 0, 1);
  });
}

Tensor randn(const Shape& shape, const RandomOptions& options) {
  return random_tensor("randn", shape, options, float32, [](View y, std::uint64_t seed, std::uint64_t position) {
    kernels::normal(y, seed, position, 0, 1);
  });
}

Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape, const RandomOptions& options) {
  if (low >= high) fail("randint: no integer from {} to below {}", low, high);
  return random_tensor("randint", shape, options, int64, [=](View y, std::uint64_t seed, std::uint64_t position) {
    kernels::randint(y, seed, position, low, high);
  });
}

Tensor bernoulli(double p, const Shape& shape, const RandomOptions& options) {
  if (!(p >= 0 && p <= 1)) fail("bernoulli: p is {}; it must be from 0 to 1", p);
  return random_tensor(
      "bernoulli", shape, options, float32,
      [=](View y, std::uint64_t seed, std::uint64_t position) { kernels::bernoulli(y, seed, position, p); });
}

Tensor normal(double mean, double std, const Shape& shape, const RandomOptions& options) {
  if (!(std >= 0)) fail("normal: the standard deviation is {}; it must not be negative", std);
  return random_tensor("normal", shape, options, float32, [=](View y, std::uint64_t seed, std::uint64_t position) {
    kernels::normal(y, seed, position, mean, std);
  });
}

Tensor normal(const Tensor& mean, const Tensor& std, Generator* generator) {
  const NoGrad off;
  const Tensor deviation = std + zeros_like(mean);  // of the shape of both
  return mean + deviation * randn_like(deviation, generator);
}

Tensor normal(const Tensor& mean, double std, Generator* generator) {
  if (!(std >= 0)) fail("normal: the standard deviation is {}; it must not be negative", std);
  const NoGrad off;
  return mean + randn_like(mean, generator) * std;
}

Tensor normal(double mean, const Tensor& std, Generator* generator) {
  const NoGrad off;
  return std * randn_like(std, generator) + mean;
}

Tensor exponential(const Shape& shape, double lambd, const RandomOptions& options) {
  if (!(lambd > 0)) fail("exponential: the rate is {}; it must be positive", lambd);
  return random_tensor("exponential", shape, options, float32,
                       [lambd](View y, std::uint64_t seed, std::uint64_t position) {
                         using kernels::Unary;
                         kernels::uniform(y, seed, position, 0, 1);
                         kernels::unary<Unary::mul_scalar>(y, y, -1);
                         kernels::unary<Unary::log1p>(y, y);
                         kernels::unary<Unary::mul_scalar>(y, y, -1 / lambd);
                       });
}

Tensor multinomial(const Tensor& input, std::int64_t num_samples, bool replacement, Generator* generator) {
  if (input.dim() < 1 || input.dim() > 2 || !is_floating(input.dtype()))
    fail("multinomial: the weights are {}; they must be [n] or [m, n], float32 or float64", describe(input));
  const std::int64_t n = input.size(-1), rows = input.dim() == 2 ? input.shape()[0] : 1;
  if (num_samples < 0 || (num_samples > 0 && n == 0 && rows > 0) || (num_samples > n && !replacement))
    fail("multinomial: {} samples of {} numbers {} replacement", num_samples, n, replacement ? "with" : "without");
  const NoGrad off;
  const Tensor weights = reshape(input.detach(), {rows, n}).contiguous();
  const Tensor random = rand({rows, replacement ? num_samples : n}, {.dtype = float64, .generator = generator});
  Tensor samples = empty({rows, num_samples}, int64);
  detail::launch(replacement ? kernels::multinomial : kernels::multinomial_once, samples.view(), weights.view(),
                 random.view());
  if (thread_state.capture) thread_state.capture->keep(weights);
  return input.dim() == 2 ? samples : reshape(samples, {num_samples});
}

Tensor randperm(std::int64_t n, const RandomOptions& options) {
  Tensor x = arange(0, static_cast<double>(n), 1, {.dtype = int64});
  auto* p = x.data<std::int64_t>();
  auto& generator = detail::generator_or_default(options.generator);
  for (std::int64_t i = n - 1; i > 0; --i) std::swap(p[i], p[random_below(generator, i + 1)]);
  return options.dtype ? x.to(*options.dtype) : x;
}

Tensor empty_like(const Tensor& x) { return empty(x.shape(), x.dtype()); }
Tensor zeros_like(const Tensor& x) { return zeros(x.shape(), {.dtype = x.dtype()}); }
Tensor ones_like(const Tensor& x) { return ones(x.shape(), {.dtype = x.dtype()}); }
Tensor full_like(const Tensor& x, double value) { return full(x.shape(), value, {.dtype = x.dtype()}); }
Tensor rand_like(const Tensor& x, Generator* generator) {
  return rand(x.shape(), {.dtype = x.dtype(), .generator = generator});
}
Tensor randn_like(const Tensor& x, Generator* generator) {
  return randn(x.shape(), {.dtype = x.dtype(), .generator = generator});
}

namespace detail {

Tensor from_elements(const void* data, Dtype stored, const Shape& shape, Dtype dtype, bool requires_grad) {
  Tensor x = empty(shape, dtype);
  const Dims strides = contiguous_strides(shape);
  kernels::copy(x.view(), {const_cast<void*>(data), &shape, &strides, stored, true});
  if (thread_state.capture) thread_state.capture->add_constant(x);
  return finished(std::move(x), requires_grad);
}

void ragged(int depth, std::int64_t expected, std::int64_t found) {
  fail("tensor: rows of {} and {} elements at depth {}; all must have one length", expected, found, depth);
}

}  // namespace detail
}  // namespace ebb
