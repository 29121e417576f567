// Making tensors.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "autograd/base/random.h"
#include "autograd/tensor.h"

namespace ebb {

struct TensorOptions {
  std::optional<Dtype> dtype = {};  // left out: float32, or the function's own default
  bool requires_grad = false;
};

struct RandomOptions {
  std::optional<Dtype> dtype = {};
  bool requires_grad = false;
  Generator* generator = nullptr;  // left out: default_generator()
};

Tensor zeros(const Shape& shape, const TensorOptions& options = {});
Tensor ones(const Shape& shape, const TensorOptions& options = {});
Tensor full(const Shape& shape, double value, const TensorOptions& options = {});
// start, start + step, … below end; int64 if no dtype is given and all three are whole numbers. [ceil((end -
// start) / step)]
Tensor arange(double end, const TensorOptions& options = {});
Tensor arange(double start, double end, double step = 1, const TensorOptions& options = {});
// `steps` numbers from start to end, both included. [steps]
Tensor linspace(double start, double end, std::int64_t steps, const TensorOptions& options = {});
// base to the power of linspace(start, end, steps). [steps]
Tensor logspace(double start, double end, std::int64_t steps, double base = 10, const TensorOptions& options = {});
// The row and column numbers of what tril (triu) of a matrix [row, col] leaves, in row-major order; int64. [2, count]
Tensor tril_indices(std::int64_t row, std::int64_t col, std::int64_t offset = 0,
                    const TensorOptions& options = {});
Tensor triu_indices(std::int64_t row, std::int64_t col, std::int64_t offset = 0,
                    const TensorOptions& options = {});
// Ones on the diagonal. [n, m]; m left out: n
Tensor eye(std::int64_t n, std::optional<std::int64_t> m = {}, const TensorOptions& options = {});

// Random tensors. The numbers depend on the generator's seed and position alone, never on threads.
Tensor rand(const Shape& shape, const RandomOptions& options = {});   // uniform in [0, 1)
Tensor randn(const Shape& shape, const RandomOptions& options = {});  // normal, mean 0, variance 1
Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape,
               const RandomOptions& options = {});  // [low, high), int64
Tensor randperm(std::int64_t n,
                const RandomOptions& options = {});  // 0 … n - 1 in random order, int64 (Fisher, Yates)
Tensor bernoulli(double p, const Shape& shape, const RandomOptions& options = {});  // 1 with probability p, else 0

// Normal, with this mean and standard deviation, which broadcast. Without derivative, as in PyTorch: mean + std *
// randn_like(mean) has one. A negative std counts as its absolute value; a number must not be.
Tensor normal(double mean, double std, const Shape& shape, const RandomOptions& options = {});
Tensor normal(const Tensor& mean, const Tensor& std, Generator* generator = nullptr);
Tensor normal(const Tensor& mean, double std = 1, Generator* generator = nullptr);
Tensor normal(double mean, const Tensor& std, Generator* generator = nullptr);
// Density λ exp(-λ x), λ > 0, by -log(1 - u) / λ of uniform u; 0 with the probability that u is, 2⁻²⁴ for float32.
Tensor exponential(const Shape& shape, double lambd = 1, const RandomOptions& options = {});
// Numbers in [0, n) with probabilities proportional to the weights in input [n] or [m, n], row by row: [num_samples] or
// [m, num_samples], int64. Without replacement each at most once, as if drawn one after the other (the smallest of
// exponential numbers of these rates: Efraimidis, Spirakis 2006).
Tensor multinomial(const Tensor& input, std::int64_t num_samples, bool replacement = false,
                   Generator* generator = nullptr);

// Of the shape and dtype of x; not of its history.
Tensor zeros_like(const Tensor& x);
Tensor ones_like(const Tensor& x);
Tensor full_like(const Tensor& x, double value);
Tensor empty_like(const Tensor& x);
Tensor rand_like(const Tensor& x, Generator* generator = nullptr);
Tensor randn_like(const Tensor& x, Generator* generator = nullptr);

