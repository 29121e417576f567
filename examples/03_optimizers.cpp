// Five ways down one valley: gradient descent, on all examples or on one at random (Robbins, Monro 1951), momentum (Polyak
// 1964), momentum as a moving average, and Adam (Kingma, Ba 2015) with and without its bias correction.
#include "support.h"

using namespace ebb;

// Least squares in two parameters, L(p) = 1/2N Σ (xᵢ·p - yᵢ)², whose Hessian has the eigenvalues 1 and 100.
struct Valley {
  Tensor X, y;
  Tensor loss(const Tensor& p) const { return mse_loss(matmul(X, p), y) * 0.5; }
};

Valley valley(std::int64_t examples) {
  const double n = static_cast<double>(examples), angle = 0.5;
  const Tensor turned = tensor({{std::cos(angle), std::sin(angle)}, {-10 * std::sin(angle), 10 * std::cos(angle)}},
                               {.dtype = float64});
  const Tensor X = std::sqrt(n) * matmul(qr(randn({examples, 2}, {.dtype = float64})).q, turned);
  return {X, matmul(X, tensor({1.0, 1.0}, {.dtype = float64})) + 0.5 * randn({examples}, {.dtype = float64})};
}

Tensor start() { return tensor({-1.6, 0.8}, {.dtype = float64, .requires_grad = true}); }

// Where `steps` steps lead, of the gradient on all examples or on one at random.
io::Series walk(const std::string& name, const Valley& valley, const Tensor& p, optim::Optimizer& optimizer,
                int steps, bool one_example) {
  io::Series path{name, {}, {}};
  for (int i = 0; i <= steps; ++i) {
    path.x.push_back(p[0].item());
    path.y.push_back(p[1].item());
    optimizer.zero_grad();
    const Tensor chosen = randint(0, valley.y.numel(), {1});
    (one_example ? Valley{valley.X.at(chosen), valley.y.at(chosen)} : valley).loss(p).backward();
    optimizer.step();
  }
  return path;
}

// By how much a step shrinks the gradient, on average of the second half of `steps`. With the minimum at 0, where numbers
// are as fine as one likes.
double contraction(const Tensor& X, const optim::SGDOptions& options, int steps) {
  const Valley valley{X, zeros({X.size(0)}, {.dtype = float64})};
  const Tensor p = start();
  const auto L = [&] { return valley.loss(p); };
  optim::SGD sgd({p}, options);
  const double middle = optim::minimize(L, sgd, {.tolerance = 0, .max_iterations = steps / 2}).gradient_norm;
  const double last = optim::minimize(L, sgd, {.tolerance = 0, .max_iterations = steps / 2}).gradient_norm;
  return std::pow(last / middle, 2.0 / steps);
}

// The loss on the plane, as bands between its contours.
io::Field contours(const Valley& valley, std::pair<double, double> x, std::pair<double, double> y) {
  const std::int64_t width = 560, height = 400;
  const auto grid = meshgrid(std::vector<Tensor>{linspace(y.second, y.first, height, {.dtype = float64}),
                                                 linspace(x.first, x.second, width, {.dtype = float64})});
  const Tensor points = stack(std::vector<Tensor>{flatten(grid[1]), flatten(grid[0])});
  const Tensor loss = mean(square(matmul(valley.X, points) - unsqueeze(valley.y, 1)), {0}) * 0.5;
  const Tensor band = remainder(floor(3.0 * log2(loss - amin(loss) + 0.02)), 2.0);
  return {io::to_image(reshape(0.86 + 0.08 * band, {height, width}).to(float32)), x, y};
}

int compare(const support::Options& options) {
  const Valley v = valley(100);
  struct Method {
    std::string name;
    std::function<std::unique_ptr<optim::Optimizer>(const Tensor&)> make;
    bool one_example = false;
  };
  const auto sgd = [](const optim::SGDOptions& o) {
    return [o](const Tensor& p) { return std::make_unique<optim::SGD>(std::vector<Tensor>{p}, o); };
  };
  const auto adam = [](const optim::AdamOptions& o) {
    return [o](const Tensor& p) { return std::make_unique<optim::Adam>(std::vector<Tensor>{p}, o); };
  };
  const double beta = 0.9, lr = 0.015;
  const std::vector<Method> methods{
      {"gradient descent", sgd({.lr = lr})},
      {"one random example", sgd({.lr = 0.003}), true},
      {"momentum", sgd({.lr = lr / 5, .momentum = beta})},
      {"moving average", sgd({.lr = (1 - beta) * lr, .momentum = beta})},  // m ← β m + (1 - β) g,  p ← p - lr m
      {"Adam", adam({.lr = 0.05})},
      {"Adam, not corrected", adam({.lr = 0.05, .beta2 = 0.99, .eps = 1e-7, .bias_correction = false})}};

  io::Report report("Ways down a valley");
  std::vector<io::Series> paths;
  std::vector<std::vector<std::string>> ends{{"method", "until the gradient's norm is 1e-6, at most 1000 steps"}};
  for (const auto& [name, make, one_example] : methods) {
    const Tensor p = start(), q = start();
    const auto walker = make(p), finisher = make(q);
    paths.push_back(walk(name, v, p, *walker, 150, one_example));
    if (one_example) continue;  // its gradient never vanishes
    const auto result = optim::minimize([&] { return v.loss(q); }, *finisher, {.tolerance = 1e-6});
    ends.push_back({name, to_string(result)});
    fmt::print("{:20} {}\n", name, to_string(result));
  }
  const io::ChartOptions picture{.title = "150 steps from the left",
                                 .x_label = "p₀",
                                 .y_label = "p₁",
                                 .field = contours(v, {-2, 2.4}, {-1, 1.8}),
                                 .width = 900,
                                 .height = 620};
  io::save_chart(options.out + "/optimizers.svg", paths, picture);
  report.chart(paths, picture);
  report.table(ends);
  report.save(options.out + "/report.html");

  const double k = 100, r = std::sqrt(k);  // the best settings for the eigenvalues 1 and κ: Polyak 1964
  support::figure(options, "gradient descent: contraction / theory",
                  contraction(v.X, {.lr = 2 / (k + 1)}, 1000) / ((k - 1) / (k + 1)));
  support::figure(
      options, "heavy ball: contraction / theory",
      contraction(v.X, {.lr = std::pow(2 / (r + 1), 2), .momentum = std::pow((r - 1) / (r + 1), 2)}, 400) /
          ((r - 1) / (r + 1)));
  for (const bool corrected : {true, false}) {
    const Tensor p = start();
    optim::Adam first({p}, {.lr = 1e-3, .eps = 0, .bias_correction = corrected});
    v.loss(p).backward();
    first.step();
    support::figure(options, corrected ? "Adam's first step / lr" : "Adam's first step / lr, not corrected",
                    amax(abs(p.detach() - start().detach())).item() / 1e-3);
  }
  fmt::print("report: {}/report.html\n", options.out);
  return 0;
}

int main(int argc, char** argv) {
  return support::run(argc, argv, "Compares optimizers on a narrow valley", {.out = "runs/optimizers"}, compare);
}
