// What all optimizers demand of the parameters that they move.
#pragma once

#include <span>

#include "autograd/tensor.h"

namespace ebb::optim {

// Error, which names the optimizer, unless there are some and each is a dense leaf that requires grad and shares its
// memory with no other.
void check_parameters(const char* optimizer, std::span<const Tensor> parameters);

}  // namespace ebb::optim
