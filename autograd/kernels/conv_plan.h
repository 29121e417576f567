// How the work of a convolution is cut: along an axis, among channels, among images.
#pragma once

#include <algorithm>
#include <cstdint>

#include "autograd/base/divide.h"

namespace ebb::kernels::conv {

constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a >= 0 ? a / b : -ceil_div(-a, b); }

struct Range {
  std::int64_t begin, end;
  std::int64_t size() const { return end - begin; }
};

// Calls body(begin, size) for the fewest parts of [0, total) of at most `most` elements, all of nearly one size.
template <class Body>
void for_each_part(std::int64_t total, std::int64_t most, Body&& body) {
  std::int64_t parts = ceil_div(total, most);
  for (std::int64_t begin = 0; begin < total; --parts) {
    const std::int64_t size = ceil_div(total - begin, parts);
    body(begin, size);
    begin += size;
  }
}

// Note [A gradient is a correlation too]: a convolution of stride s and dilation d has y[i] = Σ_k w[k] x[i s + k d - pad].
// Its gradient has gx[j] = Σ_k w[k] g[(j + pad - k d) / s], over those k for which s divides. With the kernel's K elements
// in reverse order, both are
//
//   out[i] = Σ_k w[k] in[(i step + k dilation - padding) / divisor], over those k for which divisor divides;
//
// divisor is 1 in the first, step is 1 in the second, whose padding is d (K - 1) - pad. The outputs i ≡ f modulo divisor,
// phase f, use the same k: for its p-th output, element k multiplies in[p step + place(f, k)]. Phases from `outputs` on have
// none.
struct Sweep {
  std::int64_t outputs, inputs, kernel, step, dilation, padding, divisor;

  std::int64_t phases() const { return std::min(divisor, outputs); }
  std::int64_t outputs_of(std::int64_t phase) const {
    return std::max<std::int64_t>(0, ceil_div(outputs - phase, divisor));
  }
  bool reads(std::int64_t phase, std::int64_t k) const { return (phase + k * dilation - padding) % divisor == 0; }
  std::int64_t place(std::int64_t phase, std::int64_t k) const {
    return floor_div(phase + k * dilation - padding, divisor);
  }

  // The inputs that `count` outputs of any phase read, beginning with output 0: [lowest, lowest + extent(count)).
  std::int64_t lowest() const { return floor_div(-padding, divisor); }
  std::int64_t extent(std::int64_t count) const {
    return (count - 1) * step + place(phases() - 1, kernel - 1) - lowest() + 1;
  }
};

// What the lanes of a vector hold: output channels, neighbouring pixels of a row, or the channels of a depthwise
// convolution, whose groups have one input and one output.
enum class Lanes { channels, columns, groups };

// The output channels in units that are worked on one after the other: `width` of them, the last of a group fewer.
struct Units {
  Lanes lanes;
  std::int64_t groups, outputs, depth;  // outputs of a group, and inputs
  std::int64_t width;

  std::int64_t per_group() const { return ceil_div(outputs, width); }
  std::int64_t count() const { return groups * per_group(); }
  std::int64_t first_output(std::int64_t unit) const {
    return unit / per_group() * outputs + unit % per_group() * width;
  }
  std::int64_t outputs_of(std::int64_t unit) const {
    return std::min(width, outputs - unit % per_group() * width);
  }
  std::int64_t first_input(std::int64_t unit) const {
    return lanes == Lanes::groups ? first_output(unit) : unit / per_group() * depth;
  }
  std::int64_t inputs_of(std::int64_t unit) const { return lanes == Lanes::groups ? outputs_of(unit) : depth; }
};

// The part of the lanes of `vector` that n elements fill.
inline double filled(std::int64_t n, std::int64_t vector) {
  return static_cast<double>(n) / static_cast<double>(ceil_div(n, vector) * vector);
}

inline Units units(Lanes lanes, std::int64_t groups, std::int64_t outputs, std::int64_t depth,
                   std::int64_t vector) {
  if (lanes == Lanes::groups) return {lanes, 1, groups, 1, vector};
  const std::int64_t width =
      lanes == Lanes::columns ? outputs : std::min(2 * vector, ceil_div(outputs, vector) * vector);
  return {lanes, groups, outputs, depth, std::max<std::int64_t>(width, 1)};
}

// Some images, and some rows of each.
struct Block {
  std::int64_t image, images, row, rows;
};

// Images of `rows` rows each in blocks of about `most` rows: parts of an image, all of nearly one size, or whole images.
class Blocks {
 public:
  Blocks(std::int64_t images, std::int64_t rows, std::int64_t most)
      : images_(images),
        rows_(rows),
        block_images_(std::max<std::int64_t>(1, most / rows)),
        block_rows_(most < rows ? ceil_div(rows, ceil_div(rows, most)) : rows) {}

  std::int64_t per_image() const { return ceil_div(rows_, block_rows_); }
  std::int64_t count() const { return per_image() * ceil_div(images_, block_images_); }
  Block largest() const { return {0, block_images_, 0, block_rows_}; }
  Block operator[](std::int64_t i) const {
    const std::int64_t image = i / per_image() * block_images_, row = i % per_image() * block_rows_;
    return {image, std::min(block_images_, images_ - image), row, std::min(block_rows_, rows_ - row)};
  }

 private:
  std::int64_t images_, rows_, block_images_, block_rows_;
};

// Note [Pieces]: work is cut by its sizes alone. A task reads and writes about kTaskBytes, to be in the second cache, and
// small batches are cut into about kTasks of them; a piece of a parallel_for has about kPieceWork multiplications.
inline constexpr std::int64_t kTaskBytes = 1 << 20;
inline constexpr std::int64_t kTasks = 16;
inline constexpr std::int64_t kPieceWork = 1 << 20;
inline constexpr std::int64_t kSumBytes = 8 << 20;  // of all chunks of a gradient in weights, if there are several

}  // namespace ebb::kernels::conv
