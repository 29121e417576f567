// The activations of autograd/ops.h, flatten and unflatten, as layers: for nn::Sequential, and for members that say what a
// network does.
#pragma once

#include <cstdint>

#include "autograd/ops.h"
#include "nn/role.h"

namespace ebb::nn {

struct ReLU {
  Tensor operator()(const Tensor& x) const { return relu(x); }
};

struct LeakyReLU {
  double negative_slope = 0.01;
  Tensor operator()(const Tensor& x) const { return leaky_relu(x, negative_slope); }
};

struct ELU {
  double alpha = 1;
  Tensor operator()(const Tensor& x) const { return elu(x, alpha); }
};

struct GELU {
  Gelu approximate = Gelu::erf;
  Tensor operator()(const Tensor& x) const { return gelu(x, approximate); }
};

struct SiLU {
  Tensor operator()(const Tensor& x) const { return silu(x); }
};

struct Tanh {
  Tensor operator()(const Tensor& x) const { return tanh(x); }
};

struct Sigmoid {
  Tensor operator()(const Tensor& x) const { return sigmoid(x); }
};

struct Softplus {
  double beta = 1, threshold = 20;
  Tensor operator()(const Tensor& x) const { return softplus(x, beta, threshold); }
};

struct Mish {
  Tensor operator()(const Tensor& x) const { return mish(x); }
};

struct SELU {
  Tensor operator()(const Tensor& x) const { return selu(x); }
};

struct CELU {
  double alpha = 1;
  Tensor operator()(const Tensor& x) const { return celu(x, alpha); }
};

struct Softsign {
  Tensor operator()(const Tensor& x) const { return softsign(x); }
};

struct LogSigmoid {
  Tensor operator()(const Tensor& x) const { return logsigmoid(x); }
};

struct Tanhshrink {
  Tensor operator()(const Tensor& x) const { return tanhshrink(x); }
};

struct Hardtanh {
  double min_val = -1, max_val = 1;
  Tensor operator()(const Tensor& x) const { return hardtanh(x, min_val, max_val); }
};

struct ReLU6 {
  Tensor operator()(const Tensor& x) const { return relu6(x); }
};

struct Hardsigmoid {
  Tensor operator()(const Tensor& x) const { return hardsigmoid(x); }
};

struct Hardswish {
  Tensor operator()(const Tensor& x) const { return hardswish(x); }
};

struct Hardshrink {
  double lambd = 0.5;
  Tensor operator()(const Tensor& x) const { return hardshrink(x, lambd); }
};

struct Softshrink {
  double lambd = 0.5;
  Tensor operator()(const Tensor& x) const { return softshrink(x, lambd); }
};

struct Threshold {
  double threshold, value;
  Tensor operator()(const Tensor& x) const { return ebb::threshold(x, threshold, value); }
};

namespace detail {
Tensor prelu_weight(std::int64_t num_parameters, double init);
}

// x > 0 ? x : weight x; weight [num_parameters], one or as many as dimension 1 of x has.
struct PReLU {
  std::int64_t num_parameters = 1;
  double init = 0.25;
  Parameter weight = detail::prelu_weight(num_parameters, init);

  Tensor operator()(const Tensor& x) const { return prelu(x, weight); }
};

struct RReLU {
  double lower = 1. / 8, upper = 1. / 3;
  Mode mode = {};
  Tensor operator()(const Tensor& x) const { return rrelu(x, lower, upper, mode.training); }
};

struct GLU {
  int dim = -1;
  Tensor operator()(const Tensor& x) const { return glu(x, dim); }
};

struct Softmax {
  int dim = -1;
  Tensor operator()(const Tensor& x) const { return softmax(x, dim); }
};

struct Softmin {
  int dim = -1;
  Tensor operator()(const Tensor& x) const { return softmin(x, dim); }
};

// Over the channels of images [n, c, h, w] or [c, h, w].
struct Softmax2d {
  Tensor operator()(const Tensor& x) const;
};

struct LogSoftmax {
  int dim = -1;
  Tensor operator()(const Tensor& x) const { return log_softmax(x, dim); }
};

// Dimensions start_dim to end_dim become one; the first, the batch, stays unless asked.
struct Flatten {
  int start_dim = 1, end_dim = -1;
  Tensor operator()(const Tensor& x) const { return flatten(x, start_dim, end_dim); }
};

// Dimension dim becomes several, of these sizes.
struct Unflatten {
  int dim;
  Dims sizes;
  Tensor operator()(const Tensor& x) const { return unflatten(x, dim, sizes); }
};

struct Identity {
  Tensor operator()(const Tensor& x) const { return x; }
};

}  // namespace ebb::nn
