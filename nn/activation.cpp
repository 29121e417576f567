#include "nn/activation.h"

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "nn/checks.h"

namespace ebb::nn {
namespace detail {

Tensor prelu_weight(std::int64_t num_parameters, double init) {
  check_positive("PReLU", "num_parameters", num_parameters);
  return full({num_parameters}, init);
}

}  // namespace detail

Tensor Softmax2d::operator()(const Tensor& x) const {
  if (x.dim() != 3 && x.dim() != 4)
    fail("Softmax2d: the input is {}; give [n, c, h, w] or [c, h, w]", ebb::describe(x));
  return softmax(x, -3);
}

}  // namespace ebb::nn
