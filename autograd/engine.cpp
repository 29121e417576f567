#include "autograd/engine.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "autograd/base/fail.h"
#include "autograd/base/fork.h"
#include "autograd/create.h"
#include "autograd/kernels/elementwise.h"
#include "autograd/observer.h"
#include "autograd/op.h"
#include "autograd/ops.h"

namespace ebb {
namespace {

using detail::Edge;

// What one pass keeps of a node it has met.
struct Slot {
  Node* node;
  std::uint32_t first;  // of its outputs' gradients, in Scratch::gradients
  bool target = false;  // its gradient is asked for
  bool leads = false;   // to a target
  bool queued = false;
};

struct Waiting {
  std::uint64_t id;
  std::uint32_t slot;
  friend bool operator<(const Waiting& a, const Waiting& b) { return a.id < b.id; }
};

// Kept from pass to pass, so that a pass allocates nothing.
struct Scratch {
  std::vector<Slot> slots;
  std::vector<Tensor> gradients;
  std::vector<Waiting> frontier;  // a heap: the largest id first
  std::vector<std::uint32_t> leaves;
  std::unordered_map<const Node*, std::uint32_t> unmarked;

  void clear() {
    slots.clear();
    gradients.clear();
    frontier.clear();
    leaves.clear();
    unmarked.clear();
  }
};

Scratch& scratch_at(std::size_t depth) {
  static thread_local std::vector<std::unique_ptr<Scratch>> all;
  while (all.size() <= depth) all.push_back(std::make_unique<Scratch>());
  return *all[depth];
}

// One pass over the graph, from outputs to inputs.
//
// Note [One loop]: the frontier holds the nodes that have got a gradient and not yet passed it on. The one
// with the largest id is complete, since whatever contributes to it has a larger id (Note [Ids order the
// graph]). A pass needs no count of dependencies, no sorted copy of the graph and no recursion.
//
// Note [Marks]: a node's slot is found through Node::mark by the thread that owns the node, in its outermost
// pass, and through a hash map otherwise, so threads that share a part of a graph, and passes inside passes,
// do not disturb each other.
class Pass final : public GradSink {
 public:
  explicit Pass(bool create_graph)
      : recording_before_(std::exchange(thread_state.recording, create_graph)),
        outermost_(thread_state.backward_depth == 0),
        s_(scratch_at(static_cast<std::size_t>(thread_state.backward_depth++))) {
    static thread_local std::uint64_t runs = 0;
    run_ = ++runs;
  }
  ~Pass() {
    s_.clear();
    --thread_state.backward_depth;
    thread_state.recording = recording_before_;
  }
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;

  // Only gradients of `targets`, and what leads to them, will be computed; if they are ends, nothing behind them.
  void restrict_to(std::span<const Tensor> outputs, std::span<const Tensor> targets, bool ends) {
    restricted_ = true;
    targets_are_ends_ = ends;
    std::uint64_t oldest = ~std::uint64_t{0};
    for (const auto& target : targets) oldest = std::min(oldest, node_of(target)->id());
    for (const auto& output : outputs) slot_of(node_of(output));
    for (std::uint32_t i = 0; i < s_.slots.size(); ++i)  // slot_of appends
      for (const auto& edge : s_.slots[i].node->edges())
        if (edge.node && edge.node->id() >= oldest) slot_of(edge.node.get());
    for (const auto& target : targets)
      if (Slot* slot = find(node_of(target))) slot->target = true;
    std::vector<Waiting> ascending;
    for (std::uint32_t i = 0; i < s_.slots.size(); ++i) ascending.push_back({s_.slots[i].node->id(), i});
    std::sort(ascending.begin(), ascending.end());
    for (const auto& [id, i] : ascending)
      for (const auto& edge : s_.slots[i].node->edges()) s_.slots[i].leads |= edge.node && wants(edge);
  }

  void run(bool retain_graph) {
    while (!s_.frontier.empty()) {
      std::pop_heap(s_.frontier.begin(), s_.frontier.end());
      const Slot slot = s_.slots[s_.frontier.back().slot];
      s_.frontier.pop_back();
      run_node(slot, retain_graph);
    }
    for (const auto leaf : s_.leaves)
      if (s_.slots[leaf].node->hooks()) run_hooks(s_.slots[leaf]);
  }

