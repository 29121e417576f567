#include "autograd/kernels/pool.h"

#include <algorithm>

#include "autograd/base/divide.h"
#include "autograd/base/parallel.h"
#include "autograd/base/scratch.h"
#include "autograd/kernels/pool_runs.h"

namespace ebb::kernels {
namespace {

using memory::Scratch;

// The elements of a window along one axis: begin, begin + step, … `size` is what an average divides by.
struct Span {
  std::int64_t begin, count, step, size;
};

// The windows along one axis, without the padding they reach into.
class Windows {
 public:
  static Windows max(std::int64_t outputs, std::int64_t n, const Pool2dGeometry& g, std::size_t axis) {
    const std::int64_t step = g.dilation[axis];
    return Windows(outputs, [&](std::int64_t o) {
      const std::int64_t start = o * g.stride[axis] - g.padding[axis];
      const std::int64_t skipped = start < 0 ? (step - 1 - start) / step : 0;
      const std::int64_t begin = start + skipped * step;
      const std::int64_t inside = begin < n ? (n - 1 - begin) / step + 1 : 0;
      const std::int64_t count = std::min(inside, std::max<std::int64_t>(0, g.kernel[axis] - skipped));
      return Span{begin, count, step, count};
    });
  }
  static Windows average(std::int64_t outputs, std::int64_t n, const Pool2dGeometry& g, std::size_t axis) {
    return Windows(outputs, [&](std::int64_t o) {
      const std::int64_t start = o * g.stride[axis] - g.padding[axis];
      const std::int64_t end = std::min(start + g.kernel[axis], n + g.padding[axis]);
      const std::int64_t begin = std::max<std::int64_t>(start, 0);
      const std::int64_t count = std::max<std::int64_t>(0, std::min(end, n) - begin);
      if (g.divisor != 0) return Span{begin, count, 1, axis == 0 ? g.divisor : 1};
      return Span{begin, count, 1, g.count_include_pad ? end - start : count};
    });
  }
  static Windows adaptive(std::int64_t outputs, std::int64_t n) {
    return Windows(outputs, [&](std::int64_t o) {
      const std::int64_t begin = o * n / outputs, count = ceil_div((o + 1) * n, outputs) - begin;
      return Span{begin, count, 1, count};
    });
  }

  const Span& operator[](std::int64_t o) const { return spans_[o]; }
  std::int64_t largest() const { return largest_; }

  // The step from window o to the next, and how many from o on have the same form and are this step apart.
  struct Alike {
    std::int64_t step, count;
  };
  const Alike& alike(std::int64_t o) const { return alike_[o]; }

 private:
  template <class F>
  Windows(std::int64_t outputs, F&& span) : spans_(outputs), alike_(outputs) {
    for (std::int64_t o = outputs - 1; o >= 0; --o) {
      const Span here = spans_[o] = span(o);
      largest_ = std::max(largest_, here.count);
      alike_[o] = {0, 1};
      if (o + 1 == outputs || spans_[o + 1].count != here.count || spans_[o + 1].size != here.size) continue;
      const std::int64_t step = spans_[o + 1].begin - here.begin;
      const Alike& next = alike_[o + 1];
      alike_[o] = {step, next.count == 1 || next.step == step ? next.count + 1 : 2};
    }
  }

  std::int64_t largest_ = 0;
  Scratch<Span> spans_;
  Scratch<Alike> alike_;
};

// Some channels of one image.
struct Planes {
  std::int64_t image, channel, channels;

