// Functions of float32 and float64, chosen at run time for the machine.
#pragma once

#include <array>
#include <span>

#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/strided.h"

namespace ebb::kernels {

using FloatKernels = std::array<RunKernel, 2>;  // for float32 and float64

// Of consecutive functions, the first being:
inline constexpr Unary kFirstElementary{}, kFirstActivation = Unary::tanh, kFirstSpecialUnary = Unary::asin;
inline constexpr Binary kFirstArithmetic{}, kFirstDerivative = Binary::silu_backward,
                                            kFirstSpecialBinary = Binary::atan2;
inline constexpr Ternary kFirstTernary{}, kEndOfTernary{static_cast<int>(Ternary::lerp) + 1};
// Functions before these are a few instructions.
inline constexpr Unary kFirstCostlyUnary = Unary::exp;
inline constexpr Binary kFirstCostlyBinary = Binary::pow;

std::span<const FloatKernels> elementary_runs();
std::span<const FloatKernels> activation_runs();
std::span<const FloatKernels> arithmetic_runs();
std::span<const FloatKernels> ternary_runs();
std::span<const FloatKernels> derivative_runs();

// unary(), binary() and ternary() ask the above once per process. Tests that change the machine's supported instruction
// sets (hwy::SetSupportedTargetsForTest) make them ask again.
void choose_float_runs_again();

}  // namespace ebb::kernels
