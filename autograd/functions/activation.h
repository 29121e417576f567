// Activations. They and their derivatives are right to 4 ulp, without FMA to 5; where a difference cancels, as in saturation, of 1.
#pragma once

#include <cstdint>

#include "autograd/base/random.h"
#include "autograd/tensor.h"

namespace ebb {

Tensor tanh(const Tensor& x);
Tensor sigmoid(const Tensor& x);  // 1 / (1 + exp(-x))
Tensor softplus(const Tensor& x, double beta = 1,
                double threshold = 20);                            // log(1 + exp(βx)) / β; x if βx > threshold
Tensor relu(const Tensor& x);                                      // max(x, 0); derivative at 0: 0
Tensor leaky_relu(const Tensor& x, double negative_slope = 0.01);  // derivative at 0: negative_slope
Tensor elu(const Tensor& x, double alpha = 1);  // x > 0 ? x : α (exp(x) - 1); derivative at 0: α
enum class Gelu : std::uint8_t { erf, tanh };
// x Φ(x), Φ the normal distribution's cumulative function, or its tanh approximation (Hendrycks, Gimpel
// 2016).
Tensor gelu(const Tensor& x, Gelu approximate = Gelu::erf);
Tensor silu(const Tensor& x);  // x sigmoid(x)
Tensor mish(const Tensor& x);  // x tanh(softplus(x)) (Misra 2019)
// The scaled elu of networks that normalise themselves: 1.0507… (x > 0 ? x : 1.6732… (exp(x) - 1)).
Tensor selu(const Tensor& x);
Tensor celu(const Tensor& x, double alpha = 1);  // x > 0 ? x : α (exp(x / α) - 1), α not 0
Tensor softsign(const Tensor& x);                // x / (1 + |x|)
Tensor logsigmoid(const Tensor& x);              // log(sigmoid(x)), without overflow
Tensor tanhshrink(const Tensor& x);              // x - tanh(x)

// Piecewise linear. Where pieces meet, the derivative is 0 where it is 0 on one side: at both bounds of hardtanh (so
// at 0 and 6 of relu6), at ±3 of hardsigmoid, -3 of hardswish (at 3: 1), ±lambd, and at the threshold. NaN stays NaN.
Tensor hardtanh(const Tensor& x, double min_val = -1, double max_val = 1);  // min(max(x, min_val), max_val)
Tensor relu6(const Tensor& x);                                              // min(max(x, 0), 6)
Tensor hardsigmoid(const Tensor& x);                                        // relu6(x + 3) / 6
Tensor hardswish(const Tensor& x);                                          // x relu6(x + 3) / 6
Tensor hardshrink(const Tensor& x, double lambd = 0.5);                     // |x| > lambd ? x : 0
Tensor softshrink(const Tensor& x, double lambd = 0.5);             // sign(x) max(|x| - lambd, 0), lambd >= 0
Tensor threshold(const Tensor& x, double threshold, double value);  // x > threshold ? x : value
// x > 0 ? x : w x, with a w for each size of dimension 1, weight [x.size(1)], or one for all, [1]. At 0: w.
Tensor prelu(const Tensor& x, const Tensor& weight);
// x > 0 ? x : a x. Training: a is uniform in [lower, upper) for each element; otherwise their mean (Xu, Wang, Chen, Li
// 2015).
Tensor rrelu(const Tensor& x, double lower = 1. / 8, double upper = 1. / 3, bool training = false,
             Generator* generator = nullptr);
// a sigmoid(b), a and b the halves of x along dim, whose size is even (Dauphin, Fan, Auli, Grangier 2017).
Tensor glu(const Tensor& x, int dim = -1);
Tensor softmax(const Tensor& x, int dim);
Tensor log_softmax(const Tensor& x, int dim);
Tensor softmin(const Tensor& x, int dim);  // softmax(-x, dim)

}  // namespace ebb
