#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "autograd/ops.h"
#include "optim/clip.h"
#include "optim/minimize.h"
#include "tests/optim_support.h"

using namespace ebb;

// -- clipping

TEST_CASE("clipping by norm") {
  const Tensor p = leaf({0.0, 0.0}), q = leaf({0.0}), idle = leaf({0.0});
  give(p, {3.0, 0.0});
  give(q, {4.0});
  CHECK(optim::clip_grad_norm_({p, idle, q}, 10) == 5);
  CHECK(p.grad().to_vector<double>() == std::vector<double>{3, 0});
  CHECK(optim::clip_grad_norm_({p, idle, q}, 1) == 5);
  CHECK(p.grad().to_vector<double>()[0] == doctest::Approx(3 / (5 + 1e-6)).epsilon(1e-14));
  CHECK(q.grad().item() == doctest::Approx(4 / (5 + 1e-6)).epsilon(1e-14));
  CHECK(optim::clip_grad_norm_({idle}, 1) == 0);
  CHECK_ERROR(optim::clip_grad_norm_({p}, -1), "clip_grad_norm_: max_norm is -1; it must be 0 or larger");
}

TEST_CASE("bug class 21: a norm that is not finite") {
  const Tensor p = leaf({0.0, 0.0}), q = leaf({0.0}), r = leaf({0.0}, float32);
  give(p, {3.0, 0.0});
  give(q, {std::numeric_limits<double>::infinity()});
  give(r, {std::nan("")});
  CHECK_ERROR(
      optim::clip_grad_norm_({p, q, r}, 1),
      "clip_grad_norm_: the norm of the gradients is nan; parameter 1 (float64 [1]) is the first whose gradient "
      "is not finite");
  CHECK(p.grad().to_vector<double>()[0] == 3);
  CHECK(std::isinf(optim::clip_grad_norm_({p, q}, 1, {.error_if_nonfinite = false})));
  CHECK(p.grad().to_vector<double>()[0] == 3);
}

TEST_CASE("clipping by value") {
  const Tensor p = leaf({0.0, 0.0, 0.0, 0.0}), idle = leaf({0.0});
  give(p, {3.0, -7.0, 0.25, -0.5});
  optim::clip_grad_value_({idle, p}, 0.5);
  CHECK(p.grad().to_vector<double>() == std::vector<double>{0.5, -0.5, 0.25, -0.5});
  CHECK_ERROR(optim::clip_grad_value_({p}, -1), "clip_grad_value_: clip_value is -1; it must be 0 or larger");
}

// -- minimize

TEST_CASE("minimize says whether it has converged") {
  const Tensor x = leaf({3.0, -1.0});
  const auto scales = tensor({1.0, 10.0}, {.dtype = float64});
  const auto f = [&] { return sum(scales * square(x - 2.0)) * 0.5; };

  const auto few = optim::minimize(f, {x}, {.max_iterations = 3, .lr = 0.1});
  CHECK(!few.converged);
  CHECK(few.iterations == 3);
  CHECK(few.gradient_norm == doctest::Approx(0.729));  // 0.9³ along the first axis, and 0 along the second
  CHECK(few.value == doctest::Approx(0.729 * 0.729 / 2));
  CHECK(to_string(few) ==
        "not converged after 3 iterations: value 0.265721, gradient norm 0.729 (tolerance 1e-06)");

  const auto enough = optim::minimize(f, {x}, {.tolerance = 1e-9, .lr = 0.1});
  CHECK(enough.converged);
  CHECK(enough.gradient_norm <= 1e-9);
  CHECK(enough.iterations == 194);  // 3 + 194: the first n with 0.9^n <= 1e-9
  CHECK(x.to_vector<double>()[0] == doctest::Approx(2).epsilon(1e-8));
  CHECK(to_string(enough).starts_with("converged after 194 iterations: value "));

  CHECK(optim::minimize(f, {x}, {.tolerance = 1e-9}).iterations == 0);

  const auto wild = optim::minimize(f, {x}, {.tolerance = 0, .max_iterations = 100'000, .lr = 10});
  CHECK(!wild.converged);
  CHECK(wild.iterations < 1000);
  CHECK(to_string(wild).starts_with("diverged after"));
}

TEST_CASE("minimize with any optimizer") {
  const Tensor x = leaf({-1.2, 1.0});
  const auto f = [&] {
    const Tensor a = x[0], b = x[1];
    return square(1.0 - a) + 100.0 * square(b - square(a));
  };
  optim::Adam adam({x}, {.lr = 0.02});
  const auto result = optim::minimize(f, adam, {.tolerance = 1e-8, .max_iterations = 20'000});
  CHECK_MESSAGE(result.converged, to_string(result));
  CHECK(x.to_vector<double>()[0] == doctest::Approx(1).epsilon(1e-6));
  CHECK(x.to_vector<double>()[1] == doctest::Approx(1).epsilon(1e-6));
}

TEST_CASE("minimize refuses what it can not do") {
  const Tensor x = leaf({3.0}), idle = leaf({1.0});
  const auto f = [&] { return square(x[0]); };
  const auto what = error_of([&] { (void)optim::minimize(f, {x, idle}); });
  CHECK_MESSAGE(what.find("parameter 1") != std::string::npos, what);
  CHECK_ERROR(optim::minimize(f, {x}, {.tolerance = -1}),
              "minimize: tolerance -1 and max_iterations 1000; neither may be negative");
}
