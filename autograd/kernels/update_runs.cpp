#include "autograd/kernels/update_runs.h"

#include <cmath>

#include "autograd/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "autograd/kernels/update_runs.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "autograd/kernels/lanes-inl.h"

// The updates below, for each instruction set and for all.
#undef EBB_UPDATES
// clang-format off
#define EBB_UPDATES(X)      \
  X(SgdStep, sgd)           \
  X(AdamStep, adam)         \
  X(AdamaxStep, adamax)     \
  X(LambStep, lamb)         \
  X(AdagradStep, adagrad)   \
  X(AdadeltaStep, adadelta) \
  X(RmspropStep, rmsprop)   \
  X(RpropStep, rprop)       \
  X(AsgdStep, asgd)         \
  X(LionStep, lion)         \
  X(AverageStep, average)
// clang-format on

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

// The buffers at one place. set() gives what it sets.
template <class T>
class Buffers {
 public:
  HWY_INLINE Buffers(const UpdateArrays<T>& arrays, std::int64_t begin, std::int64_t count)
      : buffers_(arrays.buffers), begin_(begin), count_(count) {}
  HWY_INLINE bool has(std::size_t i) const { return buffers_[i] != nullptr; }
  HWY_INLINE hn::Vec<Tag<T>> get(std::size_t i) const { return load(Tag<T>(), buffers_[i] + begin_, count_); }
  HWY_INLINE hn::Vec<Tag<T>> set(std::size_t i, hn::Vec<Tag<T>> v) const {
    store(v, Tag<T>(), buffers_[i] + begin_, count_);
    return v;
  }

 private:
  const std::array<T*, 3>& buffers_;
  std::int64_t begin_, count_;
};

// p = f(p, g, buffers) for every vector.
template <class T, class Step, class F>
HWY_INLINE void for_each_element(const UpdateArrays<T>& arrays, std::int64_t count, const Step& step, F&& f) {
  const Tag<T> d;
  for_each_vector(d, count, [&](std::int64_t i, std::int64_t n) EBB_LANES {
    const auto p = load(d, arrays.p + i, n);
    const auto g = slope<T>(load(d, arrays.g + i, n), p, step.maximize, step.weight_decay);
    store(f(p, g, Buffers<T>(arrays, i, n)), d, arrays.p + i, n);
  });
}

// keep · old + (1 - keep) · fresh
template <class T>
class Blend {
 public:
  explicit HWY_INLINE Blend(double keep) : keep_(all<T>(keep)), add_(all<T>(1 - keep)) {}
  HWY_INLINE hn::Vec<Tag<T>> operator()(hn::Vec<Tag<T>> old, hn::Vec<Tag<T>> fresh) const {
    return hn::MulAdd(keep_, old, hn::Mul(add_, fresh));
  }
  HWY_INLINE hn::Vec<Tag<T>> squared(hn::Vec<Tag<T>> old, hn::Vec<Tag<T>> fresh) const {
    return hn::MulAdd(keep_, old, hn::Mul(hn::Mul(add_, fresh), fresh));
  }

 private:
  hn::Vec<Tag<T>> keep_, add_;
};

// a x + b y
template <class V>
HWY_INLINE V combine(V a, V x, V b, V y) {
  return hn::MulAdd(a, x, hn::Mul(b, y));
}

// -1, 0 or 1; 0 of NaN
template <class V>
HWY_INLINE V sign(V x) {
  const hn::DFromV<V> d;
  const auto zero = hn::Zero(d), one = hn::Set(d, 1);
  return hn::IfThenElse(hn::Gt(x, zero), one, hn::IfThenElse(hn::Lt(x, zero), hn::Neg(one), zero));
}

template <class T>
void sgd(const UpdateArrays<T>& arrays, std::int64_t n, const SgdStep& s) {
  const auto minus_lr = all<T>(-s.lr), keep = all<T>(s.momentum), add = all<T>(1 - s.dampening);
  for_each_element(arrays, n, s, [&](auto p, auto g, const auto& b) EBB_LANES {
    if (!b.has(0)) return hn::MulAdd(minus_lr, g, p);
    const auto v = b.set(0, s.first ? g : combine(keep, b.get(0), add, g));
    return hn::MulAdd(minus_lr, s.nesterov ? hn::MulAdd(keep, v, g) : v, p);
  });
}

