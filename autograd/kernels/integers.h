// Functions of integers and bool, compiled once.
#pragma once

#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/strided.h"

namespace ebb::kernels {

// Null if the function is not defined for the dtype.
RunKernel integer_kernel(Unary f, Dtype dtype);
RunKernel integer_kernel(Binary f, Dtype dtype);
inline RunKernel integer_kernel(Ternary /*f*/, Dtype /*dtype*/) { return nullptr; }

}  // namespace ebb::kernels
