#include "autograd/kernels/pool.h"

#include <algorithm>
#include <cmath>

#include "autograd/base/parallel.h"
#include "autograd/kernels/elementwise.h"

namespace ebb::kernels {
namespace {

// One image of one channel, rows and columns apart by any steps.
template <class T>
struct Plane {
  T* data;
  std::int64_t height, width, row, column;

  Plane(const View& x, std::int64_t n, std::int64_t c)
      : data(x.as<T>() + n * x.stride(0) + c * x.stride(1)),
        height(x.size(2)),
        width(x.size(3)),
        row(x.stride(2)),
        column(x.stride(3)) {}
  T& operator()(std::int64_t h, std::int64_t w) const { return data[h * row + w * column]; }
};

// Calls f(n, c) for every plane of x, in parallel; a piece is worth some ten thousand elements.
template <class F>
void for_each_plane(const View& x, F&& f) {
  const std::int64_t channels = x.size(1), area = std::max<std::int64_t>(1, x.size(2) * x.size(3));
  parallel_for(x.size(0) * channels, std::max<std::int64_t>(1, 16384 / area),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) f(i / channels, i % channels);
               });
}

// Places first, first + step, … below last.
struct Range {
  std::int64_t first, last, step = 1;
};

// The places of window `i` along one axis that lie inside an input of `size`.
Range inside(const Pool2dGeometry& g, std::size_t axis, std::int64_t i, std::int64_t size) {
  const std::int64_t start = i * g.stride[axis] - g.padding[axis], step = g.dilation[axis];
  const std::int64_t skipped = start < 0 ? (-start + step - 1) / step : 0;
  return {start + skipped * step, std::min(start + g.kernel[axis] * step, size), step};
}

template <class T>
bool beats(T value, T best) {
  return value > best || (std::isnan(value) && !std::isnan(best));
}

template <class T>
void max_pool_plane(const Plane<T>& y, const Plane<std::int64_t>& index, const Plane<T>& x,
                    const Pool2dGeometry& g) {
  for (std::int64_t h = 0; h < y.height; ++h) {
    const Range rows = inside(g, 0, h, x.height);
    for (std::int64_t w = 0; w < y.width; ++w) {
      const Range columns = inside(g, 1, w, x.width);
      T best = x(rows.first, columns.first);
      std::int64_t place = rows.first * x.width + columns.first;
      for (std::int64_t r = rows.first; r < rows.last; r += rows.step)
        for (std::int64_t c = columns.first; c < columns.last; c += columns.step)
          if (beats(x(r, c), best)) {
            best = x(r, c);
            place = r * x.width + c;
          }
      y(h, w) = best;
      index(h, w) = place;
    }
  }
}

// The most common case, 2x2 in steps of 2 over neighbouring columns, without a branch.
template <class T>
void max_pool_plane_2x2(const Plane<T>& y, const Plane<std::int64_t>& index, const Plane<T>& x) {
  for (std::int64_t h = 0; h < y.height; ++h) {
    const T *top = &x(2 * h, 0), *bottom = &x(2 * h + 1, 0);
    T* const out = &y(h, 0);
    std::int64_t* const places = &index(h, 0);
    for (std::int64_t w = 0; w < y.width; ++w) {
      const T a = top[2 * w], b = top[2 * w + 1], c = bottom[2 * w], d = bottom[2 * w + 1];
      const bool right = beats(b, a), lower_right = beats(d, c);
      const T upper = right ? b : a, lower = lower_right ? d : c;
      const bool below = beats(lower, upper);
      out[w] = below ? lower : upper;
      places[w] = (2 * h + below) * x.width + 2 * w + (below ? lower_right : right);
    }
  }
}

bool is_2x2(const Pool2dGeometry& g, const View& y, const View& index, const View& x) {
  const std::array<std::int64_t, 2> two{2, 2}, one{1, 1}, none{0, 0};
  return g.kernel == two && g.stride == two && g.padding == none && g.dilation == one && y.stride(3) == 1 &&
         index.stride(3) == 1 && x.stride(3) == 1 && 2 * y.size(2) <= x.size(2) && 2 * y.size(3) <= x.size(3);
}

// Windows of a mean, and what its sum is divided by.
struct Window {
  Range rows, columns;
  std::int64_t count;
};

Window average_window(const Pool2dGeometry& g, std::int64_t h, std::int64_t w, std::int64_t height,
                      std::int64_t width) {
  const Range rows = inside(g, 0, h, height), columns = inside(g, 1, w, width);
  if (!g.count_include_pad) return {rows, columns, (rows.last - rows.first) * (columns.last - columns.first)};
  const auto padded = [&](std::size_t axis, std::int64_t i, std::int64_t size) {
    const std::int64_t start = i * g.stride[axis] - g.padding[axis];
    return std::min(start + g.kernel[axis], size + g.padding[axis]) - start;
  };
  return {rows, columns, padded(0, h, height) * padded(1, w, width)};
}

