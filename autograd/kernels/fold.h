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

// acc[i] = acc[i] ⊕ f(x[i output_step + r run_step + j], shift[i]) over r < runs and j < n, where ⊕ is the
// sum or the extreme and f is the identity, (x - shift)² or exp(x - shift). `rows` is vectorised over j,
// `columns` over i.
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
using ExtremeFold = Fold<T, T>;  // NaN wins

template <template <class> class F>
using FloatFolds = std::tuple<F<float>, F<double>>;
template <template <class> class F>
using AllFolds = std::tuple<F<float>, F<double>, F<std::int64_t>>;

struct Folds {
  AllFolds<SumFold> sum;
  AllFolds<ExtremeFold> amax, amin;
  FloatFolds<SumFold> squared_deviation;
  FloatFolds<SumFold> exponential;  // x <= shift
};

// Those of the best instruction set here.
const Folds& folds();

}  // namespace ebb::kernels
