// Activations.
#pragma once

#include <cstdint>

#include "autograd/base/random.h"
#include "autograd/tensor.h"

namespace ebb {

Tensor tanh(const Tensor& x);
Tensor sigmoid(const Tensor& x);  // 1 / (1 + exp(-x))
Tensor softplus(const Tensor& x, double beta = 1,
                double threshold = 20);  // log(1 + exp(βx)) / β; x if βx > threshold
Tensor relu(const Tensor& x);            // max(x, 0); derivative at 0: 0
Tensor leaky_relu(const Tensor& x, double negative_slope = 0.01);
Tensor elu(const Tensor& x, double alpha = 1);  // x > 0 ? x : α (exp(x) - 1)
enum class Gelu : std::uint8_t { erf, tanh };
// x Φ(x), Φ the normal distribution's cumulative function, or its tanh approximation (Hendrycks, Gimpel
// 2016).
Tensor gelu(const Tensor& x, Gelu approximate = Gelu::erf);
Tensor silu(const Tensor& x);  // x sigmoid(x)
Tensor softmax(const Tensor& x, int dim);
Tensor log_softmax(const Tensor& x, int dim);
// Zeros each element with probability p and scales the others by 1 / (1 - p); x itself if not training.
Tensor dropout(const Tensor& x, double p = 0.5, bool training = true, Generator* generator = nullptr);

}  // namespace ebb
