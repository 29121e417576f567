// What curvature is worth: Newton's method, Levenberg-Marquardt (1944, 1963) and L-BFGS (Liu, Nocedal 1989) where gradients
// alone take thousands of steps; and a network that learns to swing as a pendulum from its equation, u'' = -sin u, alone.
#include "support.h"

using namespace ebb;

Tensor start(std::initializer_list<double> values) {
  return tensor(values, {.dtype = float64, .requires_grad = true});
}

// Rosenbrock's (1960) valley; its minimum is at (1, 1).
void descend(const support::Options& options, io::Report& report) {
  const auto f = [](const Tensor& x) { return square(1.0 - x[0]) + 100.0 * square(x[1] - square(x[0])); };
  const Tensor x = start({-1.2, 1}), y = start({-1.2, 1}), z = start({-1.2, 1});
  optim::LBFGS lbfgs({y}, {.max_iter = 1,
                           .tolerance_grad = 0,
                           .tolerance_change = 0,
                           .line_search_fn = optim::LineSearch::strong_wolfe});
  optim::Adam adam({z}, {.lr = 0.02});
  const auto newton = optim::newton([&] { return f(x); }, {x}, {.tolerance = 1e-12});
  const auto quasi = optim::minimize([&] { return f(y); }, lbfgs, {.tolerance = 1e-12});
  const auto first = optim::minimize([&] { return f(z); }, adam, {.tolerance = 1e-12, .max_iterations = 20'000});
  report.section("Rosenbrock's valley");
  report.table({{"Newton", to_string(newton)}, {"L-BFGS", to_string(quasi)}, {"Adam", to_string(first)}},
               io::Headings::first_column);
  support::figure(options, "Rosenbrock by Newton: steps", static_cast<double>(newton.iterations));
  support::figure(options, "Rosenbrock by Newton: distance from (1, 1)", amax(abs(x.detach() - 1.0)).item());
}

// Amplitude, frequency and phase of a sine from noisy points: steps until L is within 0.1 % of the least.
void fit_sine(const support::Options& options, io::Report& report) {
  const Tensor t = linspace(0, 6, 80, {.dtype = float64});
  const Tensor y = 1.5 * sin(2.2 * t + 0.4) + 0.1 * randn({80}, {.dtype = float64});
  const auto residuals = [&](const Tensor& b) { return b[0] * sin(b[1] * t + b[2]) - y; };
  const auto fit = [&](const Tensor& b, std::int64_t steps) {
    return optim::levenberg_marquardt([&] { return residuals(b); }, {b}, {.max_iterations = steps});
  };
  const Tensor p = start({1, 2, 0});
  const double enough = 1.001 * fit(p, 100).value;
  std::int64_t few = 1, many = 20'000;
  while (fit(start({1, 2, 0}), few).value > enough) ++few;
  for (const double lr : {0.01, 0.03, 0.1, 0.3}) {  // Adam's fewest
    const Tensor q = start({1, 2, 0});
    optim::Adam adam({q}, {.lr = lr});
    for (std::int64_t steps = 0; steps < many; ++steps, adam.step()) {
      adam.zero_grad();
      const Tensor L = sum(square(residuals(q))) * 0.5;
      L.backward();
      if (L.item() <= enough) many = steps;
    }
  }
  report.section("A sine through noisy points");
  report.table(
      {{"Levenberg-Marquardt", fmt::format("{} steps", few)}, {"Adam at its best", fmt::format("{} steps", many)}},
      io::Headings::first_column);
  const Tensor found = (residuals(p) + y).detach();
  report.chart({{"points", t.to_vector<double>(), y.to_vector<double>(), true},
                {"fit", t.to_vector<double>(), found.to_vector<double>()}},
               {.title = "y = b₀ sin(b₁ t + b₂)", .x_label = "t"});
  support::figure(options, "sine: Adam's steps / Levenberg-Marquardt's",
                  static_cast<double>(many) / static_cast<double>(few));
}

// Nonlinear least squares that NIST has certified to 11 digits, from both of its starts.
void certified_problems(const support::Options& options, io::Report& report) {
  using Model = std::function<Tensor(const Tensor& b, const Tensor& x)>;
  const Model saturation = [](const Tensor& b, const Tensor& x) { return b[0] * (1.0 - exp(-b[1] * x)); };
  const std::vector<std::pair<std::string, Model>> problems{
      {"misra1a", saturation},
      {"thurber",
       [](const Tensor& b, const Tensor& x) {
         return (b[0] + x * (b[1] + x * (b[2] + x * b[3]))) / (1.0 + x * (b[4] + x * (b[5] + x * b[6])));
       }},
      {"mgh09", [](const Tensor& b, const Tensor& x) { return b[0] * x * (x + b[1]) / (x * (x + b[2]) + b[3]); }},
      {"eckerle4",
       [](const Tensor& b, const Tensor& x) { return b[0] / b[1] * exp(-0.5 * square((x - b[2]) / b[1])); }},
      {"boxbod", saturation}};
  std::vector<std::vector<std::string>> rows{{"problem", "from", "Levenberg-Marquardt", "digits"}};
  double fewest = 15;
  for (const auto& [name, model] : problems)
    for (const std::string from : {"start1", "start2"}) {
      const auto data = data::read_csv(options.data + "/" + name + ".csv");
      const auto fit = data::read_csv(options.data + "/" + name + "_fit.csv");
      const Tensor x = data["x"], y = data["y"], b = fit[from].clone().set_requires_grad();
      const Model& f = model;
      const auto result = optim::levenberg_marquardt([&] { return f(b, x) - y; }, {b});
      const double digits = -std::log10(amax(abs(b.detach() / fit["value"] - 1.0)).item());
      rows.push_back({name, from, to_string(result), fmt::format("{:.1f}", digits)});
      fewest = std::min(fewest, digits);
    }
  report.section("NIST's nonlinear problems",
                 "Digits of the worst parameter that agree with the certified value.");
  report.table(rows);
  support::figure(options, "NIST: digits that agree, the fewest", fewest);
}

// u(t) = 1 + t² N(t) starts at 1, at rest, whatever the network N computes.
struct Pendulum {
  nn::Linear in{1, 16}, hidden{16, 16}, out{16, 1};
  Tensor operator()(const Tensor& t) const { return 1.0 + square(t) * out(tanh(hidden(tanh(in(t - 3.0))))); }
};

// The equation by Runge and Kutta's method of order 4, at [0, h, 2h, …].
std::vector<double> runge_kutta(double h, std::int64_t points) {
  std::vector<double> u{1};
  for (double x = 1, v = 0; std::ssize(u) < points; u.push_back(x)) {
    const double a1 = -std::sin(x), v2 = v + h / 2 * a1, a2 = -std::sin(x + h / 2 * v), v3 = v + h / 2 * a2;
    const double a3 = -std::sin(x + h / 2 * v2), v4 = v + h * a3, a4 = -std::sin(x + h * v3);
    x += h / 6 * (v + 2 * v2 + 2 * v3 + v4);
    v += h / 6 * (a1 + 2 * a2 + 2 * a3 + a4);
  }
  return u;
}

void swing(const support::Options& options, io::Report& report) {
  Pendulum u;
  to(u, float64);
  const Tensor t = unsqueeze(linspace(0, 6, 61, {.dtype = float64}), 1).clone().set_requires_grad();
  const auto residuals = [&] {  // u'' + sin u: u differentiated twice, and then in the weights
    const Tensor x = u(t), v = grad(sum(x), t, {.create_graph = true});
    return grad(sum(v), t, {.create_graph = true}) + sin(x);
  };
  const auto result =
      optim::levenberg_marquardt(residuals, parameters(u), {.max_iterations = options.quick ? 60 : 300});
  fmt::print("pendulum: {}\n", to_string(result));
  const auto exact = runge_kutta(0.1, 61), learnt = u(t).to_vector<double>();
  double error = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) error = std::max(error, std::abs(learnt[i] - exact[i]));
  const std::vector<io::Series> curves{{"network", t.to_vector<double>(), learnt},
                                       {"Runge-Kutta", t.to_vector<double>(), exact, true}};
  const io::ChartOptions chart{.title = "u'' = -sin u, learnt from the equation", .x_label = "t", .y_label = "u"};
  report.section("A pendulum", to_string(result));
  report.chart(curves, chart);
  io::save_chart(options.out + "/second_order.svg", curves, chart);
  support::figure(options, "pendulum: largest error", error);
}

int compare(const support::Options& options) {
  io::Report report("Second order");
  for (const auto part : {descend, fit_sine, certified_problems, swing}) part(options, report);
  report.save(options.out + "/report.html");
  fmt::print("report: {}/report.html\n", options.out);
  return 0;
}

int main(int argc, char** argv) {
  return support::run(argc, argv, "Methods of second order", {.data = "data/nist", .out = "runs/second_order"},
                      compare);
}
