#include "autograd/ops/rearrange.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "autograd/ops/part.h"

namespace ebb {
namespace ops {

// Copies all, then clears what is not of the triangle, row by row: one pass more over half of y, which is in the cache
// still if it fits.
void Triangle::forward(View y, View x) const {
  kernels::copy(y, x);
  const std::int64_t rows = y.size(y.rank() - 2), columns = y.size(y.rank() - 1), size = size_of(y.dtype);
  if (y.numel() == 0) return;
  const std::int64_t grain = std::max<std::int64_t>(1, 32 * 1024 / columns);
  parallel_for(y.numel() / columns, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t edge = row % rows + std::clamp(diagonal, -rows, columns);  // the diagonal's column
      const std::int64_t first = upper ? 0 : std::clamp<std::int64_t>(edge + 1, 0, columns),
                         last = upper ? std::clamp<std::int64_t>(edge, 0, columns) : columns;
      std::memset(y.as<std::byte>() + (row * columns + first) * size, 0,
                  static_cast<std::size_t>((last - first) * size));
    }
  });
}

}  // namespace ops

using ops::dimension;
using ops::product;

namespace {

// Each once, or Error.
Dims distinct(const char* op, const Tensor& x, const Dims& dims) {
  Dims found;
  for (const auto dim : dims) {
    const int d = dimension(op, static_cast<int>(dim), x.dim());
    for (const auto other : found)
      if (other == d) fail("{}: dimension {} appears twice in {}", op, d, dims);
    found.push_back(d);
  }
  return found;
}

// x as [outer, inner], each row `times` times.
Tensor repeat_rows(const Tensor& x, std::int64_t outer, std::int64_t times, std::int64_t inner,
                   const Shape& shape) {
  return reshape(expand(reshape(x, {outer, 1, inner}), {outer, times, inner}).clone(), shape);
}

// The product of the sizes [begin, end).
std::int64_t extent(const Shape& shape, int begin, int end) {
  std::int64_t n = 1;
  for (int d = begin; d < end; ++d) n *= shape[d];
  return n;
}

// x's dimension d times repeats[d]. Each that repeats becomes two for a while: all at once, or, without room for so many
// dimensions, one after the other, from the last on.
Tensor repeated(const Tensor& x, const Dims& repeats) {
  Dims whole;
  int both = x.dim();
  for (int d = 0; d < x.dim(); ++d) {
    whole.push_back(product("repeat", x.shape()[d], repeats[d]));
    both += repeats[d] != 1;
  }
  const Shape shape(whole);
  if (both > kMaxRank) {
    Tensor y = x;
    for (int d = x.dim() - 1; d >= 0; --d)
      y = repeat_rows(y, extent(y.shape(), 0, d), repeats[d], extent(y.shape(), d, y.dim()),
                      y.shape().with(d, shape[d]));
    return y;
  }
  Dims cut, full;
  for (int d = 0; d < x.dim(); ++d) {
    for (auto* sizes : {&cut, &full}) {
      if (repeats[d] != 1) sizes->push_back(sizes == &cut ? 1 : repeats[d]);
      sizes->push_back(x.shape()[d]);
    }
  }
  return reshape(expand(reshape(x, cut), full).clone(), shape);
}

// y, or a copy of x if that is what y is.
Tensor own(const Tensor& y, const Tensor& x) { return y.handle().get() == x.handle().get() ? x.clone() : y; }

}  // namespace

Tensor movedim(const Tensor& x, const Dims& source, const Dims& destination) {
  if (source.rank() != destination.rank())
    fail("movedim: {} names {} dimensions, {} names {}", source, source.rank(), destination, destination.rank());
  const Dims from = distinct("movedim", x, source), to = distinct("movedim", x, destination);
  const auto named = [](const Dims& dims, int d) { return std::find(dims.begin(), dims.end(), d) != dims.end(); };
  Dims order;
  int next = 0;
  for (int d = 0; d < x.dim(); ++d) {
    const auto place = std::find(to.begin(), to.end(), d) - to.begin();
    if (place < to.rank()) {
      order.push_back(from[static_cast<int>(place)]);
      continue;
    }
    while (named(from, next)) ++next;
    order.push_back(next++);
  }
  return permute(x, order);
}

Tensor movedim(const Tensor& x, int source, int destination) {
  return movedim(x, Dims{source}, Dims{destination});
}

Tensor broadcast_to(const Tensor& x, const Shape& shape) {
  if (ops::broadcast_shape("broadcast_to", x.shape(), shape) != shape)
    fail("broadcast_to: {} does not broadcast to {}", x.shape(), shape);
  return expand(x, shape);
}

