#include "nn/attention.h"

#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "autograd/ops.h"
#include "nn/checks.h"
#include "nn/init.h"

namespace ebb::nn {
namespace detail {

Tensor attention_weight(std::int64_t embed_dim, std::int64_t num_heads, std::int64_t rows, std::int64_t in,
                        bool wanted) {
  check_positive("MultiheadAttention", "embed_dim", embed_dim);
  check_positive("MultiheadAttention", "num_heads", num_heads);
  if (embed_dim % num_heads != 0)
    fail("MultiheadAttention: embed_dim is {} and num_heads {}; heads must share embed_dim evenly", embed_dim,
         num_heads);
  if (!wanted) return {};
  check_positive("MultiheadAttention", "kdim or vdim", in);
  return init::xavier_uniform_(empty({rows, in}));
}

Tensor attention_bias(std::int64_t size, bool wanted) { return wanted ? zeros({size}) : Tensor(); }

Tensor attention_row(std::int64_t embed_dim, bool wanted) {
  return wanted ? init::xavier_normal_(empty({1, 1, embed_dim})) : Tensor();
}

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

// The projections, [n, heads, rows, width] each, and the masks of their scores: undefined, and is_causal, if there are none
// else.
struct Projected {
  Tensor query, key, value, mask;
  bool is_causal;
};

// Query, key and value of one memory are projected by one product; the heads are views of it.
std::array<Tensor, 3> project(const MultiheadAttention& m, const Tensor& query, const Tensor& key,
                              const Tensor& value) {
  const std::int64_t size = m.embed_dim;
  std::array<Tensor, 3> q_k_v;
  const auto project = [&](const Tensor& x, const Tensor& weight, std::int64_t first, std::int64_t count) {
    const Tensor y = linear(x, weight, part(m.in_proj_bias, first * size, (first + count) * size));
    const Tensor heads = reshape(y, {y.shape()[0], y.shape()[1], count, m.num_heads, size / m.num_heads});
    for (std::int64_t i = 0; i < count; ++i)
      q_k_v[static_cast<std::size_t>(first + i)] =
          permute(select(heads, 2, i), m.batch_first ? Dims{0, 2, 1, 3} : Dims{1, 2, 0, 3});
  };
  if (!m.one_size()) {
    project(query, m.q_proj_weight, 0, 1);
    project(key, m.k_proj_weight, 1, 1);
    project(value, m.v_proj_weight, 2, 1);
    return q_k_v;
  }
  const auto project_part = [&](const Tensor& x, std::int64_t first, std::int64_t count) {
    project(x, part(m.in_proj_weight, first * size, (first + count) * size), first, count);
  };
  const bool one_memory = same(key, value);
  if (one_memory && same(query, key)) {
    project_part(query, 0, 3);
  } else {
    project_part(query, 0, 1);
    project_part(key, 1, one_memory ? 2 : 1);
    if (!one_memory) project_part(value, 2, 1);
  }
  return q_k_v;
}

// x and one row more for each head: those of `row` [1, 1, E], or of zeros.
Tensor with_row(const Tensor& x, const Tensor& row) {
  const Shape shape = x.shape().with(2, 1);
  return cat({x, row.defined() ? expand(reshape(row, {1, shape[1], 1, shape[3]}), shape)
                               : zeros(shape, {.dtype = x.dtype()})},
             2);
}

Projected prepare(const MultiheadAttention& m, const Tensor& query, const Tensor& key, const Tensor& value,
                  const AttentionMasks& masks) {
  const auto q_k_v = project(m, query, key, value);
  Projected p{q_k_v[0], q_k_v[1], q_k_v[2], {}, masks.is_causal};
  const std::int64_t rows = p.query.shape()[2], columns = p.key.shape()[2];
  p.mask = all_masks(masks, {p.query.shape()[0], m.num_heads, rows, columns}, p.query.dtype());
  const auto add_row = [&](const Tensor& to_key, const Tensor& to_value) {
    p.key = with_row(p.key, to_key);
    p.value = with_row(p.value, to_value);
  };
  if (m.add_bias_kv) add_row(m.bias_k, m.bias_v);
  if (m.add_zero_attn) add_row({}, {});
  if (const std::int64_t more = p.key.shape()[2] - columns; more > 0) {
    if (masks.is_causal && !p.mask.defined()) p.mask = causal_mask(rows, columns, p.query.dtype());
    if (p.mask.defined()) p.mask = pad(p.mask, {0, more});
  }
  p.is_causal = masks.is_causal && !p.mask.defined();
  return p;
}

// softmax of the scores; 0 where all are -inf.
Tensor probabilities(const Projected& p) {
  Tensor scores = matmul(p.query, transpose(p.key, -2, -1)) / std::sqrt(static_cast<double>(p.query.size(-1)));
  if (p.is_causal) scores = scores + causal_mask(scores.size(-2), scores.size(-1), scores.dtype());
  if (p.mask.defined()) scores = scores + p.mask;
  if (scores.size(-1) == 0) return scores;
  const Tensor zero = zeros({}, {.dtype = scores.dtype()});
  const Tensor none = eq(amax(scores.detach(), {-1}, true), -std::numeric_limits<double>::infinity());
  return where(none, zero, softmax(where(none, zero, scores), -1));
}

// y [n, heads, rows, width] back in the order of the input.
Tensor joined(const MultiheadAttention& m, const Tensor& y, const Shape& query) {
  return m.out_proj(reshape(permute(y, m.batch_first ? Dims{0, 2, 1, 3} : Dims{2, 0, 1, 3}), Dims(query)));
}

void check_inputs(const MultiheadAttention& m, const Tensor& query, const Tensor& key, const Tensor& value) {
  const auto fits = [&](const Tensor& x, std::int64_t size) {
    return x.dim() == query.dim() && (x.dim() == 2 || x.dim() == 3) && x.size(-1) == size;
  };
  if (fits(query, m.embed_dim) && fits(key, m.kdim) && fits(value, m.vdim)) return;
  const char* const lead = m.batch_first ? "n, rows" : "rows, n";
  const std::string wanted =
      m.one_size() ? fmt::format("[{}, {}] each", lead, m.embed_dim)
                   : fmt::format("[{0}, {1}], [{0}, {2}] and [{0}, {3}]", lead, m.embed_dim, m.kdim, m.vdim);
  fail("MultiheadAttention: query, key and value are {}, {} and {}; give {}", query.shape(), key.shape(),
       value.shape(), wanted);
}

// Calls f with inputs that have a batch, of one if these have none.
auto with_batch(const MultiheadAttention& m, const Tensor& query, const Tensor& key, const Tensor& value,
                auto&& f) {
  const auto batched = [&](const Tensor& x) { return unsqueeze(x, m.batch_first ? 0 : 1); };
  const Tensor q = batched(query);
  if (same(query, key) && same(key, value)) return f(q, q, q);
  const Tensor k = batched(key);
  return f(q, k, same(key, value) ? k : batched(value));
}

}  // namespace
}  // namespace detail

