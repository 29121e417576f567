// A network that predicts the next character of a text: learning, and writing. For networks that map numbers of characters
// [n, t] to the scores [n, t, vocabulary] of those that come next.
#pragma once

#include <cmath>
#include <numbers>

#include "support.h"

namespace support {

struct TextSettings {
  std::string folder;  // of the Constitution; a quick run takes the excerpt that comes with the library
  std::int64_t window, batch;
  double lr;
};

template <class Net>
ebb::Tensor next_character_loss(const Net& net, const ebb::data::Windows::Batch& batch) {
  return ebb::cross_entropy(ebb::flatten(net(batch.characters), 0, 1), ebb::flatten(batch.next));
}

// Nats per character.
template <class Net>
double text_loss(const Net& net, const ebb::data::Windows& windows) {
  const ebb::NoGrad off;
  ebb::metrics::Mean mean;
  for (const auto& batch : ebb::data::DataLoader(windows, {.batch_size = 32}))
    mean.add(next_character_loss(net, batch).item(), static_cast<double>(batch.next.numel()));
  return mean.value();
}

// Goes on from `text`, character by character, drawn with the probabilities that the network gives them after the last
// `window` ones; below temperature 1 the likely ones more often.
template <class Net>
std::string write_on(const Net& net, const ebb::data::Vocabulary& vocabulary, std::string text, std::int64_t count,
                     std::int64_t window, double temperature) {
  const ebb::NoGrad off;
  ebb::Tensor all = vocabulary.encode(text);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t seen = std::min(window, all.numel());
    const ebb::Tensor scores = net(ebb::unsqueeze(ebb::narrow(all, 0, all.numel() - seen, seen), 0))[0][-1];
    all = ebb::cat({all, ebb::multinomial(ebb::softmax(scores / temperature, 0), 1)});
  }
  return vocabulary.decode(all);
}

// Learns nine tenths of the text; the rest says how well.
template <class MakeNet>
int learn_text(const Options& options, const std::string& title, const TextSettings& settings,
               const MakeNet& make_net) {
  using namespace ebb;
  const std::string text = options.quick ? data::read_text("data/text/us-constitution-excerpt.txt")
                                         : data::us_constitution(settings.folder);
  const data::Vocabulary vocabulary(text);
  const auto [train_part, validation_part] = data::split(vocabulary.encode(text), 0.9);
  const data::Windows train_set(train_part, settings.window),
      validation_set(validation_part, settings.window, settings.window);
  auto net = make_net(vocabulary.size());
  data::DataLoader loader(train_set, {.batch_size = settings.batch, .shuffle = true, .seed = options.seed});
  const std::int64_t steps = options.quick ? 100 : options.epochs * loader.size();
  optim::AdamW adam(parameters(net), {.lr = settings.lr, .weight_decay = 0.1});
  optim::Schedule schedule(adam, optim::OneCycleLR{.max_lr = settings.lr, .total_steps = steps});
  io::Series training{"training", {}, {}}, validation{"validation", {}, {}};
  metrics::Mean mean_loss;
  const std::int64_t part = std::max<std::int64_t>(1, steps / 20);
  while (schedule.last_step() < steps && !interrupted()) {
    io::Progress progress("learning", steps, {.done = schedule.last_step(), .unit = "characters"});
    for (const auto& batch : loader) {
      mean_loss.add(step(adam, next_character_loss(net, batch), 1));
      schedule.step();
      progress.step(batch.next.numel(), fmt::format("loss {:.3f}", mean_loss.value()));
      if (schedule.last_step() % part == 0) {
        eval(net);
        for (auto* series : {&training, &validation})
          series->x.push_back(static_cast<double>(schedule.last_step()));
        training.y.push_back(std::exchange(mean_loss, {}).value());
        validation.y.push_back(text_loss(net, validation_set));
        train(net);
      }
      if (schedule.last_step() == steps || interrupted()) break;
    }
    progress.finish(validation.y.empty() ? "" : fmt::format("validation loss {:.4f}", validation.y.back()));
  }
  eval(net);
  const double loss = text_loss(net, validation_set);
  io::Report report(title);
  report.figure("validation loss, nats per character", fmt::format("{:.3f}", loss));
  report.figure("bits per character", fmt::format("{:.3f}", loss / std::numbers::ln2));
  report.section("Learning curves");
  const io::ChartOptions chart{.x_label = "step", .y_label = "nats per character"};
  report.chart({training, validation}, chart);
  io::save_chart(options.out + "/text.svg", std::vector{training, validation}, chart);
  report.section("What it writes", "After the text's first words.");
  for (const double temperature : {0.5, 0.8, 1.0}) {
    report.section("", fmt::format("Temperature {}", temperature));
    report.text(
        write_on(net, vocabulary, text.substr(0, 40), options.quick ? 100 : 500, settings.window, temperature));
  }
  report.section("Model");
  report.text(to_string(describe(net)));
  report.save(options.out + "/report.html");
  figure(options, "validation loss, nats per character", loss);
  return 0;
}

}  // namespace support
