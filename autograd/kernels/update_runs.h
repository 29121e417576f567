// The optimizers' arithmetic by vectors, chosen at run time for the machine.
#pragma once

#include <cstdint>
#include <tuple>

#include "autograd/kernels/update.h"

namespace ebb::kernels {

// n elements of each array. What becomes of an element does not depend on its place.
template <class T>
struct UpdateRuns {
  void (*sgd)(T* p, const T* g, T* momentum, std::int64_t n, const SgdStep& step);  // momentum may be null
  void (*adam)(T* p, const T* g, T* m, T* v, T* v_max, std::int64_t n, const AdamStep& step);  // v_max may be null
  double (*sum_of_squares)(const T* x, std::int64_t n);
  void (*scale)(T* x, std::int64_t n, double factor);
};

// Those of the best instruction set here.
const std::tuple<UpdateRuns<float>, UpdateRuns<double>>& update_runs();

}  // namespace ebb::kernels