Tensor MultiheadAttention::operator()(const Tensor& query, const Tensor& key, const Tensor& value,
                                      const AttentionMasks& masks) const {
  detail::check_inputs(*this, query, key, value);
  if (query.dim() == 2)
    return detail::with_batch(*this, query, key, value, [&](const auto&... x) {
      return squeeze((*this)(x..., masks), batch_first ? 0 : 1);
    });
  const auto p = detail::prepare(*this, query, key, value, masks);
  const Tensor y = scaled_dot_product_attention(
      p.query, p.key, p.value,
      {.attn_mask = p.mask, .dropout_p = mode.training ? dropout : 0, .is_causal = p.is_causal});
  return detail::joined(*this, y, query.shape());
}

AttentionResult MultiheadAttention::with_weights(const Tensor& query, const Tensor& key, const Tensor& value,
                                                 const AttentionMasks& masks, bool average_attn_weights) const {
  detail::check_inputs(*this, query, key, value);
  if (query.dim() == 2)
    return detail::with_batch(*this, query, key, value, [&](const auto&... x) {
      const auto [y, weights] = with_weights(x..., masks, average_attn_weights);
      return AttentionResult{squeeze(y, batch_first ? 0 : 1), squeeze(weights, 0)};
    });
  const auto p = detail::prepare(*this, query, key, value, masks);
  const Tensor weights = ebb::dropout(detail::probabilities(p), dropout, mode.training);
  return {detail::joined(*this, matmul(weights, p.value), query.shape()),
          average_attn_weights ? mean(weights, {1}) : weights};
}

}  // namespace ebb::nn
