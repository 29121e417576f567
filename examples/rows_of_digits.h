// Digits read row by row, from top to bottom: 28 steps of 28 pixels. For networks that map sequences [n, t, 28] to the scores
// [n, 10] of the last step.
#pragma once

#include "support.h"

namespace support {

template <class Net>
int learn_rows_of_digits(const Options& options, const std::string& title, const Net& net, double lr) {
  using namespace ebb;
  const auto train_set = data::mnist(options.data), test_set = data::mnist(options.data, {.train = false});
  const auto read = [&](const Tensor& images) { return net(squeeze(images, 1)); };
  const std::int64_t epochs = options.quick ? 1 : options.epochs;
  data::DataLoader loader(train_set, {.batch_size = 64, .shuffle = true, .seed = options.seed, .workers = 1});
  optim::AdamW adam(parameters(net), {.weight_decay = 0.1});
  optim::Schedule schedule(adam, optim::OneCycleLR{.max_lr = lr, .total_steps = epochs * loader.size()});
  metrics::History history;
  for (std::int64_t epoch = 0; epoch < epochs; ++epoch) {
    EpochMeans so_far;
    io::Progress progress(fmt::format("epoch {}/{}", epoch + 1, epochs), loader.size(), {.unit = "images"});
    for (const auto& [images, labels] : loader) {
      const Tensor scores = read(images), loss = cross_entropy(scores, labels);
      so_far.loss.add(step(adam, loss, 1));
      schedule.step();
      so_far.error.add(100 * (1 - metrics::accuracy(scores, labels)));
      progress.step(labels.numel(), fmt::format("loss {:.4f}", so_far.loss.value()));
      if (interrupted()) return 130;
    }
    so_far.record(history, answers(read, test_set));
    progress.finish(history.summary());
  }
  io::Report report(title);
  report.figure("test error", fmt::format("{:.2f} %", history.last("test error")));
  report.section("Learning curves");
  learning_curves(report, history, "loss", "mean loss");
  learning_curves(report, history, "error", "wrong answers, %");
  report.section("What it knows after each row",
                 "The probabilities of the ten digits, 0 at the left, if the picture ended with this row.");
  const NoGrad off;
  std::vector<Tensor> pictures;
  for (std::int64_t i = 0; i < 8; ++i) {
    const Tensor image = test_set.range(i, i + 1).images[0];
    std::vector<Tensor> rows;
    for (std::int64_t t = 1; t <= 28; ++t) rows.push_back(softmax(net(narrow(image, 1, 0, t)), 1));
    const Tensor known = repeat_interleave(cat(rows), 3, 1);
    pictures.push_back(cat({test_set.images()[i][0].to(float32) / 255, known}, 1));
  }
  const io::Image grid = io::to_grid(stack(pictures), 4);
  report.picture(grid, 700);
  io::save_png(options.out + "/digits.png", grid);
  report.section("Model");
  report.text(to_string(describe(net)));
  report.save(options.out + "/report.html");
  figure(options, "test error, %", history.last("test error"));
  return 0;
}

}  // namespace support
