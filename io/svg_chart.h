// Charts as SVG, to stand alone or inside a page; they follow the reader's light or dark scheme.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/png.h"

namespace ebb::io {

struct Series {
  std::string name;
  std::vector<double> x, y;  // of one length; a point that is not finite leaves a gap
  bool points = false;       // not joined by a line
};

// At x = 1, 2, …: epochs.
Series series(std::string name, std::vector<double> y);

// A picture under the chart, whose corners are at these numbers: the plane that a network has learnt, for example.
struct Field {
  Image image;
  std::pair<double, double> x, y;
};

struct ChartOptions {
  std::string title = {};
  std::string x_label = {}, y_label = {};
  bool log_y = false;               // points at or below 0 leave a gap
  std::optional<Field> field = {};  // the chart is as large as it
  int width = 560, height = 330;
};

// An <svg> element. Hovering over a point shows its numbers. Error if a series has more x than y, or fewer.
std::string svg_chart(std::span<const Series> series, const ChartOptions& options = {});
// The same as a file that stands alone.
void save_chart(const std::string& path, std::span<const Series> series, const ChartOptions& options = {});

// Round numbers (1, 2 or 5 times a power of ten apart) from at or before low to at or beyond high, about
// `count`.
std::vector<double> nice_ticks(double low, double high, int count = 5);

// Text as it must stand in HTML, SVG and XML.
std::string escaped(std::string_view text);

}  // namespace ebb::io