  template <class T>
  T* of(const View& x) const {
    return x.as<T>() + image * x.stride(0) + channel * x.stride(1);
  }
};

bool channels_last(const View& x) { return x.size(1) > 1 && x.stride(1) == 1; }

// Calls f(Planes) for all planes of [n, c, h, w] in parallel: one at a time, or many if their elements are side by side.
// `work` is what a plane costs, in elements.
template <class F>
void for_each_planes(const View& x, bool side_by_side, std::int64_t work, F&& f) {
  constexpr std::int64_t kMany = 64, kPieceWork = 1 << 14;
  const std::int64_t width = side_by_side ? std::min(kMany, x.size(1)) : 1;
  const std::int64_t parts = ceil_div(x.size(1), width);
  parallel_for(x.size(0) * parts, 1 + kPieceWork / (work * width + 1), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t channel = i % parts * width;
      f(Planes{i / parts, channel, std::min(width, x.size(1) - channel)});
    }
  });
}

// Rows of outputs side by side, from column `column` of row `row` on, whose windows begin at `first` in memory: as in
// PoolRun.
struct Outputs {
  std::int64_t row, column;
  std::int64_t rows, n, first, x_row, x_step, place, place_row, place_step;
  const PoolTap* taps;
  std::int64_t tap_count;
  double scale;  // 1 / the size of the windows
};

// Element `column` of row `row` of the planes.
template <class T>
T* element(const View& x, const Planes& planes, std::int64_t row, std::int64_t column) {
  return planes.of<T>(x) + row * x.stride(2) + column * x.stride(3);
}

// The windows of [n, c, h, w] in planes of x.
struct Pooling {
  const View& y;
  const View& x;
  const Windows &rows, &columns;
  bool across;  // outputs are side by side across channels, not in a row

  std::int64_t window() const { return rows.largest() * columns.largest(); }

  // Calls f(outputs) for all outputs of the planes.
  template <class F>
  void for_each_outputs(const Planes& planes, const Scratch<PoolTap>& taps, F&& f) const {
    std::int64_t listed_rows = -1, listed_columns = -1;
    for (std::int64_t row = 0; row < y.size(2);) {
      const auto alike_rows = across ? Windows::Alike{0, 1} : rows.alike(row);
      for (std::int64_t column = 0; column < y.size(3);) {
        const Span &down = rows[row], &right = columns[column];
        if (down.count != listed_rows || right.count != listed_columns) {
          list_taps(down, right, taps.data());
          listed_rows = down.count;
          listed_columns = right.count;
        }
        const auto alike = across ? Windows::Alike{0, 1} : columns.alike(column);
        f(Outputs{row, column, alike_rows.count, across ? planes.channels : alike.count,
                  down.begin * x.stride(2) + right.begin * x.stride(3), alike_rows.step * x.stride(2),
                  across ? 1 : alike.step * x.stride(3), down.begin * x.size(3) + right.begin,
                  alike_rows.step * x.size(3), alike.step, taps.data(), down.count * right.count,
                  1 / static_cast<double>(down.size * right.size)});
        column += alike.count;
      }
      row += alike_rows.count;
    }
  }

  void list_taps(const Span& down, const Span& right, PoolTap* tap) const {
    for (std::int64_t i = 0; i < down.count; ++i)
      for (std::int64_t j = 0; j < right.count; ++j)
        *tap++ = {i * down.step * x.stride(2) + j * right.step * x.stride(3),
                  i * down.step * x.size(3) + j * right.step};
  }

  template <class T>
  PoolRun<T> run(const Planes& planes, const Outputs& o) const {
    return {.rows = o.rows,
            .n = o.n,
            .x = planes.of<const T>(x) + o.first,
            .x_row = o.x_row,
            .x_step = o.x_step,
            .place = o.place,
            .place_row = o.place_row,
            .place_step = o.place_step,
            .taps = o.taps,
            .tap_count = o.tap_count,
            .y = element<T>(y, planes, o.row, o.column),
            .y_row = y.stride(2),
            .y_step = across ? 1 : y.stride(3),
            .index = nullptr,
            .index_row = 0,
            .index_step = 0,
            .scale = o.scale};
  }
};

