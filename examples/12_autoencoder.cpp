// A deep autoencoder squeezes MNIST's digits into 30 numbers and makes them whole again: 784-1000-500-250-30 and back (Hinton,
// Salakhutdinov: Reducing the Dimensionality of Data with Neural Networks; Science 2006), beside principal components, which
// --linear, without hidden layers and activations, can at best equal (Baldi, Hornik 1989).
#include <CLI/CLI.hpp>

#include "support.h"

using namespace ebb;

std::vector<std::int64_t> widths = {1000, 500, 250};
std::int64_t code_size = 30;
bool without_hidden = false;
double lr = 2e-3;

struct Autoencoder {
  std::vector<nn::Linear> encoder, decoder;
  bool logistic;  // pixels are from 0 to 1

  static Tensor through(const std::vector<nn::Linear>& layers, Tensor x) {
    for (std::size_t i = 0; i < layers.size(); ++i) x = i == 0 ? layers[i](x) : layers[i](relu(x));
    return x;
  }
  Tensor encode(const Tensor& x) const { return through(encoder, x); }
  Tensor decode(const Tensor& code) const {
    return logistic ? sigmoid(through(decoder, code)) : through(decoder, code);
  }
  Tensor operator()(const Tensor& x) const { return decode(encode(x)); }
};

Autoencoder autoencoder(std::int64_t pixels) {
  std::vector<std::int64_t> sizes{pixels};
  if (!without_hidden) sizes.insert(sizes.end(), widths.begin(), widths.end());
  sizes.push_back(code_size);
  Autoencoder net{{}, {}, !without_hidden};
  for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
    net.encoder.push_back({sizes[i], sizes[i + 1]});
    net.decoder.insert(net.decoder.begin(), nn::Linear{sizes[i + 1], sizes[i]});
  }
  for (const auto& [name, p] : named_parameters(net))
    if (p.dim() == 2) nn::init::kaiming_uniform_(p);
    else nn::init::constant_(p, 0);
  return net;
}

// The directions in which the rows of x vary most, [.., k] (Pearson 1901).
struct Principal {
  Tensor mean, directions;
  Principal(const Tensor& x, std::int64_t k) : mean(ebb::mean(x, {0})) {
    const Tensor apart = x - mean;
    directions = narrow(eigh(matmul(t(apart), apart)).vectors, 1, x.size(1) - k, k);
  }
  Tensor code(const Tensor& x) const { return matmul(x - mean, directions); }
  Tensor operator()(const Tensor& x) const { return matmul(code(x), t(directions)) + mean; }
};

// Squared error of an image, in the mean.
Tensor error(const Tensor& made, const Tensor& x) {
  return sum(square(made - x)) / static_cast<double>(x.size(0));
}

void write_report(const support::Options& options, const Autoencoder& net, const Principal& principal,
                  const Tensor& test, const metrics::History& history) {
  io::Report report(fmt::format("{} numbers for each digit", code_size));
  report.figure("squared error of a test image", fmt::format("{:.3f}", history.last("test error")));
  report.figure("by principal components", fmt::format("{:.3f}", error(principal(test), test).item()));
  report.section("Learning curves");
  support::learning_curves(report, history, "error", "squared error of an image");

  const Tensor some = narrow(test, 0, 0, 20);
  const io::Image rows = io::to_grid(unflatten(cat({some, net(some), principal(some)}), 1, {28, 28}), 20);
  report.section("Reconstructions",
                 "Above what was given, below what the autoencoder and principal components made of it.");
  report.picture(rows, 900);
  io::save_png(options.out + "/autoencoder.png", rows);

  const Tensor codes = net.encode(narrow(test, 0, 0, 5000));
  const Tensor places = code_size == 2 ? codes : Principal(codes, 2).code(codes);
  report.section("Map of the codes", code_size == 2 ? "" : "The two directions in which the codes vary most.");
  report.picture(support::scattered(places, unflatten(narrow(test, 0, 0, 5000), 1, {28, 28})), 900);
  report.section("Model");
  report.text(to_string(describe(net)));
  report.save(options.out + "/report.html");
}

int learn(const support::Options& options) {
  const auto load = [&](bool train) {
    return flatten(data::mnist(options.data, {.train = train, .mean = 0, .std = 1}).all().images, 1);
  };
  const Tensor images = load(true), test = load(false);
  const std::int64_t epochs = options.quick ? 1 : options.epochs;

  const Autoencoder net = autoencoder(images.size(1));
  data::DataLoader loader(data::TensorDataset{images},
                          {.batch_size = 128, .shuffle = true, .seed = options.seed, .workers = 1});
  optim::AdamW adam(parameters(net), {.weight_decay = without_hidden ? 0 : 0.2});
  optim::Schedule schedule(
      adam, optim::OneCycleLR{.max_lr = lr, .total_steps = epochs * loader.size(), .pct_start = 0.1});
  metrics::History history;
  for (std::int64_t epoch = 1; epoch <= epochs; ++epoch) {
    io::Progress progress(fmt::format("epoch {}/{}", epoch, epochs), loader.size(), {.unit = "images"});
    metrics::Mean error_so_far;
    for (const auto& [x] : loader) {
      adam.zero_grad();
      const Tensor loss = error(net(x), x);
      loss.backward();
      adam.step();
      schedule.step();
      error_so_far.add(loss.item(), static_cast<double>(x.size(0)));
      progress.step(x.size(0), fmt::format("error {:.3f}", error_so_far.value()));
    }
    const NoGrad off;
    history.add("training error", error_so_far.value());
    history.add("test error", error(net(test), test).item());
    progress.finish(history.summary());
  }
  const NoGrad off;
  const Principal principal(images, code_size);
  write_report(options, net, principal, test, history);
  io::save(options.out + "/autoencoder.safetensors", state(net));
  support::figure(options, "squared error of a test image", history.last("test error"));
  support::figure(options, "times that of principal components",
                  history.last("test error") / error(principal(test), test).item());
  fmt::print("report: {}/report.html\n", options.out);
  return 0;
}

int main(int argc, char** argv) {
  return support::run(
      argc, argv, "Trains a deep autoencoder on MNIST", {.epochs = 30, .out = "runs/autoencoder"}, learn,
      [](CLI::App& app) {
        app.add_option("--hidden", widths, "sizes of the encoder's hidden layers")->capture_default_str();
        app.add_option("--code", code_size, "numbers in a code")->capture_default_str();
        app.add_option("--lr", lr, "the largest learning rate")->capture_default_str();
        app.add_flag("--linear", without_hidden, "without hidden layers and activations");
      });
}
