// An operation of one's own: one struct, on the same road as the library's, certified by the same check.
#include <ebb.h>

#include <cmath>
#include <iostream>

using namespace ebb;

// y = x / (1 + |x|), which is softsign; y' = 1 / (1 + |x|)².
struct Softsign {
  static constexpr std::string_view name = "softsign";

  Spec infer(const Tensor& x) const { return {x.shape(), x.dtype()}; }
  void forward(View y, View x) const {
    const auto* in = x.as<double>();  // a real one would serve other dtypes and strides too
    auto* out = y.as<double>();
    for (std::int64_t i = 0; i < y.numel(); ++i) out[i] = in[i] / (1 + std::abs(in[i]));
  }
  Tensor grad0(Grad g, In<0> x) const { return g / square(1 + abs(x)); }

  static Samples<Softsign> samples(Generator& random) {
    return {{{}, {randn({5}, {.dtype = float64, .generator = &random})}, "torch.nn.functional.softsign(x[0])"}};
  }
};

Tensor softsign(const Tensor& x) {
  if (x.dtype() != float64) throw Error("softsign: give a float64 tensor, convert it by to(float64)");
  return apply(Softsign{}, x.contiguous());
}

int main() {
  auto x = tensor({-2.0, 0.5, 3.0}, {.dtype = float64, .requires_grad = true});
  auto y = softsign(x);
  sum(y).backward();
  std::cout << "softsign  " << y << "\ngradient  " << x.grad() << '\n';

  // Both derivatives against finite differences; an Error would say where they differ.
  const auto f = [](const std::vector<Tensor>& inputs) { return softsign(inputs[0]); };
  gradcheck(f, {x});
  gradgradcheck(f, {x});
  std::cout << "first and second derivative certified\n";
}
