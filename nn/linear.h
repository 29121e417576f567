// The fully connected layer.
#pragma once

#include <cstdint>

#include "nn/role.h"

namespace ebb::nn {

namespace detail {
Tensor linear_weight(std::int64_t in, std::int64_t out);
Tensor linear_bias(std::int64_t in, std::int64_t out, bool wanted);
}  // namespace detail

// y = x weightᵀ + bias; x [.., in] → [.., out]. Weight [out, in] and bias [out] start as U(-b, b), b = 1 / √in.
//
//   nn::Linear fc{400, 120};
//   nn::Linear projection{.in = 64, .out = 64, .with_bias = false};
struct Linear {
  std::int64_t in, out;
  bool with_bias = true;
  Parameter weight = detail::linear_weight(in, out);
  Parameter bias = detail::linear_bias(in, out, with_bias);

  Tensor operator()(const Tensor& x) const;
};

}  // namespace ebb::nn
