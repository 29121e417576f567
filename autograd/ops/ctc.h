// Connectionist temporal classification: a fused kernel, with a reference in primitive operations for higher orders.
#pragma once

#include <array>

#include "autograd/kernels/ctc.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

// log_probs [t, n, classes], labels [n, most], input and target lengths [n] → losses [n], and the forward variables [n, t,
// 2 most + 1], which are not differentiated.
struct CtcLoss {
  static constexpr std::string_view name = "ctc_loss";
  static constexpr int outputs = 2, differentiable_outputs = 1;
  kernels::CtcOptions options{0, false};

  std::array<Spec, 2> infer(const Tensor& log_probs, const Tensor& labels, const Tensor&, const Tensor&) const {
    const auto t = log_probs.shape()[0], n = log_probs.shape()[1];
    return {Spec{{n}, log_probs.dtype()}, Spec{{n, t, 2 * labels.shape()[1] + 1}, log_probs.dtype()}};
  }
  void forward(View loss, View alpha, View log_probs, View labels, View input_lengths, View target_lengths) const {
    kernels::ctc_loss(loss, alpha, log_probs, labels, input_lengths, target_lengths, options);
  }
  std::array<Tensor, 4> grads(Wanted, Grads g, In<0> log_probs, In<1> labels, In<2> input_lengths,
                              In<3> target_lengths, Output<1> alpha) const {
    std::array<Tensor, 4> result{empty_like(log_probs)};
    detail::launch([o = options](const auto&... views) { kernels::ctc_loss_backward(views..., o); },
                   result[0].view(), g[0].view(), alpha.view(), log_probs.view(), labels.view(),
                   input_lengths.view(), target_lengths.view());
    return result;
  }
  std::array<Tensor, 2> reference(const Tensor& log_probs, const Tensor& labels, const Tensor& input_lengths,
                                  const Tensor& target_lengths) const;
  static Samples<CtcLoss> samples(Generator& random);
};

using CtcOps = OpList<CtcLoss>;

}  // namespace ebb::ops
