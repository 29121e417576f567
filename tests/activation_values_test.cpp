// Activations and losses and their derivatives against values to 50 digits: scripts/record-activations.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "autograd/create.h"
#include "autograd/engine.h"
#include "autograd/ops.h"
#include "data/csv.h"
#include "tests/source_folder.h"

using namespace ebb;

namespace {

// The distance in units of the last place of the exact value, which is rounded to float64, or of `scale` if that is larger.
template <class T>
double ulps(double got, double exact, double scale) {
  if (got == exact) return 0;
  const T rounded =
      std::max({static_cast<T>(std::abs(exact)), static_cast<T>(scale), std::numeric_limits<T>::min()});
  return std::abs(got - exact) /
         static_cast<double>(std::nextafter(rounded, std::numeric_limits<T>::infinity()) - rounded);
}

struct Worst {
  double ulps = 0, at = 0, got = 0, exact = 0;
};

template <class T>
Worst worst(const Tensor& x, const Tensor& got, const Tensor& exact, double scale) {
  const auto xs = x.to_vector<double>(), g = got.to_vector<double>(), e = exact.to_vector<double>();
  Worst most;
  for (std::size_t i = 0; i < xs.size(); ++i)
    if (const double u = ulps<T>(g[i], e[i], scale); !(u <= most.ulps)) most = {u, xs[i], g[i], e[i]};
  return most;
}

using Function = std::function<Tensor(const Tensor&)>;
Tensor quarter(const Tensor& x) { return full_like(x, 0.25); }
constexpr auto kEach = Reduction::none;

// Value, first and second derivative are right to 4 units of the last place; of the numbers themselves, or of those given
// here if they are larger: that is where a difference cancels. (Derivatives of what saturates are made of 1 - y or 1 - y².)
struct Case {
  std::string name;
  Function f;
  double value = 0, first = 0, second = 0;
};

std::vector<Case> cases() {
  return {
      {"tanh", [](const Tensor& x) { return tanh(x); }, 0, 1, 1},
      {"sigmoid", [](const Tensor& x) { return sigmoid(x); }, 0, 1, 1},
      {"softplus", [](const Tensor& x) { return softplus(x); }, 0, 0, 1},
      {"relu", [](const Tensor& x) { return relu(x); }},
      {"leaky_relu", [](const Tensor& x) { return leaky_relu(x); }},
      {"elu", [](const Tensor& x) { return elu(x); }},
      {"gelu", [](const Tensor& x) { return gelu(x); }, 0, 0, 1},
      {"gelu_tanh", [](const Tensor& x) { return gelu(x, Gelu::tanh); }, 1, 1, 16},
      {"silu", [](const Tensor& x) { return silu(x); }, 0, 0, 1},
      {"mish", [](const Tensor& x) { return mish(x); }, 0, 0, 4},
      {"selu", [](const Tensor& x) { return selu(x); }},
      {"celu", [](const Tensor& x) { return celu(x, 2); }},
      {"softsign", [](const Tensor& x) { return softsign(x); }},
      {"logsigmoid", [](const Tensor& x) { return logsigmoid(x); }, 0, 0, 1},
      {"tanhshrink", [](const Tensor& x) { return tanhshrink(x); }, 1, 1, 1},
      {"hardtanh", [](const Tensor& x) { return hardtanh(x); }},
      {"relu6", [](const Tensor& x) { return relu6(x); }},
      {"hardsigmoid", [](const Tensor& x) { return hardsigmoid(x); }},
      {"hardswish", [](const Tensor& x) { return hardswish(x); }},
      {"hardshrink", [](const Tensor& x) { return hardshrink(x); }},
      {"softshrink", [](const Tensor& x) { return softshrink(x); }},
      {"mse_loss", [](const Tensor& x) { return mse_loss(x, quarter(x), kEach); }},
      {"l1_loss", [](const Tensor& x) { return l1_loss(x, quarter(x), kEach); }},
      {"smooth_l1_loss", [](const Tensor& x) { return smooth_l1_loss(x, quarter(x), kEach); }},
      {"huber_loss", [](const Tensor& x) { return huber_loss(x, quarter(x), kEach, 2); }},
      {"bce_with_logits",
       [](const Tensor& x) { return binary_cross_entropy_with_logits(x, quarter(x), {.reduction = kEach}); }, 0, 0,
       1},
      {"bce", [](const Tensor& x) { return binary_cross_entropy(x, quarter(x), {.reduction = kEach}); }, 0, 1, 0},
      {"hinge_loss", [](const Tensor& x) { return hinge_loss(x, ones_like(x), kEach); }},
      {"soft_margin_loss", [](const Tensor& x) { return soft_margin_loss(x, ones_like(x), kEach); }, 0, 0, 1},
      {"poisson_nll_loss",
       [](const Tensor& x) { return poisson_nll_loss(x, full_like(x, 3), {.reduction = kEach}); }, 4, 0, 0},
      {"gaussian_nll_loss",
       [](const Tensor& x) { return gaussian_nll_loss(x, quarter(x), full_like(x, 0.5), {.reduction = kEach}); }},
      {"cross_entropy",
       [](const Tensor& x) {
         const Tensor logits = stack(std::vector<Tensor>{x, zeros_like(x), full_like(x, -1)}, 1);
         return cross_entropy(logits, zeros(x.shape(), {.dtype = int64}) + 1, {.reduction = kEach});
       },
       0, 1, 1},
  };
}

constexpr double kMostUlps = 5;  // 4 where there is FMA

template <class T>
void check_case(const Case& c, const data::Table& table, Dtype dtype) {
  const Tensor x = table[c.name + " x"].to(dtype).clone().set_requires_grad();
  const Tensor y = c.f(x);
  const auto derivative = [&x](const Tensor& of) {
    if (!of.requires_grad()) return zeros_like(x);
    const Tensor g = grad(sum(of), std::vector<Tensor>{x}, {.create_graph = true, .allow_unused = true})[0];
    return g.defined() ? g : zeros_like(x);
  };
  const Tensor first = derivative(y), second = derivative(first);
  const auto check = [&](const Tensor& got, const std::string& column, double scale) {
    const Worst w = worst<T>(x.detach(), got.detach(), table[column], scale);
    CHECK_MESSAGE(w.ulps <= kMostUlps, name_of(dtype), " ", column, " at ", w.at, ": ", w.got, " instead of ",
                  w.exact, ", ", w.ulps, " ulp");
  };
  check(y, c.name, c.value);
  check(first, c.name + " 1", c.first);
  check(second, c.name + " 2", c.second);
}

}  // namespace

