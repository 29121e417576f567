#include "autograd/ops/softmax.h"

namespace ebb {

Tensor softmax(const Tensor& x, int dim) {
  return apply(ops::Softmax{ops::dimension("softmax", dim, x.dim())}, x);
}

Tensor log_softmax(const Tensor& x, int dim) {
  return apply(ops::LogSoftmax{ops::dimension("log_softmax", dim, x.dim())}, x);
}

}  // namespace ebb