// From braces, up to four deep; all rows of one length, or Error. Whole numbers make int64, truth values
// bool, and everything else float32, unless a dtype is given.
//
//   auto x = tensor({1.0, 2.0, 3.0}, {.dtype = float64, .requires_grad = true});
//   auto m = tensor({{1, 2}, {3, 4}});
//   auto s = tensor(3.5);                   // 0-d
//
// From a span or a vector: [n], of the elements' own dtype unless another is given.
template <class T>
concept Number = std::integral<T> || std::floating_point<T>;

namespace detail {

// What numbers in braces are collected as.
template <Number T>
using Collected = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t,
                                     std::conditional_t<std::integral<T>, std::int64_t, double>>;

// The dtype that braces of T make.
template <Number T>
inline constexpr Dtype natural_dtype = std::is_same_v<T, bool> ? boolean
                                       : std::integral<T>      ? int64
                                                               : float32;

Tensor from_elements(const void* data, Dtype stored, const Shape& shape, Dtype dtype, bool requires_grad);
[[noreturn]] void ragged(int depth, std::int64_t expected, std::int64_t found);

template <class C>
struct Braces {
  std::vector<C> values;
  Dims sizes;

  template <class T>
  void read(std::initializer_list<T> list, int depth = 0) {
    const auto size = static_cast<std::int64_t>(list.size());
    if (sizes.rank() == depth) sizes.push_back(size);
    if (sizes[depth] != size) ragged(depth, sizes[depth], size);
    for (const auto& item : list) {
      if constexpr (Number<T>) values.push_back(static_cast<C>(item));
      else read(item, depth + 1);
    }
  }
};

template <class T, class List>
Tensor from_braces(const List& list, const TensorOptions& options) {
  Braces<Collected<T>> braces;
  braces.read(list);
  return from_elements(braces.values.data(), dtype_of<Collected<T>>(), Shape(braces.sizes),
                       options.dtype.value_or(detail::natural_dtype<T>), options.requires_grad);
}

}  // namespace detail

template <Number T>
Tensor tensor(T value, const TensorOptions& options = {}) {
  const auto element = static_cast<detail::Collected<T>>(value);
  return detail::from_elements(&element, dtype_of<detail::Collected<T>>(), {},
                               options.dtype.value_or(detail::natural_dtype<T>), options.requires_grad);
}
template <Number T>
Tensor tensor(std::initializer_list<T> values, const TensorOptions& options = {}) {
  return detail::from_braces<T>(values, options);
}
template <Number T>
Tensor tensor(std::initializer_list<std::initializer_list<T>> values, const TensorOptions& options = {}) {
  return detail::from_braces<T>(values, options);
}
template <Number T>
Tensor tensor(std::initializer_list<std::initializer_list<std::initializer_list<T>>> values,
              const TensorOptions& options = {}) {
  return detail::from_braces<T>(values, options);
}
template <Number T>
Tensor tensor(std::initializer_list<std::initializer_list<std::initializer_list<std::initializer_list<T>>>> values,
              const TensorOptions& options = {}) {
  return detail::from_braces<T>(values, options);
}
template <class T, std::size_t N>
Tensor tensor(std::span<T, N> values, const TensorOptions& options = {}) {
  return detail::from_elements(values.data(), dtype_of<T>(), {static_cast<std::int64_t>(values.size())},
                               options.dtype.value_or(dtype_of<T>()), options.requires_grad);
}
template <class T>
Tensor tensor(const std::vector<T>& values, const TensorOptions& options = {}) {
  return tensor(std::span<const T>(values), options);
}

// A tensor over memory that somebody else owns, with its row-major elements; no copy. `deleter` is called
// with `data` when the last tensor over it is gone; without one the memory must outlive them. `data` is
// aligned for dtype, or Error.
Tensor from_blob(void* data, const Shape& shape, Dtype dtype, std::function<void(void*)> deleter = {});

}  // namespace ebb
