// Dropout.
#pragma once

#include "autograd/ops.h"
#include "nn/role.h"

namespace ebb::nn {

// While training, zeros each element with probability p and scales the others by 1 / (1 - p) (Srivastava, Hinton,
// Krizhevsky, Sutskever, Salakhutdinov 2014); after eval(), x itself.
struct Dropout {
  double p = 0.5;
  Mode mode = {};

  Tensor operator()(const Tensor& x) const { return dropout(x, p, mode.training); }
};

}  // namespace ebb::nn
