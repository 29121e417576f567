// Generative adversarial networks (Goodfellow et al. 2014) with Wasserstein's distance and a penalty on the critic's slope
// (Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville 2017): a Gaussian on a line, a ring of eight in the plane, MNIST.
#include <CLI/CLI.hpp>
#include <numbers>

#include "support.h"

using namespace ebb;

nn::Sequential perceptron(std::int64_t in, const std::vector<std::int64_t>& widths, std::int64_t out) {
  nn::Sequential net;
  for (const std::int64_t width : widths) {
    net.push_back(nn::Linear{std::exchange(in, width), width});
    net.push_back(nn::LeakyReLU{0.2});
  }
  net.push_back(nn::Linear{in, out});
  return net;
}

// What is to be imitated, and by what.
struct Task {
  std::function<Tensor(std::int64_t n)> real;  // [n, size]
  std::int64_t size, noise;
  std::vector<std::int64_t> widths;  // of the critic's hidden layers, and of the generator's
  double penalty, lr;
};

constexpr double kMean = 4, kSd = 1.25;  // of the Gaussian on the line
constexpr double kRadius = 2, kRingSd = 0.02;
constexpr int kModes = 8;

Tensor line(std::int64_t n) { return normal(kMean, kSd, {n, 1}); }
Task gaussian() { return {line, 1, 4, {32, 32}, 0.1, 2e-3}; }

Tensor modes(const Tensor& numbers) {
  const Tensor angle = numbers.to(float32) * (2 * std::numbers::pi / kModes);
  return kRadius * stack({cos(angle), sin(angle)}, 1);
}
Tensor circle(std::int64_t n) { return modes(randint(0, kModes, {n})) + kRingSd * randn({n, 2}); }
Task ring() { return {circle, 2, 2, {128, 128, 128}, 0.1, 1e-3}; }

Task digits(const std::string& folder) {
  const Tensor images = flatten(data::mnist(folder, {.mean = 0.5, .std = 0.5}).all().images, 1);
  const auto real = [images](std::int64_t n) { return index_select(images, 0, randint(0, images.size(0), {n})); };
  return {real, 28 * 28, 32, {256, 128}, 10, 5e-4};
}

std::string target = "ring";
// Steps of the generator, which are called an epoch here; of the critic, for each of them; examples in a step.
constexpr std::int64_t kSteps = 500, kCriticSteps = 5, kBatch = 128;

// How far from what is asked, and pictures.
void judge(const support::Options& options, const nn::Sequential& critic, const std::vector<Tensor>& snapshots,
           const Tensor& samples, const Tensor& real) {
  const NoGrad off;
  io::Report report("A generative adversarial network: " + target);
  const auto draw = [&](const std::vector<io::Series>& series, const io::ChartOptions& chart) {
    report.chart(series, chart);
    io::save_chart(options.out + "/gan.svg", series, chart);
  };
  if (target == "gaussian") {
    support::figure(options, "mean, % off", 100 * std::abs(mean(samples).item() / kMean - 1));
    support::figure(options, "standard deviation, % off", 100 * std::abs(sqrt(var(samples)).item() / kSd - 1));
    const auto quantiles = [](const Tensor& x) {
      return quantile(flatten(x), linspace(0.005, 0.995, 100).to_vector<double>()).to_vector<double>();
    };
    draw({{"quantiles", quantiles(real), quantiles(samples)}, {"equal", {0, 8}, {0, 8}}},
         {.title = "Quantiles", .x_label = "real", .y_label = "generated"});
  } else if (target == "ring") {
    const Tensor distance = cdist(samples, modes(arange(kModes)));
    const auto [nearest, mode] = min(distance, 1);
    const Tensor good = le(nearest, 3 * kRingSd);
    const Tensor found = bincount(masked_select(mode, good), {}, kModes);
    const double near = 100 * mean(good.to(float32)).item();
    support::figure(options, "within 3 sd, %", near);
    support::figure(options, "solved", amin(found).item() >= 200 && near >= 80);  // 2 % of all samples find a mode
    const auto points = [](const std::string& name, const Tensor& x) {
      const auto column = [&](std::int64_t i) { return x.at(Slice(0, 2000), i).to_vector<double>(); };
      return io::Series{name, column(0), column(1), true};
    };
    const auto at = meshgrid({linspace(3, -3, 120), linspace(-3, 3, 120)});  // rows from the top
    const Tensor height = squeeze(critic(stack({at[1], at[0]}, 2)), 2);
    const io::Field field{
        io::to_signed_image(height - mean(height), 2 * amax(abs(height - mean(height))).item()), {-3, 3}, {-3, 3}};
    draw({points("generated", samples), points("real", real)},
         {.title = "Samples over the critic", .field = field, .width = 520, .height = 520});
  } else {
    const io::Image grid = io::to_grid(unflatten(cat(snapshots), 1, {28, 28}), snapshots[0].size(0), -1, 1);
    report.section("Samples", "Each row is an epoch, each column the same z.");
    report.picture(grid, 700);
    io::save_png(options.out + "/gan.png", grid);
  }
  report.save(options.out + "/report.html");
}

