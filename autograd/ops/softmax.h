// softmax, log_softmax and the fused cross-entropy.
#pragma once

#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/reduce.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

// Samples along several dimensions, each with `inputs` inputs; {} in `torch` is the dimension.
template <class Op>
Samples<Op> softmax_samples(Generator& random, const std::string& torch, int inputs) {
  const auto make = [&](int dim, const Shape& shape) {
    Sample<Op> sample{{dim}, {}, fmt::format(fmt::runtime(torch), dim)};
    for (int i = 0; i < inputs; ++i) sample.inputs.push_back(draw(random, shape));
    return sample;
  };
  return {make(1, {3, 4}), make(0, {3, 2, 2}), make(1, {0, 4})};
}

// y (g - Σ g y): symmetric in g, so its gradient in g is itself.
struct SoftmaxBackward {
  static constexpr std::string_view name = "softmax_backward";
  int dim = 0;
  Spec infer(const Tensor& g, const Tensor& y) const { return same_spec(name, g, y); }
  void forward(View gx, View g, View y) const { kernels::softmax_backward(gx, g, y, dim); }
  Tensor grad0(Grad gg, In<1> y) const { return apply(*this, gg, y); }
  Tensor grad1(Grad gg, In<0> g, In<1> y) const {
    return gg * (g - sum(g * y, {dim}, true)) - g * sum(gg * y, {dim}, true);
  }
  static Samples<SoftmaxBackward> samples(Generator& random) {
    const std::string torch = "x[1] * (x[0] - (x[0] * x[1]).sum({}, keepdim=True))";
    return softmax_samples<SoftmaxBackward>(random, torch, 2);
  }
};

struct Softmax {
  static constexpr std::string_view name = "softmax";
  int dim = 0;
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  void forward(View y, View x) const { kernels::softmax(y, x, dim); }
  Tensor grad0(Grad g, Out y) const { return apply(SoftmaxBackward{dim}, g, y); }
  static Samples<Softmax> samples(Generator& random) {
    return softmax_samples<Softmax>(random, "torch.softmax(x[0], {})", 1);
  }
};

// g - exp(y) Σ g
struct LogSoftmaxBackward {
  static constexpr std::string_view name = "log_softmax_backward";
  int dim = 0;
  Spec infer(const Tensor& g, const Tensor& y) const { return same_spec(name, g, y); }
  void forward(View gx, View g, View y) const { kernels::log_softmax_backward(gx, g, y, dim); }
  Tensor grad0(Grad gg, In<1> y) const { return gg - sum(gg * exp(y), {dim}, true); }
  Tensor grad1(Grad gg, In<0> g, In<1> y) const { return -gg * exp(y) * sum(g, {dim}, true); }
  static Samples<LogSoftmaxBackward> samples(Generator& random) {
    const std::string torch = "x[0] - torch.exp(x[1]) * x[0].sum({}, keepdim=True)";
    return softmax_samples<LogSoftmaxBackward>(random, torch, 2);
  }
};

struct LogSoftmax {
  static constexpr std::string_view name = "log_softmax";
  int dim = 0;
  Spec infer(const Tensor& x) const { return floating_spec(name, x); }
  void forward(View y, View x) const { kernels::log_softmax(y, x, dim); }
  Tensor grad0(Grad g, Out y) const { return apply(LogSoftmaxBackward{dim}, g, y); }
  static Samples<LogSoftmax> samples(Generator& random) {
    return softmax_samples<LogSoftmax>(random, "torch.log_softmax(x[0], {})", 1);
  }
};

// scale_i (softmax(x_i) - e_target), fused; not differentiable itself, CrossEntropy's reference is.
struct CrossEntropyBackward {
  static constexpr std::string_view name = "cross_entropy_backward";
  std::int64_t ignore_index = -100;
  Spec infer(const Tensor& x, const Tensor&, const Tensor&) const { return {x.shape(), x.dtype()}; }
  void forward(View gx, View x, View target, View scale) const {
    kernels::cross_entropy_backward(gx, x, target, scale, ignore_index);
  }
  static Samples<CrossEntropyBackward> samples(Generator& random) {
    return {
        {{-100},
         {draw(random, {3, 4}), tensor({1, 3, -100}), draw(random, {3})},
         "torch.where(x[1][:, None] == -100, 0.0, x[2][:, None] * (torch.softmax(x[0], 1) - "
         "torch.nn.functional.one_hot(x[1].clamp(min=0), 4)))"},
        {{-100}, {draw(random, {0, 4}), zeros({0}, {.dtype = int64}), draw(random, {0})}, "x[0].new_zeros(0, 4)"}};
  }
};

// -log_softmax(x_i)[target_i] of each row of x [n, classes]; 0 where target_i is ignore_index.
struct CrossEntropy {
  static constexpr std::string_view name = "cross_entropy";
  std::int64_t ignore_index = -100;
  Spec infer(const Tensor& x, const Tensor&) const { return {{x.shape()[0]}, x.dtype()}; }
  void forward(View y, View x, View target) const { kernels::cross_entropy(y, x, target, ignore_index); }
  Tensor grad0(Grad g, In<0> x, In<1> target) const {
    return apply(CrossEntropyBackward{ignore_index}, x, target, g.contiguous());
  }
  Tensor reference(const Tensor& x, const Tensor& target) const {
    const Tensor ignored = eq(target, static_cast<double>(ignore_index));
    const Tensor index = where(ignored, zeros_like(target), target);
    const Tensor rows = -squeeze(gather(log_softmax(x, 1), 1, unsqueeze(index, 1)), 1);
    return where(ignored, zeros_like(rows), rows);
  }
  static Samples<CrossEntropy> samples(Generator& random) {
    const std::string torch = "torch.nn.functional.cross_entropy(x[0], x[1], reduction='none')";
    return {{{}, {draw(random, {3, 4}), tensor({1, 3, 0})}, torch},
            {{}, {draw(random, {3, 4}), tensor({-100, 3, 0})}, torch},
            {{}, {draw(random, {0, 4}), zeros({0}, {.dtype = int64})}, torch}};
  }
};

using SoftmaxOps =
    OpList<Softmax, SoftmaxBackward, LogSoftmax, LogSoftmaxBackward, CrossEntropy, CrossEntropyBackward>;

}  // namespace ebb::ops
