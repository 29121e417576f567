// What an operation is, and apply(), the only place that runs one and records it.
//
// An operation is a plain struct. Its fields are its attributes; one place holds all that is known of it:
//
//   struct Mul {
//     static constexpr std::string_view name = "mul";
//     Spec infer(const Tensor& a, const Tensor& b) const { return same_spec(name, a, b); }
//     void forward(View y, View a, View b) const { kernels::binary(kernels::Binary::mul, y, a, b); }
//     Tensor grad0(Grad g, In<1> b) const { return g * b; }
//     Tensor grad1(Grad g, In<0> a) const { return g * a; }
//     static Samples<Mul> samples(Generator& random);
//   };
//   Tensor mul(const Tensor& a, const Tensor& b) { return apply(Mul{}, a, b); }
//
// infer     shapes and dtypes of the outputs (a Spec, or std::array<Spec, K> for K outputs), or an Error.
// forward   fills the outputs. View operations have `Layout layout(const Tensor& x) const` instead of both:
// their
//           output is the input's memory.
// gradN     dL/d(input N) from g = dL/d(output), in differentiable operations, so that higher orders are
// free. Its
//           other parameters say what is saved, and are read at compile time: In<i> (input i), Out (the
//           output, or Output<j>), ShapeOf<i>. With K outputs the first parameter is Grads. Only the
//           gradients that somebody wants are run. An input without gradN has no derivative: asking for it is
//           an Error.
// grads     instead of gradN, where one kernel gives them all: `std::array<Tensor, N> grads(Wanted, Grad, …)
// const`;
//           those not wanted may stay undefined.
// addN      optional: adds the gradient into a slot that exists already, for operations that read a part of
// input N. reference optional: the outputs in primitive operations, for a gradN that is fused and not itself
// differentiable:
//           create_graph differentiates this instead, and the tests compare the two.
// samples   what the tests run: without it apply() does not compile. Costs a program nothing: only the tests
// refer
//           to it.
#pragma once

#include <array>
#include <concepts>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "autograd/base/random.h"
#include "autograd/node.h"
#include "autograd/tensor.h"

