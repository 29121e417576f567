// Shapes. Views share the input's memory; what copies says so.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <vector>

#include "autograd/tensor.h"

namespace ebb {

Tensor reshape(const Tensor& x,
               const Dims& sizes);                // one size may be -1: what is left. Copies only if it must
Tensor view(const Tensor& x, const Dims& sizes);  // the same, but an Error instead of a copy
Tensor flatten(const Tensor& x, int start_dim = 0, int end_dim = -1);
Tensor transpose(const Tensor& x, int dim0, int dim1);
Tensor t(const Tensor& x);  // of a matrix
Tensor permute(const Tensor& x, const Dims& dims);
Tensor squeeze(const Tensor& x);  // all dimensions of size 1
Tensor squeeze(const Tensor& x, int dim);
Tensor unsqueeze(const Tensor& x, int dim);
Tensor unflatten(const Tensor& x, int dim, const Dims& sizes);  // one size may be -1; copies only if it must
Tensor movedim(const Tensor& x, const Dims& source, const Dims& destination);  // the others keep their order
Tensor movedim(const Tensor& x, int source, int destination);
Tensor broadcast_to(const Tensor& x, const Shape& shape);
Tensor expand(const Tensor& x, const Dims& sizes);  // sizes of 1 stretched, without a copy; -1 keeps one
Tensor narrow(const Tensor& x, int dim, std::int64_t start, std::int64_t length);
Tensor select(const Tensor& x, int dim, std::int64_t index);
// x[start:stop:step] along dim, as in Python: negative and missing bounds included; step > 0.
Tensor slice(const Tensor& x, int dim, std::optional<std::int64_t> start = {},
             std::optional<std::int64_t> stop = {}, std::int64_t step = 1);
std::vector<Tensor> split(const Tensor& x, std::int64_t size, int dim = 0);  // the last may be smaller
std::vector<Tensor> split(const Tensor& x, const std::vector<std::int64_t>& sizes, int dim = 0);
std::vector<Tensor> chunk(const Tensor& x, std::int64_t chunks, int dim = 0);
std::vector<Tensor> unbind(const Tensor& x, int dim = 0);  // all slices
// The elements (i, i + offset) of two dimensions, which the last one replaces; for offset < 0, (i - offset, i).
Tensor diagonal(const Tensor& x, std::int64_t offset = 0, int dim1 = 0, int dim2 = 1);
// Each tensor stretched along a dimension of its own; 0-d tensors count as [1]. xy: the first two change places.
enum class Indexing : std::uint8_t { ij, xy };
std::vector<Tensor> meshgrid(const std::vector<Tensor>& tensors, Indexing indexing = Indexing::ij);

// -- copies

Tensor cat(std::span<const Tensor> tensors, int dim = 0);
Tensor cat(std::initializer_list<Tensor> tensors, int dim = 0);
Tensor stack(std::span<const Tensor> tensors, int dim = 0);
Tensor stack(std::initializer_list<Tensor> tensors, int dim = 0);
Tensor vstack(const std::vector<Tensor>& tensors);  // cat along 0; [n] counts as [1, n], 0-d as [1, 1]
Tensor hstack(const std::vector<Tensor>& tensors);  // cat along 1; of [n], 0-d as [1], along 0
// All combinations of the elements of 1-d tensors, the last changing fastest: [combinations, tensors]; of one tensor, it.
Tensor cartesian_prod(const std::vector<Tensor>& tensors);

// The whole repeated, repeats[i] times along dimension i; repeat: at least x's rank, new dimensions in front; tile: 1
// for those that are missing.
Tensor repeat(const Tensor& x, const Dims& repeats);
Tensor tile(const Tensor& x, const Dims& repeats);
// Each element, or slice along dim, repeated; without dim, of all elements. By a tensor [size of dim] or of one number,
// int64, each its own number of times: the result's shape then depends on values.
Tensor repeat_interleave(const Tensor& x, std::int64_t repeats, std::optional<int> dim = {});
Tensor repeat_interleave(const Tensor& x, const Tensor& repeats, std::optional<int> dim = {});

Tensor flip(const Tensor& x, const Dims& dims);
// Elements move shifts[i] places on along dims[i], and what falls off comes back in front. Without dims: of all elements
// in row-major order, one shift.
Tensor roll(const Tensor& x, const Dims& shifts, const Dims& dims = {});
// k quarter turns from the first to the second of dims.
Tensor rot90(const Tensor& x, std::int64_t k = 1, const Dims& dims = {0, 1});

// x with a border: padding holds two numbers for each dimension, before and after, from the last dimension on. The
// border is `value`; x mirrored, without its edge (reflect); its edge (replicate); or its other end (circular). Negative
// numbers cut, with constant only.
enum class PadMode : std::uint8_t { constant, reflect, replicate, circular };
Tensor pad(const Tensor& x, std::span<const std::int64_t> padding, PadMode mode = PadMode::constant,
           double value = 0);
Tensor pad(const Tensor& x, std::initializer_list<std::int64_t> padding, PadMode mode = PadMode::constant,
           double value = 0);

// -- matrices, in the last two dimensions

Tensor tril(const Tensor& x, std::int64_t diagonal = 0);  // 0 above that diagonal
Tensor triu(const Tensor& x, std::int64_t diagonal = 0);  // 0 below it
// A vector as the diagonal of a square matrix, or a matrix's diagonal, which is a view.
Tensor diag(const Tensor& x, std::int64_t diagonal = 0);
// x's last dimension as the diagonal of two, dim1 and dim2 of the result; 0 elsewhere.
Tensor diag_embed(const Tensor& x, std::int64_t offset = 0, int dim1 = -2, int dim2 = -1);
// The matrices one after the other along the diagonal; [n] counts as [1, n], 0-d as [1, 1].
Tensor block_diag(const std::vector<Tensor>& tensors);
Tensor identity(const Tensor& x);  // the same elements, at another place of the graph; a view

}  // namespace ebb
