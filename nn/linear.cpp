#include "nn/linear.h"

#include "autograd/ops.h"
#include "nn/checks.h"

namespace ebb::nn {
namespace detail {

Tensor linear_weight(std::int64_t in, std::int64_t out) {
  check_positive("Linear", "in", in);
  check_positive("Linear", "out", out);
  return uniform_weight({out, in}, in);
}

Tensor linear_bias(std::int64_t in, std::int64_t out, bool wanted) {
  return wanted ? uniform_weight({out}, in) : Tensor();
}

}  // namespace detail

Tensor Linear::operator()(const Tensor& x) const { return linear(x, weight, bias); }

}  // namespace ebb::nn
