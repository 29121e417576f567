// What is demanded of every function at every point where it is tested: the certificate of its gradients.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "autograd/autograd.h"
#include "tests/placement.h"
#include "tests/torch_values.h"

namespace ebb::test {

// A function at one point: an operation's sample, or a public function with its inputs.
struct Case {
  std::string name;  // unique: the key of its recorded values
  TensorFunction f;
  std::vector<Tensor> inputs;           // float64 where floating; undefined where left out
  std::string torch;                    // the same in Python; x[0], x[1], … are the inputs
  std::uint32_t differentiable = ~0u;   // bit i: input i has a gradient, if it is floating; from 32 on all
  int differentiable_outputs = 1 << 8;  // of the outputs, how many, from the first on
  bool smooth = true;                   // finite differences hold: no kink within their reach
  bool second_order = true;             // also for the second derivative
  double placement = 1e-12;             // how far results may depend on memory layouts; 0: not in one bit
  std::optional<TensorFunction> reference = {};
  bool repeats = true;  // false: rows of an input must not be equal, as in matrices that have an inverse

  bool wants(std::size_t input) const {
    const Tensor& x = inputs[input];
    return x.defined() && is_floating(x.dtype()) && (input >= 32 || (differentiable >> input & 1) != 0);
  }
  // How many elements have a derivative.
  std::int64_t elements() const {
    std::int64_t n = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) n += wants(i) ? inputs[i].numel() : 0;
    return n;
  }
};

using Tensors = std::vector<Tensor>;

inline Tensors leaves_of(const Case& c, const Tensors& inputs) {
  Tensors x = inputs;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (c.wants(i)) x[i] = x[i].detach().set_requires_grad();
  return x;
}

struct Result {
  Tensors outputs;
  Tensors gradients;  // of those inputs that have one; zeros where nothing depends on one
  std::vector<std::string_view> made_by;
};

// dL/d(output) for an output.
using Cotangent = std::function<Tensor(const Tensor& output)>;

// cos(k + 1) for element k in row-major order; the recorded values use the same.
inline Tensor usual_cotangent(const Tensor& output) {
  const auto end = static_cast<double>(output.numel() + 1);
  return reshape(cos(arange(1, end, 1, {.dtype = float64})), output.shape()).to(output.dtype());
}

inline Result evaluate(const TensorFunction& f, const Case& c, const Tensors& inputs,
                       const Cotangent& cotangent = usual_cotangent, bool create_graph = false) {
  const Tensors x = leaves_of(c, inputs);
  Tensors wanted, reached;
  GradOptions options{.create_graph = create_graph, .allow_unused = true};
  for (std::size_t i = 0; i < x.size(); ++i)
    if (c.wants(i)) wanted.push_back(x[i]);
  Result result;
  for (const auto& y : f(x)) {
    result.outputs.push_back(y.detach());
    result.made_by.push_back(y.grad_fn());
    if (!y.requires_grad()) continue;
    reached.push_back(y);
    options.grad_outputs.push_back(cotangent(y));
  }
  result.gradients.resize(wanted.size());
  if (!reached.empty())
    result.gradients = grad(std::span<const Tensor>(reached), std::span<const Tensor>(wanted), options);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    auto& g = result.gradients[i];
    g = g.defined() ? g.detach() : zeros_like(wanted[i]);
  }
  return result;
}

inline Result evaluate(const Case& c, const Tensors& inputs, const Cotangent& cotangent = usual_cotangent,
                       bool create_graph = false) {
  return evaluate(c.f, c, inputs, cotangent, create_graph);
}

// -- comparisons; a NaN equals a NaN

inline double largest_of(const Tensor& x) {
  double largest = 0;
  for (const double v : x.to_vector<double>())
    if (std::isfinite(v)) largest = std::max(largest, std::abs(v));
  return largest;
}

// `relative` is of the largest element, or of 1 if all are smaller; 0 demands equal bits.
inline bool same(const Tensor& a, const Tensor& b, double relative) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  const auto x = a.to_vector<double>(), y = b.to_vector<double>();
  if (relative == 0 || !is_floating(a.dtype()))
    return x.empty() || std::memcmp(x.data(), y.data(), x.size() * sizeof(double)) == 0;
  const double largest = std::max(1.0, largest_of(b));
  for (std::size_t k = 0; k < x.size(); ++k) {
    const bool both_nan = std::isnan(x[k]) && std::isnan(y[k]);
    if (!both_nan && x[k] != y[k] && !(std::abs(x[k] - y[k]) <= relative * largest)) return false;
  }
  return true;
}