void largest(const View& y, const View& index, const View& x, const Windows& rows, const Windows& columns) {
  const Pooling pooling{y, x, rows, columns, channels_last(x) && channels_last(y) && channels_last(index)};
  visit_floating(y.dtype, [&]<class T>(T*) {
    const auto kernels = pool_kernels<T>();
    for_each_planes(y, pooling.across, y.size(2) * y.size(3) * pooling.window(), [&](const Planes& planes) {
      const Scratch<PoolTap> taps(pooling.window());
      pooling.for_each_outputs(planes, taps, [&](const Outputs& o) {
        auto run = pooling.run<T>(planes, o);
        run.index = element<std::int64_t>(index, planes, o.row, o.column);
        run.index_row = index.stride(2);
        run.index_step = pooling.across ? 1 : index.stride(3);
        kernels.max(run);
      });
    });
  });
}

template <class T>
void average(const View& y, const View& x, const Windows& rows, const Windows& columns) {
  const Pooling pooling{y, x, rows, columns, channels_last(x) && channels_last(y)};
  const auto kernels = pool_kernels<T>();
  for_each_planes(y, pooling.across, y.size(2) * y.size(3) * pooling.window(), [&](const Planes& planes) {
    const Scratch<PoolTap> taps(pooling.window());
    pooling.for_each_outputs(planes, taps, [&](const Outputs& o) { kernels.mean(pooling.run<T>(planes, o)); });
  });
}

// True if the pixels of a plane are one row in memory.
bool is_one_row(const View& x) { return x.stride(3) == 1 && x.stride(2) == x.size(3); }

// x = 0, before anything is added to it.
template <class T>
void clear(const View& x, const Planes& planes) {
  if (planes.channels == 1 && is_one_row(x)) {
    std::fill_n(planes.of<T>(x), x.size(2) * x.size(3), T(0));
    return;
  }
  for (std::int64_t h = 0; h < x.size(2); ++h)
    for (std::int64_t w = 0; w < x.size(3); ++w)
      for (std::int64_t c = 0; c < planes.channels; ++c) element<T>(x, planes, h, w)[c * x.stride(1)] = T(0);
}

// Adds rows of outputs, times `scale`, to all elements of their windows. Not inlined: its loops want the registers.
template <class T>
[[gnu::noinline]] void spread(T* to, const Outputs& o, const T* from, std::int64_t from_row,
                              std::int64_t from_step) {
  const std::int64_t n = o.n, to_step = o.x_step;
  const T scale = static_cast<T>(o.scale);
  for (std::int64_t row = 0; row < o.rows; ++row, to += o.x_row, from += from_row) {
    for (const PoolTap* tap = o.taps; tap != o.taps + o.tap_count; ++tap) {
      T* const at = to + tap->at;
      for (std::int64_t i = 0; i < n; ++i) at[i * to_step] += from[i * from_step] * scale;
    }
  }
}

template <class T>
void average_backward(const View& gx, const View& g, const Windows& rows, const Windows& columns) {
  const Pooling pooling{g, gx, rows, columns, channels_last(gx) && channels_last(g)};
  for_each_planes(gx, pooling.across, g.size(2) * g.size(3) * pooling.window(), [&](const Planes& planes) {
    clear<T>(gx, planes);
    const Scratch<PoolTap> taps(pooling.window());
    pooling.for_each_outputs(planes, taps, [&](const Outputs& o) {
      spread(planes.of<T>(gx) + o.first, o, element<const T>(g, planes, o.row, o.column), g.stride(2),
             pooling.across ? 1 : g.stride(3));
    });
  });
}

