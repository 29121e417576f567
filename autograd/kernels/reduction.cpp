#include "autograd/kernels/reduction.h"

#include <cstdlib>
#include <limits>
#include <type_traits>

#include "autograd/base/divide.h"
#include "autograd/base/scratch.h"

namespace ebb::kernels {
namespace {

constexpr std::int64_t kWork = 32 * 1024;   // elements worth a piece of a parallel_for
constexpr std::int64_t kEnoughTiles = 32;   // to share among threads without segments
constexpr std::int64_t kSegments = 512;     // at most
constexpr std::int64_t kSegmentUnit = 64;   // longer ones are multiples of it
constexpr std::int64_t kLeastColumns = 64;  // of a tile, so that it reads whole cache lines
constexpr std::int64_t kShortRun = 8;       // shorter runs are folded across outputs

// Dimensions of x, the largest step first; expanded ones, which cost no memory, before all.
Dims by_step(const View& x) {
  const auto key = [&](std::int64_t dim) {
    const std::int64_t step = std::abs(x.stride(static_cast<int>(dim)));
    return step == 0 ? std::numeric_limits<std::int64_t>::max() : step;
  };
  Dims order;
  for (int dim = 0; dim < x.rank(); ++dim) {
    int at = order.rank();
    while (at > 0 && key(order[at - 1]) < key(dim)) --at;
    order.insert(at, dim);
  }
  return order;
}

// Whether the innermost loop runs over outputs.
bool fold_columns(const Axis<2>& lane, const Axis<1>& run) {
  if (run.size == 1) return true;
  if (lane.size == 1 || lane.step[0] == 0) return false;
  if (run.size < kShortRun && lane.size >= kLeastColumns) return true;
  return run.step[0] == 0 || std::abs(lane.step[0]) < std::abs(run.step[0]);
}

template <class E, class T>
void gather(E* to, const void* from, std::int64_t step, std::int64_t n) {
  const T* const x = static_cast<const T*>(from);
  if (step == 1) {
    for (std::int64_t i = 0; i < n; ++i) to[i] = static_cast<E>(x[i]);  // by vectors
  } else {
    for (std::int64_t i = 0; i < n; ++i) to[i] = static_cast<E>(x[i * step]);
  }
}

}  // namespace

Reduction::Reduction(const View& y, const View& x) {
  nest(y, x);
  lane = outer.pop_back();
  columns = fold_columns(lane, reduced.back());
  length = reduced.count();
  split();
}

void Reduction::nest(const View& y, const View& x) {
  if (x.contiguous && y.numel() == 1) return reduced.push_back({x.numel(), {1}});
  for (const auto d : by_step(x)) {
    const int dim = static_cast<int>(d);
    if (y.size(dim) == x.size(dim)) {
      outer.push_back({x.size(dim), {x.stride(dim), y.stride(dim)}});
    } else {
      reduced.push_back({x.size(dim), {x.stride(dim)}});
    }
  }
  // Where there is nothing to do, other dimensions may be as large as they like.
  if (x.numel() == 0) (reduced = {}).push_back({0, {1}});
  if (y.numel() == 0) (outer = {}).push_back({0, {1, 1}});
}

void Reduction::split() {
  const std::int64_t outputs = outer.count() * lane.size;
  if (outputs * length <= kWork) {
    tile = std::min(lane.size, kMostOutputs);
    tiles = lane.size > tile ? ceil_div(lane.size, tile) : 1;
    grain = std::max<std::int64_t>(1, outputs);
    return;
  }
  tile = std::clamp(kWork / length, columns ? kLeastColumns : 1, kMostOutputs);
  tiles = ceil_div(lane.size, tile);
  const std::int64_t all_tiles = outer.count() * tiles, work = length * std::min(tile, lane.size);
  grain = std::max<std::int64_t>(1, kWork / work);
  if (all_tiles < kEnoughTiles && work >= 2 * kWork) {
    segment = ceil_div(reduced[0].size, std::min(work / kWork, kSegments));
    if (segment > kSegmentUnit) segment = ceil_div(segment, kSegmentUnit) * kSegmentUnit;
    segments = ceil_div(reduced[0].size, segment);
    if (segments > 1) grain = all_tiles;
  }
}

template <class E>
Source<E>::Source(const View& x)
    : data_(static_cast<const char*>(x.data)),
      size_(size_of(x.dtype)),
      direct_(x.dtype == dtype_of<E>() || (sizeof(E) == 1 && size_of(x.dtype) == 1)),
      gather_(gather<E, E>) {
  visit(x.dtype, [&]<class T>(T*) {
    if constexpr (std::is_integral_v<T> && std::is_integral_v<E> && sizeof(T) <= sizeof(E)) gather_ = gather<E, T>;
  });
}

template <class E, class A>
void Folder<E, A>::operator()(const OutputTile& tile, A* acc, const E* shift) const {
  std::fill_n(acc, tile.count, fold_.identity);
  if (r_.segments == 1) return fold_part(tile, r_.reduced, tile.x, acc, shift);

  const memory::Scratch<A> partial(r_.segments * tile.count);
  std::fill_n(partial.data(), r_.segments * tile.count, fold_.identity);
  parallel_for(r_.reduced[0].size, r_.segment, [&](std::int64_t begin, std::int64_t end) {
    auto part = r_.reduced;
    const std::int64_t x = tile.x + part.cut(begin, end)[0];
    fold_part(tile, part, x, partial.data() + begin / r_.segment * tile.count, shift);
  });
  for (std::int64_t s = 0; s < r_.segments; ++s)
    for (std::int64_t i = 0; i < tile.count; ++i) acc[i] = fold_.combine(acc[i], partial[s * tile.count + i]);
}

// The two innermost loops, besides that over the tile's outputs, are the fold's.
template <class E, class A>
void Folder<E, A>::fold_part(const OutputTile& tile, Axes<1> reduced, std::int64_t x, A* acc,
                             const E* shift) const {
  const auto run = r_.columns ? Axis<1>{1, {}} : reduced.pop_back();
  const auto runs = reduced.pop_back();
  const FoldGeometry part{tile.count, r_.lane.step[0], runs.size, runs.step[0], run.size};
  const std::int64_t step = r_.columns ? r_.lane.step[0] : run.step[0];
  const std::int64_t n = r_.columns ? tile.count : run.size;
  for (std::int64_t i = 0; i < reduced.count(); ++i) {
    const std::int64_t first = x + reduced.offset(i)[0];
    if (const E* in_place = x_.in_place(first, step, n)) {
      (r_.columns ? fold_.columns : fold_.rows)(acc, in_place, part, shift);
    } else if (r_.columns) {
      fold_copied_columns(acc, first, part, shift);
    } else {
      fold_copied_rows(acc, first, part, step, shift);
    }
  }
}

constexpr std::int64_t kBuffer = Reduction::kMostOutputs;

template <class E, class A>
void Folder<E, A>::fold_copied_columns(A* acc, std::int64_t x, const FoldGeometry& part, const E* shift) const {
  E buffer[kBuffer];
  for (std::int64_t r = 0; r < part.runs; ++r) {
    x_.copy(buffer, x + r * part.run_step, part.output_step, part.outputs);
    fold_.columns(acc, buffer, {part.outputs, 1, 1, 0, 1}, shift);
  }
}

template <class E, class A>
void Folder<E, A>::fold_copied_rows(A* acc, std::int64_t x, const FoldGeometry& part, std::int64_t step,
                                    const E* shift) const {
  E buffer[kBuffer];
  for (std::int64_t i = 0; i < part.outputs; ++i) {
    for (std::int64_t r = 0; r < part.runs; ++r) {
      const std::int64_t run = x + i * part.output_step + r * part.run_step;
      for (std::int64_t j = 0; j < part.n; j += kBuffer) {
        const std::int64_t n = std::min(kBuffer, part.n - j);
        x_.copy(buffer, run + j * step, step, n);
        fold_.rows(acc + i, buffer, {1, 0, 1, 0, n}, shift ? shift + i : nullptr);
      }
    }
  }
}

template class Source<float>;
template class Source<double>;
template class Source<std::int64_t>;
template class Source<std::uint8_t>;
template class Folder<float, double>;
template class Folder<float, float>;
template class Folder<double, double>;
template class Folder<std::int64_t, std::int64_t>;
template class Folder<std::uint8_t, std::int64_t>;

}  // namespace ebb::kernels
