// Elements that depend on their number in row-major order.
#pragma once

#include "autograd/base/parallel.h"
#include "autograd/base/scratch.h"
#include "autograd/kernels/elementwise.h"
#include "autograd/kernels/strided.h"

namespace ebb::kernels {

// A contiguous tensor of y's shape and dtype for the duration of a call.
template <class T>
class ContiguousCopy {
 public:
  explicit ContiguousCopy(const View& like)
      : scratch_(like.numel()),
        strides_(contiguous_strides(*like.shape)),
        view_{scratch_.data(), like.shape, &strides_, like.dtype, true} {}
  const View& view() const { return view_; }

 private:
  memory::Scratch<T> scratch_;
  Dims strides_;
  View view_;
};

// Calls write(first, count, data) for pieces of y, in parallel: it writes elements [first, first + count) to data, side
// by side. `first` is a multiple of Grain::cheap.
template <class T, class Write>
void write_in_order(const View& y, Write&& write) {
  if (!y.contiguous) {
    const ContiguousCopy<T> ordered(y);
    write_in_order<T>(ordered.view(), write);
    return copy(y, ordered.view());
  }
  parallel_for(y.numel(), static_cast<std::int64_t>(Grain::cheap),
               [&](std::int64_t begin, std::int64_t end) { write(begin, end - begin, y.as<T>() + begin); });
}

}  // namespace ebb::kernels
