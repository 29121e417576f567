#include "optim/muon.h"

#include <algorithm>
#include <cmath>

#include "autograd/create.h"
#include "autograd/kernels/elementwise.h"
#include "autograd/node.h"
#include "autograd/ops.h"

namespace ebb::optim {
namespace {

Tensor copy_of(const View& x) {
  const Tensor y = empty(*x.shape, x.dtype);
  kernels::copy(y.view(), x);
  return y;
}

// Nearly the orthogonal matrix nearest to u: odd polynomials of u, which raise all its singular values towards 1. The
// smaller Gram matrix of the two is made.
Tensor orthogonalized(const Tensor& u, const MuonOptions& o) {
  const bool tall = u.size(0) > u.size(1);
  Tensor x = tall ? t(u) : u;
  x = x / std::max(std::sqrt(sum(square(x)).to(float64).item()), o.eps);
  for (std::int64_t i = 0; i < o.ns_steps; ++i) {
    const Tensor a = matmul(x, t(x));
    x = x * o.ns_a + matmul(a * o.ns_b + matmul(a, a) * o.ns_c, x);
  }
  return tall ? t(x) : x;
}

}  // namespace

void muon(const kernels::UpdateSlot& slot, const MuonOptions& o) {
  const NoGrad off;
  const Tensor g = o.maximize ? -copy_of(slot.gradient) : copy_of(slot.gradient);
  const auto blend = [&](const Tensor& old) { return old * o.momentum + g * (1 - o.momentum); };
  const Tensor momentum = blend(copy_of(slot.buffers[0]));
  kernels::copy(slot.buffers[0], momentum.view());
  const Tensor direction = orthogonalized(o.nesterov ? blend(momentum) : momentum, o).contiguous();

  const auto rows = static_cast<double>(slot.parameter.size(0)),
             columns = static_cast<double>(slot.parameter.size(1));
  const double scale = o.adjust_lr_fn == MuonOptions::AdjustLr::original
                           ? std::sqrt(std::max(1.0, rows / columns))
                           : 0.2 * std::sqrt(std::max(rows, columns));
  // p - lr weight_decay p - lr scale X, as a step of SGD by lr scale
  const kernels::UpdateSlot move{slot.parameter, direction.view()};
  kernels::update({&move, 1}, kernels::SgdStep{.lr = o.lr * scale, .weight_decay = o.weight_decay / scale});
}

}  // namespace ebb::optim
