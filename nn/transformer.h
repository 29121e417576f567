// Layers of transformers.
#pragma once

#include <cstdint>

#include "nn/attention.h"
#include "nn/linear.h"
#include "nn/norm.h"

namespace ebb::nn {

enum class Activation : std::uint8_t { relu, gelu };

struct EncoderMasks {
  Tensor src_mask = {};              // see AttentionMasks: attn_mask
  Tensor src_key_padding_mask = {};  // key_padding_mask
  bool is_causal = false;
};

// Self-attention and a network of two linear layers, each added to its input and normalised (Vaswani et al. 2017): with
// a(x) = self_attn(x) and f(x) = linear2(activation(linear1(x))),
//
//   y = norm1(x + a(x)), z = norm2(y + f(y)); if norm_first: y = x + a(norm1(x)), z = y + f(norm2(y)).
//
// While training, dropout with probability `dropout` acts on attention's probabilities, on a, on f, and inside f. x
// [rows, n, d_model], or [n, rows, d_model] if batch_first.
//
//   nn::TransformerEncoderLayer layer{.d_model = 256, .nhead = 4, .dim_feedforward = 1024, .batch_first = true};
struct TransformerEncoderLayer {
  std::int64_t d_model, nhead;
  std::int64_t dim_feedforward = 2048;
  double dropout = 0.1;
  Activation activation = Activation::relu;
  double layer_norm_eps = 1e-5;
  bool batch_first = false;
  bool norm_first = false;
  bool with_bias = true;
  Mode mode = {};
  MultiheadAttention self_attn = {d_model, nhead, dropout, with_bias, batch_first};
  Linear linear1 = {d_model, dim_feedforward, with_bias};
  Linear linear2 = {dim_feedforward, d_model, with_bias};
  LayerNorm norm1 = {.shape = {d_model}, .eps = layer_norm_eps, .with_bias = with_bias};
  LayerNorm norm2 = {.shape = {d_model}, .eps = layer_norm_eps, .with_bias = with_bias};

  Tensor operator()(const Tensor& x, const EncoderMasks& masks = {}) const;
};

}  // namespace ebb::nn
