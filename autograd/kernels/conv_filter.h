// The weights of a convolution as its tiles read them.
#pragma once

#include <algorithm>
#include <cstdint>

#include "autograd/base/parallel.h"
#include "autograd/kernels/conv_image.h"

namespace ebb::kernels::conv {

// What input channel k of group g gives to its output channel o at kernel element (y, x) is at
// data + g group + o out + k in + y row + x column.
template <class T>
struct Filter {
  T* data;
  std::int64_t group, out, in, row, column;

  // As if output `first` of group g were the first of all.
  Filter part(std::int64_t g, std::int64_t first) const {
    return {data + g * group + first * out, group, out, in, row, column};
  }
  // The kernel in reverse order.
  Filter reversed(std::int64_t rows, std::int64_t columns) const {
    return {data + (rows - 1) * row + (columns - 1) * column, group, out, in, -row, -column};
  }
};

// The sizes of a panel of weights, [rows · columns][depth][channels]: some output channels side by side. If `taps_inside`
// it is [depth][rows · columns][channels], which is faster to copy.
struct Panel {
  std::int64_t rows, columns, depth, channels;
  bool taps_inside = false;

  std::int64_t taps() const { return rows * columns; }
  std::int64_t numel() const { return taps() * depth * channels; }
  std::int64_t tap_step() const { return taps_inside ? channels : depth * channels; }
  std::int64_t depth_step() const { return taps_inside ? taps() * channels : channels; }
};

// Calls f(weights, step, at, panel_step, count) for runs of weights that make up one channel of a panel: element i of a
// run is at weights + i step in the filter and at + i panel_step in the panel. As many as can be are neighbours in
// the filter.
template <class T, class F>
void for_each_run(const Filter<T>& filter, const Panel& panel, F&& f) {
  const std::int64_t tap = panel.tap_step();
  if (filter.in == 1 || panel.taps() == 1) {
    for (std::int64_t t = 0; t < panel.taps(); ++t)
      f(filter.data + t / panel.columns * filter.row + t % panel.columns * filter.column, filter.in, t * tap,
        panel.depth_step(), panel.depth);
    return;
  }
  const bool joined = filter.row == panel.columns * filter.column;
  if (joined && panel.taps_inside && filter.in == panel.taps() * filter.column)
    return f(filter.data, filter.column, 0, tap, panel.taps() * panel.depth);
  const std::int64_t rows = joined ? 1 : panel.rows, count = panel.taps() / rows;
  const std::int64_t last = filter.column < 0 ? count - 1 : 0, sign = filter.column < 0 ? -1 : 1;
  for (std::int64_t k = 0; k < panel.depth; ++k)
    for (std::int64_t y = 0; y < rows; ++y)
      f(filter.data + k * filter.in + y * filter.row + last * filter.column, sign * filter.column,
        (y * count + last) * tap + k * panel.depth_step(), sign * tap, count);
}

// to = the first `channels` output channels of a filter; the rest of the panel is 0.
template <class T>
void pack(T* to, const Panel& panel, const Filter<const T>& filter, std::int64_t channels) {
  if (channels < panel.channels) std::fill_n(to, panel.numel(), T(0));
  for_each_run(
      filter, panel,
      [&](const T* from, std::int64_t step, std::int64_t at, std::int64_t panel_step, std::int64_t count) {
        copy_matrix<T>({to + at, panel_step, 1}, {from, step, filter.out}, count, channels);
      });
}

// The way back.
template <class T>
void unpack(const Filter<T>& filter, const T* from, const Panel& panel, std::int64_t channels) {
  for_each_run(filter, panel,
               [&](T* to, std::int64_t step, std::int64_t at, std::int64_t panel_step, std::int64_t count) {
                 copy_matrix<T>({to, step, filter.out}, {from + at, panel_step, 1}, count, channels);
               });
}

// Chunk 0 of `chunks` arrays of sums, one behind the other, += chunks 1, 2, … in this order.
template <class T>
void add_chunks(T* sums, std::int64_t size, std::int64_t chunks) {
  parallel_for(size, 1 << 15, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t chunk = 1; chunk < chunks; ++chunk)
      for (std::int64_t i = begin; i < end; ++i) sums[i] += sums[chunk * size + i];
  });
}

}  // namespace ebb::kernels::conv
