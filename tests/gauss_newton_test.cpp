#include "optim/gauss_newton.h"

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "autograd/ops.h"
#include "data/csv.h"
#include "optim/newton.h"
#include "tests/optim_support.h"
#include "tests/source_folder.h"

using namespace ebb;

namespace {

struct Model {
  std::string name;
  std::function<Tensor(const Tensor& b, const Tensor& x)> f;
};

const std::vector<Model> kModels{
    {"misra1a", [](const Tensor& b, const Tensor& x) { return b[0] * (1.0 - exp(-b[1] * x)); }},
    {"thurber",
     [](const Tensor& b, const Tensor& x) {
       const Tensor above = b[0] + x * (b[1] + x * (b[2] + x * b[3]));
       return above / (1.0 + x * (b[4] + x * (b[5] + x * b[6])));
     }},
    {"mgh09", [](const Tensor& b,
                 const Tensor& x) { return b[0] * (square(x) + x * b[1]) / (square(x) + x * b[2] + b[3]); }},
    {"eckerle4",
     [](const Tensor& b, const Tensor& x) { return b[0] / b[1] * exp(-0.5 * square((x - b[2]) / b[1])); }},
    {"boxbod", [](const Tensor& b, const Tensor& x) { return b[0] * (1.0 - exp(-b[1] * x)); }}};

Tensor rosenbrock(const Tensor& x) { return square(1.0 - x[0]) + 100.0 * square(x[1] - square(x[0])); }
Tensor rosenbrock_residuals(const Tensor& x) {
  return std::sqrt(2.0) * stack(std::vector<Tensor>{1.0 - x[0], 10.0 * (x[1] - square(x[0]))});
}

}  // namespace

TEST_CASE("Levenberg and Marquardt's method finds NIST's certified parameters from both starts") {
  const std::string folder = (test::source_folder() / "data" / "nist").string() + "/";
  for (const auto& model : kModels) {
    const std::string name = model.name;
    const auto data = data::read_csv(folder + name + ".csv"), fit = data::read_csv(folder + name + "_fit.csv");
    const Tensor x = data["x"], y = data["y"], certified = fit["value"];
    for (const char* start : {"start1", "start2"}) {
      const Tensor b = fit[start].clone().set_requires_grad();
      const auto result = optim::levenberg_marquardt([&] { return model.f(b, x) - y; }, {b});
      const double error = amax(abs(b.detach() / certified - 1.0)).item();
      CHECK_MESSAGE(result.converged, name, " from ", std::string(start), ": ", to_string(result));
      CHECK_MESSAGE(error <= 1e-7, name, " from ", std::string(start), ": ", to_string(result));
    }
  }
}

TEST_CASE("Gauss and Newton's method near the minimum, and where J is wide or tall") {
  const std::string folder = (test::source_folder() / "data" / "nist").string() + "/";
  const auto data = data::read_csv(folder + "misra1a.csv"), fit = data::read_csv(folder + "misra1a_fit.csv");
  const Tensor x = data["x"], y = data["y"];
  const Tensor b = fit["start2"].clone().set_requires_grad();
  const auto result = optim::gauss_newton([&] { return b[0] * (1.0 - exp(-b[1] * x)) - y; }, {b});
  CHECK_MESSAGE(result.converged, to_string(result));
  CHECK(result.iterations <= 12);
  CHECK(amax(abs(b.detach() / fit["value"] - 1.0)).item() <= 1e-9);

  // A straight line is one step, from several parameters, by rows (2 residuals) and by columns (50).
  for (const std::int64_t n : {2, 50}) {
    const Tensor u = linspace(0, 1, n, {.dtype = float64}), v = 3.0 * u - 2.0;
    const Tensor slope = leaf({0.0}), intercept = leaf({5.0});
    const auto line = optim::gauss_newton([&] { return slope * u + intercept - v; }, {slope, intercept});
    CHECK_MESSAGE(line.converged, to_string(line));
    CHECK(line.iterations <= 2);
    CHECK(slope.item() == doctest::Approx(3).epsilon(1e-14));
    CHECK(intercept.item() == doctest::Approx(-2).epsilon(1e-14));
  }
}

