// With replacement: the cumulative sums of a row's weights, and a binary search for each number. Without: number i gets
// the key -log(1 - u) / weight i, which is exponential with that rate, and those with the smallest keys are drawn in their
// order, which is that of drawing one after the other (Efraimidis, Spirakis: Weighted random sampling with a reservoir;
// 2006). A piece of the work is some rows.
#include "autograd/kernels/multinomial.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "autograd/base/fail.h"
#include "autograd/base/parallel.h"
#include "autograd/base/scratch.h"

namespace ebb::kernels {
namespace {

constexpr std::int64_t kWork = 4 * 1024;  // weights and numbers worth a piece

// The weights of a row in float64; how many are not 0.
template <class T>
std::int64_t read(double* to, const T* from, std::int64_t n, std::int64_t row) {
  std::int64_t positive = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    to[i] = static_cast<double>(from[i]);
    if (!(to[i] >= 0 && to[i] <= std::numeric_limits<double>::max()))
      fail("multinomial: weight {} of row {} is {}; weights must be finite and not negative", i, row, to[i]);
    positive += to[i] > 0;
  }
  return positive;
}

// Calls draw(weights, how many are positive, random numbers, samples) for each row.
template <class Draw>
void for_each_row(const View& y, const View& weights, const View& random, Draw&& draw) {
  const std::int64_t n = weights.size(1), k = y.size(1), numbers = random.size(1);
  if (k == 0) return;
  parallel_for(y.size(0), std::max<std::int64_t>(1, kWork / (n + k)), [&](std::int64_t begin, std::int64_t end) {
    const memory::Scratch<double> row(n);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t positive = visit_floating(
          weights.dtype, [&]<class T>(T*) { return read(row.data(), weights.as<const T>() + i * n, n, i); });
      if (positive == 0) fail("multinomial: the weights of row {} are all 0", i);
      draw(i, row.data(), positive, random.as<const double>() + i * numbers, y.as<std::int64_t>() + i * k);
    }
  });
}

}  // namespace

void multinomial(const View& y, const View& weights, const View& random) {
  const std::int64_t n = weights.size(1), k = y.size(1);
  for_each_row(y, weights, random,
               [&](std::int64_t, double* sums, std::int64_t, const double* u, std::int64_t* samples) {
                 // scaled, so that the sum is finite
                 const double largest = *std::max_element(sums, sums + n);
                 for (std::int64_t i = 0; i < n; ++i) sums[i] /= largest;
                 std::partial_sum(sums, sums + n, sums);
                 // the last number that has a weight, in case that a product below is rounded up to the sum
                 const std::int64_t last = std::lower_bound(sums, sums + n, sums[n - 1]) - sums;
                 for (std::int64_t j = 0; j < k; ++j)
                   samples[j] = std::min(last, std::upper_bound(sums, sums + n, u[j] * sums[n - 1]) - sums);
               });
}

void multinomial_once(const View& y, const View& weights, const View& random) {
  const std::int64_t n = weights.size(1), k = y.size(1);
  for_each_row(y, weights, random,
               [&](std::int64_t row, double* keys, std::int64_t positive, const double* u, std::int64_t* samples) {
                 if (positive < k)
                   fail("multinomial: {} samples without replacement, but only {} weights of row {} are not 0", k,
                        positive, row);
                 const memory::Scratch<std::int64_t> order(n);
                 std::iota(order.data(), order.data() + n, std::int64_t{0});
                 using Limits = std::numeric_limits<double>;
                 for (std::int64_t i = 0; i < n; ++i)
                   keys[i] =
                       keys[i] > 0 ? std::min(-std::log1p(-u[i]) / keys[i], Limits::max()) : Limits::infinity();
                 const auto before = [&](std::int64_t a, std::int64_t b) {
                   return keys[a] != keys[b] ? keys[a] < keys[b] : a < b;
                 };
                 std::partial_sort(order.data(), order.data() + k, order.data() + n, before);
                 std::copy_n(order.data(), k, samples);
               });
}

}  // namespace ebb::kernels
