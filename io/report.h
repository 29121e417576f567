// A report as one HTML file that needs nothing else: no network, no scripts, no other files. It follows the reader's light
// or dark scheme.
//
//   io::Report report("LeNet-5 on MNIST");
//   report.figure("test error", "0.71 %");
//   report.section("Learning curves");
//   report.chart({{"training", epochs, losses}}, {.title = "Loss", .x_label = "epoch"});
//   report.save("report.html");
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "autograd/tensor.h"
#include "io/png.h"
#include "io/svg_chart.h"

namespace ebb::io {

struct Picture {
  Image image;
  std::string caption = {};
};

enum class Headings : std::uint8_t { first_row, first_column };

// Blocks stand side by side, in the order in which they are added, as far as there is room.
class Report {
 public:
  explicit Report(std::string title);

  // What comes next stands under this heading and these words.
  void section(std::string_view heading, std::string_view text = {});
  // A number in large print above its name.
  void figure(std::string_view name, std::string_view value);
  void chart(const std::vector<Series>& series, const ChartOptions& options = {});
  // A whole <svg> element, like graph_svg()'s.
  void svg(std::string_view element);
  // `width`: of each on the screen, in pixels; those of a file are not smoothed.
  void pictures(std::span<const Picture> pictures, int width = 60);
  void picture(const Image& image, int width, std::string caption = {});
  // Columns of numbers are set to the right.
  void table(const std::vector<std::vector<std::string>>& rows, Headings headings = Headings::first_row);
  // counts [classes, classes] int64: examples of class (row) taken for class (column), as metrics::confusion_matrix gives
  // them. Error otherwise.
  void confusion(const Tensor& counts, std::span<const std::string> classes = {});
  // Text as it stands, in a typewriter's letters.
  void text(std::string_view text);

  std::string html() const;
  // Writes html() as a whole or not at all; Error if it can not be written.
  void save(const std::string& path) const;

 private:
  std::string title_, body_;
};

}  // namespace ebb::io
