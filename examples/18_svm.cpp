// Support vector machines (Cortes, Vapnik 1995): the primal problem by gradients, the dual by coordinate descent and by sequential
// minimal optimization, with kernels and without. --quick: points in the plane only; else MNIST too.
#include "support.h"

using namespace ebb;

struct Points {
  Tensor x, y;  // [n, 2] float64; [n] int64, 0 or 1
};

// Six points, of which the two nearest to each other hold the margin.
Points separable() {
  return {tensor({{0., 0.}, {-1., 2.}, {-2., -1.}, {2., 0.}, {3., 1.}, {4., -3.}}, {.dtype = float64}),
          tensor({0, 0, 0, 1, 1, 1})};
}

// A cloud beside another, or around it; they overlap.
Points clouds(std::int64_t n, bool around) {
  const RandomOptions doubles{.dtype = float64};
  const Tensor y = cat({zeros({n}, {.dtype = int64}), ones({n}, {.dtype = int64})});
  const Tensor noise = randn({2 * n, 2}, doubles) * (around ? 0.35 : 0.9),
               angle = rand({2 * n}, doubles) * 6.2831853;
  const Tensor circle = stack({cos(angle), sin(angle)}, 1) * 2.2, shift = tensor({{1.2, 0.6}}, {.dtype = float64});
  const Tensor place = unsqueeze(y.to(float64), 1);
  return {noise + (around ? place * circle : (2 * place - 1) * shift), y};
}

// min ‖w‖² / 2 + C Σ l(y_i f(x_i)), f(x) = w·(x, 1), l the hinge loss or its square: Adam follows autograd's gradients with
// shrinking steps, since the hinge has kinks.
Tensor primal(const Points& points, double C, svm::Loss loss) {
  const Tensor w = zeros({3}, {.dtype = float64, .requires_grad = true});
  const Tensor x = cat({points.x, ones({points.x.size(0), 1}, {.dtype = float64})}, 1);
  const Tensor sign = points.y.to(float64) * 2 - 1;
  optim::Adam adam({w});
  constexpr int kSteps = 4000;
  const bool hinge = loss == svm::Loss::hinge;
  io::Progress progress(hinge ? "primal, hinge" : "primal, squared hinge", kSteps, {.unit = "steps"});
  for (int step = 0; step < kSteps; ++step) {
    const Tensor slack = relu(1 - sign * matmul(x, w));
    const Tensor objective = sum(square(w)) / 2 + C * sum(hinge ? slack : square(slack));
    adam.zero_grad();
    objective.backward();
    adam.set_lr(0, 0.1 * std::pow(1e-5, static_cast<double>(step) / kSteps));
    adam.step();
    progress.step(1, fmt::format("objective {:.4f}", objective.item()));
  }
  progress.finish();
  return w.detach();
}

// The machine's answers over the plane, the margins' edges at ±1 as steps of colour, and the points.
void draw(io::Report& report, const support::Options& options, const std::string& title, const svm::SVC& svc,
          const Points& points) {
  constexpr double kSize = 4.5;
  const Tensor line = linspace(-kSize, kSize, 150, {.dtype = float64});
  const auto grid = meshgrid({flip(line, {0}), line});
  const Tensor f = svc.decision_function(stack({flatten(grid[1]), flatten(grid[0])}, 1));
  const Tensor bands = sign(f) / 2 + sign(f - 1) / 4 + sign(f + 1) / 4;
  const io::Field field{
      io::to_signed_image(reshape(bands, {150, 150}).to(float32), 2.2), {-kSize, kSize}, {-kSize, kSize}};
  const auto series = [](std::string name, const Tensor& x) {
    return io::Series{std::move(name), select(x, 1, 0).to_vector<double>(), select(x, 1, 1).to_vector<double>(),
                      true};
  };
  const std::vector<io::Series> drawn{series("class 0", points.x.at(eq(points.y, 0))),
                                      series("class 1", points.x.at(eq(points.y, 1))),
                                      series("support vectors", svc.support_vectors())};
  const io::ChartOptions chart{.title = title, .field = field, .width = 400, .height = 400};
  report.chart(drawn, chart);
  if (title == "rbf") io::save_chart(options.out + "/svm.svg", drawn, chart);
}

