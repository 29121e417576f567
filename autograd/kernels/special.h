// Functions of floats that are rare, compiled once: one element at a time.
#pragma once

#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/strided.h"

namespace ebb::kernels {

// Null if the function is not one of these.
RunKernel special_kernel(Unary f, Dtype dtype);
RunKernel special_kernel(Binary f, Dtype dtype);

}  // namespace ebb::kernels
