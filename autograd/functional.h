// Derivatives of functions: of those that take and give any number of tensors, and, in the second form of each, of those
// of one tensor that give one.
//
//   auto f = [](const Tensor& x) { return sum(square(x) * x); };
//   Tensor h = hessian(f, x);            // diag(6 x)
//   Tensor hv = hvp(f, x, v).second;     // without making it
//
// They nest: a function may itself call them. A result can be differentiated again if an input or a vector requires grad,
// or if create_graph is given, as it must be if only what `f` holds besides its inputs does (the weights of a network, for
// a penalty on its Jacobian). Otherwise outputs are detached. No leaf's grad() is touched. Inputs that are not floating
// are passed on, and their derivatives are undefined tensors; that of an output in an input that it does not depend on is
// zero. Error if a vector does not have the shape and dtype of what it belongs to.
//
// There is no vmap: functions take leading dimensions themselves, and those of layers a weight for each example too, by which
// nn::per_sample_grads (nn/per_sample.h) has the gradients of single examples.
#pragma once

#include <utility>
#include <vector>

#include "autograd/tensor_function.h"

namespace ebb {

struct FunctionalOptions {
  bool create_graph = false;
};

// f(x) and vᵀ J, J the Jacobian of f at x: one gradient each for x. `v` has the shapes of f(x); it may be left out if that
// is one number. One backward.
std::pair<Tensors, Tensors> vjp(const TensorFunction& f, const Tensors& x, const Tensors& v = {},
                                const FunctionalOptions& options = {});
std::pair<Tensor, Tensor> vjp(const TensorFunction& f, const Tensor& x, const Tensor& v = {},
                              const FunctionalOptions& options = {});

// f(x) and J v; `v` has the shapes of x. By reverse mode twice, since u ↦ uᵀ J is linear and its transpose is J.
std::pair<Tensors, Tensors> jvp(const TensorFunction& f, const Tensors& x, const Tensors& v,
                                const FunctionalOptions& options = {});
std::pair<Tensor, Tensor> jvp(const TensorFunction& f, const Tensor& x, const Tensor& v,
                              const FunctionalOptions& options = {});

// f(x), one number, and H v, H the Hessian of f at x, by the gradient of (gradient · v) (Pearlmutter: Fast Exact
// Multiplication by the Hessian; 1994). vhp, vᵀ H, is the same, H being symmetric; it has its name for PyTorch's users.
std::pair<Tensor, Tensors> hvp(const TensorFunction& f, const Tensors& x, const Tensors& v,
                               const FunctionalOptions& options = {});
std::pair<Tensor, Tensor> hvp(const TensorFunction& f, const Tensor& x, const Tensor& v,
                              const FunctionalOptions& options = {});
std::pair<Tensor, Tensors> vhp(const TensorFunction& f, const Tensors& x, const Tensors& v,
                               const FunctionalOptions& options = {});
std::pair<Tensor, Tensor> vhp(const TensorFunction& f, const Tensor& x, const Tensor& v,
                              const FunctionalOptions& options = {});

// [i][j]: the derivative of output i in x_j, of shape output.shape + x_j.shape. One backward for each element of the
// outputs.
std::vector<Tensors> jacobian(const TensorFunction& f, const Tensors& x, const FunctionalOptions& options = {});
Tensor jacobian(const TensorFunction& f, const Tensor& x, const FunctionalOptions& options = {});

// [i][j]: the derivative of df/dx_i in x_j; f gives one number. One backward for each element of x.
std::vector<Tensors> hessian(const TensorFunction& f, const Tensors& x, const FunctionalOptions& options = {});
Tensor hessian(const TensorFunction& f, const Tensor& x, const FunctionalOptions& options = {});

}  // namespace ebb
