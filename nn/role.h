// What a tensor is to the module that holds it: its type says so.
#pragma once

#include <utility>

#include "autograd/tensor.h"

namespace ebb::nn {

// A tensor that is trained: parameters(), and so the optimizers, find it. A leaf that requires grad, in
// everything else a Tensor. A Parameter made of a Parameter is that Parameter (tied weights); made of any other
// Tensor it shares that one's memory, without its history. Undefined where a module has none, like the bias of
// Linear{4, 2, false}. Error for integers, which have no gradient.
//
//   struct Scale {
//     nn::Parameter scale = ones({1});
//     Tensor operator()(const Tensor& x) const { return x * scale; }
//   };
class Parameter : public Tensor {
 public:
  Parameter() = default;
  Parameter(const Tensor& values);
};

// A tensor that is saved with the module and not trained, like a running mean. Never requires grad.
class Buffer : public Tensor {
 public:
  Buffer() = default;
  Buffer(const Tensor& values);
};

// Set by train() and eval(), for modules that behave differently in the two: Dropout, BatchNorm2d.
struct Mode {
  bool training = true;
};

}  // namespace ebb::nn
