#include "autograd/observer.h"

#include <utility>

namespace ebb::detail {

Observer::Observer() : outer_(std::exchange(thread_state.observer, this)) { thread_state.watch(); }

Observer::~Observer() {
  thread_state.observer = outer_;
  thread_state.watch();
}

Observed::Observed(Phase phase, std::string_view name) {
  for (auto* o = thread_state.observer; o != nullptr; o = o->outer_) o->begin(phase, name);
}

Observed::~Observed() {
  for (auto* o = thread_state.observer; o != nullptr; o = o->outer_) o->end();
}

void Observed::done_forward(std::string_view name, std::span<const Tensor> inputs,
                            std::span<const Tensor> outputs) const {
  for (auto* o = thread_state.observer; o != nullptr; o = o->outer_) o->done_forward(name, inputs, outputs);
}

void Observed::done_backward(const Node& node, std::span<const Tensor> gradients,
                             std::span<const Tensor> sums) const {
  for (auto* o = thread_state.observer; o != nullptr; o = o->outer_) o->done_backward(node, gradients, sums);
}

}  // namespace ebb::detail