int learn(const support::Options& options) {
  const Task task = target == "gaussian" ? gaussian() : target == "ring" ? ring() : digits(options.data);
  const std::int64_t epochs = options.quick ? 3 : options.epochs;
  const nn::Sequential critic = perceptron(task.size, task.widths, 1);
  nn::Sequential generator = perceptron(task.noise, {task.widths.rbegin(), task.widths.rend()}, task.size);
  if (target == "digits") generator.push_back(nn::Tanh{});
  const auto noise = [&](std::int64_t n) { return randn({n, task.noise}); };
  const Tensor same = noise(20);  // for every snapshot

  const optim::AdamOptions adam{.lr = task.lr, .beta1 = 0, .beta2 = 0.9};
  optim::Adam move_critic(parameters(critic), adam), move_generator(parameters(generator), adam);
  const optim::LinearLR falling{.start_factor = 1, .end_factor = 0, .total_iters = epochs * kSteps};
  optim::Schedule critic_lr(move_critic, falling), generator_lr(move_generator, falling);
  optim::AveragedModel average(parameters(generator), optim::ExponentialAverage{.decay = 0.995});
  std::vector<Tensor> snapshots;

  for (std::int64_t epoch = 1; epoch <= epochs; ++epoch) {
    io::Progress progress(fmt::format("epoch {}/{}", epoch, epochs), kSteps);
    metrics::Mean distance;
    for (std::int64_t step = 0; step < kSteps; ++step) {
      for (std::int64_t i = 0; i < kCriticSteps; ++i) {
        const Tensor real = task.real(kBatch), fake = generator(noise(kBatch)).detach();
        const Tensor apart = mean(critic(real)) - mean(critic(fake));
        move_critic.zero_grad();
        (task.penalty * nn::gradient_penalty(critic, real, fake) - apart).backward();
        move_critic.step();
        distance.add(apart.item());
      }
      move_generator.zero_grad();
      neg(mean(critic(generator(noise(kBatch))))).backward();
      move_generator.step();
      average.update_parameters();
      critic_lr.step();
      generator_lr.step();
      progress.step(kBatch, fmt::format("distance {:.4f}", distance.value()));
    }
    progress.finish(fmt::format("distance {:.4f}", distance.value()));
    average.swap();
    snapshots.push_back(generator(same).detach());
    if (epoch < epochs) average.swap();
  }
  judge(options, critic, snapshots, generator(noise(10000)).detach(), task.real(10000));
  fmt::print("report: {}/report.html\n", options.out);
  return 0;
}

int main(int argc, char** argv) {
  return support::run(argc, argv, "Trains a generative adversarial network", {.epochs = 40, .out = "runs/gan"},
                      learn, [](CLI::App& app) {
                        app.add_option("--target", target, "what is imitated: gaussian, ring or digits")
                            ->check(CLI::IsMember({"gaussian", "ring", "digits"}))
                            ->capture_default_str();
                      });
}
