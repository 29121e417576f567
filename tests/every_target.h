// Runs a check of element-by-element kernels on each instruction set that this machine has.
#pragma once

#include <doctest/doctest.h>

#include "autograd/kernels/float_runs.h"
#include "tests/arrays.h"

namespace ebb::test {

template <class F>
void with_every_target(F&& f) {
  on_every_target([&] {
    kernels::choose_float_runs_again();
    const std::string target = hwy::TargetName(hwy::SupportedTargets());
    CAPTURE(target);
    f();
  });
  kernels::choose_float_runs_again();
}

}  // namespace ebb::test
