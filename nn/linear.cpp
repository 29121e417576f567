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

Tensor bilinear_weight(std::int64_t in1, std::int64_t in2, std::int64_t out) {
  check_positive("Bilinear", "in1", in1);
  check_positive("Bilinear", "in2", in2);
  check_positive("Bilinear", "out", out);
  return uniform_weight({out, in1, in2}, in1);
}

}  // namespace detail

Tensor Linear::operator()(const Tensor& x) const { return linear(x, weight, bias); }

Tensor Bilinear::operator()(const Tensor& x1, const Tensor& x2) const { return bilinear(x1, x2, weight, bias); }

}  // namespace ebb::nn
