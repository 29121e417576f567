#include "nn/recurrent.h"

#include <algorithm>
#include <array>
#include <functional>
#include <numeric>

#include "autograd/base/fail.h"
#include "autograd/capture.h"
#include "autograd/create.h"
#include "nn/checks.h"

namespace ebb::nn {
namespace detail {

RecurrentParameters recurrent_parameters(const char* layer, std::int64_t gates, std::int64_t in,
                                         std::int64_t hidden, bool with_bias, std::int64_t proj_size) {
  check_positive(layer, "in", in);
  check_positive(layer, "hidden", hidden);
  if (proj_size < 0 || proj_size >= hidden)
    fail("{}: proj_size is {}; it must be 0, for none, or below hidden, {}", layer, proj_size, hidden);
  const std::int64_t rows = gates * hidden;
  const auto bias = [&] { return with_bias ? uniform_weight({rows}, hidden) : Tensor(); };
  return {uniform_weight({rows, in}, hidden), uniform_weight({rows, proj_size > 0 ? proj_size : hidden}, hidden),
          bias(), bias(), proj_size > 0 ? uniform_weight({proj_size, hidden}, hidden) : Tensor()};
}

RecurrentStack recurrent_stack(const char* layer, std::int64_t gates, std::int64_t in, std::int64_t hidden,
                               std::int64_t num_layers, bool with_bias, bool bidirectional,
                               std::int64_t proj_size) {
  check_positive(layer, "num_layers", num_layers);
  const std::int64_t directions = bidirectional ? 2 : 1,
                     output = directions * (proj_size > 0 ? proj_size : hidden);
  RecurrentStack stack{bidirectional, {}};
  for (std::int64_t i = 0; i < num_layers * directions; ++i)
    stack.each.push_back(
        recurrent_parameters(layer, gates, i < directions ? in : output, hidden, with_bias, proj_size));
  return stack;
}

}  // namespace detail

void RecurrentStack::walk(detail::Members& out) const {
  const std::size_t directions = bidirectional ? 2 : 1;
  for (std::size_t i = 0; i < each.size(); ++i) {
    const auto suffix = fmt::format("_l{}{}", i / directions, i % directions == 1 ? "_reverse" : "");
    const auto add = [&](const char* name, const Parameter& parameter) {
      const detail::Members::Scope scope(out, name + suffix);
      out.add(parameter);
    };
    add("weight_ih", each[i].weight_ih);
    add("weight_hh", each[i].weight_hh);
    add("bias_ih", each[i].bias_ih);
    add("bias_hh", each[i].bias_hh);
    add("weight_hr", each[i].weight_hr);
  }
}

namespace {

// A batch of sequences [t, n, in] and how long they are. With lengths the longest comes first, so that at any time those
// that still run are the first ones.
class Sequences {
 public:
  // The input of the layer `m`.
  template <class M>
  Sequences(const char* name, const M& m, const Tensor& x, const Tensor& lengths) : name_(name), rank_(x.dim()) {
    if ((rank_ != 2 && rank_ != 3) || x.shape()[rank_ - 1] != m.in)
      fail("{}: the input is {}; give [{}, {}], or [t, {}]", name, ebb::describe(x),
           m.batch_first ? "n, t" : "t, n", m.in, m.in);
    const Tensor sequences = !batched() ? unsqueeze(x, 1) : m.batch_first ? transpose(x, 0, 1) : x;
    if (lengths.defined()) read(lengths, sequences.shape());
    x_ = sorted(sequences);
  }

  const char* name() const { return name_; }
  bool batched() const { return rank_ == 3; }
  const Tensor& x() const { return x_; }
  std::int64_t count() const { return x_.shape()[1]; }

  // What has one slice for each sequence along dimension 1: by length, and as it was.
  Tensor sorted(const Tensor& given) const { return order_.defined() ? index_select(given, 1, order_) : given; }
  Tensor restored(const Tensor& given) const { return place_.defined() ? index_select(given, 1, place_) : given; }

