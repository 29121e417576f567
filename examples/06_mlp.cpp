// Multilayer perceptrons (Rumelhart, Hinton, Williams 1986) learn MNIST or Fashion-MNIST: 784-300-100-10 (LeCun, Bottou,
// Bengio, Haffner 1998), 784-800-10 (Simard, Steinkraus, Platt 2003), or by --hidden any others.
#include <CLI/CLI.hpp>

#include "support.h"

using namespace ebb;

struct Perceptron {
  std::vector<nn::Linear> hidden;
  nn::Linear last;

  Tensor operator()(Tensor x) const {
    x = flatten(x, 1);
    for (const nn::Linear& layer : hidden) x = relu(layer(x));
    return last(x);
  }
};

std::vector<std::int64_t> widths = {300, 100};
support::Pictures source;

Perceptron perceptron(std::int64_t in, std::int64_t out) {
  std::vector<nn::Linear> hidden;
  for (const std::int64_t width : widths) hidden.push_back({std::exchange(in, width), width});
  return {hidden, {in, out}};
}

void write_report(const support::Options& options, const Perceptron& net, const data::ImageSet& set,
                  const metrics::History& history) {
  const NoGrad off;
  const support::Answers last = support::answers(net, set);
  io::Report report("A perceptron on " + source.name());
  report.figure("test error", fmt::format("{:.2f} %", 100 * last.error()));
  report.figure("test loss", fmt::format("{:.4f}", last.loss));

  report.section("Learning curves");
  support::learning_curves(report, history, "loss", "mean loss");
  support::learning_curves(report, history, "error", "wrong answers, %");

  report.section("What the first units look at",
                 "Weights of the pixels: blue is negative, white 0, red positive.");
  const Tensor& weight = net.hidden.empty() ? net.last.weight : net.hidden[0].weight;
  const Tensor templates =
      reshape(narrow(weight, 0, 0, std::min<std::int64_t>(100, weight.size(0))), {-1, 28, 28});
  const double scale = 3 * std::sqrt(mean(square(templates)).item());
  std::vector<io::Picture> pictures;
  for (const Tensor& one : unbind(templates)) pictures.push_back({io::to_signed_image(one, scale)});
  report.pictures(pictures);
  io::save_png(options.out + "/mlp.png", io::to_grid(templates, 20, -scale, scale));

  support::mistakes(report, set.images(), last, source.classes());
  report.section("Model");
  report.text(to_string(describe(net)));
  report.save(options.out + "/report.html");
}

int learn(const support::Options& options) {
  const auto train_set = source.load(options, true), test_set = source.load(options, false);
  const std::int64_t epochs = options.quick ? 1 : options.epochs;

  Perceptron net = perceptron(28 * 28, 10);
  data::DataLoader loader(train_set, {.batch_size = 64, .shuffle = true, .seed = options.seed, .workers = 1});
  optim::AdamW adam(parameters(net), {.weight_decay = 0.3});
  optim::Schedule schedule(adam, optim::OneCycleLR{.max_lr = 2e-3, .total_steps = epochs * loader.size()});
  metrics::History history;

  for (std::int64_t epoch = 1; epoch <= epochs; ++epoch) {
    io::Progress progress(fmt::format("epoch {}/{}", epoch, epochs), loader.size(), {.unit = "images"});
    support::EpochMeans so_far;
    for (const auto& [images, labels] : loader) {
      adam.zero_grad();
      const Tensor logits = net(images), loss = cross_entropy(logits, labels);
      loss.backward();
      adam.step();
      schedule.step();

      so_far.add(loss.item(), logits, labels);
      progress.step(labels.numel(), fmt::format("loss {:.4f}", so_far.loss.value()));
    }
    so_far.record(history, support::answers(net, test_set));
    progress.finish(history.summary());
  }
  io::save(options.out + "/mlp.safetensors", state(net));
  write_report(options, net, test_set, history);
  support::figure(options, "test error, %", history.last("test error"));
  fmt::print("report: {}/report.html\n", options.out);
  return 0;
}

int main(int argc, char** argv) {
  return support::run(argc, argv, "Trains a multilayer perceptron on MNIST or Fashion-MNIST",
                      {.epochs = 10, .out = "runs/mlp"}, learn, [](CLI::App& app) {
                        app.add_option("--hidden", widths, "sizes of the hidden layers")->capture_default_str();
                        source.add_option(app);
                      });
}
