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

Tensor tanh(const Tensor& x) { return apply(ops::Tanh{}, x); }
Tensor sigmoid(const Tensor& x) { return apply(ops::Sigmoid{}, x); }
Tensor relu(const Tensor& x) { return apply(ops::Relu{}, x); }
Tensor leaky_relu(const Tensor& x, double negative_slope) { return apply(ops::LeakyRelu{negative_slope}, x); }
Tensor elu(const Tensor& x, double alpha) { return apply(ops::Elu{alpha}, x); }
Tensor gelu(const Tensor& x, Gelu approximate) { return apply(ops::GeluOp{approximate}, x); }
Tensor silu(const Tensor& x) { return apply(ops::Silu{}, x); }

Tensor softplus(const Tensor& x, double beta, double threshold) {
  if (!(beta > 0)) fail("softplus: beta is {}; it must be positive", beta);
  return apply(ops::Softplus{beta, threshold}, x);
}

Tensor dropout(const Tensor& x, double p, bool training, Generator* generator) {
  if (!(p >= 0 && p <= 1)) fail("dropout: p is {}; it must be from 0 to 1", p);
  if (!training || p == 0) return x;
  if (p == 1) return x * 0;
  Generator& g = detail::generator_or_default(generator);
  return apply(ops::Dropout{p, g.seed, g.take(x.numel())}, x);
}

}  // namespace ebb
