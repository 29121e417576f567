#include "autograd/kernels/norm.h"

#include <hwy/cache_control.h>

#include <algorithm>
#include <cmath>

#include "autograd/base/divide.h"
#include "autograd/base/parallel.h"
#include "autograd/base/scratch.h"
#include "autograd/kernels/bytes.h"
#include "autograd/kernels/fold.h"
#include "autograd/kernels/norm_runs.h"
#include "autograd/kernels/numbers.h"
#include "autograd/kernels/reduce.h"

namespace ebb::kernels {
namespace {

constexpr std::int64_t kWork = 16 * 1024;  // elements worth a piece of a parallel_for
constexpr std::int64_t kGroup = 16;        // rows that are worked on while they are in the cache
constexpr std::int64_t kPieces = 256;      // of a sum over rows, at most
constexpr std::int64_t kLeastPlane = 16;   // elements; smaller planes are normalised as features

// Pieces of a parallel_for over runs of n elements.
std::int64_t grain_of(std::int64_t n) { return std::max<std::int64_t>(1, kWork / std::max<std::int64_t>(1, n)); }

// Sums over rows for the gradients of weight and bias: every piece of a parallel_for adds to its own, and
// result() adds those of the pieces in order.
class ParameterSums {
 public:
  ParameterSums(std::int64_t rows, std::int64_t n)
      : n_(n),
        grain_(std::max(grain_of(n), ceil_div(rows, kPieces))),
        pieces_(std::max<std::int64_t>(1, ceil_div(rows, grain_))),
        sums_(2 * n * pieces_) {
    std::fill_n(sums_.data(), 2 * n * pieces_, 0.0);
  }

  std::int64_t grain() const { return grain_; }
  double* weight(std::int64_t first_row) const { return sums_.data() + first_row / grain_ * 2 * n_; }
  double* bias(std::int64_t first_row) const { return weight(first_row) + n_; }

  // Sums for weight, then for bias; once.
  const double* result() const {
    for (std::int64_t p = 1; p < pieces_; ++p)
      for (std::int64_t j = 0; j < 2 * n_; ++j) sums_[j] += sums_[p * 2 * n_ + j];
    return sums_.data();
  }

