#include "autograd/ops/recurrent.h"

#include "autograd/kernels/gemm.h"

namespace ebb {
namespace ops {
namespace {

// [t, n, w] as a matrix of t n rows.
Tensor as_rows(const Tensor& x) { return reshape(x, {x.shape()[0] * x.shape()[1], x.shape()[2]}); }

Tensor contiguous(const Tensor& x) { return x.defined() ? x.contiguous() : x; }

// Sum over time of dhidden[t]ᵀ (the state before t).
Tensor gradient_of_weight_hh(const RecurrentLayer& layer, const Tensor& dhidden, const Tensor& y) {
  const std::int64_t more = y.shape()[0] - 1;
  Tensor result = matmul(t(select(dhidden, 0, layer.reverse ? more : 0)), layer.h0);
  if (more > 0) {
    const Tensor states = as_rows(narrow(y, 0, layer.reverse ? 1 : 0, more));
    const Tensor later = t(as_rows(narrow(dhidden, 0, layer.reverse ? 0 : 1, more)));
    detail::launch([](const auto&... views) { kernels::matmul(views..., true); }, result.view(), later.view(),
                   states.view());
  }
  return result;
}

}  // namespace

void require_sequence(std::string_view op, const Tensor& x) {
  require_floating(op, x);
  if (x.dim() != 3 || x.shape()[0] == 0)
    fail("{}: the input is {}; it must be [t, n, in], of one time step or more", op, describe(x));
}

std::array<Spec, 3> recurrent_specs(std::string_view op, const RecurrentLayer& layer) {
  const Tensor& x = layer.x;
  require_sequence(op, x);
  const std::int64_t gates = kernels::gates_of(layer.cell), in = x.shape()[2];
  const Shape& last = layer.weight_hh.shape();
  if (last.rank() != 2 || last[0] != gates * last[1])
    fail("{}: weight_hh is {}; it must be [{}, h] for states of size h", op, last,
         gates == 1   ? "h"
         : gates == 3 ? "3 h"
                      : "4 h");
  const std::int64_t size = last[1], width = gates * size;
  const Shape state{x.shape()[1], size};
  require_parameter(op, "weight_hh", layer.weight_hh, x, {width, size});
  require_parameter(op, "weight_ih", layer.weight_ih, x, {width, in});
  require_parameter(op, "bias_ih", layer.bias_ih, x, {width});
  require_parameter(op, "bias_hh", layer.bias_hh, x, {width});
  require_parameter(op, "first h", layer.h0, x, state);
  require_parameter(op, "first c", layer.c0, x, state);
  const auto sequence = [&](std::int64_t n) { return Spec{{x.shape()[0], x.shape()[1], n}, x.dtype()}; };
  return {sequence(size), Spec{state, x.dtype()}, sequence(width)};
}

std::array<Tensor, 7> recurrent_gradients(const RecurrentLayer& layer, Wanted wanted, Grads g, const Tensor& y,
                                          const Tensor& gates, const Tensor& cells) {
  const bool has_c = layer.cell == Cell::lstm;
  const Tensor gy = contiguous(g[0]), gh_n = contiguous(g[1]), gc_n = has_c ? contiguous(g[2]) : Tensor();
  std::array<Tensor, 7> result;
  auto& [dx, dh0, dc0, dweight_ih, dweight_hh, dbias_ih, dbias_hh] = result;
  dh0 = empty_like(layer.h0);
  if (has_c) dc0 = empty_like(layer.c0);
  const Tensor dgates = empty_like(gates), dhidden = layer.cell == Cell::gru ? empty_like(gates) : dgates;
  detail::launch(
      [cell = layer.cell, reverse = layer.reverse](const View& states, const View& activations, const View& memory,
                                                   const View& h0, const View& c0, const View& weight_hh,
                                                   const auto&... gradients) {
        kernels::recurrent_backward({cell, reverse, states, activations, memory, h0, c0, weight_hh}, gradients...);
      },
      y.view(), gates.view(), view_or_null(cells), layer.h0.view(), view_or_null(layer.c0), layer.weight_hh.view(),
      dgates.view(), dhidden.view(), dh0.view(), view_or_null(dc0), view_or_null(gy), view_or_null(gh_n),
      view_or_null(gc_n));

  const Tensor rows = as_rows(dgates);
  if (wanted[0]) dx = reshape(matmul(rows, layer.weight_ih), layer.x.shape());
  if (wanted[3]) dweight_ih = matmul(t(rows), as_rows(layer.x));
  if (wanted[4]) dweight_hh = gradient_of_weight_hh(layer, dhidden, y);
  if (wanted[5] || wanted[6]) dbias_ih = dbias_hh = sum(rows, {0});
  if (wanted[6] && layer.cell == Cell::gru) dbias_hh = sum(as_rows(dhidden), {0});
  return result;
}

}  // namespace ops

namespace {

auto run(const auto& op, const RecurrentWeights& w, const Tensor& x, const auto&... states) {
  const auto contiguous = [](const Tensor& v) { return v.defined() ? v.contiguous() : v; };
  return apply(op, x.contiguous(), states.contiguous()..., w.weight_ih.contiguous(), w.weight_hh.contiguous(),
               contiguous(w.bias_ih), contiguous(w.bias_hh));
}

// With s = o tanh(c) and h = weight_hr s, weight_hh h is (weight_hh weight_hr) s: a layer without projections whose states
// are s. Only the first step has an h that comes from no s: there it is a part of the input, and s is 0.
std::array<Tensor, 3> projected_lstm(const Tensor& x, const Tensor& h0, const Tensor& c0,
                                     const RecurrentWeights& w, bool reverse) {
  ops::require_sequence("lstm", x);
  if (w.weight_hr.dim() != 2) fail("lstm: the weight_hr is {}; it must be [p, h]", w.weight_hr.shape());
  const std::int64_t p = w.weight_hr.shape()[0], size = w.weight_hr.shape()[1], rest = x.shape()[0] - 1;
  ops::require_parameter("lstm", "weight_hr", w.weight_hr, x, {p, size});
  ops::require_parameter("lstm", "weight_ih", w.weight_ih, x, {4 * size, x.shape()[2]});
  ops::require_parameter("lstm", "weight_hh", w.weight_hh, x, {4 * size, p});
  ops::require_parameter("lstm", "first h", h0, x, {x.shape()[1], p});
  ops::require_parameter("lstm", "first c", c0, x, {x.shape()[1], size});
  const Tensor recurrent = matmul(w.weight_hh, w.weight_hr);
  const Tensor step = cat({narrow(x, 0, reverse ? rest : 0, 1), unsqueeze(h0, 0)}, 2);
  auto [s, s_n, c_n] = lstm(step, zeros_like(c0), c0,
                            {cat({w.weight_ih, w.weight_hh}, 1), recurrent, w.bias_ih, w.bias_hh}, reverse);
  if (rest > 0) {
    auto [others, s_last, c_last] = lstm(narrow(x, 0, reverse ? 0 : 1, rest), s_n, c_n,
                                         {w.weight_ih, recurrent, w.bias_ih, w.bias_hh}, reverse);
    s = reverse ? cat({others, s}) : cat({s, others});
    c_n = c_last;
  }
  const Tensor y = linear(s, w.weight_hr);
  return {y, select(y, 0, reverse ? 0 : rest), c_n};
}

void refuse_projections(const char* op, const RecurrentWeights& weights) {
  if (weights.weight_hr.defined()) fail("{}: weight_hr is given; only lstm has projections", op);
}

}  // namespace

std::array<Tensor, 3> lstm(const Tensor& x, const Tensor& h0, const Tensor& c0, const RecurrentWeights& weights,
                           bool reverse) {
  if (weights.weight_hr.defined()) return projected_lstm(x, h0, c0, weights, reverse);
  auto [y, h_n, c_n, gates, cells] = run(ops::Lstm{reverse}, weights, x, h0, c0);
  return {y, h_n, c_n};
}

std::array<Tensor, 2> gru(const Tensor& x, const Tensor& h0, const RecurrentWeights& weights, bool reverse) {
  refuse_projections("gru", weights);
  auto [y, h_n, gates, cells] = run(ops::Gru{reverse}, weights, x, h0);
  return {y, h_n};
}

std::array<Tensor, 2> rnn(const Tensor& x, const Tensor& h0, const RecurrentWeights& weights,
                          RnnNonlinearity nonlinearity, bool reverse) {
  refuse_projections("rnn", weights);
  return run(ops::Rnn{nonlinearity, reverse}, weights, x, h0);
}

}  // namespace ebb
