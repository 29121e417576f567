// How good answers are, and what became of them over a training.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "autograd/tensor.h"

namespace ebb::metrics {

// The share of right answers: of scores [n, classes] the largest, of class numbers [n] themselves; of none NaN. target [n],
// integers.
double accuracy(const Tensor& answers, const Tensor& target);

// [classes, classes] int64: examples of class (row) taken for class (column). Both [n], integers from 0 to classes - 1, or
// Error.
Tensor confusion_matrix(const Tensor& predicted, const Tensor& target, std::int64_t classes);

// A mean of numbers that come one after another, each with a weight (the size of its batch).
class Mean {
 public:
  void add(double value, double weight = 1) {
    sum_ += value * weight;
    weight_ += weight;
  }
  double value() const { return sum_ / weight_; }  // NaN of none
  double weight() const { return weight_; }

 private:
  double sum_ = 0, weight_ = 0;
};

// Curves by name, for charts and, with a training's state, for checkpoints.
//
//   metrics::History history;
//   history.add("test error", 0.031);              // at the end of each epoch
//   report.chart({io::series("test error", history["test error"])});
//   io::save(path, {…, .user = history.state()});
class History {
 public:
  using Curve = std::pair<std::string, std::vector<double>>;

  void add(std::string_view name, double value);
  // Empty if nothing was added.
  const std::vector<double>& operator[](std::string_view name) const;
  // The latest; Error if there is none.
  double last(std::string_view name) const;
  const std::vector<Curve>& curves() const { return curves_; }
  // "test error 0.031, train loss 0.12": the latest of all.
  std::string summary() const;

  // float64, one tensor for each curve.
  std::vector<NamedTensor> state() const;
  void load_state(const std::vector<NamedTensor>& state);

 private:
  std::vector<Curve> curves_;
};

}  // namespace ebb::metrics
