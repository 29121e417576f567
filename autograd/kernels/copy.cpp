#include <cstring>
#include <type_traits>

#include "autograd/kernels/bytes.h"
#include "autograd/kernels/convert.h"
#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/in_order.h"
#include "autograd/kernels/strided.h"
#include "autograd/kernels/tiles.h"
#include "autograd/kernels/transpose.h"

namespace ebb::kernels {
namespace {

constexpr auto kGrain = static_cast<std::int64_t>(Grain::cheap);
constexpr std::int64_t kFillRows = 64;
constexpr std::int64_t kFewColumns = 8;  // fewer are moved column by column

// Bytes are moved as they are when the dtype stays, and from bool to uint8.
bool same_bytes(Dtype y, Dtype x) { return y == x || (y == Dtype::uint8 && x == Dtype::bool_); }

void move_contiguous(const View& y, const View& x) {
  const std::int64_t size = size_of(y.dtype);
  parallel_for(y.numel() * size, kGrain * 8, [&](std::int64_t begin, std::int64_t end) {
    std::memcpy(y.as<std::byte>() + begin, x.as<std::byte>() + begin, static_cast<std::size_t>(end - begin));
  });
}

template <class T>
void move_reversed(std::byte* to, const std::byte* last, std::int64_t n) {
  constexpr auto kSize = static_cast<std::int64_t>(sizeof(T));
  for (std::int64_t i = 0; i < n; ++i) store_bytes(to + i * kSize, load_bytes<T>(last - i * kSize));
}

void move_tile(const TileOf<2>& tile, std::int64_t size, bool streamed) {
  const auto [y_step, x_step] = tile.column_step;
  if (tile.columns < kFewColumns && tile.columns < tile.rows) {
    for (std::int64_t column = 0; column < tile.columns; ++column)
      move_strided(tile.data[0] + column * y_step, tile.row_step[0], tile.data[1] + column * x_step,
                   tile.row_step[1], tile.rows, size);
    return;
  }
  if (y_step == size && tile.row_step[1] == size && x_step != size) {
    return transpose(tile.data[0], tile.row_step[0], tile.data[1], x_step, tile.rows, tile.columns, size,
                     streamed);
  }
  for (std::int64_t row = 0; row < tile.rows; ++row) {
    std::byte* to = tile.data[0] + row * tile.row_step[0];
    const std::byte* from = tile.data[1] + row * tile.row_step[1];
    if (y_step == size && x_step == -size) {
      visit_size(size, [&]<class T>(T) { move_reversed<T>(to, from, tile.columns); });
    } else if (y_step == size && x_step == size) {
      std::memcpy(to, from, static_cast<std::size_t>(tile.columns * size));
    } else {
      move_strided(to, y_step, from, x_step, tile.columns, size);
    }
  }
}

void move(const View& y, const View& x) {
  if (y.contiguous && x.contiguous) return move_contiguous(y, x);
  const std::int64_t size = size_of(y.dtype);
  const TileLoops<2> loops({y, x});
  // See Note [Tiles of strided operands]; rows that lie side by side may be long.
  const std::int64_t columns = loops.columns().step[1] == size ? kGrain : 128;
  const std::int64_t rows = kGrain / 4 / std::clamp<std::int64_t>(loops.columns().size, 1, columns);
  loops.for_each(std::max<std::int64_t>(1, rows), columns, kGrain,
                 [&](const TileOf<2>& tile) { move_tile(tile, size, past_cache(y)); });
}

template <class To, class From>
void convert_run(const Run& run) {
  using Stored = std::conditional_t<std::is_same_v<To, bool>, std::uint8_t, To>;
  using Read = std::conditional_t<std::is_same_v<From, bool>, std::uint8_t, From>;
  const auto* x = static_cast<const Read*>(run.x[0]);
  auto* y = static_cast<Stored*>(run.y);
  for (std::int64_t i = 0; i < run.n; ++i) y[i] = convert<To>(x[i]);
}

}  // namespace

void copy(const View& y, const View& x) {
  if (same_bytes(y.dtype, x.dtype)) return move(y, x);
  const RunKernel kernel = visit(y.dtype, [&]<class To>(To*) {
    return visit(x.dtype, []<class From>(From*) -> RunKernel { return convert_run<To, From>; });
  });
  for_each_run(kernel, Grain::cheap, whole_run(0, 0, y, x), y, x);
}

void fill(const View& y, double value) {
  visit(y.dtype, [&]<class T>(T*) {
    const T element = convert<T>(value);
    if (y.contiguous && y.numel() <= kGrain) {
      std::fill_n(y.as<T>(), y.numel(), element);
      return;
    }
    const auto* from = reinterpret_cast<const std::byte*>(&element);
    const TileLoops<1> loops({y});
    loops.for_each(kFillRows, kGrain, kGrain, [&](const TileOf<1>& tile) {
      for (std::int64_t row = 0; row < tile.rows; ++row)
        move_strided(tile.data[0] + row * tile.row_step[0], tile.column_step[0], from, 0, tile.columns,
                     sizeof element);
    });
  });
}

void arange(const View& y, double start, double step) {
  visit(y.dtype, [&]<class T>(T*) {
    using Number = std::conditional_t<std::is_integral_v<T>, std::int64_t, double>;
    const auto first = convert<Number>(start), difference = convert<Number>(step);
    write_in_order<T>(y, [&](std::int64_t begin, std::int64_t n, T* to) {
      for (std::int64_t i = 0; i < n; ++i) to[i] = convert<T>(first + static_cast<Number>(begin + i) * difference);
    });
  });
}

}  // namespace ebb::kernels
