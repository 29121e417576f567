// A module of one's own is a plain struct: name each layer once, and its weights are found.
#include <ebb.h>

#include <iostream>

using namespace ebb;

// y = x + W₂ tanh(W₁ x)
struct Residual {
  nn::Linear first{16, 32}, second{32, 16};
  Tensor operator()(const Tensor& x) const { return x + second(tanh(first(x))); }
};

struct Net {
  nn::Linear in{2, 16};
  std::vector<Residual> blocks = std::vector<Residual>(2);
  nn::Linear out{16, 1};

  Tensor operator()(Tensor x) const {
    x = in(x);
    for (const auto& block : blocks) x = block(x);
    return out(x);
  }
};

int main() {
  manual_seed(0);
  Net net;
  std::cout << to_string(describe(net)) << '\n';

  // Is a point of the square inside the circle?
  const auto points = rand({512, 2}) * 2 - 1;
  const auto inside = lt(sum(square(points), {1}, true), 0.6).to(float32);
  optim::Adam adam(parameters(net), {.lr = 3e-3});
  for (int step = 0; step <= 300; ++step) {
    adam.zero_grad();
    auto loss = binary_cross_entropy_with_logits(net(points), inside);
    loss.backward({.expect = named_parameters(net)});
    adam.step();
    if (step % 100 == 0) std::cout << "step " << step << "  loss " << loss << '\n';
  }
}
