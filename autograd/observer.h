// Who is told of everything that a thread computes: the ground of Anomaly and Profile.
#pragma once

#include <span>
#include <string_view>

#include "autograd/node.h"

namespace ebb::detail {

enum class Phase : std::uint8_t { forward, backward };

// Note [Observers]: while an Observer lives, it is told of every operation that its thread runs and of every node whose
// gradients it computes, one inside another: a gradient is made of operations. Every begin() has its end(), also
// when an exception ends the work; done() comes before, and only if it was done. Several may live; a later one must end before
// an earlier one.
class Observer {
 public:
  Observer();
  virtual ~Observer();
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;

  virtual void begin(Phase /*phase*/, std::string_view /*name*/) {}
  // The outputs are attached to the graph already; inputs that were left out are undefined.
  virtual void done_forward(std::string_view /*name*/, std::span<const Tensor> /*inputs*/,
                            std::span<const Tensor> /*outputs*/) {}
  // sums: the gradient that each input of the node has got by now, from this node and earlier ones; undefined if none.
  virtual void done_backward(const Node& /*node*/, std::span<const Tensor> /*gradients*/,
                             std::span<const Tensor> /*sums*/) {}
  virtual void end() {}

 private:
  friend class Observed;
  Observer* const outer_;
};

// One piece of work that the thread's observers are told of.
class Observed {
 public:
  Observed(Phase phase, std::string_view name);
  ~Observed();
  Observed(const Observed&) = delete;
  Observed& operator=(const Observed&) = delete;

  void done_forward(std::string_view name, std::span<const Tensor> inputs, std::span<const Tensor> outputs) const;
  void done_backward(const Node& node, std::span<const Tensor> gradients, std::span<const Tensor> sums) const;
};

}  // namespace ebb::detail
