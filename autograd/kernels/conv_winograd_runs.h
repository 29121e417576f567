// The transforms of Winograd's convolutions, see conv_winograd.h, chosen at run time for the machine.
#pragma once

#include <cstdint>

namespace ebb::kernels::conv {

// A small square of runs of numbers side by side: the run of element (i, j) begins at data + i row + j column.
template <class T>
struct Square {
  T* data;
  std::int64_t row, column;
};

// to = L from Lᵀ, for each of `count` numbers of a run.
struct WinogradRuns {
  using Run = void (*)(Square<float> to, Square<const float> from, std::int64_t count);
  Run input;            // V = Bᵀ d B, 4×4
  Run filter;           // U = G g Gᵀ, 4×4 from 3×3
  Run output;           // Y = Aᵀ M A, 2×2 from 4×4
  Run filter_gradient;  // dg = Gᵀ dU G
  Run output_gradient;  // dM = A dY Aᵀ
};

// Those of the best instruction set here.
const WinogradRuns& winograd_runs();

}  // namespace ebb::kernels::conv
