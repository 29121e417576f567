// The inner loops of normalisation, chosen at run time for the machine.
#pragma once

#include <cstdint>
#include <tuple>

namespace ebb::kernels {

// A run of elements and what normalises them: x̂ = (x - mean) rstd + offset, y = x̂ weight + bias. In kernels of
//   a row (of layer_norm) mean and rstd are one number, weight and bias one per element;
//   a plane (of batch_norm: one channel of one image) all are one number;
//   features (of batch_norm: all channels of one sample) all are one per element.
template <class T>
struct NormCoefficients {
  const T *mean, *rstd, *weight, *bias;
  T offset = 0;           // of rows: what rounding the mean to T takes from x̂
  bool streamed = false;  // y is written past the cache
};

template <class T>
struct NormRuns {
  using Normalize = void (*)(T* y, const T* x, std::int64_t n, const NormCoefficients<T>& c);
  Normalize normalize_row, normalize_plane, normalize_features;

  // sums[0] = sum of g weight, sums[1] = sum of g weight x̂.
  using Sums = void (*)(double* sums, const T* g, const T* x, std::int64_t n, const NormCoefficients<T>& c);
  Sums sums_of_row, sums_of_plane;

  // gx = rstd (g weight - c0 - x̂ c1); c0 and c1 are as many as rstd.
  using Gradient = void (*)(T* gx, const T* g, const T* x, std::int64_t n, const NormCoefficients<T>& c,
                            const T* c0, const T* c1);
  Gradient gradient_of_row, gradient_of_plane, gradient_of_features;

  // gweight[j] += sum over rows of g x̂, gbias[j] += sum over rows of g, for rows of n elements side by side. Mean
  // and rstd are one per row in `rows`, one per element in `features`.
  using Accumulate = void (*)(double* gweight, double* gbias, const T* g, const T* x, std::int64_t rows,
                              std::int64_t n, const T* mean, const T* rstd);
  Accumulate accumulate_rows, accumulate_features;
};

// Those of the best instruction set here.
const std::tuple<NormRuns<float>, NormRuns<double>>& norm_runs();

}  // namespace ebb::kernels
