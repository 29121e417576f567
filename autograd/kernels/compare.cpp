#include <type_traits>

#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/strided.h"

namespace ebb::kernels {
namespace {

using Byte = std::uint8_t;  // a bool is 0 or 1

template <Compare F, class T>
bool holds(T a, T b) {
  if constexpr (F == Compare::eq) return a == b;
  if constexpr (F == Compare::ne) return a != b;
  if constexpr (F == Compare::lt) return a < b;
  if constexpr (F == Compare::le) return a <= b;
  if constexpr (F == Compare::gt) return a > b;
  if constexpr (F == Compare::ge) return a >= b;
}

template <Compare F, class T>
void comparison(const Run& run) {
  const auto* a = static_cast<const T*>(run.x[0]);
  const auto* b = static_cast<const T*>(run.x[1]);
  auto* y = static_cast<Byte*>(run.y);
  const std::int64_t n = run.n;  // which no y can change: only so are these loops done by vectors
  for (std::int64_t i = 0; i < n; ++i) y[i] = holds<F>(a[i], b[i]);
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

template <Compare F>
void compare(const View& y, const View& a, const View& b) {
  const RunKernel kernel = visit(a.dtype, []<class T>(T*) -> RunKernel { return comparison<F, Stored<T>>; });
  for_each_run(kernel, Grain::cheap, whole_run(0, 0, y, a, b), y, a, b);
}
template void compare<Compare::eq>(const View&, const View&, const View&);
template void compare<Compare::ne>(const View&, const View&, const View&);
template void compare<Compare::lt>(const View&, const View&, const View&);
template void compare<Compare::le>(const View&, const View&, const View&);
template void compare<Compare::gt>(const View&, const View&, const View&);
template void compare<Compare::ge>(const View&, const View&, const View&);

void where(const View& y, const View& condition, const View& a, const View& b) {
  const RunKernel kernel = visit(y.dtype, []<class T>(T*) -> RunKernel { return select<Stored<T>>; });
  for_each_run(kernel, Grain::cheap, whole_run(0, 0, y, condition, a, b), y, condition, a, b);
}

}  // namespace ebb::kernels
