#include "optim/flat.h"

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "autograd/engine.h"
#include "autograd/node.h"
#include "autograd/ops.h"

namespace ebb::optim {

Tensor flat_values(std::span<const Tensor> parameters) {
  std::vector<Tensor> parts;
  for (const auto& p : parameters) parts.push_back(reshape(p.detach(), {-1}));
  return cat(parts);
}

void set_flat_values(std::span<const Tensor> parameters, const Tensor& values) {
  const NoGrad off;
  std::int64_t begin = 0;
  for (const auto& p : parameters) {
    p.copy_(reshape(narrow(values, 0, begin, p.numel()), p.shape()));
    begin += p.numel();
  }
}

Tensor flat_gradients(std::span<const Tensor> parameters, std::span<const Tensor> gradients) {
  std::vector<Tensor> parts;
  for (std::size_t i = 0; i < parameters.size(); ++i)
    parts.push_back(gradients[i].defined() ? reshape(gradients[i], {-1})
                                           : zeros({parameters[i].numel()}, {.dtype = parameters[i].dtype()}));
  return cat(parts);
}

Tensor rows_of_jacobian(const Tensor& y, const std::vector<Tensor>& parameters) {
  const Tensor flat = reshape(y, {-1});
  std::vector<Tensor> rows;
  for (std::int64_t i = 0; i < flat.numel(); ++i)
    rows.push_back(flat_gradients(
        parameters, grad(select(flat, 0, i), parameters, {.retain_graph = true, .allow_unused = true})));
  return stack(rows);
}

void check_one_dtype(const char* optimizer, std::span<const Tensor> parameters) {
  for (const auto& p : parameters)
    if (p.dtype() != parameters[0].dtype())
      fail("{}: parameters of {} and {}; all must be of one dtype", optimizer, parameters[0].dtype(), p.dtype());
}

}  // namespace ebb::optim