  // Runs a layer from the states [n, ..], which it replaces by the last ones, and returns y. step(x, states) → y, states
  // runs it for sequences of one length.
  template <std::size_t K, class Step>
  Tensor run(const Tensor& x, std::array<Tensor, K>& states, bool reverse, Step&& step) const {
    if (stretches_.empty()) {
      const std::array<Tensor, K + 1> results = step(x, states);
      std::copy(results.begin() + 1, results.end(), states.begin());
      return results[0];
    }
    std::vector<Tensor> y(stretches_.size());
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t at = reverse ? y.size() - 1 - i : i;
      const auto& [begin, end, rows] = stretches_[at];
      auto running = states;
      for (auto& state : running) state = part(state, 0, 0, rows);
      const std::array<Tensor, K + 1> results = step(part(part(x, 0, begin, end), 1, 0, rows), running);
      const bool all = rows == count();
      y[at] = all ? results[0] : pad(results[0], {0, 0, 0, count() - rows});
      for (std::size_t k = 0; k < K; ++k)
        states[k] = all ? results[k + 1] : cat({results[k + 1], part(states[k], 0, rows, count())});
    }
    if (const std::int64_t rest = x.shape()[0] - stretches_.back().end; rest > 0)
      y.push_back(zeros({rest, count(), y[0].shape()[2]}, {.dtype = x.dtype()}));
    return y.size() == 1 ? y[0] : cat(y, 0);
  }

 private:
  // The steps from `begin` to `end`, in which the first `rows` sequences run.
  struct Stretch {
    std::int64_t begin, end, rows;
  };

  static Tensor part(const Tensor& x, int dim, std::int64_t begin, std::int64_t end) {
    return begin == 0 && end == x.shape()[dim] ? x : narrow(x, dim, begin, end - begin);
  }

  void read(const Tensor& lengths, const Shape& shape) {
    const std::int64_t t = shape[0], n = shape[1];
    if (!batched() || lengths.shape() != Shape{n} || lengths.dtype() != int64)
      fail("{}: the lengths are {}; give int64 [{}], one for each sequence of a batch", name_,
           ebb::describe(lengths), n);
    ebb::detail::refuse_in_replay("lengths of sequences");
    const auto length = lengths.to_vector<std::int64_t>();
    std::vector<std::int64_t> order(length.size()), place(length.size());
    std::iota(order.begin(), order.end(), 0);
    const auto of = [&](std::int64_t i) { return length[static_cast<std::size_t>(i)]; };
    for (const std::int64_t i : order)
      if (of(i) < 1 || of(i) > t) fail("{}: length {} is {}; it must be from 1 to {}", name_, i, of(i), t);
    if (n == 0) return;
    std::ranges::stable_sort(order, std::greater<>(), of);
    for (std::size_t i = 0; i < order.size(); ++i)
      place[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(i);
    if (!std::ranges::is_sorted(order)) {
      order_ = tensor(order);
      place_ = tensor(place);
    }
    std::int64_t begin = 0;
    for (std::int64_t rows = n; rows > 0; --rows) {
      const std::int64_t end = of(order[static_cast<std::size_t>(rows - 1)]);
      if (end > begin) stretches_.push_back({begin, end, rows});
      begin = end;
    }
  }

  const char* name_;
  int rank_;
  Tensor x_, order_, place_;
  std::vector<Stretch> stretches_;  // in the order of time; none without lengths: all run all the time
};

// The states of all layers, before and after: given, or 0.
class States {
 public:
  States(const char* name, const Tensor& given, std::int64_t layers, std::int64_t size, const Sequences& sequences)
      : sequences_(sequences) {
    const std::int64_t n = sequences.count();
    if (!given.defined()) {
      zero_ = zeros({n, size}, {.dtype = sequences.x().dtype()});
      return;
    }
    const Shape shape = sequences.batched() ? Shape{layers, n, size} : Shape{layers, size};
    if (given.shape() != shape)
      fail("{}: the first {} is {}; give {}", sequences.name(), name, given.shape(), shape);
    given_ = sequences.batched() ? sequences.sorted(given) : unsqueeze(given, 1);
  }

  Tensor first(std::size_t i) const {
    return given_.defined() ? select(given_, 0, static_cast<std::int64_t>(i)) : zero_;
  }
  void add_last(const Tensor& state) {
    const Tensor one = unsqueeze(state, 0);
    last_ = last_.defined() ? cat({last_, one}) : one;
  }
  Tensor last() const { return sequences_.batched() ? sequences_.restored(last_) : squeeze(last_, 1); }

