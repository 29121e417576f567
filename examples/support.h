// What the examples share: their options, a clean stop on Ctrl-C, and where their figures go.
#pragma once

#include <ebb.h>
#include <fmt/format.h>

#include <csignal>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;  // programs with options of their own include <CLI/CLI.hpp>
}

namespace support {

struct Options {
  std::uint64_t seed = 0;
  int threads = 0;  // 0: all cores
  std::int64_t epochs = 5;
  bool quick = false;
  std::string data = "data/mnist", out = "runs";
};

// Reads the command line into `options` and runs `body`. --help, a mistake in the options and an ebb::Error end with a clear
// word, Ctrl-C with 130. `more` adds options of the program's own.
int run(
    int argc, char** argv, const std::string& about, Options options,
    const std::function<int(const Options&)>& body, const std::function<void(CLI::App&)>& more = [](CLI::App&) {});

// A figure that the run has reached: printed, and kept in figures.tsv for scripts/systems.
void figure(const Options& options, const std::string& name, double value);

// From here on Ctrl-C makes interrupted() true; a second one ends the program at once.
void stop_on_interrupt();
inline volatile std::sig_atomic_t signalled = 0;
inline bool interrupted() { return signalled != 0; }

// One step of an optimizer down the gradient of `loss`, whose norm is first limited: the loss.
double step(ebb::optim::Optimizer& optimizer, const ebb::Tensor& loss, double max_norm);

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

  void add(double batch_loss, const ebb::Tensor& logits, const ebb::Tensor& labels);
  // The epoch's line in the history, with what it answers to the test set.
  void record(ebb::metrics::History& history, const Answers& test) const;
};

// The curves "training WHAT" and "test WHAT" over the epochs; also in the file `picture`, if it has a name.
void learning_curves(ebb::io::Report& report, const ebb::metrics::History& history, const std::string& what,
                     const std::string& unit, const std::string& picture = {});

std::vector<std::string> digits();  // "0", "1", …

// Ten classes of small pictures: MNIST's digits, or the clothes that came after them.
struct Pictures {
  bool fashion = false;

  void add_option(CLI::App& app);
  std::string name() const { return fashion ? "Fashion-MNIST" : "MNIST"; }
  std::vector<std::string> classes() const { return fashion ? ebb::data::fashion_mnist_classes() : digits(); }
  ebb::data::ImageSet load(const Options& options, bool train) const;
};

// Which classes were taken for which, and the first hundred mistakes. images [n, 1, h, w], as they are in the file.
void mistakes(ebb::io::Report& report, const ebb::Tensor& images, const Answers& answers,
              const std::vector<std::string>& classes = digits());

// images [n, 28, 28] at places [n, 2], as many as can be told apart: a map of what a network makes of them.
ebb::io::Image scattered(const ebb::Tensor& places, const ebb::Tensor& images, std::int64_t side = 900);

}  // namespace support
