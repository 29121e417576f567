// Recurrent layers: the operations at many sizes, and the modules.
#include "nn/recurrent.h"

#include <doctest/doctest.h>

#include <cmath>

#include "autograd/ops/recurrent.h"
#include "nn/module.h"
#include "tests/certify.h"
#include "tests/every_target.h"
#include "tests/expect_error.h"

using namespace ebb;
using namespace ebb::test;

namespace {

struct Sizes {
  std::int64_t t, n, in, h;
};

// The operation and its reference, forward and backward.
template <class Op>
void check_size(Generator& random, const Op& op, int states, const Sizes& size, Dtype dtype, double tolerance) {
  const auto drawn = [&](const Shape& shape) { return ops::draw(random, shape, -0.5, 0.5).to(dtype); };
  const std::int64_t width = kernels::gates_of(op.cell()) * size.h;
  Tensors inputs{drawn({size.t, size.n, size.in})};
  for (int i = 0; i < states; ++i) inputs.push_back(drawn({size.n, size.h}));
  for (const Shape& shape : {Shape{width, size.in}, Shape{width, size.h}, Shape{width}, Shape{width}})
    inputs.push_back(drawn(shape));
  const TensorFunction fused = [&](const Tensors& x) { return run_op(op, x); };
  const TensorFunction reference = [&](const Tensors& x) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      const auto y = op.reference(x[I]...);
      Tensors outputs(y.begin(), y.end());
      for (std::size_t j = detail::differentiable_outputs_of<Op>(); j < y.size(); ++j) outputs[j] = y[j].detach();
      return outputs;
    }
    (std::make_index_sequence<detail::arity<Op>()>());
  };
  const Case c{std::string(Op::name), fused, inputs, ""};
  const Result expected = evaluate(reference, c, c.inputs);
  with_every_target([&] {
    Result got = evaluate(fused, c, c.inputs);
    got.made_by = expected.made_by;
    check_same(got, expected, tolerance, std::string(Op::name));
  });
}

// PyTorch's numbers for the same: parameter after parameter is sin(k) / 2, k = 1, 2, ….
void set_parameters(const auto& net) {
  double k = 1;
  for (const auto& p : parameters(net)) {
    const NoGrad off;
    const auto next = k + static_cast<double>(p.numel());
    p.copy_(reshape(sin(arange(k, next, 1, {.dtype = float64})) * 0.5, Dims(p.shape())));
    k = next;
  }
}

