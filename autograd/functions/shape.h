// Shapes. All but cat, stack, and reshape where it must, are views: they share the input's memory.
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
Tensor expand(const Tensor& x, const Dims& sizes);  // sizes of 1 stretched, without a copy; -1 keeps one
Tensor narrow(const Tensor& x, int dim, std::int64_t start, std::int64_t length);
Tensor select(const Tensor& x, int dim, std::int64_t index);
// x[start:stop:step] along dim, as in Python: negative and missing bounds included; step > 0.
Tensor slice(const Tensor& x, int dim, std::optional<std::int64_t> start = {},
             std::optional<std::int64_t> stop = {}, std::int64_t step = 1);
std::vector<Tensor> split(const Tensor& x, std::int64_t size, int dim = 0);  // the last may be smaller
std::vector<Tensor> split(const Tensor& x, const std::vector<std::int64_t>& sizes, int dim = 0);
std::vector<Tensor> chunk(const Tensor& x, std::int64_t chunks, int dim = 0);
Tensor cat(std::span<const Tensor> tensors, int dim = 0);
Tensor cat(std::initializer_list<Tensor> tensors, int dim = 0);
Tensor stack(std::span<const Tensor> tensors, int dim = 0);
Tensor stack(std::initializer_list<Tensor> tensors, int dim = 0);
Tensor identity(const Tensor& x);  // the same elements, at another place of the graph

}  // namespace ebb