std::vector<Tensor> unbind(const Tensor& x, int dim) {
  if (x.dim() == 0) fail("unbind: the tensor is 0-d");
  const int d = dimension("unbind", dim, x.dim());
  std::vector<Tensor> slices = ops::list_of("unbind", x.shape()[d]);
  for (std::int64_t i = 0; i < x.shape()[d]; ++i) slices.push_back(select(x, d, i));
  return slices;
}

Tensor unflatten(const Tensor& x, int dim, const Dims& sizes) {
  if (x.dim() == 0 || sizes.empty())
    fail("unflatten: the tensor is {}, the sizes {}; there must be a dimension and sizes for it", x.shape(),
         sizes);
  const int d = dimension("unflatten", dim, x.dim());
  std::int64_t known = 1;
  int unknown = -1;
  Dims full = sizes;
  for (int i = 0; i < sizes.rank(); ++i) {
    if (sizes[i] == -1 && unknown < 0) unknown = i;
    else known = product("unflatten", known, sizes[i]);
  }
  if (unknown >= 0 && known > 0) known *= full[unknown] = x.shape()[d] / known;
  if (known != x.shape()[d]) fail("unflatten: {} does not fill dimension {} of {}", sizes, dim, x.shape());
  Dims all;
  for (int i = 0; i < d; ++i) all.push_back(x.shape()[i]);
  for (const auto size : full) all.push_back(size);
  for (int i = d + 1; i < x.dim(); ++i) all.push_back(x.shape()[i]);
  return reshape(x, Shape(all));
}

// -- repetition

Tensor repeat(const Tensor& x, const Dims& repeats) {
  if (repeats.rank() < x.dim()) fail("repeat: {} has fewer dimensions than the tensor, {}", repeats, x.shape());
  for (const auto n : repeats)
    if (n < 0) fail("repeat: {} has a negative number", repeats);
  Dims sizes;
  for (int i = repeats.rank() - x.dim(); i > 0; --i) sizes.push_back(1);
  for (const auto size : x.shape()) sizes.push_back(size);
  return repeated(reshape(x, sizes), repeats);
}

Tensor tile(const Tensor& x, const Dims& repeats) {
  Dims all;
  for (int i = x.dim() - repeats.rank(); i > 0; --i) all.push_back(1);
  for (const auto n : repeats) all.push_back(n);
  return repeat(x, all);
}

Tensor repeat_interleave(const Tensor& x, std::int64_t repeats, std::optional<int> dim) {
  if (repeats < 0) fail("repeat_interleave: {} repeats; give 0 or more", repeats);
  if (!dim || x.dim() == 0) return repeat_interleave(reshape(x, {x.numel()}), repeats, 0);
  const int d = dimension("repeat_interleave", *dim, x.dim());
  const Shape shape = x.shape().with(d, product("repeat_interleave", x.shape()[d], repeats));
  return repeat_rows(x, extent(x.shape(), 0, d + 1), repeats, extent(x.shape(), d + 1, x.dim()), shape);
}

Tensor repeat_interleave(const Tensor& x, const Tensor& repeats, std::optional<int> dim) {
  if (!dim) return repeat_interleave(reshape(x, {x.numel()}), repeats, 0);
  ops::require_index("repeat_interleave", repeats);
  if (x.dim() == 0) fail("repeat_interleave: the tensor is 0-d; leave out the dimension");
  const int d = dimension("repeat_interleave", *dim, x.dim());
  const std::int64_t size = x.shape()[d];
  if (repeats.dim() > 1 || (repeats.numel() != size && repeats.numel() != 1))
    fail("repeat_interleave: the repeats are {}; they must be [{}], or one number", repeats.shape(), size);
  detail::refuse_in_replay("repeat_interleave()");
  if (repeats.numel() == 1) return repeat_interleave(x, repeats.to_vector<std::int64_t>().front(), d);
  const auto counts = repeats.to_vector<std::int64_t>();
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < size; ++i) {
    const std::int64_t count = counts[static_cast<std::size_t>(i)];
    if (count < 0) fail("repeat_interleave: {} repeats of element {}; give 0 or more", count, i);
    if (__builtin_add_overflow(total, count, &total)) fail("repeat_interleave: the repeats sum to more than 2^63");
  }
  const Tensor places = empty({total}, int64);
  auto* place = places.data<std::int64_t>();
  for (std::int64_t i = 0; i < size; ++i) place = std::fill_n(place, counts[static_cast<std::size_t>(i)], i);
  return index_select(x, d, places);
}

// -- order

Tensor flip(const Tensor& x, const Dims& dims) {
  return apply(ops::Flip{x.dim() > 0 ? distinct("flip", x, dims) : Dims()}, x);
}

