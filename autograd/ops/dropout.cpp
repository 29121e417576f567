#include <cmath>

#include "autograd/ops/activation.h"

namespace ebb {
namespace ops {

Samples<Dropout> Dropout::samples(Generator& random) {
  // No PyTorch counterpart draws these numbers; tests/random_test.cpp checks the mask against the definition.
  return {{{0.5, 7, 0}, {draw(random, {3, 4})}, ""},
          {{0.1, 8, 4}, {draw(random, {})}, ""},
          {{}, {draw(random, {0, 3})}, ""}};
}

}  // namespace ops

namespace {

void check_dropout(const char* op, const Tensor& x, double p) {
  ops::require_floating(op, x);
  if (!(p >= 0 && p <= 1)) fail("{}: p is {}; it must be from 0 to 1", op, p);
}

// x's shape with sizes of 1 behind its first `lead` dimensions.
Shape leading(const Tensor& x, int lead) {
  Dims sizes = Dims::filled(x.dim(), 1);
  for (int i = 0; i < lead; ++i) sizes[i] = x.shape()[i];
  return Shape(sizes);
}

// dropout() of what has the first `lead` dimensions in common.
Tensor drop_channels(const char* op, const Tensor& x, double p, bool training, Generator* generator, int lead) {
  check_dropout(op, x, p);
  if (!training || p == 0) return x;
  return x * dropout(ones(leading(x, lead), {.dtype = x.dtype()}), p, true, generator);
}

// For images of `spatial` dimensions.
Tensor drop_channels_of_images(const char* op, const Tensor& x, double p, bool training, Generator* generator,
                               int spatial) {
  const bool batched = x.dim() == spatial + 2;
  if (!batched && x.dim() != spatial + 1)
    fail("{}: the input is {}; it must be [n, c, ..] or [c, ..] with {} dimensions behind the channels", op,
         describe(x), spatial);
  return drop_channels(op, x, p, training, generator, batched ? 2 : 1);
}

Tensor drop_to_limit(const char* op, const Tensor& x, double p, bool training, Generator* generator, int lead) {
  check_dropout(op, x, p);
  if (!training || p == 0) return x;
  if (p == 1) return x * 0;
  constexpr double kLimit = -1.7580993408473766;  // of selu at -∞
  const double scale = 1 / std::sqrt((1 - p) * (1 + p * kLimit * kLimit));
  const Tensor kept = gt(bernoulli(1 - p, leading(x, lead), {.dtype = x.dtype(), .generator = generator}), 0);
  return where(kept, x, ops::scalar_like(x, kLimit)) * scale - scale * kLimit * p;
}

}  // namespace

Tensor dropout(const Tensor& x, double p, bool training, Generator* generator) {
  if (!(p >= 0 && p <= 1)) fail("dropout: p is {}; it must be from 0 to 1", p);
  if (!training || p == 0) return x;
  if (p == 1) return x * 0;
  Generator& g = detail::generator_or_default(generator);
  return apply(ops::Dropout{p, g.seed, g.take(x.numel())}, x);
}

Tensor dropout1d(const Tensor& x, double p, bool training, Generator* generator) {
  return drop_channels_of_images("dropout1d", x, p, training, generator, 1);
}

Tensor dropout2d(const Tensor& x, double p, bool training, Generator* generator) {
  if (x.dim() != 3 && x.dim() != 4)
    fail("dropout2d: the input is {}; it must be [n, c, h, w] or [n, c, l]", describe(x));
  return drop_channels("dropout2d", x, p, training, generator, 2);
}

Tensor dropout3d(const Tensor& x, double p, bool training, Generator* generator) {
  return drop_channels_of_images("dropout3d", x, p, training, generator, 3);
}

Tensor alpha_dropout(const Tensor& x, double p, bool training, Generator* generator) {
  return drop_to_limit("alpha_dropout", x, p, training, generator, x.dim());
}

Tensor feature_alpha_dropout(const Tensor& x, double p, bool training, Generator* generator) {
  if (x.dim() < 2) fail("feature_alpha_dropout: the input is {}; it must be [n, c, ..]", describe(x));
  return drop_to_limit("feature_alpha_dropout", x, p, training, generator, 2);
}

}  // namespace ebb
