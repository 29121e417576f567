// Tensors put together, and the diagonals of matrices.
#include <algorithm>
#include <utility>

#include "autograd/ops/part.h"
#include "autograd/ops/rearrange.h"

namespace ebb {

using ops::at_least_1d;
using ops::dimension;

namespace {

// An offset that leaves every diagonal that exists where it is, and whose negative exists.
std::int64_t within(std::int64_t offset) {
  constexpr std::int64_t kMost = std::int64_t{1} << 62;
  return std::clamp(offset, -kMost, kMost);
}

Tensor at_least_2d(const Tensor& x) { return x.dim() < 2 ? unsqueeze(at_least_1d(x), 0) : x; }

std::vector<Tensor> each(const std::vector<Tensor>& tensors, Tensor (*f)(const Tensor&)) {
  std::vector<Tensor> result;
  for (const auto& x : tensors) result.push_back(f(x));
  return result;
}

Tensor triangle(const char* op, const Tensor& x, std::int64_t diagonal, bool upper) {
  if (x.dim() < 2) fail("{}: the tensor is {}; it must have two dimensions or more", op, describe(x));
  return apply(ops::Triangle{within(diagonal), upper}, x);
}

}  // namespace

Tensor vstack(const std::vector<Tensor>& tensors) {
  if (tensors.empty()) fail("vstack: no tensors given");
  return cat(each(tensors, at_least_2d), 0);
}

Tensor hstack(const std::vector<Tensor>& tensors) {
  if (tensors.empty()) fail("hstack: no tensors given");
  return cat(each(tensors, at_least_1d), tensors[0].dim() > 1 ? 1 : 0);
}

std::vector<Tensor> meshgrid(const std::vector<Tensor>& tensors, Indexing indexing) {
  if (tensors.empty()) fail("meshgrid: no tensors given");
  Dims sizes;
  for (const auto& x : tensors) {
    if (x.dim() > 1) fail("meshgrid: a tensor is {}; each must be 1-d or 0-d", describe(x));
    ops::require_same_dtype("meshgrid", tensors[0], x);
    sizes.push_back(x.numel());
  }
  const Shape grid(sizes);
  std::vector<Tensor> result;
  for (int i = 0; i < grid.rank(); ++i) {
    Dims along = Dims::filled(grid.rank(), 1);
    along[i] = grid[i];
    const Tensor x = expand(reshape(tensors[static_cast<std::size_t>(i)], along), grid);
    result.push_back(indexing == Indexing::xy && grid.rank() > 1 ? transpose(x, 0, 1) : x);
  }
  return result;
}

Tensor cartesian_prod(const std::vector<Tensor>& tensors) {
  if (tensors.empty()) fail("cartesian_prod: no tensors given");
  for (const auto& x : tensors)
    if (x.dim() != 1) fail("cartesian_prod: a tensor is {}; each must be 1-d", describe(x));
  if (tensors.size() == 1) return tensors[0];
  std::vector<Tensor> columns;
  for (const auto& x : meshgrid(tensors)) columns.push_back(flatten(x));
  return stack(columns, 1);
}

Tensor block_diag(const std::vector<Tensor>& tensors) {
  if (tensors.empty()) fail("block_diag: no tensors given");
  const std::vector<Tensor> blocks = each(tensors, at_least_2d);
  std::int64_t columns = 0, before = 0;
  for (const auto& x : blocks) {
    if (x.dim() > 2) fail("block_diag: a tensor is {}; each must have two dimensions at most", describe(x));
    columns += x.shape()[1];
  }
  std::vector<Tensor> rows;
  for (const auto& x : blocks) {
    const std::int64_t own = x.shape()[1];
    rows.push_back(pad(x, {before, columns - before - own}));
    before += own;
  }
  return cat(rows, 0);
}

Tensor tril(const Tensor& x, std::int64_t diagonal) { return triangle("tril", x, diagonal, false); }
Tensor triu(const Tensor& x, std::int64_t diagonal) { return triangle("triu", x, diagonal, true); }

Tensor diagonal(const Tensor& x, std::int64_t offset, int dim1, int dim2) {
  if (x.dim() < 2) fail("diagonal: the tensor is {}; it must have two dimensions or more", describe(x));
  const int first = dimension("diagonal", dim1, x.dim()), second = dimension("diagonal", dim2, x.dim());
  if (first == second) fail("diagonal: dimensions {} and {} are the same", dim1, dim2);
  return apply(ops::Diagonal{within(offset), first, second}, x);
}

Tensor diag_embed(const Tensor& x, std::int64_t offset, int dim1, int dim2) {
  if (x.dim() == 0) fail("diag_embed: the tensor is 0-d");
  const int rank = x.dim() + 1;
  const int first = dimension("diag_embed", dim1, rank), second = dimension("diag_embed", dim2, rank);
  if (first == second) fail("diag_embed: dimensions {} and {} are the same", dim1, dim2);
  const std::int64_t aside = std::abs(within(offset));
  const std::int64_t size = x.shape()[x.dim() - 1] + aside;  // at most 2^62 and what fits in memory
  Shape shape = x.shape().without(x.dim() - 1);
  shape = shape.inserted(std::min(first, second), size).inserted(std::max(first, second), size);
  return apply(ops::DiagonalBackward{{within(offset), first, second}, shape}, x);
}

Tensor diag(const Tensor& x, std::int64_t diagonal) {
  if (x.dim() == 1) return diag_embed(x, diagonal);
  if (x.dim() == 2) return ebb::diagonal(x, diagonal);
  fail("diag: the tensor is {}; it must be a vector or a matrix", describe(x));
}

}  // namespace ebb
