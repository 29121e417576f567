// Certifies gradients against finite differences, for the tests of one's own operations and functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "autograd/tensor_function.h"

namespace ebb {

struct GradcheckOptions {
  double eps = 1e-4;                // the step; f is smooth within two of them
  double atol = 1e-8, rtol = 1e-6;  // |analytic - numeric| <= atol + rtol |numeric|
  std::string name = "gradcheck";   // of what is checked, for the Error
};

// Compares grad() of L = Σ c f(inputs), c fixed random numbers, with the central difference
//
//   dL/dx ≈ (8 (L(x + ε) - L(x - ε)) - (L(x + 2ε) - L(x - 2ε))) / 12ε,   wrong by ε⁴ L⁽⁵⁾ / 30,
//
// in every element x of every input that requires grad; those are float64, the others of any dtype, or
// undefined. Returns the number of elements compared. Error at the first that differs, with its place and both
// derivatives. Outputs that are integers or bool do not count.
//
//   gradcheck([](const std::vector<Tensor>& x) { return x[0] * sin(x[1]); }, {a, b});
std::int64_t gradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs,
                       const GradcheckOptions& options = {});

// The same for the second derivative: gradcheck of the function (inputs, c) → dL/d(inputs). In its Errors the
// inputs beyond f's are the c, one for each output that requires grad.
std::int64_t gradgradcheck(const TensorFunction& f, const std::vector<Tensor>& inputs,
                           const GradcheckOptions& options = {});

}  // namespace ebb
