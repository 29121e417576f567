// The 4-2-4 encoder of Ackley, Hinton, Sejnowski (A Learning Algorithm for Boltzmann Machines; 1985): two groups of four visible
// units, in each of which the same one is on, learn to tell each other which it is, through two hidden units.
#include <CLI/CLI.hpp>

#include "support.h"

using namespace ebb;

// One row for each pattern: a unit of the first group and its twin in the second.
Tensor patterns() { return cat({eye(4), eye(4)}, 1); }

struct Encoder {
  nn::BoltzmannMachine machine{.visible = 8, .hidden = 2};
  Encoder() {
    machine.connected.set_at({Slice(0, 4), Slice(4, 8)}, 0);
  }  // the groups meet in the hidden units only

  // How probable the second group's right answer to each pattern in the first is, of all 16 answers: [4].
  Tensor recall() const {
    const Tensor given = repeat_interleave(eye(4), 16, 0), answers = repeat(nn::binary_states(4), {4, 1});
    const Tensor p = softmax(reshape(-machine.free_energy(cat({given, answers}, 1)), {4, 16}), 1);
    return squeeze(gather(p, 1, tensor({{8}, {4}, {2}, {1}})), 1);
  }
  // The most probable states of the hidden units with each pattern clamped: [4, 2].
  Tensor codes() const {
    const Tensor h = nn::binary_states(2);
    const Tensor s = cat({repeat_interleave(patterns(), 4, 0), repeat(h, {4, 1})}, 1);
    return index_select(h, 0, argmin(reshape(machine.energy(s), {4, 4}), 1));
  }
  // Every answer is more probable than not: two patterns that share a code halve it.
  bool solved() const { return amin(recall()).item() > 0.5; }
  double log_likelihood() const { return mean(machine.log_likelihood(patterns())).item(); }
};

// Gibbs sampling, hot first, so that chains cross between the hollows of the energy.
Tensor anneal(const nn::BoltzmannMachine& machine, Tensor s, std::int64_t clamped) {
  for (const double temperature : {2., 1.5, 1.2, 1.})
    s = machine.gibbs(s, {.sweeps = temperature == 1 ? 4 : 2, .clamped = clamped, .temperature = temperature});
  return s;
}

// Weights move by the sign of the difference of two statistics, as in the paper: Lion without its memory. Weight decay keeps
// them so small at first that codes can still be exchanged; in the last two thirds both shrink to 0.
std::vector<double> learn(Encoder& encoder, std::int64_t cycles) {
  constexpr std::int64_t kChains = 6;  // for each pattern
  auto& machine = encoder.machine;
  optim::Lion lion(parameters(machine), {.beta1 = 0, .beta2 = 0});
  std::vector<double> curve;
  for (std::int64_t cycle = 0; cycle < cycles && !support::interrupted(); ++cycle) {
    const double left = std::min(1., 1.5 * (1 - static_cast<double>(cycle) / static_cast<double>(cycles)));
    lion.groups()[0].options.lr = 0.6 * left;
    lion.groups()[0].options.weight_decay = 0.1 * left;

    const Tensor positive = anneal(machine, machine.clamp(repeat(patterns(), {kChains, 1})), machine.visible);
    const Tensor negative = anneal(machine, bernoulli(0.5, positive.shape()), 0);
    lion.zero_grad();
    (mean(machine.energy(positive)) - mean(machine.energy(negative))).backward();
    lion.step();
    if (cycle % 20 == 0) curve.push_back(encoder.log_likelihood());
  }
  return curve;
}

void write_report(const support::Options& options, const Encoder& encoder, std::int64_t solved,
                  std::int64_t machines, const std::vector<io::Series>& curves) {
  const NoGrad off;
  io::Report report("The 4-2-4 encoder");
  report.figure("solved", fmt::format("{} of {}", solved, machines));
  report.section("Learning",
                 "The first machines' exact log-likelihood; 1.39 nats below 0 is the best that there is.");
  const io::ChartOptions chart{.title = "log-likelihood of a pattern", .x_label = "cycle", .y_label = "nats"};
  report.chart(curves, chart);
  io::save_chart(options.out + "/boltzmann.svg", curves, chart);

  report.section("The last machine",
                 "The code that each pattern has found, and the probability of the right answer.");
  std::vector<std::vector<std::string>> rows{{"pattern", "code", "answered"}};
  const auto code = encoder.codes().to_vector<int>();
  const auto recall = encoder.recall().to_vector<double>();
  for (std::size_t i = 0; i < recall.size(); ++i)
    rows.push_back({fmt::format("{}", i + 1), fmt::format("{} {}", code[2 * i], code[2 * i + 1]),
                    fmt::format("{:.1f} %", 100 * recall[i])});
  report.table(rows);
  report.section("Its weights",
                 "From unit to unit: the first group, the second, the hidden units. Blue is negative.");
  const Tensor above = triu(encoder.machine.weight * encoder.machine.connected, 1);
  report.picture(io::to_signed_image(above + t(above), amax(abs(above)).item()), 260);
  report.save(options.out + "/report.html");
  fmt::print("report: {}/report.html\n", options.out);
}

std::int64_t machines = 100;

int body(const support::Options& options) {
  support::stop_on_interrupt();
  io::Progress progress("encoders", machines, {.unit = "machines"});
  std::int64_t solved = 0;
  std::vector<io::Series> curves;
  Encoder encoder;
  for (std::int64_t i = 0; i < machines && !support::interrupted(); ++i) {
    encoder = Encoder();
    const auto curve = learn(encoder, options.epochs);
    solved += encoder.solved();
    if (i < 3) {
      curves.push_back(io::series(fmt::format("machine {}", i + 1), curve));
      for (double& x : curves.back().x) x = 20 * (x - 1);
    }
    progress.step(1, fmt::format("{} solved", solved));
  }
  progress.finish(fmt::format("{} solved", solved));
  write_report(options, encoder, solved, machines, curves);
  support::figure(options, "encoders solved, %",
                  100. * static_cast<double>(solved) / static_cast<double>(machines));
  return 0;
}

int main(int argc, char** argv) {
  return support::run(argc, argv, "Boltzmann machines find codes for four patterns",
                      {.epochs = 1500, .out = "runs/boltzmann"}, body, [](CLI::App& app) {
                        app.add_option("--machines", machines, "each from other numbers")->capture_default_str();
                      });
}
