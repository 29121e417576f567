#include "autograd/node.h"

#include <algorithm>

#include "autograd/base/fail.h"
#include "autograd/base/memory.h"
#include "autograd/capture.h"
#include "autograd/kernels/elementwise.h"
#include "autograd/op.h"
#include "autograd/ops.h"

namespace ebb {

void Node::add_hook(std::uint32_t output, Hook hook) {
  if (!hooks_) hooks_ = std::make_unique<std::vector<OutputHook>>();
  hooks_->push_back({output, std::move(hook)});
}

// Note [No recursion]: the last handle of a graph's root would free the root, whose edges free their nodes,
// and so on, as deep as the graph. Nodes to destroy therefore wait in a list, and only the outermost call
// destroys.
void Node::destroy(Node* node) noexcept {
  static constinit thread_local Node* waiting = nullptr;
  static constinit thread_local bool busy = false;
  node->next_ = waiting;
  waiting = node;
  if (busy) return;
  busy = true;
  while (Node* next = waiting) {
    waiting = next->next_;
    delete next;
  }
  busy = false;
}

void* Node::operator new(std::size_t bytes) { return memory::allocate(bytes); }
void Node::operator delete(void* node, std::size_t bytes) noexcept { memory::release(node, bytes); }

void Leaf::accumulate(Tensor gradient) {
  if (!grad.defined()) {
    grad = gradient.requires_grad() || gradient.is_exclusive() ? std::move(gradient) : gradient.clone();
    if (thread_state.capture)
      thread_state.capture->add_action([self = Ref<Leaf>::share(this), again = grad] { self->take(again); });
  } else if (thread_state.recording || grad.requires_grad()) {
    grad = grad + gradient;
    if (thread_state.capture)
      thread_state.capture->add_action([self = Ref<Leaf>::share(this), again = grad] { self->grad = again; });
  } else {
    kernels::add_into(grad.writable("backward"), gradient.view());
    if (thread_state.capture)
      thread_state.capture->add_action([self = Ref<Leaf>::share(this), again = gradient] { self->take(again); });
  }
}

void Leaf::take(const Tensor& gradient) {
  if (grad.handle().get() == gradient.handle().get())
    fail(
        "Replay: the gradients of the last call are still there and were overwritten; call zero_grad() within the "
        "function");
  (void)gradient.writable("Replay");
  if (!grad.defined()) grad = gradient;
  else kernels::add_into(grad.writable("backward"), gradient.view());
}

namespace detail {
namespace {
constinit OpInfo* registry = nullptr;
}

bool register_op(OpInfo& info) {
  info.next = registry;
  registry = &info;
  return true;
}

void Saved::changed(std::string_view name, const char* what, int index) const {
  const auto& buffer = *tensor_.impl().buffer;
  fail(
      "{}: {} {} ({}) was saved for backward and then changed by {} ({} writes since); clone() it before the "
      "change, "
      "or change it after backward",
      name, what, index, describe(tensor_), buffer.writer ? buffer.writer : "a write",
      tensor_.version() - version_);
}

void no_derivative(std::string_view name, int input) {
  fail("{}: has no derivative with respect to input {}; detach() that input if its gradient is not needed", name,
       input);
}

void no_second_derivative(std::string_view name) {
  fail(
      "{}: its gradient is fused and can not be differentiated again; give the operation a reference() in "
      "primitive ones",
      name);
}

Tensor with_edge(const Tensor& saved, Node* node, std::uint32_t output) {
  Tensor t = saved.detach();
  t.impl().edge = {Ref<Node>::share(node), output};
  return t;
}

}  // namespace detail

std::vector<OpInfo> registered_ops() {
  std::vector<OpInfo> ops;
  for (const OpInfo* info = detail::registry; info != nullptr; info = info->next) ops.push_back(*info);
  return ops;
}

}  // namespace ebb
