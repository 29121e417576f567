// Images at the places of a grid.
#pragma once

#include "autograd/kernels/grid_sample.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

using kernels::Around;
using kernels::GridSampling;

// grid_sample() by bilinear of [n, c, h, w], which in primitive operations is a pass for each of many steps.
struct GridSample {
  static constexpr std::string_view name = "grid_sample";
  GridPadding padding_mode = GridPadding::zeros;
  bool align_corners = false;
  GridSampling sampling() const {
    return {padding_mode == GridPadding::zeros    ? Around::zeros
            : padding_mode == GridPadding::border ? Around::border
                                                  : Around::reflection,
            align_corners};
  }
  // Of operands that grid_sample() has checked.
  Spec infer(const Tensor& x, const Tensor& grid) const {
    return {{x.shape()[0], x.shape()[1], grid.shape()[1], grid.shape()[2]}, x.dtype()};
  }
  void forward(View y, View x, View grid) const { kernels::grid_sample(y, x, grid, sampling()); }
  std::array<Tensor, 2> grads(Wanted wanted, Grad g, In<0> x, In<1> grid) const {
    std::array<Tensor, 2> result;
    if (wanted[0]) {
      result[0] = empty(x.shape(), x.dtype());
      detail::launch([s = sampling()](const auto&... views) { kernels::grid_sample_backward_input(views..., s); },
                     result[0].view(), g.view(), grid.view());
    }
    if (wanted[1]) {
      result[1] = empty(grid.shape(), grid.dtype());
      detail::launch([s = sampling()](const auto&... views) { kernels::grid_sample_backward_grid(views..., s); },
                     result[1].view(), g.view(), x.view(), grid.view());
    }
    return result;
  }
  Tensor reference(const Tensor& x, const Tensor& grid) const;
  static Samples<GridSample> samples(Generator& random) {
    const std::string torch = "torch.nn.functional.grid_sample(x[0], x[1], padding_mode='{}', align_corners={})";
    const auto sample = [&](const GridSample& op, const char* padding, const char* corners, double reach) {
      return Sample<GridSample>{op,
                                {draw(random, {2, 2, 3, 4}), draw(random, {2, 3, 2, 2}, -reach, reach)},
                                fmt::format(fmt::runtime(torch), padding, corners)};
    };
    return {sample({}, "zeros", "False", 1.5),
            sample({GridPadding::zeros, true}, "zeros", "True", 1.5),
            sample({GridPadding::border, false}, "border", "False", 1.5),
            sample({GridPadding::reflection, false}, "reflection", "False", 4),
            sample({GridPadding::reflection, true}, "reflection", "True", 4),
            {{},
             {draw(random, {0, 2, 3, 4}), draw(random, {0, 3, 2, 2})},
             "torch.nn.functional.grid_sample(x[0], x[1], align_corners=False)"}};
  }
};

using GridSampleOps = OpList<GridSample>;

}  // namespace ebb::ops