  // The gradient of a target, or of a leaf; undefined if nothing reached it.
  Tensor gradient(const Tensor& x) {
    const Slot* slot = find(node_of(x));
    return slot ? s_.gradients[slot->first + x.impl().edge.output] : Tensor();
  }

  void accumulate_leaves() {
    const std::lock_guard lock(detail::locks.gradients);
    for (const auto i : s_.leaves) {
      auto& gradient = s_.gradients[s_.slots[i].first];
      if (gradient.defined()) static_cast<Leaf*>(s_.slots[i].node)->accumulate(std::move(gradient));
    }
  }

  void put(const Edge& edge, Tensor gradient) override {
    if (!gradient.defined() || !wants(edge)) return;
    const Spec& spec = edge.node->outputs()[edge.output];
    if (gradient.shape() != spec.shape || gradient.dtype() != spec.dtype) wrong_gradient(edge, gradient);
    Tensor& sum = reach(edge);
    if (!sum.defined()) sum = std::move(gradient);
    else if (!thread_state.recording && sum.is_exclusive())
      detail::launch(kernels::add_into, sum.view(), gradient.view());
    else sum = sum + gradient;
  }

  View slot(const Edge& edge) override {
    Tensor& sum = reach(edge);
    if (!sum.defined()) {
      const Spec& spec = edge.node->outputs()[edge.output];
      sum = zeros(spec.shape, {.dtype = spec.dtype});
    } else if (!sum.is_exclusive()) {
      sum = sum.clone();
    }
    return sum.view();
  }

 private:
  static Node* node_of(const Tensor& x) { return x.impl().edge.node.get(); }
  bool marks(const Node* node) const { return outermost_ && node->is_mine(); }

  bool leads_to_target(const Edge& edge) override {
    const Slot* slot = find(edge.node.get());
    return slot && (slot->target || slot->leads);
  }

  Slot* find(const Node* node) {
    if (marks(node)) return node->mark.run == run_ ? &s_.slots[node->mark.slot] : nullptr;
    const auto found = s_.unmarked.find(node);
    return found == s_.unmarked.end() ? nullptr : &s_.slots[found->second];
  }

  Slot& slot_of(Node* node) {
    if (Slot* known = find(node)) return *known;
    return new_slot(node);
  }

  Slot& new_slot(Node* node) {
    const auto index = static_cast<std::uint32_t>(s_.slots.size());
    if (marks(node)) node->mark = {run_, index};
    else s_.unmarked.emplace(node, index);
    s_.slots.push_back({node, static_cast<std::uint32_t>(s_.gradients.size())});
    for (std::size_t j = 0; j < node->outputs().size(); ++j) s_.gradients.emplace_back();
    return s_.slots.back();
  }

  // The sum that belongs to an edge; its node will run.
  Tensor& reach(const Edge& edge) {
    Slot& slot = slot_of(edge.node.get());
    if (!slot.queued) {
      slot.queued = true;
      const auto index = static_cast<std::uint32_t>(&slot - s_.slots.data());
      if (slot.node->is_leaf()) {
        s_.leaves.push_back(index);
      } else {
        s_.frontier.push_back({slot.node->id(), index});
        std::push_heap(s_.frontier.begin(), s_.frontier.end());
      }
    }
    return s_.gradients[slot.first + edge.output];
  }

  void run_node(const Slot& slot, bool retain_graph) {
    if (slot.node->hooks()) run_hooks(slot);
    if (restricted_ && (!slot.leads || (slot.target && targets_are_ends_))) return;
    Node& node = *slot.node;
    if (node.is_freed())
      fail("backward: the graph of {} was freed by an earlier backward; pass .retain_graph = true to that one",
           node.name());
    running_ = &node;
    if (node.outputs().size() == 1) run_with<1>(slot);
    else run_with<kMostOutputs>(slot);
    if (!retain_graph) node.free();
  }

