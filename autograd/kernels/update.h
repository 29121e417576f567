// The optimizers' updates: one pass over each parameter's memory. All views of one tensor are contiguous, of
// one floating dtype and length.
#pragma once

#include <span>

#include "autograd/base/view.h"

namespace ebb::kernels {

struct SgdStep {
  double lr, momentum, dampening, weight_decay;
  bool nesterov, maximize;
  bool first;  // the momentum buffer is set to the gradient instead of blended with it
};
struct SgdSlot {
  View parameter, gradient, momentum;
};  // momentum.data null if momentum is 0
// g = gradient + weight_decay p; v = momentum v + (1 - dampening) g; p -= lr (nesterov ? g + momentum v : v).
void sgd(std::span<const SgdSlot> slots, const SgdStep& step);

struct AdamStep {
  double lr, beta1, beta2, eps, weight_decay;
  bool decoupled;  // AdamW: p -= lr weight_decay p; otherwise the gradient gets weight_decay p
  bool maximize;
  double correction1, correction2;  // 1 - beta^t, or 1 without bias correction
};
struct AdamSlot {
  View parameter, gradient, m, v, v_max;
};  // v_max.data null without AMSGrad
// m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g²; p -= lr (m / c1) / (sqrt(v / c2) + eps)   (Kingma, Ba 2015)
void adam(std::span<const AdamSlot> slots, const AdamStep& step);

// sqrt(sum of squares) over all views, accumulated in float64 in a fixed order.
double norm2(std::span<const View> views);
void scale(std::span<const View> views, double factor);

}  // namespace ebb::kernels
