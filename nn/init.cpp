#include "nn/init.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "autograd/base/fail.h"
#include "autograd/base/parallel.h"
#include "autograd/capture.h"
#include "autograd/create.h"
#include "autograd/kernels/elementwise.h"
#include "autograd/node.h"
#include "autograd/ops.h"

namespace ebb::nn::init {
namespace {

void check_floating(const char* name, const Tensor& t) {
  if (!is_floating(t.dtype()))
    fail("{}: the tensor is {}; only float32 and float64 can be initialised", name, ebb::describe(t));
}

// kernel(view, seed, position) makes the values.
template <class Kernel>
const Tensor& draw(const char* name, const Tensor& t, Generator* generator, const Kernel& kernel) {
  check_floating(name, t);
  auto& stream = ebb::detail::generator_or_default(generator);
  const Tensor values = empty(t.shape(), t.dtype());
  ebb::detail::launch([kernel, seed = stream.seed,
                       first = stream.take(t.numel())](const View& v) { kernel(v, seed, replayed(first)); },
                      values.view());
  const NoGrad off;
  return t.copy_(values);
}

double kaiming_std(const Tensor& t, const KaimingOptions& options) {
  const Fans f = fans(t.shape());
  return calculate_gain(options.nonlinearity, options.slope) /
         std::sqrt(static_cast<double>(options.fan == Fan::in ? f.in : f.out));
}

double xavier_std(const Tensor& t, double gain) {
  const Fans f = fans(t.shape());
  return gain * std::sqrt(2.0 / static_cast<double>(f.in + f.out));
}

// A uniform distribution of standard deviation s ends at ±√3 s.
const Tensor& uniform_with_std(const Tensor& t, double std, Generator* generator) {
  const double bound = std::sqrt(3.0) * std;
  return uniform_(t, -bound, bound, generator);
}

// In eight sums, which the compiler keeps in vector registers.
double inner_product(const double* a, const double* b, std::int64_t n) {
  constexpr std::int64_t kLanes = 8;
  std::array<double, kLanes> sums{};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (std::int64_t lane = 0; lane < kLanes; ++lane)
      sums[static_cast<std::size_t>(lane)] += a[i + lane] * b[i + lane];
  double total = 0;
  for (; i < n; ++i) total += a[i] * b[i];
  for (const double sum : sums) total += sum;
  return total;
}

// Makes the rows of q [count, n] orthonormal, count <= n: modified Gram-Schmidt (Björck 1967). The diagonal of
// the triangular factor is positive, which makes the result of normal rows uniform (Mezzadri 2007).
void orthonormalise(double* q, std::int64_t count, std::int64_t n) {
  const std::int64_t rows_per_piece = std::max<std::int64_t>(1, 16384 / n);
  for (std::int64_t i = 0; i < count; ++i) {
    double* row = q + i * n;
    const double norm = std::sqrt(inner_product(row, row, n));
    for (std::int64_t k = 0; k < n; ++k) row[k] /= norm;
    parallel_for(count - i - 1, rows_per_piece, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t j = i + 1 + begin; j < i + 1 + end; ++j) {
        double* later = q + j * n;
        const double along = inner_product(row, later, n);
        for (std::int64_t k = 0; k < n; ++k) later[k] -= along * row[k];
      }
    });
  }
}

}  // namespace

const Tensor& uniform_(const Tensor& t, double low, double high, Generator* generator) {
  if (!(low <= high)) fail("uniform_: from {} to {}; low must not be above high", low, high);
  return draw("uniform_", t, generator, [=](View values, std::uint64_t seed, std::uint64_t position) {
    kernels::uniform(values, seed, position, low, high);
  });
}

const Tensor& normal_(const Tensor& t, double mean, double std, Generator* generator) {
  if (!(std >= 0)) fail("normal_: the standard deviation is {}; it must not be negative", std);
  return draw("normal_", t, generator, [=](View values, std::uint64_t seed, std::uint64_t position) {
    kernels::normal(values, seed, position, mean, std);
  });
}

const Tensor& constant_(const Tensor& t, double value) {
  const NoGrad off;
  return t.fill_(value);
}

const Tensor& eye_(const Tensor& t) {
  check_floating("eye_", t);
  if (t.dim() != 2) fail("eye_: the tensor is {}; give a matrix", ebb::describe(t));
  const NoGrad off;
  return t.copy_(eye(t.size(0), t.size(1)));
}

Fans fans(const Shape& shape) {
  if (shape.rank() < 2)
    fail("fans: a tensor of shape {} has no fan in and fan out; give two dimensions or more, [out, in, ...]",
         shape);
  std::int64_t kernel = 1;
  for (int i = 2; i < shape.rank(); ++i) kernel *= shape[i];
  return {shape[1] * kernel, shape[0] * kernel};
}

double calculate_gain(Nonlinearity nonlinearity, double slope) {
  switch (nonlinearity) {
    case Nonlinearity::tanh:
      return 5.0 / 3;
    case Nonlinearity::relu:
      return std::sqrt(2.0);
    case Nonlinearity::leaky_relu:
      return std::sqrt(2 / (1 + slope * slope));
    case Nonlinearity::selu:
      return 0.75;
    case Nonlinearity::linear:
    case Nonlinearity::sigmoid:
      break;
  }
  return 1;
}

const Tensor& xavier_uniform_(const Tensor& t, double gain, Generator* generator) {
  return uniform_with_std(t, xavier_std(t, gain), generator);
}

const Tensor& xavier_normal_(const Tensor& t, double gain, Generator* generator) {
  return normal_(t, 0, xavier_std(t, gain), generator);
}

const Tensor& kaiming_uniform_(const Tensor& t, const KaimingOptions& options) {
  return uniform_with_std(t, kaiming_std(t, options), options.generator);
}

const Tensor& kaiming_normal_(const Tensor& t, const KaimingOptions& options) {
  return normal_(t, 0, kaiming_std(t, options), options.generator);
}

const Tensor& orthogonal_(const Tensor& t, double gain, Generator* generator) {
  check_floating("orthogonal_", t);
  if (t.dim() < 2) fail("orthogonal_: the tensor is {}; give two dimensions or more", ebb::describe(t));
  if (t.numel() == 0) return t;
  const NoGrad off;
  const std::int64_t rows = t.shape()[0], columns = t.numel() / rows;
  const std::int64_t count = std::min(rows, columns), n = std::max(rows, columns);
  Tensor q = randn({count, n}, {.dtype = float64, .generator = generator});
  orthonormalise(q.data<double>(), count, n);
  q.mul_(gain);
  return t.copy_(reshape(rows <= columns ? q : transpose(q, 0, 1), Dims(t.shape())));
}

}  // namespace ebb::nn::init