TEST_CASE("a minimum where the residuals vanish, and one that is far away") {
  const Tensor x = leaf({-1.2, 1.0});
  const auto found = optim::levenberg_marquardt([&] { return rosenbrock_residuals(x); }, {x});
  CHECK_MESSAGE(found.converged, to_string(found));
  CHECK(found.iterations <= 40);
  CHECK(found.value <= 1e-28);

  const Tensor again = leaf({-1.2, 1.0});
  const auto few =
      optim::levenberg_marquardt([&] { return rosenbrock_residuals(again); }, {again}, {.max_iterations = 2});
  CHECK(!few.converged);
  CHECK(few.iterations == 2);
  CHECK(few.value == doctest::Approx(rosenbrock(again).item()).epsilon(1e-14));
  CHECK(to_string(few).starts_with("not converged after 2 iterations: value "));
}

TEST_CASE("a step to where the residuals are not finite is not taken") {
  const Tensor x = leaf({4.0});  // the full step leads to -4 + …, beyond the root's domain
  const auto result = optim::levenberg_marquardt([&] { return sqrt(x) - 0.1; }, {x});
  CHECK_MESSAGE(result.converged, to_string(result));
  CHECK(x.item() == doctest::Approx(0.01).epsilon(1e-10));
}

TEST_CASE("float32, and data that a model fits but for rounding") {
  for (const Dtype dtype : {float32, float64}) {
    const Tensor x = linspace(0, 3, 20, {.dtype = dtype}), y = 2.0 * exp(-0.7 * x);
    const Tensor b = leaf({1.0, 0.1}, dtype);
    const auto result = optim::levenberg_marquardt([&] { return b[0] * exp(-b[1] * x) - y; }, {b});
    CHECK_MESSAGE(result.converged, to_string(result));
    CHECK(b[0].item() == doctest::Approx(2).epsilon(dtype == float32 ? 1e-6 : 1e-14));
    CHECK(b[1].item() == doctest::Approx(0.7).epsilon(dtype == float32 ? 1e-6 : 1e-14));
  }
}

TEST_CASE("Newton's method") {
  const Tensor x = leaf({-1.2, 1.0});
  const auto result = optim::newton([&] { return rosenbrock(x); }, {x}, {.tolerance = 1e-12});
  CHECK_MESSAGE(result.converged, to_string(result));
  CHECK(result.iterations <= 25);
  CHECK(amax(abs(x.detach() - 1.0)).item() <= 1e-12);

  // From where the function is concave it goes down nevertheless: a plain step would lead to 0, a maximum.
  const Tensor y = leaf({0.3});
  const auto down = optim::newton([&] { return sum(square(square(y)) - square(y)); }, {y}, {.tolerance = 1e-10});
  CHECK_MESSAGE(down.converged, to_string(down));
  CHECK(y.item() == doctest::Approx(std::sqrt(0.5)).epsilon(1e-10));

  const Tensor a = leaf({2.0, 1.0}), b = leaf({3.0});
  const auto quadratic = optim::newton([&] { return sum(square(a - b)) + 2.0 * sum(square(b - 1.0)); }, {a, b});
  CHECK(quadratic.converged);
  CHECK(quadratic.iterations == 1);
  CHECK(b.item() == doctest::Approx(1).epsilon(1e-14));
}

TEST_CASE("mistakes") {
  const Tensor x = leaf({4.0}), y = leaf({1.0}, float32);
  CHECK_ERROR(
      (void)optim::levenberg_marquardt([&] { return ones({3}); }, {x}),
      "levenberg_marquardt: the residuals do not depend on parameter 0; compute them from it, or leave it out");
  const Tensor idle = leaf({0.0});
  CHECK_ERROR((void)optim::gauss_newton([&] { return x; }, {x, idle}),
              "gauss_newton: the residuals do not depend on parameter 1; compute them from it, or leave it out");
  CHECK_THROWS_AS((void)optim::newton([&] { return sum(x); }, {x, idle}), Error);
  CHECK_ERROR((void)optim::levenberg_marquardt([&] { return sqrt(x - 5.0); }, {x}),
              "levenberg_marquardt: the residuals are not finite at the start; begin elsewhere");
  CHECK_ERROR((void)optim::levenberg_marquardt([&] { return x; }, {x}, {.damping = 0}),
              "levenberg_marquardt: damping is 0; it must be above 0");
  CHECK_ERROR((void)optim::gauss_newton([&] { return x; }, {x}, {.tolerance = -1}),
              "gauss_newton: tolerance -1 and max_iterations 200; neither may be negative");
  CHECK_ERROR((void)optim::newton([&] { return x; }, {x, y}),
              "newton: parameters of float64 and float32; all must be of one dtype");
  CHECK_ERROR((void)optim::newton([&] { return x; }, {}), "newton: there are no parameters; give at least one");
}