 private:
  std::int64_t n_, grain_, pieces_;
  memory::Scratch<double> sums_;
};

template <class T>
const NormRuns<T>& runs() {
  return std::get<NormRuns<T>>(norm_runs());
}

template <class T>
struct RowStatistics {
  T mean, rstd, offset;  // offset: see NormCoefficients
};

// Of up to kGroup rows of n elements, side by side. See Note [Exact deviations].
template <class T>
void row_statistics(RowStatistics<T>* result, const T* x, std::int64_t rows, std::int64_t n, double eps) {
  const FoldGeometry all{rows, n, 1, 0, n};
  const auto count = static_cast<double>(n);
  double sum[kGroup] = {}, squares[kGroup] = {};
  T shift[kGroup];
  for (std::int64_t r = 0; r < rows; ++r) shift[r] = n > 0 ? x[r * n] : T(0);
  sum_fold<T>().rows(sum, x, all, shift);
  for (std::int64_t r = 0; r < rows; ++r) {
    const double mean = static_cast<double>(shift[r]) + sum[r] / count;
    shift[r] = static_cast<T>(mean);
    sum[r] = mean - static_cast<double>(shift[r]);
  }
  squared_deviation_fold<T>().rows(squares, x, all, shift);
  for (std::int64_t r = 0; r < rows; ++r) {
    const double variance = squares[r] / count - sum[r] * sum[r];
    const double rstd = 1 / std::sqrt((variance < 0 ? 0 : variance) + eps);
    result[r] = {shift[r], static_cast<T>(rstd), static_cast<T>(-sum[r] * rstd)};
  }
}

template <class T>
void layer_norm_of(const View& y, const View& mean, const View& rstd, const View& x, const View& weight,
                   const View& bias, double eps) {
  const std::int64_t rows = x.size(0), n = x.size(1);
  const Numbers<T> w(weight, n, T(1)), b(bias, n, T(0));
  const Strided<T> means(mean), rstds(rstd);
  const bool streamed = past_cache(y);
  parallel_for(rows, grain_of(n), [&](std::int64_t begin, std::int64_t end) {
    for (; begin < end; begin += kGroup) {
      const std::int64_t count = std::min(kGroup, end - begin);
      RowStatistics<T> statistics[kGroup];
      row_statistics(statistics, x.as<const T>() + begin * n, count, n, eps);
      for (std::int64_t r = 0; r < count; ++r) {
        const auto& s = statistics[r];
        const std::int64_t at = (begin + r) * n;
        runs<T>().normalize_row(y.as<T>() + at, x.as<const T>() + at, n,
                                {&s.mean, &s.rstd, w.data(), b.data(), s.offset, streamed});
        means[begin + r] = s.mean;
        rstds[begin + r] = s.rstd;
      }
    }
    if (streamed) hwy::FlushStream();
  });
}

// With ĝ = g weight: gx = rstd (ĝ - mean(ĝ) - x̂ mean(ĝ x̂)), gweight = sum of g x̂ and gbias = sum of g over rows.
template <class T>
void layer_norm_backward_of(const View& gx, const View& gweight, const View& gbias, const View& g, const View& x,
                            const View& weight, const View& mean, const View& rstd) {
  const std::int64_t rows = x.size(0), n = x.size(1);
  const Numbers<T> w(weight, n, T(1)), m(mean, rows, T(0)), s(rstd, rows, T(1));
  const bool wants_parameters = gweight.data != nullptr || gbias.data != nullptr;
  const ParameterSums parameters(wants_parameters ? rows : 0, n);

  const auto accumulate = [&](std::int64_t piece, std::int64_t row, std::int64_t count) {
    runs<T>().accumulate_rows(parameters.weight(piece), parameters.bias(piece), g.as<const T>() + row * n,
                              x.as<const T>() + row * n, count, n, m.data() + row, s.data() + row);
  };
  const auto input_gradient = [&](std::int64_t row) {
    const T *g_row = g.as<const T>() + row * n, *x_row = x.as<const T>() + row * n;
    const NormCoefficients<T> c{m.data() + row, s.data() + row, w.data(), nullptr};
    double sums[2];
    runs<T>().sums_of_row(sums, g_row, x_row, n, c);
    const T c0 = static_cast<T>(sums[0] / static_cast<double>(n));
    const T c1 = static_cast<T>(sums[1] / static_cast<double>(n));
    runs<T>().gradient_of_row(gx.as<T>() + row * n, g_row, x_row, n, c, &c0, &c1);
  };
  parallel_for(rows, parameters.grain(), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; i += kGroup) {
      const std::int64_t count = std::min(kGroup, end - i);
      if (wants_parameters) accumulate(begin, i, count);
      for (std::int64_t r = 0; gx.data != nullptr && r < count; ++r) input_gradient(i + r);
    }
  });
  if (!wants_parameters) return;
  const double* sums = parameters.result();
  assign<T>(gweight, n, [&](std::int64_t j) { return sums[j]; });
  assign<T>(gbias, n, [&](std::int64_t j) { return sums[n + j]; });
}

// x [n, c, inner] of batch_norm and how it is cut into runs: planes, or all features of a sample if planes are
// small. Run i is the `length` elements from i length; its coefficients begin at coefficient(i) of arrays that
// hold each channel's `repeat` times. Without elements there are no samples.
struct Channels {
  explicit Channels(const View& x)
      : n(x.numel() == 0 ? 0 : x.size(0)),
        c(x.size(1)),
        inner(x.size(2)),
        planes(inner >= kLeastPlane),
        runs(planes ? n * c : n),
        length(planes ? inner : c * inner),
        repeat(planes ? 1 : inner) {}

