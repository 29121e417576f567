#include "autograd/kernels/resample.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "autograd/base/scratch.h"
#include "autograd/kernels/lines.h"

namespace ebb::kernels {
namespace {

constexpr std::int64_t kWork = 16 * 1024;  // elements worth a piece of a parallel_for
constexpr std::int64_t kFewLines = 4;

// How many elements an output is made of.
constexpr int terms(Resampler how) { return how == Resampler::cubic ? 4 : how == Resampler::linear ? 2 : 1; }

// The place of output i among `in` elements; of the nearest ones, not yet rounded down.
double place(std::int64_t i, std::int64_t out, std::int64_t in, const Resampling& r) {
  const auto at = static_cast<double>(i), size = static_cast<double>(in);
  if (r.align_corners) return out > 1 ? at * ((size - 1) / static_cast<double>(out - 1)) : 0;
  const double scale = r.scale > 0 ? r.scale : size / static_cast<double>(out);
  if (r.how == Resampler::nearest) return at * scale;
  return r.how == Resampler::nearest_exact ? (at + 0.5) * scale : (at + 0.5) * scale - 0.5;
}

// Keys' kernel with a = -0.75, at distance t from its middle.
double cubic(double t) {
  constexpr double a = -0.75;
  t = std::abs(t);
  return t <= 1 ? ((a + 2) * t - (a + 3)) * t * t + 1 : ((a * t - 5 * a) * t + 8 * a) * t - 4 * a;
}

// Output i is made of the elements from[i K + k], times weight[i K + k].
template <class T, int K>
struct Terms {
  memory::Scratch<std::int64_t> from;
  memory::Scratch<T> weight;

  Terms(std::int64_t out, std::int64_t in, const Resampling& r) : from(out * K), weight(out * K) {
    for (std::int64_t i = 0; i < out; ++i) {
      double at = place(i, out, in, r);
      if (K == 2) at = std::max(at, 0.0);
      const double below = std::floor(at + 1e-9);  // what is a whole number but for rounding is one
      const auto first = static_cast<std::int64_t>(std::min(below, static_cast<double>(in - 1)));
      const double rest = std::clamp(at - static_cast<double>(first), 0.0, 1.0);
      for (std::int64_t k = 0; k < K; ++k) {
        const std::int64_t offset = K == 4 ? k - 1 : k;
        from[i * K + k] = std::clamp<std::int64_t>(first + offset, 0, in - 1);
        const double distance = rest - static_cast<double>(offset);
        weight[i * K + k] = static_cast<T>(K == 4 ? cubic(distance) : K == 2 ? 1 - std::abs(distance) : 1);
      }
    }
  }
};

// Calls f(terms, tile of the lines of y and x, the steps along them, their number of terms) for all lines.
template <class T, class F>
void with_terms(const View& y, const View& x, int dim, const Resampling& r, F&& f) {
  const LineLoops<2> lines({y, x}, dim);
  const std::int64_t out = y.size(dim), grain = 1 + kWork / std::max(out, x.size(dim));
  const auto run = [&]<int K>(std::integral_constant<int, K>) {
    const Terms<T, K> terms(out, x.size(dim), r);
    lines.for_each(grain,
                   [&](LineTile<2> tile) { f(terms, tile, lines.along(), std::integral_constant<int, K>()); });
  };
  if (terms(r.how) == 1) run(std::integral_constant<int, 1>());
  else if (terms(r.how) == 2) run(std::integral_constant<int, 2>());
  else run(std::integral_constant<int, 4>());
}

// Lines that are done together, output by output: all that lie side by side, or a few, whose sums do not wait for each other.
struct Together {
  bool side_by_side;
  std::int64_t most;
  std::array<std::int64_t, 2> step;

  explicit Together(const LineTile<2>& tile)
      : side_by_side(tile.count > 1 && tile.step[0] == 1 && tile.step[1] == 1),
        most(side_by_side ? tile.count : kFewLines),
        step(tile.step) {}

  // Calls f(offset in y, offset in x) for n of them.
  template <class F>
  void for_each(std::int64_t n, F&& f) const {
    if (side_by_side) {
      for (std::int64_t c = 0; c < n; ++c) f(c, c);
    } else if (n == kFewLines) {
      for (std::int64_t c = 0; c < kFewLines; ++c) f(c * step[0], c * step[1]);
    } else {
      for (std::int64_t c = 0; c < n; ++c) f(c * step[0], c * step[1]);
    }
  }
};

}  // namespace

void resample(View y, View x, int dim, const Resampling& resampling) {
  if (y.numel() == 0) return;
  visit_floating(y.dtype, [&]<class T>(T*) {
    with_terms<T>(y, x, dim, resampling,
                  [&](const auto& terms, const LineTile<2>& tile, const auto& along, auto k) {
                    constexpr std::int64_t K = decltype(k)::value;
                    const Together together(tile);
                    const std::int64_t n = y.size(dim);
                    for (std::int64_t line = 0; line < tile.count; line += together.most) {
                      const std::int64_t columns = std::min(together.most, tile.count - line);
                      T* to = y.as<T>() + tile.at[0] + line * tile.step[0];
                      const T* const from = x.as<const T>() + tile.at[1] + line * tile.step[1];
                      for (std::int64_t i = 0; i < n; ++i, to += along[0]) {
                        const T* part[K];
                        for (std::int64_t t = 0; t < K; ++t) part[t] = from + terms.from[i * K + t] * along[1];
                        const T* const weight = &terms.weight[i * K];
                        together.for_each(columns, [&](std::int64_t at_y, std::int64_t at_x) {
                          T sum = weight[0] * part[0][at_x];
                          for (std::int64_t t = 1; t < K; ++t) sum += weight[t] * part[t][at_x];
                          to[at_y] = sum;
                        });
                      }
                    }
                  });
  });
}

void resample_backward(View gx, View g, int dim, const Resampling& resampling) {
  if (gx.numel() == 0) return;
  visit_floating(gx.dtype, [&]<class T>(T*) {
    with_terms<T>(
        g, gx, dim, resampling, [&](const auto& terms, const LineTile<2>& tile, const auto& along, auto k) {
          constexpr std::int64_t K = decltype(k)::value;
          const Together together(tile);
          const std::int64_t n = g.size(dim);
          for (std::int64_t line = 0; line < tile.count; line += together.most) {
            const std::int64_t columns = std::min(together.most, tile.count - line);
            const T* from = g.as<const T>() + tile.at[0] + line * tile.step[0];
            T* const to = gx.as<T>() + tile.at[1] + line * tile.step[1];
            for (std::int64_t i = 0; i < gx.size(dim); ++i)
              together.for_each(columns, [&](std::int64_t, std::int64_t at) { to[i * along[1] + at] = 0; });
            for (std::int64_t i = 0; i < n; ++i, from += along[0])
              for (std::int64_t t = 0; t < K; ++t) {
                const T weight = terms.weight[i * K + t];
                T* const part = to + terms.from[i * K + t] * along[1];
                together.for_each(
                    columns, [&](std::int64_t at_g, std::int64_t at_x) { part[at_x] += weight * from[at_g]; });
              }
          }
        });
  });
}

}  // namespace ebb::kernels
