// Recurrent networks learn to remember by back-propagation through time (Elman 1990; Werbos 1990). Started as the identity,
// with ReLU, they remember long: the IRNN of Le, Jaitly, Hinton (A Simple Way to Initialize Recurrent Networks of Rectified
// Linear Units; 2015).
#include <CLI/CLI.hpp>

#include "rows_of_digits.h"

using namespace ebb;

// One layer whose state goes on as it is, until it learns otherwise.
nn::RNN irnn(std::int64_t in, std::int64_t hidden) {
  nn::RNN rnn{.in = in, .hidden = hidden, .nonlinearity = RnnNonlinearity::relu, .batch_first = true};
  const auto& weights = rnn.layers.each[0];
  nn::init::eye_(weights.weight_hh);
  nn::init::constant_(weights.bias_ih, 0);
  nn::init::constant_(weights.bias_hh, 0);
  return rnn;
}

struct Net {
  nn::RNN rnn;
  nn::Linear out;

  Tensor every_step(const Tensor& x) const { return out(rnn(x).output); }  // [n, t, in] → [n, t, out]
  Tensor operator()(const Tensor& x) const { return out(rnn(x).h[0]); }    // the last one: [n, out]
};

// How much the last answer depends on the input of t steps before: the mean norm of its gradient, t = 0, 1, …
io::Series reach(const std::string& name, const Net& net, const Tensor& inputs) {
  const EnableGrad on;
  const Tensor x = inputs.clone().set_requires_grad();
  const Tensor gradient = grad({sum(net(x))}, {x})[0];
  const auto norms = mean(vector_norm(gradient, 2, {2}), {0}).to_vector<double>();
  io::Series series{name, {}, {}};
  for (std::size_t t = 0; t < norms.size(); ++t) {
    series.x.push_back(static_cast<double>(t));
    series.y.push_back(norms[norms.size() - 1 - t]);
  }
  return series;
}

// Learns from batches that `make` makes, 400 an epoch; the curve of the mean loss of every hundred.
template <class Make, class Loss>
std::vector<double> train(const support::Options& options, const Net& net, double lr, const Make& make,
                          const Loss& loss_of) {
  const std::int64_t steps = 400 * (options.quick ? 2 : options.epochs);
  optim::Adam adam(parameters(net), {.lr = lr});
  optim::Schedule schedule(adam, optim::OneCycleLR{.max_lr = lr, .total_steps = steps});
  io::Progress progress("learning", steps, {.unit = "sequences"});
  std::vector<double> curve;
  metrics::Mean mean_loss;
  for (std::int64_t i = 0; i < steps && !support::interrupted(); ++i) {
    const data::Sequences batch = make();
    const Tensor loss = loss_of(batch);
    mean_loss.add(support::step(adam, loss, 1));
    schedule.step();
    progress.step(batch.inputs.size(0), fmt::format("loss {:.5f}", mean_loss.value()));
    if (i % 100 == 99) curve.push_back(std::exchange(mean_loss, {}).value());
  }
  progress.finish();
  return curve;
}

void write_report(const support::Options& options, const std::string& title, const Net& net, const Tensor& inputs,
                  const std::vector<double>& curve, const std::vector<io::Series>& example) {
  io::Report report(title);
  report.section("Learning curve");
  report.chart({io::series("training", curve)},
               {.x_label = "hundreds of steps", .y_label = "loss", .log_y = true});
  if (!example.empty()) report.chart(example, {.title = "One sequence", .x_label = "step"});
  report.section("How far back the gradient reaches",
                 "The last answer's gradient in the inputs before it: of the network that has learnt, of one that "
                 "starts as the identity, and of the usual one, in which it vanishes (Hochreiter 1991).");
  const std::int64_t in = net.rnn.in, hidden = net.rnn.hidden, out = net.out.out;
  const std::vector<io::Series> reaches{
      reach("learnt", net, inputs), reach("identity", {irnn(in, hidden), {hidden, out}}, inputs),
      reach("tanh", {{.in = in, .hidden = hidden, .batch_first = true}, {hidden, out}}, inputs)};
  const io::ChartOptions chart{
      .title = "norm of the gradient", .x_label = "steps back", .log_y = true, .width = 700};
  report.chart(reaches, chart);
  io::save_chart(options.out + "/rnn.svg", reaches, chart);
  report.save(options.out + "/report.html");
}

int learn_echo(const support::Options& options) {
  constexpr std::int64_t length = 40, lag = 10;
  const auto heard = [](const Tensor& x) { return narrow(x, 1, lag, length - lag); };  // what there is to answer
  const Net net{{.in = 1, .hidden = 64, .batch_first = true}, {64, 1}};
  const auto curve = train(
      options, net, 3e-3, [] { return data::echo(32, length, lag); },
      [&](const data::Sequences& batch) {
        return binary_cross_entropy_with_logits(heard(net.every_step(batch.inputs)), heard(batch.targets));
      });
  const NoGrad off;
  const auto [x, y, lengths] = data::echo(1000, length, lag);
  const Tensor logits = net.every_step(x);
  const Tensor right = eq(heard(gt(logits, 0)), heard(gt(y, 0.5)));
  write_report(options, "An echo after ten steps", net, x, curve,
               {io::series("heard", flatten(x[0]).to_vector<double>()),
                io::series("answer", flatten(sigmoid(logits[0])).detach().to_vector<double>())});
  support::figure(options, "right answers, %", 100 * mean(right.to(float32)).item());
  return 0;
}

int learn_adding(const support::Options& options) {
  const std::int64_t length = options.quick ? 30 : 100;
  const Net net{irnn(2, 100), {100, 1}};
  const auto curve = train(
      options, net, 2e-3, [&] { return data::adding(32, length); },
      [&](const data::Sequences& batch) { return mse_loss(net(batch.inputs), batch.targets); });
  const auto [x, y, lengths] = data::adding(2000, length);
  write_report(options, "The adding problem", net, narrow(x, 0, 0, 100), curve, {});
  const NoGrad off;
  support::figure(options, "mean squared error", mse_loss(net(x), y).item());
  return 0;
}

int learn_digits(const support::Options& options) {
  const Net net{irnn(28, 128), {128, 10}};
  return support::learn_rows_of_digits(options, "An RNN reads digits row by row", net, 1e-3);
}

int main(int argc, char** argv) {
  std::string task = "echo";
  const auto learn = [&](const support::Options& options) {
    support::stop_on_interrupt();
    return task == "echo" ? learn_echo(options) : task == "adding" ? learn_adding(options) : learn_digits(options);
  };
  return support::run(argc, argv, "Trains recurrent networks to remember", {.epochs = 10, .out = "runs/rnn"},
                      learn, [&](CLI::App& app) {
                        app.add_option("--task", task, "echo, adding or digits")
                            ->check(CLI::IsMember({"echo", "adding", "digits"}))
                            ->capture_default_str();
                      });
}
