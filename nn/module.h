// What can be done with a module: a plain struct of layers, found by reflection (nn/reflect.h). Free functions,
// so that a network needs no base class and no registration:
//
//   struct Net {
//     nn::Linear fc1{784, 128}, fc2{128, 10};
//     Tensor operator()(const Tensor& x) const { return fc2(relu(fc1(x))); }
//   };
//
//   Net net;
//   optim::Adam adam(parameters(net));
//   io::save("net.safetensors", state(net));      // "fc1.weight", "fc1.bias", …
//   Net twin = net;                               // shares the weights
//   Net copy = clone(net);                        // has its own
#pragma once

#include <cstdint>
#include <iosfwd>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "autograd/tensor.h"
#include "nn/reflect.h"

namespace ebb {

struct LoadOptions {
  bool strict = true;  // every name of the module must be given, and no other; else only those in both are loaded
};

// A module's tensors as a table: see describe().
struct Description {
  struct Row {
    std::string name;
    Shape shape;
    Dtype dtype = float32;
    std::string note;  // "buffer", "frozen", or "= conv1.weight" for a tensor that the table already has
  };
  std::vector<Row> rows;
  std::int64_t parameters = 0;  // elements, each counted once
  std::int64_t trained = 0;     // those that require grad
  std::int64_t buffers = 0;
};

// One row each, in columns: name, shape, number of elements, note; the totals below.
std::string to_string(const Description& description);
std::ostream& operator<<(std::ostream& out, const Description& description);

namespace nn::detail {

template <Module M>
Members members_of(const M& m) {
  Members members;
  walk(m, members);
  return members;
}

template <class M>
concept ChangeableModule = Module<M> && !std::is_const_v<M>;

std::vector<Tensor> parameters(const Members& members);
std::vector<NamedTensor> named_parameters(const Members& members);
std::vector<NamedTensor> state(const Members& members);
void load_state(const Members& members, std::span<const NamedTensor> tensors, const LoadOptions& options);
void set_training(const Members& members, bool training);
void zero_grad(const Members& members);
void unshare(const Members& members);
void spread(const Members& members, std::int64_t n);
void convert(const Members& members, Dtype dtype);
Description describe(const Members& members);

}  // namespace nn::detail

// The trained tensors, also those that are frozen (requires_grad false), in PyTorch's order. A parameter that
// occurs twice (tied weights) comes once.
template <nn::Module M>
std::vector<Tensor> parameters(const M& m) {
  return nn::detail::parameters(nn::detail::members_of(m));
}

// The same with the names, of the first occurrence for tied weights.
template <nn::Module M>
std::vector<NamedTensor> named_parameters(const M& m) {
  return nn::detail::named_parameters(nn::detail::members_of(m));
}

// Parameters and buffers under all their names, as PyTorch's state_dict: the module's own memory, without history.
template <nn::Module M>
std::vector<NamedTensor> state(const M& m) {
  return nn::detail::state(nn::detail::members_of(m));
}

// Copies `tensors` into the module's own, matched by name, converting float32 and float64 into one another. One
// Error lists every missing, unexpected and unfit tensor, and then the module is as it was. Of tied weights one
// name is enough.
template <nn::detail::ChangeableModule M>
void load_state(M& m, std::span<const NamedTensor> tensors, const LoadOptions& options = {}) {
  nn::detail::load_state(nn::detail::members_of(m), tensors, options);
}

// Sets every nn::Mode in the module.
template <nn::detail::ChangeableModule M>
void train(M& m, bool training = true) {
  nn::detail::set_training(nn::detail::members_of(m), training);
}
template <nn::detail::ChangeableModule M>
void eval(M& m) {
  train(m, false);
}

template <nn::detail::ChangeableModule M>
void zero_grad(M& m) {
  nn::detail::zero_grad(nn::detail::members_of(m));
}

// A module with weights and buffers of its own, equal to m's; without gradients. Tied weights stay tied, frozen
// ones frozen.
template <nn::Module M>
[[nodiscard]] M clone(const M& m) {
  M copy = m;
  nn::detail::unshare(nn::detail::members_of(copy));
  return copy;
}

// `count` of them: the layers of a stack that starts as one layer.
template <nn::Module M>
[[nodiscard]] std::vector<M> clones(const M& m, std::size_t count) {
  std::vector<M> layers;
  while (layers.size() < count) layers.push_back(clone(m));
  return layers;
}

// Replaces parameters and floating buffers of another dtype by ones of `dtype`, float32 or float64, without
// gradients; tied weights stay tied. Make optimizers afterwards: they would keep the old ones, as copies of the
// module do.
template <nn::detail::ChangeableModule M>
void to(M& m, Dtype dtype) {
  nn::detail::convert(nn::detail::members_of(m), dtype);
}

// What the module holds: std::cout << describe(net).
template <nn::Module M>
Description describe(const M& m) {
  return nn::detail::describe(nn::detail::members_of(m));
}

}  // namespace ebb
