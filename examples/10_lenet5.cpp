// LeNet-5 (LeCun, Bottou, Bengio, Haffner 1998, with ReLU and max-pooling) learns MNIST.
#include <CLI/CLI.hpp>

#include "support.h"

using namespace ebb;

struct LeNet5 {
  nn::Conv2d conv1{.in = 1, .out = 6, .kernel = 5, .padding = 2};
  nn::Conv2d conv2{.in = 6, .out = 16, .kernel = 5};
  nn::Linear fc1{400, 120}, fc2{120, 84}, fc3{84, 10};

  Tensor operator()(Tensor x) const {
    x = max_pool2d(relu(conv1(x)), 2);
    x = max_pool2d(relu(conv2(x)), 2);
    return fc3(relu(fc2(relu(fc1(flatten(x, 1))))));
  }
};

support::Pictures source;

void write_report(const support::Options& options, const LeNet5& net, const data::ImageSet& set,
                  const metrics::History& history) {
  const NoGrad off;
  const support::Answers last = support::answers(net, set);
  io::Report report("LeNet-5 on " + source.name());
  report.figure("test error", fmt::format("{:.2f} %", 100 * last.error()));
  report.figure("test loss", fmt::format("{:.4f}", last.loss));

  report.section("Learning curves");
  support::learning_curves(report, history, "loss", "mean loss");
  support::learning_curves(report, history, "error", "wrong answers, %", options.out + "/lenet5.svg");

  support::mistakes(report, set.images(), last, source.classes());

  report.section("First layer's filters", "Blue is negative, white 0, red positive.");
  std::vector<io::Picture> filters;
  for (std::int64_t i = 0; i < net.conv1.out; ++i)
    filters.push_back({io::to_signed_image(net.conv1.weight[i][0], amax(abs(net.conv1.weight)).item())});
  report.pictures(filters);

  report.section("Model and settings");
  report.text(to_string(describe(net)));
  report.table({{"data", options.data},
                {"seed", fmt::format("{}", options.seed)},
                {"batch size", "64"},
                {"optimizer", "AdamW, weight decay 0.2, one-cycle learning rate up to 0.003"},
                {"threads", fmt::format("{}", num_threads())}},
               io::Headings::first_column);
  report.save(options.out + "/report.html");
}

bool resume = false;
std::int64_t interrupt = 0;

int learn(const support::Options& options) {
  const auto train_set = source.load(options, true), test_set = source.load(options, false);
  const std::int64_t epochs = options.quick ? 1 : options.epochs;

  LeNet5 net;
  data::DataLoader loader(train_set, {.batch_size = 64, .shuffle = true, .seed = options.seed, .workers = 1});
  optim::AdamW adam(parameters(net), {.weight_decay = 0.2});
  optim::Schedule schedule(adam, optim::OneCycleLR{.max_lr = 3e-3, .total_steps = epochs * loader.size()});
  metrics::History history;
  support::EpochMeans so_far;

  const std::string checkpoint = options.out + "/checkpoint.safetensors";
  if (resume) {
    const auto saved = io::load_checkpoint(checkpoint);
    load_state(net, saved.model);
    adam.load_state(saved.optimizer);
    schedule.load_state(saved.schedule);
    history.load_state(saved.user);
    default_generator() = saved.random;
    loader.resume(saved.position);
  }
  const auto save = [&] {
    io::save(
        checkpoint,
        {state(net), adam.state(), schedule.state(), history.state(), default_generator(), loader.position(), {}});
  };

  support::stop_on_interrupt();
  while (loader.position().epoch < epochs) {
    const auto [epoch, batch] = loader.position();
    io::Progress progress(fmt::format("epoch {}/{}", epoch + 1, epochs), loader.size(),
                          {.done = batch, .unit = "images"});
    for (const auto& [images, labels] : loader) {
      adam.zero_grad();
      const auto logits = net(images);
      const auto loss = cross_entropy(logits, labels);
      loss.backward();
      adam.step();
      schedule.step();

      so_far.add(loss.item(), logits, labels);
      progress.step(labels.numel(), fmt::format("loss {:.4f}", so_far.loss.value()));
      if (schedule.last_step() == interrupt) std::raise(SIGINT);
      if (support::interrupted()) {
        save();
        fmt::print("\nstopped; continue with --resume\n");
        return 130;
      }
    }
    std::exchange(so_far, {}).record(history, support::answers(net, test_set));
    progress.finish(history.summary());
    save();
  }
  io::save(options.out + "/lenet5.safetensors", state(net));
  write_report(options, net, test_set, history);
  support::figure(options, "test error, %", history.last("test error"));
  fmt::print("report: {}/report.html\n", options.out);
  return 0;
}

int main(int argc, char** argv) {
  return support::run(argc, argv, "Trains LeNet-5 on MNIST", {.out = "runs/lenet5"}, learn, [](CLI::App& app) {
    source.add_option(app);
    app.add_flag("--resume", resume, "continue from the checkpoint in --out");
    app.add_option("--interrupt", interrupt, "press Ctrl-C in this step, to see that --resume continues");
  });
}
