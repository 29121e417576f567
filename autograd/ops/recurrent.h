// Recurrent layers, one in one direction, over a whole sequence: fused kernels, with references in primitive operations
// for higher orders. Inputs: x [t, n, in], the first states [n, h], weight_ih [G h, in], weight_hh [G h, h], bias_ih and
// bias_hh [G h] or undefined; all contiguous. Outputs: y [t, n, h], the last states [n, h], and what the gradient needs,
// which is not differentiated: see kernels/recurrent.h.
#pragma once

#include "autograd/kernels/recurrent.h"
#include "autograd/ops/common.h"

namespace ebb::ops {

using detail::view_or_null;
using kernels::Cell;

// c0 is undefined where the cell has none.
struct RecurrentLayer {
  Cell cell;
  bool reverse;
  const Tensor &x, &h0, &c0, &weight_ih, &weight_hh, &bias_ih, &bias_hh;
};

// Error unless x is [t, n, in], t > 0.
void require_sequence(std::string_view op, const Tensor& x);

// Of y, of a state, and of the gates; Error if the inputs do not fit together.
std::array<Spec, 3> recurrent_specs(std::string_view op, const RecurrentLayer& layer);

// In the inputs x, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh, from those of y, h_n and, for lstm, c_n.
std::array<Tensor, 7> recurrent_gradients(const RecurrentLayer& layer, Wanted wanted, Grads g, const Tensor& y,
                                          const Tensor& gates, const Tensor& cells);

// For cells without c0, which their inputs leave out.
inline std::array<Tensor, 6> recurrent_gradients_without_c0(const RecurrentLayer& layer, Wanted wanted, Grads g,
                                                            const Tensor& y, const Tensor& gates,
                                                            const Tensor& cells) {
  wanted.mask = (wanted.mask & 0b11u) | (wanted.mask & ~0b11u) << 1;
  auto [x, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh] =
      recurrent_gradients(layer, wanted, g, y, gates, cells);
  return {x, h0, weight_ih, weight_hh, bias_ih, bias_hh};
}

// x [n, gates h] in its parts, which chunk() would not give where h is 0.
template <std::size_t K>
std::array<Tensor, K> parts_of_gates(const Tensor& x) {
  const std::int64_t h = x.shape()[1] / std::int64_t{K};
  std::array<Tensor, K> parts;
  for (std::size_t k = 0; k < K; ++k) parts[k] = narrow(x, 1, static_cast<std::int64_t>(k) * h, h);
  return parts;
}

// Calls step(x at one time), which returns K tensors, for every time in order, and stacks what it returns.
template <std::size_t K, class Step>
std::array<Tensor, K> over_time(const Tensor& x, bool reverse, Step&& step) {
  const std::int64_t steps = x.shape()[0];
  std::array<std::vector<Tensor>, K> all;
  for (auto& one : all) one.resize(static_cast<std::size_t>(steps));
  for (std::int64_t i = 0; i < steps; ++i) {
    const std::int64_t t = reverse ? steps - 1 - i : i;
    std::array<Tensor, K> results = step(select(x, 0, t));
    for (std::size_t k = 0; k < K; ++k) all[k][static_cast<std::size_t>(t)] = std::move(results[k]);
  }
  std::array<Tensor, K> stacked;
  for (std::size_t k = 0; k < K; ++k) stacked[k] = stack(std::span<const Tensor>(all[k]), 0);
  return stacked;
}

// Points at which a layer is tested: from both ends, with and without biases, one of no elements. PyTorch's `function`
// takes `state` and the weights, which are the inputs from number `weights` on.
template <class Op>
Samples<Op> recurrent_samples(Generator& random, Op op, std::string_view function, std::string_view state,
                              int weights) {
  Samples<Op> samples;
  const auto add = [&](bool reverse, bool biases, std::int64_t t, std::int64_t n, std::int64_t h) {
    op.reverse = reverse;
    const std::int64_t width = kernels::gates_of(op.cell()) * h;
    std::vector<Tensor> inputs{draw(random, {t, n, 4})};
    while (std::ssize(inputs) < weights) inputs.push_back(draw(random, {n, h}));
    inputs.push_back(draw(random, {width, 4}, -1, 1));
    inputs.push_back(draw(random, {width, h}, -1, 1));
    for (int i = 0; i < 2; ++i) inputs.push_back(biases ? draw(random, {width}, -1, 1) : Tensor());
    samples.push_back(
        {op, inputs,
         fmt::format("(lambda y, *s: (y{0}, *(v[0] for v in s)))(*torch.{1}(x[0]{0}, {2}, "
                     "[w for w in x[{3}:] if w is not None], {4}, 1, 0.0, False, False, False))",
                     reverse ? ".flip(0)" : "", function, state, weights, biases ? "True" : "False")});
  };
  add(false, true, 5, 2, 3);
  add(true, true, 5, 2, 3);
  add(true, false, 2, 2, 3);
  add(false, false, 1, 1, 1);
  add(false, true, 2, 0, 3);
  return samples;
}

// See lstm() in ops.h. Saved: the gates i, f, g, o and all c.
struct Lstm {
  static constexpr std::string_view name = "lstm";
  static constexpr int outputs = 5, differentiable_outputs = 3;
  bool reverse = false;
  Cell cell() const { return Cell::lstm; }

