// What the tests of optimizers, clipping and schedules share.
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <initializer_list>
#include <string>

#include "autograd/create.h"
#include "optim/optimizer.h"

namespace ebb {

inline Tensor leaf(std::initializer_list<double> values, Dtype dtype = float64) {
  return tensor(values, {.dtype = dtype, .requires_grad = true});
}

inline void give(Tensor p, std::initializer_list<double> gradient) {
  p.set_grad(tensor(gradient, {.dtype = p.dtype()}));
}

using Point = std::array<double, 5>;

// Rosenbrock's (1 - x)² + 100 (y - x²)² and a quadratic Σ c (b - m)² / 2, with their gradients by hand.
struct Problem {
  Tensor a = leaf({-1.2, 1.0});
  Tensor b = leaf({0.0, 1.0, -1.0});

  void give_gradients(double sign = 1) const {
    const double x = a.data<const double>()[0], y = a.data<const double>()[1];
    give(a, {sign * (-2 * (1 - x) - 400 * x * (y - x * x)), sign * 200 * (y - x * x)});
    const double* q = b.data<const double>();
    give(b, {sign * 0.5 * (q[0] - 1), sign * 2 * (q[1] + 2), sign * 30 * (q[2] - 0.25)});
  }
  void run(optim::Optimizer& optimizer, int steps, double sign = 1) const {
    for (int i = 0; i < steps; ++i) {
      give_gradients(sign);
      optimizer.step();
    }
  }
  Point point() const {
    const double *p = a.data<const double>(), *q = b.data<const double>();
    return {p[0], p[1], q[0], q[1], q[2]};
  }
};

template <class Optimizer, class Options>
void check_trajectory(const Options& options, const Point& expected) {
  const Problem problem;
  Optimizer optimizer({problem.a, problem.b}, options);
  problem.run(optimizer, 100, options.maximize ? -1 : 1);
  const auto found = problem.point();
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == doctest::Approx(expected[i]).epsilon(1e-10));
}

template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const Error& error) { return error.what(); }
  return "no error";
}

template <class F>
void check_error(F&& f, const std::string& text) {
  const auto what = error_of(f);
  CHECK_MESSAGE(what == text, what);
}

// Does the expression throw an Error of this text?
#define CHECK_ERROR(expression, text) check_error([&] { (void)expression; }, text)

}  // namespace ebb
