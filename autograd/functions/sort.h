// Sorting, what is found by it, and counting. NaN is the largest number here; equal elements keep their order, so that an index
// is the first of those that could be meant; a 0-d tensor is a line of one element.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "autograd/functions/reduce.h"
#include "autograd/tensor.h"

namespace ebb {

// The elements of each line along dim from the smallest to the largest, or `descending`, and where they were. Always stable.
ValuesIndices sort(const Tensor& x, int dim = -1, bool descending = false, bool stable = false);
Tensor argsort(const Tensor& x, int dim = -1, bool descending = false, bool stable = false);
// The k largest (smallest), 0 <= k <= the size of dim. They come in order, `sorted` or not.
ValuesIndices topk(const Tensor& x, std::int64_t k, int dim = -1, bool largest = true, bool sorted = true);
// The k-th smallest, 1 <= k <= the size of dim.
ValuesIndices kthvalue(const Tensor& x, std::int64_t k, int dim = -1, bool keepdim = false);

// The middle element, of an even number the lower one; NaN if there is one. The element that is chosen gets the gradient. An
// Error of no elements.
Tensor median(const Tensor& x);
ValuesIndices median(const Tensor& x, int dim, bool keepdim = false);

// The element at place q (n - 1) of the sorted line along dim, or of all elements if it is left out, 0 <= q <= 1. Between
// places i and i + 1: the line from one element to the other; the lower; the higher; their mean; the nearer, of both the one
// with even i. NaN if there is one; nanquantile leaves NaN out, and is NaN if there is nothing else. float32 or float64.
// Several q make as many quantiles in a first dimension. A tensor of them, of x's dtype, has a derivative; its shape comes
// in front. It is read, which a Replay does not allow.
enum class Interpolation : std::uint8_t { linear, lower, higher, midpoint, nearest };
Tensor quantile(const Tensor& x, double q, std::optional<int> dim = {}, bool keepdim = false,
                Interpolation interpolation = Interpolation::linear);
Tensor quantile(const Tensor& x, const std::vector<double>& q, std::optional<int> dim = {}, bool keepdim = false,
                Interpolation interpolation = Interpolation::linear);
Tensor quantile(const Tensor& x, const Tensor& q, std::optional<int> dim = {}, bool keepdim = false,
                Interpolation interpolation = Interpolation::linear);
Tensor nanquantile(const Tensor& x, double q, std::optional<int> dim = {}, bool keepdim = false,
                   Interpolation interpolation = Interpolation::linear);
Tensor nanquantile(const Tensor& x, const std::vector<double>& q, std::optional<int> dim = {},
                   bool keepdim = false, Interpolation interpolation = Interpolation::linear);
Tensor nanquantile(const Tensor& x, const Tensor& q, std::optional<int> dim = {}, bool keepdim = false,
                   Interpolation interpolation = Interpolation::linear);

// -- without derivative

// For each value how many elements of a sorted sequence lie below it, or with `right` not above it: where to put it in; int64.
// The sequence is sorted along its last dimension; it is [n], or has the values' sizes in all other dimensions. NaN goes to
// the end. A sequence that is not sorted comes with a sorter, its argsort(): int64, of its shape.
Tensor searchsorted(const Tensor& sorted_sequence, const Tensor& values, bool right = false,
                    const Tensor& sorter = {});
Tensor bucketize(const Tensor& x, const Tensor& boundaries,
                 bool right = false);  // searchsorted(boundaries, x, right)

// How many elements lie in each of `bins` equal parts of [min, max], of x's dtype, float32 or float64; a border belongs to the
// bin above it, max to the last one. min = max: from the smallest element to the largest. NaN and what lies outside counts
// nowhere.
Tensor histc(const Tensor& x, std::int64_t bins = 100, double min = 0, double max = 0);

// -- whose shapes depend on values: none of them in a Replay

// How often each number from 0 on is in x, [n] of integers: int64, or the sum of the weights, [n], of their dtype, which
// have a derivative. At least `minlength` numbers.
Tensor bincount(const Tensor& x, const Tensor& weights = {}, std::int64_t minlength = 0);

// Each element once, in order [k]; for each element of x which one it is, of x's shape; how often each is in x [k]: int64,
// undefined if not asked for. NaN is not equal to itself. The order is the same if it need not be `sorted`.
//
// Along dim: each of the n slices x.select(dim, i) once, in the order of their first elements, then of the second, …: k slices
// along dim; for each which one it is [n]; how often each is there [k]. An Error of slices without elements.
struct Unique {
  Tensor output, inverse_indices = {}, counts = {};
};
Unique unique(const Tensor& x, bool sorted = true, bool return_inverse = false, bool return_counts = false,
              std::optional<int> dim = {});

// The places of the elements that are not 0, row by row: int64 [how many, rank of x].
Tensor nonzero(const Tensor& x);

}  // namespace ebb