  std::int64_t coefficient(std::int64_t i) const { return planes ? i % c : 0; }
  template <class T>
  Numbers<T> coefficients(const View& v, T missing) const {
    return Numbers<T>(v, c, missing, repeat);
  }
  template <class F>
  void for_each_run(F&& f) const {
    parallel_for(runs, grain_of(length), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) f(i);
    });
  }

  const std::int64_t n, c, inner;
  const bool planes;
  const std::int64_t runs, length, repeat;
};

template <class T>
void batch_norm_apply_of(const View& y, const View& x, const View& mean, const View& rstd, const View& weight,
                         const View& bias) {
  const Channels channels(x);
  const auto m = channels.coefficients<T>(mean, 0), s = channels.coefficients<T>(rstd, 1);
  const auto w = channels.coefficients<T>(weight, 1), b = channels.coefficients<T>(bias, 0);
  const auto normalize = channels.planes ? runs<T>().normalize_plane : runs<T>().normalize_features;
  channels.for_each_run([&](std::int64_t i) {
    const std::int64_t at = i * channels.length, k = channels.coefficient(i);
    normalize(y.as<T>() + at, x.as<const T>() + at, channels.length,
              {m.data() + k, s.data() + k, w.data() + k, b.data() + k});
  });
}

// Per channel the sum of g and the sum of g x̂, into sums[0 … c) and sums[c … 2 c).
template <class T>
void channel_sums(double* sums, const Channels& channels, const T* g, const T* x, const T* mean, const T* rstd) {
  const std::int64_t n = channels.n, c = channels.c, length = channels.length;
  std::fill_n(sums, 2 * c, 0.0);
  if (channels.planes) {
    const memory::Scratch<double> of_planes(2 * n * c);
    const T one = 1;
    channels.for_each_run([&](std::int64_t i) {
      const std::int64_t k = channels.coefficient(i);
      runs<T>().sums_of_plane(of_planes.data() + 2 * i, g + i * length, x + i * length, length,
                              {mean + k, rstd + k, &one, nullptr});
    });
    for (std::int64_t i = 0; i < n * c; ++i) {
      sums[i % c] += of_planes[2 * i];
      sums[c + i % c] += of_planes[2 * i + 1];
    }
  } else {
    const ParameterSums features(n, length);
    parallel_for(n, features.grain(), [&](std::int64_t begin, std::int64_t end) {
      runs<T>().accumulate_features(features.weight(begin), features.bias(begin), g + begin * length,
                                    x + begin * length, end - begin, length, mean, rstd);
    });
    const double* result = features.result();
    for (std::int64_t j = 0; j < length; ++j) {
      sums[j / channels.inner] += result[length + j];
      sums[c + j / channels.inner] += result[j];
    }
  }
}

// With N = n inner: gx = rstd weight (g - sum(g) / N - x̂ sum(g x̂) / N), gweight = sum(g x̂), gbias = sum(g).
template <class T>
void batch_norm_backward_of(const View& gx, const View& gweight, const View& gbias, const View& g, const View& x,
                            const View& weight, const View& mean, const View& rstd) {
  const Channels channels(x);
  const std::int64_t c = channels.c, repeat = channels.repeat;
  const auto m = channels.coefficients<T>(mean, 0), s = channels.coefficients<T>(rstd, 1);
  const auto w = channels.coefficients<T>(weight, 1);
  const memory::Scratch<double> sums(2 * c);
  channel_sums<T>(sums.data(), channels, g.as<const T>(), x.as<const T>(), m.data(), s.data());
  assign<T>(gbias, c, [&](std::int64_t j) { return sums[j]; });
  assign<T>(gweight, c, [&](std::int64_t j) { return sums[c + j]; });
  if (gx.data == nullptr) return;

  const auto count = static_cast<double>(channels.n * channels.inner);
  const memory::Scratch<T> c0(c * repeat), c1(c * repeat);
  for (std::int64_t j = 0; j < c * repeat; ++j) {
    const double factor = static_cast<double>(w[j]) / count;
    c0[j] = static_cast<T>(factor * sums[j / repeat]);
    c1[j] = static_cast<T>(factor * sums[c + j / repeat]);
  }
  const auto gradient = channels.planes ? runs<T>().gradient_of_plane : runs<T>().gradient_of_features;
  channels.for_each_run([&](std::int64_t i) {
    const std::int64_t at = i * channels.length, k = channels.coefficient(i);
    gradient(gx.as<T>() + at, g.as<const T>() + at, x.as<const T>() + at, channels.length,
             {m.data() + k, s.data() + k, w.data() + k, nullptr}, c0.data() + k, c1.data() + k);
  });
}

