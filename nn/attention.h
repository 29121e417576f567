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
Tensor attention_weight(std::int64_t embed_dim, std::int64_t num_heads, std::int64_t rows, std::int64_t in,
                        bool wanted);
Tensor attention_bias(std::int64_t size, bool wanted);
Tensor attention_row(std::int64_t embed_dim, bool wanted);
Linear attention_output(std::int64_t embed_dim, bool with_bias);
}  // namespace detail

// Output [L, n, E], and the probabilities [n, L, S], averaged over the heads, or [n, num_heads, L, S].
struct AttentionResult {
  Tensor output, weights;
};

// Attention(q Wqᵀ, k Wkᵀ, v Wvᵀ) Woᵀ in num_heads heads of embed_dim / num_heads numbers each (Vaswani et al. 2017), with
// biases. query [L, n, E], key [S, n, kdim], value [S, n, vdim] → [L, n, E]; with batch_first n comes first, and without a
// batch it is missing. While training, attention probabilities are dropped with probability `dropout`. A query that sees no
// key gets the probabilities 0 (in PyTorch NaN), and so out_proj's bias. The projections start as U(-b, b), b = √(6 / 4E), or
// √(6 / (E + size)) each if kdim or vdim is not E, biases as 0, bias_k and bias_v normal, with variance 1 / E, and out_proj's
// weight as Linear's.
//
//   nn::MultiheadAttention attention{.embed_dim = 256, .num_heads = 4, .batch_first = true};
//   y = attention(x);                                      // self-attention
//   y = attention(x, memory, memory, {.key_padding_mask = padding});
//   auto [z, weights] = attention.with_weights(x, memory, memory);
struct MultiheadAttention {
  std::int64_t embed_dim, num_heads;
  double dropout = 0;
  bool with_bias = true;
  bool batch_first = false;
  bool add_bias_kv = false;    // one more key and value, bias_k and bias_v, which all queries see
  bool add_zero_attn = false;  // and one more of zeros
  std::int64_t kdim = embed_dim, vdim = embed_dim;
  Mode mode = {};
  Parameter in_proj_weight = detail::attention_weight(embed_dim, num_heads, 3 * embed_dim, embed_dim,
                                                      one_size());  // Wq, Wk, Wv: [3 E, E], if all have one size
  Parameter q_proj_weight = detail::attention_weight(embed_dim, num_heads, embed_dim, embed_dim, !one_size());
  Parameter k_proj_weight = detail::attention_weight(embed_dim, num_heads, embed_dim, kdim, !one_size());
  Parameter v_proj_weight = detail::attention_weight(embed_dim, num_heads, embed_dim, vdim, !one_size());
  Parameter in_proj_bias = detail::attention_bias(3 * embed_dim, with_bias);
  Parameter bias_k = detail::attention_row(embed_dim, add_bias_kv);  // [1, 1, E]
  Parameter bias_v = detail::attention_row(embed_dim, add_bias_kv);
  Linear out_proj = detail::attention_output(embed_dim, with_bias);

  Tensor operator()(const Tensor& query, const Tensor& key, const Tensor& value,
                    const AttentionMasks& masks = {}) const;
  Tensor operator()(const Tensor& x, const AttentionMasks& masks = {}) const { return (*this)(x, x, x, masks); }

  // The same and the probabilities, which are then kept in memory.
  AttentionResult with_weights(const Tensor& query, const Tensor& key, const Tensor& value,
                               const AttentionMasks& masks = {}, bool average_attn_weights = true) const;

  bool one_size() const { return kdim == embed_dim && vdim == embed_dim; }
};

}  // namespace ebb::nn
