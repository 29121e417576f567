#include "autograd/ops/activation.h"

namespace ebb {

Tensor tanh(const Tensor& x) { return apply(ops::Tanh{}, x); }
Tensor sigmoid(const Tensor& x) { return apply(ops::Sigmoid{}, x); }
Tensor relu(const Tensor& x) { return apply(ops::Relu{}, x); }
Tensor leaky_relu(const Tensor& x, double negative_slope) { return apply(ops::LeakyRelu{negative_slope}, x); }
Tensor elu(const Tensor& x, double alpha) { return apply(ops::Elu{alpha}, x); }
Tensor gelu(const Tensor& x, Gelu approximate) { return apply(ops::GeluOp{approximate}, x); }
Tensor silu(const Tensor& x) { return apply(ops::Silu{}, x); }

Tensor softmin(const Tensor& x, int dim) { return softmax(-x, dim); }

Tensor softplus(const Tensor& x, double beta, double threshold) {
  if (!(beta > 0)) fail("softplus: beta is {}; it must be positive", beta);
  return apply(ops::Softplus{beta, threshold}, x);
}

Tensor mish(const Tensor& x) { return apply(ops::Mish{}, x); }
Tensor softsign(const Tensor& x) { return apply(ops::Softsign{}, x); }
Tensor hardsigmoid(const Tensor& x) { return apply(ops::Hardsigmoid{}, x); }
Tensor hardswish(const Tensor& x) { return apply(ops::Hardswish{}, x); }
Tensor hardshrink(const Tensor& x, double lambd) { return apply(ops::Hardshrink{lambd}, x); }
Tensor relu6(const Tensor& x) { return hardtanh(x, 0, 6); }
Tensor tanhshrink(const Tensor& x) { return x - tanh(x); }
Tensor logsigmoid(const Tensor& x) { return -softplus(-x, 1, ops::kInfinity); }

Tensor hardtanh(const Tensor& x, double min_val, double max_val) {
  if (!(min_val <= max_val)) fail("hardtanh: min_val {} is not at most max_val {}", min_val, max_val);
  return apply(ops::Hardtanh{min_val, max_val}, x);
}

// The constants for which normal numbers keep mean 0 and variance 1 (Klambauer, Unterthiner, Mayr, Hochreiter 2017).
Tensor selu(const Tensor& x) { return elu(x, 1.6732632423543772848) * 1.0507009873554804934; }

Tensor celu(const Tensor& x, double alpha) {
  if (!(alpha != 0)) fail("celu: alpha is {}; it must not be 0", alpha);
  return apply(ops::Elu{alpha, 1 / alpha}, x);
}

Tensor softshrink(const Tensor& x, double lambd) {
  if (!(lambd >= 0)) fail("softshrink: lambd is {}; it must not be negative", lambd);
  ops::require_floating("softshrink", x);
  return x - clamp(x, -lambd, lambd);
}

Tensor threshold(const Tensor& x, double threshold, double value) {
  return where(le(x, threshold), ops::scalar_like(x, value), x);
}

Tensor glu(const Tensor& x, int dim) {
  if (x.dim() == 0) fail("glu: the input has no dimensions; give it one of an even size");
  const int axis = ops::dimension("glu", dim, x.dim());
  const std::int64_t size = x.shape()[axis];
  if (size % 2 != 0) fail("glu: dimension {} of {} has an odd size; it must be even", dim, x.shape());
  return narrow(x, axis, 0, size / 2) * sigmoid(narrow(x, axis, size / 2, size / 2));
}

// The weights along dimension 1 of x.
Tensor prelu(const Tensor& x, const Tensor& weight) {
  const std::int64_t channels = x.dim() > 1 ? x.shape()[1] : 1;
  if (weight.dim() > 1 || (weight.numel() != 1 && weight.numel() != channels))
    fail("prelu: the weight is {}; it must be [1] or, for {}, [{}]", weight.shape(), describe(x), channels);
  Dims sizes = weight.numel() == 1 ? Dims() : Dims::filled(x.dim() - 1, 1);
  if (weight.numel() != 1) sizes[0] = channels;
  return ops::broadcasting(ops::Prelu{}, x, reshape(weight, sizes));
}

// As prelu, with a slope of its own for each negative element.
Tensor rrelu(const Tensor& x, double lower, double upper, bool training, Generator* generator) {
  ops::require_floating("rrelu", x);
  if (!(lower <= upper)) fail("rrelu: lower {} is not at most upper {}", lower, upper);
  if (!training) return leaky_relu(x, (lower + upper) / 2);
  return where(gt(x, 0), x, x * (rand_like(x, generator) * (upper - lower) + lower));
}

}  // namespace ebb
