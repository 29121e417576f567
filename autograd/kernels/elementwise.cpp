#include "autograd/kernels/elementwise.h"

#include "autograd/base/fail.h"
#include "autograd/kernels/float_runs.h"
#include "autograd/kernels/integers.h"
#include "autograd/kernels/special.h"
#include "autograd/kernels/strided.h"

namespace ebb::kernels {
namespace {

struct FloatRuns {
  std::span<const FloatKernels> elementary = elementary_runs(), activations = activation_runs(),
                                arithmetic = arithmetic_runs(), derivatives = derivative_runs(),
                                ternary = ternary_runs();
};

FloatRuns& float_runs() {
  static FloatRuns runs;
  return runs;
}

template <class Function>
RunKernel kernel_at(std::span<const FloatKernels> runs, Function first, Function f, Dtype dtype) {
  const auto i = static_cast<std::size_t>(f) - static_cast<std::size_t>(first);
  return runs[i][dtype == Dtype::float64];
}

RunKernel kernel_of(Unary f, Dtype dtype) {
  if (!is_floating(dtype)) return integer_kernel(f, dtype);
  if (f < kFirstActivation) return kernel_at(float_runs().elementary, kFirstElementary, f, dtype);
  if (f < kFirstSpecialUnary) return kernel_at(float_runs().activations, kFirstActivation, f, dtype);
  return special_kernel(f, dtype);
}

RunKernel kernel_of(Binary f, Dtype dtype) {
  if (!is_floating(dtype)) return integer_kernel(f, dtype);
  if (f < kFirstDerivative) return kernel_at(float_runs().arithmetic, kFirstArithmetic, f, dtype);
  if (f < kFirstSpecialBinary) return kernel_at(float_runs().derivatives, kFirstDerivative, f, dtype);
  return special_kernel(f, dtype);
}

RunKernel kernel_of(Ternary f, Dtype dtype) {
  return is_floating(dtype) ? kernel_at(float_runs().ternary, kFirstTernary, f, dtype) : nullptr;
}

Grain grain_of(Unary f) {
  if (f == Unary::pow_scalar || f >= kFirstSpecialUnary) return Grain::scalar;
  return f < kFirstCostlyUnary ? Grain::cheap : Grain::costly;
}

Grain grain_of(Binary f) {
  if (f == Binary::pow || f >= kFirstSpecialBinary) return Grain::scalar;
  return f < kFirstCostlyBinary ? Grain::cheap : Grain::costly;
}

Grain grain_of(Ternary /*f*/) { return Grain::cheap; }

[[noreturn, gnu::cold]] void undefined(const char* op, int f, Dtype dtype) {
  fail("{}: function {} is not defined for {}", op, f, name_of(dtype));
}

template <class Function, class... Inputs>
void run(const char* op, Function f, double p, double q, const View& y, const Inputs&... x) {
  const Run whole = whole_run(p, q, y, x...);  // before the kernel is chosen: a tiny one waits for it
  const RunKernel kernel = kernel_of(f, y.dtype);
  if (!kernel) undefined(op, static_cast<int>(f), y.dtype);
  for_each_run(kernel, grain_of(f), whole, y, x...);
}

}  // namespace

void choose_float_runs_again() { float_runs() = FloatRuns(); }

void unary(Unary f, const View& y, const View& x, double a, double b) { run("unary", f, a, b, y, x); }
void binary(Binary f, const View& y, const View& a, const View& b, double p, double q) {
  run("binary", f, p, q, y, a, b);
}
void ternary(Ternary f, const View& y, const View& a, const View& b, const View& c, double p) {
  run("ternary", f, p, 0, y, a, b, c);
}
void add_into(const View& y, const View& x) { binary(Binary::add, y, y, x); }

}  // namespace ebb::kernels
