// Weights that look random and are the same in every language: scripts/record_sequence_models.py has them too.
#pragma once

#include <cmath>

#include "nn/module.h"

namespace ebb::test {

// Element k = 1, 2, … of parameter i = 0, 1, … is base + 0.2 (u - 0.5), u the fraction of |43758.5453 sin(12.9898 k + 78.233
// i)|; base is 1 for the weights of norms, else 0.
void set_deterministic_weights(const nn::Module auto& net) {
  int i = 0;
  for (const auto& [name, parameter] : named_parameters(net)) {
    const double base = name.find("norm") != std::string::npos && name.ends_with("weight") ? 1 : 0;
    std::vector<double> values(static_cast<std::size_t>(parameter.numel()));
    for (std::size_t k = 0; k < values.size(); ++k) {
      const double x = std::abs(43758.5453 * std::sin(12.9898 * static_cast<double>(k + 1) + 78.233 * i));
      values[k] = base + 0.2 * (x - std::floor(x) - 0.5);
    }
    parameter.detach().copy_(reshape(tensor(values), Dims(parameter.shape())));
    ++i;
  }
}

}  // namespace ebb::test
