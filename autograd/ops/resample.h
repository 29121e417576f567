// Lines at another number of places, and the way back.
#pragma once

#include "autograd/kernels/resample.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

using kernels::Resampler;
using kernels::Resampling;

// `size` outputs along dim, each a weighted sum of a few elements.
struct Resample {
  static constexpr std::string_view name = "resample";
  int dim = 0;
  std::int64_t size = 1;
  Resampling resampling = {};
  Spec infer(const Tensor& x) const {
    require_floating(name, x);
    return {x.shape().with(dim, size), x.dtype()};
  }
  void forward(View y, View x) const { kernels::resample(y, x, dim, resampling); }
  Tensor grad0(Grad g, ShapeOf<0> shape) const;
  static Samples<Resample> samples(Generator& random) {
    const std::string f = "torch.nn.functional.interpolate(";
    return {{{2, 5}, {draw(random, {2, 1, 3})}, f + "x[0], 5, mode='linear')"},
            {{1, 2, {Resampler::linear, true}},
             {draw(random, {2, 5, 3})},
             f + "x[0].transpose(1, 2), 2, mode='linear', align_corners=True).transpose(1, 2)"},
            {{1, 7, {Resampler::cubic}},
             {draw(random, {2, 4, 3})},
             f + "x[0][:, None], (7, 3), mode='bicubic')[:, 0]"},
            {{0, 5, {Resampler::nearest, false, 0.4}},
             {draw(random, {2})},
             f + "x[0][None, None], scale_factor=2.5)[0, 0]"},
            {{0, 2, {Resampler::nearest_exact}},
             {draw(random, {5})},
             f + "x[0][None, None], 2, mode='nearest-exact')[0, 0]"},
            {{1, 4}, {draw(random, {0, 3})}, "x[0].new_zeros(0, 4) + x[0].sum()"}};
  }
};

struct ResampleBackward {
  static constexpr std::string_view name = "resample_backward";
  int dim = 0;
  std::int64_t size = 1;  // of the input
  Resampling resampling = {};
  Spec infer(const Tensor& g) const { return {g.shape().with(dim, size), g.dtype()}; }
  void forward(View gx, View g) const { kernels::resample_backward(gx, g, dim, resampling); }
  Tensor grad0(Grad gg, ShapeOf<0> shape_of_g) const {
    return apply(Resample{dim, shape_of_g[dim], resampling}, gg);
  }
  static Samples<ResampleBackward> samples(Generator& random) {
    return {{{2, 3},
             {draw(random, {2, 1, 5})},
             "torch.autograd.grad(torch.nn.functional.interpolate(z := torch.zeros(2, 1, 3, dtype=x[0].dtype, "
             "requires_grad=True), 5, mode='linear'), z, x[0], create_graph=True)[0]"},
            {{1, 3}, {draw(random, {0, 4})}, "x[0].new_zeros(0, 3) + x[0].sum()"}};
  }
};

inline Tensor Resample::grad0(Grad g, ShapeOf<0> shape) const {
  return apply(ResampleBackward{dim, shape[dim], resampling}, g);
}

using ResampleOps = OpList<Resample, ResampleBackward>;

}  // namespace ebb::ops
