// How a reduction of any shape and strides becomes calls of a Fold.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "autograd/base/parallel.h"
#include "autograd/base/view.h"
#include "autograd/kernels/axes.h"
#include "autograd/kernels/fold.h"

namespace ebb::kernels {

// The loops of one reduction. `outer` and `lane` run over the outputs: steps in x and y. `reduced` runs over
// what becomes one output. The innermost loop has the smallest step in x, whichever kind it is: a run of one
// output (rows) or of many (columns).
//
// Note [Same bits]: outputs are split into tiles, and long reductions into segments whose results are
// combined in order; both by sizes alone. If a reduction has segments its tiles run one after the other.
struct Reduction {
  Reduction(const View& y, const View& x);

  static constexpr std::int64_t kMostOutputs = 512;  // of a tile

  Axes<2> outer;
  Axis<2> lane;
  Axes<1> reduced;
  bool columns;
  std::int64_t length;                     // elements per output
  std::int64_t tile, tiles;                // outputs per tile, tiles per lane
  std::int64_t grain;                      // tiles per piece of a parallel_for
  std::int64_t segments = 1, segment = 1;  // of the outermost reduced loop, and its steps per segment

 private:
  void nest(const View& y, const View& x);
  void split();
};

// A piece of a lane: `count` outputs, beginning at these offsets.
struct OutputTile {
  std::int64_t count, x, y;
};

// Calls f on all tiles.
template <class F>
void for_each_tile(const Reduction& r, F&& f) {
  const std::int64_t count = r.outer.count() * r.tiles;
  if (count == 1) return f(OutputTile{r.lane.size, 0, 0});
  parallel_for(count, r.grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto offset = r.outer.offset(i / r.tiles);
      const std::int64_t first = i % r.tiles * r.tile;
      f(OutputTile{std::min(r.tile, r.lane.size - first), offset[0] + first * r.lane.step[0],
                   offset[1] + first * r.lane.step[1]});
    }
  });
}

// Elements of a view as numbers of type E: float32 and float64 as they are, integers and bool as int64, or those of one byte
// as such.
template <class E>
class Source {
 public:
  explicit Source(const View& x);

  // The element at `offset`, if the n elements `step` apart from there can be read in place; otherwise null.
  const E* in_place(std::int64_t offset, std::int64_t step, std::int64_t n) const {
    return direct_ && (step == 1 || n == 1) ? reinterpret_cast<const E*>(data_) + offset : nullptr;
  }
  void copy(E* to, std::int64_t offset, std::int64_t step, std::int64_t n) const {
    gather_(to, data_ + offset * size_, step, n);
  }

 private:
  const char* data_;
  std::int64_t size_;
  bool direct_;
  void (*gather_)(E* to, const void* from, std::int64_t step, std::int64_t n);
};

// Folds x into an accumulator per output, for the types of fold.h. The reduction and the fold outlive it.
template <class E, class A>
class Folder {
 public:
  Folder(const Reduction& r, const Fold<E, A>& fold, const View& x) : r_(r), fold_(fold), x_(x) {}

  // acc[i] = the fold of output i of the tile, shifted by shift[i], or not if it is null.
  void operator()(const OutputTile& tile, A* acc, const E* shift) const;

 private:
  void fold_part(const OutputTile& tile, Axes<1> reduced, std::int64_t x, A* acc, const E* shift) const;
  void fold_copied_columns(A* acc, std::int64_t x, const FoldGeometry& part, const E* shift) const;
  void fold_copied_rows(A* acc, std::int64_t x, const FoldGeometry& part, std::int64_t step, const E* shift) const;

  const Reduction& r_;
  const Fold<E, A>& fold_;
  const Source<E> x_;
};

enum class Extreme { largest, smallest };

// The extreme element of each output; NaN wins. min(x) = -max(-x), and of integers ~max(~x).
template <class E>
class ExtremeFolder {
 public:
  ExtremeFolder(const Reduction& r, Extreme extreme, const View& x)
      : extreme_(extreme), fold_(r, largest_fold<E>(), x) {}

  void operator()(const OutputTile& tile, E* result) const {
    if (extreme_ == Extreme::largest) return fold_(tile, result, nullptr);
    E shift[Reduction::kMostOutputs];
    std::fill_n(shift, tile.count, kReversing);
    fold_(tile, result, shift);
    std::transform(result, result + tile.count, result, reversed);
  }

 private:
  static constexpr bool kFloat = std::is_floating_point_v<E>;
  static constexpr E kReversing = kFloat ? static_cast<E>(-0.0) : static_cast<E>(-1);  // all bits that differ
  static E reversed(E x) {
    if constexpr (kFloat) return -x;
    else return ~x;
  }

  Extreme extreme_;
  Folder<E, E> fold_;
};

}  // namespace ebb::kernels
