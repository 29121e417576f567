// The layers: what they compute, how they are made, what they refuse.
#include "nn/nn.h"

#include <doctest/doctest.h>

#include <cmath>

#include "autograd/create.h"
#include "autograd/node.h"

using namespace ebb;

namespace {

using Floats = std::vector<float>;

std::string error_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) { return error.what(); }
  return "no error";
}

void check_close(const Tensor& found, const std::vector<double>& expected) {
  const auto values = found.to_vector<double>();
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) CHECK(values[i] == doctest::Approx(expected[i]).epsilon(1e-5));
}

// 0, 1, 2, … in `shape`.
Tensor counting(const Shape& shape) {
  return reshape(arange(static_cast<double>(shape.numel()), {.dtype = float32}), Dims(shape));
}

// One number through a layer without weights.
double at(const auto& layer, double x) { return layer(full({1}, x, {.dtype = float64})).item(); }

}  // namespace

TEST_CASE("Linear") {
  const nn::Linear layer{.in = 2,
                         .out = 3,
                         .weight = tensor({{1.0, 2.0}, {3.0, 4.0}, {5.0, 6.0}}),
                         .bias = tensor({10.0, 20.0, 30.0})};
  check_close(layer(tensor({1.0, -1.0})), {9, 19, 29});
  CHECK(layer(zeros({4, 5, 2})).shape() == Shape{4, 5, 3});
  const nn::Linear plain{2, 3, false};
  CHECK_FALSE(plain.bias.defined());
  check_close(plain(zeros({2})), {0, 0, 0});
  CHECK(nn::Linear{400, 120}.weight.shape() == Shape{120, 400});
}

TEST_CASE("Conv2d") {
  const nn::Conv2d layer{.in = 1,
                         .out = 1,
                         .kernel = 2,
                         .stride = {1, 2},
                         .weight = tensor({{{{1.0, 2.0}, {3.0, 4.0}}}}),
                         .bias = tensor({0.5})};
  // Windows at columns 0 and 2 of [[0 1 2 3], [4 5 6 7], [8 9 10 11]].
  const Tensor y = layer(counting({1, 1, 3, 4}));
  CHECK(y.shape() == Shape{1, 1, 2, 2});
  check_close(y, {2 + 12 + 20 + 0.5, 2 + 6 + 18 + 28 + 0.5, 4 + 10 + 24 + 36 + 0.5, 6 + 14 + 30 + 44 + 0.5});

  const nn::Conv2d grouped{
      .in = 4, .out = 6, .kernel = {3, 5}, .padding = {1, 2}, .groups = 2, .with_bias = false};
  CHECK(grouped.weight.shape() == Shape{6, 2, 3, 5});
  CHECK_FALSE(grouped.bias.defined());
  CHECK(grouped(zeros({2, 4, 7, 8})).shape() == Shape{2, 6, 7, 8});
  CHECK(nn::Conv2d{.in = 1, .out = 1, .kernel = 3, .dilation = 2}(zeros({1, 1, 9, 9})).shape() ==
        Shape{1, 1, 5, 5});
}

TEST_CASE("pooling") {
  const Tensor x = counting({1, 1, 4, 4});
  check_close(nn::MaxPool2d{2}(x), {5, 7, 13, 15});
  check_close(nn::AvgPool2d{2}(x), {2.5, 4.5, 10.5, 12.5});
  check_close(nn::AdaptiveAvgPool2d{1}(x), {7.5});
  CHECK(nn::MaxPool2d{.kernel = 3, .stride = 2, .padding = 1}(x).shape() == Shape{1, 1, 2, 2});
  CHECK(nn::MaxPool2d{.kernel = 3, .stride = 2, .ceil_mode = true}(x).shape() == Shape{1, 1, 2, 2});
  CHECK(nn::MaxPool2d{.kernel = 2, .stride = 1, .dilation = 2}(x).shape() == Shape{1, 1, 2, 2});
  check_close(nn::AvgPool2d{.kernel = 2, .stride = 4, .padding = 1}(x), {0, 0.75, 3, 3.75});
  check_close(nn::AvgPool2d{.kernel = 2, .stride = 4, .padding = 1, .count_include_pad = false}(x),
              {0, 3, 12, 15});
}