inline void check_same(const Tensors& got, const Tensors& expected, double relative, const std::string& what) {
  REQUIRE_MESSAGE(got.size() == expected.size(), what);
  for (std::size_t i = 0; i < got.size(); ++i)
    CHECK_MESSAGE(same(got[i], expected[i], relative), what, " ", i, " is\n", to_string(got[i]), "\ninstead of\n",
                  to_string(expected[i]));
}

inline void check_same(const Result& got, const Result& expected, double relative, const std::string& what) {
  check_same(got.outputs, expected.outputs, relative, what + ": output");
  check_same(got.gradients, expected.gradients, relative, what + ": gradient");
  CHECK_MESSAGE(got.made_by == expected.made_by, what, ": the graph differs");
}

// -- the demands

// First and second derivative against finite differences. Returns the number of elements compared.
inline std::int64_t check_derivatives(const Case& c) {
  if (c.elements() == 0 || !c.smooth) return 0;
  const TensorFunction f = [&c](const Tensors& x) {
    Tensors y = c.f(x);
    if (std::ssize(y) > c.differentiable_outputs) y.resize(static_cast<std::size_t>(c.differentiable_outputs));
    return y;
  };
  std::int64_t compared = 0;
  try {
    compared += gradcheck(f, leaves_of(c, c.inputs), {.name = "first derivative"});
    if (c.second_order) compared += gradgradcheck(f, leaves_of(c, c.inputs), {.name = "second derivative"});
  } catch (const Error& error) { FAIL_CHECK(std::string(error.what())); }
  return compared;
}

// The gradient that is recorded for differentiation, by gradN or by the reference, is the one that is not, by
// addN or a fused kernel. Operations with a reference compute what it computes.
inline void check_roads(const Case& c) {
  const Result expected = evaluate(c, c.inputs);
  check_same(evaluate(c, c.inputs, usual_cotangent, true), expected, 1e-11, "with create_graph");
  if (!c.reference) return;
  const Result reference = evaluate(*c.reference, c, c.inputs);
  check_same(reference.outputs, expected.outputs, 1e-12, "reference: output");
}

// Memory layouts of inputs and of the incoming gradient change nothing, but for the order of sums.
inline void check_placements(const Case& c) {
  const Result expected = evaluate(c, c.inputs);
  for (const auto placement : kPlacements) {
    const std::string what(name_of(placement));
    Tensors all;
    for (std::size_t i = 0; i < c.inputs.size(); ++i) {
      Tensors one = c.inputs;
      one[i] = placed(one[i], placement);
      all.push_back(one[i]);
      check_same(evaluate(c, one), expected, c.placement, what + " input " + std::to_string(i));
    }
    check_same(evaluate(c, all), expected, c.placement, what + " inputs");
    const auto cotangent = [&](const Tensor& y) { return placed(usual_cotangent(y), placement); };
    check_same(evaluate(c, c.inputs, cotangent), expected, c.placement, what + " incoming gradient");
  }
}

inline void check_expanded_inputs(const Case& c) {
  if (!c.repeats) return;
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    if (!c.inputs[i].defined()) continue;
    for (int dim = 0; dim < c.inputs[i].dim(); ++dim) {
      Tensors expanded = c.inputs, dense = c.inputs;
      expanded[i] = repeated_along(c.inputs[i], dim);
      dense[i] = expanded[i].clone();
      check_same(evaluate(c, expanded), evaluate(c, dense), c.placement,
                 "input " + std::to_string(i) + " expanded along " + std::to_string(dim));
    }
  }
}

// As it comes from a sum.
inline void check_expanded_gradient(const Case& c) {
  const auto expanded = [](const Tensor& y) { return expand(ones({}, {.dtype = y.dtype()}), y.shape()); };
  check_same(evaluate(c, c.inputs, expanded), evaluate(c, c.inputs, ones_like), c.placement,
             "expanded incoming gradient");
}

// The bits depend on the number of threads nowhere.
inline void check_threads(const Case& c, const Tensors& inputs) {
  const int before = num_threads();
  set_num_threads(1);
  const Result expected = evaluate(c, inputs);
  for (const int threads : {2, 3, 4, 8}) {
    set_num_threads(threads);
    check_same(evaluate(c, inputs), expected, 0, std::to_string(threads) + " threads");
  }
  set_num_threads(before);
}

