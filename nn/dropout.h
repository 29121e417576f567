// Dropout: the functions of autograd/functions/dropout.h while training; after eval(), x itself.
#pragma once

#include "autograd/ops.h"
#include "nn/role.h"

namespace ebb::nn {

// While training, zeros each element with probability p and scales the others by 1 / (1 - p) (Srivastava, Hinton,
// Krizhevsky, Sutskever, Salakhutdinov 2014).
struct Dropout {
  double p = 0.5;
  Mode mode = {};

  Tensor operator()(const Tensor& x) const { return dropout(x, p, mode.training); }
};

// Whole channels of x [n, c, l] or [c, l].
struct Dropout1d {
  double p = 0.5;
  Mode mode = {};

  Tensor operator()(const Tensor& x) const { return dropout1d(x, p, mode.training); }
};

// Of x [n, c, h, w] or [n, c, l].
struct Dropout2d {
  double p = 0.5;
  Mode mode = {};

  Tensor operator()(const Tensor& x) const { return dropout2d(x, p, mode.training); }
};

// Of x [n, c, d, h, w] or [c, d, h, w].
struct Dropout3d {
  double p = 0.5;
  Mode mode = {};

  Tensor operator()(const Tensor& x) const { return dropout3d(x, p, mode.training); }
};

// For networks of SELU: elements, or channels of x [n, c, ..], that keep mean and variance.
struct AlphaDropout {
  double p = 0.5;
  Mode mode = {};

  Tensor operator()(const Tensor& x) const { return alpha_dropout(x, p, mode.training); }
};

struct FeatureAlphaDropout {
  double p = 0.5;
  Mode mode = {};

  Tensor operator()(const Tensor& x) const { return feature_alpha_dropout(x, p, mode.training); }
};

}  // namespace ebb::nn
