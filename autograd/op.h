// What an operation is, and apply(), the only place that runs one and records it.
//
// An operation is a plain struct. Its fields are its attributes; one place holds all that is known of it:
//
//   struct Mul {
//     static constexpr std::string_view name = "mul";
//     Spec infer(const Tensor& a, const Tensor& b) const { return same_spec(name, a, b); }
//     void forward(View y, View a, View b) const { kernels::binary<kernels::Binary::mul>(y, a, b); }
//     Tensor grad0(Grad g, In<1> b) const { return g * b; }
//     Tensor grad1(Grad g, In<0> a) const { return g * a; }
//     static Samples<Mul> samples(Generator& random);
//   };
//   Tensor mul(const Tensor& a, const Tensor& b) { return apply(Mul{}, a, b); }
//
// infer     shapes and dtypes of the outputs (a Spec, or std::array<Spec, K> for K outputs), or an Error.
// forward   fills the outputs. View operations have `Layout layout(const Tensor& x) const` instead of both: their
//           output is the input's memory.
// gradN     dL/d(input N) from g = dL/d(output), in differentiable operations, so that higher orders are free. Its
//           other parameters say what is saved, and are read at compile time: In<i> (input i), Out (the output, or
//           Output<j>), ShapeOf<i>. With K outputs (`static constexpr int outputs = K`) the first parameter is
//           Grads; `differentiable_outputs` of them, if not all, have a derivative: the first ones. Only the gradients
//           that somebody wants are run. An input without gradN has no derivative: asking for it is an Error.
// grads     instead of gradN, where one kernel gives them all: `std::array<Tensor, N> grads(Wanted, Grad, …) const`;
//           those not wanted may stay undefined. With create_graph an operation that has no reference is an Error.
//           Here and in addN kernels are started by detail::launch(), so that a Replay sees them.
// addN      optional: adds the gradient into a slot that exists already, for operations that read a part of input N:
//           `void addN(View slot, Grad g, …) const`.
// reference optional: the outputs in primitive operations, for a gradient that is fused and not itself
//           differentiable: create_graph differentiates this instead, and the tests compare the two.
// samples   what the tests run: without it apply() does not compile. Costs a program nothing: only tests refer to it.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "autograd/base/random.h"
#include "autograd/capture.h"
#include "autograd/observer.h"
#include "autograd/op_node.h"

