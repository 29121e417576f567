// Products with Jacobians and Hessians, and their nesting, against closed forms and PyTorch 2.15.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "autograd/autograd.h"
#include "tests/expect_error.h"

using namespace ebb;

namespace {

Tensor f64(std::initializer_list<double> values) { return tensor(values, {.dtype = float64}); }

void check_close(const Tensor& found, const std::vector<double>& expected, const Shape& shape) {
  REQUIRE(found.shape() == shape);
  const auto values = found.to_vector<double>();
  for (std::size_t i = 0; i < expected.size(); ++i)
    CHECK(values[i] == doctest::Approx(expected[i]).epsilon(1e-12).scale(1));
}

// (x y, sin x + y²) of two vectors, element by element.
std::vector<Tensor> two(const std::vector<Tensor>& x) { return {x[0] * x[1], sin(x[0]) + square(x[1])}; }

// Σ x² y, whose Hessian is [[2y, 2x], [2x, 0]].
Tensor cubic(const std::vector<Tensor>& x) { return sum(square(x[0]) * x[1]); }

}  // namespace

TEST_CASE("vjp, jvp and jacobian of two inputs and outputs") {
  const Tensor x = f64({1, 2}), y = f64({3, -1});
  const std::vector<Tensor> v{f64({1, -1}), f64({0.5, 2})};
  const double c1 = std::cos(1.0), c2 = std::cos(2.0);
  const auto [outputs, pulled] = vjp(two, {x, y}, v);
  check_close(outputs[0], {3, -2}, {2});
  check_close(pulled[0], {3 + 0.5 * c1, 1 + 2 * c2}, {2});
  check_close(pulled[1], {1 + 0.5 * 6, -2 - 4}, {2});
  const auto pushed = jvp(two, {x, y}, v).second;
  check_close(pushed[0], {3 * 1 + 1 * 0.5, -1 * -1 + 2 * 2}, {2});
  check_close(pushed[1], {c1 + 6 * 0.5, -c2 - 2 * 2}, {2});
  const auto rows = jacobian(two, {x, y});
  check_close(rows[0][0], {3, 0, 0, -1}, {2, 2});
  check_close(rows[0][1], {1, 0, 0, 2}, {2, 2});
  check_close(rows[1][0], {c1, 0, 0, c2}, {2, 2});
  check_close(rows[1][1], {6, 0, 0, -2}, {2, 2});
  CHECK(!outputs[0].requires_grad());
  CHECK(!pulled[0].requires_grad());
  CHECK(!pushed[0].requires_grad());
  CHECK(!rows[0][0].requires_grad());
}

TEST_CASE("hvp, vhp and hessian") {
  const Tensor x = f64({1, 2}), y = f64({3, -1});
  const std::vector<Tensor> v{f64({1, -1}), f64({0.5, 2})};
  for (const auto& [value, product] : {hvp(cubic, {x, y}, v), vhp(cubic, {x, y}, v)}) {
    CHECK(value.item() == 3 - 4);
    check_close(product[0], {6 * 1 + 2 * 0.5, -2 * -1 + 4 * 2}, {2});
    check_close(product[1], {2 * 1, 4 * -1}, {2});
  }
  const auto rows = hessian(cubic, {x, y});
  check_close(rows[0][0], {6, 0, 0, -2}, {2, 2});
  check_close(rows[0][1], {2, 0, 0, 4}, {2, 2});
  check_close(rows[1][0], {2, 0, 0, 4}, {2, 2});
  check_close(rows[1][1], {0, 0, 0, 0}, {2, 2});
}

