#include "nn/transformer.h"

#include "autograd/ops.h"
#include "nn/checks.h"
#include "nn/init.h"

namespace ebb::nn {
namespace {

// x + f(x), normalised before or after. While training, elements of f are dropped.
Tensor residual(const auto& layer, const LayerNorm& norm, const Tensor& x, auto&& f) {
  const auto dropped = [&](const Tensor& t) { return ebb::dropout(f(t), layer.dropout, layer.mode.training); };
  return layer.norm_first ? x + dropped(norm(x)) : norm(x + dropped(x));
}

Tensor feed_forward(const auto& layer, const Tensor& x) {
  const Tensor hidden = layer.linear1(x);
  const Tensor active = layer.activation == Activation::relu ? relu(hidden) : gelu(hidden);
  return layer.linear2(ebb::dropout(active, layer.dropout, layer.mode.training));
}

template <class Stack>
Stack drawn_stack_of(const auto& layer, const char* field, std::int64_t count) {
  detail::check_positive("Transformer", field, count);
  Stack stack{clones(layer, static_cast<std::size_t>(count)),
              LayerNorm{.shape = {layer.d_model}, .eps = layer.layer_norm_eps, .with_bias = layer.with_bias}};
  for (const auto& parameter : parameters(stack))
    if (parameter.dim() > 1) init::xavier_uniform_(parameter);
  return stack;
}

// All layers and the norm, if there is one; more is what each layer takes besides x.
Tensor run_stack(const auto& stack, const Tensor& x, const auto&... more) {
  Tensor y = x;
  for (const auto& layer : stack.layers) y = layer(y, more...);
  return stack.norm ? (*stack.norm)(y) : y;
}

}  // namespace

TransformerEncoder detail::drawn_stack(const TransformerEncoderLayer& layer, const char* field,
                                       std::int64_t count) {
  return drawn_stack_of<TransformerEncoder>(layer, field, count);
}

TransformerDecoder detail::drawn_stack(const TransformerDecoderLayer& layer, const char* field,
                                       std::int64_t count) {
  return drawn_stack_of<TransformerDecoder>(layer, field, count);
}

Tensor TransformerEncoderLayer::operator()(const Tensor& x, const EncoderMasks& masks) const {
  const auto attend = [&](const Tensor& t) {
    return self_attn(t, {masks.src_key_padding_mask, masks.src_mask, masks.is_causal});
  };
  const auto transform = [&](const Tensor& t) { return feed_forward(*this, t); };
  return residual(*this, norm2, residual(*this, norm1, x, attend), transform);
}

Tensor TransformerDecoderLayer::operator()(const Tensor& x, const Tensor& memory,
                                           const DecoderMasks& masks) const {
  const auto attend = [&](const Tensor& t) {
    return self_attn(t, {masks.tgt_key_padding_mask, masks.tgt_mask, masks.tgt_is_causal});
  };
  const auto attend_to_memory = [&](const Tensor& t) {
    return multihead_attn(t, memory, memory,
                          {masks.memory_key_padding_mask, masks.memory_mask, masks.memory_is_causal});
  };
  const auto transform = [&](const Tensor& t) { return feed_forward(*this, t); };
  const Tensor y = residual(*this, norm2, residual(*this, norm1, x, attend), attend_to_memory);
  return residual(*this, norm3, y, transform);
}

Tensor TransformerEncoder::operator()(const Tensor& x, const EncoderMasks& masks) const {
  return run_stack(*this, x, masks);
}

Tensor TransformerDecoder::operator()(const Tensor& x, const Tensor& memory, const DecoderMasks& masks) const {
  return run_stack(*this, x, memory, masks);
}

}  // namespace ebb::nn
