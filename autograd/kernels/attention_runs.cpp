#include "autograd/kernels/attention_runs.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>

#include "autograd/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "autograd/kernels/attention_runs.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "autograd/kernels/exp-inl.h"
#include "autograd/kernels/lanes-inl.h"
#include "autograd/kernels/softmax-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {
namespace {

// scale x + mask, of one row.
template <class T, bool kMasked>
class ScoresOfRow {
 public:
  HWY_INLINE ScoresOfRow(const Scores<T>& s, std::int64_t row)
      : x_(s.row(row)), mask_(s.mask_row(row)), scale_(hn::Set(Tag<T>(), static_cast<T>(s.scale))) {}
  HWY_INLINE hn::Vec<Tag<T>> operator()(std::int64_t i, std::int64_t n) const {
    const auto x = load(Tag<T>(), x_ + i, n);
    if constexpr (kMasked) return hn::MulAdd(x, scale_, load(Tag<T>(), mask_ + i, n));
    else return hn::Mul(x, scale_);
  }

 private:
  const T *x_, *mask_;
  hn::Vec<Tag<T>> scale_;
};

// largest() may have passed over a NaN.
template <class T, class At>
HWY_INLINE bool has_nan(std::int64_t count, At&& at) {
  return std::isnan(sum_of<T>(count, [&](std::int64_t i, std::int64_t n) EBB_LANES {
    return first_lanes(Tag<T>(), at(i, n), n, hn::Zero(Tag<T>()));
  }));
}

template <class T, bool kMasked>
void softmax_scores(const Scores<T>& s, T* logsumexp) {
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  const Tag<T> d;
  for (std::int64_t r = 0; r < s.rows; ++r) {
    T* x = s.row(r);
    const std::int64_t count = s.visible(r);
    const ScoresOfRow<T, kMasked> scores(s, r);
    const T shift = largest<T>(count, scores);
    if (shift == -kInfinity && !has_nan<T>(count, scores)) {
      std::fill_n(x, s.columns, T(0));
      logsumexp[r] = kInfinity;
      continue;
    }
    const double sum = sum_exp(count, shift, scores,
                               [&](std::int64_t i, std::int64_t n, auto e) EBB_LANES { store(e, d, x + i, n); });
    const auto factor = hn::Set(d, static_cast<T>(1 / sum));
    for_each_vector(d, count, [&](std::int64_t i, std::int64_t n) EBB_LANES {
      store(hn::Mul(load(d, x + i, n), factor), d, x + i, n);
    });
    std::fill_n(x + count, s.columns - count, T(0));
    logsumexp[r] = static_cast<T>(static_cast<double>(shift) + std::log(sum));
  }
}

template <class T>
void softmax(const Scores<T>& s, T* logsumexp) {
  s.mask ? softmax_scores<T, true>(s, logsumexp) : softmax_scores<T, false>(s, logsumexp);
}

template <class T, bool kMasked>
void probabilities_of(const Scores<T>& s, const T* logsumexp) {
  const Tag<T> d;
  for (std::int64_t r = 0; r < s.rows; ++r) {
    T* x = s.row(r);
    const std::int64_t count = s.visible(r);
    const ScoresOfRow<T, kMasked> scores(s, r);
    const auto shift = hn::Set(d, logsumexp[r]);
    for_each_vector(d, count, [&](std::int64_t i, std::int64_t n) EBB_LANES {
      store(exp_nonpositive(d, hn::Sub(scores(i, n), shift)), d, x + i, n);
    });
    std::fill_n(x + count, s.columns - count, T(0));
  }
}

template <class T>
void probabilities(const Scores<T>& s, const T* logsumexp) {
  s.mask ? probabilities_of<T, true>(s, logsumexp) : probabilities_of<T, false>(s, logsumexp);
}

template <class T>
void gradient(T* gp, const T* p, const T* dropped, const double* dot, std::int64_t rows, std::int64_t columns,
              double scale) {
  const Tag<T> d;
  const auto factor = hn::Set(d, static_cast<T>(scale));
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto mean = hn::Set(d, static_cast<T>(dot[r]));
    const std::int64_t at = r * columns;
    for_each_vector(d, columns, [&](std::int64_t i, std::int64_t n) EBB_LANES {
      const auto own = hn::Mul(load(d, dropped + at + i, n), load(d, gp + at + i, n));
      const auto g = hn::NegMulAdd(load(d, p + at + i, n), mean, own);
      store(hn::Mul(g, factor), d, gp + at + i, n);
    });
  }
}

template <class T>
double dot(const T* a, const T* b, std::int64_t n) {
  const Tag<T> d;
  return sum_of<T>(
      n, [&](std::int64_t i, std::int64_t k) EBB_LANES { return hn::Mul(load(d, a + i, k), load(d, b + i, k)); });
}

// By bits: a choice between two numbers the compiler would not vectorise.
template <class T>
HWY_INLINE void additive_run(T* to, const bool* takes_part, std::int64_t step, std::int64_t n) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr Bits kInfinity = std::bit_cast<Bits>(-std::numeric_limits<T>::infinity());
  for (std::int64_t i = 0; i < n; ++i)
    to[i] = std::bit_cast<T>((static_cast<Bits>(takes_part[i * step]) - 1) & kInfinity);
}

template <class T>
void additive(T* to, const bool* takes_part, std::int64_t step, std::int64_t n) {
  step == 1 ? additive_run(to, takes_part, 1, n) : additive_run(to, takes_part, step, n);
}

template <class T>
constexpr AttentionRuns<T> runs_of{softmax<T>, probabilities<T>, gradient<T>, dot<T>, additive<T>};

const std::tuple<AttentionRuns<float>, AttentionRuns<double>>& all() {
  static constexpr std::tuple kAll{runs_of<float>, runs_of<double>};
  return kAll;
}

}  // namespace
}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ebb::kernels {

HWY_EXPORT(all);
const std::tuple<AttentionRuns<float>, AttentionRuns<double>>& attention_runs() {
  return HWY_DYNAMIC_DISPATCH(all)();
}

}  // namespace ebb::kernels
#endif