TEST_CASE("functions of one tensor, of matrices, of nothing") {
  const auto f = [](const Tensor& x) { return matmul(x, x); };
  const Tensor a = reshape(f64({1, 2, 3, 4}), {2, 2}), u = reshape(f64({1, 0, -1, 2}), {2, 2});
  // d(A²) U = A U + U A; uᵀ d(A²) = Aᵀ U + U Aᵀ
  check_close(jvp(f, a, u).second, {-1 + 1, 4 + 2, -1 + 5, 8 + 6}, {2, 2});
  check_close(vjp(f, a, u).second, {-2 + 1, 6 + 3, -2 + 3, 8 + 5}, {2, 2});
  CHECK(jacobian(f, a).shape() == Shape{2, 2, 2, 2});
  const auto power = [](const Tensor& x) { return sum(square(x) * x); };
  check_close(hessian(power, f64({1, 2})), {6, 0, 0, 12}, {2, 2});
  check_close(hvp(power, f64({1, 2}), f64({1, 1})).second, {6, 12}, {2});
  check_close(vjp(power, f64({1, 2})).second, {3, 12}, {2});
  CHECK(hessian(power, zeros({0}, {.dtype = float64})).shape() == Shape{0, 0});
  CHECK(jacobian([](const Tensor& x) { return x; }, zeros({0, 2}, {.dtype = float64})).shape() ==
        Shape{0, 2, 0, 2});
  const auto constant = [](const Tensor&) { return f64({1, 2, 3}); };
  check_close(jacobian(constant, f64({1, 2})), {0, 0, 0, 0, 0, 0}, {3, 2});
  check_close(jvp(constant, f64({1, 2}), f64({1, 2})).second, {0, 0, 0}, {3});
  const auto linear_function = [](const Tensor& x) { return sum(x * 3); };
  check_close(hessian(linear_function, f64({1, 2})), {0, 0, 0, 0}, {2, 2});
  check_close(hvp(linear_function, f64({1, 2}), f64({1, 2})).second, {0, 0}, {2});
}

// The third derivative of x⁴ is 24 x, however it is nested.
TEST_CASE("they nest") {
  const auto fourth = [](const Tensor& x) { return sum(square(square(x))); };
  const auto slope = [&](const Tensor& x) { return vjp(fourth, x).second; };
  const auto curvature = [&](const Tensor& x) { return sum(jvp(slope, x, ones_like(x)).second); };
  const Tensor x = f64({1, -2});
  check_close(slope(x), {4, -32}, {2});
  check_close(jacobian(slope, x), {12, 0, 0, 48}, {2, 2});
  check_close(vjp(curvature, x).second, {24, -48}, {2});
  check_close(jacobian([&](const Tensor& t) { return hvp(fourth, t, ones_like(t)).second; }, x), {24, 0, 0, -48},
              {2, 2});
  check_close(jacobian([&](const Tensor& t) { return hessian(fourth, t); }, x), {24, 0, 0, 0, 0, 0, 0, -48},
              {2, 2, 2});
}

TEST_CASE("what a function holds can be differentiated with create_graph") {
  const Tensor w = f64({2, 3}).set_requires_grad();
  const auto f = [&](const Tensor& x) { return w * square(x); };
  const Tensor j = jacobian(f, f64({1, 2}), {.create_graph = true});  // diag(2 w x)
  check_close(grad(sum(j), w), {2, 4}, {2});
  CHECK(!jacobian(f, f64({1, 2})).requires_grad());
  CHECK(!w.grad().defined());
  const Tensor x = f64({1, 2}).set_requires_grad();
  check_close(grad(sum(jacobian(f, x)), x), {4, 6}, {2});
  const NoGrad off;
  check_close(jacobian(f, f64({1, 2})), {4, 0, 0, 12}, {2, 2});
}

TEST_CASE("indices pass through") {
  const auto pick = [](const std::vector<Tensor>& x) { return square(index_select(x[0], 0, x[1])); };
  const auto rows = jacobian(pick, {f64({3, 5}), tensor({1})});
  check_close(rows[0][0], {0, 10}, {1, 2});
  CHECK(!rows[0][1].defined());
}

TEST_CASE("vectors that do not fit, functions of more than a number") {
  const Tensor x = f64({1, 2});
  const auto f = [](const Tensor& t) { return square(t); };
  CHECK_ERROR(vjp(f, x), "vjp without a vector: the function gives float64 [2]; it must give one number");
  CHECK_ERROR(vjp(f, x, f64({1})),
              "vjp: vector 0 is float64 [1], that of the outputs float64 [2]; they must be alike");
  CHECK_ERROR(jvp(f, x, tensor({1.0, 2.0})),
              "jvp: vector 0 is float32 [2], that of the inputs float64 [2]; they must be alike");
  CHECK_ERROR(hessian(f, x), "hessian: the function gives float64 [2]; it must give one number");
  CHECK_ERROR(hvp(two, {x, x}, {x, x}), "hvp: the function gives 2 tensors; it must give one number");
  CHECK_ERROR(jvp(two, {x, x}, {x}), "jvp: 1 vectors for 2 inputs; give one for each");
}
