// gradcheck and gradgradcheck: what they accept, and that they refuse every kind of wrong gradient.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "autograd/autograd.h"
#include "tests/expect_error.h"

using namespace ebb;

namespace {

using Tensors = std::vector<Tensor>;

Tensor leaf(std::initializer_list<double> values) {
  return tensor(values, {.dtype = float64, .requires_grad = true});
}

// x³ with the gradient `slope` x², which is right if slope is 3.
struct Cube {
  static constexpr std::string_view name = "cube";
  double slope = 3;
  Spec infer(const Tensor& x) const { return {x.shape(), x.dtype()}; }
  void forward(View y, View x) const {
    for (std::int64_t i = 0; i < y.numel(); ++i) y.as<double>()[i] = std::pow(x.as<double>()[i], 3);
  }
  Tensor grad0(Grad g, In<0> x) const { return g * square(x) * slope; }
  static Samples<Cube> samples(Generator&) { return {}; }
};

// x² whose gradient is right in value, but cut off from x: the second derivative is lost.
struct SeveredSquare {
  static constexpr std::string_view name = "severed_square";
  Spec infer(const Tensor& x) const { return {x.shape(), x.dtype()}; }
  void forward(View y, View x) const {
    for (std::int64_t i = 0; i < y.numel(); ++i) y.as<double>()[i] = std::pow(x.as<double>()[i], 2);
  }
  Tensor grad0(Grad g, In<0> x) const { return g * x.detach() * 2; }
  static Samples<SeveredSquare> samples(Generator&) { return {}; }
};

// The text of the Error that f throws.
template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const Error& error) { return error.what(); }
  return "no error";
}

}  // namespace

TEST_CASE("bug class 26: right gradients pass, and every element is compared") {
  const auto a = leaf({0.5, -1, 2}), b = leaf({1, 2, 3});
  const auto product = [](const Tensors& x) { return x[0] * sin(x[1]); };
  CHECK(gradcheck(product, {a, b}) == 6);
  CHECK(gradgradcheck(product, {a, b}) == 9);  // also in the three gradients of the output
  CHECK(gradcheck([](const Tensors& x) { return apply(Cube{}, x[0]); }, {a}) == 3);
  CHECK(gradcheck([](std::span<const Tensor> x) { return sum(x[0]); }, {a}) == 3);
}

TEST_CASE("several outputs, inputs left out, integers, and inputs that want no gradient") {
  const auto a = leaf({0.5, -1, 2});
  const auto weight = tensor({1.0, 2.0, 3.0}, {.dtype = float64});
  const auto index = tensor({2, 0});
  const auto f = [](const Tensors& x) {
    return Tensors{index_select(exp(x[0]), 0, x[2]) * (x[3].defined() ? 0.0 : 1.0), x[0] * x[1], argmax(x[0])};
  };
  CHECK(gradcheck(f, {a, weight, index, Tensor()}) == 3);
  CHECK(gradgradcheck(f, {a, weight, index, Tensor()}) == 3 + 2 + 3);
}

TEST_CASE("an input that is not used, or is used twice, or is a part of another") {
  const auto a = leaf({0.5, -1}), b = leaf({1, 2});
  CHECK(gradcheck([](const Tensors& x) { return exp(x[0]); }, {a, b}) == 4);
  CHECK(gradcheck([](const Tensors& x) { return x[0] * x[1]; }, {a, a}) == 4);
  const auto m = rand({3, 2}, {.dtype = float64, .requires_grad = true});
  CHECK(gradcheck([](const Tensors& x) { return exp(x[0]); }, {transpose(m.detach(), 0, 1).set_requires_grad()}) ==
        6);
}

TEST_CASE("it leaves the inputs and their gradients alone") {
  const auto a = leaf({0.5, -1});
  const auto version = a.version();
  gradcheck([](const Tensors& x) { return exp(x[0]); }, {a});
  gradgradcheck([](const Tensors& x) { return exp(x[0]); }, {a});
  CHECK(a.version() == version);
  CHECK(!a.grad().defined());
}

TEST_CASE("bug class 26: a wrong gradient is an Error that says where") {
  const auto a = leaf({1, 2});
  const auto wrong = [](const Tensors& x) { return x[0] + apply(Cube{3.003}, x[1]); };
  const auto text = error_of([&] { gradcheck(wrong, {a, a}, {.name = "wrong cube"}); });
  CHECK(text.starts_with("wrong cube: the derivative in element 0 of input 1 (float64 [2]) is "));
  CHECK(text.ends_with("; correct the gradient"));
  CHECK(error_of([&] { gradcheck(wrong, {a, a}, {.rtol = 0.01}); }) == "no error");
}

TEST_CASE("a gradient that is missing is one that is wrong") {
  const auto a = leaf({1, 2});
  CHECK(error_of([&] { gradcheck([](const Tensors& x) { return x[0] * x[0].detach(); }, {a}); }) != "no error");
  CHECK(error_of([&] { gradcheck([](const Tensors& x) { return exp(x[0].detach()); }, {a}); }) != "no error");
  CHECK(error_of([&] {
          gradcheck([](const Tensors& x) { return exp(x[0]).to(int64).to(float64) + x[0]; }, {a});
        }) == "no error");  // constant between the integers
}

TEST_CASE("a gradient that is right but cut off fails in the second order") {
  const auto a = leaf({1, 2});
  const auto f = [](const Tensors& x) { return apply(SeveredSquare{}, x[0]); };
  CHECK(gradcheck(f, {a}) == 2);
  CHECK(error_of([&] {
          gradgradcheck(f, {a}, {.name = "second"});
        }).starts_with("second: the derivative in element 0 of input 0 (float64 [2]) is 0 by its gradient, "));
}

TEST_CASE("a NaN is not close to anything") {
  const auto a = leaf({-1});
  CHECK(error_of([&] { gradcheck([](const Tensors& x) { return log(x[0]); }, {a}); }) != "no error");
}

TEST_CASE("what can not be checked is refused") {
  const auto f = [](const Tensors& x) { return exp(x[0]); };
  CHECK_ERROR(gradcheck(f, {ones({2}, {.requires_grad = true})}),
              "gradcheck: input 0 is float32 [2]; finite differences need float64, convert it by to(float64)");
  CHECK_ERROR(gradgradcheck(f, {ones({2}, {.dtype = float64})}),
              "gradcheck: no input requires grad, so there is nothing to check; call set_requires_grad()");
  CHECK_ERROR(gradcheck([](const Tensors& x) { return x[0].to(float32); }, {leaf({1})}),
              "gradcheck: output 0 is float32 [1]; finite differences need float64");
  CHECK(gradcheck(f, {zeros({0, 3}, {.dtype = float64, .requires_grad = true})}) == 0);
}