  // The gradients are moved out, so that nobody else holds them while the node runs; a target's stay, for gradient().
  template <std::size_t N>
  void run_with(const Slot& slot) {
    std::array<Tensor, N> own;
    const std::size_t count = slot.node->outputs().size();
    for (std::size_t j = 0; j < count; ++j) {
      auto& gradient = s_.gradients[slot.first + j];
      own[j] = slot.target ? gradient : std::move(gradient);
    }
    const std::span<const Tensor> gradients(own.data(), count);
    if (thread_state.observer) [[unlikely]]
      run_observed(*slot.node, gradients);
    else slot.node->backward(gradients, *this);
  }

  [[gnu::noinline]] void run_observed(Node& node, std::span<const Tensor> gradients) {
    const detail::Observed watched(detail::Phase::backward, node.name());
    node.backward(gradients, *this);
    std::vector<Tensor> sums;
    for (const auto& edge : node.edges()) {
      const Slot* slot = edge.node ? find(edge.node.get()) : nullptr;
      sums.push_back(slot ? s_.gradients[slot->first + edge.output] : Tensor());
    }
    watched.done_backward(node, gradients, sums);
  }

  [[gnu::noinline]] void run_hooks(const Slot& slot) {
    const auto* hooks = slot.node->hooks();
    for (std::size_t i = 0; i < hooks->size(); ++i) {  // a hook may add hooks
      const auto [output, hook] = (*hooks)[i];
      const Tensor gradient = s_.gradients[slot.first + output];
      if (!gradient.defined()) continue;
      const auto version = gradient.version();
      Tensor replaced = hook(gradient);
      if (gradient.version() != version)  // one tensor may be the gradient of several
        fail(
            "hook: wrote into the gradient that it was given ({}), which others may hold; return the new one "
            "instead",
            describe(gradient));
      if (!replaced.defined()) continue;
      if (replaced.shape() != gradient.shape() || replaced.dtype() != gradient.dtype())
        fail("hook: replaced a gradient {} by {}; shape and dtype must stay", describe(gradient),
             describe(replaced));
      s_.gradients[slot.first + output] = std::move(replaced);
    }
  }

  [[noreturn]] void wrong_gradient(const Edge& edge, const Tensor& gradient) const {
    const Spec& spec = edge.node->outputs()[edge.output];
    fail("{}: its gradient is {}, but the input is {} {}; correct gradN", running_ ? running_->name() : "backward",
         describe(gradient), spec.dtype, spec.shape);
  }

  static constexpr std::size_t kMostOutputs = 8;
  const bool recording_before_, outermost_;
  bool targets_are_ends_ = false;
  Scratch& s_;
  std::uint64_t run_ = 0;
  const Node* running_ = nullptr;
};

// dL/d(output), checked; ones where none was given.
Tensor seed(const char* caller, const Tensor& output, const Tensor& given) {
  if (!output.requires_grad())
    fail("{}: the output ({}) does not require grad: no input of the computation did, or it ran under NoGrad",
         caller, describe(output));
  if (!given.defined()) {
    if (output.numel() != 1)
      fail("{}: the output is {}, not a single element; give its gradient, or sum() or mean() it first", caller,
           describe(output));
    return ones(output.shape(), {.dtype = output.dtype()});
  }
  if (given.shape() != output.shape() || given.dtype() != output.dtype())
    fail("{}: the output is {}, but the gradient given is {}", caller, describe(output), describe(given));
  return given;
}

void check_expected(Pass& pass, std::span<const NamedTensor> expected) {
  std::string missing;
  std::size_t count = 0;
  for (const auto& [name, x] : expected) {
    if (x.requires_grad() && pass.gradient(x).defined()) continue;
    missing += (count++ ? ", " : "") + name;
  }
  if (count > 0)
    fail(
        "backward: {} of {} parameters got no gradient: {}; the loss does not depend on them, or a detach, "
        "an "
        "integer conversion or NoGrad lies between",
        count, expected.size(), missing);
}

}  // namespace

void Tensor::backward(const BackwardOptions& options) const { backward(Tensor(), options); }

void Tensor::backward(const Tensor& gradient, const BackwardOptions& options) const {
  merge_returned_objects();
  Tensor start = seed("backward", *this, gradient);
  Pass pass(options.create_graph);
  pass.put(impl().edge, std::move(start));
  pass.run(options.retain_graph || options.create_graph);
  check_expected(pass, options.expect);
  pass.accumulate_leaves();
}

std::vector<Tensor> grad(std::span<const Tensor> outputs, std::span<const Tensor> inputs,
                         const GradOptions& options) {
  merge_returned_objects();
  if (!options.grad_outputs.empty() && options.grad_outputs.size() != outputs.size())
    fail("grad: {} outputs, but {} grad_outputs; give one each", outputs.size(), options.grad_outputs.size());
  std::vector<Tensor> seeds;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    seeds.push_back(seed("grad", outputs[i], options.grad_outputs.empty() ? Tensor() : options.grad_outputs[i]));
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (!inputs[i].requires_grad())
      fail("grad: input {} ({}) does not require grad; call set_requires_grad() before computing with it", i,
           describe(inputs[i]));

  Pass pass(options.create_graph);
  pass.restrict_to(outputs, inputs, options.partial);
  for (std::size_t i = 0; i < outputs.size(); ++i) pass.put(outputs[i].impl().edge, std::move(seeds[i]));
  pass.run(options.retain_graph || options.create_graph);

  std::vector<Tensor> gradients;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    gradients.push_back(pass.gradient(inputs[i]));
    if (!gradients.back().defined() && !options.allow_unused)
      fail("grad: no output depends on input {} ({}); pass .allow_unused = true if that is meant", i,
           describe(inputs[i]));
  }
  return gradients;
}

