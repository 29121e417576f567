// Chains of operations on tensors of one element, or a few: what an operation costs beside its arithmetic.
#pragma once

#include <tuple>

#include "autograd/autograd.h"

namespace ebb::bench {

template <class F>
struct ChainStep {
  const char* name;
  Shape shape;
  F f;  // the next link, from the last one and a weight
};
template <class F>
ChainStep(const char*, Shape, F) -> ChainStep<F>;  // clang 14 needs it

inline auto chain_steps() {
  return std::tuple(
      ChainStep{"add", Shape{1}, [](const Tensor& y, const Tensor& w) { return y + w; }},
      ChainStep{"relu", Shape{1}, [](const Tensor& y, const Tensor&) { return relu(y); }},
      ChainStep{"matmul", Shape{4, 4}, [](const Tensor& y, const Tensor& w) { return matmul(y, w); }},
      ChainStep{"linear", Shape{4, 4}, [](const Tensor& y, const Tensor& w) { return linear(y, w); }});
}

// x followed by `length` links.
Tensor chain(const auto& step, const Tensor& x, const Tensor& w, std::int64_t length) {
  auto y = x;
  for (std::int64_t i = 0; i < length; ++i) y = step.f(y, w);
  return y;
}

}  // namespace ebb::bench
