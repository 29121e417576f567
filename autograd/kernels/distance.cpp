#include "autograd/kernels/distance.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/base/parallel.h"
#include "autograd/base/scratch.h"
#include "autograd/kernels/distance_products.h"

namespace ebb::kernels {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kWork = 2e4;  // differences worth a piece

std::int64_t rows_of_a_piece(std::int64_t others, std::int64_t n) {
  return 1 + static_cast<std::int64_t>(kWork / (static_cast<double>(others) * static_cast<double>(n) + 1));
}

double sign(double d) { return d > 0 ? 1 : d < 0 ? -1 : d; }

// sums[j] += term(x[k] - columns[k][j]), the inner loop over many j.
template <class T, class Term>
void accumulate(double* sums, const T* x, const T* columns, std::int64_t n, std::int64_t count, Term&& term) {
  for (std::int64_t k = 0; k < n; ++k) {
    const auto value = static_cast<double>(x[k]);
    const T* column = columns + k * count;
    for (std::int64_t j = 0; j < count; ++j) sums[j] = term(sums[j], value - static_cast<double>(column[j]));
  }
}

template <class T>
void row_of_distances(double* sums, const T* x, const T* columns, std::int64_t n, std::int64_t count, double p) {
  std::fill_n(sums, count, 0.0);
  const auto each = [&](auto&& term) { accumulate(sums, x, columns, n, count, term); };
  if (p == 2) {
    each([](double sum, double d) { return sum + d * d; });
    for (std::int64_t j = 0; j < count; ++j) sums[j] = std::sqrt(sums[j]);
  } else if (p == 1) {
    each([](double sum, double d) { return sum + std::abs(d); });
  } else if (p == kInfinity) {  // NaN stays
    each([](double most, double d) { return std::abs(d) <= most || most != most ? most : std::abs(d); });
  } else if (p == 0) {
    each([](double sum, double d) { return sum + (d != 0 ? 1 : 0); });
  } else {
    each([p](double sum, double d) { return sum + std::pow(std::abs(d), p); });
    for (std::int64_t j = 0; j < count; ++j) sums[j] = std::pow(sums[j], 1 / p);
  }
}

// sums[k] += the part of one distance y, whose gradient is g.
template <class T>
void add_gradient(double* sums, double g, double y, const T* x, const T* z, std::int64_t n, double p) {
  if (y == 0) return;
  const auto d = [&](std::int64_t k) { return static_cast<double>(x[k]) - static_cast<double>(z[k]); };
  if (p == 2) {
    const double factor = g / y;
    for (std::int64_t k = 0; k < n; ++k) sums[k] += factor * d(k);
  } else if (p == 1) {
    for (std::int64_t k = 0; k < n; ++k) sums[k] += g * sign(d(k));
  } else if (p == kInfinity) {
    double equals = 0;
    for (std::int64_t k = 0; k < n; ++k) equals += static_cast<T>(std::abs(d(k))) == static_cast<T>(y) ? 1 : 0;
    for (std::int64_t k = 0; k < n; ++k)
      if (static_cast<T>(std::abs(d(k))) == static_cast<T>(y)) sums[k] += g / equals * sign(d(k));
  } else {
    for (std::int64_t k = 0; k < n; ++k)
      if (d(k) != 0) sums[k] += g * sign(d(k)) * std::pow(std::abs(d(k)) / y, p - 1);
  }
}

}  // namespace

void distances(const View& y, const View& x, const View& z, double p) {
  const std::int64_t batch = x.size(0), rows = x.size(1), count = z.size(1), n = x.size(2);
  if (y.numel() == 0) return;
  if (p == 2 && distances_by_products(x, z)) return euclidean(y, x, z);
  visit_floating(x.dtype, [&]<class T>(T*) {
    const memory::Scratch<T> turned(batch * n * count);  // z with its rows as columns
    parallel_for(batch * count, rows_of_a_piece(1, n), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row)
        for (std::int64_t k = 0; k < n; ++k)
          turned[(row / count * n + k) * count + row % count] = z.as<const T>()[row * n + k];
    });
    parallel_for(batch * rows, rows_of_a_piece(count, n), [&](std::int64_t begin, std::int64_t end) {
      const memory::Scratch<double> sums(count);
      for (std::int64_t row = begin; row < end; ++row) {
        row_of_distances(sums.data(), x.as<const T>() + row * n, turned.data() + row / rows * n * count, n, count,
                         p);
        std::transform(sums.data(), sums.data() + count, y.as<T>() + row * count,
                       [](double v) { return static_cast<T>(v); });
      }
    });
  });
}

void distances_backward(const View& gx, const View& g, const View& y, const View& x, const View& z, double p) {
  const std::int64_t batch = x.size(0), rows = x.size(1), count = z.size(1), n = x.size(2);
  if (p == 2 && distances_by_products(x, z)) return euclidean_backward(gx, g, y, x, z);
  visit_floating(x.dtype, [&]<class T>(T*) {
    const auto at = [](const View& v, std::int64_t b, std::int64_t i, std::int64_t j) {
      return static_cast<double>(v.as<const T>()[b * v.stride(0) + i * v.stride(1) + j * v.stride(2)]);
    };
    parallel_for(batch * rows, rows_of_a_piece(count, n), [&](std::int64_t begin, std::int64_t end) {
      const memory::Scratch<double> sums(n);
      for (std::int64_t row = begin; row < end; ++row) {
        const std::int64_t b = row / rows, i = row % rows;
        std::fill_n(sums.data(), n, 0.0);
        for (std::int64_t j = 0; j < count; ++j)
          add_gradient(sums.data(), at(g, b, i, j), at(y, b, i, j), x.as<const T>() + row * n,
                       z.as<const T>() + (b * count + j) * n, n, p);
        std::transform(sums.data(), sums.data() + n, gx.as<T>() + row * n,
                       [](double v) { return static_cast<T>(v); });
      }
    });
  });
}

}  // namespace ebb::kernels
