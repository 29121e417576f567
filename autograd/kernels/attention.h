// Scaled dot-product attention: y = softmax(scale q kᵀ + mask) v for each head (Vaswani et al. 2017).
#pragma once

#include <cstdint>

#include "autograd/base/view.h"

namespace ebb::kernels {

struct AttentionTerms {
  double scale = 1;
  bool causal = false;  // row i sees columns up to i
  // Probabilities are dropped with probability p < 1. That of row r (of all heads' rows in row-major order) and column j
  // has the number position + r ⌈columns / 4⌉ 4 + j of the stream of `seed`: see Note [Random streams].
  double p = 0;
  std::uint64_t seed = 0, position = 0;
};

// q [n, rows, heads, e], k [n, columns, heads, e], v [n, columns, heads, ev], any strides; y [n, rows, heads, ev],
// contiguous. mask [n, heads, rows, columns], any strides (0 where it is shared): bool (true: takes part), or added to
// the scores; null data for none. logsumexp [n, heads, rows], contiguous, of the scores of each row; +inf where no column
// takes part, and then y is 0. Works on blocks of rows: of the scores, only a block per thread is ever in memory.
void attention(const View& y, const View& logsumexp, const View& q, const View& k, const View& v, const View& mask,
               const AttentionTerms& terms);

// gq, gk, gv and gmask are contiguous; gmask may have null data. g and y have unit stride in their last dimension. The
// probabilities are computed again from logsumexp (Dao, Fu, Ermon, Rudra, Ré: FlashAttention, 2022; algorithm 4).
struct AttentionGradients {
  View q, k, v, mask;
};
void attention_backward(const AttentionGradients& to, const View& g, const View& q, const View& k, const View& v,
                        const View& mask, const View& y, const View& logsumexp, const AttentionTerms& terms);

}  // namespace ebb::kernels
