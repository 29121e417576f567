// Long short-term memory (Hochreiter, Schmidhuber 1997; with forget gates, Gers, Schmidhuber, Cummins 2000) on the paper's
// adding problem, on digits read row by row, and on the characters of the Constitution of the United States.
#include <CLI/CLI.hpp>

#include "character_model.h"
#include "rows_of_digits.h"

using namespace ebb;

// The forget gates start so that what a cell has heard fades over 1 to `memory` steps, each at its own rate, and the input
// gates so that it takes in as much as it forgets (Tallec, Ollivier: Can recurrent neural networks warp time?; 2018).
nn::LSTM lstm(std::int64_t in, std::int64_t hidden, std::int64_t memory) {
  nn::LSTM layer{.in = in, .hidden = hidden, .batch_first = true};
  const auto& weights = layer.layers.each[0];
  const Tensor forget = log(1 + rand({hidden}) * static_cast<double>(memory - 2)), rest = zeros({2 * hidden});
  weights.bias_ih.detach().copy_(cat({-forget, forget, rest}));
  nn::init::constant_(weights.bias_hh, 0);
  return layer;
}

// Answers after the last step of each sequence.
struct Reader {
  nn::LSTM lstm;
  nn::Linear out;

  Tensor operator()(const Tensor& x, const Tensor& lengths = {}) const {
    return out(lstm(x, {}, lengths).state.h[0]);
  }
};

// Answers after every step, here with the next character's scores.
struct Writer {
  nn::Embedding what;
  nn::LSTM lstm;
  nn::Linear next;

  Tensor operator()(const Tensor& x) const { return next(lstm(what(x)).output); }
};

// Table 7 of the paper: sequences of T to 1.1 T steps, and how many of them were seen until at most one of 2560 was answered
// wrong by more than 0.04: 74,000 for T = 100.
int learn_adding(const support::Options& options, std::int64_t length) {
  constexpr std::int64_t batch_size = 10;
  const std::int64_t steps = (options.quick ? 30'000 : 74'000) / batch_size;
  const Reader net{lstm(2, 32, length), {32, 1}};
  optim::Adam adam(parameters(net), {.lr = 1e-2});
  optim::Schedule schedule(adam, optim::OneCycleLR{.max_lr = 1e-2, .total_steps = steps});
  io::Progress progress("learning", steps, {.unit = "sequences"});
  std::vector<double> curve;
  metrics::Mean mean_loss;
  for (std::int64_t i = 0; i < steps && !support::interrupted(); ++i) {
    const auto [x, y, lengths] = data::adding_1997(batch_size, length);
    mean_loss.add(support::step(adam, mse_loss(net(x, lengths), y), 1));
    schedule.step();
    progress.step(batch_size, fmt::format("loss {:.6f}", mean_loss.value()));
    if (i % 100 == 99) curve.push_back(std::exchange(mean_loss, {}).value());
  }
  progress.finish();

  const NoGrad off;
  const auto [x, y, lengths] = data::adding_1997(2560, length);
  const Tensor answer = net(x, lengths), wrong = gt(abs(answer - y), 0.04);
  const double share = 100 * mean(wrong.to(float32)).item();
  io::Report report("LSTM adds two numbers that it has heard long ago");
  report.figure("wrong by more than 0.04", fmt::format("{:.2f} %", share));
  report.figure("sequences seen", fmt::format("{}", steps * batch_size));
  report.section("Learning curve");
  const std::vector<io::Series> learning{io::series("training", curve)};
  const io::ChartOptions chart{
      .x_label = "thousands of sequences", .y_label = "mean squared error", .log_y = true};
  report.chart(learning, chart);
  io::save_chart(options.out + "/lstm.svg", learning, chart);
  report.chart({{.name = "exact", .x = {0, 1}, .y = {0, 1}},
                {.name = "answers",
                 .x = flatten(y).to_vector<double>(),
                 .y = flatten(answer).to_vector<double>(),
                 .points = true}},
               {.title = "2560 new sequences", .x_label = "right", .y_label = "answered"});
  report.save(options.out + "/report.html");
  support::figure(options, "mean squared error", mse_loss(answer, y).item());
  support::figure(options, "wrong, %", share);
  return 0;
}

int learn_digits(const support::Options& options) {
  const Reader net{lstm(28, 128, 28), {128, 10}};
  return support::learn_rows_of_digits(options, "An LSTM reads digits row by row", net, 3e-3);
}

int learn_text(const support::Options& options, const std::string& folder) {
  const auto writer = [](std::int64_t characters) {
    return Writer{{characters, 64}, lstm(64, 192, 64), {192, characters}};
  };
  return support::learn_text(options, "An LSTM writes law",
                             {.folder = folder, .window = 64, .batch = 32, .lr = 5e-3}, writer);
}

int main(int argc, char** argv) {
  std::string task = "adding", text = "/usr/share/state";
  std::int64_t length = 100;
  const auto learn = [&](const support::Options& options) {
    support::stop_on_interrupt();
    return task == "adding"   ? learn_adding(options, length)
           : task == "digits" ? learn_digits(options)
                              : learn_text(options, text);
  };
  return support::run(argc, argv, "Trains an LSTM", {.epochs = 5, .out = "runs/lstm"}, learn, [&](CLI::App& app) {
    app.add_option("--task", task, "adding, digits or text")
        ->check(CLI::IsMember({"adding", "digits", "text"}))
        ->capture_default_str();
    app.add_option("--text", text, "folder of the Constitution")->capture_default_str();
    app.add_option("--length", length, "of the adding problem's sequences")->capture_default_str();
  });
}
