// What the examples share: their options, a clean stop on Ctrl-C, and where their figures go.
#pragma once

#include <ebb.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

namespace support {

struct Options {
  std::uint64_t seed = 0;
  int threads = 0;  // 0: all cores
  std::int64_t epochs = 5;
  bool quick = false;
  std::string data = "data/mnist", out = "runs";
};

inline bool interrupted();

// Reads the command line into `options` and runs `body`. --help, a mistake in the options and an ebb::Error end with a clear
// word, Ctrl-C with 130. `more` adds options of the program's own.
inline int run(
    int argc, char** argv, const std::string& about, Options options,
    const std::function<int(const Options&)>& body,
    const std::function<void(CLI::App&)>& more = [](CLI::App&) {}) {
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
    if (options.threads > 0) ebb::set_num_threads(options.threads);
    ebb::manual_seed(options.seed);
    std::filesystem::create_directories(options.out);
    std::filesystem::remove(options.out + "/figures.tsv");
    const int code = body(options);
    return interrupted() ? 130 : code;
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}: {}\n", std::filesystem::path(argv[0]).filename().string(), e.what());
    return 1;
  }
}

// A figure that the run has reached: printed, and kept in figures.tsv for scripts/systems.
inline void figure(const Options& options, const std::string& name, double value) {
  fmt::print("{}: {:.6g}\n", name, value);
  std::ofstream(options.out + "/figures.tsv", std::ios::app) << fmt::format("{}\t{:.17g}\n", name, value);
}

// From here on Ctrl-C makes interrupted() true; a second one ends the program at once.
inline volatile std::sig_atomic_t signalled = 0;
inline void stop_on_interrupt() {
  std::signal(SIGINT, [](int) {
    signalled = 1;
    std::signal(SIGINT, SIG_DFL);
  });
}
inline bool interrupted() { return signalled != 0; }

// One step of an optimizer down the gradient of `loss`, whose norm is first limited: the loss.
inline double step(ebb::optim::Optimizer& optimizer, const ebb::Tensor& loss, double max_norm) {
  optimizer.zero_grad();
  loss.backward();
  ebb::optim::clip_grad_norm_(optimizer.parameters(), max_norm);
  optimizer.step();
  return loss.item();
}

// What a classifier answers to a whole set.
struct Answers {
  double loss;  // mean cross-entropy
  ebb::Tensor predicted, target;
  double error() const { return 1 - ebb::metrics::accuracy(predicted, target); }  // share of wrong ones
};
template <class Net, class Set>
Answers answers(const Net& net, const Set& set) {
  const ebb::NoGrad off;
  ebb::metrics::Mean loss;
  std::vector<ebb::Tensor> predicted, target;
  for (const auto& [x, labels] : ebb::data::DataLoader(set, {.batch_size = 500})) {
    const ebb::Tensor logits = net(x);
    loss.add(ebb::cross_entropy(logits, labels).item(), static_cast<double>(labels.numel()));
    predicted.push_back(ebb::argmax(logits, 1));
    target.push_back(labels);
  }
  return {loss.value(), ebb::cat(predicted), ebb::cat(target)};
}

// How a classifier does on the training set while an epoch lasts: means over the examples so far.
struct EpochMeans {
  ebb::metrics::Mean loss, error;  // error in %

  void add(double batch_loss, const ebb::Tensor& logits, const ebb::Tensor& labels) {
    const auto count = static_cast<double>(labels.numel());
    loss.add(batch_loss, count);
    error.add(100 * (1 - ebb::metrics::accuracy(logits, labels)), count);
  }
  // The epoch's line in the history, with what it answers to the test set.
  void record(ebb::metrics::History& history, const Answers& test) const {
    history.add("training loss", loss.value());
    history.add("training error", error.value());
    history.add("test loss", test.loss);
    history.add("test error", 100 * test.error());
  }
};

