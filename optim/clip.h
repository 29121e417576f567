// Clipping of gradients, between backward and the optimizer's step.
//
//   loss.backward();
//   optim::clip_grad_norm_(parameters(net), 1.0);
//   adam.step();
#pragma once

#include <vector>

#include "autograd/tensor.h"

namespace ebb::optim {

// sqrt(Σ g²) over all gradients, accumulated in float64; parameters without a gradient count as 0.
double gradient_norm(const std::vector<Tensor>& parameters);

struct ClipOptions {
  bool error_if_nonfinite = true;
};

// Scales all gradients by min(1, max_norm / (norm + 1e-6)), so that their common norm is at most max_norm
// (Pascanu, Mikolov, Bengio: On the difficulty of training recurrent neural networks; ICML 2013). Returns the
// norm before. A norm that is not finite is an Error that names the first parameter to blame, or, if that is
// not wanted, is returned with the gradients left as they are.
double clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm, const ClipOptions& options = {});

// Limits each element of each gradient to [-clip_value, clip_value]. NaN stays NaN.
void clip_grad_value_(const std::vector<Tensor>& parameters, double clip_value);

}  // namespace ebb::optim