Window adaptive_window(std::int64_t h, std::int64_t w, const View& small, const View& large) {
  const auto range = [](std::int64_t i, std::int64_t parts, std::int64_t size) {
    return Range{i * size / parts, ((i + 1) * size + parts - 1) / parts};
  };
  const Range rows = range(h, small.size(2), large.size(2)), columns = range(w, small.size(3), large.size(3));
  return {rows, columns, (rows.last - rows.first) * (columns.last - columns.first)};
}

// y = mean of x over window(h, w).
template <class F>
void average(const View& y, const View& x, const F& window) {
  visit_floating(x.dtype, [&]<class T>(T*) {
    for_each_plane(y, [&](std::int64_t n, std::int64_t c) {
      const Plane<T> to(y, n, c), from(x, n, c);
      for (std::int64_t h = 0; h < to.height; ++h)
        for (std::int64_t w = 0; w < to.width; ++w) {
          const Window at = window(h, w);
          T sum = 0;
          for (std::int64_t r = at.rows.first; r < at.rows.last; ++r)
            for (std::int64_t k = at.columns.first; k < at.columns.last; ++k) sum += from(r, k);
          to(h, w) = sum / static_cast<T>(at.count);
        }
    });
  });
}

// The gradient of average(): each g spread evenly over its window.
template <class F>
void spread(const View& gx, const View& g, const F& window) {
  fill(gx, 0);
  visit_floating(g.dtype, [&]<class T>(T*) {
    for_each_plane(g, [&](std::int64_t n, std::int64_t c) {
      const Plane<T> to(gx, n, c), from(g, n, c);
      for (std::int64_t h = 0; h < from.height; ++h)
        for (std::int64_t w = 0; w < from.width; ++w) {
          const Window at = window(h, w);
          const T part = from(h, w) / static_cast<T>(at.count);
          for (std::int64_t r = at.rows.first; r < at.rows.last; ++r)
            for (std::int64_t k = at.columns.first; k < at.columns.last; ++k) to(r, k) += part;
        }
    });
  });
}

}  // namespace

void max_pool2d(View y, View index, View x, const Pool2dGeometry& geometry) {
  const bool fast = is_2x2(geometry, y, index, x);
  visit_floating(x.dtype, [&]<class T>(T*) {
    for_each_plane(y, [&](std::int64_t n, std::int64_t c) {
      const Plane<T> to(y, n, c), from(x, n, c);
      const Plane<std::int64_t> places(index, n, c);
      if (fast) max_pool_plane_2x2(to, places, from);
      else max_pool_plane(to, places, from, geometry);
    });
  });
}

void max_pool2d_backward(View gx, View g, View index) {
  fill(gx, 0);
  visit_floating(g.dtype, [&]<class T>(T*) {
    for_each_plane(g, [&](std::int64_t n, std::int64_t c) {
      const Plane<T> to(gx, n, c), from(g, n, c);
      const Plane<std::int64_t> places(index, n, c);
      const bool dense = to.column == 1 && to.row == to.width;
      for (std::int64_t h = 0; h < from.height; ++h)
        for (std::int64_t w = 0; w < from.width; ++w) {
          const std::int64_t place = places(h, w);
          (dense ? to.data[place] : to(place / to.width, place % to.width)) += from(h, w);
        }
    });
  });
}

void max_pool2d_gather(View y, View x, View index) {
  visit_floating(x.dtype, [&]<class T>(T*) {
    for_each_plane(y, [&](std::int64_t n, std::int64_t c) {
      const Plane<T> to(y, n, c), from(x, n, c);
      const Plane<std::int64_t> places(index, n, c);
      for (std::int64_t h = 0; h < to.height; ++h)
        for (std::int64_t w = 0; w < to.width; ++w) {
          const std::int64_t place = places(h, w);
          to(h, w) = from(place / from.width, place % from.width);
        }
    });
  });
}

void avg_pool2d(View y, View x, const Pool2dGeometry& g) {
  average(y, x, [&](std::int64_t h, std::int64_t w) { return average_window(g, h, w, x.size(2), x.size(3)); });
}

void avg_pool2d_backward(View gx, View g, const Pool2dGeometry& geometry) {
  spread(gx, g,
         [&](std::int64_t h, std::int64_t w) { return average_window(geometry, h, w, gx.size(2), gx.size(3)); });
}

void adaptive_avg_pool2d(View y, View x) {
  average(y, x, [&](std::int64_t h, std::int64_t w) { return adaptive_window(h, w, y, x); });
}

void adaptive_avg_pool2d_backward(View gx, View g) {
  spread(gx, g, [&](std::int64_t h, std::int64_t w) { return adaptive_window(h, w, g, gx); });
}

}  // namespace ebb::kernels
