#include "autograd/kernels/distance_products.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "autograd/base/parallel.h"
#include "autograd/base/scratch.h"
#include "autograd/base/strict.h"
#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/gemm.h"

namespace ebb::kernels {
namespace {

constexpr std::int64_t kWork = 16 * 1024;                // elements worth a piece
constexpr std::int64_t kFewRows = 25, kFewElements = 8;  // up to them differences are as fast

std::int64_t rows_of_a_piece(std::int64_t n) { return 1 + kWork / (n + 1); }

// x [b, rows, n], contiguous, less the middle [b, n]; and each row's |x|².
template <class T>
struct Moved {
  Shape shape;
  Dims strides, turned_strides;
  Shape turned_shape;
  memory::Scratch<T> rows, squares;

  Moved(const View& x, const double* middle)
      : shape(*x.shape),
        strides{x.size(1) * x.size(2), x.size(2), 1},
        turned_strides{x.size(1) * x.size(2), 1, x.size(2)},
        turned_shape{x.size(0), x.size(2), x.size(1)},
        rows(x.numel()),
        squares(x.size(0) * x.size(1)) {
    const std::int64_t n = x.size(2);
    parallel_for(x.size(0) * x.size(1), rows_of_a_piece(n), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        const T* from = x.as<const T>() + row * n;
        const double* const less = middle + row / x.size(1) * n;
        T* const to = rows.data() + row * n;
        double square = 0;
        for (std::int64_t k = 0; k < n; ++k) {
          to[k] = static_cast<T>(static_cast<double>(from[k]) - less[k]);
          square += static_cast<double>(to[k]) * static_cast<double>(to[k]);
        }
        squares[row] = static_cast<T>(square);
      }
    });
  }
  View view(Dtype dtype) const { return {rows.data(), &shape, &strides, dtype, true}; }
  View turned(Dtype dtype) const { return {rows.data(), &turned_shape, &turned_strides, dtype, false}; }
};

// The mean of the rows of z [b, rows, n], contiguous.
template <class T>
void middle_of(double* middle, const View& z) {
  const std::int64_t rows = z.size(1), n = z.size(2);
  parallel_for(z.size(0), rows_of_a_piece(rows * n), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      double* const sum = middle + b * n;
      std::fill_n(sum, n, 0.0);
      for (std::int64_t j = 0; j < rows; ++j)
        for (std::int64_t k = 0; k < n; ++k)
          sum[k] += static_cast<double>(z.as<const T>()[(b * rows + j) * n + k]);
      for (std::int64_t k = 0; k < n; ++k) sum[k] /= static_cast<double>(rows);
    }
  });
}

template <class T>
struct Operands {
  memory::Scratch<double> middle;
  Moved<T> x, z;

  Operands(const View& a, const View& b)
      : middle(b.size(0) * b.size(2)),
        x((middle_of<T>(middle.data(), b), a), middle.data()),
        z(b, middle.data()) {}
};

// Of |x - z|² and |x|² + |z|². NaN is near too.
template <class T>
bool is_near(T square, T all) {
  return !(square >= all * T(0.0625));
}

}  // namespace

bool distances_by_products(const View& x, const View& z) {
  return std::min(x.size(1), z.size(1)) > kFewRows && x.size(2) >= kFewElements && !strict();
}

void euclidean(const View& y, const View& x, const View& z) {
  const std::int64_t rows = x.size(1), count = z.size(1), n = x.size(2);
  visit_floating(x.dtype, [&]<class T>(T*) {
    const Operands<T> moved(x, z);
    matmul(y, moved.x.view(x.dtype), moved.z.turned(x.dtype));
    parallel_for(x.size(0) * rows, rows_of_a_piece(count), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        T* const to = y.as<T>() + row * count;
        const T own = moved.x.squares[row];
        const std::int64_t others = row / rows * count;
        const T* const squares = moved.z.squares.data() + others;
        std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t> any = 0;
        for (std::int64_t j = 0; j < count; ++j) {
          to[j] = own + squares[j] - 2 * to[j];
          any |= is_near(to[j], own + squares[j]) ? 1 : 0;
        }
        if (any == 0) continue;
        const T* const a = x.as<const T>() + row * n;
        for (std::int64_t j = 0; j < count; ++j) {
          if (!is_near(to[j], own + squares[j])) continue;
          const T* const b = z.as<const T>() + (others + j) * n;
          double sum = 0;
          for (std::int64_t k = 0; k < n; ++k) {
            const double d = static_cast<double>(a[k]) - static_cast<double>(b[k]);
            sum += d * d;
          }
          to[j] = static_cast<T>(sum);
        }
      }
    });
  });
  unary<Unary::sqrt>(y, y);
}

// gx_i = Σ_j w_ij (x_i - z_j), w = g / y: a product of w and z, but for near rows.
void euclidean_backward(const View& gx, const View& g, const View& y, const View& x, const View& z) {
  const std::int64_t rows = x.size(1), count = z.size(1), n = x.size(2);
  visit_floating(x.dtype, [&]<class T>(T*) {
    const Operands<T> moved(x, z);
    const memory::Scratch<T> weights(x.size(0) * rows * count);  // -w, or 0 of near rows
    const auto each = [&](auto&& row_of) {
      parallel_for(x.size(0) * rows, rows_of_a_piece(count), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) row_of(row, row / rows, row % rows);
      });
    };
    const auto at = [](const View& v, std::int64_t b, std::int64_t i) {
      return v.as<const T>() + b * v.stride(0) + i * v.stride(1);
    };
    each([&](std::int64_t row, std::int64_t b, std::int64_t i) {
      const T *const dy = at(g, b, i), *const distance = at(y, b, i), own = moved.x.squares[row];
      for (std::int64_t j = 0; j < count; ++j) {
        const T d = distance[j * y.stride(2)], w = dy[j * g.stride(2)] / d;
        weights[row * count + j] = is_near(d * d, own + moved.z.squares[b * count + j]) ? T(0) : -w;
      }
    });
    const Shape shape{x.size(0), rows, count};
    const Dims strides{rows * count, count, 1};
    matmul(gx, View{weights.data(), &shape, &strides, x.dtype, true}, moved.z.view(x.dtype));
    each([&](std::int64_t row, std::int64_t b, std::int64_t i) {
      const T *const dy = at(g, b, i), *const distance = at(y, b, i), own = moved.x.squares[row];
      T* const to = gx.as<T>() + row * n;
      double sum = 0;
      for (std::int64_t j = 0; j < count; ++j) sum -= static_cast<double>(weights[row * count + j]);
      for (std::int64_t k = 0; k < n; ++k)
        to[k] += static_cast<T>(sum * static_cast<double>(moved.x.rows[row * n + k]));
      for (std::int64_t j = 0; j < count; ++j) {
        const T d = distance[j * y.stride(2)];
        if (d == 0 || !is_near(d * d, own + moved.z.squares[b * count + j])) continue;
        const T w = dy[j * g.stride(2)] / d;
        for (std::int64_t k = 0; k < n; ++k)
          to[k] += w * (x.as<const T>()[row * n + k] - z.as<const T>()[(b * count + j) * n + k]);
      }
    });
  });
}

}  // namespace ebb::kernels
