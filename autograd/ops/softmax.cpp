#include "autograd/ops/softmax.h"

namespace ebb {
namespace {

template <class Op>
Tensor along(const Tensor& x, int dim) {
  const Op op{ops::dimension(Op::name, dim, x.dim())};
  return x.dim() == 0 ? reshape(apply(op, reshape(x, {1})), {}) : apply(op, x);
}

}  // namespace

Tensor softmax(const Tensor& x, int dim) { return along<ops::Softmax>(x, dim); }
Tensor log_softmax(const Tensor& x, int dim) { return along<ops::LogSoftmax>(x, dim); }

}  // namespace ebb