TEST_CASE("BatchNorm2d, training: the batch's statistics; running ones follow") {
  const nn::BatchNorm2d norm{2};
  // Channel 0: 1 3 5 7, mean 4, variance 5 (unbiased 20/3). Channel 1: all 2.
  const Tensor x = reshape(tensor({1.0, 3.0, 2.0, 2.0, 5.0, 7.0, 2.0, 2.0}), {2, 2, 1, 2});
  const double s = 1 / std::sqrt(5 + 1e-5);
  check_close(norm(x), {-3 * s, -s, 0, 0, s, 3 * s, 0, 0});
  check_close(norm.running_mean, {0.4, 0.2});
  check_close(norm.running_var, {0.9 + 0.1 * 20 / 3, 0.9});
  CHECK(norm.num_batches_tracked.item<std::int64_t>() == 1);
  norm(x);
  check_close(norm.running_mean, {0.9 * 0.4 + 0.4, 0.9 * 0.2 + 0.2});
  check_close(norm.running_var, {0.9 * (0.9 + 2.0 / 3) + 2.0 / 3, 0.81});
  CHECK(norm.num_batches_tracked.item<std::int64_t>() == 2);
}

TEST_CASE("BatchNorm2d, evaluation: the running statistics, which stay") {
  nn::BatchNorm2d norm{.channels = 1,
                       .eps = 0,
                       .weight = tensor({2.0}),
                       .bias = tensor({1.0}),
                       .running_mean = tensor({3.0}),
                       .running_var = tensor({4.0})};
  eval(norm);
  check_close(norm(reshape(tensor({3.0, 5.0}), {2, 1, 1, 1})), {1, 3});
  check_close(norm.running_mean, {3});
  CHECK(norm.num_batches_tracked.item<std::int64_t>() == 0);
}

TEST_CASE("BatchNorm2d without running statistics uses the batch's, always") {
  nn::BatchNorm2d norm{.channels = 1, .affine = false, .track = false};
  eval(norm);
  CHECK(state(norm).empty());
  check_close(norm(reshape(tensor({1.0, 3.0}), {2, 1, 1, 1})), {-1, 1});
}

TEST_CASE("LayerNorm") {
  const nn::LayerNorm norm{{3}};
  const double s = std::sqrt(1.5);
  check_close(norm(tensor({{1.0, 2.0, 3.0}, {10.0, 20.0, 30.0}})), {-s, 0, s, -s, 0, s});
  const nn::LayerNorm wide{.shape = {2, 2}, .with_bias = false};
  CHECK(wide.weight.shape() == Shape{2, 2});
  CHECK_FALSE(wide.bias.defined());
  CHECK(wide(zeros({5, 2, 2})).shape() == Shape{5, 2, 2});
}

TEST_CASE("Embedding") {
  const nn::Embedding table{
      .count = 3, .size = 2, .padding = 1, .weight = tensor({{1.0, 2.0}, {3.0, 4.0}, {5.0, 6.0}})};
  const Tensor y = table(tensor({{2, 0}, {1, 2}}));
  CHECK(y.shape() == Shape{2, 2, 2});
  check_close(y, {5, 6, 1, 2, 3, 4, 5, 6});
  sum(y).backward();
  check_close(table.weight.grad(), {1, 1, 0, 0, 2, 2});
}

TEST_CASE("Dropout") {
  nn::Dropout dropout{0.25};
  const auto y = dropout(ones({10000})).to_vector<float>();
  double kept = 0;
  for (const float v : y) {
    CHECK_MESSAGE((v == 0 || v == doctest::Approx(1 / 0.75)), v);
    kept += v != 0;
  }
  CHECK(kept / 10000 == doctest::Approx(0.75).epsilon(0.03));
  eval(dropout);
  CHECK(dropout(ones({100})).to_vector<float>() == Floats(100, 1));
}