namespace ebb {

// One point at which an operation is tested: attributes, inputs, and the same in Python with PyTorch, where
// x[0], x[1], … are the inputs ("torch.nn.functional.conv2d(x[0], x[1], x[2], stride=2)").
template <class Op>
struct Sample {
  Op op;
  std::vector<Tensor> inputs;
  std::string torch;
  bool second_order = true;  // false where the second derivative does not exist at these inputs
};
template <class Op>
using Samples = std::vector<Sample<Op>>;

// What the registry knows of an operation that this program contains.
struct OpInfo {
  std::string_view name;
  int inputs;  // -1: any number
  int outputs;
  std::uint32_t differentiable;  // bit i: input i has a gradient
  bool fused;                    // has a reference
  const OpInfo* next = nullptr;
};

// All operations that this program applies anywhere, in no particular order.
std::vector<OpInfo> registered_ops();

// What apply() returns.
template <class Op>
using Outputs = std::conditional_t<detail::outputs_of<Op>() == 1, Tensor,
                                   std::array<Tensor, static_cast<std::size_t>(detail::outputs_of<Op>())>>;
template <class Op, std::derived_from<Tensor>... T>
Outputs<Op> apply(const Op& op, const T&... inputs);
template <class Op>
Tensor apply(const Op& op, std::span<const Tensor> inputs);

namespace detail {

bool register_op(OpInfo& info);

template <class Op, int... I>
constexpr std::uint32_t grad_mask(std::integer_sequence<int, I...>) {
  return ((has_grad<Op, I> ? 1u << I : 0u) | ... | 0u);
}
template <class Op, int N>
inline OpInfo info{Op::name, N, outputs_of<Op>(), grad_mask<Op>(std::make_integer_sequence<int, std::max(N, 0)>()),
                   HasReference<Op>};
template <class Op, int N>
inline const bool registered = register_op(info<Op, N>);

template <class Op>
concept HasSamples = requires(Generator& random) {
  { Op::samples(random) } -> std::same_as<Samples<Op>>;
};

// Notes that `op` filled `outputs` from `inputs`.
template <class Op, std::size_t K, class... T>
void capture_forward(const Op& op, const std::array<Tensor, K>& outputs, const T&... inputs) {
  auto& capture = *thread_state.capture;
  (capture.keep(inputs), ...);
  std::apply(
      [&](const auto&... y) {
        capture.add([op](const auto&... views) { op.forward(views...); }, y.view()..., view_or_null(inputs)...);
      },
      outputs);
}
inline std::vector<View> views_of(std::span<const Tensor> tensors) {
  std::vector<View> views;
  for (const auto& x : tensors) views.push_back(x.view());
  return views;
}
template <class Op>
void capture_forward(const Op& op, const std::array<Tensor, 1>& outputs, std::span<const Tensor> inputs) {
  auto& capture = *thread_state.capture;
  for (const auto& x : inputs) capture.keep(x);
  std::vector<View> views = views_of(inputs);
  views.insert(views.begin(), outputs[0].view());
  capture.add_spanning([op](auto all) { op.forward(all[0], all.subspan(1)); }, views);
}

// apply() while somebody watches: Note [Captures], Note [Observers].
template <class Op, class... Inputs>
[[gnu::noinline]] Outputs<Op> apply_watched(const Op& op, const Inputs&... inputs) {
  const Observed watched(Phase::forward, Op::name);
  const Outputs<Op> y = [&] {
    const Unwatched off;
    return ebb::apply(op, inputs...);
  }();
  std::array<Tensor, outputs_of<Op>()> outputs;
  if constexpr (outputs_of<Op>() == 1) outputs[0] = y;
  else outputs = y;
  if constexpr (!IsView<Op>)
    if (thread_state.capture) capture_forward(op, outputs, inputs...);
  if constexpr ((std::derived_from<Inputs, Tensor> && ...))
    watched.done_forward(Op::name, std::array<Tensor, sizeof...(Inputs)>{inputs...}, outputs);
  else watched.done_forward(Op::name, inputs..., outputs);
  return y;
}

}  // namespace detail

// Runs `op` on `inputs` and, if recording is on and one of them requires grad, records it. An undefined input
// is one that was left out (a bias). Returns the output, or std::array<Tensor, K> of K outputs: Outputs<Op>.
template <class Op, std::derived_from<Tensor>... T>
Outputs<Op> apply(const Op& op, const T&... inputs) {
  static_assert(detail::HasSamples<Op>,
                "an operation needs `static Samples<Op> samples(Generator&)`: see autograd/op.h");
  constexpr int N = sizeof...(T), K = detail::outputs_of<Op>(), D = detail::differentiable_outputs_of<Op>();
  (void)detail::registered<Op, N>;
  if (thread_state.watched) [[unlikely]]
    return detail::apply_watched(op, inputs...);

  std::array<Tensor, K> outputs;
  if constexpr (detail::IsView<Op>) {
    const Layout layout = op.layout(inputs...);
    outputs[0] = alias(inputs..., layout.shape, layout.strides, layout.offset);
  } else {
    if constexpr (K == 1) {
      const Spec spec = op.infer(inputs...);
      outputs[0] = empty(spec.shape, spec.dtype);
      op.forward(outputs[0].view(), detail::view_or_null(inputs)...);
    } else {
      const std::array<Spec, K> specs = op.infer(inputs...);
      for (std::size_t j = 0; j < K; ++j) outputs[j] = empty(specs[j].shape, specs[j].dtype);
      std::apply([&](const auto&... y) { op.forward(y.view()..., detail::view_or_null(inputs)...); }, outputs);
    }
  }

  if (thread_state.recording && (detail::wants_grad(inputs) || ...)) {
    bool floating = false;
    for (std::size_t j = 0; j < D; ++j) floating |= is_floating(outputs[j].dtype());
    if (floating) {
      auto node = Ref<Node>::adopt(new detail::OpNode<Op, N>(op, outputs, inputs...));
      for (std::uint32_t j = 1; j < D; ++j) detail::attach(outputs[j], node, j);
      detail::attach(outputs[0], std::move(node), 0);
    }
  }
  if constexpr (K == 1) return std::move(outputs[0]);
  else return outputs;
}

// The same for operations on any number of tensors: infer(span<const Tensor>), forward(View, span<const
// View>) and grad(i, g).
template <class Op>
Tensor apply(const Op& op, std::span<const Tensor> inputs) {
  static_assert(detail::HasSamples<Op>,
                "an operation needs `static Samples<Op> samples(Generator&)`: see autograd/op.h");
  (void)detail::registered<Op, -1>;
  if (thread_state.watched) [[unlikely]]
    return detail::apply_watched(op, inputs);

  const Spec spec = op.infer(inputs);
  Tensor output = empty(spec.shape, spec.dtype);
  const std::vector<View> views = detail::views_of(inputs);
  op.forward(output.view(), std::span<const View>(views));

  if (thread_state.recording && is_floating(spec.dtype) &&
      std::any_of(inputs.begin(), inputs.end(), detail::wants_grad))
    detail::attach(output, Ref<Node>::adopt(new detail::VariadicNode<Op>(op, output, inputs)), 0);
  return output;
}

namespace detail {

template <class R, class Op, class... Args>
constexpr int parameters_of(R (Op::*)(Args...) const) {
  return sizeof...(Args);
}

// How many inputs an operation takes; -1: any number.
template <class Op>
constexpr int arity() {
  if constexpr (IsView<Op>) return 1;
  else if constexpr (requires { &Op::grad; }) return -1;
  else return parameters_of(&Op::forward) - outputs_of<Op>();
}

}  // namespace detail

// Operations by their types, for tests and benchmarks, which go through all of them: ops::All. A + B: both lists.
template <class... Op>
struct OpList {
  static constexpr std::size_t size = sizeof...(Op);
};
template <class... A, class... B>
OpList<A..., B...> operator+(OpList<A...>, OpList<B...>) {
  return {};
}

// Runs one of any kind on inputs in a span. Returns all outputs.
template <class Op>
std::vector<Tensor> run_op(const Op& op, std::span<const Tensor> inputs) {
  if constexpr (detail::arity<Op>() < 0) {
    return {ebb::apply(op, inputs)};
  } else {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      const auto outputs = ebb::apply(op, inputs[I]...);
      if constexpr (detail::outputs_of<Op>() == 1) return std::vector<Tensor>{outputs};
      else return std::vector<Tensor>(outputs.begin(), outputs.end());
    }
    (std::make_index_sequence<static_cast<std::size_t>(detail::arity<Op>())>());
  }
}

}  // namespace ebb
