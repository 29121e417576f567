// Networks that are put together at run time.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "nn/reflect.h"

namespace ebb::nn {

// What maps a tensor to a tensor: a module, a function, a lambda without captures.
template <class L>
concept LayerLike = std::copy_constructible<L> && requires(const L& layer, const Tensor& x) {
  { layer(x) } -> std::convertible_to<Tensor>;
};

namespace detail {

// Is L something else than Self that can be a layer? Written so that clang 14 never asks whether Self is:
// answering that needs this answer.
template <class L, class Self>
consteval bool is_other_layer() {
  if constexpr (std::is_same_v<L, Self>) return false;
  else return LayerLike<L>;
}

}  // namespace detail

// Any LayerLike behind one type, by value: a copy has a layer of its own, which as ever shares the weights.
// Without a layer: the identity. A module like others: parameters(layer) are those of what it holds, under the
// same names.
//
//   std::vector<nn::Layer> layers{nn::Linear{784, 128}, nn::ReLU{}, [](const Tensor& x) { return x * 2; }};
class Layer {
 public:
  Layer() = default;
  template <class L>
  Layer(L&& layer) requires(detail::is_other_layer<std::decay_t<L>, Layer>())
      : held_(std::make_unique<Held<std::decay_t<L>>>(std::forward<L>(layer))) {}
  Layer(const Layer& other) : held_(other.held_ ? other.held_->copy() : nullptr) {}
  Layer(Layer&&) = default;
  Layer& operator=(Layer other) noexcept {
    held_.swap(other.held_);
    return *this;
  }
  ~Layer() = default;

  Tensor operator()(const Tensor& x) const { return held_ ? held_->call(x) : x; }

  // The layer inside, or null if it is not an L.
  template <class L>
  L* get_if() {
    auto* held = dynamic_cast<Held<L>*>(held_.get());
    return held ? &held->layer : nullptr;
  }

  // For reflection.
  void walk(detail::Members& out) const {
    if (held_) held_->walk(out);
  }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual Tensor call(const Tensor& x) const = 0;
    virtual std::unique_ptr<Interface> copy() const = 0;
    virtual void walk(detail::Members& out) const = 0;
  };

  template <class L>
  struct Held final : Interface {
    template <class From>
    explicit Held(From&& from) : layer(std::forward<From>(from)) {}
    Tensor call(const Tensor& x) const override { return layer(x); }
    std::unique_ptr<Interface> copy() const override { return std::make_unique<Held>(layer); }
    void walk(detail::Members& out) const override { detail::walk(layer, out); }

    L layer;
  };

  std::unique_ptr<Interface> held_;
};

// What a Sequential can be made of; making one of a single Sequential is copying it.
template <class Sequential, class... L>
concept LayersOf = (sizeof...(L) != 1 || (!std::same_as<std::remove_cvref_t<L>, Sequential> && ...)) &&
                   (std::convertible_to<L, Layer> && ...);

// Layers one after another, named by number: "0.weight", "2.weight". Empty: the identity.
//
//   nn::Sequential net{nn::Linear{784, 128}, nn::ReLU{}};
//   for (int i = 0; i < depth; ++i) net.push_back(nn::Linear{128, 128});
class Sequential {
 public:
  Sequential() = default;
  template <class... L>
  Sequential(L&&... layers) requires LayersOf<Sequential, L...> {
    layers_.reserve(sizeof...(L));
    (push_back(std::forward<L>(layers)), ...);
  }

  void push_back(Layer layer) { layers_.push_back(std::move(layer)); }
  std::size_t size() const { return layers_.size(); }
  bool empty() const { return layers_.empty(); }
  Layer& operator[](std::size_t i) { return layers_[i]; }
  const Layer& operator[](std::size_t i) const { return layers_[i]; }
  // Layer i, or Error if it is not an L: net.at<nn::Linear>(0).weight.
  template <class L>
  L& at(std::size_t i) {
    L* layer = i < size() ? layers_[i].template get_if<L>() : nullptr;
    if (!layer) no_such_layer(i);
    return *layer;
  }

  Tensor operator()(const Tensor& x) const;

  auto fields() const { return nn::fields(field("", layers_)); }

 private:
  [[noreturn]] void no_such_layer(std::size_t i) const;

  std::vector<Layer> layers_;
};

}  // namespace ebb::nn