namespace ebb {

using Grad = const Tensor&;

// The gradients of several outputs; undefined where nothing depends on one.
struct Grads {
  std::span<const Tensor> outputs;
  const Tensor& operator[](std::size_t i) const { return outputs[i]; }
};

// Which gradients somebody wants.
struct Wanted {
  std::uint32_t mask = 0;
  bool operator[](int i) const { return (mask >> i & 1) != 0; }
};

template <int I>
struct In : Tensor {
  explicit In(Tensor t) : Tensor(std::move(t)) {}
};

template <int J>
struct Output : Tensor {
  explicit Output(Tensor t) : Tensor(std::move(t)) {}
};
using Out = Output<0>;

template <int I>
struct ShapeOf : Shape {
  explicit ShapeOf(const Shape& s) : Shape(s) {}
};

// The memory of a view operation's output, in the input's buffer.
struct Layout {
  Shape shape;
  Dims strides;
  std::int64_t offset = 0;  // elements from the input's first
};

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

namespace detail {

bool register_op(OpInfo& info);

// -- what a gradient's parameter list asks for

template <class Op, int I>
constexpr auto grad_of() {
#define EBB_GRAD(i)                                   \
  if constexpr (I == i && requires { &Op::grad##i; }) \
    return &Op::grad##i;                              \
  else
  EBB_GRAD(0)
  EBB_GRAD(1) EBB_GRAD(2) EBB_GRAD(3) EBB_GRAD(4) EBB_GRAD(5) EBB_GRAD(6) EBB_GRAD(7) return nullptr;
#undef EBB_GRAD
}

template <class Op, int I>
constexpr auto add_of() {
#define EBB_ADD(i)                                   \
  if constexpr (I == i && requires { &Op::add##i; }) \
    return &Op::add##i;                              \
  else
  EBB_ADD(0) EBB_ADD(1) EBB_ADD(2) EBB_ADD(3) return nullptr;
#undef EBB_ADD
}

template <class Op>
concept HasGrads = requires {
  &Op::grads;
};
template <class Op, int I>
inline constexpr bool has_grad = HasGrads<Op> || !std::is_null_pointer_v<decltype(grad_of<Op, I>())>;
template <class Op, int I>
inline constexpr bool has_add = !std::is_null_pointer_v<decltype(add_of<Op, I>())>;

template <class Arg>
inline constexpr int input_asked = -1;
template <int I>
inline constexpr int input_asked<In<I>> = I;
template <class Arg>
inline constexpr int output_asked = -1;
template <int J>
inline constexpr int output_asked<Output<J>> = J;
template <class Arg>
inline constexpr bool shape_asked = false;
template <int I>
inline constexpr bool shape_asked<ShapeOf<I>> = true;

template <class F>
struct Asks;  // what the gradient function F asks to be saved
template <>
struct Asks<std::nullptr_t> {
  static constexpr bool input(int) { return false; }
  static constexpr bool output(int) { return false; }
  static constexpr bool shapes = false;
};
template <class R, class Op, class G, class... Args>
struct Asks<R (Op::*)(G, Args...) const> {
  static constexpr bool input([[maybe_unused]] int i) {
    return ((input_asked<std::remove_cvref_t<Args>> == i) || ...);
  }
  static constexpr bool output([[maybe_unused]] int j) {
    return ((output_asked<std::remove_cvref_t<Args>> == j) || ...);
  }
  static constexpr bool shapes = (shape_asked<std::remove_cvref_t<Args>> || ...);
};
template <class R, class Op, class First, class G, class... Args>
requires(std::is_same_v<First, View> ||
         std::is_same_v<First, Wanted>) struct Asks<R (Op::*)(First, G, Args...) const>
    : Asks<R (Op::*)(G, Args...) const> {
};

template <class Op>
constexpr auto grads_of() {
  if constexpr (HasGrads<Op>)
    return &Op::grads;
  else
    return nullptr;
}

template <class Op>
concept HasReference = requires {
  &Op::reference;
};
template <class Op>
concept IsView = requires {
  &Op::layout;
};

template <class Op>
constexpr int outputs_of() {
  if constexpr (requires { Op::outputs; })
    return Op::outputs;
  else
    return 1;
}

// Does backward of input G need input I (output J)?
template <class Op, int G>
constexpr bool asks_input(int i) {
  return HasReference<Op> || Asks<decltype(grad_of<Op, G>())>::input(i) ||
         Asks<decltype(add_of<Op, G>())>::input(i) || Asks<decltype(grads_of<Op>())>::input(i);
}
template <class Op, int G>
constexpr bool asks_output(int j) {
  return Asks<decltype(grad_of<Op, G>())>::output(j) || Asks<decltype(add_of<Op, G>())>::output(j) ||
         Asks<decltype(grads_of<Op>())>::output(j);
}
template <class Op, int G>
inline constexpr bool asks_shapes =
    Asks<decltype(grad_of<Op, G>())>::shapes || Asks<decltype(add_of<Op, G>())>::shapes ||
    Asks<decltype(grads_of<Op>())>::shapes;

// Note [Versions]: a tensor kept for backward is kept with the number of writes its memory had seen. If that
// has changed when backward asks for it, the gradient would be wrong, so it is an Error that names both
// operations.
class Saved {
 public:
  void keep(const Tensor& x) {
    if (tensor_.defined() || !x.defined()) return;
    tensor_ = x;
    version_ = x.version();
  }
  bool empty() const { return !tensor_.defined(); }
  // `what` and `index` say which tensor of operation `name` this is.
  const Tensor& get(std::string_view name, const char* what, int index) const {
    if (tensor_.defined() && tensor_.version() != version_) changed(name, what, index);
    return tensor_;
  }
  void drop() { tensor_ = Tensor(); }

 private:
  [[noreturn]] void changed(std::string_view name, const char* what, int index) const;
  Tensor tensor_;
  std::uint32_t version_ = 0;
};

inline bool wants_grad(const Tensor& x) { return x.defined() && x.requires_grad(); }
inline View view_or_null(const Tensor& x) {
  static const Shape kNoShape;
  static const Dims kNoStrides;
  return x.defined() ? x.view() : View{nullptr, &kNoShape, &kNoStrides, float32, true};
}
inline Edge edge_of(const Tensor& x) { return x.defined() ? x.impl().edge : Edge{}; }
[[noreturn]] void no_derivative(std::string_view name, int input);

// A saved output comes back as an output of its node again, so that second derivatives flow through it. It
// was saved without that edge, which would have been a cycle.
Tensor with_edge(const Tensor& saved, Node* node, std::uint32_t output);

// Gradients by differentiating the reference: see Note [Fused operations] in engine.cpp.
using Reference = std::function<std::vector<Tensor>(std::span<const Tensor>)>;
void backward_by_reference(const Reference& reference, std::span<const Tensor> inputs,
                           std::span<const Edge> edges, std::span<const Tensor> gradients, GradSink& sink);

template <class Op, int N>
class OpNode final : public Node {
 public:
  static constexpr int kOutputs = outputs_of<Op>();

  template <class... T>
  OpNode(const Op& op, const std::array<Tensor, kOutputs>& outputs, const T&... inputs)
      : Node(Op::name, edge_, spec_), op_(op), edge_{edge_of(inputs)...} {
    enter_graph();
    for (std::size_t j = 0; j < kOutputs; ++j) spec_[j] = {outputs[j].shape(), outputs[j].dtype()};
    save(outputs, {&inputs...}, std::make_integer_sequence<int, N>());
  }

  void backward(std::span<const Tensor> gradients, GradSink& sink) override {
    if constexpr (HasReference<Op>)
      if (thread_state.recording) return by_reference(gradients, sink, std::make_integer_sequence<int, N>());
    if constexpr (HasGrads<Op>)
      all_inputs(gradients, sink);
    else
      each_input(gradients, sink, std::make_integer_sequence<int, N>());
  }

  void free_saved() override {
    for (auto& s : in_) s.drop();
    for (auto& s : out_) s.drop();
  }

 private:
  static constexpr std::size_t at(int i) { return static_cast<std::size_t>(i); }

  template <int... I>
  void save(const std::array<Tensor, kOutputs>& outputs, const std::array<const Tensor*, N>& inputs,
            std::integer_sequence<int, I...> all) {
    (save_for<I>(outputs, inputs, all), ...);
  }

  template <int G, int... I>
  void save_for([[maybe_unused]] const std::array<Tensor, kOutputs>& outputs,
                [[maybe_unused]] const std::array<const Tensor*, N>& inputs,
                std::integer_sequence<int, I...>) {
    if (!edge_[at(G)].node) return;
    ((asks_input<Op, G>(I) ? in_[at(I)].keep(*inputs[at(I)]) : void()), ...);
    if constexpr (asks_shapes<Op, G>)
      shapes_ = {inputs[at(I)]->defined() ? inputs[at(I)]->shape() : Shape()...};
    for (int j = 0; j < kOutputs; ++j)
      if (asks_output<Op, G>(j) && out_[at(j)].empty()) out_[at(j)].keep(outputs[at(j)].detach());
  }

  template <int I>
  const Tensor& saved_input() const {
    return in_[at(I)].get(Op::name, "input", I);
  }

  // One argument of a gradient.
  template <class A>
  A argument() {
    return this->template fetch<A>(static_cast<A*>(nullptr));
  }
  template <class A, int I>
  A fetch(In<I>*) {
    return A(saved_input<I>());
  }
  template <class A, int I>
  A fetch(ShapeOf<I>*) {
    return A(shapes_[at(I)]);
  }
  template <class A, int J>
  A fetch(Output<J>*) {
    const auto& saved = out_[at(J)].get(Op::name, "output", J);
    return A(thread_state.recording ? with_edge(saved, this, J) : saved);
  }

  template <class R, class G, class... A>
  Tensor call(R (Op::*gradient)(G, A...) const, std::span<const Tensor> g) {
    if constexpr (std::is_same_v<G, Grads>)
      return (op_.*gradient)(Grads{g}, argument<std::remove_cvref_t<A>>()...);
    else
      return (op_.*gradient)(g[0], argument<std::remove_cvref_t<A>>()...);
  }
  template <class... A>
  void call(void (Op::*add)(View, Grad, A...) const, View slot, std::span<const Tensor> g) {
    (op_.*add)(slot, g[0], argument<std::remove_cvref_t<A>>()...);
  }

  template <class R, class G, class... A>
  R call(R (Op::*all)(Wanted, G, A...) const, Wanted wanted, std::span<const Tensor> g) {
    if constexpr (std::is_same_v<G, Grads>)
      return (op_.*all)(wanted, Grads{g}, argument<std::remove_cvref_t<A>>()...);
    else
      return (op_.*all)(wanted, g[0], argument<std::remove_cvref_t<A>>()...);
  }

  void all_inputs(std::span<const Tensor> gradients, GradSink& sink) {
    Wanted wanted;
    for (int i = 0; i < N; ++i)
      if (edge_[at(i)].node && sink.wants(edge_[at(i)])) wanted.mask |= 1u << i;
    auto results = call(&Op::grads, wanted, gradients);
    for (int i = 0; i < N; ++i)
      if (wanted[i]) sink.put(edge_[at(i)], std::move(results[at(i)]));
  }

  template <int... I>
  void each_input(std::span<const Tensor> gradients, GradSink& sink, std::integer_sequence<int, I...>) {
    ((edge_[at(I)].node && sink.wants(edge_[at(I)]) ? one_input<I>(gradients, sink) : void()), ...);
  }
  template <int I>
  void one_input([[maybe_unused]] std::span<const Tensor> gradients, [[maybe_unused]] GradSink& sink) {
    if constexpr (has_add<Op, I>) {
      if (!thread_state.recording) return call(add_of<Op, I>(), sink.slot(edge_[at(I)]), gradients);
    }
    if constexpr (has_grad<Op, I>)
      sink.put(edge_[at(I)], call(grad_of<Op, I>(), gradients));
    else
      no_derivative(Op::name, I);
  }

  template <int... I>
  void by_reference(std::span<const Tensor> gradients, GradSink& sink, std::integer_sequence<int, I...>) {
    const std::array<Tensor, N> inputs{saved_input<I>()...};
    const Reference reference = [this](std::span<const Tensor> x) {
      if constexpr (kOutputs == 1)
        return std::vector<Tensor>{op_.reference(x[at(I)]...)};
      else
        return std::apply([](auto&&... y) { return std::vector<Tensor>{y...}; }, op_.reference(x[at(I)]...));
    };
    backward_by_reference(reference, inputs, edge_, gradients, sink);
  }

  template <int... I>
  static constexpr bool any_shapes(std::integer_sequence<int, I...>) {
    return (asks_shapes<Op, I> || ...);
  }
  struct Nothing {};
  using Shapes =
      std::conditional_t<any_shapes(std::make_integer_sequence<int, N>()), std::array<Shape, N>, Nothing>;

  [[no_unique_address]] Op op_;
  std::array<Edge, N> edge_;
  std::array<Spec, kOutputs> spec_;
  std::array<Saved, N> in_;
  std::array<Saved, kOutputs> out_;
  [[no_unique_address]] Shapes shapes_;
};

// A node with any number of inputs: `Tensor grad(std::size_t i, Grad g) const`, and nothing saved.
template <class Op>
class VariadicNode final : public Node {
 public:
  VariadicNode(const Op& op, const Tensor& output, std::span<const Tensor> inputs)
      : VariadicNode(op, edges_of(inputs)) {
    spec_ = {output.shape(), output.dtype()};
    enter_graph();
  }
  void backward(std::span<const Tensor> gradients, GradSink& sink) override {
    for (std::size_t i = 0; i < edge_.size(); ++i)
      if (edge_[i].node && sink.wants(edge_[i])) sink.put(edge_[i], op_.grad(i, gradients[0]));
  }
  void free_saved() override {}

 private:
  VariadicNode(const Op& op, std::vector<Edge> edges)
      : Node(Op::name, edges, {&spec_, 1}), op_(op), edge_(std::move(edges)) {}
  static std::vector<Edge> edges_of(std::span<const Tensor> inputs) {
    std::vector<Edge> edges;
    for (const auto& x : inputs) edges.push_back(edge_of(x));
    return edges;
  }
  Op op_;
  std::vector<Edge> edge_;
  Spec spec_;
};

template <class Op, int... I>
constexpr std::uint32_t grad_mask(std::integer_sequence<int, I...>) {
  return ((has_grad<Op, I> ? 1u << I : 0u) | ... | 0u);
}
template <class Op, int N>
inline OpInfo info{Op::name, N, outputs_of<Op>(),
                   grad_mask<Op>(std::make_integer_sequence < int, N<0 ? 0 : N>()), HasReference<Op>};
template <class Op, int N>
inline const bool registered = register_op(info<Op, N>);

template <class Op>
concept HasSamples = requires(Generator& random) {
  { Op::samples(random) } -> std::same_as<Samples<Op>>;
};

inline void attach(const Tensor& output, const Ref<Node>& node, std::uint32_t j) {
  if (is_floating(output.dtype())) output.impl().edge = {node, j};
}

}  // namespace detail

// Runs `op` on `inputs` and, if recording is on and one of them requires grad, records it. An undefined input
// is one that was left out (a bias). Returns the output, or std::array<Tensor, K> of K outputs.
template <class Op, class... T>
requires(std::derived_from<T, Tensor>&&...) auto apply(const Op& op, const T&... inputs) {
  static_assert(detail::HasSamples<Op>,
                "an operation needs `static Samples<Op> samples(Generator&)`: see autograd/op.h");
  constexpr int N = sizeof...(T), K = detail::outputs_of<Op>();
  (void)detail::registered<Op, N>;

  std::array<Tensor, K> outputs;
  if constexpr (detail::IsView<Op>) {
    const Layout layout = op.layout(inputs...);
    outputs[0] = alias(inputs..., layout.shape, layout.strides, layout.offset);
  } else if constexpr (K == 1) {
    const Spec spec = op.infer(inputs...);
    outputs[0] = empty(spec.shape, spec.dtype);
    op.forward(outputs[0].view(), detail::view_or_null(inputs)...);
  } else {
    const std::array<Spec, K> specs = op.infer(inputs...);
    for (std::size_t j = 0; j < K; ++j) outputs[j] = empty(specs[j].shape, specs[j].dtype);
    std::apply([&](const auto&... y) { op.forward(y.view()..., detail::view_or_null(inputs)...); }, outputs);
  }

  if (thread_state.recording && (detail::wants_grad(inputs) || ...)) {
    bool floating = false;
    for (const auto& y : outputs) floating |= is_floating(y.dtype());
    if (floating) {
      const auto node = Ref<Node>::adopt(new detail::OpNode<Op, N>(op, outputs, inputs...));
      for (std::uint32_t j = 0; j < K; ++j) detail::attach(outputs[j], node, j);
    }
  }
  if constexpr (K == 1)
    return std::move(outputs[0]);
  else
    return outputs;
}

// The same for operations on any number of tensors: infer(span<const Tensor>), forward(View, span<const
// View>) and grad(i, g).
template <class Op>
Tensor apply(const Op& op, std::span<const Tensor> inputs) {
  static_assert(detail::HasSamples<Op>,
                "an operation needs `static Samples<Op> samples(Generator&)`: see autograd/op.h");
  (void)detail::registered<Op, -1>;
  const Spec spec = op.infer(inputs);
  Tensor output = empty(spec.shape, spec.dtype);
  std::vector<View> views;
  bool wanted = false;
  for (const auto& x : inputs) {
    views.push_back(x.view());
    wanted |= detail::wants_grad(x);
  }
  op.forward(output.view(), std::span<const View>(views));
  if (thread_state.recording && wanted && is_floating(spec.dtype))
    detail::attach(output, Ref<Node>::adopt(new detail::VariadicNode<Op>(op, output, inputs)), 0);
  return output;
}

}  // namespace ebb
