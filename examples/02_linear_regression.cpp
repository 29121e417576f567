// A line through points, by gradient descent that stops where the gradient vanishes.
#include <ebb.h>

#include <iostream>

int main() {
  using namespace ebb;
  manual_seed(1);
  const auto x = linspace(0, 1, 50, {.dtype = float64});
  const auto y = 3 * x + 2 + randn({50}, {.dtype = float64}) * 0.1;  // slope 3, intercept 2, and noise

  auto slope = zeros({}, {.dtype = float64, .requires_grad = true});
  auto intercept = zeros({}, {.dtype = float64, .requires_grad = true});
  const auto loss = [&] { return mse_loss(slope * x + intercept, y); };

  const auto result =
      optim::minimize(loss, {slope, intercept}, {.tolerance = 1e-8, .max_iterations = 10000, .lr = 0.5});
  std::cout << to_string(result) << "\nslope " << slope << ", intercept " << intercept << '\n';
}
