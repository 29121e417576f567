// Operations on the bits of integers, and on truth values. Without derivative.
#pragma once

#include <string>

#include "autograd/kernels/elementwise.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

inline void require_integer(std::string_view op, const Tensor& x) {
  if (is_floating(x.dtype()) || x.dtype() == boolean)
    fail("{}: the input is {}; it must be integers, convert it by to(int64)", op, describe(x));
}
inline void require_bits(std::string_view op, const Tensor& x) {
  if (is_floating(x.dtype()))
    fail("{}: the input is {}; it must be integers or bool, convert it by to(int64)", op, describe(x));
}

template <class Op, kernels::Binary F>
struct Bitwise {
  Spec infer(const Tensor& a, const Tensor& b) const {
    require_bits(Op::name, a);
    return same_spec(Op::name, a, b);
  }
  void forward(View y, View a, View b) const { kernels::binary<F>(y, a, b); }
  static Samples<Op> samples(Generator& random) {
    Samples<Op> samples;
    const std::string torch = "torch." + std::string(Op::name) + "(x[0], x[1])";
    for (const auto& shape : usual_shapes())
      samples.push_back({{}, {draw_index(random, 64, shape) - 32, draw_index(random, 8, shape)}, torch});
    return samples;
  }
};

struct BitwiseAnd : Bitwise<BitwiseAnd, kernels::Binary::bitwise_and> {
  static constexpr std::string_view name = "bitwise_and";
};
struct BitwiseOr : Bitwise<BitwiseOr, kernels::Binary::bitwise_or> {
  static constexpr std::string_view name = "bitwise_or";
};
struct BitwiseXor : Bitwise<BitwiseXor, kernels::Binary::bitwise_xor> {
  static constexpr std::string_view name = "bitwise_xor";
};

template <class Op, kernels::Binary F>
struct Shift : Bitwise<Op, F> {
  Spec infer(const Tensor& a, const Tensor& b) const {
    require_integer(Op::name, a);
    return same_spec(Op::name, a, b);
  }
};
struct LeftShift : Shift<LeftShift, kernels::Binary::left_shift> {
  static constexpr std::string_view name = "bitwise_left_shift";
};
struct RightShift : Shift<RightShift, kernels::Binary::right_shift> {
  static constexpr std::string_view name = "bitwise_right_shift";
};

struct BitwiseNot {
  static constexpr std::string_view name = "bitwise_not";
  Spec infer(const Tensor& x) const {
    require_bits(name, x);
    return {x.shape(), x.dtype()};
  }
  void forward(View y, View x) const { kernels::unary<kernels::Unary::bitwise_not>(y, x); }
  static Samples<BitwiseNot> samples(Generator& random) {
    Samples<BitwiseNot> samples;
    for (const auto& shape : usual_shapes())
      samples.push_back({{}, {draw_index(random, 64, shape) - 32}, "torch.bitwise_not(x[0])"});
    return samples;
  }
};

using BitwiseOps = OpList<BitwiseAnd, BitwiseOr, BitwiseXor, LeftShift, RightShift, BitwiseNot>;

}  // namespace ebb::ops
