#include "autograd/kernels/norm_runs.h"

#include "autograd/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "autograd/kernels/norm_runs.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "autograd/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {
namespace {

constexpr std::int64_t kBlock = 512;  // see Note [Blocked sums]
constexpr std::int64_t kGroup = 16;

// A coefficient: one number for all elements of a run, or one for each.
template <class T>
class Same {
 public:
  explicit HWY_INLINE Same(const T* p) : value_(hn::Set(Tag<T>(), *p)) {}
  HWY_INLINE hn::Vec<Tag<T>> at(std::int64_t /*i*/, std::int64_t /*n*/) const { return value_; }

 private:
  hn::Vec<Tag<T>> value_;
};

template <class T>
class Each {
 public:
  explicit HWY_INLINE Each(const T* p) : p_(p) {}
  HWY_INLINE hn::Vec<Tag<T>> at(std::int64_t i, std::int64_t n) const { return load(Tag<T>(), p_ + i, n); }

 private:
  const T* p_;
};

// x̂ of any run.
template <class T, template <class> class Statistic>
class Normal {
 public:
  HWY_INLINE Normal(const T* x, const T* mean, const T* rstd, T offset)
      : x_(x), mean_(mean), rstd_(rstd), offset_(&offset) {}
  HWY_INLINE hn::Vec<Tag<T>> at(std::int64_t i, std::int64_t n) const {
    const auto deviation = hn::Sub(load(Tag<T>(), x_ + i, n), mean_.at(i, n));
    return hn::MulAdd(deviation, rstd_.at(i, n), offset_.at(i, n));
  }

 private:
  const T* x_;
  Statistic<T> mean_, rstd_;
  Same<T> offset_;
};

template <class T, template <class> class Statistic, template <class> class Affine>
void normalize(T* y, const T* x, std::int64_t count, const NormCoefficients<T>& c) {
  const Tag<T> d;
  const Normal<T, Statistic> normal(x, c.mean, c.rstd, c.offset);
  const Affine<T> weight(c.weight), bias(c.bias);
  const auto value = [&](std::int64_t i, std::int64_t n)
                         EBB_LANES { return hn::MulAdd(normal.at(i, n), weight.at(i, n), bias.at(i, n)); };
  if (c.streamed && can_stream(d, y)) {
    for_each_vector(d, count, [&](std::int64_t i, std::int64_t n) EBB_LANES { stream(value(i, n), d, y + i, n); });
  } else {
    for_each_vector(d, count, [&](std::int64_t i, std::int64_t n) EBB_LANES { store(value(i, n), d, y + i, n); });
  }
}

template <class T, template <class> class Affine>
void sums(double* sums, const T* g, const T* x, std::int64_t count, const NormCoefficients<T>& c) {
  const Tag<T> d;
  const Normal<T, Same> normal(x, c.mean, c.rstd, c.offset);
  const Affine<T> weight(c.weight);
  WideSum<T> total, total_normal;
  for (std::int64_t b = 0; b < count; b += kBlock) {
    auto sum = hn::Zero(d), sum_normal = sum;
    for_each_vector(d, std::min(kBlock, count - b), [&](std::int64_t i, std::int64_t n) EBB_LANES {
      const auto gw = hn::Mul(load(d, g + b + i, n), weight.at(b + i, n));  // 0 in the lanes from n on
      sum = hn::Add(sum, gw);
      sum_normal = hn::MulAdd(gw, normal.at(b + i, n), sum_normal);
    });
    total.add(sum);
    total_normal.add(sum_normal);
  }
  sums[0] = total.total();
  sums[1] = total_normal.total();
}

template <class T, template <class> class Statistic, template <class> class Affine>
void gradient(T* gx, const T* g, const T* x, std::int64_t count, const NormCoefficients<T>& c, const T* c0,
              const T* c1) {
  const Tag<T> d;
  const Normal<T, Statistic> normal(x, c.mean, c.rstd, c.offset);
  const Statistic<T> rstd(c.rstd), a0(c0), a1(c1);
  const Affine<T> weight(c.weight);
  for_each_vector(d, count, [&](std::int64_t i, std::int64_t n) EBB_LANES {
    const auto own = hn::MulSub(load(d, g + i, n), weight.at(i, n), a0.at(i, n));
    const auto all = hn::NegMulAdd(normal.at(i, n), a1.at(i, n), own);
    store(hn::Mul(rstd.at(i, n), all), d, gx + i, n);
  });
}

// Adds up to kGroup rows in T, then to the double accumulators. `normal_of(r)` is x̂ of row r.
template <class T, class NormalOf>
HWY_INLINE void accumulate(double* gweight, double* gbias, const T* g, std::int64_t rows, std::int64_t count,
                           NormalOf&& normal_of) {
  const Tag<T> d;
  for (std::int64_t first = 0; first < rows; first += kGroup) {
    const std::int64_t last = std::min(first + kGroup, rows);
    for_each_vector(d, count, [&](std::int64_t i, std::int64_t n) EBB_LANES {
      auto sum = hn::Zero(d), sum_normal = sum;
#pragma GCC unroll 1
      for (std::int64_t r = first; r < last; ++r) {
        const auto gr = load(d, g + r * count + i, n);
        sum = hn::Add(sum, gr);
        sum_normal = hn::MulAdd(gr, normal_of(r).at(i, n), sum_normal);
      }
      WideSum<T>::add(gbias + i, sum, n);
      WideSum<T>::add(gweight + i, sum_normal, n);
    });
  }
}

template <class T>
void accumulate_rows(double* gweight, double* gbias, const T* g, const T* x, std::int64_t rows, std::int64_t n,
                     const T* mean, const T* rstd) {
  accumulate(gweight, gbias, g, rows, n,
             [&](std::int64_t r) EBB_LANES { return Normal<T, Same>(x + r * n, mean + r, rstd + r, 0); });
}

template <class T>
void accumulate_features(double* gweight, double* gbias, const T* g, const T* x, std::int64_t rows, std::int64_t n,
                         const T* mean, const T* rstd) {
  accumulate(gweight, gbias, g, rows, n,
             [&](std::int64_t r) EBB_LANES { return Normal<T, Each>(x + r * n, mean, rstd, 0); });
}

template <class T>
constexpr NormRuns<T> runs_of{
    .normalize_row = normalize<T, Same, Each>,
    .normalize_plane = normalize<T, Same, Same>,
    .normalize_features = normalize<T, Each, Each>,
    .sums_of_row = sums<T, Each>,
    .sums_of_plane = sums<T, Same>,
    .gradient_of_row = gradient<T, Same, Each>,
    .gradient_of_plane = gradient<T, Same, Same>,
    .gradient_of_features = gradient<T, Each, Each>,
    .accumulate_rows = accumulate_rows<T>,
    .accumulate_features = accumulate_features<T>,
};

const std::tuple<NormRuns<float>, NormRuns<double>>& all() {
  static constexpr std::tuple kAll{runs_of<float>, runs_of<double>};
  return kAll;
}

}  // namespace
}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ebb::kernels {

HWY_EXPORT(all);
const std::tuple<NormRuns<float>, NormRuns<double>>& norm_runs() { return HWY_DYNAMIC_DISPATCH(all)(); }

}  // namespace ebb::kernels
#endif
