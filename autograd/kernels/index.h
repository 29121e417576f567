// Reading and writing at indices. Indices are int64 and lie in [0, size), or an Error comes before anything is written.
#pragma once

#include <cstdint>

#include "autograd/base/view.h"

namespace ebb::kernels {

// -- one index [k] for all slices. It addresses `count` dimensions from dim on by the number of an element in row-major
// order; x and y are alike in the others, and in place of these the smaller one has k.

// y[.., i, ..] = x[.., index[i], ..]; any dtype.
void index_select(View y, View x, View index, int dim, int count = 1);
// y[.., index[i], ..] += x[.., i, ..]. Repeated indices add in order.
void index_add(View y, View x, View index, int dim, int count = 1);
// The same, or y = x; where an index is repeated the last one stays.
void index_put(View y, View x, View index, int dim, int count, bool accumulate);

// -- an index for each element

// y[i][j][k] = x[i][index[i][j][k]][k] for dim = 1, and so on; y has index's shape, x may be larger.
void gather(View y, View x, View index, int dim);
// y[i][index[i][j][k]][k] += x[i][j][k]; x has index's shape, y may be larger.
void scatter_add(View y, View x, View index, int dim);
// The same with y = f(y, x) in row-major order of x, so that of several x the last is assigned. Largest and smallest are
// NaN if one is. All but assign are Errors for bool.
enum class Combine : std::uint8_t { assign, add, multiply, largest, smallest };
void scatter(View y, View x, View index, int dim, Combine how);
// The opposite of assign: in the opposite order, x[i][j][k] gets what y has there and leaves 0.
void scatter_take(View y, View x, View index, int dim);

// -- numbers of elements

// y += weight · (index, plus size if negative), y contiguous. The Error names the dimension, and `op`.
void add_places(const char* op, View y, View index, int dim, std::int64_t size, std::int64_t weight);
// How many elements of a contiguous mask are true, and which, in row-major order; y contiguous and of that size.
std::int64_t count_true(View mask);
void find_true(View y, View mask);

}  // namespace ebb::kernels
