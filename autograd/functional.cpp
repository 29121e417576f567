#include "autograd/functional.h"

#include <algorithm>
#include <string_view>

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "autograd/engine.h"
#include "autograd/node.h"
#include "autograd/ops.h"

namespace ebb {
namespace {

bool any_requires_grad(const Tensors& x) {
  return std::any_of(x.begin(), x.end(), [](const Tensor& t) { return t.defined() && t.requires_grad(); });
}

// A function's value at a point of its own graph: `x` are inputs that nothing before it can be mixed up with, which lead
// on to what they were computed from.
struct Evaluated {
  Tensors x, outputs;
};

Evaluated evaluate(const TensorFunction& f, const Tensors& inputs) {
  Evaluated at;
  for (const auto& x : inputs) {
    const bool floating = x.defined() && is_floating(x.dtype());
    at.x.push_back(!floating ? x : x.requires_grad() ? identity(x) : x.detach().set_requires_grad());
  }
  at.outputs = f(at.x);
  return at;
}

// vᵀ J, with zeros where nothing depends on an input.
Tensors pull_back(const Tensors& outputs, const Tensors& x, const Tensors& v, bool create_graph,
                  bool retain_graph) {
  Tensors reached, wanted;
  GradOptions options{.retain_graph = retain_graph, .create_graph = create_graph, .allow_unused = true};
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].requires_grad()) continue;
    reached.push_back(outputs[i]);
    options.grad_outputs.push_back(v.empty() ? Tensor() : v[i]);
  }
  for (const auto& t : x)
    if (t.defined() && t.requires_grad()) wanted.push_back(t);
  Tensors found(wanted.size());
  if (!reached.empty()) found = grad(std::span<const Tensor>(reached), std::span<const Tensor>(wanted), options);
  Tensors all;
  std::size_t next = 0;
  for (const auto& t : x) {
    if (!t.defined() || !t.requires_grad()) {
      all.emplace_back();
      continue;
    }
    const Tensor& g = found[next++];
    all.push_back(g.defined() ? g : zeros_like(t));
  }
  return all;
}

void check_vectors(std::string_view name, std::string_view of, const Tensors& x, const Tensors& v) {
  if (v.size() != x.size()) fail("{}: {} vectors for {} {}; give one for each", name, v.size(), x.size(), of);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!x[i].defined() || !is_floating(x[i].dtype())) continue;
    if (!v[i].defined() || v[i].shape() != x[i].shape() || v[i].dtype() != x[i].dtype())
      fail("{}: vector {} is {}, that of the {} {}; they must be alike", name, i, describe(v[i]), of,
           describe(x[i]));
  }
}

const Tensor& only_number(std::string_view name, const Tensors& outputs) {
  if (outputs.size() != 1 || outputs[0].numel() != 1)
    fail("{}: the function gives {}; it must give one number", name,
         outputs.size() == 1 ? describe(outputs[0]) : fmt::format("{} tensors", outputs.size()));
  return outputs[0];
}

Tensors detached_unless(bool keep, Tensors x) {
  if (!keep)
    for (auto& t : x)
      if (t.defined()) t = t.detach();
  return x;
}

// Σ a · b, of what is defined.
Tensor inner_product(const Tensors& a, const Tensors& b) {
  Tensor total;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!a[i].defined()) continue;
    const Tensor part = sum(a[i] * b[i]);
    total = total.defined() ? total + part : part;
  }
  return total;
}

Shape joined(const Shape& a, const Shape& b) {
  Dims sizes;
  for (const auto size : a) sizes.push_back(size);
  for (const auto size : b) sizes.push_back(size);
  return Shape(sizes);
}

// The derivatives of y's elements in x, one backward each.
Tensors rows_of_derivatives(const Tensor& y, const Tensors& x, bool create_graph, bool retain_graph) {
  const Tensor flat = reshape(y, {-1});
  std::vector<Tensors> rows(x.size());
  for (std::int64_t i = 0; i < y.numel(); ++i) {
    const bool last = i + 1 == y.numel();
    const Tensors row = pull_back({select(flat, 0, i)}, x, {}, create_graph, retain_graph || !last);
    for (std::size_t j = 0; j < x.size(); ++j) rows[j].push_back(row[j]);
  }
  Tensors stacked;
  for (std::size_t j = 0; j < x.size(); ++j) {
    const bool differentiable = x[j].defined() && x[j].requires_grad();
    const Tensor all = !differentiable   ? Tensor()
                       : rows[j].empty() ? zeros(joined(y.shape(), x[j].shape()), {.dtype = x[j].dtype()})
                                         : reshape(stack(rows[j]), joined(y.shape(), x[j].shape()));
    stacked.push_back(all);
  }
  return stacked;
}

}  // namespace