TEST_CASE("activations, against PyTorch's values") {
  CHECK(at(nn::ReLU{}, -1) == 0);
  CHECK(at(nn::ReLU{}, 2) == 2);
  CHECK(at(nn::LeakyReLU{}, -1) == doctest::Approx(-0.01));
  CHECK(at(nn::LeakyReLU{0.2}, -1) == doctest::Approx(-0.2));
  CHECK(at(nn::ELU{}, -1) == doctest::Approx(-0.6321205588285577));
  CHECK(at(nn::ELU{2}, -1) == doctest::Approx(-1.2642411176571153));
  CHECK(at(nn::GELU{}, 1) == doctest::Approx(0.8413447460685429));
  CHECK(at(nn::GELU{Gelu::tanh}, 1) == doctest::Approx(0.8411919906082768));
  CHECK(at(nn::SiLU{}, 1) == doctest::Approx(0.7310585786300049));
  CHECK(at(nn::Tanh{}, 1) == doctest::Approx(0.7615941559557649));
  CHECK(at(nn::Sigmoid{}, 1) == doctest::Approx(0.7310585786300049));
  CHECK(at(nn::Softplus{}, 0) == doctest::Approx(0.6931471805599453));
  CHECK(at(nn::Softplus{.beta = 2}, 1) == doctest::Approx(1.0634640055214863));
  CHECK(at(nn::Softplus{.threshold = 0.5}, 1) == 1);
  CHECK(at(nn::Mish{}, 1) == doctest::Approx(0.8650983882673103));
  CHECK(at(nn::SELU{}, -1) == doctest::Approx(-1.1113307378125627));
  CHECK(at(nn::CELU{2}, -1) == doctest::Approx(-0.7869386805747332));
  CHECK(at(nn::Softsign{}, -3) == doctest::Approx(-0.75));
  CHECK(at(nn::LogSigmoid{}, -1) == doctest::Approx(-1.3132616875182228));
  CHECK(at(nn::Tanhshrink{}, 1) == doctest::Approx(0.2384058440442351));
  CHECK(at(nn::Hardtanh{}, -3) == -1);
  CHECK(at(nn::Hardtanh{.min_val = -2, .max_val = 5}, 4) == 4);
  CHECK(at(nn::ReLU6{}, 7) == 6);
  CHECK(at(nn::Hardsigmoid{}, 1.5) == doctest::Approx(0.75));
  CHECK(at(nn::Hardswish{}, 1.5) == doctest::Approx(1.125));
  CHECK(at(nn::Hardshrink{}, 0.5) == 0);
  CHECK(at(nn::Hardshrink{0.25}, 0.5) == 0.5);
  CHECK(at(nn::Softshrink{}, -2) == doctest::Approx(-1.5));
  CHECK(at(nn::Threshold{1, 20}, 1) == 20);
  CHECK(nn::PReLU{}(full({1}, -2)).item() == doctest::Approx(-0.5));
  check_close(nn::GLU{}(tensor({{2.0, 0.0}})), {1});
  check_close(nn::Softmax{}(tensor({{0.0, 0.0}})), {0.5, 0.5});
  check_close(nn::Softmax{0}(tensor({{0.0, 0.0}})), {1, 1});
  check_close(nn::LogSoftmax{}(tensor({{0.0, 0.0}})), {-0.69314718, -0.69314718});
  CHECK(nn::Flatten{}(zeros({2, 3, 4})).shape() == Shape{2, 12});
  CHECK(nn::Flatten{0, 1}(zeros({2, 3, 4})).shape() == Shape{6, 4});
}