template <class T>
void adam(const UpdateArrays<T>& arrays, std::int64_t n, const AdamStep& s) {
  const Blend<T> first(s.beta1), second(s.beta2);
  const auto minus_m = all<T>(-s.rate_m), minus_g = all<T>(-s.rate_g), shrink = all<T>(s.shrink);
  const auto root_scale = all<T>(s.root_scale), eps = all<T>(s.eps);
  for_each_element(arrays, n, s, [&](auto p, auto g, const auto& b) EBB_LANES {
    const auto m = b.set(0, first(b.get(0), g));
    auto v = b.set(1, second.squared(b.get(1), g));
    if (b.has(2)) v = b.set(2, hn::Max(v, b.get(2)));
    const auto kept = hn::Mul(p, shrink);
    if (!s.divides) return hn::MulAdd(minus_m, m, kept);
    const auto root = hn::MulAdd(hn::Sqrt(v), root_scale, eps);
    if (s.rate_g == 0) return hn::MulAdd(minus_m, hn::Div(m, root), kept);
    return hn::Add(kept, hn::Div(combine(minus_m, m, minus_g, g), root));
  });
}

template <class T>
void adamax(const UpdateArrays<T>& arrays, std::int64_t n, const AdamaxStep& s) {
  const Blend<T> first(s.beta1);
  const auto beta2 = all<T>(s.beta2), eps = all<T>(s.eps), minus_rate = all<T>(-s.rate);
  for_each_element(arrays, n, s, [&](auto p, auto g, const auto& b) EBB_LANES {
    const auto m = b.set(0, first(b.get(0), g));
    const auto u = b.set(1, hn::Max(hn::Mul(beta2, b.get(1)), hn::Add(hn::Abs(g), eps)));
    return hn::MulAdd(minus_rate, hn::Div(m, u), p);
  });
}

template <class T>
void lamb(const UpdateArrays<T>& arrays, std::int64_t n, const LambStep& s) {
  const Blend<T> first(s.beta1), second(s.beta2);
  const auto rate_m = all<T>(s.rate_m), root_scale = all<T>(s.root_scale), eps = all<T>(s.eps),
             decay = all<T>(s.decay);
  for_each_element(arrays, n, s, [&](auto p, auto g, const auto& b) EBB_LANES {
    const auto m = b.set(0, first(b.get(0), g)), v = b.set(1, second.squared(b.get(1), g));
    const auto ratio = hn::Div(m, hn::MulAdd(hn::Sqrt(v), root_scale, eps));
    b.set(2, combine(rate_m, ratio, decay, p));
    return p;
  });
}

template <class T>
void adagrad(const UpdateArrays<T>& arrays, std::int64_t n, const AdagradStep& s) {
  const auto start = all<T>(s.start), eps = all<T>(s.eps), minus_rate = all<T>(-s.rate);
  for_each_element(arrays, n, s, [&](auto p, auto g, const auto& b) EBB_LANES {
    const auto sum = b.set(0, hn::MulAdd(g, g, hn::Add(b.get(0), start)));
    return hn::MulAdd(minus_rate, hn::Div(g, hn::Add(hn::Sqrt(sum), eps)), p);
  });
}

template <class T>
void adadelta(const UpdateArrays<T>& arrays, std::int64_t n, const AdadeltaStep& s) {
  const Blend<T> blend(s.rho);
  const auto eps = all<T>(s.eps), minus_lr = all<T>(-s.lr);
  for_each_element(arrays, n, s, [&](auto p, auto g, const auto& b) EBB_LANES {
    const auto square = b.set(0, blend.squared(b.get(0), g)), before = b.get(1);
    const auto ratio = hn::Div(hn::Sqrt(hn::Add(before, eps)), hn::Sqrt(hn::Add(square, eps)));
    const auto delta = hn::Mul(ratio, g);
    b.set(1, blend.squared(before, delta));
    return hn::MulAdd(minus_lr, delta, p);
  });
}

