#include "autograd/gradcheck.h"

#include <cmath>
#include <span>

#include "autograd/base/fail.h"
#include "autograd/base/random.h"
#include "autograd/create.h"
#include "autograd/engine.h"
#include "autograd/ops.h"

namespace ebb {
namespace {

using Tensors = std::vector<Tensor>;

bool is_wanted(const Tensor& x) { return x.defined() && x.requires_grad(); }

Tensors wanted_of(const Tensors& inputs) {
  Tensors wanted;
  for (const auto& x : inputs)
    if (is_wanted(x)) wanted.push_back(x);
  return wanted;
}

void require_checkable(const Tensors& inputs, const GradcheckOptions& options) {
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (is_wanted(inputs[i]) && inputs[i].dtype() != float64)
      fail("{}: input {} is {}; finite differences need float64, convert it by to(float64)", options.name, i,
           describe(inputs[i]));
  if (wanted_of(inputs).empty())
    fail("{}: no input requires grad, so there is nothing to check; call set_requires_grad()", options.name);
}

// The inputs as leaves of their own, in the same memory.
Tensors leaves_of(const Tensors& inputs) {
  Tensors leaves = inputs;
  for (auto& x : leaves)
    if (is_wanted(x)) x = x.detach().set_requires_grad();
  return leaves;
}

// The fixed numbers c, one tensor for each output, undefined where that is not floating: from 1 to 1.5 in size,
// of either sign.
Tensors weights_of(const Tensors& outputs, const GradcheckOptions& options) {
  Generator random{20260725};
  Tensors weights(outputs.size());
  for (std::size_t j = 0; j < outputs.size(); ++j) {
    if (!is_floating(outputs[j].dtype())) continue;
    if (outputs[j].dtype() != float64)
      fail("{}: output {} is {}; finite differences need float64", options.name, j, describe(outputs[j]));
    const Tensor u = rand(outputs[j].shape(), {.dtype = float64, .generator = &random});
    weights[j] = where(u < 0.5, u - 1.5, u + 0.5);
  }
  return weights;
}

// dL/d(each wanted input), zeros where L does not depend on it. `weights` belong to the outputs that require
// grad.
Tensors gradients(const Tensors& outputs, const Tensors& weights, const Tensors& wanted, bool create_graph) {
  GradOptions options{.create_graph = create_graph, .allow_unused = true};
  options.grad_outputs = weights;
  Tensors result(wanted.size());
  if (!outputs.empty()) result = grad(std::span<const Tensor>(outputs), std::span<const Tensor>(wanted), options);
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (!result[i].defined()) result[i] = zeros_like(wanted[i]);
  return result;
}

Tensors analytic(const TensorFunction& f, const Tensors& inputs, const Tensors& weights) {
  const Tensors x = leaves_of(inputs), outputs = f(x);
  Tensors reached, seeds;
  for (std::size_t j = 0; j < outputs.size(); ++j) {
    if (!outputs[j].requires_grad()) continue;
    reached.push_back(outputs[j]);
    seeds.push_back(weights[j]);
  }
  return gradients(reached, seeds, wanted_of(x), false);
}

// L along a line through one element of one input, its derivative by differences.
class Differences {
 public:
  Differences(const TensorFunction& f, const Tensors& inputs, const Tensors& weights, double eps)
      : f_(f), inputs_(inputs), eps_(eps) {
    for (const auto& c : weights) weights_.push_back(c.defined() ? c.to_vector<double>() : std::vector<double>());
  }

  double slope(std::size_t input, std::int64_t element) const {
    const auto near = difference(input, element, eps_), far = difference(input, element, 2 * eps_);
    double sum = 0;
    for (std::size_t k = 0; k < near.size(); ++k) sum += (8 * near[k] - far[k]) / (12 * eps_);
    return sum;
  }

 private:
  // c (f(x + step) - f(x - step)), element by element: what does not change cancels exactly.
  std::vector<double> difference(std::size_t input, std::int64_t element, double step) const {
    const Tensors above = f_(moved(input, element, step)), below = f_(moved(input, element, -step));
    std::vector<double> terms;
    for (std::size_t j = 0; j < weights_.size(); ++j) {
      if (weights_[j].empty()) continue;
      const auto a = above[j].to_vector<double>(), b = below[j].to_vector<double>();
      for (std::size_t k = 0; k < a.size(); ++k) terms.push_back(weights_[j][k] * (a[k] - b[k]));
    }
    return terms;
  }

  Tensors moved(std::size_t input, std::int64_t element, double step) const {
    Tensors x = inputs_;
    x[input] = x[input].detach().clone();
    x[input].data<double>()[element] += step;
    x[input].set_requires_grad();
    return x;
  }

  const TensorFunction& f_;
  const Tensors& inputs_;
  double eps_;
  std::vector<std::vector<double>> weights_;
};

}  // namespace

std::int64_t gradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs,
                       const GradcheckOptions& options) {
  require_checkable(inputs, options);
  const Tensors weights = weights_of(f(inputs), options), gradient = analytic(f, inputs, weights);
  const Differences differences(f, inputs, weights, options.eps);
  std::int64_t compared = 0;
  std::size_t place = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!is_wanted(inputs[i])) continue;
    const auto values = gradient[place++].to_vector<double>();
    for (std::size_t k = 0; k < values.size(); ++k, ++compared) {
      const double slope = differences.slope(i, static_cast<std::int64_t>(k));
      const double tolerance = options.atol + options.rtol * std::abs(slope);
      if (!(std::abs(values[k] - slope) <= tolerance))
        fail(
            "{}: the derivative in element {} of input {} ({}) is {} by its gradient, {} by differences; they may "
            "differ by {}; correct the gradient",
            options.name, k, i, describe(inputs[i]), values[k], slope, tolerance);
    }
  }
  return compared;
}

std::int64_t gradgradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs,
                           const GradcheckOptions& options) {
  require_checkable(inputs, options);
  const Tensors outputs = f(inputs), weights = weights_of(outputs, options);
  Tensors all = inputs;
  std::vector<std::size_t> reached;
  for (std::size_t j = 0; j < outputs.size(); ++j) {
    if (!outputs[j].requires_grad()) continue;
    reached.push_back(j);
    all.push_back(weights[j]);
    all.back().set_requires_grad();
  }
  const auto gradient = [&](const Tensors& x_and_c) {
    const auto middle = x_and_c.begin() + static_cast<std::ptrdiff_t>(inputs.size());
    const Tensors x(x_and_c.begin(), middle), y = f(x);
    Tensors differentiated;
    for (const auto j : reached) differentiated.push_back(y[j]);
    return gradients(differentiated, Tensors(middle, x_and_c.end()), wanted_of(x), true);
  };
  return gradcheck(gradient, all, options);
}

}  // namespace ebb
