#include "autograd/kernels/softmax_rows.h"

#include <cmath>

#include "autograd/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "autograd/kernels/softmax_rows.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "autograd/kernels/exp-inl.h"
#include "autograd/kernels/lanes-inl.h"
#include "autograd/kernels/softmax-inl.h"
#include "autograd/kernels/strided-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {
namespace {

// Elements of a contiguous row.
template <class T>
HWY_INLINE auto elements_of(const T* x) {
  return [x](std::int64_t i, std::int64_t n) EBB_LANES { return load(Tag<T>(), x + i, n); };
}

// The sum of exp(x - shift).
template <class T>
HWY_INLINE double sum_exp(const T* x, std::int64_t count, T shift) {
  return sum_exp(count, shift, elements_of(x), [](std::int64_t, std::int64_t, hn::Vec<Tag<T>>) EBB_LANES {});
}

template <class T>
void scaled_softmax(const Rows<T, 2>& rows, const double* scale) {
  const Tag<T> d;
  for (std::int64_t r = 0; r < rows.count; ++r) {
    T* y = rows.row(0, r);
    const T* x = rows.row(1, r);
    const double sum = sum_exp(rows.n, largest<T>(rows.n, elements_of(x)), elements_of(x),
                               [&](std::int64_t i, std::int64_t n, auto e) EBB_LANES { store(e, d, y + i, n); });
    const auto factor = hn::Set(d, static_cast<T>((scale ? scale[r] : 1) / sum));
    for_each_vector(d, rows.n, [&](std::int64_t i, std::int64_t n) EBB_LANES {
      store(hn::Mul(load(d, y + i, n), factor), d, y + i, n);
    });
  }
}

template <class T>
void softmax(const Rows<T, 2>& rows) {
  scaled_softmax(rows, nullptr);
}

template <class T>
void log_softmax(const Rows<T, 2>& rows) {
  const Tag<T> d;
  for (std::int64_t r = 0; r < rows.count; ++r) {
    T* y = rows.row(0, r);
    const T* x = rows.row(1, r);
    const T shift = largest<T>(rows.n, elements_of(x));
    const auto log_sum = hn::Set(d, static_cast<T>(std::log(sum_exp(x, rows.n, shift))));
    const auto s = hn::Set(d, shift);
    for_each_vector(d, rows.n, [&](std::int64_t i, std::int64_t n) EBB_LANES {
      store(hn::Sub(hn::Sub(load(d, x + i, n), s), log_sum), d, y + i, n);
    });
  }
}

template <class T>
void logsumexp(double* result, const Rows<T, 1>& rows) {
  for (std::int64_t r = 0; r < rows.count; ++r) {
    const T* x = rows.row(0, r);
    const T shift = largest<T>(rows.n, elements_of(x));
    result[r] = static_cast<double>(shift) + std::log(sum_exp(x, rows.n, shift));
  }
}

// gx = y (g - sum(g y))
template <class T>
void softmax_backward(const Rows<T, 3>& rows) {
  const Tag<T> d;
  for (std::int64_t r = 0; r < rows.count; ++r) {
    T* gx = rows.row(0, r);
    const T *g = rows.row(1, r), *y = rows.row(2, r);
    const double sum = sum_of<T>(rows.n, [&](std::int64_t i, std::int64_t n)
                                             EBB_LANES { return hn::Mul(load(d, g + i, n), load(d, y + i, n)); });
    const auto s = hn::Set(d, static_cast<T>(sum));
    for_each_vector(d, rows.n, [&](std::int64_t i, std::int64_t n) EBB_LANES {
      store(hn::Mul(load(d, y + i, n), hn::Sub(load(d, g + i, n), s)), d, gx + i, n);
    });
  }
}

// gx = g - exp(y) sum(g)
template <class T>
void log_softmax_backward(const Rows<T, 3>& rows) {
  const Tag<T> d;
  for (std::int64_t r = 0; r < rows.count; ++r) {
    T* gx = rows.row(0, r);
    const T *g = rows.row(1, r), *y = rows.row(2, r);
    const double sum =
        sum_of<T>(rows.n, [&](std::int64_t i, std::int64_t n) EBB_LANES { return load(d, g + i, n); });
    const auto s = hn::Set(d, static_cast<T>(sum));
    for_each_vector(d, rows.n, [&](std::int64_t i, std::int64_t n) EBB_LANES {
      const auto softmax = exp_nonpositive(d, load(d, y + i, n));
      store(hn::NegMulAdd(softmax, s, load(d, g + i, n)), d, gx + i, n);
    });
  }
}

template <class T>
void logsumexp_backward(const Run& run) {
  const Tag<T> d;
  const auto least = hn::Set(d, -std::numeric_limits<T>::infinity());
  map_run<T, 3>(run, [&](auto g, auto x, auto y) EBB_LANES {
    const auto finite = hn::IfThenZeroElse(hn::Eq(y, least), y);  // x is -inf there too: exp(x - y) then is 0
    return hn::Mul(g, exp_nonpositive(d, hn::Sub(x, finite)));
  });
}

template <class T>
constexpr SoftmaxRows<T> rows_of{softmax<T>,          log_softmax<T>,          scaled_softmax<T>,    logsumexp<T>,
                                 softmax_backward<T>, log_softmax_backward<T>, logsumexp_backward<T>};

const std::tuple<SoftmaxRows<float>, SoftmaxRows<double>>& all() {
  static constexpr std::tuple kAll{rows_of<float>, rows_of<double>};
  return kAll;
}

}  // namespace
}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ebb::kernels {

HWY_EXPORT(all);
const std::tuple<SoftmaxRows<float>, SoftmaxRows<double>>& softmax_rows() { return HWY_DYNAMIC_DISPATCH(all)(); }

}  // namespace ebb::kernels
#endif
