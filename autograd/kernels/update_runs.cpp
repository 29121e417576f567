#include "autograd/kernels/update_runs.h"

#include <cmath>

#include "autograd/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "autograd/kernels/update_runs.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "autograd/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {
namespace {

template <class T>
HWY_INLINE hn::Vec<Tag<T>> all(double value) {
  return hn::Set(Tag<T>(), static_cast<T>(value));
}

// ± gradient + weight_decay p
template <class T>
HWY_INLINE hn::Vec<Tag<T>> slope(hn::Vec<Tag<T>> g, hn::Vec<Tag<T>> p, bool maximize, double weight_decay) {
  if (maximize) g = hn::Neg(g);
  return weight_decay != 0 ? hn::MulAdd(all<T>(weight_decay), p, g) : g;
}

template <class T>
void sgd(T* p, const T* g, T* momentum, std::int64_t count, const SgdStep& step) {
  const Tag<T> d;
  const auto minus_lr = all<T>(-step.lr), keep = all<T>(step.momentum), add = all<T>(1 - step.dampening);
  for_each_vector(d, count, [&](std::int64_t i, std::int64_t n) EBB_LANES {
    const auto old = load(d, p + i, n);
    const auto gradient = slope<T>(load(d, g + i, n), old, step.maximize, step.weight_decay);
    auto direction = gradient;
    if (momentum) {
      const auto v = step.first ? gradient : hn::MulAdd(keep, load(d, momentum + i, n), hn::Mul(add, gradient));
      store(v, d, momentum + i, n);
      direction = step.nesterov ? hn::MulAdd(keep, v, gradient) : v;
    }
    store(hn::MulAdd(minus_lr, direction, old), d, p + i, n);
  });
}

template <class T>
void adam(T* p, const T* g, T* m, T* v, T* v_max, std::int64_t count, const AdamStep& step) {
  const Tag<T> d;
  const auto b1 = all<T>(step.beta1), c1 = all<T>(1 - step.beta1), b2 = all<T>(step.beta2),
             c2 = all<T>(1 - step.beta2);
  const auto minus_rate = all<T>(-step.lr / step.correction1), eps = all<T>(step.eps);
  const auto root_scale = all<T>(1 / std::sqrt(step.correction2));
  const auto shrink = all<T>(step.decoupled ? 1 - step.lr * step.weight_decay : 1);
  const double weight_decay = step.decoupled ? 0 : step.weight_decay;
  for_each_vector(d, count, [&](std::int64_t i, std::int64_t n) EBB_LANES {
    const auto old = load(d, p + i, n);
    const auto gradient = slope<T>(load(d, g + i, n), old, step.maximize, weight_decay);
    const auto mean = hn::MulAdd(b1, load(d, m + i, n), hn::Mul(c1, gradient));
    auto square = hn::MulAdd(b2, load(d, v + i, n), hn::Mul(hn::Mul(c2, gradient), gradient));
    store(mean, d, m + i, n);
    store(square, d, v + i, n);
    if (v_max) {
      square = hn::Max(square, load(d, v_max + i, n));
      store(square, d, v_max + i, n);
    }
    const auto ratio = hn::Div(mean, hn::MulAdd(hn::Sqrt(square), root_scale, eps));
    store(hn::MulAdd(minus_rate, ratio, hn::Mul(old, shrink)), d, p + i, n);
  });
}

// Squares are added in double, by the lanes of four accumulators.
double sum_of_squares(const double* x, std::int64_t count) {
  const Tag<double> d;
  auto a0 = hn::Zero(d), a1 = a0, a2 = a0, a3 = a0;
  std::int64_t i = 0;
  const std::int64_t n = lanes(d);
  const auto add = [&](auto& a, std::int64_t at) EBB_LANES {
    const auto v = hn::LoadU(d, x + at);
    a = hn::MulAdd(v, v, a);
  };
  for (; i + 4 * n <= count; i += 4 * n) add(a0, i), add(a1, i + n), add(a2, i + 2 * n), add(a3, i + 3 * n);
  for_each_vector(d, count - i, [&](std::int64_t j, std::int64_t rest) EBB_LANES {
    const auto v = load(d, x + i + j, rest);
    a0 = hn::MulAdd(v, v, a0);
  });
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(a0, a1), hn::Add(a2, a3))));
}

double sum_of_squares(const float* x, std::int64_t count) {
  const Tag<float> d;
  const Tag<double> wide;
  auto low = hn::Zero(wide), high = low;
  for_each_vector(d, count, [&](std::int64_t i, std::int64_t n) EBB_LANES {
    const auto v = load(d, x + i, n);
    const auto l = low_half(d, v), h = high_half(d, v);
    low = hn::MulAdd(l, l, low);
    high = hn::MulAdd(h, h, high);
  });
  return hn::GetLane(hn::SumOfLanes(wide, hn::Add(low, high)));
}

template <class T>
void scale(T* x, std::int64_t count, double factor) {
  const Tag<T> d;
  const auto f = all<T>(factor);
  for_each_vector(d, count, [&](std::int64_t i, std::int64_t n) EBB_LANES {
    store(hn::Mul(load(d, x + i, n), f), d, x + i, n);
  });
}

template <class T>
constexpr UpdateRuns<T> runs_of{sgd<T>, adam<T>, sum_of_squares, scale<T>};

const std::tuple<UpdateRuns<float>, UpdateRuns<double>>& all_updates() {
  static constexpr std::tuple kRuns(runs_of<float>, runs_of<double>);
  return kRuns;
}

}  // namespace
}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ebb::kernels {

HWY_EXPORT(all_updates);
const std::tuple<UpdateRuns<float>, UpdateRuns<double>>& update_runs() {
  return HWY_DYNAMIC_DISPATCH(all_updates)();
}

}  // namespace ebb::kernels
#endif
