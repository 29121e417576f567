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

// Calls f(k, v) for each tap: v has the elements p[0], p[step], p[2 step], … from p = x + taps[k].at on, for a step of 1 or
// 2. Reads nothing beyond the last.
template <class D, class T, class F>
HWY_INLINE void for_each_tap(D d, const PoolRun<T>& run, const T* x, F&& f) {
  for (std::int64_t k = 0; k < run.tap_count; ++k) {
    const T* const p = x + run.taps[k].at;
    if (run.x_step == 1) {
      f(k, hn::LoadU(d, p));
    } else if (k + 1 < run.tap_count &&
               run.taps[k + 1].at == run.taps[k].at + 1) {  // those between are the next tap's
      const auto low = hn::LoadU(d, p), high = hn::LoadU(d, p + lanes(d));
      f(k, hn::ConcatEven(d, high, low));
      f(++k, hn::ConcatOdd(d, high, low));
    } else {
      const auto low = hn::LoadU(d, p), high = hn::LoadU(d, p + lanes(d) - 1);
      f(k, hn::ConcatUpperLower(d, hn::ConcatOdd(d, high, high), hn::ConcatEven(d, low, low)));
    }
  }
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
    auto best = hn::Zero(d);
    auto place = hn::Zero(p);
    for_each_tap(d, run, x, [&](std::int64_t k, hn::Vec<D> v) EBB_LANES {
      const auto here = hn::Set(p, static_cast<Place>(run.taps[k].place));
      if (k == 0) {
        best = v;
        place = here;
        return;
      }
      const auto larger = hn::AndNot(hn::IsNaN(best), hn::Not(hn::Le(v, best)));
      best = hn::IfThenElse(larger, v, best);
      place = hn::IfThenElse(hn::RebindMask(p, larger), here, place);
    });
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
    return run.index_step == 1 && run.place + run.taps[run.tap_count - 1].place <=
                                      kMost - run.n * run.place_step - run.rows * run.place_row;
  }
};

template <class T>
struct Mean {
  template <class D>
  static HWY_INLINE void vector(D d, const PoolRun<T>& run, std::int64_t i) {
    const T* const x = run.x + i * run.x_step;
    auto sum = hn::Zero(d);
    for_each_tap(d, run, x, [&](std::int64_t, hn::Vec<D> v) EBB_LANES { sum = hn::Add(sum, v); });
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

// Vectors from the first output of a row on; the last one ends with the last output, and may repeat some.
template <class F, class D, class T>
HWY_INLINE void run_vectors(D d, const PoolRun<T>& run) {
  std::int64_t i = 0;
  for (; i + lanes(d) <= run.n; i += lanes(d)) F::vector(d, run, i);
  if (i < run.n) F::vector(d, run, run.n - lanes(d));
}

template <class T, class F>
HWY_INLINE void for_each_row(PoolRun<T> run, F&& f) {
  for (std::int64_t r = 0; r < run.rows; ++r) {
    f(run);
    run.x += run.x_row;
    run.place += run.place_row;
    run.y += run.y_row;
    if (run.index) run.index += run.index_row;
  }
}

template <class F, class T>
void run_pool(const PoolRun<T>& all) {
  const hn::CappedTag<T, 32 / sizeof(T)> whole;
  const hn::CappedTag<T, 16 / sizeof(T)> half;
  const bool side_by_side = all.y_step == 1 && (all.x_step == 1 || all.x_step == 2);
  const bool vectors = side_by_side && all.tap_count > 0 && F::fits(all);
  if (vectors && all.n >= lanes(whole)) {
    for_each_row(all, [&](const PoolRun<T>& run) EBB_LANES { run_vectors<F>(whole, run); });
  } else if (vectors && all.n >= lanes(half)) {
    for_each_row(all, [&](const PoolRun<T>& run) EBB_LANES { run_vectors<F>(half, run); });
  } else {
    for_each_row(all, [&](const PoolRun<T>& run) EBB_LANES {
      for (std::int64_t i = 0; i < run.n; ++i) F::one(run, i);
    });
  }
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
