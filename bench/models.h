// The models of the benchmarks and tests.
#pragma once

#include "ebb.h"

namespace ebb::bench {

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

// Sequences of 64 numbers a step to one of 10 classes.
struct Lstm {
  nn::LSTM lstm{.in = 64, .hidden = 128};
  nn::Linear fc{128, 10};

  Tensor operator()(const Tensor& x) const { return fc(select(lstm(x).output, 0, -1)); }
};

}  // namespace ebb::bench
