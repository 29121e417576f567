// LeNet-5 (LeCun, Bottou, Bengio, Haffner 1998, with ReLU and max-pooling) learns MNIST.
#include <ebb.h>

#include <filesystem>

#include "lenet5_report.h"
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

int run(const support::Options& options) {
  const auto train_set = data::mnist(options.data), test_set = data::mnist(options.data, {.train = false});
  const std::int64_t epochs = options.quick ? 1 : options.epochs;
  if (options.threads > 0) set_num_threads(options.threads);
  manual_seed(options.seed);

  LeNet5 net;
  data::DataLoader loader(train_set, {.batch_size = 64, .shuffle = true, .seed = options.seed, .workers = 1});
  optim::AdamW adam(parameters(net), {.weight_decay = 0.5});
  optim::Schedule schedule(adam, optim::OneCycleLR{.max_lr = 3e-3, .total_steps = epochs * loader.size()});
  History history;

  const std::string checkpoint = options.out + "/checkpoint.safetensors";
  std::filesystem::create_directories(options.out);
  if (options.resume) {
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
    support::Progress progress(fmt::format("epoch {}/{}", epoch + 1, epochs), loader.size(), batch);
    for (const auto& [images, labels] : loader) {
      adam.zero_grad();
      const auto logits = net(images);
      const auto loss = cross_entropy(logits, labels);
      loss.backward();
      adam.step();
      schedule.step();

      history.add_step(loss, logits, labels);
      progress.step(labels.numel(), loss.item());
      if (support::interrupted(schedule.last_step(), options)) {
        save();
        fmt::print("\nstopped; continue with --resume\n");
        return 130;
      }
    }
    history.end_epoch(evaluate(net, test_set));
    progress.finish(history.summary());
    save();
  }
  eval(net);
  io::save(options.out + "/lenet5.safetensors", state(net));
  write_report(options, net, net.conv1.weight, history, test_set, schedule.last_step());
  fmt::print("test error {:.2f} %; report: {}/report.html\n", 100 * history.test_error.back(), options.out);
  return 0;
}

int main(int argc, char** argv) {
  support::Options options;
  support::parse(argc, argv, "Trains LeNet-5 on MNIST", options);
  try {
    return run(options);
  } catch (const Error& e) {
    fmt::print(stderr, "lenet5: {}\n", e.what());
    return 1;
  }
}
