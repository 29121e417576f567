// Checks of what a layer is made with, and what it is made of. For the layers' own use.
#pragma once

#include <cstdint>
#include <span>

#include "autograd/ops.h"
#include "nn/role.h"

namespace ebb::nn::detail {

// Error unless value > 0 (>= 0): "Linear: in is -3; it must be positive".
void check_positive(const char* layer, const char* field, std::int64_t value);
void check_positive(const char* layer, const char* field, std::span<const std::int64_t> values);
void check_not_negative(const char* layer, const char* field, std::span<const std::int64_t> values);

// A new float32 tensor, U(-b, b) with b = 1 / √fan_in: PyTorch's default, kaiming_uniform_ with slope √5.
Tensor uniform_weight(const Shape& shape, std::int64_t fan_in);

}  // namespace ebb::nn::detail
