// Scaled dot-product attention: a fused kernel, with a reference in primitive operations for higher orders.
#pragma once

#include <limits>

#include "autograd/kernels/attention.h"
#include "autograd/ops/activation.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

// query [n, rows, heads, e], key [n, columns, heads, e], value [n, columns, heads, ev], mask [n, heads, rows, columns]
// bool or floating, or undefined. Outputs: [n, rows, heads, ev], and the scores' logsumexp [n, heads, rows], which is
// not differentiated. Heads lie inside rows, as a projection leaves them, so that nothing is transposed in memory.
struct Attention {
  static constexpr std::string_view name = "scaled_dot_product_attention";
  static constexpr int outputs = 2, differentiable_outputs = 1;
  kernels::AttentionTerms terms;

  std::array<Spec, 2> infer(const Tensor& query, const Tensor&, const Tensor& value, const Tensor&) const {
    const Shape& q = query.shape();
    return {Spec{q.with(3, value.shape()[3]), query.dtype()}, Spec{{q[0], q[2], q[1]}, query.dtype()}};
  }
  void forward(View y, View logsumexp, View query, View key, View value, View mask) const {
    kernels::attention(y, logsumexp, query, key, value, mask, present());
  }
  std::array<Tensor, 4> grads(Wanted wanted, Grads g, In<0> query, In<1> key, In<2> value, In<3> mask, Out y,
                              Output<1> logsumexp) const {
    using detail::view_or_null;
    std::array<Tensor, 4> result{empty_like(query), empty_like(key), empty_like(value)};
    if (wanted[3]) result[3] = empty_like(mask);
    const Tensor gy = g[0].strides()[3] == 1 ? g[0] : g[0].contiguous();
    detail::launch(
        [op = *this](const View& dq, const View& dk, const View& dv, const View& dm, const auto&... rest) {
          kernels::attention_backward({dq, dk, dv, dm}, rest..., op.present());
        },
        result[0].view(), result[1].view(), result[2].view(), view_or_null(result[3]), gy.view(), query.view(),
        key.view(), value.view(), view_or_null(mask), y.view(), logsumexp.view());
    return result;
  }
  kernels::AttentionTerms present() const {
    auto t = terms;
    t.position = replayed(t.position);
    return t;
  }
  std::array<Tensor, 2> reference(const Tensor& query, const Tensor& key, const Tensor& value,
                                  const Tensor& mask) const;
  static Samples<Attention> samples(Generator& random);
};

using AttentionOps = OpList<Attention>;

}  // namespace ebb::ops
