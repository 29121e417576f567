#include <algorithm>
#include <bit>
#include <cstdint>
#include <numeric>

#include "autograd/base/divide.h"
#include "autograd/base/dtype.h"
#include "autograd/base/parallel.h"
#include "autograd/kernels/axes.h"
#include "autograd/kernels/gemm.h"
#include "autograd/kernels/gemm_order.h"

namespace ebb::kernels {
namespace {

// A product for each point of `steps`, which are those of c, a and b.
template <class T>
struct Batch {
  Gemm<T> first;
  Axes<3> steps;

  Gemm<T> product(std::int64_t i) const {
    Gemm<T> g = first;
    const auto [c, a, b] = steps.offset(i);
    g.c += c;
    g.a += a;
    g.b += b;
    return g;
  }
};

// If b is shared along the innermost dimension of the batch and the rows of a and c go on from one product to the
// next, these products are one of more rows.
template <class T>
void join_rows(Batch<T>& batch) {
  Gemm<T>& g = batch.first;
  if (batch.steps.rank() == 0) return;
  const auto [c, a, b] = batch.steps.back().step;
  if (g.m == 1) {
    g.c_row = c;
    g.a_row = a;
  }
  if (b == 0 && c == g.m * g.c_row && a == g.m * g.a_row) g.m *= batch.steps.pop_back().size;
}

// How C is cut into rectangles for threads.
struct Cut {
  std::int64_t m, n;  // of a rectangle
  std::int64_t down, across;

  std::int64_t count() const { return down * across; }
};

constexpr std::int64_t kPieceWork = 1 << 17;  // multiplications that are worth a piece: 1 or 2 µs

// Pieces of each product that keep the threads equally busy. They are as few as possible, since each piece copies what
// it needs of A and B: twice as many take 5 % longer at 512 x 512.
std::int64_t pieces_for_threads(std::int64_t products) {
  const std::int64_t threads = num_threads(), several = 4 * threads;
  if (products >= several) return 1;
  const bool halves = std::has_single_bit(static_cast<std::uint64_t>(threads));
  return halves ? threads / std::gcd(products, threads) : ceil_div(several, products);
}

// Halves one side after the other until there are enough pieces: the side that makes fewer copies, since pieces side by
// side copy the same rows of A, pieces one below the other the same columns of B; or else the longer one.
template <class T>
Cut cut_in_pieces(const Gemm<T>& g, const GemmOrder& order, std::int64_t enough) {
  constexpr std::int64_t kLeastRows = 32, kLeastColumns = 64;
  const auto half = [](std::int64_t size, std::int64_t unit) { return round_up(ceil_div(size, 2), unit); };
  Cut s{g.m, g.n, 1, 1};
  while (s.count() < enough && s.m * s.n * g.k >= 2 * kPieceWork) {
    const bool rows = s.m >= 2 * kLeastRows, columns = s.n >= 2 * kLeastColumns;
    if (!rows && !columns) break;
    const std::int64_t copied_b = order.copies_b ? s.down * g.n : 0,
                       copied_a = order.copies_a ? s.across * g.m : 0;
    const bool prefers_rows = copied_a == copied_b ? s.m >= s.n : copied_b < copied_a;
    if (rows && (prefers_rows || !columns)) s.m = half(s.m, 1);
    else s.n = half(s.n, kLeastColumns);
    s.down = ceil_div(g.m, s.m);
    s.across = ceil_div(g.n, s.n);
  }
  return s;
}

template <class T>
bool is_for_one_thread(const Gemm<T>& g) {
  return g.m * g.n * g.k < 2 * kPieceWork || !detail::worth_threads();
}

template <class T>
Gemm<T> rectangle(const Gemm<T>& g, const Cut& cut, std::int64_t i) {
  const std::int64_t row = i / cut.across * cut.m, column = i % cut.across * cut.n;
  return some_columns(some_rows(g, row, std::min(cut.m, g.m - row)), column, std::min(cut.n, g.n - column));
}

// One product after the other on one thread, or rectangles of all of them on several: the bits are the same (see Note
// [Order of sums]), and whole products are faster.
template <class T>
void run(Batch<T> batch) {
  join_rows(batch);
  const Gemm<T>& g = batch.first;
  const std::int64_t products = batch.steps.count(), work = g.m * g.n * g.k;
  if (g.m == 0 || g.n == 0 || products == 0) return;
  if (products == 1 && is_for_one_thread(g)) return gemm_serial(g);

  const GemmOrder order = gemm_order(g);
  const Cut pieces = cut_in_pieces(g, order, detail::worth_threads() ? pieces_for_threads(products) : 1);
  const std::int64_t grain =
      std::max<std::int64_t>(1, kPieceWork * pieces.count() / std::max<std::int64_t>(work, 1));
  parallel_for(products * pieces.count(), grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      gemm_piece(rectangle(batch.product(i / pieces.count()), pieces, i % pieces.count()), order);
  });
}

}  // namespace

void matmul(const View& c, const View& a, const View& b, bool accumulate) {
  visit_floating(c.dtype, [&]<class T>(T*) {
    const int row = c.rank() - 2, column = c.rank() - 1;
    const Gemm<T> first{c.size(row), c.size(column), a.size(column),   a.as<T>(), a.stride(row), a.stride(column),
                        b.as<T>(),   b.stride(row),  b.stride(column), c.as<T>(), c.stride(row), accumulate};
    if (row == 0 && is_for_one_thread(first)) return gemm_serial(first);
    Batch<T> batch{first, {}};
    for (int dim = 0; dim < row; ++dim)
      batch.steps.push_back({c.size(dim), {c.stride(dim), a.stride(dim), b.stride(dim)}});
    run(batch);
  });
}

void linear(const View& y, const View& x, const View& weight, const View& bias) {
  visit_floating(y.dtype, [&]<class T>(T*) {
    const Gemm<T> product{y.size(0),   y.size(1),      x.size(1),        x.as<T>(),        x.stride(0),
                          x.stride(1), weight.as<T>(), weight.stride(1), weight.stride(0), y.as<T>(),
                          y.stride(0), false,          bias.as<T>()};
    is_for_one_thread(product) ? gemm_serial(product) : run(Batch<T>{product, {}});
  });
}

}  // namespace ebb::kernels
