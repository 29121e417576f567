// Products in pieces whose bits are those of the whole.
#pragma once

#include <cstdint>

#include "autograd/kernels/gemm.h"

namespace ebb::kernels {

// Terms that products and convolutions sum one after the other; the sums of such chains are then added. A rounding error
// grows with the length of a chain; putting the accumulators away after this many terms costs nothing measurable.
inline constexpr std::int64_t kChain = 128;

// Note [Order of sums]: an element of C is the sum of blocks of `k_block` terms, added to it one after the other. A
// block is a sum of chains of multiply-adds, of kChain terms each, in the order of k, or, if `dot`, of a chain for each
// lane of a vector. So the
// bits of an element depend on its row of A, its column of B and this order, but not on how C is cut: into tiles, into
// blocks for the caches, into rectangles for threads. The order is chosen once, from the sizes of the whole.
struct GemmOrder {
  bool dot;
  std::int64_t k_block;
  bool copies_a = false, copies_b = false;  // to work on: each piece copies what it needs of them
};
GemmOrder gemm_order(const Gemm<float>& whole);
GemmOrder gemm_order(const Gemm<double>& whole);

// A product, or a part of one, in the given order.
void gemm_piece(const Gemm<float>& g, const GemmOrder& order);
void gemm_piece(const Gemm<double>& g, const GemmOrder& order);

// What a product is without, its bias or, where only B is packed, A and C, stays null.
template <class T>
void advance(T*& p, std::int64_t by) {
  if (p) p += by;
}

// The parts of a product: some rows of A and C, some columns of B and C, some terms of all sums. The terms that are
// not the first are added to C.
template <class T>
Gemm<T> some_rows(Gemm<T> g, std::int64_t first, std::int64_t count) {
  g.m = count;
  g.a += first * g.a_row;
  g.c += first * g.c_row;
  return g;
}
template <class T>
Gemm<T> some_columns(Gemm<T> g, std::int64_t first, std::int64_t count) {
  g.n = count;
  g.b += first * g.b_col;
  advance(g.c, first);
  advance(g.bias, first);
  return g;
}
template <class T>
Gemm<T> some_terms(Gemm<T> g, std::int64_t first, std::int64_t count) {
  g.k = count;
  advance(g.a, first * g.a_col);
  g.b += first * g.b_row;
  if (first > 0) g.accumulate = true;
  return g;
}

}  // namespace ebb::kernels
