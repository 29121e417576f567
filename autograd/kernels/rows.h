// Rows of strided views, for kernels that want the elements of a row side by side.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "autograd/base/parallel.h"
#include "autograd/base/scratch.h"
#include "autograd/base/view.h"
#include "autograd/kernels/axes.h"

namespace ebb::kernels {

// Some rows of K operands: row i of operand k is the n elements from data[k] + i step[k].
template <class T, int K>
struct Rows {
  std::int64_t first, count, n;  // numbers [first, first + count) in row-major order
  std::array<T*, K> data;
  std::array<std::int64_t, K> step;

  T* row(std::size_t k, std::int64_t i) const { return data[k] + i * step[k]; }
};

// What becomes of the first operand.
enum class FirstOperand { read, written };

// The rows along `dim` of views of one shape. Those whose elements are not side by side are copied, several
// at a time, so as to read whole cache lines; and copied back if they are written.
template <class T, int K>
class RowLoops {
 public:
  RowLoops(const std::array<View, K>& views, int dim, FirstOperand first)
      : written_(first == FirstOperand::written) {
    for (int d = 0; d < views[0].rank(); ++d)
      if (d != dim) outer_.push_back(axis(views, d));
    lane_ = outer_.pop_back();
    along_ = axis(views, dim);
    for (std::size_t k = 0; k < K; ++k) {
      data_[k] = views[k].template as<T>();
      copied_[k] = along_.size > 1 && along_.step[k] != 1;
    }
    copies_ = std::any_of(copied_.begin(), copied_.end(), [](bool copied) { return copied; });
  }

  // Calls f(Rows) until every row has been in one of them, in parallel.
  template <class F>
  void for_each(F&& f) const {
    const std::int64_t grain = std::max<std::int64_t>(1, kWork / std::max<std::int64_t>(1, along_.size));
    parallel_for(outer_.count() * lane_.size, grain, [&](std::int64_t begin, std::int64_t end) {
      while (begin < end) {
        auto rows = rows_from(begin, end - begin);
        copies_ ? with_copies(rows, f) : f(rows);
        begin += rows.count;
      }
    });
  }

 private:
  static constexpr std::int64_t kWork = 16 * 1024;   // elements worth a piece of a parallel_for
  static constexpr std::int64_t kCopied = 8 * 1024;  // elements, unless a row has more

  static Axis<K> axis(const std::array<View, K>& views, int d) {
    Axis<K> a{views[0].size(d), {}};
    for (std::size_t k = 0; k < K; ++k) a.step[k] = views[k].stride(d);
    return a;
  }

  // Rows from `first` on that equal steps join, at most `most`.
  Rows<T, K> rows_from(std::int64_t first, std::int64_t most) const {
    const std::int64_t in_lane = first % lane_.size;
    const auto offset = outer_.offset(first / lane_.size);
    Rows<T, K> rows{first, std::min(most, lane_.size - in_lane), along_.size, data_, lane_.step};
    for (std::size_t k = 0; k < K; ++k) rows.data[k] += offset[k] + in_lane * lane_.step[k];
    return rows;
  }

  template <class F>
  void with_copies(const Rows<T, K>& all, F&& f) const {
    const std::int64_t n = all.n, most = std::min(all.count, std::max<std::int64_t>(1, kCopied / n));
    const memory::Scratch<T> scratch(K * most * n);
    for (std::int64_t i = 0; i < all.count; i += most) {
      auto rows = all;
      rows.first += i;
      rows.count = std::min(most, all.count - i);
      for (std::size_t k = 0; k < K; ++k) {
        rows.data[k] = all.row(k, i);
        if (copied_[k]) gather(rows, k, scratch.data() + static_cast<std::int64_t>(k) * most * n);
      }
      f(rows);
      if (written_ && copied_[0]) scatter(rows, all.row(0, i));
    }
  }

  void gather(Rows<T, K>& rows, std::size_t k, T* copy) const {
    const T* from = rows.data[k];
    rows.data[k] = copy;
    rows.step[k] = rows.n;
    if (written_ && k == 0) return;
    for (std::int64_t j = 0; j < rows.n; ++j)
      for (std::int64_t i = 0; i < rows.count; ++i)
        copy[i * rows.n + j] = from[i * lane_.step[k] + j * along_.step[k]];
  }

  void scatter(const Rows<T, K>& rows, T* to) const {
    for (std::int64_t j = 0; j < rows.n; ++j)
      for (std::int64_t i = 0; i < rows.count; ++i)
        to[i * lane_.step[0] + j * along_.step[0]] = rows.data[0][i * rows.n + j];
  }

  Axes<K> outer_;
  Axis<K> lane_, along_;
  std::array<T*, K> data_;
  std::array<bool, K> copied_;
  bool written_, copies_;
};

}  // namespace ebb::kernels
