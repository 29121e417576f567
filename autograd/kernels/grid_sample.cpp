#include "autograd/kernels/grid_sample.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "autograd/base/divide.h"
#include "autograd/base/parallel.h"
#include "autograd/base/scratch.h"

namespace ebb::kernels {
namespace {

constexpr std::int64_t kTile = 64;         // places that are looked up for all channels, one after the other
constexpr std::int64_t kWork = 16 * 1024;  // elements worth a piece of a parallel_for

// A place along one axis: between element `first` and the next, by `rest`; and its derivative in the grid.
struct Along {
  std::int64_t first;
  double rest, slope;
};

Along along(double grid, std::int64_t elements, const GridSampling& s) {
  const auto size = static_cast<double>(elements), last = size - 1;
  double slope = s.align_corners ? last / 2 : size / 2;
  if (std::isnan(grid)) {
    grid = -1;
    slope = 0;
  }
  double at = s.align_corners ? (grid + 1) * (last / 2) : ((grid + 1) * size - 1) / 2;
  if (s.around == Around::reflection) {
    const double low = s.align_corners ? 0 : -0.5, span = s.align_corners ? last : size;
    const double from_low = span > 0 ? std::abs(at - low) : 0, flips = span > 0 ? std::floor(from_low / span) : 0;
    const double rest = from_low - flips * span;
    const bool back = std::fmod(flips, 2) != 0;
    slope *= span > 0 ? ((at > low) - (at < low)) * (back ? -1 : 1) : 0;
    at = span > 0 ? (back ? span - rest : rest) + low : 0;
  }
  const double lowest = s.around == Around::zeros ? -4 : 0, highest = s.around == Around::zeros ? size + 3 : last;
  if (!(at >= lowest && at <= highest)) {  // far outside is all the same; NaN too, of an infinite place mirrored
    at = at > highest ? highest : lowest;
    slope = 0;
  }
  const double first = std::floor(at);
  return {static_cast<std::int64_t>(first), at - first, slope};
}

// The four elements around a place, -1 for those that are not in the image, and how much of each.
template <class T>
struct Place {
  std::array<std::int64_t, 4> at;
  std::array<T, 4> weight;
  Along row, column;
  std::int64_t out;  // where the output is in its plane

  T sum(const T* plane) const {
    T total = 0;
    for (std::size_t k = 0; k < 4; ++k)
      if (at[k] >= 0) total += weight[k] * plane[at[k]];
    return total;
  }
};

// Places [begin, begin + count) of image n, in row-major order, of an image like x and outputs like y.
template <class T>
void find(Place<T>* places, const View& x, const View& y, const View& grid, std::int64_t n, std::int64_t begin,
          std::int64_t count, const GridSampling& s) {
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t row = (begin + i) / y.size(3), column = (begin + i) % y.size(3);
    const T* const at = grid.as<const T>() + n * grid.stride(0) + row * grid.stride(1) + column * grid.stride(2);
    Place<T>& p = places[i];
    p.column = along(static_cast<double>(at[0]), x.size(3), s);
    p.row = along(static_cast<double>(at[grid.stride(3)]), x.size(2), s);
    p.out = row * y.stride(2) + column * y.stride(3);
    for (std::int64_t k = 0; k < 4; ++k) {
      const std::int64_t r = p.row.first + k / 2, c = p.column.first + k % 2;
      // What is just beyond a border counts as the border does, so that the derivative there is 0.
      const bool inside = r >= 0 && r < x.size(2) && c >= 0 && c < x.size(3);
      const std::int64_t in_row = std::min(r, x.size(2) - 1), in_column = std::min(c, x.size(3) - 1);
      const bool counts = inside || s.around != Around::zeros;
      const auto i4 = static_cast<std::size_t>(k);
      p.at[i4] = counts ? in_row * x.stride(2) + in_column * x.stride(3) : -1;
      p.weight[i4] = static_cast<T>((k / 2 == 0 ? 1 - p.row.rest : p.row.rest) *
                                    (k % 2 == 0 ? 1 - p.column.rest : p.column.rest));
    }
  }
}

// Calls f(n, places, count) for all places of y, a tile at a time, in parallel.
template <class T, class F>
void for_each_tile(const View& x, const View& y, const View& grid, const GridSampling& s, F&& f) {
  const std::int64_t pixels = y.size(2) * y.size(3), tiles = ceil_div(pixels, kTile);
  parallel_for(
      y.size(0) * tiles, 1 + kWork / (kTile * (y.size(1) + 1)), [&](std::int64_t begin, std::int64_t end) {
        const memory::Scratch<Place<T>> places(kTile);
        for (std::int64_t i = begin; i < end; ++i) {
          const std::int64_t n = i / tiles, first = i % tiles * kTile, count = std::min(kTile, pixels - first);
          find(places.data(), x, y, grid, n, first, count, s);
          f(n, places.data(), first, count);
        }
      });
}

}  // namespace

