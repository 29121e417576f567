// What 05_lenet5.cpp keeps of a run, and the page that it leaves.
#pragma once

#include <ebb.h>

#include <string>
#include <vector>

#include "support.h"

// Loss and error after each epoch, and the sums of the epoch under way.
struct History {
  std::vector<double> train_loss, train_error, test_loss, test_error;
  double loss_sum = 0, wrong = 0, seen = 0, seconds = 0, began = support::now();

  void add_step(const ebb::Tensor& loss, const ebb::Tensor& logits, const ebb::Tensor& labels) {
    const auto count = static_cast<double>(labels.numel());
    loss_sum += loss.item() * count;
    wrong += ebb::sum(ebb::ne(ebb::argmax(logits, 1), labels)).item();
    seen += count;
  }
  struct Result {
    double loss, error;
  };
  void end_epoch(const Result& test) {
    train_loss.push_back(loss_sum / seen);
    train_error.push_back(wrong / seen);
    test_loss.push_back(test.loss);
    test_error.push_back(test.error);
    loss_sum = wrong = seen = 0;
  }
  std::string summary() const {
    return fmt::format("train loss {:.4f}  test loss {:.4f}  test error {:.2f} %", train_loss.back(),
                       test_loss.back(), 100 * test_error.back());
  }

  // All of it, for a checkpoint.
  std::vector<ebb::NamedTensor> state() const {
    const double elapsed = seconds + support::now() - began;
    return {{"train_loss", ebb::tensor(train_loss)},
            {"train_error", ebb::tensor(train_error)},
            {"test_loss", ebb::tensor(test_loss)},
            {"test_error", ebb::tensor(test_error)},
            {"epoch", ebb::tensor({loss_sum, wrong, seen, elapsed}, {.dtype = ebb::float64})}};
  }
  void load_state(const std::vector<ebb::NamedTensor>& saved) {
    for (const auto& [name, values] : saved) {
      const auto v = values.to_vector<double>();
      if (name == "train_loss") train_loss = v;
      if (name == "train_error") train_error = v;
      if (name == "test_loss") test_loss = v;
      if (name == "test_error") test_error = v;
      if (name == "epoch") loss_sum = v[0], wrong = v[1], seen = v[2], seconds = v[3];
    }
  }
};

// Mean loss and share of wrong answers.
template <class Net>
History::Result evaluate(const Net& net, const ebb::data::Mnist& set) {
  const ebb::NoGrad off;
  double loss = 0, wrong = 0;
  for (const auto& [images, labels] : ebb::data::DataLoader(set, {.batch_size = 500})) {
    const auto logits = net(images);
    loss += ebb::cross_entropy(logits, labels, {.reduction = ebb::Reduction::sum}).item();
    wrong += ebb::sum(ebb::ne(ebb::argmax(logits, 1), labels)).item();
  }
  const auto count = static_cast<double>(set.size());
  return {loss / count, wrong / count};
}

// out/report.html
template <class Net>
void write_report(const support::Options& options, const Net& net, const ebb::Tensor& filters,
                  const History& history, const ebb::data::Mnist& test_set, std::int64_t steps) {
  using namespace ebb;
  const NoGrad off;
  io::TrainingReport report{.title = "LeNet-5 on MNIST",
                            .train_loss = history.train_loss,
                            .test_loss = history.test_loss,
                            .train_error = history.train_error,
                            .test_error = history.test_error};
  report.confusion = zeros({10, 10}, {.dtype = int64});
  auto* confusion = report.confusion.data<std::int64_t>();
  std::int64_t first = 0;
  for (const auto& [images, labels] : data::DataLoader(test_set, {.batch_size = 500})) {
    const auto predicted = argmax(net(images), 1).template to_vector<std::int64_t>();
    const auto truth = labels.template to_vector<std::int64_t>();
    for (std::size_t i = 0; i < truth.size(); ++i) {
      ++confusion[truth[i] * 10 + predicted[i]];
      if (predicted[i] != truth[i])
        report.mistakes.push_back(
            {test_set.images()[first + static_cast<std::int64_t>(i)], predicted[i], truth[i]});
    }
    first += static_cast<std::int64_t>(truth.size());
  }
  report.filters = filters.detach();
  report.model = {{"name", "shape", "count"}};
  for (const auto& row : describe(net).rows)
    report.model.push_back({row.name, to_string(row.shape), fmt::format("{}", row.shape.numel())});
  const double seconds = history.seconds + support::now() - history.began;
  report.settings = {{"data", options.data},
                     {"seed", fmt::format("{}", options.seed)},
                     {"epochs", fmt::format("{}", history.test_error.size())},
                     {"batch size", "64"},
                     {"optimizer", "AdamW, weight decay 0.5, one-cycle learning rate up to 0.003"},
                     {"threads", fmt::format("{}", num_threads())}};
  report.timing = {{"whole run", fmt::format("{:.1f} s", seconds)},
                   {"per step", fmt::format("{:.2f} ms", 1e3 * seconds / static_cast<double>(steps))}};
  report.save(options.out + "/report.html");
}
