// Indexing; indices are int64.
#pragma once

#include <cstdint>
#include <optional>

#include "autograd/tensor.h"

namespace ebb {

Tensor index_select(const Tensor& x, int dim, const Tensor& index);  // index [k]
// y[i][j][k] = x[i][index[i][j][k]][k] for dim 1; index has x's rank and sizes up to x's off dim.
Tensor gather(const Tensor& x, int dim, const Tensor& index);
// Rows of weight [n, d] at index, of any shape: [.., d]. Row padding_idx gets no gradient.
Tensor embedding(const Tensor& index, const Tensor& weight, std::optional<std::int64_t> padding_idx = {});

}  // namespace ebb
