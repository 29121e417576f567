// The penalty that keeps a critic's slope near 1.
#pragma once

#include "autograd/create.h"
#include "autograd/engine.h"
#include "autograd/ops.h"

namespace ebb::nn {

// Mean of (‖∇critic(x̂)‖ - 1)² over x̂ = ε real + (1 - ε) fake, one ε uniform in [0, 1) for each example, with the norm over all
// but the first dimension (Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville: Improved Training of Wasserstein GANs; 2017).
// real and fake [n, ..]; critic(x̂) gives a number for each example. The result has a gradient in the critic's parameters,
// by second derivatives, and none in real and fake. ε comes from default_generator() if `generator` is null.
template <class Critic>
Tensor gradient_penalty(const Critic& critic, const Tensor& real, const Tensor& fake,
                        Generator* generator = nullptr) {
  const Dims ones = Dims::filled(real.dim(), 1);
  const Tensor weight = rand(Shape(ones).with(0, real.size(0)), {.dtype = real.dtype(), .generator = generator});
  Tensor x = fake.detach() + weight * (real.detach() - fake.detach());
  x.set_requires_grad();
  const Tensor slope = flatten(grad(sum(critic(x)), x, {.create_graph = true}), 1);
  return mean(square(norm(slope, 2, {1}) - 1));
}

}  // namespace ebb::nn
