#include "autograd/kernels/reduce.h"

#include <cmath>
#include <limits>

#include "autograd/kernels/reduction.h"

namespace ebb::kernels {
namespace {

// Stores finish(accumulator) of a tile's outputs.
template <class T, class A, class Finish>
void store(const View& y, const Reduction& r, const OutputTile& tile, const A* acc, Finish&& finish) {
  T* const to = y.as<T>() + tile.y;
  const std::int64_t step = r.lane.step[1];
  if (step == 1) {
    for (std::int64_t i = 0; i < tile.count; ++i) to[i] = finish(acc[i]);
  } else {
    for (std::int64_t i = 0; i < tile.count; ++i) to[i * step] = finish(acc[i]);
  }
}

template <Reduce F, class T>
const SumFold<T>& fold_of() {
  if constexpr (F == Reduce::product) return product_fold<T>();
  else if constexpr (F == Reduce::sum_of_squares && std::is_floating_point_v<T>)
    return squared_deviation_fold<T>();
  else return sum_fold<T>();
}

template <Reduce F, class T>
void reduce_sum(const View& y, const View& x, double scale) {
  using A = SumOf<T>;
  using Stored = std::conditional_t<std::is_integral_v<T>, std::int64_t, T>;
  const Reduction r(y, x);
  const Folder<T, A> fold(r, fold_of<F, T>(), x);
  for_each_tile(r, [&](const OutputTile& tile) {
    A sum[Reduction::kMostOutputs];
    fold(tile, sum, nullptr);
    if (scale != 1)
      for (std::int64_t i = 0; i < tile.count; ++i) sum[i] = static_cast<A>(static_cast<double>(sum[i]) * scale);
    store<Stored>(y, r, tile, sum, [](A total) { return static_cast<Stored>(total); });
  });
}

template <class T>
void reduce_extreme(const View& y, const View& x, Extreme extreme) {
  using E = std::conditional_t<std::is_floating_point_v<T>, T, std::int64_t>;
  const Reduction r(y, x);
  const ExtremeFolder<E> fold(r, extreme, x);
  for_each_tile(r, [&](const OutputTile& tile) {
    E result[Reduction::kMostOutputs];
    fold(tile, result);
    store<T>(y, r, tile, result, [](E value) {
      using Limits = std::numeric_limits<T>;
      if constexpr (std::is_integral_v<T>)
        value = std::clamp<E>(value, Limits::min(), Limits::max());  // of nothing
      return static_cast<T>(value);
    });
  });
}

// The first element of each output's: a shift that is near them all, unless it is infinite or NaN.
template <class T>
void first_elements(T* result, const Reduction& r, const OutputTile& tile, const View& x) {
  for (std::int64_t i = 0; i < tile.count; ++i) {
    const T first = r.length > 0 ? x.as<const T>()[tile.x + i * r.lane.step[0]] : T(0);
    result[i] = std::isfinite(first) ? first : T(0);
  }
}

}  // namespace

template <Reduce F>
void reduce(View y, View x, double scale) {
  if constexpr (F == Reduce::amax || F == Reduce::amin) {
    constexpr auto kExtreme = F == Reduce::amax ? Extreme::largest : Extreme::smallest;
    visit(x.dtype, [&]<class T>(T*) { reduce_extreme<T>(y, x, kExtreme); });
  } else {
    const auto sum = [&]<class T>(T*) { reduce_sum<F, T>(y, x, scale); };
    if (is_floating(x.dtype)) visit_floating(x.dtype, sum);
    else if (size_of(x.dtype) == 1) sum(static_cast<std::uint8_t*>(nullptr));
    else sum(static_cast<std::int64_t*>(nullptr));
  }
}
template void reduce<Reduce::sum>(View, View, double);
template void reduce<Reduce::sum_of_squares>(View, View, double);
template void reduce<Reduce::product>(View, View, double);
template void reduce<Reduce::amax>(View, View, double);
template void reduce<Reduce::amin>(View, View, double);

// Note [Exact deviations]: float numbers far from 0 lose their digits in a sum, but not in differences from one of
// them. So the mean is the first element plus the mean deviation from it, and squares are of deviations from the
// mean rounded to T, m; what that rounding does is known: sum (x - mean)² = sum (x - m)² - n (mean - m)².
void mean_variance(View mean, View variance, View x, double divisor) {
  visit_floating(x.dtype, [&]<class T>(T*) {
    const Reduction r(variance, x);
    const Folder<T, double> deviation(r, sum_fold<T>(), x);
    const Folder<T, double> square(r, squared_deviation_fold<T>(), x);
    const auto n = static_cast<double>(r.length);
    for_each_tile(r, [&](const OutputTile& tile) {
      double sum[Reduction::kMostOutputs], squares[Reduction::kMostOutputs];
      T shift[Reduction::kMostOutputs];
      first_elements(shift, r, tile, x);
      deviation(tile, sum, shift);
      for (std::int64_t i = 0; i < tile.count; ++i) {
        const double exact = static_cast<double>(shift[i]) + sum[i] / n;
        shift[i] = static_cast<T>(exact);
        sum[i] = exact - static_cast<double>(shift[i]);
      }
      square(tile, squares, shift);
      for (std::int64_t i = 0; i < tile.count; ++i) {
        const std::int64_t at = tile.y + i * r.lane.step[1];
        const double exact = squares[i] - n * sum[i] * sum[i];
        variance.as<T>()[at] = static_cast<T>((exact < 0 ? 0 : exact) / divisor);
        if (mean.data) mean.as<T>()[at] = shift[i];
      }
    });
  });
}

void logsumexp(View y, View x) {
  visit_floating(x.dtype, [&]<class T>(T*) {
    const Reduction r(y, x);
    const Folder<T, T> largest(r, largest_fold<T>(), x);
    const Folder<T, double> exponential(r, exponential_fold<T>(), x);
    for_each_tile(r, [&](const OutputTile& tile) {
      T shift[Reduction::kMostOutputs];
      double sum[Reduction::kMostOutputs];
      largest(tile, shift, nullptr);
      exponential(tile, sum, shift);
      for (std::int64_t i = 0; i < tile.count; ++i) {
        const double result = static_cast<double>(shift[i]) + std::log(sum[i]);
        y.as<T>()[tile.y + i * r.lane.step[1]] = std::isfinite(shift[i]) ? static_cast<T>(result) : shift[i];
      }
    });
  });
}

}  // namespace ebb::kernels