// float32 agrees with float64 at the same, rounded, point.
inline void check_float32(const Case& c) {
  Tensors single, rounded;
  double largest = 1;  // of the inputs: their rounding errors count
  for (const auto& x : c.inputs) {
    const bool floating = x.defined() && is_floating(x.dtype());
    single.push_back(floating ? x.to(float32) : x);
    rounded.push_back(floating ? single.back().to(float64) : x);
    if (floating) largest = std::max(largest, largest_of(x));
  }
  Result got = evaluate(c, single), expected = evaluate(c, rounded);
  for (auto* tensors : {&got.outputs, &got.gradients})
    for (auto& x : *tensors)
      if (is_floating(x.dtype())) x = x.to(float64);
  check_same(got, expected, 1e-5 * largest, "float32");
}

// An input without a derivative is refused by name, not passed over.
inline void check_refusals(const Case& c, const std::string& op) {
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    if (c.wants(i) || !c.inputs[i].defined() || !is_floating(c.inputs[i].dtype())) continue;
    Tensors x = c.inputs;
    x[i] = x[i].detach().set_requires_grad();
    for (const auto& y : c.f(x)) {
      if (!y.requires_grad()) continue;
      const auto text = op + ": has no derivative with respect to input " + std::to_string(i) +
                        "; detach() that input if its gradient is not needed";
      CHECK_THROWS_WITH_AS(grad(y, x[i], {.grad_outputs = {ones_like(y)}}), text.c_str(), Error);
    }
  }
}

// Values and gradients beside those that PyTorch computed: compare("output" or "gradient", which, ours, PyTorch's).
template <class Compare>
void beside_torch(const Case& c, const Compare& compare) {
  if (c.torch.empty()) return;
  const auto* recorded = TorchValues::recorded().find(c.name, c.torch, c.inputs);
  REQUIRE_MESSAGE(recorded, "no values are recorded for this sample, or other ones; run scripts/record-torch");
  Result result = evaluate(c, c.inputs);
  result.outputs.resize(recorded->outputs.size());
  for (std::size_t j = 0; j < result.outputs.size(); ++j) {
    CHECK(result.outputs[j].shape() == recorded->shapes[j]);
    compare("output", j, result.outputs[j], recorded->outputs[j]);
  }
  REQUIRE(result.gradients.size() == recorded->gradients.size());
  for (std::size_t i = 0; i < result.gradients.size(); ++i)
    compare("gradient", i, result.gradients[i], recorded->gradients[i]);
}

inline void check_torch(const Case& c) {
  beside_torch(c, [](const char* what, std::size_t i, const Tensor& got, const std::vector<double>& expected) {
    check_close(got, expected, std::string("PyTorch: ") + what + " " + std::to_string(i));
  });
}

// The elements in the opposite order.
inline Tensor reversed(const Tensor& x) {
  const Tensor flat = reshape(x, {-1}), y = empty_like(flat);
  for (std::int64_t i = 0; i < flat.numel(); ++i) select(y, 0, i).copy_(select(flat, 0, -1 - i));
  return reshape(y, x.shape());
}

// A replay computes, from these inputs, what it has recorded with others.
inline void check_replay(const Case& c, bool create_graph) {
  Tensors given, others;
  for (const auto& x : c.inputs) {
    if (!x.defined()) continue;
    given.push_back(x);
    others.push_back(reversed(x));
  }
  Result result;
  detail::Recorded recorded;
  recorded.record(others, [&](std::span<const Tensor> x) {
    Tensors inputs;
    for (const auto& one : c.inputs) {
      inputs.push_back(one.defined() ? x.front() : one);
      if (one.defined()) x = x.subspan(1);
    }
    result = evaluate(c, inputs, usual_cotangent, create_graph);
  });
  recorded.run(given);
  check_same(result, evaluate(c, c.inputs, usual_cotangent, create_graph), 0, "replay");
}

// All of them. Returns the number of elements that were compared with finite differences.
inline std::int64_t certify(const Case& c) {
  INFO(c.name);
  const auto before = memory::stats().live_blocks;
  const std::int64_t compared = check_derivatives(c);
  CHECK_MESSAGE((compared >= c.elements() || !c.smooth), "not all elements were compared");
  check_roads(c);
  check_placements(c);
  check_expanded_inputs(c);
  check_expanded_gradient(c);
  check_threads(c, c.inputs);
  check_float32(c);
  check_torch(c);
  check_replay(c, false);
  check_replay(c, true);
  CHECK_MESSAGE(memory::stats().live_blocks == before, "memory was leaked");
  return compared;
}

// All but replay: for functions that read values.
inline void certify_without_replay(const Case& c) {
  INFO(c.name);
  check_derivatives(c);
  check_roads(c);
  check_placements(c);
  check_expanded_gradient(c);
  check_threads(c, c.inputs);
  check_float32(c);
  check_torch(c);
}

inline void certify_all(const std::vector<Case>& cases) {
  for (const auto& c : cases) certify(c);
}

}  // namespace ebb::test
