#include "nn/attention.h"

#include <array>
#include <limits>

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "autograd/ops.h"
#include "nn/checks.h"
#include "nn/init.h"

namespace ebb::nn {
namespace detail {

Tensor attention_weight(std::int64_t embed_dim, std::int64_t num_heads) {
  check_positive("MultiheadAttention", "embed_dim", embed_dim);
  check_positive("MultiheadAttention", "num_heads", num_heads);
  if (embed_dim % num_heads != 0)
    fail("MultiheadAttention: embed_dim is {} and num_heads {}; heads must share embed_dim evenly", embed_dim,
         num_heads);
  return init::xavier_uniform_(empty({3 * embed_dim, embed_dim}));
}

Tensor attention_bias(std::int64_t size, bool wanted) { return wanted ? zeros({size}) : Tensor(); }

Linear attention_output(std::int64_t embed_dim, bool with_bias) {
  return {.in = embed_dim, .out = embed_dim, .with_bias = with_bias, .bias = attention_bias(embed_dim, with_bias)};
}

namespace {

// 0 or -inf for a bool mask.
Tensor additive(const Tensor& mask, Dtype dtype) {
  if (mask.dtype() != boolean) return mask;
  const auto constant = [&](double value) { return full({}, value, {.dtype = dtype}); };
  return where(mask, constant(-std::numeric_limits<double>::infinity()), constant(0));
}

Tensor causal_mask(std::int64_t rows, std::int64_t columns, Dtype dtype) {
  const Tensor row = unsqueeze(arange(static_cast<double>(rows)), 1),
               column = arange(static_cast<double>(columns));
  return additive(gt(column, row), dtype);
}

// The masks as terms of the scores [n, heads, L, S]; undefined if there are none.
Tensor all_masks(const AttentionMasks& masks, const Shape& scores, Dtype dtype) {
  Tensor sum;
  const auto add = [&](const Tensor& mask) { sum = sum.defined() ? sum + mask : mask; };
  const std::int64_t n = scores[0], heads = scores[1], rows = scores[2], columns = scores[3];
  if (const Tensor& mask = masks.key_padding_mask; mask.defined()) {
    if (mask.shape() != Shape{n, columns} && !(n == 1 && mask.shape() == Shape{columns}))
      fail("MultiheadAttention: key_padding_mask is {}; it must be [{}, {}]", mask.shape(), n, columns);
    add(reshape(additive(mask, dtype), {n, 1, 1, columns}));
  }
  if (const Tensor& mask = masks.attn_mask; mask.defined()) {
    if (mask.shape() != Shape{rows, columns} && mask.shape() != Shape{n * heads, rows, columns})
      fail("MultiheadAttention: attn_mask is {}; it must be [{}, {}] or [{}, {}, {}]", mask.shape(), rows, columns,
           n * heads, rows, columns);
    add(mask.dim() == 2 ? additive(mask, dtype) : reshape(additive(mask, dtype), {n, heads, rows, columns}));
  }
  if (masks.is_causal && sum.defined()) add(causal_mask(rows, columns, dtype));
  return sum;
}

bool same(const Tensor& a, const Tensor& b) { return &a.impl() == &b.impl(); }

// Rows [first, end) of the projections' weight or bias.
Tensor part(const Tensor& parameter, std::int64_t first, std::int64_t end) {
  if (!parameter.defined() || end - first == parameter.shape()[0]) return parameter;
  return narrow(parameter, 0, first, end - first);
}

}  // namespace
}  // namespace detail

Tensor MultiheadAttention::operator()(const Tensor& query, const Tensor& key, const Tensor& value,
                                      const AttentionMasks& masks) const {
  for (const Tensor* x : {&query, &key, &value})
    if (x->dim() != query.dim() || (x->dim() != 2 && x->dim() != 3) || x->size(-1) != embed_dim)
      fail("MultiheadAttention: query, key and value are {}, {} and {}; give [{}, {}] each", query.shape(),
           key.shape(), value.shape(), batch_first ? "n, rows" : "rows, n", embed_dim);
  if (query.dim() == 2) {
    const int batch = batch_first ? 0 : 1;
    const auto batched = [&](const Tensor& x) { return unsqueeze(x, batch); };
    return squeeze(detail::same(query, key) && detail::same(key, value)
                       ? (*this)(batched(query), masks)
                       : (*this)(batched(query), batched(key), batched(value), masks),
                   batch);
  }

  // `count` projections of x from number `first` on, one product: each [n, heads, rows, width], a view of it.
  std::array<Tensor, 3> q_k_v;
  const auto project = [&](const Tensor& x, std::int64_t first, std::int64_t count) {
    const std::int64_t begin = first * embed_dim, end = begin + count * embed_dim;
    const Tensor y = linear(x, detail::part(in_proj_weight, begin, end), detail::part(in_proj_bias, begin, end));
    const Tensor heads = reshape(y, {y.shape()[0], y.shape()[1], count, num_heads, embed_dim / num_heads});
    for (std::int64_t i = 0; i < count; ++i)
      q_k_v[static_cast<std::size_t>(first + i)] =
          permute(select(heads, 2, i), batch_first ? Dims{0, 2, 1, 3} : Dims{1, 2, 0, 3});
  };
  const bool one_memory = detail::same(key, value);
  if (one_memory && detail::same(query, key)) {
    project(query, 0, 3);
  } else {
    project(query, 0, 1);
    project(key, 1, one_memory ? 2 : 1);
    if (!one_memory) project(value, 2, 1);
  }

  const auto& [q, k, v] = q_k_v;
  const Shape scores{q.shape()[0], num_heads, q.shape()[2], k.shape()[2]};
  const Tensor mask = detail::all_masks(masks, scores, q.dtype());
  const Tensor y = scaled_dot_product_attention(q, k, v,
                                                {.attn_mask = mask,
                                                 .dropout_p = mode.training ? dropout : 0,
                                                 .is_causal = masks.is_causal && !mask.defined()});
  return out_proj(reshape(permute(y, batch_first ? Dims{0, 2, 1, 3} : Dims{2, 0, 1, 3}), Dims(query.shape())));
}

}  // namespace ebb::nn
