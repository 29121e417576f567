#include "autograd/kernels/recurrent.h"

#include <algorithm>
#include <optional>

#include "autograd/base/parallel.h"
#include "autograd/base/scratch.h"
#include "autograd/kernels/gemm.h"
#include "autograd/kernels/recurrent_runs.h"

namespace ebb::kernels {
namespace {

// Note [Rows of a recurrent layer]: the sequences of a batch do not meet, so a piece of work is all steps of a few
// sequences: threads wait for each other once a layer, not once a step.
constexpr std::int64_t kRows = 8;

template <class T>
typename RecurrentRuns<T>::Forward forward_run(Cell cell) {
  const auto& runs = std::get<RecurrentRuns<T>>(recurrent_runs());
  switch (cell) {
    case Cell::lstm:
      return runs.lstm;
    case Cell::gru:
      return runs.gru;
    case Cell::rnn_tanh:
      return runs.rnn_tanh;
    case Cell::rnn_relu:
      return runs.rnn_relu;
  }
  return nullptr;
}
template <class T>
typename RecurrentRuns<T>::Backward backward_run(Cell cell) {
  const auto& runs = std::get<RecurrentRuns<T>>(recurrent_runs());
  switch (cell) {
    case Cell::lstm:
      return runs.lstm_backward;
    case Cell::gru:
      return runs.gru_backward;
    case Cell::rnn_tanh:
      return runs.rnn_tanh_backward;
    case Cell::rnn_relu:
      return runs.rnn_relu_backward;
  }
  return nullptr;
}

// The elements of a view from row `row` of a batch on, at time step `step`; null of null.
template <class T>
T* rows_at(const View& v, std::int64_t step, std::int64_t row) {
  return v.data ? v.as<T>() + (step * v.size(1) + row) * v.size(2) : nullptr;
}
template <class T>
T* rows_at(const View& v, std::int64_t row) {
  return v.data ? v.as<T>() + row * v.size(1) : nullptr;
}

template <class T>
void copy_rows(T* to, const T* from, std::int64_t count) {
  if (to == nullptr) return;
  from ? std::copy_n(from, count, to) : std::fill_n(to, count, T(0));
}

// A layer, and its product with w_hh, which is packed once if there are rows enough.
template <class T>
struct Steps {
  Steps(const Recurrent& l, Gemm<T> p)
      : layer(l), product(p), steps(l.y.size(0)), batch(l.y.size(1)), size(l.y.size(2)) {
    if (steps * batch <= kRows) return;
    packed.emplace(packed_size(product));
    gemm_pack(packed->data(), product);
    product.packed = packed->data();
  }

  // Calls f(first row, rows) in parallel.
  template <class F>
  void for_each_rows(F&& f) const {
    parallel_for(batch, kRows, [&](std::int64_t begin, std::int64_t end) { f(begin, end - begin); });
  }

  // The place of step s in memory.
  std::int64_t time(std::int64_t s) const { return layer.reverse ? steps - 1 - s : s; }
  // The state before step s: h or c.
  const T* before(std::int64_t s, std::int64_t row, const View& states, const View& first) const {
    return s > 0 ? rows_at<const T>(states, time(s - 1), row) : rows_at<const T>(first, row);
  }
  // What the cell's loops call `before`.
  const T* memory(std::int64_t s, std::int64_t row) const {
    if (layer.cell == Cell::lstm) return before(s, row, layer.cells, layer.c0);
    return layer.cell == Cell::gru ? before(s, row, layer.y, layer.h0) : nullptr;
  }

  // c = a w or a wᵀ, as the constructor was told.
  void multiply(T* c, const T* a, std::int64_t rows) const {
    auto p = product;
    p.m = rows;
    p.a = a;
    p.c = c;
    gemm_serial(p);
  }

  const Recurrent& layer;
  Gemm<T> product;
  std::int64_t steps, batch, size;
  std::optional<memory::Scratch<T>> packed;
};

// A contiguous [t, n, width] view as a matrix of rows.
struct RowsOf {
  explicit RowsOf(const View& v)
      : shape{v.size(0) * v.size(1), v.size(2)},
        strides(contiguous_strides(shape)),
        view{v.data, &shape, &strides, v.dtype, true} {}
  RowsOf(const RowsOf&) = delete;
  RowsOf& operator=(const RowsOf&) = delete;

