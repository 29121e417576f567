#include "autograd/ops/index.h"

namespace ebb {

Tensor index_select(const Tensor& x, int dim, const Tensor& index) {
  return apply(ops::IndexSelect{ops::dimension("index_select", dim, x.dim())}, x, index);
}

Tensor gather(const Tensor& x, int dim, const Tensor& index) {
  return apply(ops::Gather{ops::dimension("gather", dim, x.dim())}, x, index);
}

Tensor embedding(const Tensor& index, const Tensor& weight, std::optional<std::int64_t> padding_idx) {
  if (weight.dim() != 2) fail("embedding: the weight is {}; it must be [n, d]", describe(weight));
  ops::require_index("embedding", index);
  Dims sizes = index.shape();
  sizes.push_back(weight.shape()[1]);
  Tensor rows = index_select(weight, 0, reshape(index, {-1}));
  if (padding_idx) {
    const Tensor padding = unsqueeze(eq(reshape(index, {-1}), static_cast<double>(*padding_idx)), 1);
    rows = where(padding, rows.detach(), rows);
  }
  return reshape(rows, sizes);
}

}  // namespace ebb
