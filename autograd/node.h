// The graph: what backward needs to know of an operation that has been run.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "autograd/tensor.h"

namespace ebb {

namespace detail {
class Capture;
class Observer;
}  // namespace detail

// Is the graph recorded on this thread? One struct, so that an operation looks in one place.
struct ThreadState {
  std::uint64_t last_id = 0;  // Note [Ids order the graph]
  bool recording = true;
  bool watched = false;                  // by a capture or an observer
  int backward_depth = 0;                // how many backward passes are running, one inside another
  detail::Capture* capture = nullptr;    // notes down what is done: Note [Captures]
  detail::Observer* observer = nullptr;  // the latest: Note [Observers]

  void watch() { watched = capture || observer; }
};
inline constinit thread_local ThreadState thread_state;

namespace detail {
struct Unwatched {
  Unwatched() : before(std::exchange(thread_state.watched, false)) {}
  ~Unwatched() { thread_state.watched = before; }
  Unwatched(const Unwatched&) = delete;
  Unwatched& operator=(const Unwatched&) = delete;
  const bool before;
};
}  // namespace detail

// While one lives, operations on this thread are recorded, or not.
template <bool kRecording>
class GradMode {
 public:
  GradMode() : before_(std::exchange(thread_state.recording, kRecording)) {}
  ~GradMode() { thread_state.recording = before_; }
  GradMode(const GradMode&) = delete;
  GradMode& operator=(const GradMode&) = delete;

 private:
  bool before_;
};

// Results do not require grad.
//
//   { NoGrad off; weight.add_(step); }
using NoGrad = GradMode<false>;
// Records again: within NoGrad, or in a hook, which backward calls without recording.
using EnableGrad = GradMode<true>;

inline bool is_grad_enabled() { return thread_state.recording; }

// Where a node's backward puts the gradients of its inputs; implemented by the engine.
class GradSink {
 public:
  // Does anybody want the gradient of this input?
  bool wants(const detail::Edge& edge) { return !restricted_ || leads_to_target(edge); }
  // Adds `gradient` to what the input has got so far.
  virtual void put(const detail::Edge& edge, Tensor gradient) = 0;
  // The sum so far itself, dense and nobody else's, zeros at first: for operations that read a part of their
  // input and would otherwise make a dense tensor of zeros each.
  virtual View slot(const detail::Edge& edge) = 0;

 protected:
  ~GradSink() = default;
  virtual bool leads_to_target(const detail::Edge& edge) = 0;
  bool restricted_ = false;  // to some targets
};

// Note [Ids order the graph]: a node's id is one more than the largest of the thread's last id and its
// inputs' ids (Lamport: Time, Clocks, and the Ordering of Events; CACM 1978). Every edge therefore leads from
// a larger id to a smaller one, and taking nodes by descending id is taking them in reverse topological
// order, also for a graph that several threads built, without an atomic counter.
class Node : public Counted {
  bool freed_ = false;  // first, where the counts leave room: most nodes have 256 bytes

 public:
  using Hook = std::function<Tensor(const Tensor&)>;
  struct OutputHook {
    std::uint32_t output;
    Hook hook;
  };

  Node(std::string_view name, std::span<detail::Edge> edges, std::span<const Spec> outputs)
      : name_(name), edges_(edges), outputs_(outputs) {}
  virtual ~Node() = default;

  // Fills the sink with the gradients of the inputs, from the gradients of the outputs. A gradient that
  // nothing contributed to is undefined.
  virtual void backward(std::span<const Tensor> gradients, GradSink& sink) = 0;
  // Drops what was saved; the node can not be run again.
  virtual void free_saved() = 0;
  // A leaf takes gradients and gives none on.
  bool is_leaf() const { return edges_.empty(); }

  std::string_view name() const { return name_; }
  std::uint64_t id() const { return id_; }
  std::span<const detail::Edge> edges() const { return edges_; }
  std::span<const Spec> outputs() const { return outputs_; }
  const std::vector<OutputHook>* hooks() const { return hooks_.get(); }
  void add_hook(std::uint32_t output, Hook hook);
  bool is_freed() const { return freed_; }
  void free() {
    freed_ = true;
    free_saved();
  }

  // Takes the next id after all inputs'.
  void enter_graph() {
    std::uint64_t latest = thread_state.last_id;
    for (const auto& edge : edges_)
      if (edge.node && edge.node->id_ > latest) latest = edge.node->id_;
    id_ = thread_state.last_id = latest + 1;
  }

  // The engine's note of where it keeps this node's gradients; the owning thread's alone.
  struct Mark {
    std::uint64_t run = 0;
    std::uint32_t slot = 0;
  } mark;

  static void destroy(Node* node) noexcept;
  static void* operator new(std::size_t bytes);
  static void operator delete(void* node, std::size_t bytes) noexcept;

 private:
  std::string_view name_;
  std::span<detail::Edge> edges_;  // in the derived node; cleared by destroy()
  std::span<const Spec> outputs_;  // likewise
  union {
    std::uint64_t id_ = 0;
    Node* next_;  // in the list of nodes to destroy
  };
  std::unique_ptr<std::vector<OutputHook>> hooks_;
};

// Where gradients end: holds what Tensor::grad() shows. Belongs to the tensor; the graph keeps it alive.
class Leaf final : public Node {
 public:
  explicit Leaf(const Spec& spec) : Node("leaf", {}, {&spec_, 1}), spec_(spec) { enter_graph(); }
  void backward(std::span<const Tensor>, GradSink&) override {}
  void free_saved() override {}
  // grad += gradient, in place where nobody can tell.
  void accumulate(Tensor gradient);
  // The same where a Replay has computed `gradient` again, in the memory that it had.
  void take(const Tensor& gradient);

  Tensor grad;

 private:
  Spec spec_;
};

}  // namespace ebb
