#include "autograd/checkpoint.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "autograd/base/fail.h"
#include "autograd/capture.h"
#include "autograd/create.h"
#include "autograd/engine.h"
#include "autograd/op.h"
#include "autograd/ops.h"

namespace ebb {
namespace {

using detail::Edge;

constexpr const char* kName = "checkpoint";
constexpr std::size_t kMostOutputs = 8;

// While one lives, the thread's random numbers are those from a place on.
class RandomFrom {
 public:
  explicit RandomFrom(const Generator& place) : before_(std::exchange(default_generator(), place)) {}
  ~RandomFrom() { default_generator() = before_; }
  RandomFrom(const RandomFrom&) = delete;
  RandomFrom& operator=(const RandomFrom&) = delete;

 private:
  Generator before_;
};

// Where the graph of `outputs` leaves what this thread has recorded since `last_id`: at inputs, and at whatever else was
// there before.
std::vector<Edge> borders(const Tensors& outputs, std::uint64_t last_id) {
  std::vector<Edge> found;
  std::unordered_set<const Node*> entered;
  std::vector<const Node*> to_enter;
  const auto meet = [&](const Edge& edge) {
    Node* node = edge.node.get();
    if (node == nullptr) return;
    const bool inside = node->is_mine() && node->id() > last_id && !node->is_leaf();
    const auto same = [&](const Edge& e) { return e.node.get() == node && e.output == edge.output; };
    if (inside && entered.insert(node).second) to_enter.push_back(node);
    if (!inside && std::none_of(found.begin(), found.end(), same)) found.push_back(edge);
  };
  for (const auto& y : outputs) meet(detail::edge_of(y));
  while (!to_enter.empty()) {
    const Node* node = to_enter.back();
    to_enter.pop_back();
    for (const auto& edge : node->edges()) meet(edge);
  }
  return found;
}

// A tensor at that place of the graph, for grad() to name it by; without memory of its size.
Tensor stand_in(const Edge& edge) {
  const Spec& spec = edge.node->outputs()[edge.output];
  return detail::with_edge(expand(zeros({}, {.dtype = spec.dtype}), Dims(spec.shape)), edge.node.get(),
                           edge.output);
}

bool has_graph(const Tensor& x) { return x.defined() && x.requires_grad(); }

// The edges are those of the inputs, then those of what else the function used; the outputs are those of the function's
// that require grad.
class CheckpointNode final : public Node {
 public:
  CheckpointNode(const TensorFunction& f, const Tensors& x, std::vector<Edge> edges, std::vector<Spec> outputs,
                 const Generator& random)
      : Node(kName, edges, outputs),
        f_(f),
        x_(x.size()),
        defined_(x.size()),
        edges_(std::move(edges)),
        outputs_(std::move(outputs)),
        random_(random) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      x_[i].keep(x[i]);
      defined_[i] = x[i].defined();
    }
    enter_graph();
  }

  void backward(std::span<const Tensor> gradients, GradSink& sink) override {
    Tensors wanted, reached;
    std::vector<const Edge*> targets;
    GradOptions options{.create_graph = is_grad_enabled(), .allow_unused = true, .partial = true};
    const auto want = [&](const Tensor& x, const Edge& edge) {
      wanted.push_back(x);
      targets.push_back(&edge);
    };
    const EnableGrad on;
    Tensors x;
    for (std::size_t i = 0; i < x_.size(); ++i) {
      const Tensor input = defined_[i] ? x_[i].get(kName, "input", static_cast<int>(i)) : Tensor();
      const bool wants = edges_[i].node && sink.wants(edges_[i]);
      x.push_back(wants ? identity(input) : input.defined() ? input.detach() : input);
      if (wants) want(x[i], edges_[i]);
    }
    for (std::size_t i = x_.size(); i < edges_.size(); ++i)
      if (sink.wants(edges_[i])) want(stand_in(edges_[i]), edges_[i]);

    std::size_t next = 0;
    for (const auto& y : run_again(x)) {
      if (!has_graph(y)) continue;
      if (next == gradients.size()) another_result();
      const Tensor& g = gradients[next++];
      if (!g.defined()) continue;
      reached.push_back(y);
      options.grad_outputs.push_back(g);
    }
    if (next != gradients.size()) another_result();
    auto results = grad(std::span<const Tensor>(reached), std::span<const Tensor>(wanted), options);
    for (std::size_t i = 0; i < results.size(); ++i) sink.put(*targets[i], std::move(results[i]));
  }

  void free_saved() override {
    for (auto& x : x_) x.drop();
  }

 private:
  Tensors run_again(const Tensors& x) const {
    const RandomFrom place(random_);
    return f_(x);
  }

  [[noreturn]] void another_result() const {
    fail("{}: the function gave other outputs in backward than before; it must compute the same again", kName);
  }

  TensorFunction f_;
  std::vector<detail::Saved> x_;
  std::vector<bool> defined_;
  std::vector<Edge> edges_;
  std::vector<Spec> outputs_;
  Generator random_;
};

}  // namespace

Tensors checkpoint(const TensorFunction& f, const Tensors& x) {
  detail::refuse_in_replay(kName);
  if (!is_grad_enabled()) return f(x);
  const Generator random = default_generator();
  Tensors inputs;
  for (const auto& t : x) inputs.push_back(has_graph(t) ? identity(t) : t);
  const std::uint64_t last_id = thread_state.last_id;
  Tensors outputs = f(inputs);

  std::vector<Edge> edges;
  for (const auto& t : x) edges.push_back(detail::edge_of(t));
  for (const auto& border : borders(outputs, last_id)) {
    const auto is_border = [&](const Tensor& t) {
      return has_graph(t) && t.impl().edge.node.get() == border.node.get();
    };
    if (std::none_of(inputs.begin(), inputs.end(), is_border)) edges.push_back(border);
  }
  std::vector<Spec> specs;
  for (const auto& y : outputs)
    if (has_graph(y)) specs.push_back({y.shape(), y.dtype()});
  if (specs.empty()) return outputs;
  if (specs.size() > kMostOutputs)
    fail("{}: the function gives {} tensors that require grad; it may give {}", kName, specs.size(), kMostOutputs);

  const auto node =
      Ref<CheckpointNode>::adopt(new CheckpointNode(f, x, std::move(edges), std::move(specs), random));
  std::uint32_t next = 0;
  for (auto& y : outputs)
    if (has_graph(y)) y = detail::with_edge(y, node.get(), next++);
  return outputs;
}

Tensor checkpoint(const TensorFunction& f, const Tensor& x) { return checkpoint(f, Tensors{x}).at(0); }

}  // namespace ebb