std::vector<Tensor> grad(const Tensor& output, std::initializer_list<Tensor> inputs, const GradOptions& options) {
  return grad(std::span(&output, 1), std::span(inputs.begin(), inputs.size()), options);
}

std::vector<Tensor> grad(const Tensor& output, const std::vector<Tensor>& inputs, const GradOptions& options) {
  return grad(std::span(&output, 1), std::span<const Tensor>(inputs), options);
}

Tensor grad(const Tensor& output, const Tensor& input, const GradOptions& options) {
  return std::move(grad(std::span(&output, 1), std::span(&input, 1), options)[0]);
}

std::vector<std::string> unreached(const Tensor& output, std::span<const NamedTensor> tensors) {
  std::unordered_set<const Node*> reached;
  std::vector<const Node*> stack{output.impl().edge.node.get()};
  while (!stack.empty()) {
    const Node* node = stack.back();
    stack.pop_back();
    if (node == nullptr || !reached.insert(node).second) continue;
    for (const auto& edge : node->edges()) stack.push_back(edge.node.get());
  }
  std::vector<std::string> names;
  for (const auto& [name, x] : tensors)
    if (!x.requires_grad() || !reached.contains(x.impl().edge.node.get())) names.push_back(name);
  return names;
}

namespace detail {

// Note [Fused operations]: a fused gradient is not recorded, so create_graph computes the outputs again in
// primitive operations and differentiates those. It does so on aliases of the inputs: one input may have been
// computed from another, and only this operation's own dependence counts here.
void backward_by_reference(const Reference& reference, std::span<const Tensor> inputs, std::span<const Edge> edges,
                           std::span<const Tensor> gradients, GradSink& sink) {
  std::vector<Tensor> x(inputs.begin(), inputs.end()), wanted;
  std::vector<const Edge*> targets;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!edges[i].node || !sink.wants(edges[i])) continue;
    wanted.push_back(x[i] = identity(x[i]));
    targets.push_back(&edges[i]);
  }
  const auto outputs = reference(x);
  std::vector<Tensor> reached;
  GradOptions options{.create_graph = true, .allow_unused = true};
  for (std::size_t j = 0; j < outputs.size(); ++j) {
    if (!gradients[j].defined()) continue;
    reached.push_back(outputs[j]);
    options.grad_outputs.push_back(gradients[j]);
  }
  auto results = grad(std::span<const Tensor>(reached), std::span<const Tensor>(wanted), options);
  for (std::size_t i = 0; i < results.size(); ++i) sink.put(*targets[i], std::move(results[i]));
}

}  // namespace detail
}  // namespace ebb
