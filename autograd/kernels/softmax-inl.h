// The sums behind softmax, once per instruction set. A row is given by at(i, n): a vector of its elements [i, i + n).
#if defined(EBB_KERNELS_SOFTMAX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EBB_KERNELS_SOFTMAX_INL_H_
#undef EBB_KERNELS_SOFTMAX_INL_H_
#else
#define EBB_KERNELS_SOFTMAX_INL_H_
#endif

#include <hwy/highway.h>

#include <limits>

#include "autograd/kernels/exp-inl.h"
#include "autograd/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {
namespace {

constexpr std::int64_t kSumBlock = 512;  // see Note [Blocked sums]

// The sum of term(i, n), i from 0 to count in steps of n lanes; term gives 0 in the lanes from n on.
template <class T, class Term>
HWY_INLINE double sum_of(std::int64_t count, Term&& term) {
  const Tag<T> d;
  WideSum<T> total;
  for (std::int64_t b = 0; b < count; b += kSumBlock) {
    auto sum = hn::Zero(d);
    for_each_vector(d, std::min(kSumBlock, count - b),
                    [&](std::int64_t i, std::int64_t n) EBB_LANES { sum = hn::Add(sum, term(b + i, n)); });
    total.add(sum);
  }
  return total.total();
}

// The largest element, -inf if there are none. A NaN may win or lose: the exponentials' sum is NaN in any case.
template <class T, class At>
HWY_INLINE T largest(std::int64_t count, At&& at) {
  const Tag<T> d;
  const auto least = hn::Set(d, -std::numeric_limits<T>::infinity());
  auto best = least;
  for_each_vector(d, count, [&](std::int64_t i, std::int64_t n) EBB_LANES {
    best = hn::Max(best, first_lanes(d, at(i, n), n, least));
  });
  return hn::GetLane(hn::MaxOfLanes(d, best));
}

// The sum of exp(x - shift), shift the largest; each goes to keep(i, n, value) too.
template <class T, class At, class Keep>
HWY_INLINE double sum_exp(std::int64_t count, T shift, At&& at, Keep&& keep) {
  const Tag<T> d;
  const auto s = hn::Set(d, shift);
  return sum_of<T>(count, [&](std::int64_t i, std::int64_t n) EBB_LANES {
    const auto e = exp_nonpositive(d, hn::Sub(at(i, n), s));
    keep(i, n, e);
    return first_lanes(d, e, n, hn::Zero(d));
  });
}

}  // namespace
}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
