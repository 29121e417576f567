// Blocks of a matrix written as columns.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ebb::kernels {

// y[i][j] = x[j][i] for i < rows, j < columns, elements of `size` bytes (1, 4 or 8) side by side along the last index;
// y_step and x_step are the bytes from one i, or j, to the next. `streamed`: past the cache, where y is aligned.
void transpose(std::byte* y, std::int64_t y_step, const std::byte* x, std::int64_t x_step, std::int64_t rows,
               std::int64_t columns, std::int64_t size, bool streamed);

}  // namespace ebb::kernels
