#include "autograd/ops/special.h"

namespace ebb {

Tensor erf(const Tensor& x) { return apply(ops::Erf{}, x); }
Tensor erfc(const Tensor& x) { return apply(ops::Erfc{}, x); }
Tensor erfinv(const Tensor& x) { return apply(ops::Erfinv{}, x); }
Tensor lgamma(const Tensor& x) { return apply(ops::Lgamma{}, x); }
Tensor digamma(const Tensor& x) { return apply(ops::Polygamma{0}, x); }
Tensor sinc(const Tensor& x) { return apply(ops::Sinc{}, x); }
Tensor i0(const Tensor& x) { return apply(ops::BesselI{0}, x); }

Tensor polygamma(std::int64_t n, const Tensor& x) {
  constexpr std::int64_t kMost = 1000;
  if (n < 0 || n > kMost) fail("polygamma: n is {}; it must be from 0 to {}", n, kMost);
  return apply(ops::Polygamma{static_cast<int>(n)}, x);
}

}  // namespace ebb
