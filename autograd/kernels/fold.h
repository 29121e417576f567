// The inner loops of reductions, chosen at run time for the machine: elements folded into accumulators.
#pragma once

#include <cstdint>
#include <tuple>
#include <type_traits>

namespace ebb::kernels {

// Sums are accumulated wider than the elements: blocks of float in float, the blocks in double.
template <class T>
using SumOf = std::conditional_t<std::is_floating_point_v<T>, double, std::int64_t>;

// The part of x that one call folds, steps in elements.
struct FoldGeometry {
  std::int64_t outputs, output_step;  // columns: output_step = 1
  std::int64_t runs, run_step;
  std::int64_t n;  // rows: elements of a run, side by side; columns: 1
};

// acc[i] = acc[i] ⊕ f(x[i output_step + r run_step + j], shift[i]) over r < runs and j < n, where ⊕ is the sum or
// the maximum. `rows` is vectorised over j, `columns` over i. shift may be null: then it is 0.
template <class T, class A>
struct Fold {
  using Acc = A;
  A identity;
  A (*combine)(A, A);
  void (*rows)(A* acc, const T* x, const FoldGeometry& part, const T* shift);
  void (*columns)(A* acc, const T* x, const FoldGeometry& part, const T* shift);
};

template <class T>
using SumFold = Fold<T, SumOf<T>>;
template <class T>
using ExtremeFold = Fold<T, T>;

template <template <class> class F>
using FloatFolds = std::tuple<F<float>, F<double>>;

// Those of the best instruction set here. Integers are folded by plain loops.
const FloatFolds<SumFold>& sum_folds();
const FloatFolds<SumFold>& squared_deviation_folds();
const FloatFolds<SumFold>& exponential_folds();
const FloatFolds<ExtremeFold>& largest_folds();
extern const SumFold<std::int64_t> kIntegerSum;
extern const SumFold<std::uint8_t> kByteSum;
extern const ExtremeFold<std::int64_t> kLargestInteger;

// f = x - shift
template <class T>
const SumFold<T>& sum_fold() {
  if constexpr (std::is_same_v<T, std::uint8_t>) return kByteSum;
  else if constexpr (std::is_integral_v<T>) return kIntegerSum;
  else return std::get<SumFold<T>>(sum_folds());
}
// The product of f = x, for float, double, bytes and int64, modulo 2^64; shift is not looked at.
template <class T>
const SumFold<T>& product_fold();
// f = (x - shift)²
template <class T>
const SumFold<T>& squared_deviation_fold() {
  return std::get<SumFold<T>>(squared_deviation_folds());
}
// f = exp(x - shift), x <= shift
template <class T>
const SumFold<T>& exponential_fold() {
  return std::get<SumFold<T>>(exponential_folds());
}
// The maximum of f = x with the bits of shift flipped; NaN wins.
template <class T>
const ExtremeFold<T>& largest_fold() {
  if constexpr (std::is_integral_v<T>) return kLargestInteger;
  else return std::get<ExtremeFold<T>>(largest_folds());
}

}  // namespace ebb::kernels
