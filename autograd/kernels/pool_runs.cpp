#include "autograd/kernels/pool_runs.h"

#include <cmath>
#include <limits>

#include "autograd/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "autograd/kernels/pool_runs.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "autograd/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {
namespace {

template <class D>
using Places = hn::RebindToSigned<D>;

// p[0], p[step], p[2 step], … for a step of 1 or 2; reads nothing beyond the last.
template <class D>
HWY_INLINE hn::Vec<D> load_every(D d, const hn::TFromD<D>* p, std::int64_t step) {
  if (step == 1) return hn::LoadU(d, p);
  const auto low = hn::LoadU(d, p), high = hn::LoadU(d, p + lanes(d) - 1);
  return hn::ConcatUpperLower(d, hn::ConcatOdd(d, high, high), hn::ConcatEven(d, low, low));
}

template <class D>
HWY_INLINE void store_places(D /*d*/, hn::Vec<D> places, std::int64_t* to) {
  if constexpr (sizeof(hn::TFromD<D>) == sizeof(std::int64_t)) {
    hn::StoreU(places, D(), to);
  } else {
    const hn::Half<D> half;
    const hn::Rebind<std::int64_t, decltype(half)> wide;
    hn::StoreU(hn::PromoteTo(wide, hn::LowerHalf(half, places)), wide, to);
    hn::StoreU(hn::PromoteTo(wide, hn::UpperHalf(half, places)), wide, to + lanes(half));
  }
}

// Each of these computes the outputs i, i + 1, …: a vector of them, or one.
template <class T>
struct Max {
  template <class D>
  static HWY_INLINE void vector(D d, const PoolRun<T>& run, std::int64_t i) {
    const Places<D> p;
    using Place = hn::TFromD<Places<D>>;
    const T* const x = run.x + i * run.x_step;
    auto best = load_every(d, x + run.taps[0].at, run.x_step);
    auto place = hn::Set(p, static_cast<Place>(run.taps[0].place));
    for (std::int64_t k = 1; k < run.tap_count; ++k) {
      const auto v = load_every(d, x + run.taps[k].at, run.x_step);
      const auto larger = hn::AndNot(hn::IsNaN(best), hn::Not(hn::Le(v, best)));
      best = hn::IfThenElse(larger, v, best);
      place = hn::IfThenElse(hn::RebindMask(p, larger), hn::Set(p, static_cast<Place>(run.taps[k].place)), place);
    }
    hn::StoreU(best, d, run.y + i);
    const auto step = hn::Set(p, static_cast<Place>(run.place_step));
    const auto first = hn::Set(p, static_cast<Place>(run.place + i * run.place_step));
    store_places(p, hn::Add(hn::Add(place, first), hn::Mul(hn::Iota(p, 0), step)), run.index + i);
  }

  static void one(const PoolRun<T>& run, std::int64_t i) {
    const T* const x = run.x + i * run.x_step;
    T best = -std::numeric_limits<T>::infinity();
    std::int64_t place = -1;
    for (std::int64_t k = 0; k < run.tap_count; ++k) {
      const T v = x[run.taps[k].at];
      if (k > 0 && (v <= best || std::isnan(best))) continue;
      best = v;
      place = run.place + run.taps[k].place + i * run.place_step;
    }
    run.y[i * run.y_step] = best;
    run.index[i * run.index_step] = place;
  }

  // Places fit into a lane.
  static bool fits(const PoolRun<T>& run) {
    constexpr auto kMost = sizeof(T) == 4 ? std::int64_t{std::numeric_limits<std::int32_t>::max()}
                                          : std::numeric_limits<std::int64_t>::max();
    return run.index_step == 1 && run.place + run.taps[run.tap_count - 1].place <= kMost - run.n * run.place_step;
  }
};

template <class T>
struct Mean {
  template <class D>
  static HWY_INLINE void vector(D d, const PoolRun<T>& run, std::int64_t i) {
    const T* const x = run.x + i * run.x_step;
    auto sum = load_every(d, x + run.taps[0].at, run.x_step);
    for (std::int64_t k = 1; k < run.tap_count; ++k)
      sum = hn::Add(sum, load_every(d, x + run.taps[k].at, run.x_step));
    hn::StoreU(hn::Mul(sum, hn::Set(d, static_cast<T>(run.scale))), d, run.y + i);
  }

  static void one(const PoolRun<T>& run, std::int64_t i) {
    double sum = 0;
    for (std::int64_t k = 0; k < run.tap_count; ++k)
      sum += static_cast<double>(run.x[i * run.x_step + run.taps[k].at]);
    run.y[i * run.y_step] = static_cast<T>(sum * run.scale);
  }

  static bool fits(const PoolRun<T>&) { return true; }
};

// Vectors from the first output on; the last one ends with the last output, and may repeat some.
template <class F, class D, class T>
HWY_INLINE bool run_vectors(D d, const PoolRun<T>& run) {
  if (run.n < lanes(d)) return false;
  std::int64_t i = 0;
  for (; i + lanes(d) <= run.n; i += lanes(d)) F::vector(d, run, i);
  if (i < run.n) F::vector(d, run, run.n - lanes(d));
  return true;
}

template <class F, class T>
void run_pool(const PoolRun<T>& run) {
  const bool side_by_side = run.y_step == 1 && (run.x_step == 1 || run.x_step == 2);
  if (side_by_side && run.tap_count > 0 && F::fits(run)) {
    if (run_vectors<F>(hn::CappedTag<T, 32 / sizeof(T)>(), run)) return;
    if (run_vectors<F>(hn::CappedTag<T, 16 / sizeof(T)>(), run)) return;
  }
  for (std::int64_t i = 0; i < run.n; ++i) F::one(run, i);
}

PoolKernels<float> pool_f32() { return {run_pool<Max<float>, float>, run_pool<Mean<float>, float>}; }
PoolKernels<double> pool_f64() { return {run_pool<Max<double>, double>, run_pool<Mean<double>, double>}; }

}  // namespace
}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ebb::kernels {

HWY_EXPORT(pool_f32);
HWY_EXPORT(pool_f64);
template <>
PoolKernels<float> pool_kernels() {
  return HWY_DYNAMIC_DISPATCH(pool_f32)();
}
template <>
PoolKernels<double> pool_kernels() {
  return HWY_DYNAMIC_DISPATCH(pool_f64)();
}

}  // namespace ebb::kernels
#endif
