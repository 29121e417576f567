// Connectionist temporal classification.
#pragma once

#include "autograd/base/view.h"

namespace ebb::kernels {

struct CtcOptions {
  std::int64_t blank;
  bool zero_infinity;
};

// For each of n sequences, minus the logarithm of the probability of its labels, summed over all alignments by the forward
// algorithm (Graves, Fernández, Gomez, Schmidhuber: Connectionist Temporal Classification; ICML 2006, §4.1), in
// logarithms. log_probs [t, n, classes], labels int64 [n, most labels], lengths int64 [n] of which only so many steps and
// labels count. loss [n]; alpha [n, t, 2 · most labels + 1]: the forward variables, for the gradient. A loss that no
// alignment makes finite is ∞, or 0 if zero_infinity.
void ctc_loss(const View& loss, const View& alpha, const View& log_probs, const View& labels,
              const View& input_lengths, const View& target_lengths, const CtcOptions& options);

// gradient = -g · the probability, given the labels, that the alignment is in that class at that step: by the backward
// variables. gradient as log_probs; g [n].
void ctc_loss_backward(const View& gradient, const View& g, const View& alpha, const View& log_probs,
                       const View& labels, const View& input_lengths, const View& target_lengths,
                       const CtcOptions& options);

}  // namespace ebb::kernels
