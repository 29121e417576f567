#include <algorithm>
#include <cmath>

#include "autograd/base/fail.h"
#include "autograd/kernels/reduce.h"
#include "autograd/kernels/reduction.h"

namespace ebb::kernels {
namespace {

// The first of n elements that f is true for; one is.
template <class T, class F>
std::int64_t first_that(const T* x, std::int64_t step, std::int64_t n, F&& f) {
  using Flag = std::conditional_t<sizeof(T) == 8, std::int64_t, std::int32_t>;
  constexpr std::int64_t kBlock = 64;
  std::int64_t i = 0;
  if (step == 1) {
    for (; i + kBlock <= n; i += kBlock) {
      Flag any = 0;  // without branches and as wide as an element, so that it is vectorised
      for (std::int64_t j = 0; j < kBlock; ++j) any |= f(x[i + j]) ? 1 : 0;
      if (any != 0) break;
    }
  }
  while (i + 1 < n && !f(x[i * step])) ++i;
  return i;
}

// Finds each extreme value, then the place where it comes first.
template <class T>
void arg_extreme(const View& y, const View& x, Extreme extreme) {
  using E = std::conditional_t<std::is_floating_point_v<T>, T, std::int64_t>;
  const Reduction r(y, x);
  const ExtremeFolder<E> fold(r, extreme, x);
  Axes<1> reduced = r.reduced;
  const auto along = reduced.pop_back();
  for_each_tile(r, [&](const OutputTile& tile) {
    E best[Reduction::kMostOutputs];
    fold(tile, best);
    for (std::int64_t i = 0; i < tile.count; ++i) {
      const T* first = x.as<const T>() + tile.x + i * r.lane.step[0];
      const T value = static_cast<T>(best[i]);
      const bool nan = value != value;
      y.as<std::int64_t>()[tile.y + i * r.lane.step[1]] =
          nan ? first_that(first, along.step[0], along.size, [](T e) { return e != e; })
              : first_that(first, along.step[0], along.size, [value](T e) { return e == value; });
    }
  });
}

void checked(const char* name, View y, View x, int dim, Extreme extreme) {
  if (x.size(dim) == 0 && y.numel() > 0)
    fail("{}: dimension {} of {} is empty; an index needs at least one element", name, dim, to_string(*x.shape));
  visit(x.dtype, [&]<class T>(T*) { arg_extreme<T>(y, x, extreme); });
}

}  // namespace

void argmax(View y, View x, int dim) { checked("argmax", y, x, dim, Extreme::largest); }
void argmin(View y, View x, int dim) { checked("argmin", y, x, dim, Extreme::smallest); }

}  // namespace ebb::kernels
