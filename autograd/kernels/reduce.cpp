#include "autograd/kernels/reduce.h"

#include <cmath>
#include <limits>

#include "autograd/kernels/reduction.h"

namespace ebb::kernels {
namespace {

// Folds each output and stores finish(accumulator) as U.
template <class U, class E, class A, class Finish>
void reduce_with(const View& y, const View& x, const Fold<E, A>& fold_of_tile, Finish&& finish) {
  const Reduction r(y, x);
  const Folder<E, A> fold(r, fold_of_tile, x);
  for_each_tile(r, [&](const Tile& tile) {
    A acc[Reduction::kMostOutputs];
    fold(tile, acc, nullptr);
    for (std::int64_t i = 0; i < tile.count; ++i) y.as<U>()[tile.y + i * r.lane.step[1]] = finish(acc[i]);
  });
}

void reduce_sum(const View& y, const View& x, double scale) {
  const auto sum = [&]<class E>(E*) {
    reduce_with<E>(y, x, std::get<SumFold<E>>(folds().sum), [scale](SumOf<E> total) {
      return static_cast<E>(scale == 1 ? total : static_cast<SumOf<E>>(static_cast<double>(total) * scale));
    });
  };
  is_floating(x.dtype) ? visit_floating(x.dtype, sum) : sum(static_cast<std::int64_t*>(nullptr));
}

void reduce_extreme(const View& y, const View& x, const AllFolds<ExtremeFold>& extreme) {
  visit(x.dtype, [&]<class T>(T*) {
    using E = std::conditional_t<std::is_floating_point_v<T>, T, std::int64_t>;
    using Limits = std::numeric_limits<T>;
    reduce_with<T>(y, x, std::get<ExtremeFold<E>>(extreme), [](E value) {
      if constexpr (std::is_integral_v<T>)
        value = std::clamp<E>(value, Limits::min(), Limits::max());  // empty
      return static_cast<T>(value);
    });
  });
}

// A reduction in two passes: the first fold's result gives the shift of the second.
template <class T, class First, class Shift, class Finish>
void reduce_twice(const View& y, const View& x, const First& first, const SumFold<T>& second,
                  Shift&& shift_of, Finish&& finish) {
  const Reduction r(y, x);
  const Folder<T, typename First::Acc> fold_first(r, first, x);
  const Folder<T, double> fold_second(r, second, x);
  const auto n = static_cast<double>(r.length);
  for_each_tile(r, [&](const Tile& tile) {
    typename First::Acc acc[Reduction::kMostOutputs];
    double sum[Reduction::kMostOutputs];
    T shift[Reduction::kMostOutputs];
    fold_first(tile, acc, nullptr);
    for (std::int64_t i = 0; i < tile.count; ++i) shift[i] = shift_of(acc[i], n);
    fold_second(tile, sum, shift);
    for (std::int64_t i = 0; i < tile.count; ++i)
      finish(tile.y + i * r.lane.step[1], acc[i], shift[i], sum[i], n);
  });
}

}  // namespace

void reduce(Reduce f, View y, View x, double scale) {
  switch (f) {
    case Reduce::sum:
      return reduce_sum(y, x, scale);
    case Reduce::amax:
      return reduce_extreme(y, x, folds().amax);
    case Reduce::amin:
      return reduce_extreme(y, x, folds().amin);
  }
}

// Deviations are taken from the mean rounded to T; what the rounding does is known exactly:
// sum (x - m)² = sum (x - mean)² + n (mean - m)².
void mean_variance(View mean, View variance, View x, double divisor) {
  visit_floating(x.dtype, [&]<class T>(T*) {
    reduce_twice<T>(
        variance, x, std::get<SumFold<T>>(folds().sum), std::get<SumFold<T>>(folds().squared_deviation),
        [](double sum, double n) { return static_cast<T>(sum / n); },
        [&](std::int64_t at, double sum, T shift, double squares, double n) {
          const double rounding = sum / n - static_cast<double>(shift);
          const double exact = squares - n * rounding * rounding;
          variance.as<T>()[at] = static_cast<T>((exact < 0 ? 0 : exact) / divisor);
          if (mean.data) mean.as<T>()[at] = shift;
        });
  });
}

void logsumexp(View y, View x) {
  visit_floating(x.dtype, [&]<class T>(T*) {
    reduce_twice<T>(
        y, x, std::get<ExtremeFold<T>>(folds().amax), std::get<SumFold<T>>(folds().exponential),
        [](T largest, double /*n*/) { return largest; },
        [&](std::int64_t at, T largest, T /*shift*/, double sum, double /*n*/) {
          y.as<T>()[at] =
              std::isfinite(largest) ? static_cast<T>(static_cast<double>(largest) + std::log(sum)) : largest;
        });
  });
}

}  // namespace ebb::kernels
