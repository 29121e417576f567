#include "io/svg_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>
#include <utility>

#include "autograd/base/fail.h"
#include "io/file.h"

namespace ebb::io {
namespace {

// Okabe and Ito's colours, which colour-blind readers tell apart, somewhat darker on white than on black.
constexpr std::string_view kStyle = R"(<style>
.chart{--ink:#3b4048;--faint:#e3e6ea;--s0:#0068a8;--s1:#c75000;--s2:#00805c;--s3:#a8487f;--s4:#8a6d00;--s5:#5b5f66;font:12px system-ui,sans-serif}
@media(prefers-color-scheme:dark){.chart{--ink:#b9c0c9;--faint:#2f353d;--s0:#56b4e9;--s1:#f09a4a;--s2:#2fc79a;--s3:#d98ab5;--s4:#f0e442;--s5:#d5d9de}.chart image{filter:brightness(.4)}}
.chart text{fill:var(--ink)}.chart .title{font-size:14px;font-weight:600}.chart .grid{stroke:var(--faint)}
.chart .axis{stroke:var(--ink)}.chart .dot{fill:var(--c);stroke:#fff;stroke-width:.6}.chart .key{stroke:var(--c);stroke-width:3}
.chart .line{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.chart .s0{--c:var(--s0)}.chart .s1{--c:var(--s1)}.chart .s2{--c:var(--s2)}.chart .s3{--c:var(--s3)}.chart .s4{--c:var(--s4)}.chart .s5{--c:var(--s5)}
</style>)";
constexpr std::size_t kColours = 6;

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;

  void include(double v) {
    low = std::min(low, v);
    high = std::max(high, v);
  }
  bool empty() const { return low > high; }
};

// One axis: numbers to pixels, and where the ticks are.
struct Axis {
  bool log = false;
  Range range = {};
  std::vector<double> ticks = {};
  double from = 0, to = 0;  // pixels

  double scaled(double v) const { return log ? std::log10(v) : v; }
  bool shows(double v) const { return std::isfinite(scaled(v)); }
  double pixel(double v) const {
    const double low = scaled(range.low), high = scaled(range.high);
    return from + (scaled(v) - low) / (high - low) * (to - from);
  }
};

std::vector<double> decades(const Range& range) {
  std::vector<double> ticks;
  const auto low = static_cast<int>(std::floor(std::log10(range.low)));
  const auto high = std::max(low + 1, static_cast<int>(std::ceil(std::log10(range.high))));
  const int step = std::max(1, (high - low) / 6);
  for (int e = low; e < high + step; e += step) ticks.push_back(std::pow(10, e));
  return ticks;
}

Axis linear_axis(Range range, double from, double to) {
  Axis axis{.ticks = nice_ticks(range.low, range.high), .from = from, .to = to};
  axis.range = {axis.ticks.front(), axis.ticks.back()};
  return axis;
}

Axis log_axis(Range range, double from, double to) {
  Axis axis{.log = true, .ticks = decades(range), .from = from, .to = to};
  axis.range = {axis.ticks.front(), axis.ticks.back()};
  return axis;
}

// Epochs and steps: from the first to the last, ticks inside.
Axis tight_axis(Range range, double from, double to) {
  Axis axis = linear_axis(range, from, to);
  if (range.high > range.low) axis.range = range;
  std::erase_if(axis.ticks, [&](double t) { return t < axis.range.low || t > axis.range.high; });
  return axis;
}

std::string number(double v) {
  std::string text = fmt::format("{:.6g}", v == 0 ? 0.0 : v);  // -0 too
  const auto exponent = text.find('e');                        // 1e-05 as 1e-5
  if (exponent != std::string::npos && text[exponent + 2] == '0') text.erase(exponent + 2, 1);
  return text;
}

// A place in the legend.
struct Key {
  double x, y;
};

// From (x, y) on, in as many lines as are needed up to `right`.
std::vector<Key> keys(std::span<const Series> series, double x, double y, double right) {
  std::vector<Key> all;
  double at = x;
  for (const auto& s : series) {
    const double width = 44 + 7 * static_cast<double>(s.name.size());
    if (at > x && at + width > right + 20) at = x, y += 18;
    all.push_back({at, y});
    at += width;
  }
  return all;
}

class Chart {
 public:
  Chart(std::span<const Series> series, const ChartOptions& options) : series_(series), options_(options) {
    Range x, y;
    for (const auto& s : series_)
      for (std::size_t i = 0; i < s.x.size(); ++i)
        if (visible(s, i)) {
          x.include(s.x[i]);
          y.include(s.y[i]);
        }
    if (x.empty()) x = {0, 1}, y = options.log_y ? Range{0.1, 1} : Range{0, 1};
    if (!options.log_y && y.low > 0 && y.low < 0.6 * y.high) y.low = 0;  // a nearby zero tells the proportions
    const double left = kLeft, right = options.width - kRight, bottom = options.height - kBottom;
    const double below_title = options.title.empty() ? 16 : 34;
    keys_ = keys(series, left, below_title, right);
    const double top = (keys_.empty() ? below_title : keys_.back().y) + 18;
    if (options.field) {
      x_ = tight_axis({options.field->x.first, options.field->x.second}, left, right);
      y_ = tight_axis({options.field->y.first, options.field->y.second}, bottom, top);
      return;
    }
    x_ = tight_axis(x, left, right);
    y_ = options.log_y ? log_axis(y, bottom, top) : linear_axis(y, bottom, top);
  }

  std::string draw() {
    put(R"(<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" aria-label="{2}">)",
        options_.width, options_.height, escaped(options_.title));
    out_ += kStyle;
    if (!options_.title.empty())
      put(R"(<text class="title" x="{}" y="18">{}</text>)", kLeft, escaped(options_.title));
    if (options_.field)
      put(R"(<image x="{}" y="{}" width="{}" height="{}" preserveAspectRatio="none" href="data:image/png;base64,{}"/>)",
          x_.from, y_.to, x_.to - x_.from, y_.from - y_.to, base64(encode_png(options_.field->image)));
    draw_axes();
    if (options_.field)  // of a path only what is on the picture
      put(R"(<svg x="{0}" y="{1}" width="{2}" height="{3}" viewBox="{0} {1} {2} {3}">)", x_.from, y_.to,
          x_.to - x_.from, y_.from - y_.to);
    for (std::size_t i = 0; i < series_.size(); ++i) draw_series(series_[i], i);
    if (options_.field) out_ += "</svg>";
    draw_legend();
    out_ += "</svg>";
    return std::move(out_);
  }

 private:
  static constexpr double kLeft = 62, kRight = 16, kBottom = 46;
  static constexpr std::size_t kMostMarkers = 60;  // more would hide the line

  template <class... Args>
  void put(fmt::format_string<Args...> text, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), text, std::forward<Args>(args)...);
  }

  bool visible(const Series& s, std::size_t i) const {
    return std::isfinite(s.x[i]) && std::isfinite(s.y[i]) && (!options_.log_y || s.y[i] > 0);
  }

  void draw_axes() {
    for (const double t : y_.ticks) {
      const double y = y_.pixel(t);
      if (!options_.field)
        put(R"(<line class="grid" x1="{0}" x2="{1}" y1="{2:.1f}" y2="{2:.1f}"/>)", x_.from, x_.to, y);
      put(R"(<text x="{}" y="{:.1f}" text-anchor="end">{}</text>)", x_.from - 8, y + 4, number(t));
    }
    put(R"(<line class="axis" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>)", x_.from, x_.to, y_.from);
    for (const double t : x_.ticks) {
      const double x = x_.pixel(t);
      put(R"(<line class="axis" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>)", x, y_.from, y_.from + 4);
      put(R"(<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>)", x, y_.from + 18, number(t));
    }
    put(R"(<text x="{}" y="{}" text-anchor="middle">{}</text>)", (x_.from + x_.to) / 2, y_.from + 37,
        escaped(options_.x_label));
    put(R"svg(<text transform="translate(15 {}) rotate(-90)" text-anchor="middle">{}</text>)svg",
        (y_.from + y_.to) / 2, escaped(options_.y_label));
  }

  void draw_series(const Series& s, std::size_t index) {
    const auto colour = index % kColours;
    if (!s.points) draw_line(s, colour);
    if (!s.points && s.x.size() > kMostMarkers) return;
    for (std::size_t i = 0; i < s.x.size(); ++i)
      if (visible(s, i))
        put(R"(<circle class="dot s{}" cx="{:.1f}" cy="{:.1f}" r="3"><title>{} {}: {}</title></circle>)", colour,
            x_.pixel(s.x[i]), y_.pixel(s.y[i]), escaped(s.name), number(s.x[i]), number(s.y[i]));
  }

  void draw_line(const Series& s, std::size_t colour) {
    std::string path;
    bool pen_down = false;
    for (std::size_t i = 0; i < s.x.size(); ++i) {
      const bool shown = visible(s, i);
      if (shown) path += fmt::format("{}{:.1f} {:.1f}", pen_down ? "L" : "M", x_.pixel(s.x[i]), y_.pixel(s.y[i]));
      pen_down = shown;
    }
    put(R"(<path class="line s{}" d="{}"/>)", colour, path);
  }

  void draw_legend() {
    for (std::size_t i = 0; i < series_.size(); ++i) {
      const auto [x, y] = keys_[i];
      if (series_[i].points) put(R"(<circle class="dot s{}" cx="{}" cy="{}" r="4"/>)", i % kColours, x + 9, y);
      else put(R"(<line class="key s{0}" x1="{1}" x2="{2}" y1="{3}" y2="{3}"/>)", i % kColours, x, x + 18, y);
      put(R"(<text x="{}" y="{}">{}</text>)", x + 24, y + 4, escaped(series_[i].name));
    }
  }

  std::span<const Series> series_;
  const ChartOptions& options_;
  std::vector<Key> keys_;
  Axis x_, y_;
  std::string out_;
};

}  // namespace

Series series(std::string name, std::vector<double> y) {
  std::vector<double> x(y.size());
  std::iota(x.begin(), x.end(), 1.0);
  return {std::move(name), std::move(x), std::move(y)};
}

std::vector<double> nice_ticks(double low, double high, int count) {
  if (!(high > low)) {
    const double around = low == 0 ? 1 : std::abs(low) * 0.5;
    low -= around;
    high += around;
  }
  const double rough = (high - low) / std::max(count, 1);
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double ratio = rough / power;
  const double step = power * (ratio < 1.5 ? 1 : ratio < 3.5 ? 2 : ratio < 7.5 ? 5 : 10);
  std::vector<double> ticks;
  const double first = std::floor(low / step + 1e-9), last = std::ceil(high / step - 1e-9);
  for (double i = first; i <= last; ++i) ticks.push_back(i * step);
  return ticks;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string svg_chart(std::span<const Series> series, const ChartOptions& options) {
  for (const auto& s : series)
    if (s.x.size() != s.y.size()) fail("svg_chart: series {} has {} x and {} y", s.name, s.x.size(), s.y.size());
  return Chart(series, options).draw();
}

void save_chart(const std::string& path, std::span<const Series> series, const ChartOptions& options) {
  const std::string chart = svg_chart(series, options);
  AtomicFile file("save_chart", path);
  file.write(chart);
  file.commit();
}

}  // namespace ebb::io
