// Distances between all rows of two matrices.
#pragma once

#include <array>

#include "autograd/kernels/distance.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

// x [b, n, d] and z [b, m, d], contiguous → [b, n, m]; p > 0. See cdist() in functions/linalg.h.
struct Cdist {
  static constexpr std::string_view name = "cdist";
  double p = 2;
  Spec infer(const Tensor& x, const Tensor& z) const {
    require_floating(name, x);
    require_same_dtype(name, x, z);
    return {x.shape().with(2, z.shape()[1]), x.dtype()};
  }
  void forward(View y, View x, View z) const { kernels::distances(y, x, z, p); }
  std::array<Tensor, 2> grads(Wanted wanted, Grad g, In<0> x, In<1> z, Out y) const {
    std::array<Tensor, 2> result;
    const auto fill = [&](int i, const Tensor& own, const Tensor& other, const Tensor& dy,
                          const Tensor& distance) {
      if (!wanted[i]) return;
      Tensor& gx = result[static_cast<std::size_t>(i)] = empty_like(own);
      detail::launch([p = p](const View& to, const View& from, const View& d, const View& a,
                             const View& b) { kernels::distances_backward(to, from, d, a, b, p); },
                     gx.view(), dy.view(), distance.view(), own.view(), other.view());
    };
    fill(0, x, z, g, y);
    fill(1, z, x, transpose(g, 1, 2), transpose(y, 1, 2));
    return result;
  }
  Tensor reference(const Tensor& x, const Tensor& z) const {
    return norm(unsqueeze(x, 2) - unsqueeze(z, 1), p, {3});
  }
  static Samples<Cdist> samples(Generator& random) {
    const auto make = [&](double order, const Shape& x, const Shape& z) {
      return Sample<Cdist>{{order},
                           {draw(random, x), draw(random, z)},
                           fmt::format("torch.cdist(x[0], x[1], {}, 'donot_use_mm_for_euclid_dist')",
                                       order == kInfinity ? "float('inf')" : fmt::format("{}", order))};
    };
    return {make(2, {2, 4, 3}, {2, 2, 3}), make(1, {1, 4, 3}, {1, 2, 3}),   make(kInfinity, {2, 3, 3}, {2, 2, 3}),
            make(3, {1, 2, 3}, {1, 4, 3}), make(1.5, {1, 3, 2}, {1, 3, 2}), make(2, {2, 0, 3}, {2, 2, 3}),
            make(2, {2, 3, 0}, {2, 2, 0})};
  }
};

using DistanceOps = OpList<Cdist>;

}  // namespace ebb::ops
