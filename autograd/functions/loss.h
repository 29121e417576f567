// Losses.
#pragma once

#include <cstdint>

#include "autograd/tensor.h"

namespace ebb {

enum class Reduction : std::uint8_t { mean, sum, none };
Tensor mse_loss(const Tensor& input, const Tensor& target,
                Reduction reduction = Reduction::mean);  // (input - target)²
Tensor l1_loss(const Tensor& input, const Tensor& target,
               Reduction reduction = Reduction::mean);  // |input - target|

struct ClassLossOptions {
  Tensor weight = {};                // [classes]: of each class; the mean divides by the sum of the weights used
  std::int64_t ignore_index = -100;  // targets that do not count; if none counts, the mean is NaN, as 0 / 0
  double label_smoothing = 0;        // cross_entropy: target (1 - ε) + ε / classes
  Reduction reduction = Reduction::mean;
};
// -input[i, target[i]]; input [n, classes, ..] of log-probabilities, target [n, ..] int64.
Tensor nll_loss(const Tensor& input, const Tensor& target, const ClassLossOptions& options = {});
// nll_loss of log_softmax(input, 1), fused; or, for a floating target of input's shape, the classes'
// probabilities: -Σ_c weight_c target_c log_softmax(input)_c. input [n, classes, ..] or [classes].
Tensor cross_entropy(const Tensor& input, const Tensor& target, const ClassLossOptions& options = {});

struct BinaryLossOptions {
  Tensor weight = {};      // broadcast to input
  Tensor pos_weight = {};  // of positive examples; with logits only
  Reduction reduction = Reduction::mean;
};
// -(t log p + (1 - t) log(1 - p)), each logarithm at least -100.
Tensor binary_cross_entropy(const Tensor& input, const Tensor& target, const BinaryLossOptions& options = {});
// The same of p = sigmoid(input), without overflow: max(x, 0) - x t + log(1 + exp(-|x|)).
Tensor binary_cross_entropy_with_logits(const Tensor& input, const Tensor& target,
                                        const BinaryLossOptions& options = {});

}  // namespace ebb
