// The optimizers' updates: one pass over each parameter's memory.
#pragma once

#include <array>
#include <span>

#include "autograd/base/view.h"

namespace ebb::kernels {

// A parameter p, its gradient, and what its updates remember, numbered by each; a buffer that an update does not use
// has null data. All are contiguous, of one floating dtype and length.
struct UpdateSlot {
  View parameter, gradient;
  std::array<View, 3> buffers = {};
};

// In all of these, g = gradient + weight_decay p, with the gradient negated if maximize.

// v = momentum v + (1 - dampening) g, in the first step g; p -= lr (nesterov ? g + momentum v : v). Buffers: v, or none:
// then v = g.
struct SgdStep {
  double lr, momentum = 0, dampening = 0, weight_decay = 0;
  bool nesterov = false, maximize = false, first = false;
};

// m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g²;
// p = shrink p - (rate_m m + rate_g g) / (root_scale sqrt(v) + eps), or without division if not `divides`. Buffers: m, v,
// and, if given, the largest v so far, which is divided by instead.
struct AdamStep {
  double beta1, beta2, eps, weight_decay;
  bool maximize;
  double shrink, rate_m, rate_g, root_scale;
  bool divides;
};

// m as above; u = max(beta2 u, |g| + eps); p -= rate m / u. Buffers: m, u.
struct AdamaxStep {
  double beta1, beta2, eps, weight_decay;
  bool maximize;
  double rate;
};

// m, v as in AdamStep; r = rate_m m / (root_scale sqrt(v) + eps) + decay p; p stays. Buffers: m, v, r.
struct LambStep {
  double beta1, beta2, eps, weight_decay;
  bool maximize;
  double rate_m, root_scale, decay;
};

// s += start + g²; p -= rate g / (sqrt(s) + eps). Buffers: s.
struct AdagradStep {
  double eps, weight_decay;
  bool maximize;
  double rate, start;
};

// s = rho s + (1 - rho) g²; x = sqrt(a + eps) / sqrt(s + eps) g; a = rho a + (1 - rho) x²; p -= lr x. Buffers: s, a.
struct AdadeltaStep {
  double lr, rho, eps, weight_decay;
  bool maximize;
};

// s = alpha s + (1 - alpha) g²; with a mean a = alpha a + (1 - alpha) g, v = s - a², else v = s; x = g / (sqrt(v) + eps);
// with a momentum x = b = momentum b + x; p -= lr x. Buffers: s, a, b; the last two may be missing.
struct RmspropStep {
  double lr, alpha, eps, momentum, weight_decay;
  bool maximize;
};

// s = s eta_plus where g and the last g agree in sign, s eta_minus and g = 0 where they do not, from smallest to largest;
// in the first step s is lr. p -= sign(g) s. Buffers: the last g, s.
struct RpropStep {
  double lr, eta_minus, eta_plus, smallest, largest;
  bool maximize, first;
  double weight_decay = 0;
};

// p = shrink p - rate g; a += mu (p - a). Buffers: a.
struct AsgdStep {
  double rate, shrink, mu, weight_decay;
  bool maximize;
};

// p = shrink p - lr sign(beta1 m + (1 - beta1) g); m = beta2 m + (1 - beta2) g. Buffers: m.
struct LionStep {
  double lr, beta1, beta2, shrink;
  bool maximize;
  double weight_decay = 0;
};

// a += weight (p - a); p stays. Buffers: a.
struct AverageStep {
  double weight;
  bool maximize = false;
  double weight_decay = 0;
};

void update(std::span<const UpdateSlot> slots, const SgdStep& step);
void update(std::span<const UpdateSlot> slots, const AdamStep& step);
void update(std::span<const UpdateSlot> slots, const AdamaxStep& step);
void update(std::span<const UpdateSlot> slots, const LambStep& step);
void update(std::span<const UpdateSlot> slots, const AdagradStep& step);
void update(std::span<const UpdateSlot> slots, const AdadeltaStep& step);
void update(std::span<const UpdateSlot> slots, const RmspropStep& step);
void update(std::span<const UpdateSlot> slots, const RpropStep& step);
void update(std::span<const UpdateSlot> slots, const AsgdStep& step);
void update(std::span<const UpdateSlot> slots, const LionStep& step);
void update(std::span<const UpdateSlot> slots, const AverageStep& step);

// sqrt(sum of squares) over all views, accumulated in float64 in a fixed order.
double norm2(std::span<const View> views);
void scale(std::span<const View> views, double factor);

}  // namespace ebb::kernels
