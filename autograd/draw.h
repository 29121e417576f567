// Pictures of the graph that a tensor was computed by.
//
//   std::ofstream("loss.svg") << graph_svg(loss, named_parameters(net));
#pragma once

#include <span>
#include <string>

#include "autograd/tensor.h"

namespace ebb {

// The operations that `output` was computed by, with dtype and shape of what each gave, down to the leaves that require
// grad: those in `names` by their name. In the language of Graphviz (`dot -Tpng`).
std::string graph_dot(const Tensor& output, std::span<const NamedTensor> names = {});

// The same as a picture: inputs at the top, every operation below all that it takes.
std::string graph_svg(const Tensor& output, std::span<const NamedTensor> names = {});

}  // namespace ebb
