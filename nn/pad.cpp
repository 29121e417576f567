#include "nn/pad.h"

#include "autograd/base/fail.h"

namespace ebb::nn::detail {

namespace {

// Zeros are constant.
const char* name_of(PadMode mode) {
  switch (mode) {
    case PadMode::reflect:
      return "Reflection";
    case PadMode::replicate:
      return "Replication";
    case PadMode::circular:
      return "Circular";
    default:
      return "Constant";
  }
}

}  // namespace

Tensor padded(const Tensor& x, std::size_t dims, std::span<const std::int64_t> padding, PadMode mode,
              double value) {
  const int rank = static_cast<int>(dims) + 1;
  if (x.dim() != rank && x.dim() != rank + 1)
    fail("{}Pad{}d: the input is {}; it must have {} or {} dimensions", name_of(mode), dims, ebb::describe(x),
         rank, rank + 1);
  return pad(x, padding, mode, value);
}

}  // namespace ebb::nn::detail
