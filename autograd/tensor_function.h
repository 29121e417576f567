// Functions of tensors, as values.
#pragma once

#include <concepts>
#include <functional>
#include <utility>
#include <vector>

#include "autograd/tensor.h"

namespace ebb {

using Tensors = std::vector<Tensor>;

template <class F>
concept FunctionOfTensors = std::invocable<const F&, const Tensors&>;
template <class F>
concept FunctionOfTensor = std::invocable<const F&, const Tensor&> && !FunctionOfTensors<F>;

// Tensors to tensors. Any function of a vector or span of tensors that returns a Tensor, or several, converts to one, and
// so does a function of one Tensor. It gives the same outputs whenever it is given the same inputs.
class TensorFunction {
 public:
  template <FunctionOfTensors F>
  TensorFunction(F f) : f_([f = std::move(f)](const Tensors& x) { return listed(f(x)); }) {}
  template <FunctionOfTensor F>
  TensorFunction(F f) : f_([f = std::move(f)](const Tensors& x) { return listed(f(x.at(0))); }) {}
  Tensors operator()(const Tensors& x) const { return f_(x); }

 private:
  static Tensors listed(Tensor y) { return {std::move(y)}; }
  static Tensors listed(Tensors y) { return y; }
  std::function<Tensors(const Tensors&)> f_;
};

}  // namespace ebb