  std::array<Spec, 5> infer(const Tensor& x, const Tensor& h0, const Tensor& c0, const Tensor& weight_ih,
                            const Tensor& weight_hh, const Tensor& bias_ih, const Tensor& bias_hh) const {
    const auto [y, state, gates] =
        recurrent_specs(name, {cell(), reverse, x, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh});
    return {y, state, state, gates, y};
  }
  void forward(View y, View h_n, View c_n, View gates, View cells, View x, View h0, View c0, View weight_ih,
               View weight_hh, View bias_ih, View bias_hh) const {
    kernels::recurrent({cell(), reverse, y, gates, cells, h0, c0, weight_hh}, h_n, c_n, x, weight_ih, bias_ih,
                       bias_hh);
  }
  std::array<Tensor, 7> grads(Wanted wanted, Grads g, In<0> x, In<1> h0, In<2> c0, In<3> weight_ih,
                              In<4> weight_hh, Output<0> y, Output<3> gates, Output<4> cells) const {
    return recurrent_gradients({cell(), reverse, x, h0, c0, weight_ih, weight_hh, {}, {}}, wanted, g, y, gates,
                               cells);
  }
  std::array<Tensor, 5> reference(const Tensor& x, const Tensor& h0, const Tensor& c0, const Tensor& weight_ih,
                                  const Tensor& weight_hh, const Tensor& bias_ih, const Tensor& bias_hh) const {
    Tensor h = h0, c = c0;
    const auto [y, gates, cells] = over_time<3>(x, reverse, [&](const Tensor& now) {
      const auto a = parts_of_gates<4>(linear(now, weight_ih, bias_ih) + linear(h, weight_hh, bias_hh));
      const Tensor i = sigmoid(a[0]), f = sigmoid(a[1]), g = tanh(a[2]), o = sigmoid(a[3]);
      c = f * c + i * g;
      h = o * tanh(c);
      return std::array{h, cat({i, f, g, o}, 1), c};
    });
    return {y, h, c, gates, cells};
  }
  static Samples<Lstm> samples(Generator& random) {
    return recurrent_samples(random, Lstm{}, "lstm", "(x[1][None], x[2][None])", 3);
  }
};

// See gru() in ops.h. Saved: the gates r, z, n and all weight_hn h + bias_hn.
struct Gru {
  static constexpr std::string_view name = "gru";
  static constexpr int outputs = 4, differentiable_outputs = 2;
  bool reverse = false;
  Cell cell() const { return Cell::gru; }

