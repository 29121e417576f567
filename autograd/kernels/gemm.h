// Matrix products.
#pragma once

#include "autograd/base/view.h"

namespace ebb::kernels {

// c[b, i, j] = sum_k a[b, i, k] b[b, k, j], or += if `accumulate`. All of one dtype, float32 or float64,
// ranks equal and >= 2; leading dimensions equal (stride 0 where one operand is shared). Any strides of a and
// b, transposed operands included, without a copy of the whole; c has unit stride in its last dimension.
void matmul(const View& c, const View& a, const View& b, bool accumulate = false);

// y[n, out] = x[n, in] · weight[out, in]ᵀ + bias[out]; bias.data may be null. x and y have unit stride in the
// last dimension. Small n takes a path without packing (dot products against rows of weight).
void linear(const View& y, const View& x, const View& weight, const View& bias);

// The product behind both, for float and double, exposed for convolution and tests: C[m×n] (+)= A[m×k]
// B[k×n], element strides of rows and columns, C's column stride 1. Serial; the caller splits work among
// threads.
template <class T>
struct Gemm {
  std::int64_t m, n, k;
  const T* a;
  std::int64_t a_row, a_col;
  const T* b;
  std::int64_t b_row, b_col;
  T* c;
  std::int64_t c_row;
  bool accumulate = false;
  const T* bias = nullptr;    // n elements added to every row of C; null if `accumulate`
  const T* packed = nullptr;  // from gemm_pack(), read instead of b; for gemm_serial() alone
};
void gemm_serial(const Gemm<float>& g);
void gemm_serial(const Gemm<double>& g);

// Copies B, where many products share it, in the order in which they read it: packed_size() elements. The copy does not
// depend on m.
std::int64_t packed_size(const Gemm<float>& g);
std::int64_t packed_size(const Gemm<double>& g);
void gemm_pack(float* to, const Gemm<float>& g);
void gemm_pack(double* to, const Gemm<double>& g);

}  // namespace ebb::kernels
