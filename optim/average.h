// Averages of parameters over the steps of a training, which often predict better than the last ones.
//
//   optim::AveragedModel average(parameters(net), optim::ExponentialAverage{.decay = 0.999});
//   for (…) { …; adam.step(); average.update_parameters(); }
//   average.swap();  // predict with the average …
//   average.swap();  // … and go on with the training
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "autograd/tensor.h"

namespace ebb::optim {

// The weight w of the newest in a ← a + w (p - a), of which there were n before; the first is copied.
using AverageRule = std::function<double(std::int64_t n)>;

// a ← decay a + (1 - decay) p
struct ExponentialAverage {
  double decay = 0.999;
  double operator()(std::int64_t n) const;
};
// The mean of all: stochastic weight averaging (Izmailov et al.: Averaging Weights Leads to Wider Optima and Better
// Generalization; 2018).
struct EqualAverage {
  double operator()(std::int64_t n) const;
};

// Keeps the averages of parameters, which may be any tensors, dense and floating. What a batch norm remembers is not
// averaged: after swap() run it on some batches again, in training.
class AveragedModel {
 public:
  explicit AveragedModel(std::vector<Tensor> parameters, AverageRule rule = EqualAverage());

  // Takes the parameters as they are now into the averages.
  void update_parameters();
  std::int64_t n_averaged() const { return n_; }
  // Exchanges the parameters' values and the averages. Error before the first update_parameters().
  void swap();

  // "n_averaged" and "i.average" of each parameter.
  std::vector<NamedTensor> state() const;
  void load_state(std::span<const NamedTensor> saved);

 private:
  std::vector<Tensor> parameters_, averages_;
  AverageRule rule_;
  std::int64_t n_ = 0;
};

}  // namespace ebb::optim
