#include "nn/embedding.h"

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "autograd/node.h"
#include "nn/checks.h"

namespace ebb::nn {
namespace detail {

Tensor embedding_weight(const char* layer, std::int64_t count, std::int64_t size,
                        std::optional<std::int64_t> padding) {
  check_positive(layer, "count", count);
  check_positive(layer, "size", size);
  if (padding && (*padding < 0 || *padding >= count))
    fail("{}: padding is {}; it must be a row from 0 to {}", layer, *padding, count - 1);
  const Tensor weight = randn({count, size});
  if (padding) select(weight, 0, *padding).zero_();
  return weight;
}

namespace {

// Rows of m.weight at index, if their norms are above m.max_norm, become that long. Of an index that is repeated all
// write the same.
void shorten_rows(const auto& m, const Tensor& index) {
  if (!m.max_norm) return;
  const NoGrad off;
  const Tensor flat = reshape(index, {index.numel()}), rows = index_select(m.weight, 0, flat);
  const Tensor length = norm(rows, m.norm_type, {1}, true);
  const Tensor factor = where(gt(length, *m.max_norm), *m.max_norm / (length + 1e-7), ones_like(length));
  m.weight.set_at({flat}, rows * factor);
}

}  // namespace
}  // namespace detail

Tensor Embedding::operator()(const Tensor& index) const {
  detail::shorten_rows(*this, index);
  return embedding(index, weight, padding);
}

Tensor EmbeddingBag::operator()(const Tensor& index, const Tensor& offsets,
                                const Tensor& per_sample_weights) const {
  detail::shorten_rows(*this, index);
  return embedding_bag(index, weight, offsets,
                       {.mode = mode,
                        .per_sample_weights = per_sample_weights,
                        .include_last_offset = include_last_offset,
                        .padding_idx = padding});
}

}  // namespace ebb::nn
