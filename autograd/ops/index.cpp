#include "autograd/ops/index.h"

namespace ebb {

Tensor index_select(const Tensor& x, int dim, const Tensor& index) {
  return apply(ops::IndexSelect{ops::dimension("index_select", dim, x.dim())}, x, index);
}

Tensor gather(const Tensor& x, int dim, const Tensor& index) {
  return apply(ops::Gather{ops::dimension("gather", dim, x.dim())}, x, index);
}

}  // namespace ebb
