// Images as the tiles of a convolution read them: copies with the channels, or the columns, side by side.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "autograd/base/view.h"
#include "autograd/kernels/conv_plan.h"
#include "autograd/kernels/conv_tile.h"

namespace ebb::kernels::conv {

// One image: element (channel c, row y, column x) is at data + c channel + y row + x column.
template <class T>
struct Image {
  T* data;
  std::int64_t channel, row, column;

  T* at(std::int64_t c, std::int64_t y, std::int64_t x) const { return data + c * channel + y * row + x * column; }
};

// Image n of x [n, c, h, w].
template <class T>
Image<T> image(const View& x, std::int64_t n) {
  return {x.as<T>() + n * x.stride(0), x.stride(1), x.stride(2), x.stride(3)};
}

// True if the channels of a pixel are side by side.
inline bool channels_last(const View& x) { return x.stride(1) == 1 || x.size(1) == 1; }

template <class T>
struct Matrix {
  T* data;
  std::int64_t row, column;
};

// to = from, with any steps.
template <class T>
void copy_matrix(Matrix<T> to, Matrix<const T> from, std::int64_t rows, std::int64_t columns) {
  if (to.column != 1 && to.row == 1) {
    std::swap(to.row, to.column);
    std::swap(from.row, from.column);
    std::swap(rows, columns);
  }
  if (to.column == 1 && from.column == 1) {
    if (to.row == columns && from.row == columns) columns *= std::exchange(rows, 1);
    for (std::int64_t i = 0; i < rows; ++i) std::copy_n(from.data + i * from.row, columns, to.data + i * to.row);
  } else if (to.column == 1 && from.row == 1) {
    kernels<T>().transpose(to.data, to.row, from.data, from.column, columns, rows);
  } else if (to.column == 1 && from.column == 2) {
    for (std::int64_t i = 0; i < rows; ++i)
      kernels<T>().every_second(to.data + i * to.row, from.data + i * from.row, columns);
  } else {
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < columns; ++j)
        to.data[i * to.row + j * to.column] = from.data[i * from.row + j * from.column];
  }
}

// to = from, channels × rows × columns elements.
template <class T>
void copy_image(const Image<T>& to, const Image<const T>& from, std::int64_t channels, std::int64_t rows,
                std::int64_t columns) {
  if (to.column == 1 && (from.column == 1 || from.column == 2)) {
    for (std::int64_t c = 0; c < channels; ++c)
      copy_matrix<T>({to.at(c, 0, 0), to.row, 1}, {from.at(c, 0, 0), from.row, from.column}, rows, columns);
    return;
  }
  if (to.row == columns * to.column && from.row == columns * from.column) columns *= std::exchange(rows, 1);
  // All rows of a few planes before the next ones: what lies side by side in memory is read or written at one time.
  const std::int64_t most = (to.channel == 1) != (from.channel == 1) ? 64 / std::int64_t{sizeof(T)} : channels;
  for (std::int64_t c = 0; c < channels; c += most)
    for (std::int64_t y = 0; y < rows; ++y)
      copy_matrix<T>({to.at(c, y, 0), to.channel, to.column}, {from.at(c, y, 0), from.channel, from.column},
                     std::min(most, channels - c), columns);
}

// How a rectangle of an image is laid out. If its lanes are columns, and neighbouring outputs read every phases-th of
// them, those lie side by side: column x is at offset(0, x).
struct Layout {
  std::int64_t channel, row, column, phase = 0, phases = 1;

  std::int64_t offset(std::int64_t y, std::int64_t x) const {
    return y * row + x % phases * phase + x / phases * column;
  }
};

// Row after row, each with its columns and channels.
inline Layout packed_layout(Lanes lanes, std::int64_t channels, std::int64_t columns, std::int64_t step) {
  if (lanes != Lanes::columns) return {.channel = 1, .row = columns * channels, .column = channels};
  const std::int64_t phase = ceil_div(columns, step), channel = phase * step;
  return {.channel = channel, .row = channels * channel, .column = 1, .phase = phase, .phases = step};
}

// A rectangle of an image of height × width, which may reach beyond its edges.
struct Window {
  std::int64_t y, x, rows, columns;
  std::int64_t height, width;

  bool inside() const { return y >= 0 && x >= 0 && y + rows <= height && x + columns <= width; }
};

// to = what is inside of the image in the window.
template <class T>
void copy_window(T* to, const Layout& layout, const Image<const T>& from, const Window& window,
                 std::int64_t channels) {
  const std::int64_t top = std::max<std::int64_t>(0, -window.y);
  const std::int64_t bottom = std::min(window.rows, window.height - window.y);
  for (std::int64_t f = 0; f < layout.phases && top < bottom; ++f) {
    const std::int64_t x = window.x + f;  // of the phase's first column
    const std::int64_t begin = std::max<std::int64_t>(0, ceil_div(-x, layout.phases));
    const std::int64_t end = ceil_div(std::min(window.width - x, window.columns - f), layout.phases);
    if (begin >= end) continue;
    copy_image<T>({to + top * layout.row + f * layout.phase + begin * layout.column, layout.channel, layout.row,
                   layout.column},
                  {from.at(0, window.y + top, x + begin * layout.phases), from.channel, from.row,
                   from.column * layout.phases},
                  channels, bottom - top, end - begin);
  }
}

}  // namespace ebb::kernels::conv
