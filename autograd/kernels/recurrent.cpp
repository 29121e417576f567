#include "autograd/kernels/recurrent.h"

#include <algorithm>
#include <optional>

#include "autograd/base/divide.h"
#include "autograd/base/parallel.h"
#include "autograd/base/scratch.h"
#include "autograd/kernels/gemm.h"
#include "autograd/kernels/recurrent_runs.h"

namespace ebb::kernels {
namespace {

// Note [Threads of a recurrent layer]: the sequences of a batch do not meet, so a piece of work is all steps of a few
// of them, and threads wait for each other once a layer, not once a step. But every piece reads all weights at every
// step. Where these are too many for a core's cache, the pieces are columns of the weights, within each step.
constexpr std::int64_t kRows = 8;               // of a piece
constexpr std::int64_t kColumns = 256;          // of a product that is one piece
constexpr std::int64_t kPieceWork = 1 << 17;    // multiplications
constexpr std::int64_t kManyBytes = 512 << 10;  // of weights

template <class T>
const RecurrentRuns<T>& runs() {
  return std::get<RecurrentRuns<T>>(recurrent_runs());
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

// A layer, and its products with w_hh, which is packed if there are rows enough.
template <class T>
class Steps {
 public:
  // c = a w or a wᵀ, but for m, a and c.
  Steps(const Recurrent& layer, const Gemm<T>& product)
      : steps(layer.y.size(0)), batch(layer.y.size(1)), layer_(layer), product_(product) {
    if (steps * batch <= kRows) return;
    const std::int64_t block = packed_size(columns(0));
    packed_.emplace(blocks() * block);
    parallel_for(blocks(), 1, [&](std::int64_t begin, std::int64_t end) {
      for (; begin < end; ++begin) gemm_pack(packed_->data() + begin * block, columns(begin));
    });
  }

  // Calls f(first row, rows) in parallel.
  template <class F>
  void for_each_rows(F&& f) const {
    const bool many = product_.n * product_.k * std::int64_t{sizeof(T)} > kManyBytes;
    parallel_for(batch, many ? std::max<std::int64_t>(batch, 1) : kRows,
                 [&](std::int64_t begin, std::int64_t end) { f(begin, end - begin); });
  }

  // The place of step s in memory.
  std::int64_t time(std::int64_t s) const { return layer_.reverse ? steps - 1 - s : s; }
  // The state before step s: h or c.
  const T* before(std::int64_t s, std::int64_t row, const View& states, const View& first) const {
    return s > 0 ? rows_at<const T>(states, time(s - 1), row) : rows_at<const T>(first, row);
  }
  // What the cell's loops call `before`.
  const T* cell_before(std::int64_t s, std::int64_t row) const {
    if (layer_.cell == Cell::lstm) return before(s, row, layer_.cells, layer_.c0);
    return layer_.cell == Cell::gru ? before(s, row, layer_.y, layer_.h0) : nullptr;
  }

  void multiply(T* c, const T* a, std::int64_t rows) const {
    const std::int64_t work = rows * product_.k * std::min(product_.n, kColumns);
    parallel_for(blocks(), 1 + kPieceWork / (work + 1), [&](std::int64_t begin, std::int64_t end) {
      for (; begin < end; ++begin) {
        auto p = columns(begin);
        if (packed_) p.packed = packed_->data() + begin * packed_size(columns(0));
        p.m = rows;
        p.a = a;
        p.c = c + begin * kColumns;
        gemm_serial(p);
      }
    });
  }

  const std::int64_t steps, batch;

 private:
  std::int64_t blocks() const { return ceil_div(product_.n, kColumns); }
  Gemm<T> columns(std::int64_t block) const {
    const std::int64_t first = block * kColumns;
    auto p = product_;
    p.n = std::min(kColumns, p.n - first);
    p.b += first * p.b_col;
    if (p.bias) p.bias += first;
    return p;
  }

  const Recurrent& layer_;
  Gemm<T> product_;
  std::optional<memory::Scratch<T>> packed_;
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
  const auto run = runs<T>().forward[static_cast<int>(layer.cell)];
  s.for_each_rows([&](std::int64_t row, std::int64_t rows) {
    const memory::Scratch<T> hidden(rows * width);
    for (std::int64_t i = 0; i < s.steps; ++i) {
      const std::int64_t t = s.time(i);
      s.multiply(hidden.data(), s.before(i, row, layer.y, layer.h0), rows);
      parallel_for(rows, kRows, [&](std::int64_t begin, std::int64_t end) {
        run({.rows = end - begin,
             .size = size,
             .hidden = hidden.data() + begin * width,
             .before = s.cell_before(i, row + begin),
             .gates = rows_at<T>(layer.gates, t, row + begin),
             .cells = rows_at<T>(layer.cells, t, row + begin),
             .y = rows_at<T>(layer.y, t, row + begin)});
      });
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
  const auto run = runs<T>().backward[static_cast<int>(layer.cell)];
  s.for_each_rows([&](std::int64_t row, std::int64_t rows) {
    copy_rows(rows_at<T>(dh0, row), rows_at<const T>(gh_n, row), rows * size);
    copy_rows(rows_at<T>(dc0, row), rows_at<const T>(gc_n, row), rows * size);
    for (std::int64_t i = s.steps - 1; i >= 0; --i) {
      const std::int64_t t = s.time(i);
      parallel_for(rows, kRows, [&](std::int64_t begin, std::int64_t end) {
        const std::int64_t at = row + begin;
        run({.rows = end - begin,
             .size = size,
             .gates = rows_at<const T>(layer.gates, t, at),
             .cells = rows_at<const T>(layer.cells, t, at),
             .before = s.cell_before(i, at),
             .gy = rows_at<const T>(gy, t, at),
             .dh = rows_at<T>(dh0, at),
             .dc = rows_at<T>(dc0, at),
             .dgates = rows_at<T>(dgates, t, at),
             .dhidden = rows_at<T>(dhidden, t, at)});
      });
      s.multiply(rows_at<T>(dh0, row), rows_at<const T>(dhidden, t, row), rows);
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
