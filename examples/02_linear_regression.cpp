// Linear regression by gradient descent that stops where the gradient vanishes, on reference data whose least-squares
// parameters NIST has certified: Norris (a line) and Longley (1967; six nearly dependent columns).
#include "support.h"

using namespace ebb;

// Parameters b of y = b0 + b1 x1 + …, from X [n, k]. In units of the columns' standard deviations from their means all
// columns count alike; without that, descent on Longley's would take some 10¹⁹ steps.
Tensor fit(const Tensor& X, const Tensor& y) {
  const auto [x_deviation, x_mean] = std_mean(X, {0});
  const auto [y_deviation, y_mean] = std_mean(y);
  const Tensor u = (X - x_mean) / x_deviation, v = (y - y_mean) / y_deviation;

  // Polyak's (1964) best step and momentum, from the loss's largest and smallest curvature.
  const auto curvatures =
      eigvalsh(2.0 / static_cast<double>(u.size(0)) * matmul(transpose(u, 0, 1), u)).to_vector<double>();
  const double most = std::sqrt(curvatures.back()), least = std::sqrt(curvatures.front());

  const Tensor w = zeros({u.size(1)}, {.dtype = float64, .requires_grad = true});
  const auto result = optim::minimize([&] { return mse_loss(matmul(u, w), v); }, {w},
                                      {.tolerance = 1e-14,
                                       .max_iterations = 100'000,
                                       .lr = std::pow(2 / (most + least), 2),
                                       .momentum = std::pow((most - least) / (most + least), 2)});
  fmt::print("{}\n", to_string(result));

  const Tensor b = w.detach() * y_deviation / x_deviation;
  return cat(std::vector<Tensor>{reshape(y_mean - dot(b, x_mean), {1}), b});
}

// Decimal digits of the worst parameter that agree with the certified ones.
double digits(const Tensor& b, const Tensor& certified) {
  return -std::log10(amax(abs(b / certified - 1.0)).item());
}

int learn(const support::Options& options) {
  io::Report report("Linear regression by gradient descent");
  const auto norris = data::read_csv(options.data + "/norris.csv"),
             longley = data::read_csv(options.data + "/longley.csv");
  const Tensor x = norris["x"], y = norris["y"];

  // The gradient of L = 1/N Σ (b0 + b1 x - y)², by autograd and as it is derived by hand.
  const Tensor b0 = tensor(1.0, {.dtype = float64, .requires_grad = true});
  const Tensor b1 = tensor(0.5, {.dtype = float64, .requires_grad = true});
  mse_loss(b0 + b1 * x, y).backward();
  const Tensor error = (b0 + b1 * x - y).detach();
  const double by_hand[] = {2 * mean(error).item(), 2 * mean(x * error).item()};
  fmt::print("dL/db0: autograd {:.15g}, by hand {:.15g}\ndL/db1: autograd {:.15g}, by hand {:.15g}\n",
             b0.grad().item(), by_hand[0], b1.grad().item(), by_hand[1]);
  support::figure(
      options, "gradient by autograd / by hand - 1",
      std::max(std::abs(b0.grad().item() / by_hand[0] - 1), std::abs(b1.grad().item() / by_hand[1] - 1)));

  const auto solve_set = [&](const std::string& name, const Tensor& X, const Tensor& target) {
    fmt::print("\n{}: ", name);
    const Tensor b = fit(X, target), certified = data::read_csv(options.data + "/" + name + "_fit.csv")["value"];
    std::vector<std::vector<std::string>> rows{{"parameter", "found", "certified by NIST"}};
    for (std::int64_t i = 0; i < b.numel(); ++i)
      rows.push_back({fmt::format("b{}", i), fmt::format("{:.15g}", b[i].item()),
                      fmt::format("{:.15g}", certified[i].item())});
    for (const auto& row : rows) fmt::print("{:>10} {:>22} {:>22}\n", row[0], row[1], row[2]);
    report.section(name);
    report.table(rows);
    support::figure(options, name + ": digits that agree", digits(b, certified));
    return b;
  };
  const Tensor line = solve_set("norris", unsqueeze(x, 1), y);
  const Tensor residual = y - line[0] - line[1] * x;
  const std::vector<io::Series> points{
      {"y - b0 - b1 x", x.to_vector<double>(), residual.to_vector<double>(), true}};
  const io::ChartOptions chart{.title = "Norris: what the line leaves", .x_label = "x"};
  io::save_chart(options.out + "/linear_regression.svg", points, chart);
  report.chart(points, chart);
  solve_set("longley", narrow(longley.values, 1, 1, 6), longley["y"]);
  report.save(options.out + "/report.html");
  fmt::print("report: {}/report.html\n", options.out);
  return 0;
}

int main(int argc, char** argv) {
  return support::run(argc, argv, "Linear regression by gradient descent, on NIST's reference data",
                      {.data = "data/nist", .out = "runs/linear_regression"}, learn);
}