// x [n, c, inner] of group_norm: a row is a group of one example, `per` channels, whose coefficients are those from
// channel(row) on. Planes are worked on one by one; if they are small the whole row is, with each channel's numbers `repeat`
// times.
struct Groups {
  Groups(const View& x, std::int64_t of_each)
      : n(x.size(0)),
        c(x.size(1)),
        inner(x.size(2)),
        groups(of_each),
        per(c / groups),
        length(per * inner),
        planes(inner >= kLeastPlane),
        repeat(planes ? 1 : inner) {}

  std::int64_t channel(std::int64_t row) const { return row % groups * per; }
  template <class F>
  void for_each_row(F&& f) const {
    parallel_for(n * groups, grain_of(length), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) f(row, row * length, channel(row));
    });
  }

  const std::int64_t n, c, inner, groups, per, length;
  const bool planes;
  const std::int64_t repeat;
};

template <class T>
void group_norm_of(const View& y, const View& mean, const View& rstd, const View& x, const View& weight,
                   const View& bias, std::int64_t count, double eps) {
  const Groups groups(x, count);
  const Numbers<T> w(weight, groups.c, T(1), groups.repeat), b(bias, groups.c, T(0), groups.repeat);
  const Strided<T> means(mean), rstds(rstd);
  groups.for_each_row([&](std::int64_t row, std::int64_t at, std::int64_t channel) {
    const T* const from = x.as<const T>() + at;
    T* const to = y.as<T>() + at;
    RowStatistics<T> s;
    row_statistics(&s, from, 1, groups.length, eps);
    means[row] = s.mean;
    rstds[row] = s.rstd;
    const auto coefficients = [&](std::int64_t k) {
      return NormCoefficients<T>{&s.mean, &s.rstd, w.data() + k, b.data() + k, s.offset};
    };
    if (!groups.planes)
      return runs<T>().normalize_row(to, from, groups.length, coefficients(channel * groups.inner));
    for (std::int64_t j = 0; j < groups.per; ++j)
      runs<T>().normalize_plane(to + j * groups.inner, from + j * groups.inner, groups.inner,
                                coefficients(channel + j));
  });
}

