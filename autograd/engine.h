// Derivatives: grad(), which everything else is made of.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "autograd/tensor.h"

namespace ebb {

struct GradOptions {
  std::vector<Tensor> grad_outputs =
      {};                     // dL/d(output), one each; left out or undefined: ones, for one-element outputs
  bool retain_graph = false;  // keep what the graph has saved; implied by create_graph
  bool create_graph = false;  // the result can be differentiated again
  bool allow_unused = false;  // an input that no output depends on gets an undefined tensor, not an Error
  bool partial = false;       // partial derivatives: how one input was computed from another does not count
};

// Σ d(output)/d(input) · grad_output for each input, which may be leaves or tensors in the middle of the
// graph. Runs only what lies between inputs and outputs and leaves every leaf's grad() alone.
//
//   auto y = sum(x * sin(x));
//   auto g = grad(y, x, {.create_graph = true});   // sin(x) + x cos(x)
//   auto h = grad(sum(g), x);                      // 2 cos(x) - x sin(x)
std::vector<Tensor> grad(std::span<const Tensor> outputs, std::span<const Tensor> inputs,
                         const GradOptions& options = {});
std::vector<Tensor> grad(const Tensor& output, std::initializer_list<Tensor> inputs,
                         const GradOptions& options = {});
std::vector<Tensor> grad(const Tensor& output, const std::vector<Tensor>& inputs, const GradOptions& options = {});
Tensor grad(const Tensor& output, const Tensor& input, const GradOptions& options = {});

// The names of those tensors that `output` was not computed from, or that do not require grad: what
// output.backward() would leave without a gradient.
std::vector<std::string> unreached(const Tensor& output, std::span<const NamedTensor> tensors);

}  // namespace ebb
