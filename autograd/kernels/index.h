// Reading and adding at indices. Indices are int64 (index_select, embedding: 1-d); one outside its range
// throws Error before anything is written; so do additions to bool.
#pragma once

#include "autograd/base/view.h"

namespace ebb::kernels {

// y[.., i, ..] = x[.., index[i], ..] along dim; any dtype.
void index_select(View y, View x, View index, int dim);
// y[.., index[i], ..] += x[.., i, ..]. Deterministic for repeated indices.
void index_add(View y, View x, View index, int dim);

// y[i][j][k] = x[i][index[i][j][k]][k] for dim = 1, and so on; y has index's shape, x may be larger.
void gather(View y, View x, View index, int dim);
// y[i][index[i][j][k]][k] += x[i][j][k]; x has index's shape, y may be larger.
void scatter_add(View y, View x, View index, int dim);

}  // namespace ebb::kernels
