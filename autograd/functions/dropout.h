// Dropout. While not training, and for p = 0, each is x itself. Random numbers come from `generator`, or
// default_generator() if that is null.
#pragma once

#include "autograd/base/random.h"
#include "autograd/tensor.h"

namespace ebb {

// Zeros each element with probability p and scales the others by 1 / (1 - p) (Srivastava, Hinton, Krizhevsky, Sutskever,
// Salakhutdinov 2014).
Tensor dropout(const Tensor& x, double p = 0.5, bool training = true, Generator* generator = nullptr);
// The same of whole channels (Tompson, Goroshin, Jain, LeCun, Bregler 2015): x [n, c, l] or [c, l]; [n, c, h, w] or, as
// in PyTorch, [n, c, l]; [n, c, d, h, w] or [c, d, h, w].
Tensor dropout1d(const Tensor& x, double p = 0.5, bool training = true, Generator* generator = nullptr);
Tensor dropout2d(const Tensor& x, double p = 0.5, bool training = true, Generator* generator = nullptr);
Tensor dropout3d(const Tensor& x, double p = 0.5, bool training = true, Generator* generator = nullptr);
// For networks of selu(): sets elements, or whole channels of x [n, c, ..], with probability p to that one's limit
// -1.7580… and maps all by a x + b, so that mean 0 and variance 1 stay (Klambauer, Unterthiner, Mayr, Hochreiter 2017);
// p = 1: 0. As in PyTorch, training must be asked for.
Tensor alpha_dropout(const Tensor& x, double p = 0.5, bool training = false, Generator* generator = nullptr);
Tensor feature_alpha_dropout(const Tensor& x, double p = 0.5, bool training = false,
                             Generator* generator = nullptr);

}  // namespace ebb
