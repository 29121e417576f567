// A layer that lets one look at, or change, what goes in and comes out.
#pragma once

#include <functional>

#include "nn/sequential.h"

namespace ebb::nn {

// A layer of the same names as L. forward_pre_hook gets the input, forward_hook the input and the output; a defined result
// takes its place. For gradients, call register_hook() on either.
//
//   struct Net {
//     nn::Hooked<nn::Conv2d> conv1{{.in = 1, .out = 6, .kernel = 5}};
//     …
//   } net;
//   net.conv1.forward_hook = [&](const Tensor&, const Tensor& y) { seen = y.detach(); return Tensor(); };
template <LayerLike L>
struct Hooked {
  L layer;
  std::function<Tensor(const Tensor& x)> forward_pre_hook = {};
  std::function<Tensor(const Tensor& x, const Tensor& y)> forward_hook = {};

  Tensor operator()(const Tensor& x) const {
    const Tensor changed = forward_pre_hook ? forward_pre_hook(x) : Tensor();
    const Tensor& in = changed.defined() ? changed : x;
    Tensor y = layer(in);
    if (!forward_hook) return y;
    Tensor replaced = forward_hook(in, y);
    return replaced.defined() ? replaced : y;
  }

  auto fields() const { return nn::fields(field("", layer)); }
};

}  // namespace ebb::nn
