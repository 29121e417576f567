#include "nn/embedding.h"

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "autograd/ops.h"
#include "nn/checks.h"

namespace ebb::nn {
namespace detail {

Tensor embedding_weight(std::int64_t count, std::int64_t size, std::optional<std::int64_t> padding) {
  check_positive("Embedding", "count", count);
  check_positive("Embedding", "size", size);
  if (padding && (*padding < 0 || *padding >= count))
    fail("Embedding: padding is {}; it must be a row from 0 to {}", *padding, count - 1);
  const Tensor weight = randn({count, size});
  if (padding) select(weight, 0, *padding).zero_();
  return weight;
}

}  // namespace detail

Tensor Embedding::operator()(const Tensor& index) const { return embedding(index, weight, padding); }

}  // namespace ebb::nn
