// Transformers.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "nn/attention.h"
#include "nn/linear.h"
#include "nn/module.h"
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

struct DecoderMasks {
  Tensor tgt_mask = {}, memory_mask = {};  // see AttentionMasks: attn_mask
  Tensor tgt_key_padding_mask = {}, memory_key_padding_mask = {};
  bool tgt_is_causal = false, memory_is_causal = false;
};

// The same with attention to `memory`, m(x) = multihead_attn(x, memory, memory), between the two:
//
//   y = norm1(x + a(x)), z = norm2(y + m(y)), w = norm3(z + f(z));
//   if norm_first: y = x + a(norm1(x)), z = y + m(norm2(y)), w = z + f(norm3(z)).
struct TransformerDecoderLayer {
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
  MultiheadAttention multihead_attn = {d_model, nhead, dropout, with_bias, batch_first};
  Linear linear1 = {d_model, dim_feedforward, with_bias};
  Linear linear2 = {dim_feedforward, d_model, with_bias};
  LayerNorm norm1 = {.shape = {d_model}, .eps = layer_norm_eps, .with_bias = with_bias};
  LayerNorm norm2 = {.shape = {d_model}, .eps = layer_norm_eps, .with_bias = with_bias};
  LayerNorm norm3 = {.shape = {d_model}, .eps = layer_norm_eps, .with_bias = with_bias};

  Tensor operator()(const Tensor& x, const Tensor& memory, const DecoderMasks& masks = {}) const;
};

// Layer after layer, and a norm at the end if there is one. In PyTorch the layers start as copies of one, which is
// clones(layer, count).
//
//   nn::TransformerEncoder encoder{clones(nn::TransformerEncoderLayer{.d_model = 256, .nhead = 4}, 6)};
struct TransformerEncoder {
  std::vector<TransformerEncoderLayer> layers;
  std::optional<LayerNorm> norm = {};

  Tensor operator()(const Tensor& x, const EncoderMasks& masks = {}) const;
};

struct TransformerDecoder {
  std::vector<TransformerDecoderLayer> layers;
  std::optional<LayerNorm> norm = {};

  Tensor operator()(const Tensor& x, const Tensor& memory, const DecoderMasks& masks = {}) const;
};

namespace detail {
// `count` layers like this one, and a norm; all matrices drawn by xavier_uniform_.
TransformerEncoder drawn_stack(const TransformerEncoderLayer& layer, const char* field, std::int64_t count);
TransformerDecoder drawn_stack(const TransformerDecoderLayer& layer, const char* field, std::int64_t count);
}  // namespace detail

// The whole of Vaswani et al. 2017 but for embeddings and the last layer: decoder(tgt, encoder(src)), both with a norm at
// the end. All matrices start as xavier_uniform_ draws them.
struct Transformer {
  std::int64_t d_model = 512, nhead = 8;
  std::int64_t num_encoder_layers = 6, num_decoder_layers = 6;
  std::int64_t dim_feedforward = 2048;
  double dropout = 0.1;
  Activation activation = Activation::relu;
  double layer_norm_eps = 1e-5;
  bool batch_first = false;
  bool norm_first = false;
  bool with_bias = true;
  TransformerEncoder encoder =
      detail::drawn_stack(TransformerEncoderLayer{d_model, nhead, dim_feedforward, dropout, activation,
                                                  layer_norm_eps, batch_first, norm_first, with_bias},
                          "num_encoder_layers", num_encoder_layers);
  TransformerDecoder decoder =
      detail::drawn_stack(TransformerDecoderLayer{d_model, nhead, dim_feedforward, dropout, activation,
                                                  layer_norm_eps, batch_first, norm_first, with_bias},
                          "num_decoder_layers", num_decoder_layers);

  Tensor operator()(const Tensor& src, const Tensor& tgt, const EncoderMasks& encoder_masks = {},
                    const DecoderMasks& decoder_masks = {}) const {
    return decoder(tgt, encoder(src, encoder_masks), decoder_masks);
  }
};

}  // namespace ebb::nn
