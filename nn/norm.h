// Normalising layers.
#pragma once

#include <cstdint>

#include "autograd/base/shape.h"
#include "nn/role.h"

namespace ebb::nn {

namespace detail {
Tensor norm_weight(std::int64_t channels, bool affine);
Tensor norm_weight(const Shape& shape, bool affine);
Tensor filled_if(bool wanted, const Shape& shape, double value);
Tensor batch_counter(bool wanted);
}  // namespace detail

// y = (x - mean) / √(var + eps) weight + bias for each channel of x [n, channels, h, w] (Ioffe, Szegedy 2015).
// Training: mean and variance are the batch's, over n, h and w, and move the running ones by r ← (1 - momentum)
// r + momentum batch (the unbiased variance). After eval(): the running ones, or the batch's if there are none
// (track false).
struct BatchNorm2d {
  std::int64_t channels;
  double eps = 1e-5;
  double momentum = 0.1;
  bool affine = true;  // with weight and bias
  bool track = true;   // with running statistics
  Mode mode = {};
  Parameter weight = detail::norm_weight(channels, affine);
  Parameter bias = detail::filled_if(affine, {channels}, 0);
  Buffer running_mean = detail::filled_if(track, {channels}, 0);
  Buffer running_var = detail::filled_if(track, {channels}, 1);
  Buffer num_batches_tracked = detail::batch_counter(track);  // int64 []

  Tensor operator()(const Tensor& x) const;
};

// The same over the last dimensions, which have the sizes `shape`, for each element of the others
// (Ba, Kiros, Hinton 2016).
//
//   nn::LayerNorm norm{{256}};
struct LayerNorm {
  Shape shape;
  double eps = 1e-5;
  bool affine = true;     // with weight
  bool with_bias = true;  // with bias, if affine
  Parameter weight = detail::norm_weight(shape, affine);
  Parameter bias = detail::filled_if(affine && with_bias, shape, 0);

  Tensor operator()(const Tensor& x) const;
};

}  // namespace ebb::nn
