// Parameters as one vector, for methods that think in those.
#pragma once

#include <span>
#include <vector>

#include "autograd/tensor.h"

namespace ebb::optim {

// All elements, parameter after parameter, without history. Parameters are of one dtype.
Tensor flat_values(std::span<const Tensor> parameters);
// Writes them back.
void set_flat_values(std::span<const Tensor> parameters, const Tensor& values);
// Derivatives, one for each parameter, as flat_values(); undefined ones are zeros. They keep their history.
Tensor flat_gradients(std::span<const Tensor> parameters, std::span<const Tensor> gradients);
// [numel of y, elements of the parameters]: the derivatives of y's elements, one backward each. `y` requires grad.
Tensor rows_of_jacobian(const Tensor& y, const std::vector<Tensor>& parameters);
// Error, which names the optimizer, unless all parameters are of the first one's dtype.
void check_one_dtype(const char* optimizer, std::span<const Tensor> parameters);

}  // namespace ebb::optim
