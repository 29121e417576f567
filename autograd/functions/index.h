// Indexing. Index tensors are int64; an index out of range is an Error that names it, its dimension and its size, before
// anything is written.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <utility>

#include "autograd/tensor.h"

namespace ebb {

// -- what stands between the brackets of x[…] in NumPy

// start:stop:step: negative bounds count from the end, missing ones are the ends, both are clamped; step > 0.
// Slice(1, 5) is 1:5, Slice({}, -1) is :-1, Slice() is :.
struct Slice {
  explicit constexpr Slice(std::optional<std::int64_t> from = {}, std::optional<std::int64_t> to = {},
                           std::int64_t by = 1)
      : start(from), stop(to), step(by) {}
  std::optional<std::int64_t> start, stop;
  std::int64_t step;
};
// As many whole dimensions as are left.
struct Ellipsis {};
inline constexpr Ellipsis ellipsis;
// A new dimension of size 1.
struct NewAxis {};
inline constexpr NewAxis newaxis;

// One of these, an integer, or a tensor: int64 indices, or a bool mask over as many dimensions as it has.
struct Index {
  enum class Kind : std::uint8_t { integer, range, dots, fresh, tensor };
  template <std::integral T>
  requires(!std::same_as<T, bool>) Index(T place) : kind(Kind::integer), slice(static_cast<std::int64_t>(place)) {}
  Index(const Slice& given) : kind(Kind::range), slice(given) {}
  Index(Ellipsis) : kind(Kind::dots) {}
  Index(NewAxis) : kind(Kind::fresh) {}
  Index(Tensor indices) : kind(Kind::tensor), tensor(std::move(indices)) {}

  Kind kind;
  Slice slice;  // an integer is its start
  Tensor tensor;
};

// x.at(i, j, ..), x[i, j, ..] of PyTorch. Integers, slices, ellipsis and newaxis alone give a view of x's memory. Tensors
// choose: they broadcast to one shape, whose dimensions stand in place of the first of theirs if those lie side by side,
// and in front otherwise; integers and 0-d indices are not counted among them here (in NumPy they are). A mask stands
// for the indices of its true elements, in row-major order, so that the result's shape depends on values.
//
//   x.at(0)                    x.at(Slice(1, 5), ellipsis, -1)       x.at(newaxis)
//   x.at(tensor({2, 0, 2}))    x.at(ellipsis, i, j), i [k], j [k]    x.at(gt(x, 0))
//
// The derivative adds at repeated indices.
template <class... I>
Tensor Tensor::at(const I&... indices) const {
  const std::initializer_list<Index> list{Index(indices)...};
  return at(std::span<const Index>(list.begin(), list.size()));
}

// x with x[i, j, ..] = values, or += values, which add up where indices are repeated; otherwise the last of these, in
// row-major order, stays, and the others get the gradient 0. The values broadcast to the shape of x.at(i, j, ..).
// x.set_at({i, j, ..}, values) and x.add_at do it in place.
Tensor index_put(const Tensor& x, std::span<const Index> indices, const Tensor& values, bool accumulate = false);
Tensor index_put(const Tensor& x, std::initializer_list<Index> indices, const Tensor& values,
                 bool accumulate = false);
// x with what slice(x, dim, start, end, step), select(x, dim, index) would give replaced by src, of that shape.
Tensor slice_scatter(const Tensor& x, const Tensor& src, int dim = 0, std::optional<std::int64_t> start = {},
                     std::optional<std::int64_t> end = {}, std::int64_t step = 1);
Tensor select_scatter(const Tensor& x, const Tensor& src, int dim, std::int64_t index);

// -- along one dimension: one index [k] for all

Tensor index_select(const Tensor& x, int dim, const Tensor& index);  // index [k]
// x[.., index[i], ..] += alpha source[.., i, ..]
Tensor index_add(const Tensor& x, int dim, const Tensor& index, const Tensor& source, double alpha = 1);
// x[.., index[i], ..] = source[.., i, ..]; the last of equals stays.
Tensor index_copy(const Tensor& x, int dim, const Tensor& index, const Tensor& source);
// Rows of weight [n, d] at index, of any shape: [.., d]. Row padding_idx, from the end if negative, gets no
// gradient.
Tensor embedding(const Tensor& index, const Tensor& weight, std::optional<std::int64_t> padding_idx = {});

enum class BagMode : std::uint8_t { sum, mean, max };
struct EmbeddingBagOptions {
  BagMode mode = BagMode::mean;
  Tensor per_sample_weights = {};                // of index's shape, factors of the rows; for sum only
  bool include_last_offset = false;              // the last offset is where the last bag ends
  std::optional<std::int64_t> padding_idx = {};  // such indices are in no bag
};
// The sum, mean or largest elements of the rows of weight [n, d] in each bag: [bags, d]; 0 for an empty one. Bags are the
// rows of index [bags, k], or pieces of index [k], each from its offset to the next one's. Of a bag's equal extremes all
// share the gradient evenly (in PyTorch the first has it).
Tensor embedding_bag(const Tensor& index, const Tensor& weight, const Tensor& offsets = {},
                     const EmbeddingBagOptions& options = {});

// -- along one dimension: an index for each element. index has x's rank, and sizes up to x's off dim and up to src's; of
// src what lies at the same places is used.

// y[i][j][k] = x[i][index[i][j][k]][k] for dim 1
Tensor gather(const Tensor& x, int dim, const Tensor& index);
// The same after index and x have broadcast off dim. Without dim: of all elements, by one number. Negative indices count
// from the end.
Tensor take_along_dim(const Tensor& x, const Tensor& index, std::optional<int> dim = {});
// The elements at these numbers in row-major order: of index's shape. Negative ones count from the end.
Tensor take(const Tensor& x, const Tensor& index);
// x with x[i][index[i][j][k]][k] = src[i][j][k] for dim 1. Where an index is repeated the last in row-major order stays,
// and the others get the gradient 0.
Tensor scatter(const Tensor& x, int dim, const Tensor& index, const Tensor& src);
Tensor scatter(const Tensor& x, int dim, const Tensor& index, double value);
Tensor scatter_add(const Tensor& x, int dim, const Tensor& index, const Tensor& src);  // += src
// The sum, product, mean, … of what meets; x is one of them where include_self, otherwise it only stays where nothing
// is. amax, amin: NaN if one is; equals share the gradient. mean: floating only. prod: where two factors of one product
// are 0 only the first derivative is right.
enum class ScatterReduction : std::uint8_t { sum, prod, mean, amax, amin };
Tensor scatter_reduce(const Tensor& x, int dim, const Tensor& index, const Tensor& src, ScatterReduction reduce,
                      bool include_self = true);

// 1 at index, along a new last dimension of num_classes, 0 elsewhere; int64. -1: the largest index and one more, which is a
// value.
Tensor one_hot(const Tensor& index, std::int64_t num_classes = -1);

// -- by a mask, bool

// mask ? value : x; both broadcast. value: a number, or a 0-d tensor.
Tensor masked_fill(const Tensor& x, const Tensor& mask, double value);
Tensor masked_fill(const Tensor& x, const Tensor& mask, const Tensor& value);
// The elements of x where mask is true, after both broadcast, in row-major order: [count].
Tensor masked_select(const Tensor& x, const Tensor& mask);
// x with the elements where mask is true replaced by the first ones of source, in row-major order; mask broadcasts to x.
Tensor masked_scatter(const Tensor& x, const Tensor& mask, const Tensor& source);

}  // namespace ebb
