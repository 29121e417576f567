// Products of vectors, matrices and tensors beside matmul().
#pragma once

#include <initializer_list>
#include <span>
#include <string_view>

#include "autograd/tensor.h"

namespace ebb {

// -- matmul() of one rank each, and an Error for others

Tensor dot(const Tensor& a, const Tensor& b);  // [n], [n] → []
Tensor mv(const Tensor& a, const Tensor& v);   // [n, k], [k] → [n]
Tensor mm(const Tensor& a, const Tensor& b);   // [n, k], [k, m] → [n, m]
Tensor bmm(const Tensor& a, const Tensor& b);  // [b, n, k], [b, k, m] → [b, n, m]

// beta input + alpha a b; input broadcasts to the product's shape, and is not looked at if beta is 0.
Tensor addmv(const Tensor& input, const Tensor& a, const Tensor& v, double beta = 1, double alpha = 1);
Tensor addmm(const Tensor& input, const Tensor& a, const Tensor& b, double beta = 1, double alpha = 1);
Tensor baddbmm(const Tensor& input, const Tensor& a, const Tensor& b, double beta = 1, double alpha = 1);

// -- other products

Tensor outer(const Tensor& a, const Tensor& b);  // [n], [m] → [n, m]: a_i b_j
Tensor inner(const Tensor& a,
             const Tensor& b);  // [.., n], [*, n] → [.., *]: sums over the last dimensions; 0-d: a b
// Sums over the last `dims` dimensions of a and the first of b, or over those that are named, pair by pair. What is left
// of a comes first.
Tensor tensordot(const Tensor& a, const Tensor& b, int dims = 2);
Tensor tensordot(const Tensor& a, const Tensor& b, const Dims& dims_a, const Dims& dims_b);

// Einstein's summation: "bij,bjk->bik" names the dimensions of the operands and of the result by letters. Dimensions of
// one name have one size, or 1, and broadcast; those that the result does not name are summed over; a name repeated in one
// operand stands for its diagonal. "..." stands for dimensions without a name, which broadcast to each other, and are summed
// over if the result has no "...". Without "->" the result has those of "..." and then, in order, A before a, the letters that
// occur once. Operands are float32 or float64.
//
// Three operands and more are multiplied two by two, in the order with the fewest multiplications, from six on greedily.
Tensor einsum(std::string_view equation, std::span<const Tensor> operands);
Tensor einsum(std::string_view equation, std::initializer_list<Tensor> operands);

// Kronecker's product: b times each element of a, blocks of a matrix for matrices. Missing dimensions count as 1 in front; four
// at most. [n, m], [p, q] → [n p, m q]
Tensor kron(const Tensor& a, const Tensor& b);
// The vector product along a dimension of size 3; shapes of one rank broadcast.
Tensor cross(const Tensor& a, const Tensor& b, int dim = -1);
Tensor trace(const Tensor& x);  // [n, m] → []: the sum of the diagonal

}  // namespace ebb
