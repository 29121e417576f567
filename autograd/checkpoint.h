// Memory for time: parts of a network that are computed again for their gradients.
#pragma once

#include "autograd/tensor_function.h"

namespace ebb {

// f(x), of which only the inputs are kept; backward runs f again, with the same random numbers, and then through it (Chen,
// Xu, Zhang, Guestrin: Training Deep Nets with Sublinear Memory Cost; 2016). Values and gradients are those without it,
// bit for bit, to any order. With n layers in √n parts a step keeps √n activations between parts and those of one part,
// and computes every layer one time more.
//
//   for (auto& part : parts) x = checkpoint([&](const Tensor& t) { return part(t); }, x);
//
// What else f uses that requires grad, the weights of its layers, gets its gradient too. f is called twice: it must
// compute the same, and what it changes besides, as a batch norm its statistics, is changed twice. Error if an input has
// been written when backward needs it, if f gives another number of tensors then, or more than 8 that require grad.
Tensors checkpoint(const TensorFunction& f, const Tensors& x);
Tensor checkpoint(const TensorFunction& f, const Tensor& x);

}  // namespace ebb
