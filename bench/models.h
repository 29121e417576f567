// The models of the benchmarks and tests.
#pragma once

#include "ebb.h"

namespace ebb::bench {

struct TinyMlp {
  nn::Linear fc1{4, 16}, fc2{16, 16}, fc3{16, 1};
  Tensor operator()(const Tensor& x) const { return fc3(relu(fc2(relu(fc1(x))))); }
};

struct Mlp {
  nn::Linear fc1{784, 128}, fc2{128, 10};
  Tensor operator()(const Tensor& x) const { return fc2(relu(fc1(x))); }
};

struct LeNet5 {
  nn::Conv2d conv1{.in = 1, .out = 6, .kernel = 5, .padding = 2};
  nn::Conv2d conv2{.in = 6, .out = 16, .kernel = 5};
  nn::Linear fc1{400, 120}, fc2{120, 84}, fc3{84, 10};

  Tensor operator()(Tensor x) const {
    x = max_pool2d(relu(conv1(x)), 2);
    x = max_pool2d(relu(conv2(x)), 2);
    return fc3(relu(fc2(relu(fc1(flatten(x, 1))))));
  }
};

// The basic block of He, Zhang, Ren, Sun 2016.
struct ResidualBlock {
  std::int64_t in, out, stride = 1;
  nn::Conv2d conv1{.in = in, .out = out, .kernel = 3, .stride = stride, .padding = 1, .with_bias = false};
  nn::BatchNorm2d bn1{out};
  nn::Conv2d conv2{.in = out, .out = out, .kernel = 3, .padding = 1, .with_bias = false};
  nn::BatchNorm2d bn2{out};
  nn::Sequential downsample = stride == 1 ? nn::Sequential() : projection();

  Tensor operator()(const Tensor& x) const { return relu(bn2(conv2(relu(bn1(conv1(x))))) + downsample(x)); }
  nn::Sequential projection() const {
    return {nn::Conv2d{.in = in, .out = out, .kernel = 1, .stride = stride, .with_bias = false},
            nn::BatchNorm2d{out}};
  }
};

struct ResNet {
  nn::Conv2d conv1{.in = 3, .out = 64, .kernel = 3, .padding = 1, .with_bias = false};
  nn::BatchNorm2d bn1{64};
  ResidualBlock block1{64, 64}, block2{64, 128, 2}, block3{128, 256, 2};
  nn::Linear fc{256, 10};

  Tensor operator()(const Tensor& x) const {
    return fc(mean(block3(block2(block1(relu(bn1(conv1(x)))))), {2, 3}));
  }
};

// Sequences [n, t, 64] to one of 10 classes.
struct Lstm {
  nn::LSTM lstm{.in = 64, .hidden = 128, .batch_first = true};
  nn::Linear fc{128, 10};

  Tensor operator()(const Tensor& x) const { return fc(select(lstm(x).output, 1, -1)); }
};

// Sequences [n, t, 256] to one of 10 classes.
struct Transformer {
  double dropout = 0;
  nn::TransformerEncoderLayer layer{.d_model = 256,
                                    .nhead = 4,
                                    .dim_feedforward = 1024,
                                    .dropout = dropout,
                                    .activation = nn::Activation::gelu,
                                    .batch_first = true};
  nn::Linear fc{256, 10};

  Tensor operator()(const Tensor& x) const { return fc(mean(layer(x), {1})); }
};

}  // namespace ebb::bench
