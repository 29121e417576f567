// Checks of element-by-element kernels: on each instruction set that this machine has, and of functions named at run time.
#pragma once

#include <doctest/doctest.h>

#include "autograd/kernels/float_runs.h"
#include "tests/arrays.h"

namespace ebb::test {

template <class F>
void with_every_target(F&& f) {
  on_every_target([&] {
    kernels::choose_target_again();
    const std::string target = hwy::TargetName(hwy::SupportedTargets());
    CAPTURE(target);
    f();
  });
  kernels::choose_target_again();
}

// Calls what.operator()<F>() for the F that is f.
template <auto kLast, class What>
void with_function(decltype(kLast) f, What&& what) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    const auto at = [&]<decltype(kLast) F>() { return f == F && (what.template operator()<F>(), true); };
    const bool found = (at.template operator()<static_cast<decltype(kLast)>(I)>() || ...);
    CHECK(found);
  }
  (std::make_index_sequence<static_cast<std::size_t>(kLast) + 1>());
}

inline void unary(kernels::Unary f, const View& y, const View& x, double a = 0, double b = 0) {
  with_function<kernels::Unary::bitwise_not>(f, [&]<kernels::Unary F>() { kernels::unary<F>(y, x, a, b); });
}
inline void binary(kernels::Binary f, const View& y, const View& a, const View& b, double p = 0, double q = 0) {
  with_function<kernels::Binary::right_shift>(f, [&]<kernels::Binary F>() { kernels::binary<F>(y, a, b, p, q); });
}

}  // namespace ebb::test
