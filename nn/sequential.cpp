#include "nn/sequential.h"

#include "autograd/base/fail.h"

namespace ebb::nn {

Tensor Sequential::operator()(const Tensor& x) const {
  Tensor y = x;
  for (const auto& layer : layers_) y = layer(y);
  return y;
}

void Sequential::no_such_layer(std::size_t i) const {
  if (i >= size()) fail("Sequential: layer {} of {}; count from 0", i, size());
  fail("Sequential: layer {} is not of the type that was asked for", i);
}

}  // namespace ebb::nn
