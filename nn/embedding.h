// Tables of vectors that are looked up by number.
#pragma once

#include <cstdint>
#include <optional>

#include "autograd/ops.h"
#include "nn/role.h"

namespace ebb::nn {

namespace detail {
Tensor embedding_weight(const char* layer, std::int64_t count, std::int64_t size,
                        std::optional<std::int64_t> padding);
}  // namespace detail

// Rows of weight [count, size] at index, int64 of any shape: [..] → [.., size]. Weight starts normal, mean 0,
// variance 1. The row `padding`, if one is given, starts at 0 and gets no gradient. With max_norm, rows at index whose
// norm_type-norm is larger are first scaled to it in the weight itself, without history, as in PyTorch.
struct Embedding {
  std::int64_t count, size;
  std::optional<std::int64_t> padding = {};
  std::optional<double> max_norm = {};
  double norm_type = 2;
  Parameter weight = detail::embedding_weight("Embedding", count, size, padding);

  Tensor operator()(const Tensor& index) const;
};

// The sum, mean or largest elements of bags of rows: embedding_bag() of autograd/ops.h. Index [bags, k], or [k] with
// offsets → [bags, size]. Indices of the row `padding` are in no bag; weight and max_norm are as of Embedding.
//
//   nn::EmbeddingBag bag{.count = 1000, .size = 64};
//   y = bag(words, offsets);
struct EmbeddingBag {
  std::int64_t count, size;
  BagMode mode = BagMode::mean;
  bool include_last_offset = false;
  std::optional<std::int64_t> padding = {};
  std::optional<double> max_norm = {};
  double norm_type = 2;
  Parameter weight = detail::embedding_weight("EmbeddingBag", count, size, padding);

  Tensor operator()(const Tensor& index, const Tensor& offsets = {}, const Tensor& per_sample_weights = {}) const;
};

}  // namespace ebb::nn
