// The inner loops of pooling, chosen at run time for the machine: outputs side by side, whose windows have one form.
#pragma once

#include <cstdint>

namespace ebb::kernels {

// An element of a window: where it is in memory, and its place in the plane, both from the window's first.
struct PoolTap {
  std::int64_t at, place;
};

// Rows of outputs 0 … n - 1: in row r the window of output i has the elements x[taps[k].at + i x_step + r x_row], at places
// place + taps[k].place + i place_step + r place_row of the plane.
template <class T>
struct PoolRun {
  std::int64_t rows, n;
  const T* x;
  std::int64_t x_row, x_step;
  std::int64_t place, place_row, place_step;
  const PoolTap* taps;
  std::int64_t tap_count;
  T* y;
  std::int64_t y_row, y_step;
  std::int64_t* index;  // max alone
  std::int64_t index_row, index_step;
  double scale;  // mean alone
};

template <class T>
struct PoolKernels {
  // The largest element and the place of the first such; -inf and -1 of an empty window. NaN is larger than all.
  void (*max)(const PoolRun<T>&);
  // The sum times `scale`.
  void (*mean)(const PoolRun<T>&);
};

// Those of the best instruction set here, for float and double.
template <class T>
PoolKernels<T> pool_kernels();

}  // namespace ebb::kernels
