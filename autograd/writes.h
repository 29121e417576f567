// Writing into a tensor that exists: what every function that does it checks and notes.
#pragma once

#include "autograd/capture.h"
#include "autograd/tensor.h"

namespace ebb::detail {

// An Error where a history would be lost, or where several elements are one.
void check_writable(const char* name, const Tensor& x);

// `source`, without history, as an operand of a write into `x`: of its shape, and not of its memory, unless it is the
// very same elements.
Tensor operand_of(const char* name, const Tensor& x, const Tensor& source);

// Runs a kernel on x, which it writes, and on operands; `kernel` holds values only.
void write(const Tensor& x, const char* writer, auto kernel, const auto&... operands) {
  launch(kernel, x.writable(writer), operands.view()...);
  if (!thread_state.capture) return;
  thread_state.capture->keep_written(x);
  (thread_state.capture->keep(operands), ...);
}

}  // namespace ebb::detail
