// A table of vectors that are looked up by number.
#pragma once

#include <cstdint>
#include <optional>

#include "nn/role.h"

namespace ebb::nn {

namespace detail {
Tensor embedding_weight(std::int64_t count, std::int64_t size, std::optional<std::int64_t> padding);
}  // namespace detail

// Rows of weight [count, size] at index, int64 of any shape: [..] → [.., size]. Weight starts normal, mean 0,
// variance 1. The row `padding`, if one is given, starts at 0 and gets no gradient.
struct Embedding {
  std::int64_t count, size;
  std::optional<std::int64_t> padding = {};
  Parameter weight = detail::embedding_weight(count, size, padding);

  Tensor operator()(const Tensor& index) const;
};

}  // namespace ebb::nn
