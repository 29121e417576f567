// A residual network of 20 layers (He, Zhang, Ren, Sun 2016) learns Fashion-MNIST. --compare sets it beside a plain network of
// the same layers, which with --depth 56 learns less well: not for want of capacity but because it is harder to train.
#include <CLI/CLI.hpp>

#include "resnet.h"

#include "support.h"

using namespace ebb;

int depth = 20;
bool compare = false;
std::int64_t examples = 0;

struct Run {
  std::string name;
  ResNet net;
  metrics::History history = {};
  std::vector<double> first_norms = {}, last_norms = {};  // of the gradients of the convolutions' weights
};

std::vector<double> gradient_norms(const ResNet& net) {
  std::vector<double> norms{norm(net.conv.weight.grad()).item()};
  for (const Block& block : net.blocks)
    for (const nn::Conv2d* conv : {&block.conv1, &block.conv2}) norms.push_back(norm(conv->weight.grad()).item());
  return norms;
}

// The first n images, or all.
data::ImageSet load(const support::Options& options, bool train, std::int64_t n) {
  const auto set = support::Pictures{.fashion = true}.load(options, train);
  if (n == 0) return set;
  return data::ImageSet("fashion_mnist", narrow(set.images(), 0, 0, n), narrow(set.labels(), 0, 0, n),
                        {.mean = {0.2860}, .std = {0.3530}});
}

void learn(const support::Options& options, Run& run, const data::ImageSet& train_set,
           const data::ImageSet& test_set) {
  const double black = -0.2860 / 0.3530;
  const data::Transformed augmented(train_set, [black](const Tensor& images, Generator& random) {
    return data::random_horizontal_flip(data::random_shift(images, 2, random, black), random);
  });
  data::DataLoader loader(augmented, {.batch_size = 128, .shuffle = true, .seed = options.seed, .workers = 1});
  const std::int64_t epochs = options.quick ? 3 : options.epochs;
  optim::SGD sgd(parameters(run.net), {.momentum = 0.9, .nesterov = true, .weight_decay = 5e-4});
  optim::Schedule schedule(sgd, optim::OneCycleLR{.max_lr = 0.1, .total_steps = epochs * loader.size()});

  for (std::int64_t epoch = 1; epoch <= epochs; ++epoch) {
    io::Progress progress(fmt::format("{}, epoch {}/{}", run.name, epoch, epochs), loader.size(),
                          {.unit = "images"});
    support::EpochMeans so_far;
    train(run.net);
    for (const auto& [images, labels] : loader) {
      sgd.zero_grad();
      const Tensor logits = run.net(images), loss = cross_entropy(logits, labels);
      loss.backward();
      if (run.first_norms.empty()) run.first_norms = gradient_norms(run.net);
      sgd.step();
      schedule.step();

      so_far.add(loss.item(), logits, labels);
      progress.step(labels.numel(), fmt::format("loss {:.4f}", so_far.loss.value()));
    }
    run.last_norms = gradient_norms(run.net);
    eval(run.net);
    so_far.record(run.history, support::answers(run.net, test_set));
    progress.finish(run.history.summary());
  }
}

void write_report(const support::Options& options, const std::vector<Run>& runs, const data::ImageSet& test_set) {
  io::Report report(fmt::format("{} layers on Fashion-MNIST", 2 + 2 * runs[0].net.blocks.size()));
  for (const Run& run : runs)
    report.figure(run.name + ": test error", fmt::format("{:.2f} %", run.history.last("test error")));
  for (const Run& run : runs) {
    report.section("Learning curves of the " + run.name + " network");
    support::learning_curves(report, run.history, "loss", "mean loss");
    support::learning_curves(report, run.history, "error", "wrong answers, %");
  }
  report.section("Gradients", "The norm of the gradient of each convolution's weight.");
  std::vector<io::Series> norms;
  for (const Run& run : runs) {
    norms.push_back(io::series(run.name + ", first step", run.first_norms));
    norms.push_back(io::series(run.name + ", last step", run.last_norms));
  }
  const io::ChartOptions chart{.title = "Gradient norm", .x_label = "layer", .log_y = true, .width = 760};
  report.chart(norms, chart);
  io::save_chart(options.out + "/resnet.svg", norms, chart);
  support::mistakes(report, test_set.images(), support::answers(runs[0].net, test_set),
                    data::fashion_mnist_classes());
  report.section("Model");
  report.text(to_string(describe(runs[0].net)));
  report.save(options.out + "/report.html");
}

int learn_all(const support::Options& options) {
  if (depth < 8 || depth % 6 != 2)
    throw Error(fmt::format("--depth is {}; it must be 6 n + 2 with n >= 1", depth));
  const auto train_set = load(options, true, options.quick ? 4000 : examples);
  const auto test_set = load(options, false, options.quick ? 1000 : 0);
  const int n = (options.quick ? 8 : depth) / 6;

  std::vector<Run> runs{{"residual", resnet(n)}};
  if (compare) runs.push_back({"plain", resnet(n, false)});
  for (Run& run : runs) learn(options, run, train_set, test_set);

  io::save(options.out + "/resnet.safetensors", state(runs[0].net));
  write_report(options, runs, test_set);
  support::figure(options, "test error, %", runs[0].history.last("test error"));
  if (compare)
    support::figure(options, "training loss, plain over residual",
                    runs[1].history.last("training loss") / runs[0].history.last("training loss"));
  fmt::print("report: {}/report.html\n", options.out);
  return 0;
}

int main(int argc, char** argv) {
  return support::run(
      argc, argv, "Trains a residual network on Fashion-MNIST",
      {.epochs = 10, .data = "/usr/share/datasets/fashion-mnist", .out = "runs/resnet"}, learn_all,
      [](CLI::App& app) {
        app.add_option("--depth", depth, "layers: 20, 32, 44, 56, … 6 n + 2")->capture_default_str();
        app.add_flag("--compare", compare, "train a plain network too");
        app.add_option("--examples", examples, "so many training images; 0: all")->capture_default_str();
      });
}
