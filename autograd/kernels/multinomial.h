// Numbers drawn with given probabilities.
#pragma once

#include "autograd/base/view.h"

namespace ebb::kernels {

// y[i, j] of [0, n) with probabilities proportional to weights[i, ..], float32 or float64; y int64 [m, k], weights [m, n],
// all contiguous. random: uniform in [0, 1), float64, [m, k]. An Error where weights are negative, not finite, or all 0.
void multinomial(const View& y, const View& weights, const View& random);
// The same without replacement, in the order drawn. random: [m, n]. An Error too where less than k weights are not 0.
void multinomial_once(const View& y, const View& weights, const View& random);

}  // namespace ebb::kernels
