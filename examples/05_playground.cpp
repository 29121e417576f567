// The TensorFlow Playground (Smilkov, Carter et al.: Direct-Manipulation Visualization of Deep Networks; 2017) without a
// browser: what small networks make of points in the plane. One page with many of them, one of your choice, or, with
// --interactive, in the terminal as it learns.
#include <CLI/CLI.hpp>

#include "playground.h"
#include "playground_terminal.h"

using namespace playground;

// The training points on the plane as the network sees it, blue for -1 and red for 1.
std::vector<io::Series> points_of(const Run& run) {
  std::vector<io::Series> series{{"-1", {}, {}, true}, {"1", {}, {}, true}};
  const auto [points, classes] = run.half(0);
  const auto x = points.to_vector<double>(), y = classes.to_vector<double>();
  for (std::size_t i = 0; i < y.size(); ++i) {
    series[y[i] > 0].x.push_back(x[2 * i]);
    series[y[i] > 0].y.push_back(x[2 * i + 1]);
  }
  return series;
}
io::ChartOptions plane_of(const Run& run, int width) {
  const io::Image image = io::to_signed_image(run.field(120, 120), 1.6);  // paler than the points
  return {.title = fmt::format("epoch {}", run.epoch()),
          .field = io::Field{.image = image, .x = {-6, 6}, .y = {-6, 6}},
          .width = width,
          .height = width + 20};  // as wide as high, without its margins
}

// Learns and draws the boundary after 1, 3, 10, 30, … epochs and at the end, there also into `picture`, if it has a name; the
// loss on the test points.
double show(io::Report& report, const Settings& settings, std::int64_t epochs, const std::string& picture = {}) {
  Run run(settings);
  report.section(describe(settings));
  io::Progress progress(describe(settings), epochs, {.unit = "epochs"});
  metrics::History history;
  std::int64_t next = 1;
  while (run.epoch() < epochs && !support::interrupted()) {
    run.learn();
    history.add("training", run.training_loss());
    history.add("test", run.test_loss());
    progress.step(1, fmt::format("test loss {:.4f}", history.last("test")));
    if (run.epoch() != next && run.epoch() != epochs) continue;
    report.chart(points_of(run), plane_of(run, 230));
    next = next % 3 == 0 ? next / 3 * 10 : next * 3;
  }
  report.chart({io::series("training", history["training"]), io::series("test", history["test"])},
               {.title = "loss", .x_label = "epoch", .log_y = true, .width = 330, .height = 230});
  progress.finish(fmt::format("test loss {:.4f}", history.last("test")));
  if (!picture.empty()) io::save_chart(picture, points_of(run), plane_of(run, 400));
  return history.last("test");
}

// What the original invites one to try.
int show_all(const support::Options& options) {
  using enum data::PlaneSet;
  struct Trial {
    std::string name;
    Settings settings;
    std::int64_t epochs;
  };
  const std::vector<Trial> trials{
      {"circle", {.set = circle}, 200},
      {"xor", {.set = exclusive_or}, 200},
      {"gauss", {.set = gauss}, 100},
      {"spiral", {.set = spiral, .l2 = 3e-4}, 3000},
      {"gauss-line", {.set = gauss, .layers = {}}, 100},
      {"circle-line", {.set = circle, .layers = {}}, 100},
      {"xor-line", {.set = exclusive_or, .layers = {}}, 100},
      {"circle-line-on-squares", {.set = circle, .features = {"x1^2", "x2^2"}, .layers = {}}, 200},
      {"xor-line-on-product", {.set = exclusive_or, .features = {"x1x2"}, .layers = {}}, 200},
      {"circle-relu", {.set = circle, .layers = {4}, .activation = "relu"}, 200},
      {"spiral-all-features", {.set = spiral, .features = kFeatures, .l2 = 3e-4}, 1000},
      {"xor-noise", {.set = exclusive_or, .noise = 0.25}, 300},
      {"xor-noise-l2", {.set = exclusive_or, .noise = 0.25, .l2 = 0.01}, 300},
      {"xor-noise-l1", {.set = exclusive_or, .noise = 0.25, .l1 = 0.003}, 300}};
  io::Report report("Playground");
  for (const auto& [name, settings, epochs] : trials) {
    if (support::interrupted()) return 130;
    const std::string picture = name == "spiral" ? options.out + "/playground.svg" : "";
    support::figure(options, name + ", test loss", show(report, settings, epochs, picture));
  }
  report.save(options.out + "/report.html");
  return 0;
}

int main(int argc, char** argv) {
  Settings settings;
  std::string set;
  bool interactive = false;
  const auto play = [&](const support::Options& options) {
    support::stop_on_interrupt();
    if (!set.empty())
      settings.set =
          static_cast<data::PlaneSet>(std::ranges::find(data::kPlaneSets, set) - data::kPlaneSets.begin());
    if (interactive) return play_in_terminal(settings);
    if (set.empty()) return show_all(options);
    io::Report report("Playground");
    const std::int64_t epochs = options.quick ? 100 : options.epochs;
    support::figure(options, "test loss", show(report, settings, epochs, options.out + "/playground.svg"));
    report.save(options.out + "/report.html");
    return 0;
  };
  return support::run(
      argc, argv, "Small networks on points in the plane", {.epochs = 300, .out = "runs/playground"}, play,
      [&](CLI::App& app) {
        const std::vector<std::string> sets(data::kPlaneSets.begin(), data::kPlaneSets.end());
        app.add_flag("--interactive", interactive, "in the terminal, with keys");
        app.add_option("--set", set, "left out: a page of many runs")->check(CLI::IsMember(sets));
        app.add_option("--noise", settings.noise, "from 0 to 1")->capture_default_str();
        app.add_option("--features", settings.features, "what the network is fed")
            ->delimiter(',')
            ->check(CLI::IsMember(kFeatures));
        app.add_option("--layers", settings.layers, "neurons of each hidden layer; 0: none")->delimiter(',');
        app.add_option("--activation", settings.activation)
            ->check(CLI::IsMember(kActivations))
            ->capture_default_str();
        app.add_option("--rate", settings.rate, "of learning")->capture_default_str();
        app.add_option("--l1", settings.l1, "regularisation")->capture_default_str();
        app.add_option("--l2", settings.l2, "regularisation")->capture_default_str();
      });
}
