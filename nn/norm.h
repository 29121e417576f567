// Normalising layers.
#pragma once

#include <cstdint>
#include <optional>

#include "autograd/base/shape.h"
#include "nn/role.h"

namespace ebb::nn {

namespace detail {
Tensor channel_weight(const char* layer, std::int64_t channels, bool affine);
Tensor norm_weight(const char* layer, const Shape& shape, bool affine);
Tensor group_weight(std::int64_t num_groups, std::int64_t channels, bool affine);
Tensor filled_if(bool wanted, const Shape& shape, double value);
Tensor batch_counter(bool wanted);

// "BatchNorm2d" for 2.
template <int D>
inline constexpr const char* batch_norm_name = D == 1   ? "BatchNorm1d"
                                               : D == 2 ? "BatchNorm2d"
                                                        : "BatchNorm3d";
template <int D>
inline constexpr const char* instance_norm_name = D == 1   ? "InstanceNorm1d"
                                                  : D == 2 ? "InstanceNorm2d"
                                                           : "InstanceNorm3d";
}  // namespace detail

// y = (x - mean) / √(var + eps) weight + bias for each channel of x [n, channels, ..] (Ioffe, Szegedy 2015): of rows
// [n, channels] or sequences [n, channels, l], images [n, channels, h, w], volumes [n, channels, d, h, w]. Training: mean
// and variance are the batch's, over all but the channels, and move the running ones by r ← (1 - momentum) r + momentum
// batch (the unbiased variance); without a momentum the running ones are the mean of all batches'. After eval(): the
// running ones, or the batch's if there are none (track false).
template <int D>
struct BatchNorm {
  std::int64_t channels;
  double eps = 1e-5;
  std::optional<double> momentum = 0.1;
  bool affine = true;  // with weight and bias
  bool track = true;   // with running statistics
  Mode mode = {};
  Parameter weight = detail::channel_weight(detail::batch_norm_name<D>, channels, affine);
  Parameter bias = detail::filled_if(affine, {channels}, 0);
  Buffer running_mean = detail::filled_if(track, {channels}, 0);
  Buffer running_var = detail::filled_if(track, {channels}, 1);
  Buffer num_batches_tracked = detail::batch_counter(track);  // int64 []

  Tensor operator()(const Tensor& x) const;
};
using BatchNorm1d = BatchNorm<1>;
using BatchNorm2d = BatchNorm<2>;
using BatchNorm3d = BatchNorm<3>;

// The same for each channel of each example of x [n, channels, l], [n, channels, h, w], [n, channels, d, h, w], or of one
// example without n (Ulyanov, Vedaldi, Lempitsky 2016). With running statistics (track), which are those of the examples,
// averaged over the batch, eval() takes these.
template <int D>
struct InstanceNorm {
  std::int64_t channels;
  double eps = 1e-5;
  double momentum = 0.1;
  bool affine = false;  // with weight and bias
  bool track = false;   // with running statistics
  Mode mode = {};
  Parameter weight = detail::channel_weight(detail::instance_norm_name<D>, channels, affine);
  Parameter bias = detail::filled_if(affine, {channels}, 0);
  Buffer running_mean = detail::filled_if(track, {channels}, 0);
  Buffer running_var = detail::filled_if(track, {channels}, 1);
  Buffer num_batches_tracked = detail::batch_counter(track);  // int64 []; not counted, as in PyTorch

  Tensor operator()(const Tensor& x) const;
};
using InstanceNorm1d = InstanceNorm<1>;
using InstanceNorm2d = InstanceNorm<2>;
using InstanceNorm3d = InstanceNorm<3>;

// The same over the last dimensions, which have the sizes `shape`, for each element of the others
// (Ba, Kiros, Hinton 2016).
//
//   nn::LayerNorm norm{{256}};
struct LayerNorm {
  Shape shape;
  double eps = 1e-5;
  bool affine = true;     // with weight
  bool with_bias = true;  // with bias, if affine
  Parameter weight = detail::norm_weight("LayerNorm", shape, affine);
  Parameter bias = detail::filled_if(affine && with_bias, shape, 0);

  Tensor operator()(const Tensor& x) const;
};

// The same over the channels of each of num_groups groups, which share the channels of x [n, channels, ..] evenly, and
// all dimensions behind them (Wu, He 2018).
struct GroupNorm {
  std::int64_t num_groups, channels;
  double eps = 1e-5;
  bool affine = true;  // with weight and bias
  Parameter weight = detail::group_weight(num_groups, channels, affine);
  Parameter bias = detail::filled_if(affine, {channels}, 0);

  Tensor operator()(const Tensor& x) const;
};

// x / √(mean of x² + eps) weight over the last dimensions, which have the sizes `shape` (Zhang, Sennrich 2019). eps left
// out: the distance from 1 to the next number of x's dtype.
struct RMSNorm {
  Shape shape;
  std::optional<double> eps = {};
  bool affine = true;  // with weight
  Parameter weight = detail::norm_weight("RMSNorm", shape, affine);

  Tensor operator()(const Tensor& x) const;
};

// local_response_norm() of autograd/ops.h.
struct LocalResponseNorm {
  std::int64_t size;
  double alpha = 1e-4, beta = 0.75, k = 1;

  Tensor operator()(const Tensor& x) const;
};

}  // namespace ebb::nn
