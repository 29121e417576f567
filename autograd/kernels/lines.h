// Lines of strided views: the elements along one dimension, one line for each place in the others.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "autograd/base/parallel.h"
#include "autograd/base/view.h"
#include "autograd/kernels/axes.h"

namespace ebb::kernels {

// Some lines of K operands: line i of operand k begins at element at[k] + i step[k].
template <int K>
struct LineTile {
  std::int64_t first, count;  // numbers [first, first + count) in row-major order
  std::array<std::int64_t, K> at, step;

  // Those from i on, at most `most`.
  LineTile part(std::int64_t i, std::int64_t most) const {
    LineTile some{first + i, std::min(most, count - i), at, step};
    for (std::size_t k = 0; k < K; ++k) some.at[k] += i * step[k];
    return some;
  }
};

// The lines along `dim` of K views whose other sizes are equal; along it, and in dtype, they may differ.
template <int K>
class LineLoops {
 public:
  LineLoops(const std::array<View, K>& views, int dim) {
    for (int d = 0; d < views[0].rank(); ++d) {
      Axis<K> axis{views[0].size(d), {}};
      for (std::size_t k = 0; k < K; ++k) axis.step[k] = views[k].stride(d);
      if (d == dim) {
        along_ = axis.step;
      } else {
        outer_.push_back(axis);
      }
    }
    lane_ = outer_.pop_back();
  }

  // From one element of a line to the next, and from a line to the next.
  const std::array<std::int64_t, K>& along() const { return along_; }
  const std::array<std::int64_t, K>& across() const { return lane_.step; }

  // Calls f(LineTile) until every line has been in one of them, in parallel; a piece of the parallel_for has `grain`.
  template <class F>
  void for_each(std::int64_t grain, F&& f) const {
    parallel_for(outer_.count() * lane_.size, grain, [&](std::int64_t begin, std::int64_t end) {
      while (begin < end) {
        const std::int64_t in_lane = begin % lane_.size;
        const LineTile<K> lane{begin - in_lane, lane_.size, outer_.offset(begin / lane_.size), lane_.step};
        const auto tile = lane.part(in_lane, end - begin);
        f(tile);
        begin += tile.count;
      }
    });
  }

 private:
  Axes<K> outer_;
  Axis<K> lane_;
  std::array<std::int64_t, K> along_{};
};

}  // namespace ebb::kernels
