// The activations of autograd/ops.h, and flatten, as layers: for nn::Sequential, and for members that say what a
// network does.
#pragma once

#include "autograd/ops.h"

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

struct Softmax {
  int dim = -1;
  Tensor operator()(const Tensor& x) const { return softmax(x, dim); }
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

}  // namespace ebb::nn
