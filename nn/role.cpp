#include "nn/role.h"

namespace ebb::nn {

Parameter::Parameter(const Tensor& values) {
  if (!values.defined()) return;
  const bool is_parameter = values.is_leaf() && values.requires_grad();
  static_cast<Tensor&>(*this) = is_parameter ? values : values.detach().set_requires_grad();
}

Buffer::Buffer(const Tensor& values) {
  if (!values.defined()) return;
  static_cast<Tensor&>(*this) = values.requires_grad() ? values.detach() : values;
}

}  // namespace ebb::nn
