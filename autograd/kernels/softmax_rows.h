// Softmax and its relatives on contiguous rows, chosen at run time for the machine.
#pragma once

#include <tuple>

#include "autograd/kernels/rows.h"
#include "autograd/kernels/strided.h"

namespace ebb::kernels {

// The first operand is the result. Sums are accumulated in double.
template <class T>
struct SoftmaxRows {
  void (*softmax)(const Rows<T, 2>& y_x);
  void (*log_softmax)(const Rows<T, 2>& y_x);
  // y = scale[i] softmax(x) in row i.
  void (*scaled_softmax)(const Rows<T, 2>& y_x, const double* scale);
  // result[i] = log(sum(exp(x))) of row i.
  void (*logsumexp)(double* result, const Rows<T, 1>& x);

  void (*softmax_backward)(const Rows<T, 3>& gx_g_y);
  void (*log_softmax_backward)(const Rows<T, 3>& gx_g_y);
  // gx = g exp(x - y), element by element: see reduce.h.
  RunKernel logsumexp_backward;
};

// Those of the best instruction set here.
const std::tuple<SoftmaxRows<float>, SoftmaxRows<double>>& softmax_rows();

}  // namespace ebb::kernels