Tensor roll(const Tensor& x, const Dims& shifts, const Dims& dims) {
  if (dims.empty() && shifts.rank() == 1) return reshape(roll(reshape(x, {x.numel()}), shifts, {0}), x.shape());
  if (shifts.rank() != dims.rank() || dims.empty())
    fail("roll: {} shifts and {} dimensions; give one of each", shifts.rank(), dims.rank());
  Tensor y = x;
  for (int i = 0; i < dims.rank() && x.dim() > 0; ++i) {
    const int d = dimension("roll", static_cast<int>(dims[i]), x.dim());
    const std::int64_t size = x.shape()[d], by = size > 0 ? (shifts[i] % size + size) % size : 0;
    if (by > 0) y = cat({narrow(y, d, size - by, by), narrow(y, d, 0, size - by)}, d);
  }
  return own(y, x);
}

Tensor rot90(const Tensor& x, std::int64_t k, const Dims& dims) {
  if (dims.rank() != 2) fail("rot90: {} names {} dimensions; give two", dims, dims.rank());
  const Dims d = distinct("rot90", x, dims);
  const int first = static_cast<int>(d[0]), second = static_cast<int>(d[1]);
  switch ((k % 4 + 4) % 4) {
    case 1:
      return transpose(flip(x, {second}), first, second);
    case 2:
      return flip(x, d);
    case 3:
      return transpose(flip(x, {first}), first, second);
    default:
      return x.clone();
  }
}

// -- borders

namespace {

Tensor padded_by(const Tensor& x, int d, std::int64_t before, std::int64_t after, PadMode mode) {
  const std::int64_t size = x.shape()[d];
  if (before == 0 && after == 0) return x;
  if (before < 0 || after < 0)
    fail("pad: {} and {} at dimension {}; only constant padding may cut", before, after, d);
  const std::int64_t most = mode == PadMode::reflect ? size - 1 : size;
  if (mode != PadMode::replicate && std::max(before, after) > most)
    fail("pad: {} and {} at dimension {} of {}; {} padding can be {} at most", before, after, d, x.shape(),
         mode == PadMode::reflect ? "reflect" : "circular", std::max<std::int64_t>(most, 0));
  if (mode == PadMode::replicate && size == 0)
    fail("pad: dimension {} of {} has no element to replicate", d, x.shape());
  const auto edge = [&](std::int64_t n, bool front) {
    switch (mode) {
      case PadMode::reflect:
        return flip(narrow(x, d, front ? 1 : size - 1 - n, n), {d});
      case PadMode::replicate:
        return expand(narrow(x, d, front ? 0 : size - 1, 1), x.shape().with(d, n));
      default:
        return narrow(x, d, front ? size - n : 0, n);
    }
  };
  if (before == 0) return cat({x, edge(after, false)}, d);
  if (after == 0) return cat({edge(before, true), x}, d);
  return cat({edge(before, true), x, edge(after, false)}, d);
}

std::int64_t padded_size(std::int64_t size, std::int64_t before, std::int64_t after) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(size, before, &sum) || __builtin_add_overflow(sum, after, &sum))
    fail("pad: size {} with {} and {} around it is too large", size, before, after);
  return sum;
}

}  // namespace

Tensor pad(const Tensor& x, std::span<const std::int64_t> padding, PadMode mode, double value) {
  const int dims = static_cast<int>(padding.size() / 2);
  if (padding.size() % 2 != 0 || padding.size() / 2 > static_cast<std::size_t>(x.dim()))
    fail("pad: {} numbers for {}; give two for each dimension, from the last one on", padding.size(), describe(x));
  Tensor y = x;
  ops::Pad op{Dims::filled(x.dim(), 0), {}, value};
  Dims sizes = x.shape();
  for (int i = 0; i < dims; ++i) {
    const int d = x.dim() - 1 - i;
    const std::int64_t before = padding[static_cast<std::size_t>(2 * i)],
                       after = padding[static_cast<std::size_t>(2 * i + 1)];
    if (mode != PadMode::constant) {
      y = padded_by(y, d, before, after, mode);
      continue;
    }
    sizes[d] = padded_size(x.shape()[d], before, after);
    if (sizes[d] < 0)
      fail("pad: {} and {} leave size {} of dimension {} of {}", before, after, sizes[d], d, x.shape());
    // what is cut; where the cuts meet, nothing is left
    const std::int64_t front = std::max<std::int64_t>(-before, 0), back = std::max<std::int64_t>(-after, 0);
    const std::int64_t left = std::max<std::int64_t>(x.shape()[d] - front - back, 0);
    if (left < x.shape()[d]) y = narrow(y, d, left > 0 ? front : 0, left);
    op.before[d] = std::max<std::int64_t>(before, 0);
  }
  if (mode != PadMode::constant) return own(y, x);
  op.shape = Shape(sizes);
  return apply(op, y);
}

Tensor pad(const Tensor& x, std::initializer_list<std::int64_t> padding, PadMode mode, double value) {
  return pad(x, std::span(padding.begin(), padding.size()), mode, value);
}

}  // namespace ebb
