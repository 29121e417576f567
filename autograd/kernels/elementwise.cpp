#include "autograd/kernels/elementwise.h"

#include "autograd/kernels/float_runs.h"
#include "autograd/kernels/targets.h"

#include <hwy/targets.h>

namespace ebb::kernels {
namespace {

std::size_t best_target() {
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  return hwy::GetChosenTarget().GetIndex();
}

std::size_t& chosen_target() {
  static std::size_t index = best_target();
  return index;
}

template <auto F>
constexpr FloatKernels kernels{};  // none: functions of integers alone

}  // namespace

std::size_t target_index() { return chosen_target(); }
void choose_target_again() { chosen_target() = best_target(); }

[[gnu::cold]] void undefined(const char* op, int f, Dtype dtype) {
  fail("{}: function {} is not defined for {}", op, f, name_of(dtype));
}

EBB_UNARY(bitwise_not)
EBB_BINARY(bitwise_and)
EBB_BINARY(bitwise_or)
EBB_BINARY(bitwise_xor)
EBB_BINARY(left_shift)
EBB_BINARY(right_shift)

void add_into(const View& y, const View& x) { binary<Binary::add>(y, y, x); }

}  // namespace ebb::kernels
