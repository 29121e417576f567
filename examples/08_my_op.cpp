// An operation of one's own: one struct, on the same road as the library's, certified by the same check.
#include <ebb.h>

#include <cmath>
#include <iostream>

using namespace ebb;

// y = (x + √(x² + 4)) / 2, Barron's squareplus (2021, equation 1); y' = (1 + x / √(x² + 4)) / 2.
struct Squareplus {
  static constexpr std::string_view name = "squareplus";

  Spec infer(const Tensor& x) const { return {x.shape(), x.dtype()}; }
  void forward(View y, View x) const {
    const auto* in = x.as<double>();  // a real one would serve other dtypes and strides too
    auto* out = y.as<double>();
    for (std::int64_t i = 0; i < y.numel(); ++i) out[i] = (in[i] + std::sqrt(in[i] * in[i] + 4)) / 2;
  }
  Tensor grad0(Grad g, In<0> x) const { return g * (x / sqrt(square(x) + 4) + 1) / 2; }

  static Samples<Squareplus> samples(Generator& random) {
    return {{{}, {randn({5}, {.dtype = float64, .generator = &random})}, "(x[0] + (x[0] ** 2 + 4).sqrt()) / 2"}};
  }
};

Tensor squareplus(const Tensor& x) {
  if (x.dtype() != float64) throw Error("squareplus: give a float64 tensor, convert it by to(float64)");
  return apply(Squareplus{}, x.contiguous());
}

int main() {
  auto x = tensor({-2.0, 0.5, 3.0}, {.dtype = float64, .requires_grad = true});
  auto y = squareplus(x);
  sum(y).backward();
  std::cout << "squareplus  " << y << "\ngradient    " << x.grad() << '\n';

  // Both derivatives against finite differences; an Error would say where they differ.
  const auto f = [](const std::vector<Tensor>& inputs) { return squareplus(inputs[0]); };
  gradcheck(f, {x});
  gradgradcheck(f, {x});
  std::cout << "first and second derivative certified\n";
}
