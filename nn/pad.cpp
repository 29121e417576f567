#include "nn/pad.h"

#include "autograd/base/fail.h"

namespace ebb::nn::detail {

Tensor padded(const char* layer, std::size_t dims, const Tensor& x, std::span<const std::int64_t> padding,
              PadMode mode, double value) {
  const int rank = static_cast<int>(dims) + 1;
  if (x.dim() != rank && x.dim() != rank + 1)
    fail("{}{}d: the input is {}; it must have {} or {} dimensions", layer, dims, ebb::describe(x), rank,
         rank + 1);
  return pad(x, padding, mode, value);
}

}  // namespace ebb::nn::detail
