// The one exception of ebb.
#pragma once

#include <stdexcept>

namespace ebb {

// Thrown on every misuse and on every failure of the outside world. The text names the operation, what
// is wrong with what was given, and what to do:
//
//   matmul: inner sizes differ, 128 and 784 (lhs [64, 128], rhs [784, 10])
//
// After an Error every object is as it was before the call.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace ebb
