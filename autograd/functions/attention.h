// Attention.
#pragma once

#include <optional>

#include "autograd/base/random.h"
#include "autograd/tensor.h"

namespace ebb {

struct AttentionOptions {
  Tensor attn_mask =
      {};  // broadcast to [.., L, S]: bool, true where a key takes part, or floating, added to the scores
  double dropout_p = 0;              // of the probabilities
  bool is_causal = false;            // row i attends to keys 0 … i
  std::optional<double> scale = {};  // left out: 1 / √E
  Generator* generator = nullptr;    // of dropout; left out: default_generator()
  // query [.., heads, L, E] may have a multiple of the heads of key and value: each of theirs serves as many in a row
  // (Ainslie et al. 2023).
  bool enable_gqa = false;
};
// softmax(scale query keyᵀ + mask) value (Vaswani et al. 2017): query [.., L, E], key [.., S, E], value [.., S, Ev] →
// [.., L, Ev]; leading sizes broadcast. A row in which no key takes part is 0. Memory grows with L + S: the scores are
// made in blocks, and again for the gradient (Dao, Fu, Ermon, Rudra, Ré: FlashAttention, 2022). Heads may be views of
// [n, L, heads, E]: nothing is copied.
Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const AttentionOptions& options = {});

}  // namespace ebb