TEST_CASE("activations and losses are as exact as their bounds say") {
  const auto table = data::read_csv((test::source_folder() / "tests" / "activation_values.csv").string());
  for (const auto& c : cases()) {
    check_case<double>(c, table, float64);
    check_case<float>(c, table, float32);
  }
}

TEST_CASE("activations do not overflow") {
  const auto at = [](auto f, double x) { return f(tensor({x}, {.dtype = float64})).item(); };
  CHECK(at([](const Tensor& x) { return softplus(x); }, 1000) == 1000);
  CHECK(at([](const Tensor& x) { return softplus(x); }, -1000) == 0);
  CHECK(at([](const Tensor& x) { return logsigmoid(x); }, -1000) == -1000);
  CHECK(log_softmax(tensor({1e4, 0.0}), 0).to_vector<double>() == std::vector<double>{0, -1e4});
}

TEST_CASE("the gradients of losses in closed form") {
  const std::int64_t n = 4;
  const Tensor x = randn({n, 3}, {.dtype = float64, .requires_grad = true});
  const Tensor target = tensor({0, 2, 1, 2});
  const Tensor one_hot = (unsqueeze(target, 1).to(float64) - arange(0, 3, 1, {.dtype = float64})).detach();
  const Tensor y = where(eq(one_hot, 0), ones_like(one_hot), zeros_like(one_hot));
  const Tensor p = softmax(x.detach(), 1);
  CHECK(amax(abs(grad(cross_entropy(x, target), x) - (p - y) / 4.0)).item() <= 1e-15);
  CHECK(amax(abs(grad(mse_loss(x, y), x) - 2.0 * (x.detach() - y) / 12.0)).item() <= 1e-15);
}

// Where pieces meet: those of the headers, and PyTorch's.
TEST_CASE("derivatives at kinks") {
  const auto at = [](const Function& f, double x) {
    const Tensor t = tensor({x}, {.dtype = float64, .requires_grad = true});
    return grad(sum(f(t)), t).item();
  };
  CHECK(at([](const Tensor& x) { return relu(x); }, 0) == 0);
  CHECK(at([](const Tensor& x) { return leaky_relu(x, 0.25); }, 0) == 0.25);
  CHECK(at([](const Tensor& x) { return elu(x, 2); }, 0) == 2);
  CHECK(at([](const Tensor& x) { return selu(x); }, 0) == doctest::Approx(1.7580993408473766).epsilon(1e-15));
  CHECK(at([](const Tensor& x) { return relu6(x); }, 6) == 0);
  CHECK(at([](const Tensor& x) { return hardswish(x); }, -3) == 0);
  CHECK(at([](const Tensor& x) { return hardswish(x); }, 3) == 1);
  CHECK(at([](const Tensor& x) { return hardshrink(x); }, 0.5) == 0);
  CHECK(at([](const Tensor& x) { return softshrink(x); }, -0.5) == 0);
  CHECK(at([](const Tensor& x) { return l1_loss(x, zeros_like(x)); }, 0) == 0);
  CHECK(at([](const Tensor& x) { return hinge_loss(x, ones_like(x)); }, 1) == 0);
}
