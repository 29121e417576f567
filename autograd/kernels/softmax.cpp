#include <array>

#include "autograd/kernels/reduce.h"
#include "autograd/kernels/softmax_rows.h"

namespace ebb::kernels {
namespace {

// Calls the kernel that `choose` picks for the dtype on all rows along `dim`; the first view is the result.
template <int K, class Choose>
void on_rows(const std::array<View, K>& views, int dim, Choose&& choose) {
  if (views[0].numel() == 0) return;
  visit_floating(views[0].dtype, [&]<class T>(T*) {
    void (*const kernel)(const Rows<T, K>&) = choose(std::get<SoftmaxRows<T>>(softmax_rows()));
    RowLoops<T, K>(views, dim, FirstOperand::written).for_each(kernel);
  });
}

}  // namespace

void softmax(View y, View x, int dim) {
  on_rows<2>({y, x}, dim, [](const auto& kernels) { return kernels.softmax; });
}

void log_softmax(View y, View x, int dim) {
  on_rows<2>({y, x}, dim, [](const auto& kernels) { return kernels.log_softmax; });
}

void softmax_backward(View gx, View g, View y, int dim) {
  on_rows<3>({gx, g, y}, dim, [](const auto& kernels) { return kernels.softmax_backward; });
}

void log_softmax_backward(View gx, View g, View y, int dim) {
  on_rows<3>({gx, g, y}, dim, [](const auto& kernels) { return kernels.log_softmax_backward; });
}

void logsumexp_backward(const View& gx, const View& g, const View& x, const View& y) {
  const RunKernel kernel = visit_floating(
      x.dtype, []<class T>(T*) { return std::get<SoftmaxRows<T>>(softmax_rows()).logsumexp_backward; });
  for_each_run(kernel, Grain::costly, whole_run(0, 0, gx, g, x, y), gx, g, x, y);
}

}  // namespace ebb::kernels