  Shape shape;
  Dims strides;
  View view;
};

template <class T>
void forward_of(const Recurrent& layer, const View& h_n, const View& c_n, const View& b_hh) {
  const std::int64_t size = layer.w_hh.size(1), width = layer.w_hh.size(0);
  const Steps<T> s(layer, {.m = 0,
                           .n = width,
                           .k = size,
                           .a = nullptr,
                           .a_row = size,
                           .a_col = 1,
                           .b = layer.w_hh.as<const T>(),
                           .b_row = 1,
                           .b_col = size,
                           .c = nullptr,
                           .c_row = width,
                           .bias = b_hh.as<const T>()});
  const auto run = forward_run<T>(layer.cell);
  s.for_each_rows([&](std::int64_t row, std::int64_t rows) {
    const memory::Scratch<T> hidden(rows * width);
    for (std::int64_t i = 0; i < s.steps; ++i) {
      const std::int64_t t = s.time(i);
      s.multiply(hidden.data(), s.before(i, row, layer.y, layer.h0), rows);
      run({.rows = rows,
           .size = size,
           .hidden = hidden.data(),
           .before = s.memory(i, row),
           .gates = rows_at<T>(layer.gates, t, row),
           .cells = rows_at<T>(layer.cells, t, row),
           .y = rows_at<T>(layer.y, t, row)});
    }
    copy_rows(rows_at<T>(h_n, row), s.before(s.steps, row, layer.y, layer.h0), rows * size);
    if (layer.cell == Cell::lstm)
      copy_rows(rows_at<T>(c_n, row), s.before(s.steps, row, layer.cells, layer.c0), rows * size);
  });
}

template <class T>
void backward_of(const Recurrent& layer, const View& dgates, const View& dhidden, const View& dh0, const View& dc0,
                 const View& gy, const View& gh_n, const View& gc_n) {
  const std::int64_t size = layer.w_hh.size(1), width = layer.w_hh.size(0);
  const Steps<T> s(layer, {.m = 0,
                           .n = size,
                           .k = width,
                           .a = nullptr,
                           .a_row = width,
                           .a_col = 1,
                           .b = layer.w_hh.as<const T>(),
                           .b_row = size,
                           .b_col = 1,
                           .c = nullptr,
                           .c_row = size,
                           .accumulate = layer.cell == Cell::gru});
  const auto run = backward_run<T>(layer.cell);
  s.for_each_rows([&](std::int64_t row, std::int64_t rows) {
    T *dh = rows_at<T>(dh0, row), *dc = rows_at<T>(dc0, row);
    copy_rows(dh, rows_at<const T>(gh_n, row), rows * size);
    copy_rows(dc, rows_at<const T>(gc_n, row), rows * size);
    for (std::int64_t i = s.steps - 1; i >= 0; --i) {
      const std::int64_t t = s.time(i);
      T* const to_hidden = rows_at<T>(dhidden, t, row);
      run({.rows = rows,
           .size = size,
           .gates = rows_at<const T>(layer.gates, t, row),
           .cells = rows_at<const T>(layer.cells, t, row),
           .before = s.memory(i, row),
           .gy = rows_at<const T>(gy, t, row),
           .dh = dh,
           .dc = dc,
           .dgates = rows_at<T>(dgates, t, row),
           .dhidden = to_hidden});
      s.multiply(dh, to_hidden, rows);
    }
  });
}

}  // namespace

void recurrent(const Recurrent& layer, View h_n, View c_n, View x, View w_ih, View b_ih, View b_hh) {
  linear(RowsOf(layer.gates).view, RowsOf(x).view, w_ih, b_ih);
  visit_floating(x.dtype, [&]<class T>(T*) { forward_of<T>(layer, h_n, c_n, b_hh); });
}

void recurrent_backward(const Recurrent& layer, View dgates, View dhidden, View dh0, View dc0, View gy, View gh_n,
                        View gc_n) {
  visit_floating(dgates.dtype,
                 [&]<class T>(T*) { backward_of<T>(layer, dgates, dhidden, dh0, dc0, gy, gh_n, gc_n); });
}

}  // namespace ebb::kernels
