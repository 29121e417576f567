#include "autograd/kernels/gemm.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <type_traits>

#include "tests/arrays.h"

using namespace ebb;
using namespace ebb::test;
using kernels::Gemm;

namespace {

// How the matrices of an operand lie in memory.
struct Lie {
  bool transposed = false;  // columns, not rows, are contiguous
  std::int64_t gap = 1;     // stride of what would be contiguous
  std::int64_t padding = 0;
  bool reversed = false;  // negative stride of the rows
  unsigned shared = 0;    // bit d: dimension d of the batch has stride 0
};

// Matrices [.., rows, columns] in memory of their own; what is between their elements is NaN.
template <class T>
class Operand {
 public:
  Operand(const Shape& shape, const Lie& lie) : shape_(shape), strides_(Dims::filled(shape.rank(), 0)) {
    const int rows = shape.rank() - 2, columns = shape.rank() - 1;
    std::int64_t step = lie.gap;
    const auto place = [&](int dim) {
      strides_[dim] = step;
      step *= std::max<std::int64_t>(shape[dim], 1);
    };
    place(lie.transposed ? rows : columns);
    step += lie.padding;
    place(lie.transposed ? columns : rows);
    for (int dim = rows - 1; dim >= 0; --dim)
      if (!(lie.shared >> dim & 1)) place(dim);
    memory_.assign(static_cast<std::size_t>(step + kOffset), std::numeric_limits<T>::quiet_NaN());
    first_ = kOffset;
    if (lie.reversed && shape[rows] > 0) {
      first_ += (shape[rows] - 1) * strides_[rows];
      strides_[rows] *= -1;
    }
  }

  // Small integers, whose products and sums are exact in any order, or normal numbers.
  Operand& fill_integers(Rng& rng) {
    return fill([&] { return static_cast<T>(pick(rng, -6, 6)); });
  }
  Operand& fill_normal(Rng& rng) {
    std::normal_distribution<double> normal;
    return fill([&] { return static_cast<T>(normal(rng)); });
  }
  template <class F>
  Operand& fill(F&& f) {
    for (std::int64_t i = 0; i < shape_.numel(); ++i) at(i) = f();
    return *this;
  }

  // The i-th element in row-major order.
  T& at(std::int64_t i) {
    std::int64_t offset = first_;
    for (int dim = shape_.rank() - 1; dim >= 0; --dim) {
      offset += i % shape_[dim] * strides_[dim];
      i /= shape_[dim];
    }
    return memory_[static_cast<std::size_t>(offset)];
  }

  const Shape& shape() const { return shape_; }
  std::int64_t stride(int dim) const { return strides_[dim]; }
  T* data() { return memory_.data() + first_; }
  View view() { return {data(), &shape_, &strides_, dtype_of<T>(), is_contiguous(shape_, strides_)}; }
  std::vector<unsigned char> bytes() const {
    const auto* p = reinterpret_cast<const unsigned char*>(memory_.data());
    return {p, p + memory_.size() * sizeof(T)};
  }