template <class T>
void rmsprop(const UpdateArrays<T>& arrays, std::int64_t n, const RmspropStep& s) {
  const Blend<T> blend(s.alpha);
  const auto eps = all<T>(s.eps), momentum = all<T>(s.momentum), minus_lr = all<T>(-s.lr);
  for_each_element(arrays, n, s, [&](auto p, auto g, const auto& b) EBB_LANES {
    auto variance = b.set(0, blend.squared(b.get(0), g));
    if (b.has(1)) {
      const auto mean = b.set(1, blend(b.get(1), g));
      variance = hn::Max(hn::NegMulAdd(mean, mean, variance), hn::Zero(Tag<T>()));
    }
    auto x = hn::Div(g, hn::Add(hn::Sqrt(variance), eps));
    if (b.has(2)) x = b.set(2, hn::MulAdd(momentum, b.get(2), x));
    return hn::MulAdd(minus_lr, x, p);
  });
}

template <class T>
void rprop(const UpdateArrays<T>& arrays, std::int64_t n, const RpropStep& s) {
  const auto lr = all<T>(s.lr), plus = all<T>(s.eta_plus), minus = all<T>(s.eta_minus);
  const auto smallest = all<T>(s.smallest), largest = all<T>(s.largest), zero = all<T>(0), one = all<T>(1);
  for_each_element(arrays, n, s, [&](auto p, auto g, const auto& b) EBB_LANES {
    const auto agreement = hn::Mul(g, b.get(0));
    const auto turned = hn::Lt(agreement, zero);
    const auto factor = hn::IfThenElse(hn::Gt(agreement, zero), plus, hn::IfThenElse(turned, minus, one));
    const auto size = hn::Mul(s.first ? lr : b.get(1), factor);
    const auto bounded = b.set(1, hn::Min(hn::Max(size, smallest), largest));
    const auto now = b.set(0, hn::IfThenElse(turned, zero, g));
    return hn::NegMulAdd(sign(now), bounded, p);
  });
}

template <class T>
void asgd(const UpdateArrays<T>& arrays, std::int64_t n, const AsgdStep& s) {
  const auto minus_rate = all<T>(-s.rate), shrink = all<T>(s.shrink), mu = all<T>(s.mu);
  for_each_element(arrays, n, s, [&](auto p, auto g, const auto& b) EBB_LANES {
    const auto moved = combine(minus_rate, g, shrink, p), average = b.get(0);
    b.set(0, s.mu == 1 ? moved : hn::MulAdd(mu, hn::Sub(moved, average), average));
    return moved;
  });
}

template <class T>
void lion(const UpdateArrays<T>& arrays, std::int64_t n, const LionStep& s) {
  const Blend<T> direction(s.beta1), keep(s.beta2);
  const auto minus_lr = all<T>(-s.lr), shrink = all<T>(s.shrink);
  for_each_element(arrays, n, s, [&](auto p, auto g, const auto& b) EBB_LANES {
    const auto m = b.get(0);
    b.set(0, keep(m, g));
    return combine(minus_lr, sign(direction(m, g)), shrink, p);
  });
}

template <class T>
void average(const UpdateArrays<T>& arrays, std::int64_t n, const AverageStep& s) {
  const auto weight = all<T>(s.weight);
  for_each_element(arrays, n, s, [&](auto p, auto, const auto& b) EBB_LANES {
    const auto before = b.get(0);
    b.set(0, hn::MulAdd(weight, hn::Sub(p, before), before));
    return p;
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

const std::tuple<ClipRuns<float>, ClipRuns<double>>& all_clips() {
  static constexpr std::tuple kRuns(ClipRuns<float>{sum_of_squares, scale<float>},
                                    ClipRuns<double>{sum_of_squares, scale<double>});
  return kRuns;
}

// The runs of an update for float and double, as a function to export.
#define EBB_RUNS(Step, update)                                              \
  const UpdateRuns<Step>& update##_runs() {                                 \
    static constexpr UpdateRuns<Step> kRuns(update<float>, update<double>); \
    return kRuns;                                                           \
  }
EBB_UPDATES(EBB_RUNS)
#undef EBB_RUNS

}  // namespace
}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ebb::kernels {

HWY_EXPORT(all_clips);
const std::tuple<ClipRuns<float>, ClipRuns<double>>& clip_runs() { return HWY_DYNAMIC_DISPATCH(all_clips)(); }

#define EBB_EXPORT(Step, update)                  \
  HWY_EXPORT(update##_runs);                      \
  template <>                                     \
  const UpdateRuns<Step>& update_runs() {         \
    return HWY_DYNAMIC_DISPATCH(update##_runs)(); \
  }
EBB_UPDATES(EBB_EXPORT)
#undef EBB_EXPORT

}  // namespace ebb::kernels
#endif