// The curves "training WHAT" and "test WHAT" over the epochs; also in the file `picture`, if it has a name.
inline void learning_curves(ebb::io::Report& report, const ebb::metrics::History& history, const std::string& what,
                            const std::string& unit, const std::string& picture = {}) {
  std::vector<ebb::io::Series> series;
  for (const std::string part : {"training", "test"})
    if (!history[part + " " + what].empty()) series.push_back(ebb::io::series(part, history[part + " " + what]));
  const ebb::io::ChartOptions chart{.title = what, .x_label = "epoch", .y_label = unit, .width = 460};
  report.chart(series, chart);
  if (!picture.empty()) ebb::io::save_chart(picture, series, chart);
}

inline std::vector<std::string> digits() { return {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}; }

// Ten classes of small pictures: MNIST's digits, or the clothes that came after them.
struct Pictures {
  bool fashion = false;

  void add_option(CLI::App& app) { app.add_flag("--fashion", fashion, "--data is Fashion-MNIST's folder"); }
  std::string name() const { return fashion ? "Fashion-MNIST" : "MNIST"; }
  std::vector<std::string> classes() const { return fashion ? ebb::data::fashion_mnist_classes() : digits(); }
  ebb::data::ImageSet load(const Options& options, bool train) const {
    return fashion ? ebb::data::fashion_mnist(options.data, {.train = train, .mean = 0.2860, .std = 0.3530})
                   : ebb::data::mnist(options.data, {.train = train});
  }
};

// Which classes were taken for which, and the first hundred mistakes. images [n, 1, h, w], as they are in the file.
inline void mistakes(ebb::io::Report& report, const ebb::Tensor& images, const Answers& answers,
                     const std::vector<std::string>& classes = digits()) {
  report.section("Confusion matrix",
                 "Rows are the true classes, columns the predicted ones; behind them the share of each that was "
                 "recognised.");
  report.confusion(
      ebb::metrics::confusion_matrix(answers.predicted, answers.target, static_cast<std::int64_t>(classes.size())),
      classes);
  report.section("Mistakes", "The true class, and what it was taken for.");
  std::vector<ebb::io::Picture> pictures;
  const auto predicted = answers.predicted.to_vector<std::int64_t>(),
             target = answers.target.to_vector<std::int64_t>();
  for (std::size_t i = 0; i < target.size() && pictures.size() < 100; ++i)
    if (predicted[i] != target[i])
      pictures.push_back({ebb::io::to_image(images[static_cast<std::int64_t>(i)]),
                          fmt::format("{} → {}", classes.at(static_cast<std::size_t>(target[i])),
                                      classes.at(static_cast<std::size_t>(predicted[i])))});
  report.pictures(pictures);
}

// images [n, 28, 28] at places [n, 2], as many as can be told apart: a map of what a network makes of them.
inline ebb::io::Image scattered(const ebb::Tensor& places, const ebb::Tensor& images, std::int64_t side = 900) {
  constexpr std::int64_t kSize = 28, kCell = 20;
  const ebb::Tensor low = amin(places, {0}), high = amax(places, {0});
  const ebb::Tensor scaled = (places - low) / (high - low) * static_cast<double>(side - kSize);
  const auto at = scaled.to(ebb::int64).to_vector<std::int64_t>();
  const ebb::Tensor canvas = ebb::zeros({side, side}), taken = ebb::zeros({side / kCell + 1, side / kCell + 1});
  for (std::int64_t i = 0; i < images.size(0); ++i) {
    const std::int64_t x = at[static_cast<std::size_t>(2 * i)], y = at[static_cast<std::size_t>(2 * i + 1)];
    const ebb::Tensor cell = taken[y / kCell][x / kCell];
    if (cell.item() > 0) continue;
    cell.fill_(1);
    const ebb::Tensor here = canvas.at(ebb::Slice(y, y + kSize), ebb::Slice(x, x + kSize));
    here.copy_(maximum(here, images[i]));
  }
  return ebb::io::to_image(1 - canvas);
}

}  // namespace support
