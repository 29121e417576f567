#include "support.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>

using namespace ebb;

namespace support {

int run(int argc, char** argv, const std::string& about, Options options,
        const std::function<int(const Options&)>& body, const std::function<void(CLI::App&)>& more) {
  CLI::App app(about);
  app.add_option("--seed", options.seed, "of everything that is random")->capture_default_str();
  app.add_option("--threads", options.threads, "0: all cores")->capture_default_str();
  app.add_option("--epochs", options.epochs, "passes over the training set")->capture_default_str();
  app.add_flag("--quick", options.quick, "a short run, to see that it works");
  app.add_option("--data", options.data, "folder of the data set")->capture_default_str();
  app.add_option("--out", options.out, "folder for results")->capture_default_str();
  more(app);
  CLI11_PARSE(app, argc, argv);
  try {
    if (options.threads > 0) set_num_threads(options.threads);
    manual_seed(options.seed);
    std::filesystem::create_directories(options.out);
    std::filesystem::remove(options.out + "/figures.tsv");
    const int code = body(options);
    return interrupted() ? 130 : code;
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}: {}\n", std::filesystem::path(argv[0]).filename().string(), e.what());
    return 1;
  }
}

void figure(const Options& options, const std::string& name, double value) {
  fmt::print("{}: {:.6g}\n", name, value);
  std::ofstream(options.out + "/figures.tsv", std::ios::app) << fmt::format("{}\t{:.17g}\n", name, value);
}

void stop_on_interrupt() {
  std::signal(SIGINT, [](int) {
    signalled = 1;
    std::signal(SIGINT, SIG_DFL);
  });
}

double step(optim::Optimizer& optimizer, const Tensor& loss, double max_norm) {
  optimizer.zero_grad();
  loss.backward();
  optim::clip_grad_norm_(optimizer.parameters(), max_norm);
  optimizer.step();
  return loss.item();
}

void EpochMeans::add(double batch_loss, const Tensor& logits, const Tensor& labels) {
  const auto count = static_cast<double>(labels.numel());
  loss.add(batch_loss, count);
  error.add(100 * (1 - metrics::accuracy(logits, labels)), count);
}
void EpochMeans::record(metrics::History& history, const Answers& test) const {
  history.add("training loss", loss.value());
  history.add("training error", error.value());
  history.add("test loss", test.loss);
  history.add("test error", 100 * test.error());
}

void learning_curves(io::Report& report, const metrics::History& history, const std::string& what,
                     const std::string& unit, const std::string& picture) {
  std::vector<io::Series> series;
  for (const std::string part : {"training", "test"})
    if (!history[part + " " + what].empty()) series.push_back(io::series(part, history[part + " " + what]));
  const io::ChartOptions chart{.title = what, .x_label = "epoch", .y_label = unit, .width = 460};
  report.chart(series, chart);
  if (!picture.empty()) io::save_chart(picture, series, chart);
}

std::vector<std::string> digits() { return {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}; }

void Pictures::add_option(CLI::App& app) {
  app.add_flag("--fashion", fashion, "--data is Fashion-MNIST's folder");
}

data::ImageSet Pictures::load(const Options& options, bool train) const {
  return fashion ? data::fashion_mnist(options.data, {.train = train, .mean = 0.2860, .std = 0.3530})
                 : data::mnist(options.data, {.train = train});
}

void mistakes(io::Report& report, const Tensor& images, const Answers& answers,
              const std::vector<std::string>& classes) {
  report.section("Confusion matrix",
                 "Rows are the true classes, columns the predicted ones; behind them the share of each that was "
                 "recognised.");
  report.confusion(
      metrics::confusion_matrix(answers.predicted, answers.target, static_cast<std::int64_t>(classes.size())),
      classes);
  report.section("Mistakes", "The true class, and what it was taken for.");
  std::vector<io::Picture> pictures;
  const auto predicted = answers.predicted.to_vector<std::int64_t>(),
             target = answers.target.to_vector<std::int64_t>();
  for (std::size_t i = 0; i < target.size() && pictures.size() < 100; ++i)
    if (predicted[i] != target[i])
      pictures.push_back({io::to_image(images[static_cast<std::int64_t>(i)]),
                          fmt::format("{} → {}", classes.at(static_cast<std::size_t>(target[i])),
                                      classes.at(static_cast<std::size_t>(predicted[i])))});
  report.pictures(pictures);
}

io::Image scattered(const Tensor& places, const Tensor& images, std::int64_t side) {
  constexpr std::int64_t kSize = 28, kCell = 20;
  const Tensor low = amin(places, {0}), high = amax(places, {0});
  const Tensor scaled = (places - low) / (high - low) * static_cast<double>(side - kSize);
  const auto at = scaled.to(int64).to_vector<std::int64_t>();
  const Tensor canvas = zeros({side, side}), taken = zeros({side / kCell + 1, side / kCell + 1});
  for (std::int64_t i = 0; i < images.size(0); ++i) {
    const std::int64_t x = at[static_cast<std::size_t>(2 * i)], y = at[static_cast<std::size_t>(2 * i + 1)];
    const Tensor cell = taken[y / kCell][x / kCell];
    if (cell.item() > 0) continue;
    cell.fill_(1);
    const Tensor here = canvas.at(Slice(y, y + kSize), Slice(x, x + kSize));
    here.copy_(maximum(here, images[i]));
  }
  return io::to_image(1 - canvas);
}

}  // namespace support
