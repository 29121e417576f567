// A report of a training run as one HTML file that needs nothing else: no network, no scripts, no other
// files.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "autograd/tensor.h"

namespace ebb::io {

// Fill in what there is; what is left empty is left out of the page.
struct TrainingReport {
  using Rows = std::vector<std::pair<std::string, std::string>>;  // name, value

  struct Mistake {
    Tensor image;  // [h, w] or [1, h, w] or [3, h, w]; uint8, or floats of any range
    std::int64_t predicted = 0, truth = 0;
  };

  std::string title = "Training report";
  // After each epoch; errors are fractions of wrong answers, from 0 to 1.
  std::vector<double> train_loss = {}, test_loss = {};
  std::vector<double> train_error = {}, test_error = {};
  Tensor confusion = {};  // [classes, classes] int64: examples of class (row) taken for class (column)
  std::vector<std::string> classes = {};             // their names; left out: 0, 1, …
  std::vector<Mistake> mistakes = {};                // the first 100 are shown
  Tensor filters = {};                               // [out, in, h, w] float32; the first 128 are shown
  std::vector<std::vector<std::string>> model = {};  // a table: the first row is its headings
  Rows settings = {};
  Rows timing = {};

  std::string html() const;
  // Writes html() as a whole or not at all; Error if it can not be written.
  void save(const std::string& path) const;
};

}  // namespace ebb::io
