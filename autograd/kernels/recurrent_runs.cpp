#include "autograd/kernels/recurrent_runs.h"

#include "autograd/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "autograd/kernels/recurrent_runs.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "autograd/kernels/activations-inl.h"
#include "autograd/kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ebb::kernels::HWY_NAMESPACE {
namespace {

// Some lanes of the arrays of one step, all of them `n` elements from the same place of a row on.
template <class T>
struct Place {
  std::int64_t of_state, of_gates, size, n;

  HWY_INLINE hn::Vec<Tag<T>> state(const T* p) const { return load(Tag<T>(), p + of_state, n); }
  HWY_INLINE hn::Vec<Tag<T>> gate(const T* p, int k) const { return load(Tag<T>(), p + of_gates + k * size, n); }
  HWY_INLINE void set_state(T* p, hn::Vec<Tag<T>> v) const { store(v, Tag<T>(), p + of_state, n); }
  HWY_INLINE void set_gate(T* p, int k, hn::Vec<Tag<T>> v) const {
    store(v, Tag<T>(), p + of_gates + k * size, n);
  }
};

// Calls body(place) until every element of every row has been in one.
template <class T, class Body>
HWY_INLINE void for_each_place(std::int64_t rows, std::int64_t size, int gates, Body&& body) {
  for (std::int64_t r = 0; r < rows; ++r)
    for_each_vector(Tag<T>(), size, [&](std::int64_t i, std::int64_t n) EBB_LANES {
      body(Place<T>{r * size + i, r * gates * size + i, size, n});
    });
}

// y' for y = σ(x) and y = tanh(x)
template <class D>
HWY_INLINE hn::Vec<D> sigmoid_slope(D /*d*/, hn::Vec<D> y) {
  return hn::NegMulAdd(y, y, y);
}
template <class D>
HWY_INLINE hn::Vec<D> tanh_slope(D d, hn::Vec<D> y) {
  return hn::NegMulAdd(y, y, hn::Set(d, 1));
}

// dL/dh of a step: what comes from the steps after it and from its output.
template <class T>
HWY_INLINE hn::Vec<Tag<T>> gradient_of_h(const RecurrentGradientStep<T>& s, const Place<T>& at) {
  const auto dh = at.state(s.dh);
  return s.gy ? hn::Add(dh, at.state(s.gy)) : dh;
}

// c = f c + i g, y = o tanh(c)
template <class T>
void lstm(const RecurrentStep<T>& s) {
  const Tag<T> d;
  for_each_place<T>(s.rows, s.size, 4, [&](const Place<T>& at) EBB_LANES {
    const auto sum = [&](int k) EBB_LANES { return hn::Add(at.gate(s.gates, k), at.gate(s.hidden, k)); };
    const auto i = sigmoid(d, sum(0)), f = sigmoid(d, sum(1)), g = tanh(d, sum(2)), o = sigmoid(d, sum(3));
    const auto c = hn::MulAdd(f, at.state(s.before), hn::Mul(i, g));
    at.set_gate(s.gates, 0, i);
    at.set_gate(s.gates, 1, f);
    at.set_gate(s.gates, 2, g);
    at.set_gate(s.gates, 3, o);
    at.set_state(s.cells, c);
    at.set_state(s.y, hn::Mul(o, tanh(d, c)));
  });
}
template <class T>
void lstm_backward(const RecurrentGradientStep<T>& s) {
  const Tag<T> d;
  for_each_place<T>(s.rows, s.size, 4, [&](const Place<T>& at) EBB_LANES {
    const auto i = at.gate(s.gates, 0), f = at.gate(s.gates, 1), g = at.gate(s.gates, 2), o = at.gate(s.gates, 3);
    const auto dh = gradient_of_h(s, at), tanh_c = tanh(d, at.state(s.cells));
    const auto dc = hn::MulAdd(hn::Mul(dh, o), tanh_slope(d, tanh_c), at.state(s.dc));
    at.set_gate(s.dgates, 0, hn::Mul(hn::Mul(dc, g), sigmoid_slope(d, i)));
    at.set_gate(s.dgates, 1, hn::Mul(hn::Mul(dc, at.state(s.before)), sigmoid_slope(d, f)));
    at.set_gate(s.dgates, 2, hn::Mul(hn::Mul(dc, i), tanh_slope(d, g)));
    at.set_gate(s.dgates, 3, hn::Mul(hn::Mul(dh, tanh_c), sigmoid_slope(d, o)));
    at.set_state(s.dc, hn::Mul(dc, f));
  });
}

// n = tanh(n of x + r n of h), y = (1 - z) n + z h
template <class T>
void gru(const RecurrentStep<T>& s) {
  const Tag<T> d;
  for_each_place<T>(s.rows, s.size, 3, [&](const Place<T>& at) EBB_LANES {
    const auto sum = [&](int k) EBB_LANES { return hn::Add(at.gate(s.gates, k), at.gate(s.hidden, k)); };
    const auto r = sigmoid(d, sum(0)), z = sigmoid(d, sum(1)), of_h = at.gate(s.hidden, 2);
    const auto n = tanh(d, hn::MulAdd(r, of_h, at.gate(s.gates, 2)));
    at.set_gate(s.gates, 0, r);
    at.set_gate(s.gates, 1, z);
    at.set_gate(s.gates, 2, n);
    at.set_state(s.cells, of_h);
    at.set_state(s.y, hn::MulAdd(z, hn::Sub(at.state(s.before), n), n));
  });
}
template <class T>
void gru_backward(const RecurrentGradientStep<T>& s) {
  const Tag<T> d;
  for_each_place<T>(s.rows, s.size, 3, [&](const Place<T>& at) EBB_LANES {
    const auto r = at.gate(s.gates, 0), z = at.gate(s.gates, 1), n = at.gate(s.gates, 2);
    const auto dh = gradient_of_h(s, at);
    const auto dn = hn::Mul(hn::NegMulAdd(dh, z, dh), tanh_slope(d, n));
    const auto dr = hn::Mul(hn::Mul(dn, at.state(s.cells)), sigmoid_slope(d, r));
    const auto dz = hn::Mul(hn::Mul(dh, hn::Sub(at.state(s.before), n)), sigmoid_slope(d, z));
    for (T* to : {s.dgates, s.dhidden}) {
      at.set_gate(to, 0, dr);
      at.set_gate(to, 1, dz);
    }
    at.set_gate(s.dgates, 2, dn);
    at.set_gate(s.dhidden, 2, hn::Mul(dn, r));
    at.set_state(s.dh, hn::Mul(dh, z));
  });
}

template <class T>
void rnn_tanh(const RecurrentStep<T>& s) {
  const Tag<T> d;
  for_each_place<T>(s.rows, s.size, 1, [&](const Place<T>& at) EBB_LANES {
    at.set_state(s.y, tanh(d, hn::Add(at.state(s.gates), at.state(s.hidden))));
  });
}
template <class T>
void rnn_tanh_backward(const RecurrentGradientStep<T>& s) {
  const Tag<T> d;
  for_each_place<T>(s.rows, s.size, 1, [&](const Place<T>& at) EBB_LANES {
    at.set_state(s.dgates, hn::Mul(gradient_of_h(s, at), tanh_slope(d, at.state(s.gates))));
  });
}

template <class T>
void rnn_relu(const RecurrentStep<T>& s) {
  const Tag<T> d;
  for_each_place<T>(s.rows, s.size, 1, [&](const Place<T>& at) EBB_LANES {
    const auto sum = hn::Add(at.state(s.gates), at.state(s.hidden));
    at.set_state(s.y, hn::IfThenZeroElse(hn::Le(sum, hn::Zero(d)), sum));
  });
}
template <class T>
void rnn_relu_backward(const RecurrentGradientStep<T>& s) {
  const Tag<T> d;
  for_each_place<T>(s.rows, s.size, 1, [&](const Place<T>& at) EBB_LANES {
    at.set_state(s.dgates, hn::IfThenElseZero(hn::Gt(at.state(s.gates), hn::Zero(d)), gradient_of_h(s, at)));
  });
}

template <class T>
constexpr RecurrentRuns<T> runs_of{
    .forward = {lstm<T>, gru<T>, rnn_tanh<T>, rnn_relu<T>},
    .backward = {lstm_backward<T>, gru_backward<T>, rnn_tanh_backward<T>, rnn_relu_backward<T>},
};

const std::tuple<RecurrentRuns<float>, RecurrentRuns<double>>& all() {
  static constexpr std::tuple kAll{runs_of<float>, runs_of<double>};
  return kAll;
}

}  // namespace
}  // namespace ebb::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ebb::kernels {

HWY_EXPORT(all);
const std::tuple<RecurrentRuns<float>, RecurrentRuns<double>>& recurrent_runs() {
  return HWY_DYNAMIC_DISPATCH(all)();
}

}  // namespace ebb::kernels
#endif
