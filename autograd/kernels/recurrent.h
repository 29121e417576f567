// Recurrent layers, one in one direction, over a whole sequence: the products with the input are one for all steps; then
// each step is a product with the state before it and one loop over the gates. All views are contiguous and of one
// dtype, float32 or float64; those that a cell has no use for have null data.
#pragma once

#include <cstdint>

#include "autograd/base/view.h"

namespace ebb::kernels {

// A cell has G gates: 4, 3, 1, 1. Only lstm has c, and only lstm and gru keep `cells` for the gradient.
enum class Cell : std::uint8_t { lstm, gru, rnn_tanh, rnn_relu };
constexpr std::int64_t gates_of(Cell cell) { return cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1; }

// For t steps of n sequences, with states of size h. See recurrent_runs.h for gates and cells.
struct Recurrent {
  Cell cell;
  bool reverse;          // from the last step to the first
  View y, gates, cells;  // [t, n, h], [t, n, G h] (of rnn: y itself), [t, n, h]
  View h0, c0;           // [n, h]
  View w_hh;             // [G h, h]
};

// h_n and c_n [n, h] are the states after the last step. x [t, n, in], w_ih [G h, in], b_ih and b_hh [G h] or null.
void recurrent(const Recurrent& layer, View h_n, View c_n, View x, View w_ih, View b_ih, View b_hh);

// From the gradients gy, gh_n and gc_n, which may be null: those of w_ih x + b_ih, dgates [t, n, G h]; of w_hh h + b_hh,
// dhidden [t, n, G h] (but for gru the same: dgates again); and of the first states.
void recurrent_backward(const Recurrent& layer, View dgates, View dhidden, View dh0, View dc0, View gy, View gh_n,
                        View gc_n);

}  // namespace ebb::kernels
