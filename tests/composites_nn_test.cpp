// Certifies public functions that are more than one operation: products, convolution, pooling, normalisation,
// recurrent layers, attention. And the bits of large problems on any number of threads.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/ops/all.h"
#include "nn/recurrent.h"
#include "tests/composites.h"

using namespace ebb;
using namespace ebb::test;
using ops::draw;
using ops::draw_distinct;
using ops::draw_index;

namespace {

std::vector<Case> products() {
  const std::pair<Shape, Shape> shapes[] = {{{4}, {4}},
                                            {{3, 4}, {4}},
                                            {{4}, {4, 3}},
                                            {{2, 3}, {3, 4}},
                                            {{2, 3, 4}, {4, 2}},
                                            {{3, 4}, {2, 4, 3}},
                                            {{2, 3, 4}, {4}},
                                            {{4}, {2, 4, 3}},
                                            {{2, 3, 4}, {2, 4, 2}},
                                            {{2, 1, 3, 4}, {3, 4, 2}},
                                            {{0, 3}, {3, 2}},
                                            {{2, 0}, {0, 3}},
                                            {{2, 0, 3}, {3, 2}},
                                            {{1, 1}, {1, 1}}};
  Generator random{11};
  std::vector<Case> cases;
  for (const auto& [a, b] : shapes)
    cases.push_back({"matmul " + to_string(a) + " " + to_string(b),
                     F(matmul(x[0], x[1])),
                     {draw(random, a), draw(random, b)},
                     "torch.matmul(x[0], x[1])"});
  for (const auto& shape : {Shape{4}, Shape{2, 3, 4}, Shape{0, 3, 4}}) {
    cases.push_back({"linear " + to_string(shape),
                     F(linear(x[0], x[1], x[2])),
                     {draw(random, shape), draw(random, {2, 4}), draw(random, {2})},
                     "torch.nn.functional.linear(*x)"});
    cases.push_back({"linear without bias " + to_string(shape),
                     F(linear(x[0], x[1])),
                     {draw(random, shape), draw(random, {2, 4})},
                     "torch.nn.functional.linear(*x)"});
  }
  return cases;
}

std::vector<Case> images() {
  Generator random{12};
  const auto image = [&] { return draw_distinct(random, {2, 2, 5, 4}); };
  return {
      {"conv2d",
       F(conv2d(x[0], x[1], x[2], {.stride = 2, .padding = {1, 2}})),
       {image(), draw(random, {3, 2, 3, 2}), draw(random, {3})},
       "torch.nn.functional.conv2d(*x, stride=2, padding=(1, 2))"},
      {"conv2d without bias",
       F(conv2d(x[0], x[1], {}, {.groups = 2})),
       {image(), draw(random, {4, 1, 2, 2})},
       "torch.nn.functional.conv2d(x[0], x[1], groups=2)"},
      {"conv2d 1x1",
       F(conv2d(x[0], x[1], x[2])),
       {image(), draw(random, {3, 2, 1, 1}), draw(random, {3})},
       "torch.nn.functional.conv2d(*x)"},
      {"max_pool2d", F(max_pool2d(x[0], 2)), {image()}, "torch.nn.functional.max_pool2d(x[0], 2)"},
      {"max_pool2d, dilated",
       F(max_pool2d(x[0], {2, 3}, {.stride = 1, .padding = 1, .dilation = {2, 1}})),
       {image()},
       "torch.nn.functional.max_pool2d(x[0], (2, 3), 1, 1, dilation=(2, 1))"},
      {"avg_pool2d",
       F(avg_pool2d(x[0], {3, 2}, {.stride = Size2(1, 2), .padding = 1, .count_include_pad = false})),
       {image()},
       "torch.nn.functional.avg_pool2d(x[0], (3, 2), (1, 2), 1, count_include_pad=False)"},
      {"avg_pool2d, ceil_mode",
       F(avg_pool2d(x[0], 2, {.stride = 3, .padding = 1, .ceil_mode = true})),
       {image()},
       "torch.nn.functional.avg_pool2d(x[0], 2, 3, 1, ceil_mode=True)"},
      {"adaptive_avg_pool2d",
       F(adaptive_avg_pool2d(x[0], {2, 3})),
       {image()},
       "torch.nn.functional.adaptive_avg_pool2d(x[0], (2, 3))"},
  };
}

std::vector<Case> norms() {
  Generator random{13};
  const auto in = [&](const Shape& shape) { return draw(random, shape); };
  const auto variance = [&] { return draw(random, {3}, 0.5, 2); };
  const TensorFunction training = [](const Tensors& x) {
    const Tensor m = x[3].detach().clone(), v = x[4].detach().clone();
    return Tensors{batch_norm(x[0], m, v, x[1], x[2], true, 0.3), m, v};
  };
  const std::string training_torch =
      "(lambda m, v: (torch.nn.functional.batch_norm(x[0], m, v, x[1], x[2], True, 0.3), m, v))"
      "(x[3].detach().clone(), x[4].detach().clone())";
  return {
      {"layer_norm",
       F(layer_norm(x[0], {4}, x[1], x[2])),
       {in({2, 3, 4}), in({4}), in({4})},
       "torch.nn.functional.layer_norm(x[0], (4,), x[1], x[2])"},
      {"layer_norm over two",
       F(layer_norm(x[0], {3, 2}, x[1], x[2], 1e-3)),
       {in({2, 3, 2}), in({3, 2}), in({3, 2})},
       "torch.nn.functional.layer_norm(x[0], (3, 2), x[1], x[2], 1e-3)"},
      {"layer_norm without bias",
       F(layer_norm(x[0], {3}, x[1])),
       {in({2, 3}), in({3})},
       "torch.nn.functional.layer_norm(x[0], (3,), x[1])"},
      {"layer_norm, plain", F(layer_norm(x[0], {3})), {in({3})}, "torch.nn.functional.layer_norm(x[0], (3,))"},
      {"batch_norm, training",
       training,
       {in({5, 3}), in({3}), in({3}), in({3}), variance()},
       training_torch,
       7,
       1},
      {"batch_norm of images, training",
       training,
       {in({2, 3, 2, 2}), in({3}), in({3}), in({3}), variance()},
       training_torch,
       7,
       1},
      {"batch_norm, plain training",
       F(batch_norm(x[0], {}, {}, {}, {}, true)),
       {in({4, 3, 2})},
       "torch.nn.functional.batch_norm(x[0], None, None, None, None, True)"},
      {"batch_norm, evaluation",
       F(batch_norm(x[0], x[3], x[4], x[1], x[2])),
       {in({2, 3, 2, 2}), in({3}), in({3}), in({3}), variance()},
       "torch.nn.functional.batch_norm(x[0], x[3], x[4], x[1], x[2])",
       7},
      {"batch_norm, plain evaluation",
       F(batch_norm(x[0], x[1], x[2])),
       {in({5, 3}), in({3}), variance()},
       "torch.nn.functional.batch_norm(x[0], x[1], x[2])",
       1},
  };
}

// A module with the weights x[first], x[first + 1], …
std::size_t set_weights(nn::RecurrentParameters& weights, const Tensors& x, std::size_t first) {
  for (auto* weight : {&weights.weight_ih, &weights.weight_hh, &weights.bias_ih, &weights.bias_hh})
    if (weight->defined()) *weight = x[first++];
  return first;
}
template <class Net>
Net with_weights(Net net, const Tensors& x, std::size_t first) {
  if constexpr (requires { net.layers; }) {
    for (auto& layer : net.layers.each) first = set_weights(layer, x, first);
  } else {
    set_weights(net.weights, x, first);
  }
  return net;
}

// Modules are differentiated in their inputs: their parameters are leaves of their own.
std::vector<Case> recurrent() {
  Generator random{17};
  const auto drawn = [&](const std::vector<Shape>& shapes) {
    Tensors x;
    for (const auto& shape : shapes) x.push_back(draw(random, shape, -1, 1));
    return x;
  };
  const Shape b{12};
  return {
      {.name = "LSTM, two layers from both ends, batch first",
       .f =
           [](const Tensors& x) {
             const nn::LSTM net{.in = 2, .hidden = 3, .num_layers = 2, .batch_first = true, .bidirectional = true};
             const auto [y, state] = with_weights(net, x, 3)(x[0], {x[1], x[2]});
             return Tensors{y, state.h, state.c};
           },
       .inputs = drawn({{2, 3, 2},
                        {4, 2, 3},
                        {4, 2, 3},
                        {12, 2},
                        {12, 3},
                        b,
                        b,
                        {12, 2},
                        {12, 3},
                        b,
                        b,
                        {12, 6},
                        {12, 3},
                        b,
                        b,
                        {12, 6},
                        {12, 3},
                        b,
                        b}),
       .torch = "torch.lstm(x[0], (x[1], x[2]), x[3:], True, 2, 0.0, False, True, True)",
       .differentiable = 0b111},
      {.name = "GRU, two layers, without batch and biases",
       .f =
           [](const Tensors& x) {
             const nn::GRU net{.in = 2, .hidden = 3, .num_layers = 2, .with_bias = false};
             const auto [y, h] = with_weights(net, x, 2)(x[0], x[1]);
             return Tensors{y, h};
           },
       .inputs = drawn({{4, 2}, {2, 3}, {9, 2}, {9, 3}, {9, 3}, {9, 3}}),
       .torch = "[v[:, 0] for v in torch.gru(x[0][:, None], x[1][:, None], x[2:], False, 2, 0.0, False, False, "
                "False)]",
       .differentiable = 0b11},
      {.name = "RNN from both ends, from 0 on",
       .f =
           [](const Tensors& x) {
             const auto [y, h] = with_weights(nn::RNN{.in = 2, .hidden = 3, .bidirectional = true}, x, 1)(x[0]);
             return Tensors{y, h};
           },
       .inputs = drawn({{3, 2, 2}, {3, 2}, {3, 3}, {3}, {3}, {3, 2}, {3, 3}, {3}, {3}}),
       .torch = "torch.rnn_tanh(x[0], x[0].new_zeros(2, 2, 3), x[1:], True, 1, 0.0, False, True, False)",
       .differentiable = 0b1},
      {.name = "LSTMCell",
       .f =
           [](const Tensors& x) {
             const auto [h, c] = with_weights(nn::LSTMCell{2, 3}, x, 3)(x[0], {x[1], x[2]});
             return Tensors{h, c};
           },
       .inputs = drawn({{2, 2}, {2, 3}, {2, 3}, {12, 2}, {12, 3}, b, b}),
       .torch = "torch.lstm_cell(x[0], (x[1], x[2]), *x[3:])",
       .differentiable = 0b111},
      {.name = "GRUCell",
       .f = F(with_weights(nn::GRUCell{2, 3}, x, 2)(x[0], x[1])),
       .inputs = drawn({{2, 2}, {2, 3}, {9, 2}, {9, 3}, {9}, {9}}),
       .torch = "torch.gru_cell(x[0], x[1], *x[2:])",
       .differentiable = 0b11},
      {.name = "RNNCell",
       .f = F(with_weights(nn::RNNCell{2, 3}, x, 2)(x[0], x[1])),
       .inputs = drawn({{2, 2}, {2, 3}, {3, 2}, {3, 3}, {3}, {3}}),
       .torch = "torch.rnn_tanh_cell(x[0], x[1], *x[2:])",
       .differentiable = 0b11},
  };
}

// Large enough that several threads work on each; float32.
std::vector<Case> large() {
  Generator random{16};
  const auto in = [&](const Shape& shape) { return randn(shape, {.generator = &random}); };
  const auto index = [&](std::int64_t n, const Shape& shape) { return draw_index(random, n, shape); };
  return {
      {"matmul", F(matmul(x[0], x[1])), {in({130, 257}), in({257, 140})}, ""},
      {"matmul in batches", F(matmul(x[0], x[1])), {in({9, 40, 50}), in({9, 50, 30})}, ""},
      {"linear", F(linear(x[0], x[1], x[2])), {in({65, 200}), in({150, 200}), in({150})}, ""},
      {"conv2d", F(conv2d(x[0], x[1], x[2], {.padding = 1})), {in({3, 5, 20, 21}), in({9, 5, 3, 3}), in({9})}, ""},
      {"conv2d, deep", F(conv2d(x[0], x[1], x[2])), {in({2, 32, 10, 10}), in({24, 32, 3, 3}), in({24})}, ""},
      {"max_pool2d", F(max_pool2d(x[0], 3, {.stride = 2, .padding = 1})), {in({4, 8, 40, 40})}, ""},
      {"avg_pool2d", F(avg_pool2d(x[0], 3, {.stride = 2, .padding = 1})), {in({4, 8, 40, 40})}, ""},
      {"adaptive_avg_pool2d", F(adaptive_avg_pool2d(x[0], 7)), {in({4, 8, 40, 40})}, ""},
      {"sum", F(sum(x[0])), {in({300, 301})}, ""},
      {"sum 0", F(sum(x[0], {0})), {in({300, 301})}, ""},
      {"sum 1", F(sum(x[0], {1})), {in({300, 301})}, ""},
      {"var 0 2", F(var(x[0], {0, 2})), {in({40, 10, 200})}, ""},
      {"amax 1", F(amax(x[0], {1})), {in({300, 301})}, ""},
      {"logsumexp 0", F(logsumexp(x[0], {0})), {in({300, 301})}, ""},
      {"softmax 1", F(softmax(x[0], 1)), {in({300, 301})}, ""},
      {"log_softmax 0", F(log_softmax(x[0], 0)), {in({300, 301})}, ""},
      {"layer_norm", F(layer_norm(x[0], {301}, x[1], x[2])), {in({300, 301}), in({301}), in({301})}, ""},
      {"batch_norm",
       F(batch_norm(x[0], {}, {}, x[1], x[2], true)),
       {in({30, 10, 16, 16}), in({10}), in({10})},
       ""},
      {"cross_entropy", F(cross_entropy(x[0], x[1])), {in({500, 100}), index(100, {500})}, ""},
      {"lstm",
       F(lstm(x[0], x[1], x[2], {x[3], x[4], x[5], x[6]})[0]),
       {in({9, 37, 20}), in({37, 30}), in({37, 30}), in({120, 20}), in({120, 30}), in({120}), in({120})},
       ""},
      {"lstm of many weights",
       F(lstm(x[0], x[1], x[2], {x[3], x[4]})[0]),
       {in({3, 20, 10}), in({20, 200}), in({20, 200}), in({800, 10}), in({800, 200}) * 0.1},
       ""},
      {"gru",
       F(gru(x[0], x[1], {x[2], x[3]}, true)[0]),
       {in({9, 37, 20}), in({37, 30}), in({90, 20}), in({90, 30})},
       ""},
      {"rnn",
       F(rnn(x[0], x[1], {x[2], x[3]}, RnnNonlinearity::relu)[0]),
       {in({5, 80, 30}), in({80, 40}), in({40, 30}) * 0.1, in({40, 40}) * 0.1},
       ""},
      {"embedding", F(embedding(x[0], x[1])), {index(50, {3000}), in({50, 40})}, ""},
      {"gather", F(gather(x[0], 1, x[1])), {in({300, 100}), index(100, {300, 200})}, ""},
      {"broadcast", F(x[0] * x[1] + x[2]), {in({200, 1, 20}), in({30, 1}), in({20})}, ""},
      {"a transposed copy", F(transpose(x[0], 0, 2).contiguous()), {in({40, 50, 60})}, ""},
      {"cat", F(cat({x[0], x[1]}, 1)), {in({100, 200}), in({100, 300})}, ""},
      {"dropout", F(ebb::apply(ops::Dropout{0.3, 5, 8}, x[0])), {in({100'000})}, ""},
      {"attention",
       F(scaled_dot_product_attention(x[0], x[1], x[2])),
       {in({2, 3, 100, 32}), in({2, 3, 90, 32}), in({2, 3, 90, 16})},
       ""},
      {"attention, one head",
       F(scaled_dot_product_attention(x[0], x[1], x[2], {.is_causal = true})),
       {in({300, 32}), in({300, 32}), in({300, 16})},
       ""},
      {"argmax 0", F(argmax(x[0], 0)), {in({300, 301})}, ""},
  };
}

std::vector<Case> attentions() {
  Generator random{17};
  const auto in = [&](const Shape& shape) { return draw(random, shape); };
  const auto torch = [](const std::string& more) {
    return "torch.nn.functional.scaled_dot_product_attention(x[0], x[1], x[2]" + more + ")";
  };
  const Tensor some = tensor({{true, false, true}, {false, false, false}});  // row 1 sees nothing
  return {
      {"attention",
       F(scaled_dot_product_attention(x[0], x[1], x[2])),
       {in({2, 3}), in({4, 3}), in({4, 2})},
       torch("")},
      {"attention in batches, causal",
       F(scaled_dot_product_attention(x[0], x[1], x[2], {.is_causal = true})),
       {in({2, 4, 2}), in({2, 3, 2}), in({2, 3, 2})},
       torch(", is_causal=True")},
      {"attention with heads, a mask that is added",
       F(scaled_dot_product_attention(x[0], x[1], x[2], {.attn_mask = x[3], .scale = 0.3})),
       {in({2, 2, 3, 2}), in({2, 2, 2, 2}), in({2, 2, 2, 3}), in({2, 1, 1, 2})},
       torch(", x[3], scale=0.3")},
      {"attention, leading sizes broadcast",
       F(scaled_dot_product_attention(x[0], x[1], x[2])),
       {in({2, 1, 2, 3}), in({2, 3, 3}), in({1, 3, 2})},
       torch("")},
      {"attention of five dimensions",
       F(scaled_dot_product_attention(x[0], x[1], x[2], {.attn_mask = x[3]})),
       {in({2, 1, 2, 2, 3}), in({2, 1, 2, 3, 3}), in({2, 1, 2, 3, 2}), in({2, 3})},
       torch(", x[3]")},
      {"attention, a row masked out",
       [some](const Tensors& x) {
         return Tensors{scaled_dot_product_attention(x[0], x[1], x[2], {.attn_mask = some})};
       },
       {in({2, 2, 2}), in({2, 3, 2}), in({2, 3, 2})},
       torch(", torch.tensor([[True, False, True], [False, False, False]])")},
      {"attention to nothing",
       F(scaled_dot_product_attention(x[0], x[1], x[2])),
       {in({1, 2, 2, 3}), in({1, 2, 0, 3}), in({1, 2, 0, 2})},
       torch("")},
  };
}

}  // namespace

TEST_CASE("products") { certify_all(products()); }
TEST_CASE("images") { certify_all(images()); }
TEST_CASE("normalisation") { certify_all(norms()); }
TEST_CASE("recurrent modules") { certify_all(recurrent()); }

TEST_CASE("attention") { certify_all(attentions()); }

TEST_CASE("large problems have the same bits on any number of threads") {
  for (const auto& c : large()) {
    INFO(c.name);
    check_threads(c, c.inputs);
  }
}

// This program instantiates hardly one itself, and links the whole library.
TEST_CASE("every certified operation is one that the library applies") {
  std::vector<std::string_view> applied;
  for (const auto& info : registered_ops()) applied.push_back(info.name);
  const auto check = [&](std::string_view name) {
    CHECK_MESSAGE(std::find(applied.begin(), applied.end(), name) != applied.end(), name);
  };
  [&]<class... Op>(OpList<Op...>) { (check(Op::name), ...); }(ops::All());
}

TEST_CASE("write samples" * doctest::skip()) {
  write_samples(together({products(), images(), norms(), recurrent(), attentions()}));
}
