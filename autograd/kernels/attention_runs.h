// The inner loops of attention, chosen at run time for the machine.
#pragma once

#include <cstdint>
#include <tuple>

namespace ebb::kernels {

// A block of scores, row-major. Row i takes part in its first visible(i) columns with the score scale x + mask; the
// others, and those whose mask is -inf, have probability 0.
template <class T>
struct Scores {
  T* x;
  std::int64_t rows, columns;
  double scale;
  const T* mask;           // null for none
  std::int64_t mask_step;  // from one row to the next
  std::int64_t first_row;  // of the block in its matrix
  bool causal;             // row i of the matrix sees columns up to i

  std::int64_t visible(std::int64_t i) const {
    return !causal || first_row + i >= columns ? columns : first_row + i + 1;
  }
  T* row(std::int64_t i) const { return x + i * columns; }
  const T* mask_row(std::int64_t i) const { return mask ? mask + i * mask_step : nullptr; }
};

template <class T>
struct AttentionRuns {
  // x ← softmax of the scores in each row, logsumexp[i] that of row i. Where no column takes part: zeros, and +inf.
  void (*softmax)(const Scores<T>& s, T* logsumexp);
  // x ← exp(score - logsumexp[i]): the probabilities again.
  void (*probabilities)(const Scores<T>& s, const T* logsumexp);
  // gp ← scale (dropped gp - p dot[i]): see attention_backward.
  void (*gradient)(T* gp, const T* p, const T* dropped, const double* dot, std::int64_t rows, std::int64_t columns,
                   double scale);
  // The sum of a[i] b[i].
  double (*dot)(const T* a, const T* b, std::int64_t n);
  // to[i] = takes_part[i step] ? 0 : -inf
  void (*additive)(T* to, const bool* takes_part, std::int64_t step, std::int64_t n);
};

// Those of the best instruction set here.
const std::tuple<AttentionRuns<float>, AttentionRuns<double>>& attention_runs();

}  // namespace ebb::kernels
