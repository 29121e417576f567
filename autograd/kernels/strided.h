// Element-by-element loops: operands of any strides are cut into runs of neighbouring elements.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "autograd/base/parallel.h"
#include "autograd/base/view.h"

namespace ebb::kernels {

inline constexpr int kMostInputs = 3;

// n elements of each operand, side by side in memory, and the parameters of the function.
struct Run {
  std::int64_t n;
  void* y;
  std::array<const void*, kMostInputs> x;
  double p, q;
};
using RunKernel = void (*)(const Run&);

// Elements worth a piece of a parallel_for.
enum class Grain : std::int64_t { cheap = 32 * 1024, costly = 8 * 1024, scalar = 2 * 1024 };

// All of y and the inputs, as if they were contiguous.
template <class... Inputs>
Run whole_run(double p, double q, const View& y, const Inputs&... x) {
  return {y.numel(), y.data, {x.data...}, p, q};
}

namespace detail {
void for_each_run_of_many(RunKernel kernel, Grain grain, const Run& whole, std::span<const View* const> operands);
}

// Calls the kernel on runs that make up y and the inputs, in parallel. All have y's shape; y, first of the operands,
// does not overlap itself. A strided operand is brought into the cache a run at a time, so kernels see neighbours
// only. What a kernel computes must not depend on the place of an element in a run.
template <class... Inputs>
void for_each_run(RunKernel kernel, Grain grain, const Run& whole, const View& y, const Inputs&... x) {
  if (y.contiguous && (... && x.contiguous) && whole.n <= static_cast<std::int64_t>(grain)) [[likely]] {
    kernel(whole);
  } else {
    detail::for_each_run_of_many(kernel, grain, whole, std::array{&y, &x...});
  }
}

}  // namespace ebb::kernels