 private:
  static constexpr std::int64_t kOffset = 3;
  Shape shape_;
  Dims strides_;
  std::vector<T> memory_;
  std::int64_t first_ = 0;
};

// c + a b or bias + a b, by three loops in double.
template <class T>
void reference(Operand<T>& c, Operand<T>& a, Operand<T>& b, bool accumulate, const std::vector<T>& bias = {}) {
  const int rows = c.shape().rank() - 2;
  const std::int64_t m = c.shape()[rows], n = c.shape()[rows + 1], k = a.shape()[rows + 1];
  for (std::int64_t i = 0; i < c.shape().numel(); ++i) {
    const std::int64_t column = i % n, row = i / n, matrix = row / m;
    double sum = accumulate ? static_cast<double>(c.at(i)) : 0;
    if (!bias.empty()) sum += static_cast<double>(bias[static_cast<std::size_t>(column)]);
    for (std::int64_t l = 0; l < k; ++l)
      sum += static_cast<double>(a.at(row * k + l)) * static_cast<double>(b.at((matrix * k + l) * n + column));
    c.at(i) = static_cast<T>(sum);
  }
}

template <class T>
Gemm<T> product(Operand<T>& c, Operand<T>& a, Operand<T>& b) {
  return {c.shape()[0], c.shape()[1], a.shape()[1], a.data(), a.stride(0), a.stride(1),
          b.data(),     b.stride(0),  b.stride(1),  c.data(), c.stride(0)};
}

Lie random_lie(Rng& rng) {
  const bool gaps = pick(rng, 0, 5) == 0;
  return {pick(rng, 0, 1) == 1, gaps ? 2 : 1, pick(rng, 0, 2) == 0 ? pick(rng, 1, 20) : 0, pick(rng, 0, 7) == 0};
}
Lie random_lie_of_c(Rng& rng) { return {.padding = pick(rng, 0, 1) * pick(rng, 1, 9)}; }

// Compares bytes, gaps included: nothing else may be written.
template <class T>
void check_gemm(Rng& rng, std::int64_t m, std::int64_t n, std::int64_t k, const Lie& lie_a, const Lie& lie_b) {
  Operand<T> a({m, k}, lie_a), b({k, n}, lie_b), c({m, n}, random_lie_of_c(rng));
  a.fill_integers(rng);
  b.fill_integers(rng);
  c.fill_integers(rng);
  std::vector<T> bias(static_cast<std::size_t>(n));
  for (auto& x : bias) x = static_cast<T>(pick(rng, -6, 6));
  const bool accumulate = pick(rng, 0, 1) == 1, with_bias = !accumulate && pick(rng, 0, 1) == 1;
  auto expected = c;
  reference(expected, a, b, accumulate, with_bias ? bias : std::vector<T>());
  on_every_target([&] {
    auto result = c;
    auto g = product(result, a, b);
    g.accumulate = accumulate;
    if (with_bias) g.bias = bias.data();
    gemm_serial(g);
    CAPTURE(m);
    CAPTURE(n);
    CAPTURE(k);
    CAPTURE(lie_a.transposed);
    CAPTURE(lie_b.transposed);
    CHECK(result.bytes() == expected.bytes());

    auto again = c, spoilt = b;
    std::vector<T> packed(static_cast<std::size_t>(packed_size(g)));
    gemm_pack(packed.data(), g);
    g.c = again.data();
    g.b = spoilt.fill([] { return std::numeric_limits<T>::quiet_NaN(); }).data();
    g.packed = packed.data();
    gemm_serial(g);
    CHECK(again.bytes() == expected.bytes());
  });
}

// Sizes beside the multiples of tiles and vectors.
std::int64_t random_size(Rng& rng) {
  const std::int64_t kind = pick(rng, 0, 9);
  return kind == 0 ? pick(rng, 0, 1) : kind < 6 ? pick(rng, 1, 20) : pick(rng, 20, 80);
}

TEST_CASE_TEMPLATE("gemm, packed or not, agrees with three loops for any sizes and strides", T, float, double) {
  Rng rng(1);
  for (int i = 0; i < 600; ++i)
    check_gemm<T>(rng, random_size(rng), random_size(rng), random_size(rng), random_lie(rng), random_lie(rng));
}

TEST_CASE_TEMPLATE("gemm agrees with three loops where it cuts into blocks or copies", T, float, double) {
  Rng rng(2);
  struct Case {
    std::int64_t m, n, k, padding;
  };
  // Blocks of k; blocks of rows; rows that lie a multiple of 4 KiB apart; few rows, with long sums, by a large matrix.
  const Case cases[] = {{33, 70, 900, 0},   {1100, 37, 20, 0}, {40, 200, 1024, 0}, {40, 100, 100, 924},
                        {50, 1024, 130, 0}, {3, 80, 2500, 0},  {20, 36, 2500, 0},  {1, 1030, 100, 0},
                        {1, 300, 300, 0},   {5, 700, 150, 0},  {700, 1, 120, 0},   {30, 1, 3000, 0},
                        {64, 30, 520, 0},   {15, 40, 385, 0},  {200, 130, 600, 0}};
  for (const auto& [m, n, k, padding] : cases)
    for (const bool transposed_a : {false, true})
      for (const bool transposed_b : {false, true})
        check_gemm<T>(rng, m, n, k, {transposed_a, 1, padding}, {transposed_b, 1, padding});
}

TEST_CASE_TEMPLATE("matmul multiplies batches of any strides", T, float, double) {
  Rng rng(3);
  for (int i = 0; i < 200; ++i) {
    const int batch = static_cast<int>(pick(rng, 0, 6));
    Dims c_sizes;
    for (int dim = 0; dim < batch; ++dim) c_sizes.push_back(pick(rng, 0, 12) == 0 ? 0 : pick(rng, 1, 3));
    Dims a_sizes = c_sizes, b_sizes = c_sizes;
    const std::int64_t m = pick(rng, 1, 20), n = pick(rng, 1, 20), k = pick(rng, 0, 20);
    for (auto [sizes, rows, columns] : {std::tuple(&c_sizes, m, n), {&a_sizes, m, k}, {&b_sizes, k, n}}) {
      sizes->push_back(rows);
      sizes->push_back(columns);
    }
    auto lie_a = random_lie(rng), lie_b = random_lie(rng);
    lie_a.shared = static_cast<unsigned>(pick(rng, 0, 63) & pick(rng, 0, 63));
    lie_b.shared = static_cast<unsigned>(pick(rng, 0, 63) & pick(rng, 0, 63));
    if (pick(rng, 0, 3) == 0) lie_b.shared = 63;

    Operand<T> a(Shape(a_sizes), lie_a), b(Shape(b_sizes), lie_b), c(Shape(c_sizes), random_lie_of_c(rng));
    a.fill_integers(rng);
    b.fill_integers(rng);
    c.fill_integers(rng);
    const bool accumulate = pick(rng, 0, 1) == 1;
    auto expected = c;
    reference(expected, a, b, accumulate);
    on_every_target([&] {
      auto result = c;
      kernels::matmul(result.view(), a.view(), b.view(), accumulate);
      CHECK(result.bytes() == expected.bytes());
    });
  }
}

TEST_CASE_TEMPLATE("linear multiplies by the transposed weight and adds the bias", T, float, double) {
  Rng rng(4);
  for (const std::int64_t rows : {0, 1, 2, 7, 16, 64, 130})
    for (const std::int64_t in : {0, 1, 5, 33, 300})
      for (const std::int64_t out : {0, 1, 3, 10, 70}) {
        Operand<T> x({rows, in}, {.padding = pick(rng, 0, 1) * 5}), y({rows, out}, random_lie_of_c(rng));
        Operand<T> weight({out, in}, {}), bias({1, out}, {});
        x.fill_integers(rng);
        weight.fill_integers(rng);
        bias.fill_integers(rng);
        Operand<T> transposed({in, out}, {.transposed = true});
        for (std::int64_t i = 0; i < in * out; ++i) transposed.at(i) = weight.at(i % out * in + i / out);
        for (const bool with_bias : {false, true}) {
          std::vector<T> added;
          for (std::int64_t j = 0; with_bias && j < out; ++j) added.push_back(bias.at(j));
          auto expected = y;
          reference(expected, x, transposed, false, added);
          on_every_target([&] {
            auto result = y;
            View b = bias.view();
            if (!with_bias) b.data = nullptr;
            kernels::linear(result.view(), x.view(), weight.view(), b);
            CHECK(result.bytes() == expected.bytes());
          });
        }
      }
}

TEST_CASE("a product without terms is zero, the bias, or what was there") {
  Operand<float> a({2, 0}, {}), b({0, 3}, {}), c({2, 3}, {}), bias({1, 3}, {});
  c.fill([] { return 5.0F; });
  kernels::matmul(c.view(), a.view(), b.view(), true);
  for (std::int64_t i = 0; i < 6; ++i) CHECK(c.at(i) == 5);
  kernels::matmul(c.view(), a.view(), b.view());
  for (std::int64_t i = 0; i < 6; ++i) CHECK(c.at(i) == 0);

  Operand<float> weight({3, 0}, {});
  for (std::int64_t j = 0; j < 3; ++j) bias.at(j) = static_cast<float>(j);
  kernels::linear(c.view(), a.view(), weight.view(), bias.view());
  for (std::int64_t i = 0; i < 6; ++i) CHECK(c.at(i) == static_cast<float>(i % 3));
}

// The largest |c - exact| / sum |a| |b| of a product of normal numbers.
template <class T>
double relative_error(std::int64_t m, std::int64_t n, std::int64_t k, bool transposed_b) {
  Rng rng(5);
  Operand<T> a({m, k}, {}), b({k, n}, {.transposed = transposed_b}), c({m, n}, {});
  a.fill_normal(rng);
  b.fill_normal(rng);
  kernels::matmul(c.view(), a.view(), b.view());
  double worst = 0;
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j) {
      long double exact = 0, size = 0;
      for (std::int64_t l = 0; l < k; ++l) {
        const auto term = static_cast<long double>(a.at(i * k + l)) * static_cast<long double>(b.at(l * n + j));
        exact += term;
        size += std::abs(term);
      }
      worst =
          std::max(worst, static_cast<double>(std::abs(static_cast<long double>(c.at(i * n + j)) - exact) / size));
    }
  return worst;
}

