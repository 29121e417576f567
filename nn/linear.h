// Fully connected layers.
#pragma once

#include <cstdint>

#include "nn/role.h"

namespace ebb::nn {

namespace detail {
Tensor linear_weight(std::int64_t in, std::int64_t out);
Tensor linear_bias(std::int64_t in, std::int64_t out, bool wanted);
Tensor bilinear_weight(std::int64_t in1, std::int64_t in2, std::int64_t out);
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

// y_k = x1ᵀ weight_k x2 + bias_k; x1 [.., in1] and x2 [.., in2] → [.., out]. Weight [out, in1, in2] and bias [out] start as
// U(-b, b), b = 1 / √in1.
struct Bilinear {
  std::int64_t in1, in2, out;
  bool with_bias = true;
  Parameter weight = detail::bilinear_weight(in1, in2, out);
  Parameter bias = detail::linear_bias(in1, out, with_bias);

  Tensor operator()(const Tensor& x1, const Tensor& x2) const;
};

}  // namespace ebb::nn
