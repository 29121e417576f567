// fmt::print("{}\n", x) for tensors, shapes and dtypes. Apart from the other headers, so that only who prints
// compiles fmt.
#pragma once

#include <fmt/format.h>

#include "autograd/base/fail.h"
#include "autograd/tensor.h"

template <>
struct fmt::formatter<ebb::Tensor> : fmt::formatter<fmt::string_view> {
  template <class Context>
  auto format(const ebb::Tensor& x, Context& context) const {
    return fmt::formatter<fmt::string_view>::format(ebb::to_string(x), context);
  }
};
