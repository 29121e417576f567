// Attention with several heads.
#pragma once

#include <cstdint>

#include "nn/linear.h"
#include "nn/role.h"

namespace ebb::nn {

// Which keys a query does not see. Masks are bool, true where a key is NOT seen (as in PyTorch, and the opposite of
// scaled_dot_product_attention's), or floating and added to the scores.
struct AttentionMasks {
  Tensor key_padding_mask = {};  // [n, S], or [S] without a batch
  Tensor attn_mask = {};         // [L, S], or [n num_heads, L, S]
  bool is_causal = false;        // query i sees keys 0 … i; no mask is needed for it
};

namespace detail {
Tensor attention_weight(std::int64_t embed_dim, std::int64_t num_heads);
Tensor attention_bias(std::int64_t size, bool wanted);
Linear attention_output(std::int64_t embed_dim, bool with_bias);
}  // namespace detail

// Attention(q Wqᵀ, k Wkᵀ, v Wvᵀ) Woᵀ in num_heads heads of embed_dim / num_heads numbers each (Vaswani et al. 2017), with
// biases. query [L, n, E], key and value [S, n, E] → [L, n, E]; with batch_first n comes first, and without a batch it is
// missing. While training, attention probabilities are dropped with probability `dropout`. The projections start as
// U(-b, b), b = √(6 / 4E), biases as 0, out_proj's weight as Linear's.
//
//   nn::MultiheadAttention attention{.embed_dim = 256, .num_heads = 4, .batch_first = true};
//   y = attention(x);                                      // self-attention
//   y = attention(x, memory, memory, {.key_padding_mask = padding});
struct MultiheadAttention {
  std::int64_t embed_dim, num_heads;
  double dropout = 0;
  bool with_bias = true;
  bool batch_first = false;
  Mode mode = {};
  Parameter in_proj_weight = detail::attention_weight(embed_dim, num_heads);  // Wq, Wk, Wv: [3 E, E]
  Parameter in_proj_bias = detail::attention_bias(3 * embed_dim, with_bias);
  Linear out_proj = detail::attention_output(embed_dim, with_bias);

  Tensor operator()(const Tensor& query, const Tensor& key, const Tensor& value,
                    const AttentionMasks& masks = {}) const;
  Tensor operator()(const Tensor& x, const AttentionMasks& masks = {}) const { return (*this)(x, x, x, masks); }
};

}  // namespace ebb::nn
