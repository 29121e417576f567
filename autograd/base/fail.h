// How library code throws: fail() formats the text of an ebb::Error. For .cpp files and internal headers;
// public headers do not include it, so that users do not compile fmt.
#pragma once

#include <fmt/format.h>

#include <utility>

#include "autograd/base/dtype.h"
#include "autograd/base/error.h"
#include "autograd/base/shape.h"

namespace ebb {

template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace ebb

// Shapes, strides and lists of dimensions print as [64, 10].
template <>
struct fmt::formatter<ebb::Dims> : fmt::formatter<fmt::string_view> {
  template <class Context>
  auto format(const ebb::Dims& dims, Context& context) const {
    return fmt::formatter<fmt::string_view>::format(ebb::to_string(dims), context);
  }
};

template <>
struct fmt::formatter<ebb::Shape> : fmt::formatter<ebb::Dims> {};

template <>
struct fmt::formatter<ebb::Dtype> : fmt::formatter<fmt::string_view> {
  template <class Context>
  auto format(ebb::Dtype dtype, Context& context) const {
    return fmt::formatter<fmt::string_view>::format(ebb::name_of(dtype), context);
  }
};
