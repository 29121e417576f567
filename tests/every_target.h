// Runs a check once for each instruction set that the kernels are compiled for and this machine has.
#pragma once

#include "autograd/kernels/targets.h"
// Above: it decides what Highway says.
#include <doctest/doctest.h>
#include <hwy/targets.h>

#include "autograd/kernels/float_runs.h"

namespace ebb {

template <class Check>
void on_every_target(Check&& check) {
  for (const auto target : hwy::SupportedAndGeneratedTargets()) {
    if (target == HWY_EMU128 || target == HWY_SCALAR) continue;
    hwy::SetSupportedTargetsForTest(target);
    kernels::choose_float_runs_again();
    const std::string name = hwy::TargetName(target);
    CAPTURE(name);
    check();
  }
  hwy::SetSupportedTargetsForTest(0);
  kernels::choose_float_runs_again();
}

}  // namespace ebb
