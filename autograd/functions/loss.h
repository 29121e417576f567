// Losses.
#pragma once

#include <cstdint>

#include "autograd/tensor.h"

namespace ebb {

// batchmean: the sum divided by the first size, for losses of numbers.
enum class Reduction : std::uint8_t { mean, sum, none, batchmean };
Tensor mse_loss(const Tensor& input, const Tensor& target,
                Reduction reduction = Reduction::mean);  // (input - target)²
Tensor l1_loss(const Tensor& input, const Tensor& target,
               Reduction reduction = Reduction::mean);  // |input - target|; derivative at 0: 0
// d = input - target: d² / (2 beta) where |d| < beta, else |d| - beta / 2 (Girshick: Fast R-CNN; 2015). beta 0: l1_loss.
Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, Reduction reduction = Reduction::mean,
                      double beta = 1);
// d² / 2 where |d| < delta, else delta (|d| - delta / 2) (Huber 1964). delta > 0.
Tensor huber_loss(const Tensor& input, const Tensor& target, Reduction reduction = Reduction::mean,
                  double delta = 1);

struct KlDivOptions {
  Reduction reduction = Reduction::mean;  // batchmean gives the mean of the divergences of rows
  bool log_target = false;                // target is a logarithm too
};
// target (log target - input): the divergence of exp(input) from target (Kullback, Leibler 1951). input is a logarithm.
// 0 where target is 0.
Tensor kl_div(const Tensor& input, const Tensor& target, const KlDivOptions& options = {});

struct PoissonNllOptions {
  bool log_input = true;  // input is the logarithm of the expected count
  bool full =
      false;  // with Stirling's log target! = target log target - target + log(2π target) / 2 of targets > 1
  double eps = 1e-8;  // added to input before its logarithm is taken
  Reduction reduction = Reduction::mean;
};
// exp(input) - target input, or input - target log(input + eps).
Tensor poisson_nll_loss(const Tensor& input, const Tensor& target, const PoissonNllOptions& options = {});

struct GaussianNllOptions {
  bool full = false;  // with log(2π) / 2
  double eps = 1e-6;  // var below it counts as eps; the gradient passes
  Reduction reduction = Reduction::mean;
};
// (log var + (input - target)² / var) / 2. var has input's shape, or 1 or nothing in place of the last size (Nix, Weigend
// 1994).
Tensor gaussian_nll_loss(const Tensor& input, const Tensor& target, const Tensor& var,
                         const GaussianNllOptions& options = {});

// -- losses with a margin; max(0, x) has the derivative 1 at 0 in those of pairs, 0 in those of classes, as in PyTorch

// target 1 or -1 (others: the sum of both branches): target 1: input; target -1: max(0, margin - input).
Tensor hinge_embedding_loss(const Tensor& input, const Tensor& target, double margin = 1,
                            Reduction reduction = Reduction::mean);
// max(0, 1 - target input), target 1 or -1 (Cortes, Vapnik 1995); the derivative at 0 is 0. PyTorch has none of this name.
Tensor hinge_loss(const Tensor& input, const Tensor& target, Reduction reduction = Reduction::mean);
// log(1 + exp(-target input)), target 1 or -1.
Tensor soft_margin_loss(const Tensor& input, const Tensor& target, Reduction reduction = Reduction::mean);
// max(0, -target (input1 - input2) + margin), target 1 if input1 should be the larger, else -1.
Tensor margin_ranking_loss(const Tensor& input1, const Tensor& input2, const Tensor& target, double margin = 0,
                           Reduction reduction = Reduction::mean);
// Of the cosine c between rows [n, d], or vectors [d]: target 1: 1 - c; target -1: max(0, c - margin). target [n] or 0-d.
Tensor cosine_embedding_loss(const Tensor& input1, const Tensor& input2, const Tensor& target, double margin = 0,
                             Reduction reduction = Reduction::mean);

struct TripletMarginOptions {
  double margin = 1;
  double p = 2;       // of the norm
  double eps = 1e-6;  // added to each difference
  bool swap = false;  // with the distance of positive and negative, if it is smaller (Balntas et al. 2016)
  Reduction reduction = Reduction::mean;
};
// max(0, ‖anchor - positive‖ - ‖anchor - negative‖ + margin) over the last dimension (Schroff et al.: FaceNet; 2015).
Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           const TripletMarginOptions& options = {});

struct MultiMarginOptions {
  double p = 1;  // 1 or 2
  double margin = 1;
  Tensor weight = {};  // [classes]: of each target's class
  Reduction reduction = Reduction::mean;
};
// Σ_{j ≠ target} max(0, margin - input[target] + input[j])^p / classes; input [n, classes] or [classes], target int64 [n]
// or 0-d (Crammer, Singer 2001).
Tensor multi_margin_loss(const Tensor& input, const Tensor& target, const MultiMarginOptions& options = {});
// Σ over the classes j in target and i not in target of max(0, 1 - (input[j] - input[i])) / classes; target int64 of
// input's shape, a row's classes up to its first -1.
Tensor multilabel_margin_loss(const Tensor& input, const Tensor& target, Reduction reduction = Reduction::mean);
// The mean over the last dimension of -weight (t log σ(x) + (1 - t) log σ(-x)); target from 0 to 1, weight [classes] or
// undefined.
Tensor multilabel_soft_margin_loss(const Tensor& input, const Tensor& target, const Tensor& weight = {},
                                   Reduction reduction = Reduction::mean);

// -- losses of classes

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

struct CtcLossOptions {
  std::int64_t blank = 0;
  Reduction reduction = Reduction::mean;  // of the losses divided by their target_lengths, of at least 1
  bool zero_infinity = false;             // losses of targets that are too long count as 0
};
// Connectionist temporal classification (Graves et al. 2006): minus the log-probability that the steps of a sequence give
// its labels, with repetitions and blanks between, summed over all alignments. log_probs [t, n, classes] of log_softmax,
// or [t, classes]; targets int64 [n, most], or all of them in one vector; lengths int64 [n]. The gradient is that in
// log_probs themselves: PyTorch's, which has softmax added, is the same only where log_softmax comes before.
Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, const CtcLossOptions& options = {});

}  // namespace ebb