 private:
  const Sequences& sequences_;
  Tensor given_, zero_, last_;
};

// Runs all layers; run(x, i, reverse) runs number i of m.layers and returns its h at all times.
template <class M, class Run>
Tensor run_layers(const M& m, const Sequences& sequences, Run&& run) {
  const std::size_t count = m.layers.each.size(), directions = m.bidirectional ? 2 : 1;
  Tensor x = sequences.x();
  for (std::size_t i = 0; i < count; i += directions) {
    if (i > 0) x = dropout(x, m.dropout, m.mode.training);
    const Tensor forward = run(x, i, false);
    x = m.bidirectional ? cat({forward, run(x, i + 1, true)}, 2) : forward;
  }
  if (!sequences.batched()) return squeeze(x, 1);
  x = sequences.restored(x);
  return m.batch_first ? transpose(x, 0, 1) : x;
}

// For layers whose state is h: step(x, h0, weights, reverse) → y, h.
template <class M, class Step>
RecurrentResult run_with_h(const char* name, const M& m, const Tensor& x, const Tensor& first,
                           const Tensor& lengths, Step&& step) {
  const Sequences sequences(name, m, x, lengths);
  States h("h", first, std::ssize(m.layers.each), m.hidden, sequences);
  const Tensor output = run_layers(m, sequences, [&](const Tensor& input, std::size_t i, bool reverse) {
    std::array<Tensor, 1> state{h.first(i)};
    const Tensor y = sequences.run(input, state, reverse, [&](const Tensor& part, const auto& states) {
      return step(part, states[0], m.layers.each[i], reverse);
    });
    h.add_last(state[0]);
    return y;
  });
  return {output, h.last()};
}

// The input of a cell as a sequence of one step.
template <class M>
Tensor step_of(const char* name, const M& m, const Tensor& x) {
  if (x.dim() != 2 || x.shape()[1] != m.in)
    fail("{}: the input is {}; give [n, {}]", name, ebb::describe(x), m.in);
  return unsqueeze(x, 0);
}

// The state of a cell before the step x, 0 if it is not given.
template <class M>
Tensor state_of(const char* name, const M& m, const Tensor& step, const Tensor& state) {
  const Shape shape{step.shape()[1], m.hidden};
  if (!state.defined()) return zeros(shape, {.dtype = step.dtype()});
  if (state.shape() != shape) fail("{}: the state is {}; give {}", name, state.shape(), shape);
  return state;
}

}  // namespace

LSTMResult LSTM::operator()(const Tensor& x, const LSTMState& first, const Tensor& lengths) const {
  const Sequences sequences("LSTM", *this, x, lengths);
  States h("h", first.h, std::ssize(layers.each), proj_size > 0 ? proj_size : hidden, sequences);
  States c("c", first.c, std::ssize(layers.each), hidden, sequences);
  const Tensor output = run_layers(*this, sequences, [&](const Tensor& input, std::size_t i, bool reverse) {
    std::array<Tensor, 2> state{h.first(i), c.first(i)};
    const Tensor y = sequences.run(input, state, reverse, [&](const Tensor& part, const auto& states) {
      return lstm(part, states[0], states[1], layers.each[i], reverse);
    });
    h.add_last(state[0]);
    c.add_last(state[1]);
    return y;
  });
  return {output, {h.last(), c.last()}};
}

RecurrentResult GRU::operator()(const Tensor& x, const Tensor& first, const Tensor& lengths) const {
  return run_with_h("GRU", *this, x, first, lengths, gru);
}

RecurrentResult RNN::operator()(const Tensor& x, const Tensor& first, const Tensor& lengths) const {
  return run_with_h("RNN", *this, x, first, lengths,
                    [&](const Tensor& input, const Tensor& h0, const RecurrentWeights& w, bool reverse) {
                      return rnn(input, h0, w, nonlinearity, reverse);
                    });
}

LSTMState LSTMCell::operator()(const Tensor& x, const LSTMState& state) const {
  const Tensor step = step_of("LSTMCell", *this, x);
  const Tensor h = state_of("LSTMCell", *this, step, state.h), c = state_of("LSTMCell", *this, step, state.c);
  const auto [y, h_n, c_n] = lstm(step, h, c, weights);
  return {h_n, c_n};
}

Tensor GRUCell::operator()(const Tensor& x, const Tensor& state) const {
  const Tensor step = step_of("GRUCell", *this, x);
  return gru(step, state_of("GRUCell", *this, step, state), weights)[1];
}

Tensor RNNCell::operator()(const Tensor& x, const Tensor& state) const {
  const Tensor step = step_of("RNNCell", *this, x);
  return rnn(step, state_of("RNNCell", *this, step, state), weights, nonlinearity)[1];
}

}  // namespace ebb::nn