// As layer_norm's, each group a row; the sums for weight and bias are those of the planes.
template <class T>
void group_norm_backward_of(const View& gx, const View& gweight, const View& gbias, const View& g, const View& x,
                            const View& weight, const View& mean, const View& rstd, std::int64_t count) {
  const Groups groups(x, count);
  const std::int64_t n = groups.n, c = groups.c, inner = groups.inner;
  const Numbers<T> w(weight, c, T(1), groups.repeat), m(mean, n * groups.groups, T(0)),
      s(rstd, n * groups.groups, T(1));
  const memory::Scratch<double> of_planes(2 * n * c);  // sums of g, and of g x̂
  const T one = 1;
  groups.for_each_row([&](std::int64_t row, std::int64_t at, std::int64_t channel) {
    const T *const g_row = g.as<const T>() + at, *const x_row = x.as<const T>() + at;
    double* const sums = of_planes.data() + 2 * row * groups.per;
    double c0 = 0, c1 = 0;
    for (std::int64_t j = 0; j < groups.per; ++j) {
      runs<T>().sums_of_plane(sums + 2 * j, g_row + j * inner, x_row + j * inner, inner,
                              {m.data() + row, s.data() + row, &one, nullptr});
      const auto factor = static_cast<double>(w[(channel + j) * groups.repeat]);
      c0 += factor * sums[2 * j];
      c1 += factor * sums[2 * j + 1];
    }
    if (gx.data == nullptr) return;
    const T means[] = {static_cast<T>(c0 / static_cast<double>(groups.length)),
                       static_cast<T>(c1 / static_cast<double>(groups.length))};
    const auto coefficients = [&](std::int64_t k) {
      return NormCoefficients<T>{m.data() + row, s.data() + row, w.data() + k, nullptr};
    };
    T* const to = gx.as<T>() + at;
    if (!groups.planes)
      return runs<T>().gradient_of_row(to, g_row, x_row, groups.length, coefficients(channel * inner), means,
                                       means + 1);
    for (std::int64_t j = 0; j < groups.per; ++j)
      runs<T>().gradient_of_plane(to + j * inner, g_row + j * inner, x_row + j * inner, inner,
                                  coefficients(channel + j), means, means + 1);
  });
  const auto over_examples = [&](std::int64_t j, std::int64_t which) {
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) sum += of_planes[2 * (i * c + j) + which];
    return sum;
  };
  assign<T>(gbias, c, [&](std::int64_t j) { return over_examples(j, 0); });
  assign<T>(gweight, c, [&](std::int64_t j) { return over_examples(j, 1); });
}

}  // namespace

void layer_norm(View y, View mean, View rstd, View x, View weight, View bias, double eps) {
  visit_floating(x.dtype, [&]<class T>(T*) { layer_norm_of<T>(y, mean, rstd, x, weight, bias, eps); });
}

void layer_norm_backward(View gx, View gweight, View gbias, View g, View x, View weight, View mean, View rstd) {
  visit_floating(x.dtype,
                 [&]<class T>(T*) { layer_norm_backward_of<T>(gx, gweight, gbias, g, x, weight, mean, rstd); });
}

void batch_norm_statistics(View mean, View variance, View x) {
  const std::int64_t c = x.size(1);
  const Shape shape{1, c, 1};
  const Dims strides = contiguous_strides(shape);
  visit_floating(x.dtype, [&]<class T>(T*) {
    const memory::Scratch<T> means(c), variances(c);
    mean_variance({means.data(), &shape, &strides, x.dtype, true},
                  {variances.data(), &shape, &strides, x.dtype, true}, x,
                  static_cast<double>(x.size(0) * x.size(2)));
    assign<T>(mean, c, [&](std::int64_t j) { return means[j]; });
    assign<T>(variance, c, [&](std::int64_t j) { return variances[j]; });
  });
}

void batch_norm_apply(View y, View x, View mean, View rstd, View weight, View bias) {
  visit_floating(x.dtype, [&]<class T>(T*) { batch_norm_apply_of<T>(y, x, mean, rstd, weight, bias); });
}

void batch_norm_backward(View gx, View gweight, View gbias, View g, View x, View weight, View mean, View rstd) {
  visit_floating(x.dtype,
                 [&]<class T>(T*) { batch_norm_backward_of<T>(gx, gweight, gbias, g, x, weight, mean, rstd); });
}

void group_norm(View y, View mean, View rstd, View x, View weight, View bias, std::int64_t groups, double eps) {
  visit_floating(x.dtype, [&]<class T>(T*) { group_norm_of<T>(y, mean, rstd, x, weight, bias, groups, eps); });
}

void group_norm_backward(View gx, View gweight, View gbias, View g, View x, View weight, View mean, View rstd,
                         std::int64_t groups) {
  visit_floating(x.dtype, [&]<class T>(T*) {
    group_norm_backward_of<T>(gx, gweight, gbias, g, x, weight, mean, rstd, groups);
  });
}

}  // namespace ebb::kernels