TEST_CASE("long sums stay accurate") {
  on_every_target([] {
    for (const std::int64_t rows : {1, 6, 40})
      for (const bool transposed : {false, true}) {
        CHECK(relative_error<float>(rows, 20, 5000, transposed) < 4e-7);
        CHECK(relative_error<double>(rows, 20, 5000, transposed) < 8e-16);
      }
  });
}

TEST_CASE_TEMPLATE("a NaN reaches its row or column alone", T, float, double) {
  Rng rng(6);
  for (const std::int64_t rows : {4, 30})
    for (const bool transposed : {false, true}) {
      Operand<T> a({rows, 19}, {}), b({19, 21}, {.transposed = transposed}), c({rows, 21}, {});
      a.fill_integers(rng).at(2 * 19 + 18) = std::numeric_limits<T>::quiet_NaN();
      b.fill_integers(rng).at(20) = std::numeric_limits<T>::infinity();
      on_every_target([&] {
        kernels::matmul(c.view(), a.view(), b.view());
        for (std::int64_t i = 0; i < rows * 21; ++i) {
          CAPTURE(i);
          CHECK(std::isnan(c.at(i)) == (i / 21 == 2 || (i % 21 == 20 && a.at(i / 21 * 19) == 0)));
        }
      });
    }
}