  std::array<Spec, 4> infer(const Tensor& x, const Tensor& h0, const Tensor& weight_ih, const Tensor& weight_hh,
                            const Tensor& bias_ih, const Tensor& bias_hh) const {
    const auto [y, state, gates] =
        recurrent_specs(name, {cell(), reverse, x, h0, {}, weight_ih, weight_hh, bias_ih, bias_hh});
    return {y, state, gates, y};
  }
  void forward(View y, View h_n, View gates, View cells, View x, View h0, View weight_ih, View weight_hh,
               View bias_ih, View bias_hh) const {
    const View none = view_or_null({});
    kernels::recurrent({cell(), reverse, y, gates, cells, h0, none, weight_hh}, h_n, none, x, weight_ih, bias_ih,
                       bias_hh);
  }
  std::array<Tensor, 6> grads(Wanted wanted, Grads g, In<0> x, In<1> h0, In<2> weight_ih, In<3> weight_hh,
                              Output<0> y, Output<2> gates, Output<3> cells) const {
    return recurrent_gradients_without_c0({cell(), reverse, x, h0, {}, weight_ih, weight_hh, {}, {}}, wanted, g, y,
                                          gates, cells);
  }
  std::array<Tensor, 4> reference(const Tensor& x, const Tensor& h0, const Tensor& weight_ih,
                                  const Tensor& weight_hh, const Tensor& bias_ih, const Tensor& bias_hh) const {
    Tensor h = h0;
    const auto [y, gates, cells] = over_time<3>(x, reverse, [&](const Tensor& now) {
      const auto of_x = parts_of_gates<3>(linear(now, weight_ih, bias_ih));
      const auto of_h = parts_of_gates<3>(linear(h, weight_hh, bias_hh));
      const Tensor r = sigmoid(of_x[0] + of_h[0]), z = sigmoid(of_x[1] + of_h[1]);
      const Tensor n = tanh(of_x[2] + r * of_h[2]);
      h = (1 - z) * n + z * h;
      return std::array{h, cat({r, z, n}, 1), of_h[2]};
    });
    return {y, h, gates, cells};
  }
  static Samples<Gru> samples(Generator& random) {
    return recurrent_samples(random, Gru{}, "gru", "x[1][None]", 2);
  }
};

// See rnn() in ops.h. y is all that the gradient needs.
struct Rnn {
  static constexpr std::string_view name = "rnn";
  static constexpr int outputs = 2;
  RnnNonlinearity nonlinearity = RnnNonlinearity::tanh;
  bool reverse = false;
  Cell cell() const { return nonlinearity == RnnNonlinearity::tanh ? Cell::rnn_tanh : Cell::rnn_relu; }

  std::array<Spec, 2> infer(const Tensor& x, const Tensor& h0, const Tensor& weight_ih, const Tensor& weight_hh,
                            const Tensor& bias_ih, const Tensor& bias_hh) const {
    const auto [y, state, gates] =
        recurrent_specs(name, {cell(), reverse, x, h0, {}, weight_ih, weight_hh, bias_ih, bias_hh});
    return {y, state};
  }
  void forward(View y, View h_n, View x, View h0, View weight_ih, View weight_hh, View bias_ih,
               View bias_hh) const {
    const View none = view_or_null({});
    kernels::recurrent({cell(), reverse, y, y, none, h0, none, weight_hh}, h_n, none, x, weight_ih, bias_ih,
                       bias_hh);
  }
  std::array<Tensor, 6> grads(Wanted wanted, Grads g, In<0> x, In<1> h0, In<2> weight_ih, In<3> weight_hh,
                              Output<0> y) const {
    return recurrent_gradients_without_c0({cell(), reverse, x, h0, {}, weight_ih, weight_hh, {}, {}}, wanted, g, y,
                                          y, {});
  }
  std::array<Tensor, 2> reference(const Tensor& x, const Tensor& h0, const Tensor& weight_ih,
                                  const Tensor& weight_hh, const Tensor& bias_ih, const Tensor& bias_hh) const {
    Tensor h = h0;
    const auto [y] = over_time<1>(x, reverse, [&](const Tensor& now) {
      const Tensor sum = linear(now, weight_ih, bias_ih) + linear(h, weight_hh, bias_hh);
      h = nonlinearity == RnnNonlinearity::tanh ? tanh(sum) : relu(sum);
      return std::array{h};
    });
    return {y, h};
  }
  static Samples<Rnn> samples(Generator& random) {
    auto samples = recurrent_samples(random, Rnn{}, "rnn_tanh", "x[1][None]", 2);
    const Rnn relu{RnnNonlinearity::relu};
    for (auto& sample : recurrent_samples(random, relu, "rnn_relu", "x[1][None]", 2)) samples.push_back(sample);
    return samples;
  }
};

using RecurrentOps = OpList<Lstm, Gru, Rnn>;

}  // namespace ebb::ops