std::vector<std::string> names(const auto& net) {
  std::vector<std::string> found;
  for (const auto& [name, tensor] : state(net)) found.push_back(name);
  return found;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("layers of many sizes equal their references on every instruction set") {
  Generator random{1};
  const auto check = [&](const Sizes& size, Dtype dtype, double tolerance) {
    CAPTURE(size.t);
    CAPTURE(size.n);
    CAPTURE(size.h);
    for (const bool reverse : {false, true}) {
      check_size(random, ops::Lstm{reverse}, 2, size, dtype, tolerance);
      check_size(random, ops::Gru{reverse}, 1, size, dtype, tolerance);
      check_size(random, ops::Rnn{RnnNonlinearity::tanh, reverse}, 1, size, dtype, tolerance);
      check_size(random, ops::Rnn{RnnNonlinearity::relu, reverse}, 1, size, dtype, tolerance);
    }
  };
  for (const Sizes& size : {Sizes{1, 1, 1, 1}, Sizes{1, 3, 2, 5}, Sizes{4, 2, 3, 7}, Sizes{3, 9, 5, 16},
                            Sizes{2, 17, 4, 33}, Sizes{6, 20, 0, 8}}) {
    check(size, float64, 1e-13);
    check(size, float32, 1e-5);
  }
  check({2, 9, 3, 256}, float32, 1e-5);
}

TEST_CASE("LSTM of two layers from both ends: PyTorch's names, output and gradients") {
  nn::LSTM net{.in = 2, .hidden = 3, .num_layers = 2, .batch_first = true, .bidirectional = true};
  to(net, float64);
  CHECK(names(net) == Names{"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_ih_l0_reverse",
                            "weight_hh_l0_reverse", "bias_ih_l0_reverse", "bias_hh_l0_reverse", "weight_ih_l1",
                            "weight_hh_l1", "bias_ih_l1", "bias_hh_l1", "weight_ih_l1_reverse",
                            "weight_hh_l1_reverse", "bias_ih_l1_reverse", "bias_hh_l1_reverse"});
  set_parameters(net);
  const Tensor x = usual_cotangent(zeros({2, 3, 2}, {.dtype = float64})).set_requires_grad();
  const auto [y, last] = net(x);
  const Tensor weights = reshape(sin(arange(1, 37, 1, {.dtype = float64})), Dims(y.shape()));
  const Tensor loss = sum(y * weights) + sum(last.h) - 2 * sum(square(last.c));
  test::check_close(reshape(loss, {1}), {-13.611445670924477}, "loss");
  test::check_close(narrow(flatten(y), 0, 0, 6),
                    {0.07246056210654966, 0.18695917881737947, 0.15605784383194046, 0.18250847763723932,
                     0.2714883508960385, 0.18608997777185368},
                    "output");
  loss.backward({.expect = named_parameters(net)});
  test::check_close(x.grad(),
                    {0.5143310140095333, -0.06069706420887083, -0.33121759793914957, -0.10468064887184442,
                     0.2336446940509114, 0.8289915481296624, 0.4359639681682394, 0.028261522829354027,
                     -0.35802625968680846, -0.14755912344687291, 0.09086186203949198, 0.6926473758855367},
                    "gradient of x");
  std::vector<double> sums;  // of each parameter's gradient times cos(k + 1)
  for (const auto& p : parameters(net)) sums.push_back(sum(p.grad() * usual_cotangent(p)).item());
  test::check_close(tensor(sums, {.dtype = float64}),
                    {0.5067752039351224, -0.5016746802397918, 1.505371806261709, 1.505371806261709,
                     1.6596202602705898, 0.1671202826247176, 0.8491006794342882, 0.8491006794342886,
                     2.6143047979124248, 0.0513866652467741, 1.9620253210500167, 1.9620253210500167,
                     5.122471916674977, -0.020029878865648304, 1.1239151485022938, 1.1239151485022933},
                    "gradients of parameters");
}

TEST_CASE("parameters: shapes, names without biases, first values") {
  const nn::GRU gru{.in = 5, .hidden = 4, .num_layers = 2, .with_bias = false};
  CHECK(names(gru) == Names{"weight_ih_l0", "weight_hh_l0", "weight_ih_l1", "weight_hh_l1"});
  CHECK(gru.layers.each[0].weight_ih.shape() == Shape{12, 5});
  CHECK(gru.layers.each[1].weight_ih.shape() == Shape{12, 4});
  CHECK(gru.layers.each[1].weight_hh.shape() == Shape{12, 4});
  const nn::LSTM wide{.in = 5, .hidden = 4, .num_layers = 2, .bidirectional = true};
  CHECK(wide.layers.each[2].weight_ih.shape() == Shape{16, 8});
  CHECK(wide.layers.each[2].bias_hh.shape() == Shape{16});
  CHECK(names(nn::RNNCell{2, 3}) == Names{"weight_ih", "weight_hh", "bias_ih", "bias_hh"});

  const nn::LSTM lstm{64, 100};
  for (const auto& p : parameters(lstm)) {
    CHECK(amax(abs(p)).item<float>() <= 0.1F);
    CHECK(amax(abs(p)).item<float>() > 0.098F);
    CHECK(amin(p).item<float>() < -0.09F);
  }
}

TEST_CASE("shapes of outputs and states") {
  const nn::LSTM net{.in = 3, .hidden = 4, .num_layers = 2, .bidirectional = true};
  const auto [y, state] = net(zeros({5, 2, 3}));
  CHECK(y.shape() == Shape{5, 2, 8});
  CHECK(state.h.shape() == Shape{4, 2, 4});
  CHECK(state.c.shape() == Shape{4, 2, 4});
  const auto single = net(zeros({5, 3}));
  CHECK(single.output.shape() == Shape{5, 8});
  CHECK(single.state.c.shape() == Shape{4, 4});
  CHECK(nn::GRU{.in = 3, .hidden = 4, .batch_first = true}(zeros({2, 5, 3})).output.shape() == Shape{2, 5, 4});
  CHECK(net(zeros({5, 0, 3})).output.shape() == Shape{5, 0, 8});
}

TEST_CASE("a cell does one step of its layer") {
  manual_seed(3);
  const Tensor x = randn({4, 2, 3});
  const auto check = [&](const auto& layer, auto cell, const auto& h_of) {
    cell.weights = layer.layers.each[0];
    auto state = cell(select(x, 0, 0));
    for (std::int64_t t = 1; t < 4; ++t) state = cell(select(x, 0, t), state);
    check_same({h_of(state)}, {select(layer(x).output, 0, 3)}, 1e-6, "cell");
  };
  const auto same = [](const Tensor& h) { return h; };
  check(nn::LSTM{3, 5}, nn::LSTMCell{3, 5}, [](const nn::LSTMState& state) { return state.h; });
  check(nn::GRU{3, 5}, nn::GRUCell{3, 5}, same);
  check(nn::RNN{3, 5}, nn::RNNCell{3, 5}, same);
  check(nn::RNN{.in = 3, .hidden = 5, .nonlinearity = RnnNonlinearity::relu},
        nn::RNNCell{.in = 3, .hidden = 5, .nonlinearity = RnnNonlinearity::relu}, same);
}

TEST_CASE("dropout is between layers, while training") {
  const Tensor x = randn({3, 2, 4}), other = randn({3, 2, 4});
  const auto depends_on_input = [&](const nn::LSTM& net) { return !same(net(x).output, net(other).output, 0); };
  nn::LSTM two{.in = 4, .hidden = 5, .num_layers = 2, .dropout = 1};
  CHECK_FALSE(depends_on_input(two));
  eval(two);
  CHECK(depends_on_input(two));
  CHECK(depends_on_input({.in = 4, .hidden = 5, .dropout = 1}));
}

TEST_CASE("clones have weights of their own, and states load") {
  const nn::GRU net{.in = 2, .hidden = 3, .num_layers = 2};
  nn::GRU copy = clone(net), fresh{.in = 2, .hidden = 3, .num_layers = 2};
  const Tensor x = randn({4, 1, 2}), expected = net(x).output;
  CHECK(same(copy(x).output, expected, 0));
  {
    const NoGrad off;
    copy.layers.each[1].bias_hh.fill_(1);
  }
  CHECK_FALSE(same(copy(x).output, expected, 0));
  CHECK(same(net(x).output, expected, 0));
  load_state(fresh, state(net));
  CHECK(same(fresh(x).output, expected, 0));
}

TEST_CASE("what does not fit is refused") {
  const Tensor x = zeros({5, 2, 3}), state = zeros({2, 4}), w_ih = zeros({16, 3}), w_hh = zeros({16, 4});
  CHECK_ERROR(lstm(zeros({5, 3}), state, state, {w_ih, w_hh}),
              "lstm: the input is float32 [5, 3]; it must be [t, n, in], of one time step or more");
  CHECK_ERROR(lstm(zeros({0, 2, 3}), state, state, {w_ih, w_hh}),
              "lstm: the input is float32 [0, 2, 3]; it must be [t, n, in], of one time step or more");
  CHECK_ERROR(lstm(zeros({5, 2, 3}, {.dtype = int64}), state, state, {w_ih, w_hh}),
              "lstm: the input is int64 [5, 2, 3]; it must be float32 or float64, convert it by to(float32)");
  CHECK_ERROR(gru(x, state, {w_ih, w_hh}), "gru: weight_hh is [16, 4]; it must be [3 h, h] for states of size h");
  CHECK_ERROR(lstm(x, state, state, {zeros({16, 2}), w_hh}), "lstm: the weight_ih is [16, 2]; it must be [16, 3]");
  CHECK_ERROR(lstm(x, state, state, {w_ih, w_hh, zeros({4})}), "lstm: the bias_ih is [4]; it must be [16]");
  CHECK_ERROR(lstm(x, zeros({4}), state, {w_ih, w_hh}), "lstm: the first h is [4]; it must be [2, 4]");
  CHECK_ERROR(lstm(x, state, zeros({1, 4}), {w_ih, w_hh}), "lstm: the first c is [1, 4]; it must be [2, 4]");
  CHECK_ERROR(lstm(x, state, state.to(float64), {w_ih, w_hh}),
              "lstm: dtypes differ, float32 [5, 2, 3] and float64 [2, 4]; convert one by to(float32)");

  CHECK_ERROR((nn::LSTM{.in = 3, .hidden = 0}), "LSTM: hidden is 0; it must be positive");
  CHECK_ERROR((nn::RNN{.in = 3, .hidden = 4, .num_layers = 0}), "RNN: num_layers is 0; it must be positive");
  CHECK_ERROR((nn::GRUCell{.in = -1, .hidden = 4}), "GRUCell: in is -1; it must be positive");
  const nn::LSTM net{.in = 3, .hidden = 4, .batch_first = true};
  CHECK_ERROR(net(zeros({2, 5, 4})), "LSTM: the input is float32 [2, 5, 4]; give [n, t, 3], or [t, 3]");
  CHECK_ERROR(net(x, {state, state}), "LSTM: the first h is [2, 4]; give [1, 5, 4]");
  CHECK_ERROR((nn::GRUCell{3, 4}(x)), "GRUCell: the input is float32 [5, 2, 3]; give [n, 3]");
  CHECK_ERROR((nn::GRUCell{3, 4}(zeros({2, 3}), zeros({4}))), "GRUCell: the state is [4]; give [2, 4]");
}
