#include "nn/recurrent.h"

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "nn/checks.h"

namespace ebb::nn {
namespace detail {

RecurrentParameters recurrent_parameters(const char* layer, std::int64_t gates, std::int64_t in,
                                         std::int64_t hidden, bool with_bias) {
  check_positive(layer, "in", in);
  check_positive(layer, "hidden", hidden);
  const std::int64_t rows = gates * hidden;
  const auto bias = [&] { return with_bias ? uniform_weight({rows}, hidden) : Tensor(); };
  return {uniform_weight({rows, in}, hidden), uniform_weight({rows, hidden}, hidden), bias(), bias()};
}

RecurrentStack recurrent_stack(const char* layer, std::int64_t gates, std::int64_t in, std::int64_t hidden,
                               std::int64_t num_layers, bool with_bias, bool bidirectional) {
  check_positive(layer, "num_layers", num_layers);
  const std::int64_t directions = bidirectional ? 2 : 1;
  RecurrentStack stack{bidirectional, {}};
  for (std::int64_t i = 0; i < num_layers * directions; ++i)
    stack.each.push_back(
        recurrent_parameters(layer, gates, i < directions ? in : directions * hidden, hidden, with_bias));
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
  }
}

namespace {

// The states of all layers, before and after: given, or 0.
class States {
 public:
  States(const char* layer, const char* name, const Tensor& given, std::int64_t count, const Tensor& x,
         std::int64_t hidden, bool batched)
      : given_(given), batched_(batched) {
    const std::int64_t n = x.shape()[1];
    if (!given.defined()) {
      zero_ = zeros({n, hidden}, {.dtype = x.dtype()});
      return;
    }
    const Shape shape = batched ? Shape{count, n, hidden} : Shape{count, hidden};
    if (given.shape() != shape) fail("{}: the first {} is {}; give {}", layer, name, given.shape(), shape);
  }

  Tensor first(std::size_t i) const {
    if (!given_.defined()) return zero_;
    const Tensor state = select(given_, 0, static_cast<std::int64_t>(i));
    return batched_ ? state : unsqueeze(state, 0);
  }
  void add_last(const Tensor& state) {
    const Tensor one = batched_ ? unsqueeze(state, 0) : state;
    last_ = last_.defined() ? cat({last_, one}) : one;
  }
  const Tensor& last() const { return last_; }

 private:
  Tensor given_, zero_, last_;
  bool batched_;
};

// The input of a layer `m` as [t, n, in].
template <class M>
Tensor sequence_of(const char* name, const M& m, const Tensor& x) {
  const int rank = x.dim();
  if ((rank != 2 && rank != 3) || x.shape()[rank - 1] != m.in)
    fail("{}: the input is {}; give [{}, {}], or [t, {}]", name, ebb::describe(x), m.batch_first ? "n, t" : "t, n",
         m.in, m.in);
  if (rank == 2) return unsqueeze(x, 1);
  return m.batch_first ? transpose(x, 0, 1) : x;
}

// Runs all layers; run(x, i, reverse) runs number i of m.layers and returns its h at all times.
template <class M, class Run>
Tensor run_layers(const M& m, Tensor x, bool batched, Run&& run) {
  const std::size_t count = m.layers.each.size(), directions = m.bidirectional ? 2 : 1;
  for (std::size_t i = 0; i < count; i += directions) {
    if (i > 0) x = dropout(x, m.dropout, m.mode.training);
    const Tensor forward = run(x, i, false);
    x = m.bidirectional ? cat({forward, run(x, i + 1, true)}, 2) : forward;
  }
  if (!batched) return squeeze(x, 1);
  return m.batch_first ? transpose(x, 0, 1) : x;
}

// For layers whose state is h: step(x, h0, weights, reverse) → y, h.
template <class M, class Step>
RecurrentResult run_with_h(const char* name, const M& m, const Tensor& x, const Tensor& first, Step&& step) {
  const bool batched = x.dim() == 3;
  const Tensor sequence = sequence_of(name, m, x);
  States h(name, "h", first, std::ssize(m.layers.each), sequence, m.hidden, batched);
  const Tensor output = run_layers(m, sequence, batched, [&](const Tensor& input, std::size_t i, bool reverse) {
    const auto [y, h_n] = step(input, h.first(i), m.layers.each[i], reverse);
    h.add_last(h_n);
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

LSTMResult LSTM::operator()(const Tensor& x, const LSTMState& first) const {
  const bool batched = x.dim() == 3;
  const Tensor sequence = sequence_of("LSTM", *this, x);
  States h("LSTM", "h", first.h, std::ssize(layers.each), sequence, hidden, batched);
  States c("LSTM", "c", first.c, std::ssize(layers.each), sequence, hidden, batched);
  const Tensor output =
      run_layers(*this, sequence, batched, [&](const Tensor& input, std::size_t i, bool reverse) {
        const auto [y, h_n, c_n] = lstm(input, h.first(i), c.first(i), layers.each[i], reverse);
        h.add_last(h_n);
        c.add_last(c_n);
        return y;
      });
  return {output, {h.last(), c.last()}};
}

RecurrentResult GRU::operator()(const Tensor& x, const Tensor& first) const {
  return run_with_h("GRU", *this, x, first, gru);
}

RecurrentResult RNN::operator()(const Tensor& x, const Tensor& first) const {
  return run_with_h("RNN", *this, x, first,
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
