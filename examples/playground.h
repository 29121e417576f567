// A small network on points in the plane: what 05_playground.cpp and playground_terminal.h show.
#pragma once

#include <optional>

#include "support.h"

namespace playground {

using namespace ebb;

// What a network may be fed of a point: columns of features().
inline const std::vector<std::string> kFeatures{"x1", "x2", "x1^2", "x2^2", "x1x2", "sin(x1)", "sin(x2)"};
inline const std::vector<std::string> kActivations{"tanh", "relu", "sigmoid", "linear"};

struct Settings {
  data::PlaneSet set = data::PlaneSet::circle;
  double noise = 0;
  std::vector<std::string> features{"x1", "x2"};
  std::vector<std::int64_t> layers{8, 8};
  std::string activation = "tanh";
  double rate = 0.01, l1 = 0, l2 = 0;
};

inline std::string describe(const Settings& s) {
  auto text = fmt::format("{}, {}, layers {}, {}", data::kPlaneSets[static_cast<std::size_t>(s.set)],
                          fmt::join(s.features, " "),
                          s.layers.empty() ? "none" : fmt::format("{}", fmt::join(s.layers, "-")), s.activation);
  for (const auto& [name, value] : {std::pair{"noise", s.noise}, {"L1", s.l1}, {"L2", s.l2}})
    if (value > 0) text += fmt::format(", {} {}", name, value);
  return text;
}

inline Tensor features(const Tensor& points, const std::vector<std::string>& wanted) {
  const Tensor x1 = narrow(points, 1, 0, 1), x2 = narrow(points, 1, 1, 1);
  const std::vector<Tensor> all{x1, x2, square(x1), square(x2), x1 * x2, sin(x1), sin(x2)};
  std::vector<Tensor> chosen;
  for (const auto& name : wanted)
    chosen.push_back(all[static_cast<std::size_t>(std::ranges::find(kFeatures, name) - kFeatures.begin())]);
  return cat(chosen, 1);
}

inline nn::Layer activation(const std::string& name) {
  if (name == "tanh") return nn::Tanh{};
  if (name == "relu") return nn::ReLU{};
  if (name == "sigmoid") return nn::Sigmoid{};
  return nn::Identity{};
}

inline nn::Sequential network(const Settings& settings) {
  nn::Sequential net;
  auto in = static_cast<std::int64_t>(settings.features.size());
  for (const std::int64_t neurons : settings.layers) {
    net.push_back(nn::Linear{in, neurons});
    net.push_back(activation(settings.activation));
    in = neurons;
  }
  net.push_back(nn::Linear{in, 1});
  nn::init::constant_(net.at<nn::Linear>(net.size() - 1).weight,
                      0);  // large squares would make the answers ±1 for ever
  net.push_back(nn::Tanh{});
  return net;
}

inline constexpr std::int64_t kPoints = 500;  // to learn, and as many to test

// A network that learns in batches of 10.
class Run {
 public:
  explicit Run(const Settings& settings)
      : settings_(settings),
        net_(network(settings)),
        adam_(parameters(net_), {.lr = settings.rate}),
        points_(shuffled(data::plane_points(settings.set, 2 * kPoints, settings.noise))),
        loader_(data::TensorDataset{part(points_.points, 0), part(points_.classes, 0)},
                {.batch_size = 10, .shuffle = true, .seed = default_generator().seed}) {}

  // Passes over the training points.
  void learn(std::int64_t epochs = 1) {
    for (std::int64_t i = 0; i < epochs; ++i)
      for (const auto& [points, classes] : loader_) {
        Tensor loss = error(points, classes);
        for (const auto& p : adam_.parameters())
          if (p.dim() == 2 && settings_.l1 + settings_.l2 > 0)
            loss = loss + settings_.l1 * sum(abs(p)) + settings_.l2 / 2 * sum(square(p));
        adam_.zero_grad();
        loss.backward();
        adam_.step();
      }
  }
  std::int64_t epoch() const { return loader_.position().epoch; }
  const Settings& settings() const { return settings_; }
  void set_rate(double rate) {
    settings_.rate = rate;
    adam_.set_lr(0, rate);
  }

  // Half the mean squared error, as the original shows it.
  double training_loss() const { return half_error(0); }
  double test_loss() const { return half_error(1); }
  // The points and classes to learn (0) or to test with (1).
  data::PlanePoints half(std::int64_t which) const {
    return {part(points_.points, which), part(points_.classes, which)};
  }
  // What the network answers, from -1 to 1, where -6 <= x1, x2 <= 6; the first row is x2 = 6.
  Tensor field(std::int64_t height, std::int64_t width) const {
    const NoGrad off;
    const Tensor x1 = linspace(-6, 6, width), x2 = linspace(6, -6, height);
    const Tensor grid = stack({flatten(expand(x1, {height, width})), repeat_interleave(x2, width)}, 1);
    return reshape(net_(features(grid, settings_.features)), {height, width});
  }

 private:
  static Tensor part(const Tensor& x, std::int64_t which) { return narrow(x, 0, kPoints * which, kPoints); }
  static data::PlanePoints shuffled(const data::PlanePoints& all) {
    const Tensor order = randperm(2 * kPoints);
    return {all.points.at(order), all.classes.at(order)};
  }
  Tensor error(const Tensor& points, const Tensor& classes) const {
    return mse_loss(net_(features(points, settings_.features)), classes) / 2;
  }
  double half_error(std::int64_t which) const {
    const NoGrad off;
    const auto [points, classes] = half(which);
    return error(points, classes).item();
  }

  Settings settings_;
  nn::Sequential net_;
  optim::Adam adam_;
  data::PlanePoints points_;
  data::DataLoader<data::TensorDataset<2>> loader_;
};

}  // namespace playground
