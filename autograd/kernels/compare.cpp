#include <type_traits>

#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/strided.h"

namespace ebb::kernels {
namespace {

using Byte = std::uint8_t;  // a bool is 0 or 1

// F is a lambda without captures.
template <class T, class F>
RunKernel comparison(F) {
  return [](const Run& run) {
    const auto* a = static_cast<const T*>(run.x[0]);
    const auto* b = static_cast<const T*>(run.x[1]);
    auto* y = static_cast<Byte*>(run.y);
    const std::int64_t n = run.n;  // which no y can change: only so are these loops done by vectors
    for (std::int64_t i = 0; i < n; ++i) y[i] = F()(a[i], b[i]);
  };
}

template <class T>
RunKernel comparison_of(Compare f) {
  switch (f) {
    case Compare::eq:
      return comparison<T>([](T a, T b) { return a == b; });
    case Compare::ne:
      return comparison<T>([](T a, T b) { return a != b; });
    case Compare::lt:
      return comparison<T>([](T a, T b) { return a < b; });
    case Compare::le:
      return comparison<T>([](T a, T b) { return a <= b; });
    case Compare::gt:
      return comparison<T>([](T a, T b) { return a > b; });
    case Compare::ge:
      break;
  }
  return comparison<T>([](T a, T b) { return a >= b; });
}

template <class T>
void select(const Run& run) {
  const auto* condition = static_cast<const Byte*>(run.x[0]);
  const auto* a = static_cast<const T*>(run.x[1]);
  const auto* b = static_cast<const T*>(run.x[2]);
  auto* y = static_cast<T*>(run.y);
  const std::int64_t n = run.n;
  for (std::int64_t i = 0; i < n; ++i) {
    const T yes = a[i], no = b[i];  // both are read, so that it can be done by vectors
    y[i] = condition[i] != 0 ? yes : no;
  }
}

// The type that holds elements of T.
template <class T>
using Stored = std::conditional_t<std::is_same_v<T, bool>, Byte, T>;

}  // namespace

void compare(Compare f, const View& y, const View& a, const View& b) {
  const RunKernel kernel = visit(a.dtype, [&]<class T>(T*) { return comparison_of<Stored<T>>(f); });
  for_each_run(kernel, Grain::cheap, whole_run(0, 0, y, a, b), y, a, b);
}

void where(const View& y, const View& condition, const View& a, const View& b) {
  const RunKernel kernel = visit(y.dtype, []<class T>(T*) -> RunKernel { return select<Stored<T>>; });
  for_each_run(kernel, Grain::cheap, whole_run(0, 0, y, condition, a, b), y, condition, a, b);
}

}  // namespace ebb::kernels
