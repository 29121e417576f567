// Convolutions whose lanes are the images of a batch: for few channels, and rows that fill no vectors or meet padding.
#pragma once

#include "autograd/base/view.h"
#include "autograd/kernels/conv_filter.h"
#include "autograd/kernels/conv_plan.h"

namespace ebb::kernels::conv {

// y[o] = bias[o] + Σ_k w(o, k) x[k] in each group, see Note [A gradient is a correlation too]. bias.data may be null.
template <class T>
struct Operands {
  View y, x;
  Filter<const T> filter;
  View bias;
  Sweep rows, columns;
  std::int64_t groups;
};

// True if correlate_batch() pays: a pixel is summed from no more than the inputs that are inside of the image, in full
// vectors, but images are copied to lanes and back.
template <class T>
bool suits_batch(const Operands<T>& c);

template <class T>
void correlate_batch(const Operands<T>& c);

}  // namespace ebb::kernels::conv
