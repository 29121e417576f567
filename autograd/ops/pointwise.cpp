#include "autograd/ops/pointwise.h"

namespace ebb {

Tensor neg(const Tensor& x) { return apply(ops::Neg{}, x); }
Tensor exp(const Tensor& x) { return apply(ops::Exp{}, x); }
Tensor log(const Tensor& x) { return apply(ops::Log{}, x); }
Tensor sqrt(const Tensor& x) { return apply(ops::Sqrt{}, x); }
Tensor rsqrt(const Tensor& x) { return apply(ops::Rsqrt{}, x); }
Tensor reciprocal(const Tensor& x) { return apply(ops::Reciprocal{}, x); }
Tensor square(const Tensor& x) { return apply(ops::Square{}, x); }
Tensor abs(const Tensor& x) { return apply(ops::Abs{}, x); }
Tensor sign(const Tensor& x) { return apply(ops::Sign{}, x); }
Tensor sin(const Tensor& x) { return apply(ops::Sin{}, x); }
Tensor cos(const Tensor& x) { return apply(ops::Cos{}, x); }

}  // namespace ebb
