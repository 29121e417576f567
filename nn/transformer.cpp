#include "nn/transformer.h"

#include "autograd/ops.h"

namespace ebb::nn {

Tensor TransformerEncoderLayer::operator()(const Tensor& x, const EncoderMasks& masks) const {
  const auto dropped = [&](const Tensor& t) { return ebb::dropout(t, dropout, mode.training); };
  const auto attend = [&](const Tensor& t) {
    return dropped(self_attn(t, {masks.src_key_padding_mask, masks.src_mask, masks.is_causal}));
  };
  const auto feed_forward = [&](const Tensor& t) {
    const Tensor hidden = linear1(t);
    return dropped(linear2(dropped(activation == Activation::relu ? relu(hidden) : gelu(hidden))));
  };
  if (norm_first) {
    const Tensor y = x + attend(norm1(x));
    return y + feed_forward(norm2(y));
  }
  const Tensor y = norm1(x + attend(x));
  return norm2(y + feed_forward(y));
}

}  // namespace ebb::nn
