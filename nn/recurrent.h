// Recurrent layers: LSTM, GRU and RNN over whole sequences, and their cells for single steps.
#pragma once

#include <cstdint>
#include <vector>

#include "autograd/ops.h"
#include "nn/reflect.h"

namespace ebb::nn {

// The weights of one layer in one direction: [G hidden, in], [G hidden, hidden] and twice [G hidden] for a cell of G
// gates; with projections, of lstm() alone, [G hidden, proj_size] for the second and one more, weight_hr [proj_size,
// hidden]. They start as U(-b, b), b = 1 / √hidden.
struct RecurrentParameters {
  Parameter weight_ih, weight_hh, bias_ih, bias_hh, weight_hr = {};

  operator RecurrentWeights() const { return {weight_ih, weight_hh, bias_ih, bias_hh, weight_hr}; }
};

// Those of layer after layer, forward before reverse, under PyTorch's names: "weight_ih_l0", "bias_hh_l1_reverse".
struct RecurrentStack {
  bool bidirectional;
  std::vector<RecurrentParameters> each;

  void walk(detail::Members& out) const;  // for reflection: the names have run-time numbers
};

namespace detail {
RecurrentParameters recurrent_parameters(const char* layer, std::int64_t gates, std::int64_t in,
                                         std::int64_t hidden, bool with_bias, std::int64_t proj_size = 0);
RecurrentStack recurrent_stack(const char* layer, std::int64_t gates, std::int64_t in, std::int64_t hidden,
                               std::int64_t num_layers, bool with_bias, bool bidirectional,
                               std::int64_t proj_size = 0);
}  // namespace detail

// States of LSTM [layers, n, hidden] and of LSTMCell [n, hidden].
struct LSTMState {
  Tensor h, c;
};
struct LSTMResult {
  Tensor output;
  LSTMState state;
};
struct RecurrentResult {
  Tensor output, h;
};

// Layers of lstm() of autograd/ops.h, each on the output of the one before. x [t, n, in] → output [t, n, hidden], the h
// of the last layer at all times, and the states [num_layers, n, hidden] of all layers after the last. With batch_first
// x is [n, t, in] and output [n, t, hidden]; without a batch, [t, in] and [t, hidden], states have no n either. If
// bidirectional, every layer runs from both ends, has twice as many states, forward before reverse, and its output has
// both h's, size 2 hidden. The first states are 0 unless they are given.
//
// `lengths`, int64 [n] from 1 to t, are those of the sequences of a batch, which need not be in order: what lies past a
// length counts as if it were not there. The output is 0 there, the last states are those after a sequence's own last
// step, and the other direction begins with that one: pad_packed_sequence(lstm(pack_padded_sequence(x, lengths)),
// total_length = t) of PyTorch. Not in a Replay.
//
//   nn::LSTM lstm{.in = 64, .hidden = 128, .num_layers = 2};
//   auto [output, state] = lstm(x);
//   auto [padded, last] = lstm(x, {}, lengths);
struct LSTM {
  std::int64_t in, hidden;
  std::int64_t num_layers = 1;
  bool with_bias = true;
  bool batch_first = false;
  double dropout = 0;  // of the output of every layer but the last, while training
  bool bidirectional = false;
  std::int64_t proj_size = 0;  // > 0: the size of h, projected from hidden numbers; c stays as it is
  Mode mode = {};
  RecurrentStack layers =
      detail::recurrent_stack("LSTM", 4, in, hidden, num_layers, with_bias, bidirectional, proj_size);

  LSTMResult operator()(const Tensor& x, const LSTMState& first = {}, const Tensor& lengths = {}) const;

  auto fields() const { return nn::fields(field("", mode), field("", layers)); }
};

// The same of gru().
struct GRU {
  std::int64_t in, hidden;
  std::int64_t num_layers = 1;
  bool with_bias = true;
  bool batch_first = false;
  double dropout = 0;
  bool bidirectional = false;
  Mode mode = {};
  RecurrentStack layers = detail::recurrent_stack("GRU", 3, in, hidden, num_layers, with_bias, bidirectional);

  RecurrentResult operator()(const Tensor& x, const Tensor& first = {}, const Tensor& lengths = {}) const;

  auto fields() const { return nn::fields(field("", mode), field("", layers)); }
};

// The same of rnn().
struct RNN {
  std::int64_t in, hidden;
  std::int64_t num_layers = 1;
  RnnNonlinearity nonlinearity = RnnNonlinearity::tanh;
  bool with_bias = true;
  bool batch_first = false;
  double dropout = 0;
  bool bidirectional = false;
  Mode mode = {};
  RecurrentStack layers = detail::recurrent_stack("RNN", 1, in, hidden, num_layers, with_bias, bidirectional);

  RecurrentResult operator()(const Tensor& x, const Tensor& first = {}, const Tensor& lengths = {}) const;

  auto fields() const { return nn::fields(field("", mode), field("", layers)); }
};

// One step: x [n, in] and a state [n, hidden], 0 unless it is given → the next state.
//
//   nn::LSTMCell cell{64, 128};
//   nn::LSTMState state;
//   for (const auto& x : inputs) state = cell(x, state);
struct LSTMCell {
  std::int64_t in, hidden;
  bool with_bias = true;
  RecurrentParameters weights = detail::recurrent_parameters("LSTMCell", 4, in, hidden, with_bias);

  LSTMState operator()(const Tensor& x, const LSTMState& state = {}) const;

  auto fields() const { return nn::fields(field("", weights)); }
};

struct GRUCell {
  std::int64_t in, hidden;
  bool with_bias = true;
  RecurrentParameters weights = detail::recurrent_parameters("GRUCell", 3, in, hidden, with_bias);

  Tensor operator()(const Tensor& x, const Tensor& state = {}) const;

  auto fields() const { return nn::fields(field("", weights)); }
};

struct RNNCell {
  std::int64_t in, hidden;
  bool with_bias = true;
  RnnNonlinearity nonlinearity = RnnNonlinearity::tanh;
  RecurrentParameters weights = detail::recurrent_parameters("RNNCell", 1, in, hidden, with_bias);

  Tensor operator()(const Tensor& x, const Tensor& state = {}) const;

  auto fields() const { return nn::fields(field("", weights)); }
};

}  // namespace ebb::nn
