#include "data/dataset.h"

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "autograd/ops.h"

namespace ebb::data::detail {

std::int64_t common_length(std::span<const Tensor> fields) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].dim() == 0) fail("TensorDataset: tensor {} has no dimensions, so no examples", i);
    if (fields[i].shape()[0] != fields[0].shape()[0])
      fail("TensorDataset: tensors 0 and {} have {} and {} examples; all must have the same number", i,
           fields[0].shape()[0], fields[i].shape()[0]);
  }
  return fields.empty() ? 0 : fields[0].shape()[0];
}

Tensor take_rows(const Tensor& x, std::span<const std::int64_t> indices) {
  return index_select(x, 0, tensor(indices));
}

}  // namespace ebb::data::detail