void plane(const support::Options& options, io::Report& report) {
  report.section("Kernels", "Blue: class 0, red: class 1; pale: inside of the margins.");
  const Points apart = separable();
  svm::SVC widest({.C = 1000, .kernel = svm::Kernel::linear});
  widest.fit(apart.x, apart.y);
  draw(report, options, "linear, separable", widest, apart);
  support::figure(options, "support vectors of separable points", static_cast<double>(widest.support().numel()));
  support::figure(options, "their margin", 1 / norm(widest.coef()).item());

  const Points beside = clouds(100, false), around = clouds(100, true);
  for (const auto loss : {svm::Loss::hinge, svm::Loss::squared_hinge}) {
    svm::LinearSVC dual({.C = 0.5, .loss = loss, .tol = 1e-6, .max_iter = 100000});
    dual.fit(beside.x, beside.y);
    const Tensor w = cat({dual.coef()[0], dual.intercept()});
    support::figure(options,
                    loss == svm::Loss::hinge ? "primal less dual, hinge" : "primal less dual, squared hinge",
                    norm(primal(beside, 0.5, loss) - w).item() / norm(w).item());
  }
  double gap = 0, residual = 0;
  for (const auto& [name, points, kernel] :
       {std::tuple("linear", beside, svm::Kernel::linear),
        std::tuple("linear, in vain", around, svm::Kernel::linear),
        std::tuple("polynomial", around, svm::Kernel::poly), std::tuple("rbf", around, svm::Kernel::rbf)}) {
    svm::SVC svc({.C = 1, .kernel = kernel, .degree = 2, .coef0 = 1, .tol = 1e-4});
    svc.fit(points.x, points.y);
    gap = std::max(gap, svc.duality_gap());
    residual = std::max(residual, svc.kkt_residual());
    draw(report, options, name, svc, points);
  }
  support::figure(options, "relative duality gap", gap);
  support::figure(options, "KKT residual", residual);
}

void digits(const support::Options& options, io::Report& report) {
  const auto part = [&](bool train, std::int64_t n) {
    const auto batch = data::mnist(options.data, {.train = train, .mean = 0, .std = 1}).range(0, n);
    return std::pair(flatten(batch.images, 1), batch.labels);
  };
  const auto [test, answers] = part(false, 10000);
  report.section("MNIST");
  const auto tell = [&, &images = test, &labels = answers](const std::string& name, const auto& machine) {
    const double error = 100 * (1 - metrics::accuracy(machine.predict(images), labels));
    report.figure(name + ", test error", fmt::format("{:.2f} %", error));
    support::figure(options, name + ", test error, %", error);
  };
  const auto [x, y] = part(true, 60000);
  svm::LinearSVC linear({.C = 0.02, .tol = 0.01, .seed = options.seed});
  linear.fit(x, y);
  tell("linear", linear);
  svm::SVC rbf({.C = 10, .gamma = 0.02});
  rbf.fit(narrow(x, 0, 0, 10000), narrow(y, 0, 0, 10000));
  tell("rbf", rbf);
  support::figure(options, "support vectors", static_cast<double>(rbf.support().numel()));
}

int body(const support::Options& options) {
  io::Report report("Support vector machines");
  plane(options, report);
  if (!options.quick) digits(options, report);
  report.save(options.out + "/report.html");
  fmt::print("report: {}/report.html\n", options.out);
  return 0;
}

int main(int argc, char** argv) {
  return support::run(argc, argv, "Support vector machines in the plane and on MNIST", {.out = "runs/svm"}, body);
}