TEST_CASE_TEMPLATE("the number of threads does not change a bit", T, float, double) {
  Rng rng(7);
  struct Case {
    std::int64_t batch, m, n, k;
  };
  const Case cases[] = {{1, 150, 170, 90}, {1, 8, 600, 300},  {1, 48, 200, 500}, {1, 1, 900, 700},
                        {1, 3000, 1, 130}, {1, 1200, 40, 30}, {3, 70, 130, 100}, {40, 20, 30, 40}};
  for (const Case& size : cases)
    for (const bool transposed_a : {false, true})
      for (const bool transposed_b : {false, true}) {
        Operand<T> a({size.batch, size.m, size.k}, {.transposed = transposed_a});
        Operand<T> b({size.batch, size.k, size.n}, {.transposed = transposed_b});
        a.fill_normal(rng);
        b.fill_normal(rng);
        CHECK(same_bits_on_any_threads([&] {
          Operand<T> c({size.batch, size.m, size.n}, {});
          kernels::matmul(c.view(), a.view(), b.view());
          return c.bytes();
        }));
      }
}

}  // namespace

TEST_CASE("no products at all are none on any number of threads") {
  Array c(float32, {0, 4, 2}), a(float32, {0, 4, 3}), b(float32, {0, 3, 2});
  CHECK(same_bits_on_any_threads([&] {
    kernels::matmul(c, a, b, false);
    return c.bytes();
  }));
}
