#include <algorithm>

#include "autograd/base/fail.h"
#include "autograd/kernels/numbers.h"
#include "autograd/kernels/reduce.h"
#include "autograd/kernels/softmax_rows.h"

namespace ebb::kernels {
namespace {

void check_targets(const View& target, std::int64_t classes, std::int64_t ignore_index) {
  const Strided<const std::int64_t> targets(target);
  for (std::int64_t i = 0; i < target.size(0); ++i) {
    const std::int64_t t = targets[i];
    if ((t < 0 || t >= classes) && t != ignore_index)
      fail("cross_entropy: target {} at row {} is outside [0, {}) and is not ignore_index {}", t, i, classes,
           ignore_index);
  }
}

}  // namespace

void cross_entropy(View per_row, View x, View target, std::int64_t ignore_index) {
  check_targets(target, x.size(1), ignore_index);
  const Strided<const std::int64_t> targets(target);
  visit_floating(x.dtype, [&]<class T>(T*) {
    const Strided<T> losses(per_row);
    RowLoops<T, 1>({x}, 1, FirstOperand::read).for_each([&](const Rows<T, 1>& rows) {
      const memory::Scratch<double> logsumexp(rows.count);
      std::get<SoftmaxRows<T>>(softmax_rows()).logsumexp(logsumexp.data(), rows);
      for (std::int64_t i = 0; i < rows.count; ++i) {
        const std::int64_t t = targets[rows.first + i];
        losses[rows.first + i] =
            t == ignore_index ? T(0) : static_cast<T>(logsumexp[i] - static_cast<double>(rows.row(0, i)[t]));
      }
    });
  });
}

void cross_entropy_backward(View gx, View x, View target, View scale, std::int64_t ignore_index) {
  check_targets(target, x.size(1), ignore_index);
  const Strided<const std::int64_t> targets(target);
  visit_floating(x.dtype, [&]<class T>(T*) {
    const Strided<const T> scales(scale);
    RowLoops<T, 2>({gx, x}, 1, FirstOperand::written).for_each([&](const Rows<T, 2>& rows) {
      const memory::Scratch<double> factor(rows.count);
      for (std::int64_t i = 0; i < rows.count; ++i) factor[i] = static_cast<double>(scales[rows.first + i]);
      std::get<SoftmaxRows<T>>(softmax_rows()).scaled_softmax(rows, factor.data());
      for (std::int64_t i = 0; i < rows.count; ++i) {
        const std::int64_t t = targets[rows.first + i];
        if (t == ignore_index) {
          std::fill_n(rows.row(0, i), rows.n, T(0));
        } else {
          rows.row(0, i)[t] -= scales[rows.first + i];
        }
      }
    });
  });
}

}  // namespace ebb::kernels
