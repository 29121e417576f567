#include "nn/activation.h"

#include "autograd/create.h"
#include "nn/checks.h"

namespace ebb::nn::detail {

Tensor prelu_weight(std::int64_t num_parameters, double init) {
  check_positive("PReLU", "num_parameters", num_parameters);
  return full({num_parameters}, init);
}

}  // namespace ebb::nn::detail