TEST_CASE("PReLU has a weight for each channel") {
  nn::PReLU prelu{3, 0.5};
  CHECK(state(prelu).size() == 1);
  CHECK(state(prelu)[0].name == "weight");
  CHECK(prelu.weight.shape() == Shape{3});
  CHECK(prelu(full({1, 3, 2}, -4)).to_vector<float>() == Floats(6, -2));
}

TEST_CASE("sizes that make no layer are errors that name the field") {
  CHECK(error_of([] { return nn::PReLU{0}; }) == "PReLU: num_parameters is 0; it must be positive");
  CHECK(error_of([] { return nn::Linear{0, 3}; }) == "Linear: in is 0; it must be positive");
  CHECK(error_of([] { return nn::Linear{3, -1}; }) == "Linear: out is -1; it must be positive");
  CHECK(error_of([] { return nn::Conv2d{.in = 4, .out = 6, .kernel = 3, .groups = 3}; }) ==
        "Conv2d: groups is 3, which does not divide in (4); choose a divisor of in and out");
  CHECK(error_of([] { return nn::Conv2d{.in = 3, .out = 4, .kernel = 3, .groups = 3}; }) ==
        "Conv2d: groups is 3, which does not divide out (4); choose a divisor of in and out");
  CHECK(error_of([] {
          return nn::Conv2d{.in = 4, .out = 6, .kernel = {3, 0}};
        }) == "Conv2d: kernel is 0; it must be positive");
  CHECK(error_of([] { return nn::Conv2d{.in = 0, .out = 6, .kernel = 3}; }) ==
        "Conv2d: in is 0; it must be positive");
  CHECK(error_of([] { return nn::Conv2d{.in = 1, .out = 0, .kernel = 3}; }) ==
        "Conv2d: out is 0; it must be positive");
  CHECK(error_of([] { return nn::Conv2d{.in = 1, .out = 1, .kernel = 3, .stride = 0}; }) ==
        "Conv2d: stride is 0; it must be positive");
  CHECK(error_of([] { return nn::Conv2d{.in = 1, .out = 1, .kernel = 3, .padding = -1}; }) ==
        "Conv2d: padding is -1; it must not be negative");
  CHECK(error_of([] { return nn::Conv2d{.in = 1, .out = 1, .kernel = 3, .dilation = 0}; }) ==
        "Conv2d: dilation is 0; it must be positive");
  CHECK(error_of([] { return nn::Conv2d{.in = 1, .out = 1, .kernel = 3, .groups = 0}; }) ==
        "Conv2d: groups is 0; it must be positive");
  CHECK(error_of([] { return nn::BatchNorm2d{0}; }) == "BatchNorm2d: channels is 0; it must be positive");
  CHECK(error_of([] {
          return nn::BatchNorm2d{3}(zeros({2, 3}));
        }) == "BatchNorm2d: the input is float32 [2, 3]; give [n, 3, h, w]");
  CHECK(error_of([] { return nn::LayerNorm{Shape{}}; }) ==
        "LayerNorm: shape is []; give the sizes of the last dimensions, like {{256}}");
  CHECK(error_of([] { return nn::LayerNorm{{3, 0}}; }) == "LayerNorm: shape is 0; it must be positive");
  CHECK(error_of([] { return nn::Embedding{0, 3}; }) == "Embedding: count is 0; it must be positive");
  CHECK(error_of([] { return nn::Embedding{3, 0}; }) == "Embedding: size is 0; it must be positive");
  CHECK(error_of([] {
          return nn::Embedding{3, 2, 3};
        }) == "Embedding: padding is 3; it must be a row from 0 to 2");
}

TEST_CASE("Sequential runs its layers in order and names them by number") {
  const nn::Sequential net{nn::Linear{.in = 2, .out = 1, .weight = tensor({{1.0, 1.0}}), .bias = tensor({-5.0})},
                           nn::ReLU{}, [](const Tensor& x) { return x + 1; },
                           static_cast<Tensor (*)(const Tensor&)>(square)};
  check_close(net(tensor({{1.0, 2.0}, {4.0, 3.0}})), {1, 9});
  const auto tensors = state(net);
  REQUIRE(tensors.size() == 2);
  CHECK(tensors[0].name == "0.weight");
  CHECK(tensors[1].name == "0.bias");
}

