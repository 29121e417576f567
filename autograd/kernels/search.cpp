#include "autograd/kernels/search.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/base/fail.h"
#include "autograd/base/scratch.h"
#include "autograd/kernels/bytes.h"
#include "autograd/kernels/lines.h"

namespace ebb::kernels {
namespace {

constexpr std::int64_t kWork = 2 * 1024;  // searches worth a piece of a parallel_for

// How many of n elements there are before the first that `before` is false for, by halving: without branches, since no
// processor foresees them.
template <class T, class Before>
std::int64_t partition_point(const T* sequence, std::int64_t step, std::int64_t n, Before&& before) {
  std::int64_t first = 0;
  while (n > 1) {
    const std::int64_t half = n / 2;
    first += before(sequence[(first + half - 1) * step]) ? half : 0;
    n -= half;
  }
  return first + (n == 1 && before(sequence[first * step]) ? 1 : 0);
}

// Calls f on runs of x: (first element, step, count), one after another.
template <class T, class F>
void for_each_run(const View& x, F&& f) {
  if (x.numel() == 0) return;
  Axes<1> axes;
  for (int d = 0; d < x.rank(); ++d) axes.push_back({x.size(d), {x.stride(d)}});
  const auto run = axes.pop_back();
  for (std::int64_t i = 0; i < axes.count(); ++i) f(x.as<const T>() + axes.offset(i)[0], run.step[0], run.size);
}

}  // namespace

void searchsorted(const View& y, const View& sequence, const View& values, bool right) {
  const int last = sequence.rank() - 1;
  const std::int64_t n = sequence.size(last), step = sequence.stride(last);
  Dims strides = Dims::filled(values.rank(), 0);  // of the sequences' first elements
  for (int d = 0; d < last; ++d) strides[d] = sequence.stride(d);
  const View firsts{sequence.data, values.shape, &strides, sequence.dtype, false};
  const LineLoops<3> lines({y, values, firsts}, values.rank());  // each value is a line
  visit(values.dtype, [&]<class T>(T*) {
    lines.for_each(kWork, [&](const LineTile<3>& tile) {
      const auto search = [&](auto before) {
        for (std::int64_t i = 0; i < tile.count; ++i) {
          const T value = values.as<const T>()[tile.at[1] + i * tile.step[1]];
          const T* const from = sequence.as<const T>() + tile.at[2] + i * tile.step[2];
          y.as<std::int64_t>()[tile.at[0] + i * tile.step[0]] =
              partition_point(from, step, n, [=](T e) { return before(e, value); });
        }
      };
      right ? search([](T e, T value) { return !(e > value); })
            : search([](T e, T value) { return !(e >= value); });
    });
  });
}

void histc(const View& y, const View& x, double low, double high) {
  const std::int64_t bins = y.numel();
  const memory::Scratch<std::int64_t> counts(bins);
  std::fill_n(counts.data(), bins, 0);
  visit_floating(x.dtype, [&]<class T>(T*) {
    T least = static_cast<T>(low), most = static_cast<T>(high);
    if (least == most && x.numel() > 0) {
      least = std::numeric_limits<T>::infinity();
      most = -least;
      for_each_run<T>(x, [&](const T* e, std::int64_t step, std::int64_t n) {
        for (std::int64_t i = 0; i < n; ++i) {
          const T value = e[i * step];
          if (!std::isfinite(value)) fail("histc: an element is {}; give min and max", value);
          least = std::min(least, value);
          most = std::max(most, value);
        }
      });
    }
    if (least == most) {
      least -= 1;
      most += 1;
    }
    const T width = most - least, count = static_cast<T>(bins);
    if (!std::isfinite(width)) fail("histc: the range from {} to {} is too wide", least, most);
    for_each_run<T>(x, [&](const T* e, std::int64_t step, std::int64_t n) {
      for (std::int64_t i = 0; i < n; ++i) {
        const T value = e[i * step];
        if (!(value >= least && value <= most)) continue;
        const T place = (value - least) * count / width;
        ++counts[place < count ? std::min(static_cast<std::int64_t>(place), bins - 1) : bins - 1];
      }
    });
    for (std::int64_t i = 0; i < bins; ++i) y.as<T>()[i * y.stride(0)] = static_cast<T>(counts[i]);
  });
}

void bincount(const View& y, const View& x) {
  auto* const counts = y.as<std::int64_t>();
  std::fill_n(counts, y.numel(), 0);
  for_each_run<std::int64_t>(x, [&](const std::int64_t* e, std::int64_t step, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) ++counts[e[i * step]];
  });
}

void nonzero(const View& y, const View& mask) {
  const int rank = mask.rank();
  if (y.numel() == 0) return;
  const std::int64_t n = mask.size(rank - 1);
  auto* to = y.as<std::int64_t>();
  const auto* const end = to + y.numel();
  Dims place = Dims::filled(rank, 0);
  for (std::int64_t first = 0;; first += n) {
    const auto* row = mask.as<const std::uint8_t>() + first;  // 0 or 1
    for (std::int64_t i = 0; i < n; ++i) {
      while (i + 8 <= n && load_bytes<std::uint64_t>(reinterpret_cast<const std::byte*>(row) + i) == 0) i += 8;
      if (i == n) break;
      place[rank - 1] = i;
      std::copy(place.begin(), place.end(), to);  // and once more, unless it was true: that is no branch
      to += row[i] * rank;
      if (to == end) return;
    }
    for (int d = rank - 2; d >= 0 && ++place[d] == mask.size(d); --d) place[d] = 0;
  }
}

}  // namespace ebb::kernels
