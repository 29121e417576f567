// What a dataset is: any type with a size and either examples or batches.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

#include "autograd/base/random.h"
#include "autograd/tensor.h"

namespace ebb::data {

// Examples and batches are a Tensor, or a tuple, pair, array or plain struct of one to four Tensors. A
// dataset's const members are called from several threads at once.

// Example get(i): example i, for 0 <= i < size(). The loader stacks examples to batches of the same type.
template <class D>
concept GivesExamples = requires(const D& dataset, std::int64_t i) {
  dataset.get(i);
};
// The same with random changes: the generator depends on the loader's seed, the epoch and the example's place
// in it.
template <class D>
concept GivesRandomExamples = requires(const D& dataset, std::int64_t i, Generator& generator) {
  dataset.get(i, generator);
};
// Batch batch(indices): those examples as a batch, preferred where it is given.
template <class D>
concept GivesBatches = requires(const D& dataset, std::span<const std::int64_t> indices) {
  dataset.batch(indices);
};

template <class D>
concept Dataset = requires(const D& dataset) {
  { dataset.size() } -> std::convertible_to<std::int64_t>;
}
&&(GivesExamples<D> || GivesRandomExamples<D> || GivesBatches<D>);

namespace detail {

struct AnyTensor {
  operator Tensor() const;  // never called: it only finds out what a struct can be made of
};

template <class E, std::size_t... I>
constexpr bool is_made_of(std::index_sequence<I...>) {
  return requires { E{(static_cast<void>(I), AnyTensor{})...}; };
}

// The number of Tensors that E consists of; 0 if it is nothing of the kind.
template <class E>
constexpr std::size_t count_fields() {
  if constexpr (std::is_same_v<E, Tensor>) return 1;
  else if constexpr (requires { std::tuple_size<E>::value; }) return std::tuple_size<E>::value;
  else if constexpr (!std::is_aggregate_v<E>) return 0;
  else if constexpr (is_made_of<E>(std::make_index_sequence<4>())) return 4;
  else if constexpr (is_made_of<E>(std::make_index_sequence<3>())) return 3;
  else if constexpr (is_made_of<E>(std::make_index_sequence<2>())) return 2;
  else if constexpr (is_made_of<E>(std::make_index_sequence<1>())) return 1;
  else return 0;
}
template <class E>
inline constexpr std::size_t num_fields = count_fields<E>();
template <class E>
concept IsExample = num_fields<E>
>= 1 && num_fields<E> <= 4;

template <class E>
std::array<Tensor, num_fields<E>> fields_of(const E& example) {
  if constexpr (std::is_same_v<E, Tensor>) {
    return {example};
  } else if constexpr (num_fields<E> == 1) {
    const auto& [a] = example;
    return {a};
  } else if constexpr (num_fields<E> == 2) {
    const auto& [a, b] = example;
    return {a, b};
  } else if constexpr (num_fields<E> == 3) {
    const auto& [a, b, c] = example;
    return {a, b, c};
  } else {
    const auto& [a, b, c, d] = example;
    return {a, b, c, d};
  }
}

template <class E, std::size_t N>
E from_fields(std::array<Tensor, N> fields) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) { return E{std::move(fields[I])...}; }
  (std::make_index_sequence<N>());
}

// Error unless all have one length, their first size: that length.
std::int64_t common_length(std::span<const Tensor> fields);
// x[indices[0]], x[indices[1]], … as one tensor.
Tensor take_rows(const Tensor& x, std::span<const std::int64_t> indices);

}  // namespace detail

// Tensors whose i-th slices along the first dimension are example i. Copies share them. Error if their
// lengths differ.
//
//   data::TensorDataset train{images, labels};
template <std::size_t N>
class TensorDataset {
 public:
  template <std::convertible_to<Tensor>... T>
  requires(sizeof...(T) == N) explicit TensorDataset(const T&... fields)
      : fields_{Tensor(fields).detach()...}, size_(detail::common_length(fields_)) {}

  std::int64_t size() const { return size_; }
  std::array<Tensor, N> batch(std::span<const std::int64_t> indices) const {
    std::array<Tensor, N> rows;
    for (std::size_t i = 0; i < N; ++i) rows[i] = detail::take_rows(fields_[i], indices);
    return rows;
  }

 private:
  std::array<Tensor, N> fields_;
  std::int64_t size_;
};

template <std::convertible_to<Tensor>... T>
TensorDataset(const T&...) -> TensorDataset<sizeof...(T)>;

}  // namespace ebb::data
