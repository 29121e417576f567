// Rows of strided views, for kernels that want the elements of a row side by side.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "autograd/base/scratch.h"
#include "autograd/base/view.h"
#include "autograd/kernels/lines.h"

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
      : lines_(views, dim), n_(views[0].size(dim)), written_(first == FirstOperand::written) {
    for (std::size_t k = 0; k < K; ++k) {
      data_[k] = views[k].template as<T>();
      copied_[k] = n_ > 1 && lines_.along()[k] != 1;
    }
    copies_ = std::any_of(copied_.begin(), copied_.end(), [](bool copied) { return copied; });
  }

  // Calls f(Rows) until every row has been in one of them, in parallel.
  template <class F>
  void for_each(F&& f) const {
    lines_.for_each(std::max<std::int64_t>(1, kWork / std::max<std::int64_t>(1, n_)),
                    [&](const LineTile<K>& tile) {
                      Rows<T, K> rows{tile.first, tile.count, n_, data_, tile.step};
                      for (std::size_t k = 0; k < K; ++k) rows.data[k] += tile.at[k];
                      copies_ ? with_copies(rows, f) : f(rows);
                    });
  }

 private:
  static constexpr std::int64_t kWork = 16 * 1024;   // elements worth a piece of a parallel_for
  static constexpr std::int64_t kCopied = 8 * 1024;  // elements, unless a row has more

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
        copy[i * rows.n + j] = from[i * lines_.across()[k] + j * lines_.along()[k]];
  }

  void scatter(const Rows<T, K>& rows, T* to) const {
    for (std::int64_t j = 0; j < rows.n; ++j)
      for (std::int64_t i = 0; i < rows.count; ++i)
        to[i * lines_.across()[0] + j * lines_.along()[0]] = rows.data[0][i * rows.n + j];
  }

  LineLoops<K> lines_;
  std::int64_t n_;
  std::array<T*, K> data_;
  std::array<bool, K> copied_;
  bool written_, copies_;
};

}  // namespace ebb::kernels
