// The gradient of a formula, and the gradient of that.
#include <ebb.h>

#include <iostream>

int main() {
  using namespace ebb;
  auto x = tensor({1.0, 2.0, 3.0}, {.dtype = float64, .requires_grad = true});
  auto y = sum(x * sin(x));
  auto g = grad(y, x, {.create_graph = true});  // sin(x) + x cos(x)
  auto h = grad(sum(g), x);                     // 2 cos(x) - x sin(x)
  std::cout << "y = " << y << "\ny' = " << g << "\ny'' = " << h << '\n';
}
