// The optimizers' arithmetic by vectors, chosen at run time for the machine.
#pragma once

#include <array>
#include <cstdint>
#include <tuple>

#include "autograd/kernels/update.h"

namespace ebb::kernels {

// A part of an UpdateSlot; a buffer that is not used is null.
template <class T>
struct UpdateArrays {
  T* p;
  const T* g;
  std::array<T*, 3> buffers;
};

// n elements of each array. What becomes of an element does not depend on its place.
template <class T, class Step>
using UpdateRun = void (*)(const UpdateArrays<T>& arrays, std::int64_t n, const Step& step);
template <class Step>
using UpdateRuns = std::tuple<UpdateRun<float, Step>, UpdateRun<double, Step>>;

template <class T>
struct ClipRuns {
  double (*sum_of_squares)(const T* x, std::int64_t n);
  void (*scale)(T* x, std::int64_t n, double factor);
};

// Those of the best instruction set here; update_runs for each struct of update.h.
template <class Step>
const UpdateRuns<Step>& update_runs();
const std::tuple<ClipRuns<float>, ClipRuns<double>>& clip_runs();

}  // namespace ebb::kernels
