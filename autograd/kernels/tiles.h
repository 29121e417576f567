// A walk over views of one shape in tiles of their two innermost loops.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include "autograd/base/divide.h"
#include "autograd/base/parallel.h"
#include "autograd/base/view.h"
#include "autograd/kernels/axes.h"

namespace ebb::kernels {

// `rows` times `columns` points of K operands; operand k begins at data[k], steps are in bytes.
template <int K>
struct TileOf {
  std::array<std::byte*, K> data;
  std::array<std::int64_t, K> row_step, column_step;
  std::int64_t rows, columns;
};

// The loops over K views of one shape, in the order of the first one's memory: for a transposed or channels-last tensor
// that is not the order of its dimensions. The rows are the next loop; or, if a view is not side by side along the
// columns, the one in which it is nearest to that.
template <int K>
class TileLoops {
 public:
  explicit TileLoops(const std::array<View, K>& views) {
    for (std::size_t k = 0; k < K; ++k) data_[k] = static_cast<std::byte*>(views[k].data);
    auto axes = nest(views);
    columns_ = axes.pop_back();
    const int row = row_axis(axes, views);
    for (int i = 0; i < axes.rank(); ++i) {
      if (i == row) {
        rows_ = axes[i];
      } else {
        axes_.push_back(axes[i]);
      }
    }
  }

  const Axis<K>& columns() const { return columns_; }
  const Axis<K>& rows() const { return rows_; }

  // Calls f(TileOf<K>) on tiles of at most these sizes until every point was in one of them, in parallel; a piece of the
  // parallel_for has about `grain` elements.
  template <class F>
  void for_each(std::int64_t tile_rows, std::int64_t tile_columns, std::int64_t grain, F&& f) const {
    if (rows_.size == 0 || columns_.size == 0) return;
    tile_rows = std::min(tile_rows, rows_.size);
    tile_columns = std::min(tile_columns, columns_.size);
    const std::int64_t down = tiles(rows_, tile_rows), across = tiles(columns_, tile_columns);
    const auto tile = [&](std::int64_t i) {
      const std::int64_t column = i % across * tile_columns, row = i / across % down * tile_rows;
      const auto offset = axes_.offset(i / across / down);
      TileOf<K> t{data_, rows_.step, columns_.step, std::min(tile_rows, rows_.size - row),
                  std::min(tile_columns, columns_.size - column)};
      for (std::size_t k = 0; k < K; ++k) t.data[k] += offset[k] + row * rows_.step[k] + column * columns_.step[k];
      return t;
    };
    parallel_for(axes_.count() * down * across, std::max<std::int64_t>(1, grain / (tile_rows * tile_columns)),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t i = begin; i < end; ++i) f(tile(i));
                 });
  }

 private:
  static std::int64_t tiles(const Axis<K>& axis, std::int64_t size) { return ceil_div(axis.size, size); }

  static Axes<K> nest(const std::array<View, K>& views) {
    Axes<K> axes;
    for (const auto d : outermost_first(views[0])) {
      const int dim = static_cast<int>(d);
      Axis<K> axis{views[0].size(dim), {}};
      for (std::size_t k = 0; k < K; ++k) axis.step[k] = views[k].stride(dim) * size_of(views[k].dtype);
      axes.push_back(axis);
    }
    return axes;
  }

  int row_axis(const Axes<K>& axes, const std::array<View, K>& views) const {
    int row = axes.rank() - 1;
    for (std::size_t k = 1; k < K; ++k) {
      if (std::abs(columns_.step[k]) <= size_of(views[k].dtype)) continue;
      for (int i = 0; i < axes.rank(); ++i)
        if (axes[i].step[k] != 0 && std::abs(axes[i].step[k]) < std::abs(axes[row].step[k])) row = i;
      break;
    }
    return row;
  }

  // Dimensions by falling stride.
  static Dims outermost_first(const View& view) {
    Dims order;
    for (int dim = 0; dim < view.rank(); ++dim) {
      int at = dim;
      while (at > 0 && std::abs(view.stride(static_cast<int>(order[at - 1]))) < std::abs(view.stride(dim))) --at;
      order.insert(at, dim);
    }
    return order;
  }

  Axes<K> axes_;
  Axis<K> rows_{1, {}}, columns_;
  std::array<std::byte*, K> data_;
};

}  // namespace ebb::kernels
