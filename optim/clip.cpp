#include "optim/clip.h"

#include <algorithm>
#include <cmath>

#include "autograd/base/fail.h"
#include "autograd/base/scratch.h"
#include "autograd/capture.h"
#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/update.h"
#include "autograd/node.h"

namespace ebb::optim {
namespace {

// The gradient of p, made dense if it is not; undefined if there is none.
Tensor dense_gradient(Tensor p) {
  const NoGrad off;
  Tensor gradient = p.grad();
  if (gradient.defined() && !gradient.is_contiguous()) {
    gradient = gradient.contiguous();
    p.set_grad(gradient);
  }
  return gradient;
}

// Calls f with the views of all gradients, for writing if `writer` is given. The gradients themselves are
// kept alive by their parameters.
template <class F>
auto with_gradients(const std::vector<Tensor>& parameters, const char* writer, F&& f) {
  ebb::detail::refuse_in_replay("clipping gradients");
  const memory::Scratch<View> views(static_cast<std::int64_t>(parameters.size()));
  std::size_t count = 0;
  for (const auto& p : parameters) {
    const Tensor gradient = dense_gradient(p);
    if (gradient.defined()) views.data()[count++] = writer ? gradient.writable(writer) : gradient.view();
  }
  return f(std::span<const View>(views.data(), count));
}

[[noreturn]] void report_nonfinite(const std::vector<Tensor>& parameters, double norm) {
  const auto culprit = std::find_if(parameters.begin(), parameters.end(),
                                    [](const Tensor& p) { return !std::isfinite(gradient_norm({p})); });
  if (culprit == parameters.end()) fail("clip_grad_norm_: the norm of all gradients together is {}", norm);
  fail(
      "clip_grad_norm_: the norm of the gradients is {}; parameter {} ({}) is the first whose gradient is "
      "not finite",
      norm, culprit - parameters.begin(), describe(*culprit));
}

}  // namespace

double gradient_norm(const std::vector<Tensor>& parameters) {
  return with_gradients(parameters, nullptr, [](std::span<const View> views) { return kernels::norm2(views); });
}

double clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm, const ClipOptions& options) {
  if (!(max_norm >= 0)) fail("clip_grad_norm_: max_norm is {}; it must be 0 or larger", max_norm);
  const double norm = gradient_norm(parameters);
  if (!std::isfinite(norm)) {
    if (options.error_if_nonfinite) report_nonfinite(parameters, norm);
    return norm;
  }
  const double factor = max_norm / (norm + 1e-6);
  if (factor < 1)
    with_gradients(parameters, "clip_grad_norm_",
                   [&](std::span<const View> views) { kernels::scale(views, factor); });
  return norm;
}

void clip_grad_value_(const std::vector<Tensor>& parameters, double clip_value) {
  if (!(clip_value >= 0)) fail("clip_grad_value_: clip_value is {}; it must be 0 or larger", clip_value);
  with_gradients(parameters, "clip_grad_value_", [&](std::span<const View> views) {
    for (const auto& view : views) kernels::unary<kernels::Unary::clamp>(view, view, -clip_value, clip_value);
  });
}

}  // namespace ebb::optim
