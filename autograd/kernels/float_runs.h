// What the files share that define unary(), binary() and ternary(): loops for float32 and float64, chosen at run time for
// the machine.
#pragma once

#include <array>
#include <span>

#include "autograd/base/fail.h"
#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/integers.h"
#include "autograd/kernels/strided.h"

namespace ebb::kernels {

using FloatKernels = std::array<RunKernel, 2>;  // for float32 and float64

// A table of each instruction set's variable `name`, for target_index().
#define EBB_BY_TARGET(name) \
  { nullptr, HWY_CHOOSE_TARGET_LIST(name), HWY_CHOOSE_FALLBACK(name) }
using ByTarget = std::span<const FloatKernels* const>;

// The best instruction set of this machine, which is asked for once per process. Tests that change what is supported
// (hwy::SetSupportedTargetsForTest) make it ask again.
std::size_t target_index();
void choose_target_again();

// What an element costs: a few instructions, many, or so many that it goes alone.
constexpr Grain grain_of(Unary f) {
  if (f == Unary::pow_scalar || f >= Unary::asin) return Grain::scalar;
  return f < Unary::exp ? Grain::cheap : Grain::costly;
}
constexpr Grain grain_of(Binary f) {
  if (f == Binary::pow || f >= Binary::atan2) return Grain::scalar;
  return f < Binary::pow ? Grain::cheap : Grain::costly;
}
constexpr Grain grain_of(Ternary /*f*/) { return Grain::cheap; }

inline RunKernel float_kernel(ByTarget kernels, Dtype dtype) {
  return (*kernels[target_index()])[dtype == Dtype::float64];
}
inline RunKernel float_kernel(const FloatKernels& kernels, Dtype dtype) {
  return kernels[dtype == Dtype::float64];
}

[[noreturn]] void undefined(const char* op, int f, Dtype dtype);

// y = F(x…). `floats` are the kernels by target, or those for every target.
template <auto F, class Kernels, class... Inputs>
void run_function(const char* op, const Kernels& floats, double p, double q, const View& y, const Inputs&... x) {
  const Run whole = whole_run(p, q, y, x...);  // before the kernel is chosen: a tiny one waits for it
  const RunKernel kernel = is_floating(y.dtype) ? float_kernel(floats, y.dtype) : integer_kernel(F, y.dtype);
  if (!kernel) undefined(op, static_cast<int>(F), y.dtype);
  for_each_run(kernel, grain_of(F), whole, y, x...);
}

// These define the functions of a file, whose kernels<F> are what run_function() takes.
#define EBB_UNARY(f)                                                       \
  template <>                                                              \
  void unary<Unary::f>(const View& y, const View& x, double a, double b) { \
    run_function<Unary::f>("unary", kernels<Unary::f>, a, b, y, x);        \
  }
#define EBB_BINARY(f)                                                                       \
  template <>                                                                               \
  void binary<Binary::f>(const View& y, const View& a, const View& b, double p, double q) { \
    run_function<Binary::f>("binary", kernels<Binary::f>, p, q, y, a, b);                   \
  }
#define EBB_TERNARY(f)                                                                             \
  template <>                                                                                      \
  void ternary<Ternary::f>(const View& y, const View& a, const View& b, const View& c, double p) { \
    run_function<Ternary::f>("ternary", kernels<Ternary::f>, p, 0, y, a, b, c);                    \
  }

}  // namespace ebb::kernels