void grid_sample(View y, View x, View grid, const GridSampling& sampling) {
  if (y.numel() == 0) return;
  visit_floating(y.dtype, [&]<class T>(T*) {
    for_each_tile<T>(x, y, grid, sampling,
                     [&](std::int64_t n, const Place<T>* places, std::int64_t, std::int64_t count) {
                       for (std::int64_t c = 0; c < y.size(1); ++c) {
                         const T* const plane = x.as<const T>() + n * x.stride(0) + c * x.stride(1);
                         T* const out = y.as<T>() + n * y.stride(0) + c * y.stride(1);
                         for (std::int64_t i = 0; i < count; ++i) out[places[i].out] = places[i].sum(plane);
                       }
                     });
  });
}

void grid_sample_backward_input(View gx, View g, View grid, const GridSampling& sampling) {
  constexpr std::int64_t kChannels = 16;  // of an image, that are worked on together
  if (gx.numel() == 0) return;
  visit_floating(gx.dtype, [&]<class T>(T*) {
    const std::int64_t parts = ceil_div(gx.size(1), kChannels), pixels = g.size(2) * g.size(3);
    const std::int64_t work = std::min(kChannels, gx.size(1)) * (pixels + gx.size(2) * gx.size(3));
    parallel_for(gx.size(0) * parts, 1 + kWork / work, [&](std::int64_t begin, std::int64_t end) {
      const memory::Scratch<Place<T>> places(kTile);
      for (std::int64_t part = begin; part < end; ++part) {
        const std::int64_t n = part / parts, channel = part % parts * kChannels;
        const std::int64_t channels = std::min(kChannels, gx.size(1) - channel);
        T* const planes = gx.as<T>() + n * gx.stride(0) + channel * gx.stride(1);
        for (std::int64_t c = 0; c < channels; ++c)
          for (std::int64_t row = 0; row < gx.size(2); ++row)
            for (std::int64_t column = 0; column < gx.size(3); ++column)
              planes[c * gx.stride(1) + row * gx.stride(2) + column * gx.stride(3)] = T(0);
        for (std::int64_t first = 0; first < pixels; first += kTile) {
          const std::int64_t count = std::min(kTile, pixels - first);
          find(places.data(), gx, g, grid, n, first, count, sampling);
          for (std::int64_t c = 0; c < channels; ++c) {
            T* const plane = planes + c * gx.stride(1);
            const T* const from = g.as<const T>() + n * g.stride(0) + (channel + c) * g.stride(1);
            for (std::int64_t i = 0; i < count; ++i)
              for (std::size_t k = 0; k < 4; ++k)
                if (places[i].at[k] >= 0) plane[places[i].at[k]] += places[i].weight[k] * from[places[i].out];
          }
        }
      }
    });
  });
}

void grid_sample_backward_grid(View ggrid, View g, View x, View grid, const GridSampling& sampling) {
  if (ggrid.numel() == 0) return;
  visit_floating(ggrid.dtype, [&]<class T>(T*) {
    for_each_tile<T>(
        x, g, grid, sampling, [&](std::int64_t n, const Place<T>* places, std::int64_t first, std::int64_t count) {
          std::array<double, kTile> down{}, right{};
          for (std::int64_t c = 0; c < g.size(1); ++c) {
            const T* const plane = x.as<const T>() + n * x.stride(0) + c * x.stride(1);
            const T* const from = g.as<const T>() + n * g.stride(0) + c * g.stride(1);
            for (std::int64_t i = 0; i < count; ++i) {
              const Place<T>& p = places[i];
              std::array<double, 4> v{};
              for (std::size_t k = 0; k < 4; ++k) v[k] = p.at[k] >= 0 ? static_cast<double>(plane[p.at[k]]) : 0;
              const auto at = static_cast<std::size_t>(i);
              const auto by = static_cast<double>(from[p.out]);
              right[at] += by * ((v[1] - v[0]) * (1 - p.row.rest) + (v[3] - v[2]) * p.row.rest);
              down[at] += by * ((v[2] - v[0]) * (1 - p.column.rest) + (v[3] - v[1]) * p.column.rest);
            }
          }
          for (std::int64_t i = 0; i < count; ++i) {
            const std::int64_t row = (first + i) / g.size(3), column = (first + i) % g.size(3);
            T* const to = ggrid.as<T>() + n * ggrid.stride(0) + row * ggrid.stride(1) + column * ggrid.stride(2);
            const auto at = static_cast<std::size_t>(i);
            to[0] = static_cast<T>(right[at] * places[i].column.slope);
            to[ggrid.stride(3)] = static_cast<T>(down[at] * places[i].row.slope);
          }
        });
  });
}

}  // namespace ebb::kernels