TEST_CASE("Sequential is put together at run time") {
  nn::Sequential net;
  CHECK(net.empty());
  const Tensor x = ones({1, 4});
  CHECK(net(x).handle().get() == x.handle().get());
  CHECK(parameters(net).empty());
  for (int i = 0; i < 3; ++i) {
    net.push_back(nn::Linear{4, 4});
    net.push_back(nn::Tanh{});
  }
  CHECK(net.size() == 6);
  CHECK(parameters(net).size() == 6);
  CHECK(named_parameters(net)[4].name == "4.weight");
  CHECK(net(x).shape() == Shape{1, 4});
  net[1] = nn::ReLU{};
  CHECK(net[1].get_if<nn::ReLU>() != nullptr);
  CHECK(net[1].get_if<nn::Tanh>() == nullptr);
  CHECK(net.at<nn::Linear>(2).in == 4);
  CHECK(error_of([&] { net.at<nn::Tanh>(2); }) == "Sequential: layer 2 is not of the type that was asked for");
  CHECK(error_of([&] { net.at<nn::Tanh>(6); }) == "Sequential: layer 6 of 6; count from 0");
}

TEST_CASE("a Sequential's copies share weights and nothing else") {
  nn::Sequential net{nn::Linear{2, 2}, nn::Dropout{}};
  nn::Sequential twin = net, same{net};
  CHECK(same.size() == 2);
  CHECK(twin.at<nn::Linear>(0).weight.handle().get() == net.at<nn::Linear>(0).weight.handle().get());
  eval(twin);
  CHECK(net.at<nn::Dropout>(1).mode.training);
  twin.push_back(nn::ReLU{});
  CHECK(net.size() == 2);
  const auto copy = clone(net);
  CHECK(state(copy)[0].tensor.data<const float>() != state(net)[0].tensor.data<const float>());
  CHECK(state(copy)[0].tensor.to_vector<float>() == state(net)[0].tensor.to_vector<float>());
}

TEST_CASE("Sequential of one, nested, and moved from") {
  nn::Sequential one{nn::Linear{2, 3}};
  CHECK(one.size() == 1);
  nn::Sequential nested{one, nn::Sequential{nn::ReLU{}, nn::Linear{3, 1}}};
  CHECK(state(nested).size() == 4);
  CHECK(state(nested)[2].name == "1.1.weight");
  CHECK(nested(zeros({5, 2})).shape() == Shape{5, 1});
  nn::Layer layer = nn::Linear{2, 3};
  const nn::Layer taken = std::move(layer);
  const Tensor x = ones({1, 2});
  CHECK(taken(x).shape() == Shape{1, 3});
  CHECK(nn::Layer{}(x).handle().get() == x.handle().get());
  static_assert(!std::is_constructible_v<nn::Layer, int> && !std::is_constructible_v<nn::Layer, Tensor>);
  static_assert(!std::is_constructible_v<nn::Sequential, int>);
}

TEST_CASE("a small network learns") {
  manual_seed(1);
  struct Net {
    nn::Linear hidden{2, 8}, out{8, 1};
    Tensor operator()(const Tensor& x) const { return out(tanh(hidden(x))); }
  } net;
  const Tensor x = tensor({{0.0, 0.0}, {0.0, 1.0}, {1.0, 0.0}, {1.0, 1.0}}),
               y = tensor({{0.0}, {1.0}, {1.0}, {0.0}});
  double last = 1;
  for (int step = 0; step < 3000; ++step) {
    zero_grad(net);
    const auto loss = mse_loss(net(x), y);
    loss.backward({.expect = named_parameters(net)});
    const NoGrad off;
    for (const auto& p : parameters(net)) p.add_(p.grad(), -0.1);
    last = loss.item();
  }
  CHECK(last < 0.01);
}
