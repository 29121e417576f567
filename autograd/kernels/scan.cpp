#include "autograd/kernels/scan.h"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <type_traits>

#include "autograd/kernels/lines.h"

// An element waits for the one before it in its line, so several lines go side by side: four that lie one after the other
// in memory, or as many as a cache holds the states of, if their elements are neighbours.

namespace ebb::kernels {
namespace {

constexpr std::int64_t kWork = 16 * 1024;  // elements worth a piece of a parallel_for
constexpr std::int64_t kApart = 4, kNeighbours = 256;

// Float sums are made in double; unsigned integers overflow without harm.
template <class T>
using Wide = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;
template <class T>
using Result = std::conditional_t<std::is_floating_point_v<T>, T, std::int64_t>;

template <int K>
using Offsets = std::array<std::int64_t, K>;

template <std::size_t K>
void advance(std::array<std::int64_t, K>& at, const std::array<std::int64_t, K>& step) {
  for (std::size_t k = 0; k < K; ++k) at[k] += step[k];
}

// Calls step(state, at, i) for the elements i of each line of the tile in order, `at` their offsets in the operands; each
// line has a State. The tile has `Lines` lines, or if that is 0 up to kNeighbours.
template <std::int64_t Lines, class State, int K, class Step>
void scan_tile(const LineTile<K>& tile, const Offsets<K>& along, std::int64_t n, Step&& step) {
  State states[Lines > 0 ? Lines : kNeighbours];
  const std::int64_t count = Lines > 0 ? Lines : tile.count;
  auto first = tile.at;
  for (std::int64_t i = 0; i < n; ++i, advance(first, along)) {
    auto at = first;
    for (std::int64_t j = 0; j < count; ++j, advance(at, tile.step)) step(states[j], at, i);
  }
}

template <class State, int K, class Step>
void scan(const std::array<View, K>& views, int dim, bool reverse, Step&& step) {
  const std::int64_t n = views[0].size(dim);
  if (n == 0) return;
  const LineLoops<K> lines(views, dim);
  auto along = lines.along();
  Offsets<K> start{};
  if (reverse) {
    for (std::size_t k = 0; k < K; ++k) {
      start[k] = (n - 1) * along[k];
      along[k] = -along[k];
    }
  }
  const bool neighbours = std::abs(lines.across()[0]) < std::abs(along[0]);
  lines.for_each(std::max<std::int64_t>(1, kWork / n), [&](LineTile<K> all) {
    advance(all.at, start);
    for (std::int64_t j = 0; j < all.count;) {
      const auto tile = all.part(j, neighbours ? kNeighbours : all.count - j < kApart ? 1 : kApart);
      j += tile.count;
      if (tile.count == 1) {
        scan_tile<1, State, K>(tile, along, n, step);
      } else if (neighbours) {
        scan_tile<0, State, K>(tile, along, n, step);
      } else {
        scan_tile<kApart, State, K>(tile, along, n, step);
      }
    }
  });
}

template <class T>
struct Sum {
  Wide<T> total = 0;
  void add(T x) { total += static_cast<Wide<T>>(x); }
};
template <class T>
struct Product {
  Wide<T> total = 1;
  void add(T x) { total *= static_cast<Wide<T>>(x); }
};

template <template <class> class Running>
void cumulative(const View& y, const View& x, int dim, bool reverse) {
  visit(x.dtype, [&]<class T>(T*) {
    scan<Running<T>, 2>(
        {y, x}, dim, reverse,
        [to = y.as<Result<T>>(), from = x.as<const T>()](Running<T>& state, const Offsets<2>& at, std::int64_t) {
          state.add(from[at[1]]);
          to[at[0]] = static_cast<Result<T>>(state.total);
        });
  });
}

template <class Before>
void cumulative_extreme(const View& y, const View& x, int dim, Before before) {
  visit(x.dtype, [&]<class T>(T*) {
    struct Best {
      T value{};
      std::int64_t index = 0;
    };
    scan<Best, 2>(
        {y, x}, dim, false,
        [=, to = y.as<std::int64_t>(), from = x.as<const T>()](Best& best, const Offsets<2>& at, std::int64_t i) {
          const T value = from[at[1]];
          // not before: no worse, or one of them is NaN
          if (i == 0 || (!before(value, best.value) && (value != value || best.value == best.value)))
            best = {value, i};
          to[at[0]] = best.index;
        });
  });
}

// log(sum) + largest, where the sum is of exp(x - largest) so far.
struct LogSum {
  double largest = -std::numeric_limits<double>::infinity(), sum = 0;
  void add(double x) {
    if (x > largest) {
      sum = sum * std::exp(largest - x) + 1;
      largest = x;
    } else {
      sum += x == largest ? 1 : std::exp(x - largest);  // equal ones may be infinite
    }
  }
};

}  // namespace

void cumsum(const View& y, const View& x, int dim, bool reverse) { cumulative<Sum>(y, x, dim, reverse); }
void cumprod(const View& y, const View& x, int dim, bool reverse) { cumulative<Product>(y, x, dim, reverse); }

void cummax(const View& y, const View& x, int dim) {
  cumulative_extreme(y, x, dim, [](auto a, auto b) { return a < b; });
}
void cummin(const View& y, const View& x, int dim) {
  cumulative_extreme(y, x, dim, [](auto a, auto b) { return a > b; });
}

void logcumsumexp(const View& y, const View& x, int dim) {
  visit_floating(x.dtype, [&]<class T>(T*) {
    scan<LogSum, 2>({y, x}, dim, false,
                    [to = y.as<T>(), from = x.as<const T>()](LogSum& state, const Offsets<2>& at, std::int64_t) {
                      state.add(static_cast<double>(from[at[1]]));
                      to[at[0]] = static_cast<T>(state.largest + std::log(state.sum));
                    });
  });
}

void linear_scan(const View& y, const View& a, const View& b, int dim, bool reverse, bool shifted) {
  visit_floating(y.dtype, [&]<class T>(T*) {
    struct State {
      double y = 0, a = 0;
    };
    const auto run = [&](auto is_shifted) {
      scan<State, 3>({y, a, b}, dim, reverse,
                     [=, to = y.as<T>(), factor = a.as<const T>(), term = b.as<const T>()](
                         State& state, const Offsets<3>& at, std::int64_t i) {
                       const auto own = static_cast<double>(factor[at[1]]),
                                  added = static_cast<double>(term[at[2]]);
                       state.y = i == 0 ? added : added + (is_shifted() ? state.a : own) * state.y;
                       state.a = own;
                       to[at[0]] = static_cast<T>(state.y);
                     });
    };
    shifted ? run(std::true_type()) : run(std::false_type());
  });
}

}  // namespace ebb::kernels
