// How an operation is recorded: a node that keeps what the operation's gradients ask for. op.h explains
// operations.
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
#include "autograd/mutation.h"
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

namespace detail {

// -- what a gradient's parameter list asks for

template <class Op, int I>
constexpr auto grad_of() {
#define EBB_GRAD(i)                                                        \
  if constexpr (I == i && requires { &Op::grad##i; }) return &Op::grad##i; \
  else
  EBB_GRAD(0)
  EBB_GRAD(1) EBB_GRAD(2) EBB_GRAD(3) EBB_GRAD(4) EBB_GRAD(5) EBB_GRAD(6) EBB_GRAD(7) return nullptr;
#undef EBB_GRAD
}

template <class Op, int I>
constexpr auto add_of() {
#define EBB_ADD(i)                                                       \
  if constexpr (I == i && requires { &Op::add##i; }) return &Op::add##i; \
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
  if constexpr (HasGrads<Op>) return &Op::grads;
  else return nullptr;
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
  if constexpr (requires { Op::outputs; }) return Op::outputs;
  else return 1;
}
// The first so many of them.
template <class Op>
constexpr int differentiable_outputs_of() {
  if constexpr (requires { Op::differentiable_outputs; }) return Op::differentiable_outputs;
  else return outputs_of<Op>();
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
// Does backward of any input need an input, an output?
template <class Op, int... I>
constexpr bool asks_inputs(std::integer_sequence<int, I...>) {
  const auto any = [](auto g) { return (asks_input<Op, g()>(I) || ...); };
  return (any(std::integral_constant<int, I>()) || ...);
}
template <class Op, int... I>
constexpr bool asks_outputs(std::integer_sequence<int, I...>) {
  const auto any = [](int j) { return (asks_output<Op, I>(j) || ...); };
  for (int j = 0; j < outputs_of<Op>(); ++j)
    if (any(j)) return true;
  return false;
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

// N of them. std::array would take room also for none.
template <std::size_t N>
struct SavedTensors : std::array<Saved, N> {};
template <>
struct SavedTensors<0> {
  Saved* begin() { return nullptr; }
  Saved* end() { return nullptr; }
};

inline bool wants_grad(const Tensor& x) { return x.defined() && x.requires_grad(); }
inline View view_or_null(const Tensor& x) {
  static const Shape kNoShape;
  static const Dims kNoStrides;
  return x.defined() ? x.view() : View{nullptr, &kNoShape, &kNoStrides, float32, true};
}
inline Edge edge_of(const Tensor& x) { return x.defined() ? x.impl().edge : Edge{}; }
[[noreturn]] void no_derivative(std::string_view name, int input);
[[noreturn]] void no_second_derivative(std::string_view name);

// A saved output comes back as an output of its node again, so that second derivatives flow through it. It
// was saved without that edge, which would have been a cycle.
Tensor with_edge(const Tensor& saved, Node* node, std::uint32_t output);

// Gradients by differentiating the reference: see Note [Fused operations] in engine.cpp.
using Reference = std::function<std::vector<Tensor>(std::span<const Tensor>)>;
void backward_by_reference(const Reference& reference, std::span<const Tensor> inputs, std::span<const Edge> edges,
                           std::span<const Tensor> gradients, GradSink& sink);

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
    if constexpr (HasReference<Op>) {
      if (thread_state.recording) return by_reference(gradients, sink, std::make_integer_sequence<int, N>());
    } else if constexpr (HasGrads<Op>) {
      if (thread_state.recording) no_second_derivative(Op::name);
    }
    if constexpr (HasGrads<Op>) all_inputs(gradients, sink);
    else each_input(gradients, sink, std::make_integer_sequence<int, N>());
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
                [[maybe_unused]] const std::array<const Tensor*, N>& inputs, std::integer_sequence<int, I...>) {
    if (!edge_[at(G)].node) return;
    (keep_input<G, I>(*inputs[at(I)]), ...);
    if constexpr (asks_shapes<Op, G>) shapes_ = {inputs[at(I)]->defined() ? inputs[at(I)]->shape() : Shape()...};
    if constexpr (kKeepsOutputs)
      for (int j = 0; j < kOutputs; ++j)
        if (asks_output<Op, G>(j) && out_[at(j)].empty()) out_[at(j)].keep(outputs[at(j)].detach());
  }
  template <int G, int I>
  void keep_input([[maybe_unused]] const Tensor& x) {
    if constexpr (asks_input<Op, G>(I)) in_[at(I)].keep(x);
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
    return A(thread_state.recording && J < differentiable_outputs_of<Op>() ? with_edge(saved, this, J) : saved);
  }

  template <class R, class Base, class G, class... A>  // Op, or what it has the formula from
  Tensor call(R (Base::*gradient)(G, A...) const, std::span<const Tensor> g) {
    if constexpr (std::is_same_v<G, Grads>)
      return (op_.*gradient)(Grads{g}, argument<std::remove_cvref_t<A>>()...);
    else return (op_.*gradient)(g[0], argument<std::remove_cvref_t<A>>()...);
  }
  template <class... A>
  void call(void (Op::*add)(View, Grad, A...) const, View slot, Grad g) {
    (op_.*add)(slot, g, argument<std::remove_cvref_t<A>>()...);
  }

  template <class R, class G, class... A>
  R call(R (Op::*all)(Wanted, G, A...) const, Wanted wanted, std::span<const Tensor> g) {
    if constexpr (std::is_same_v<G, Grads>)
      return (op_.*all)(wanted, Grads{g}, argument<std::remove_cvref_t<A>>()...);
    else return (op_.*all)(wanted, g[0], argument<std::remove_cvref_t<A>>()...);
  }

  void all_inputs(std::span<const Tensor> gradients, GradSink& sink) {
    Wanted wanted;
    for (int i = 0; i < N; ++i)
      if (edge_[at(i)].node && sink.wants(edge_[at(i)])) wanted.mask |= 1u << i;
    auto results = call(&Op::grads, wanted, gradients);
    for (int i = 0; i < N; ++i)
      if (wanted[i]) sink.put(edge_[at(i)], mutated(Op::name, i, Formula::grad, std::move(results[at(i)])));
  }

  template <int... I>
  void each_input(std::span<const Tensor> gradients, GradSink& sink, std::integer_sequence<int, I...>) {
    ((edge_[at(I)].node && sink.wants(edge_[at(I)]) ? one_input<I>(gradients, sink) : void()), ...);
  }
  template <int I>
  void one_input([[maybe_unused]] std::span<const Tensor> gradients, [[maybe_unused]] GradSink& sink) {
    if constexpr (has_add<Op, I>) {
      if (!thread_state.recording)
        return call(add_of<Op, I>(), sink.slot(edge_[at(I)]), mutated(Op::name, I, Formula::add, gradients[0]));
    }
    if constexpr (has_grad<Op, I>)
      sink.put(edge_[at(I)], mutated(Op::name, I, Formula::grad, call(grad_of<Op, I>(), gradients)));
    else no_derivative(Op::name, I);
  }

  template <int... I>
  void by_reference(std::span<const Tensor> gradients, GradSink& sink, std::integer_sequence<int, I...>) {
    const std::array<Tensor, N> inputs{saved_input<I>()...};
    const Reference reference = [this](std::span<const Tensor> x) {
      if constexpr (kOutputs == 1) return std::vector<Tensor>{op_.reference(x[at(I)]...)};
      else return std::apply([](auto&&... y) { return std::vector<Tensor>{y...}; }, op_.reference(x[at(I)]...));
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

  static constexpr bool kKeepsInputs = asks_inputs<Op>(std::make_integer_sequence<int, N>());
  static constexpr bool kKeepsOutputs = asks_outputs<Op>(std::make_integer_sequence<int, N>());

  [[no_unique_address]] Op op_;
  std::array<Edge, N> edge_;
  std::array<Spec, kOutputs> spec_;
  [[no_unique_address]] SavedTensors<kKeepsInputs ? N : 0> in_;
  [[no_unique_address]] SavedTensors<kKeepsOutputs ? kOutputs : 0> out_;
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
      if (edge_[i].node && sink.wants(edge_[i]))
        sink.put(edge_[i], mutated(Op::name, static_cast<int>(i), Formula::grad, op_.grad(i, gradients[0])));
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

// Output j of a node, where that has a derivative.
inline void attach(const Tensor& output, Ref<Node> node, std::uint32_t j) {
  if (is_floating(output.dtype())) output.impl().edge = {std::move(node), j};
}

}  // namespace detail

}  // namespace ebb
