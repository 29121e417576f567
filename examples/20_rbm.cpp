// A restricted Boltzmann machine learns MNIST by contrastive divergence (Hinton 2002) or by persistent chains (Tieleman 2008), and
// annealed importance sampling says how probable it finds digits that it has not seen (Salakhutdinov, Murray 2008). --quick: bars
// and stripes on squares of 4 x 4, where everything can be counted.
#include <CLI/CLI.hpp>

#include "support.h"

using namespace ebb;

std::int64_t cd = 25;  // Gibbs steps at the end; their number grows from 1, as in the paper
bool persistent = false;
double first_lr = 0.005;  // for digits; short chains mislead the less, the smaller it is

// Runs over rows [n, visible] of probabilities, from which units are drawn anew each time. `measure` tells the log-likelihood
// after an epoch.
void learn(nn::RBM& rbm, const Tensor& rows, const support::Options& options, std::int64_t batch_size, double lr,
           const std::function<double(std::int64_t epoch)>& measure, metrics::History& history) {
  const data::TensorDataset set(rows);
  data::DataLoader loader(set, {.batch_size = batch_size, .shuffle = true, .seed = options.seed});
  optim::Adam adam(parameters(rbm), {.lr = lr});
  Tensor fantasies;
  std::int64_t step = 0;
  for (std::int64_t epoch = 1; epoch <= options.epochs && !support::interrupted(); ++epoch) {
    io::Progress progress(fmt::format("epoch {}/{}", epoch, options.epochs), loader.size());
    for (const auto& [probabilities] : loader) {
      const double done = static_cast<double>(step++) / static_cast<double>(options.epochs * loader.size());
      const Tensor data = nn::sample_units(probabilities);
      const std::int64_t k = 1 + static_cast<std::int64_t>(done * static_cast<double>(cd));
      fantasies = rbm.gibbs(persistent && fantasies.defined() ? fantasies : data, k);
      const Tensor loss = mean(rbm.free_energy(data)) - mean(rbm.free_energy(fantasies));
      adam.set_lr(0, lr * (1 - done));
      adam.zero_grad();
      loss.backward();
      adam.step();
      progress.step(data.size(0));
    }
    const std::int64_t part = std::max<std::int64_t>(1, options.epochs / 10);
    if (epoch % part != 0 && epoch != options.epochs) continue;
    history.add("log-likelihood", measure(epoch));
    progress.finish(history.summary());
  }
}

void write_report(const support::Options& options, const nn::RBM& rbm, const metrics::History& history,
                  const Tensor& start, std::int64_t side) {
  const NoGrad off;
  io::Report report("A restricted Boltzmann machine");
  report.figure("log-likelihood, nats", fmt::format("{:.2f}", history.last("log-likelihood")));
  report.section("Learning", "Of the test set, while learning by a short estimate.");
  report.chart({io::series("log-likelihood", history["log-likelihood"])},
               {.x_label = "tenth of the epochs", .y_label = "nats"});

  report.section("Filters", "What draws each hidden unit on: blue is negative, red positive.");
  const double scale = 0.7 * amax(abs(rbm.weight)).item();
  std::vector<io::Picture> filters;
  for (std::int64_t i = 0; i < std::min<std::int64_t>(100, rbm.hidden); ++i)
    filters.push_back({io::to_signed_image(reshape(rbm.weight[i], {side, side}), scale)});
  report.pictures(filters);

  report.section("Fantasies",
                 "Chains from examples, in the first row: each row is 200 steps after the one above.");
  std::vector<Tensor> rows{start};
  Tensor v = start;
  for (int row = 0; row < 9; ++row) {
    v = rbm.gibbs(v, 200);
    rows.push_back(rbm.visible_given(nn::sample_units(rbm.hidden_given(v))));
  }
  const io::Image grid = io::to_grid(reshape(cat(rows), {-1, side, side}), start.size(0));
  report.picture(grid, static_cast<int>(std::max<std::int64_t>(grid.width, 560)));
  io::save_png(options.out + "/rbm.png", grid);
  report.save(options.out + "/report.html");
  fmt::print("report: {}/report.html\n", options.out);
}

// The 30 squares whose rows, or whose columns, are each all on or all off.
Tensor bars_and_stripes() {
  const Tensor bars = expand(reshape(nn::binary_states(4), {16, 4, 1}), {16, 4, 4});
  return flatten(cat({bars, narrow(transpose(bars, 1, 2), 0, 1, 14)}), 1);
}

int count_out(support::Options options) {
  options.epochs = 300;
  persistent = true;
  const Tensor patterns = bars_and_stripes();
  nn::RBM rbm{.visible = 16, .hidden = 16};
  const auto exact = [&](std::int64_t) {
    const NoGrad off;
    return (mean(-rbm.free_energy(patterns)) - rbm.log_partition()).item();
  };
  metrics::History history;
  learn(rbm, repeat(patterns, {10, 1}), options, 30, 0.03, exact, history);
  const double log_z = rbm.log_partition().item();
  const auto estimate = log_partition_ais(rbm, {.runs = 500, .steps = 2000});
  write_report(options, rbm, history, narrow(patterns, 0, 1, 20), 4);
  support::figure(options, "log-likelihood, nats", exact(0));
  support::figure(options, "log Z", log_z);
  support::figure(options, "error of annealed importance sampling, nats", std::abs(estimate.log_z - log_z));
  return 0;
}

int digits(const support::Options& options) {
  const auto grey = [&](bool train) {
    return flatten(data::mnist(options.data, {.train = train, .mean = 0, .std = 1}).all().images, 1);
  };
  const Tensor rows = grey(true), test = nn::sample_units(grey(false)), base = nn::base_rate_bias(rows);
  nn::RBM rbm{.visible = 784, .hidden = 500};
  rbm.visible_bias = base;
  nn::AisEstimate z;
  const auto estimate = [&](std::int64_t epoch) {
    const NoGrad off;
    z = log_partition_ais(rbm, {.steps = epoch == options.epochs ? 14500 : 1000, .base_bias = base});
    return mean(-rbm.free_energy(test)).item() - z.log_z;
  };
  metrics::History history;
  learn(rbm, rows, options, 100, first_lr, estimate, history);
  io::save(options.out + "/rbm.safetensors", state(rbm));
  write_report(options, rbm, history, narrow(test, 0, 0, 20), 28);
  support::figure(options, "log Z", z.log_z);
  support::figure(options, "log Z, three standard errors more", z.high);
  support::figure(options, "test log-likelihood, nats", history.last("log-likelihood"));
  return 0;
}

int main(int argc, char** argv) {
  const auto body = [](const support::Options& options) {
    support::stop_on_interrupt();
    return options.quick ? count_out(options) : digits(options);
  };
  return support::run(
      argc, argv, "A restricted Boltzmann machine learns MNIST", {.epochs = 20, .out = "runs/rbm"}, body,
      [](CLI::App& app) {
        app.add_option("--cd", cd, "Gibbs steps for each fantasy, at the end")->capture_default_str();
        app.add_option("--lr", first_lr, "first rate of learning; it falls to 0")->capture_default_str();
        app.add_flag("--persistent", persistent, "fantasies go on from step to step");
      });
}
