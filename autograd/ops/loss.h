// What losses share.
#pragma once

#include <string_view>

#include "autograd/ops/common.h"

namespace ebb::ops {

inline void require_same_shape(std::string_view loss, const Tensor& input, const Tensor& target) {
  if (input.shape() != target.shape())
    fail("{}: input {} and target {} differ; reshape one, since broadcasting a loss is nearly always a mistake",
         loss, input.shape(), target.shape());
  require_floating(loss, input);
  require_same_dtype(loss, input, target);
}

inline void refuse_batchmean(std::string_view loss, Reduction reduction) {
  if (reduction == Reduction::batchmean)
    fail("{}: the reduction is batchmean; mean is the mean of the examples", loss);
}

inline Tensor reduced(const Tensor& losses, Reduction reduction) {
  if (reduction == Reduction::none) return losses;
  if (reduction == Reduction::batchmean && losses.dim() > 0)
    return sum(losses) / static_cast<double>(losses.shape()[0]);
  return reduction == Reduction::sum ? sum(losses) : mean(losses);
}

}  // namespace ebb::ops