// Calls f(element of x at the index, element of y) for all of y that have an index.
template <class T, class F>
void for_each_indexed(const View& x, const View& y, const View& index, const Planes& planes, F&& f) {
  if (planes.channels == 1 && is_one_row(x) && is_one_row(y) && is_one_row(index)) {
    T *const at_x = planes.of<T>(x), *const at_y = planes.of<T>(y);
    const auto* const places = planes.of<const std::int64_t>(index);
    for (std::int64_t i = 0; i < y.size(2) * y.size(3); ++i)
      if (places[i] >= 0) f(at_x[places[i]], at_y[i]);
    return;
  }
  const bool joined = x.stride(2) == x.size(3) * x.stride(3);  // rows are one long row
  for (std::int64_t row = 0; row < y.size(2); ++row) {
    for (std::int64_t column = 0; column < y.size(3); ++column) {
      T* const at_y = element<T>(y, planes, row, column);
      const std::int64_t* const at_index = element<std::int64_t>(index, planes, row, column);
      for (std::int64_t c = 0; c < planes.channels; ++c) {
        const std::int64_t i = at_index[c * index.stride(1)];
        if (i < 0) continue;
        const std::int64_t at =
            joined ? i * x.stride(3) : i / x.size(3) * x.stride(2) + i % x.size(3) * x.stride(3);
        f(planes.of<T>(x)[at + c * x.stride(1)], at_y[c * y.stride(1)]);
      }
    }
  }
}

}  // namespace

void max_pool2d(View y, View index, View x, const Pool2dGeometry& geometry) {
  if (y.numel() == 0) return;
  largest(y, index, x, Windows::max(y.size(2), x.size(2), geometry, 0),
          Windows::max(y.size(3), x.size(3), geometry, 1));
}

void max_pool2d_backward(View gx, View g, View index) {
  if (gx.numel() == 0) return;
  visit_floating(gx.dtype, [&]<class T>(T*) {
    for_each_planes(gx, channels_last(gx), gx.size(2) * gx.size(3), [&](const Planes& planes) {
      clear<T>(gx, planes);
      for_each_indexed<T>(gx, g, index, planes, [](T& to, const T& from) { to += from; });
    });
  });
}

void max_pool2d_gather(View y, View x, View index) {
  if (y.numel() == 0) return;
  visit_floating(y.dtype, [&]<class T>(T*) {
    for_each_planes(y, channels_last(y), y.size(2) * y.size(3), [&](const Planes& planes) {
      clear<T>(y, planes);
      for_each_indexed<T>(x, y, index, planes, [](const T& from, T& to) { to = from; });
    });
  });
}

void avg_pool2d(View y, View x, const Pool2dGeometry& geometry) {
  if (y.numel() == 0) return;
  visit_floating(y.dtype, [&]<class T>(T*) {
    average<T>(y, x, Windows::average(y.size(2), x.size(2), geometry, 0),
               Windows::average(y.size(3), x.size(3), geometry, 1));
  });
}

void avg_pool2d_backward(View gx, View g, const Pool2dGeometry& geometry) {
  if (gx.numel() == 0) return;
  visit_floating(gx.dtype, [&]<class T>(T*) {
    average_backward<T>(gx, g, Windows::average(g.size(2), gx.size(2), geometry, 0),
                        Windows::average(g.size(3), gx.size(3), geometry, 1));
  });
}

void adaptive_avg_pool2d(View y, View x) {
  if (y.numel() == 0) return;
  visit_floating(y.dtype, [&]<class T>(T*) {
    average<T>(y, x, Windows::adaptive(y.size(2), x.size(2)), Windows::adaptive(y.size(3), x.size(3)));
  });
}

void adaptive_max_pool2d(View y, View index, View x) {
  if (y.numel() == 0) return;
  largest(y, index, x, Windows::adaptive(y.size(2), x.size(2)), Windows::adaptive(y.size(3), x.size(3)));
}

void adaptive_avg_pool2d_backward(View gx, View g) {
  if (gx.numel() == 0) return;
  visit_floating(gx.dtype, [&]<class T>(T*) {
    average_backward<T>(gx, g, Windows::adaptive(g.size(2), gx.size(2)), Windows::adaptive(g.size(3), gx.size(3)));
  });
}

}  // namespace ebb::kernels
