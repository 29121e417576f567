// The inner loops of recurrent layers, element by element, chosen at run time for the machine.
#pragma once

#include <cstdint>
#include <tuple>

namespace ebb::kernels {

// One time step of some rows of a batch. Rows lie one behind another, of `size` elements, the state's, or, in `gates`,
// `hidden` and their gradients, of that many for each gate. The arrays that a cell has no use for may be null.
template <class T>
struct RecurrentStep {
  std::int64_t rows, size;
  const T* hidden;  // w_hh h + b_hh, h being the state before the step
  const T* before;  // lstm: c before the step; gru: h before it
  T* gates;         // w_ih x + b_ih, in whose place come the gates: lstm i, f, g, o; gru r, z, n; rnn y
  T* cells;         // lstm: c after the step; gru: the third gate's part of `hidden`
  T* y;             // h after the step; of rnn `gates`
};

template <class T>
struct RecurrentGradientStep {
  std::int64_t rows, size;
  const T *gates, *cells, *before;  // as above
  const T* gy;                      // null: 0
  T* dh;       // of h after the step; then, of h before it, what does not come by way of `hidden`: gru
  T* dc;       // of c after the step; then of c before it: lstm
  T* dgates;   // of w_ih x + b_ih
  T* dhidden;  // of `hidden`, where that is not dgates: gru
};

// For each Cell.
template <class T>
struct RecurrentRuns {
  void (*forward[4])(const RecurrentStep<T>& step);
  void (*backward[4])(const RecurrentGradientStep<T>& step);
};

// Those of the best instruction set here.
const std::tuple<RecurrentRuns<float>, RecurrentRuns<double>>& recurrent_runs();

}  // namespace ebb::kernels
