// Matrix products.
#pragma once

#include "autograd/kernels/gemm.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

// Leading sizes stretched to what they broadcast to; both tensors have two dimensions or more.
void broadcast_leading(std::string_view op, Tensor& a, Tensor& b);

// Batches of matrices, [.., n, k] and [.., k, m], leading sizes equal.
struct Matmul {
  static constexpr std::string_view name = "matmul";
  Spec infer(const Tensor& a, const Tensor& b) const {
    require_floating(name, a);
    require_same_dtype(name, a, b);
    const int r = a.dim();
    if (a.shape()[r - 1] != b.shape()[r - 2])
      fail("matmul: inner sizes differ, {} and {} (lhs {}, rhs {})", a.shape()[r - 1], b.shape()[r - 2], a.shape(),
           b.shape());
    return {a.shape().with(r - 1, b.shape()[r - 1]), a.dtype()};
  }
  void forward(View y, View a, View b) const { kernels::matmul(y, a, b); }
  Tensor grad0(Grad g, In<1> b) const { return matmul(g, transpose(b, -2, -1)); }
  Tensor grad1(Grad g, In<0> a) const { return matmul(transpose(a, -2, -1), g); }
  static Samples<Matmul> samples(Generator& random) {
    const std::string torch = "torch.matmul(x[0], x[1])";
    return {{{}, {draw(random, {3, 4}), draw(random, {4, 2})}, torch},
            {{}, {draw(random, {2, 3, 4}), draw(random, {2, 4, 2})}, torch},
            {{}, {draw(random, {3, 0}), draw(random, {0, 2})}, torch},
            {{}, {draw(random, {0, 3}), draw(random, {3, 2})}, torch}};
  }
};

// y = x wᵀ + b for x [n, in], w [out, in], b [out] contiguous or undefined.
struct Linear {
  static constexpr std::string_view name = "linear";
  Spec infer(const Tensor& x, const Tensor& weight, const Tensor& bias) const {
    require_floating(name, x);
    require_same_dtype(name, x, weight);
    if (bias.defined()) require_same_dtype(name, x, bias);
    return {{x.shape()[0], weight.shape()[0]}, x.dtype()};
  }
  void forward(View y, View x, View weight, View bias) const { kernels::linear(y, x, weight, bias); }
  Tensor grad0(Grad g, In<1> weight) const { return matmul(g, weight); }
  Tensor grad1(Grad g, In<0> x) const { return matmul(transpose(g, 0, 1), x); }
  Tensor grad2(Grad g) const { return sum(g, {0}); }
  static Samples<Linear> samples(Generator& random) {
    return {
        {{}, {draw(random, {3, 4}), draw(random, {2, 4}), draw(random, {2})}, "torch.nn.functional.linear(*x)"},
        {{}, {draw(random, {3, 4}), draw(random, {2, 4}), Tensor()}, "torch.nn.functional.linear(x[0], x[1])"},
        {{}, {draw(random, {0, 4}), draw(random, {2, 4}), draw(random, {2})}, "torch.nn.functional.linear(*x)"}};
  }
};

using LinearOps = OpList<Matmul, Linear>;

}  // namespace ebb::ops
