// Faults in gradients on purpose. scripts/mutate builds the library with EBB_MUTATION, spoils one formula at a
// time, and demands that the tests notice each. Otherwise nothing of this is left.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "autograd/tensor.h"

namespace ebb::detail {

// Where a gradient comes from: gradN or grads; addN, which is linear in what it is given.
enum class Formula : std::uint8_t { grad, add };

#if defined(EBB_MUTATION)
// Set by the test: what to put in place of a formula's result (of what addN is given).
inline Tensor (*mutation)(std::string_view op, int input, Formula formula, Tensor gradient) = nullptr;

inline Tensor mutated(std::string_view op, int input, Formula formula, Tensor gradient) {
  return mutation && gradient.defined() ? mutation(op, input, formula, std::move(gradient)) : gradient;
}
#else
inline Tensor&& mutated(std::string_view, int, Formula, Tensor&& gradient) { return std::move(gradient); }
inline const Tensor& mutated(std::string_view, int, Formula, const Tensor& gradient) { return gradient; }
#endif

}  // namespace ebb::detail