std::pair<Tensors, Tensors> vjp(const TensorFunction& f, const Tensors& x, const Tensors& v,
                                const FunctionalOptions& options) {
  const bool again = options.create_graph || any_requires_grad(x) || any_requires_grad(v);
  const EnableGrad on;
  const auto at = evaluate(f, x);
  if (v.empty()) (void)only_number("vjp without a vector", at.outputs);
  else check_vectors("vjp", "outputs", at.outputs, v);
  const Tensors product = pull_back(at.outputs, at.x, v, again, again);
  return {detached_unless(again, at.outputs), product};
}

std::pair<Tensors, Tensors> jvp(const TensorFunction& f, const Tensors& x, const Tensors& v,
                                const FunctionalOptions& options) {
  const bool again = options.create_graph || any_requires_grad(x) || any_requires_grad(v);
  const EnableGrad on;
  check_vectors("jvp", "inputs", x, v);
  const auto at = evaluate(f, x);
  Tensors u;  // whatever: the product with J is linear in it
  for (const auto& y : at.outputs)
    u.push_back(is_floating(y.dtype()) ? zeros_like(y).set_requires_grad() : Tensor());
  const Tensor pulled = inner_product(pull_back(at.outputs, at.x, u, true, true), v);
  Tensors product = pull_back({pulled}, u, {}, again, again);
  return {detached_unless(again, at.outputs), detached_unless(again, product)};
}

std::pair<Tensor, Tensors> hvp(const TensorFunction& f, const Tensors& x, const Tensors& v,
                               const FunctionalOptions& options) {
  const bool again = options.create_graph || any_requires_grad(x) || any_requires_grad(v);
  const EnableGrad on;
  check_vectors("hvp", "inputs", x, v);
  const auto at = evaluate(f, x);
  const Tensor& y = only_number("hvp", at.outputs);
  const Tensor slope = inner_product(pull_back(at.outputs, at.x, {}, true, true), v);
  return {again ? y : y.detach(), detached_unless(again, pull_back({slope}, at.x, {}, again, again))};
}

std::pair<Tensor, Tensors> vhp(const TensorFunction& f, const Tensors& x, const Tensors& v,
                               const FunctionalOptions& options) {
  return hvp(f, x, v, options);
}

std::vector<Tensors> jacobian(const TensorFunction& f, const Tensors& x, const FunctionalOptions& options) {
  const bool again = options.create_graph || any_requires_grad(x);
  const EnableGrad on;
  const auto at = evaluate(f, x);
  std::vector<Tensors> rows;
  for (const auto& y : at.outputs)
    rows.push_back(detached_unless(again, rows_of_derivatives(y, at.x, again, true)));
  return rows;
}

std::vector<Tensors> hessian(const TensorFunction& f, const Tensors& x, const FunctionalOptions& options) {
  const bool again = options.create_graph || any_requires_grad(x);
  const EnableGrad on;
  const auto at = evaluate(f, x);
  (void)only_number("hessian", at.outputs);
  std::vector<Tensors> rows;
  for (const auto& g : pull_back(at.outputs, at.x, {}, true, true))
    rows.push_back(g.defined() ? detached_unless(again, rows_of_derivatives(g, at.x, again, true))
                               : Tensors(x.size()));
  return rows;
}

// -- of one tensor

std::pair<Tensor, Tensor> vjp(const TensorFunction& f, const Tensor& x, const Tensor& v,
                              const FunctionalOptions& options) {
  const auto [y, product] = vjp(f, Tensors{x}, v.defined() ? Tensors{v} : Tensors(), options);
  return {y.at(0), product.at(0)};
}
std::pair<Tensor, Tensor> jvp(const TensorFunction& f, const Tensor& x, const Tensor& v,
                              const FunctionalOptions& options) {
  const auto [y, product] = jvp(f, Tensors{x}, Tensors{v}, options);
  return {y.at(0), product.at(0)};
}
std::pair<Tensor, Tensor> hvp(const TensorFunction& f, const Tensor& x, const Tensor& v,
                              const FunctionalOptions& options) {
  const auto [y, product] = hvp(f, Tensors{x}, Tensors{v}, options);
  return {y, product.at(0)};
}
std::pair<Tensor, Tensor> vhp(const TensorFunction& f, const Tensor& x, const Tensor& v,
                              const FunctionalOptions& options) {
  return hvp(f, x, v, options);
}
Tensor jacobian(const TensorFunction& f, const Tensor& x, const FunctionalOptions& options) {
  return jacobian(f, Tensors{x}, options).at(0).at(0);
}
Tensor hessian(const TensorFunction& f, const Tensor& x, const FunctionalOptions& options) {
  return hessian(f, Tensors{x}, options).at(0).at(0);
}

}  // namespace ebb
