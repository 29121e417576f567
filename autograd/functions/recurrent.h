// Recurrent layers, one in one direction: x [t, n, in] and the first states [n, h] → y [t, n, h], which are all h, and
// the last states.
#pragma once

#include <array>
#include <cstdint>

#include "autograd/tensor.h"

namespace ebb {

struct RecurrentWeights {
  Tensor weight_ih, weight_hh;        // [G h, in] and [G h, h] for a cell of G gates
  Tensor bias_ih = {}, bias_hh = {};  // [G h] or undefined
  Tensor weight_hr = {};              // of lstm(), [p, h]: projections; then weight_hh is [G h, p]
};
// With i, f, o = σ(a) and g = tanh(a), a their parts, in the order i, f, g, o, of weight_ih x + bias_ih + weight_hh h +
// bias_hh: c' = f c + i g, h' = o tanh(c') (Hochreiter, Schmidhuber 1997; Gers, Schmidhuber, Cummins 2000). → y, h, c
// With projections h' = weight_hr (o tanh(c')), of size p (Sak, Senior, Beaufays 2014): h0 is [n, p], c0 [n, h], y [t, n, p].
std::array<Tensor, 3> lstm(const Tensor& x, const Tensor& h0, const Tensor& c0, const RecurrentWeights& weights,
                           bool reverse = false);
// With r, z = σ(a) as above, n = tanh(weight_in x + bias_in + r (weight_hn h + bias_hn)), in the order r, z, n:
// h' = (1 - z) n + z h (Cho et al. 2014). → y, h
std::array<Tensor, 2> gru(const Tensor& x, const Tensor& h0, const RecurrentWeights& weights,
                          bool reverse = false);
// h' = tanh(weight_ih x + bias_ih + weight_hh h + bias_hh), or relu of it (Elman 1990). → y, h
enum class RnnNonlinearity : std::uint8_t { tanh, relu };
std::array<Tensor, 2> rnn(const Tensor& x, const Tensor& h0, const RecurrentWeights& weights,
                          RnnNonlinearity nonlinearity = RnnNonlinearity::tanh, bool reverse = false);

}  // namespace ebb
