// The operations as their tests see them: without their types, so that what is done with all of them is compiled once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "autograd/ops/all.h"
#include "tests/certify.h"

namespace ebb::test {

struct Operation {
  std::string_view name;
  int inputs;                    // -1: any number
  std::uint32_t parts;           // bit i: it can add a gradient into a part of input i's
  bool fused;                    // has a reference
  std::vector<Case> (*cases)();  // its samples
};

// Every operation of ops::All. Each list is a file in tests/operations/, which the compiler works at side by side.
std::vector<Operation> elementwise_operations();
std::vector<Operation> activation_operations();
std::vector<Operation> reducing_operations();
std::vector<Operation> shaping_operations();
std::vector<Operation> matrix_operations();
std::vector<Operation> layer_operations();

// Half of what such operations read, and the whole of what their gradients are for.
inline Tensor symmetric(const Tensor& x) { return (x + transpose(x, -2, -1)) / 2; }

// What the library's own functions see to before they apply the operation, or their callers.
template <class Op>
Tensors prepared(const Op&, const Tensors& x) {
  return x;
}
inline Tensors prepared(const ops::Reshape& op, const Tensors& x) {
  return {ops::strides_for(x[0], op.shape) ? x[0] : x[0].contiguous()};
}
inline Tensors prepared(const ops::Linear&, const Tensors& x) {
  return {x[0], x[1], x[2].defined() ? x[2].contiguous() : x[2]};
}
inline Tensors prepared(const ops::LayerNorm&, const Tensors& x) { return {x[0].contiguous(), x[1], x[2]}; }
inline Tensors prepared(const ops::GroupNorm&, const Tensors& x) { return {x[0].contiguous(), x[1], x[2]}; }
inline Tensors prepared(const ops::BatchNorm&, const Tensors& x) { return {x[0].contiguous(), x[1], x[2]}; }
inline Tensors prepared(const ops::Cdist&, const Tensors& x) { return {x[0].contiguous(), x[1].contiguous()}; }
inline Tensors prepared(const ops::Cholesky&, const Tensors& x) { return {symmetric(x[0])}; }
inline Tensors prepared(const ops::Eigh&, const Tensors& x) { return {symmetric(x[0])}; }
template <class Op>
requires requires(const Op& op) { op.cell(); }
Tensors prepared(const Op&, const Tensors& x) {
  Tensors dense;
  for (const auto& one : x) dense.push_back(one.defined() ? one.contiguous() : one);
  return dense;
}

// One more sample of an operation, with what holds for all of them.
Case& add_case(std::vector<Case>& cases, std::string_view op, TensorFunction f, const Tensors& inputs,
               const std::string& torch);

template <class Op>
Tensors run_prepared(const Op& op, const Tensors& x) {
  return run_op(op, prepared(op, x));
}

template <class Op>
Tensors run_reference(const Op& op, const Tensors& x) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    const auto y = op.reference(x[I]...);
    if constexpr (detail::outputs_of<Op>() == 1) return Tensors{y};
    else return Tensors(y.begin(), y.end());
  }
  (std::make_index_sequence<static_cast<std::size_t>(detail::arity<Op>())>());
}

template <class Op>
constexpr std::uint32_t differentiable() {
  constexpr int n = detail::arity<Op>();
  if constexpr (n < 0) return ~0u;
  else return detail::grad_mask<Op>(std::make_integer_sequence<int, n>());
}

template <class Op>
constexpr std::uint32_t parts() {
  return (detail::has_add<Op, 0> ? 1u : 0u) | (detail::has_add<Op, 1> ? 2u : 0u) |
         (detail::has_add<Op, 2> ? 4u : 0u) | (detail::has_add<Op, 3> ? 8u : 0u);
}

// Every operation draws from a stream of its own, so that a new one leaves the others' samples, and what is
// recorded for them, as they are.
template <class Op>
std::vector<Case> cases_of() {
  Generator random{hash_of(Op::name)};
  std::vector<Case> cases;
  for (const auto& sample : Op::samples(random)) {
    const Op op = sample.op;
    Case& c = add_case(
        cases, Op::name, [op](const Tensors& x) { return run_prepared(op, x); }, sample.inputs, sample.torch);
    if constexpr (detail::HasReference<Op>) c.reference = [op](const Tensors& x) { return run_reference(op, x); };
    c.second_order = sample.second_order;
    c.differentiable = differentiable<Op>();
    c.differentiable_outputs = detail::differentiable_outputs_of<Op>();
  }
  return cases;
}

template <class... Op>
void append(std::vector<Operation>& all, OpList<Op...>) {
  (all.push_back({Op::name, detail::arity<Op>(), parts<Op>(), detail::HasReference<Op>, cases_of<Op>}), ...);
}
template <class... Family>
std::vector<Operation> operations_of() {
  std::vector<Operation> all;
  (append(all, Family()), ...);
  return all;
}

}  // namespace ebb::test
