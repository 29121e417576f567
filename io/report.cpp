#include "io/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <string_view>

#include "autograd/base/fail.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "io/file.h"
#include "io/png.h"
#include "io/svg_chart.h"

namespace ebb::io {
namespace {

constexpr std::size_t kMostMistakes = 100;
constexpr std::int64_t kMostFilters = 128;

constexpr std::string_view kStyle = R"(<style>
:root{color-scheme:light dark;--page:#fcfcfb;--panel:#fff;--ink:#1d2126;--soft:#626a74;--rule:#e1e4e8;--good:0 104 168;--bad:199 80 0}
@media(prefers-color-scheme:dark){:root{--page:#14171a;--panel:#1b1f23;--ink:#e4e7ea;--soft:#98a1ab;--rule:#2c3238;--good:86 180 233;--bad:240 154 74}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1180px;margin:0 auto;padding:40px 28px 64px}
h1{font-size:26px;font-weight:650;letter-spacing:-.01em;margin:0 0 24px}
h2{font-size:16px;font-weight:650;margin:44px 0 4px}
p{color:var(--soft);margin:0 0 14px;max-width:70ch}
.row{display:flex;flex-wrap:wrap;gap:16px 20px;align-items:flex-start}
.panel{background:var(--panel);border:1px solid var(--rule);border-radius:8px;padding:14px}
.panel svg{display:block;max-width:100%;height:auto}
.key{min-width:130px;padding:12px 18px}.key b{display:block;font-size:24px;font-weight:600;font-variant-numeric:tabular-nums}
.key span{color:var(--soft);font-size:13px}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th{font-weight:600;text-align:left;color:var(--soft);font-size:13px}
td,th{padding:5px 18px 5px 0;border-bottom:1px solid var(--rule);vertical-align:top}
tr:last-child>*{border-bottom:0}.number{text-align:right}
.confusion td,.confusion th{width:46px;height:38px;padding:2px;text-align:center;vertical-align:middle;border:0}
.confusion td{font-size:13px;border:1px solid var(--panel);border-radius:4px}
.confusion .rate{color:var(--soft);width:64px}.none{color:var(--rule)}
.good{background:rgb(var(--good)/var(--a))}.bad{background:rgb(var(--bad)/var(--a))}
.pictures{display:flex;flex-wrap:wrap;gap:12px}
figure{margin:0;text-align:center;font-size:13px;font-variant-numeric:tabular-nums}
figure img{display:block;width:60px;height:60px;image-rendering:pixelated;border-radius:4px;border:1px solid var(--rule)}
figcaption i{font-style:normal;color:var(--soft)}
</style>)";

class Page {
 public:
  explicit Page(const TrainingReport& report) : r_(report) {}

  std::string write() {
    put(R"(<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>{}</title>)",
        escaped(r_.title));
    out_ += kStyle;
    put("</head><body><main><h1>{}</h1>", escaped(r_.title));
    write_key_figures();
    write_curves();
    write_confusion();
    write_mistakes();
    write_filters();
    write_model();
    write_rows("Settings", r_.settings);
    write_rows("Timing", r_.timing);
    out_ += "</main></body></html>\n";
    return std::move(out_);
  }

 private:
  template <class... Args>
  void put(fmt::format_string<Args...> text, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), text, std::forward<Args>(args)...);
  }

  void write_heading(std::string_view heading, const std::string& text = {}) {
    put("<h2>{}</h2>", heading);
    if (!text.empty()) put("<p>{}</p>", escaped(text));
  }

  void write_key_figure(std::string_view name, const std::string& value) {
    put(R"(<div class="panel key"><b>{}</b><span>{}</span></div>)", value, name);
  }

  void write_key_figures() {
    out_ += R"(<div class="row">)";
    const auto percent = [](double fraction) { return fmt::format("{:.2f} %", 100 * fraction); };
    if (!r_.test_error.empty()) {
      const auto best = std::min_element(r_.test_error.begin(), r_.test_error.end());
      write_key_figure("test error", percent(r_.test_error.back()));
      write_key_figure(fmt::format("lowest, epoch {}", best - r_.test_error.begin() + 1), percent(*best));
    }
    if (!r_.train_error.empty()) write_key_figure("training error", percent(r_.train_error.back()));
    if (!r_.test_loss.empty()) write_key_figure("test loss", fmt::format("{:.4g}", r_.test_loss.back()));
    if (!r_.train_loss.empty()) write_key_figure("training loss", fmt::format("{:.4g}", r_.train_loss.back()));
    out_ += "</div>";
  }

  // A chart with the training set's and the test set's values over the epochs.
  void write_chart(const char* title, const char* unit, const std::vector<double>& train,
                   const std::vector<double>& test, double scale) {
    std::vector<Series> series;
    const auto add = [&](const char* name, const std::vector<double>& values) {
      if (values.empty()) return;
      Series s{name, std::vector<double>(values.size()), values};
      std::iota(s.x.begin(), s.x.end(), 1.0);
      for (auto& y : s.y) y *= scale;
      series.push_back(std::move(s));
    };
    add("training", train);
    add("test", test);
    if (series.empty()) return;
    put(R"(<div class="panel">{}</div>)",
        svg_chart(series, {.title = title, .x_label = "epoch", .y_label = unit, .width = 520}));
  }

  void write_curves() {
    if (r_.train_loss.empty() && r_.test_loss.empty() && r_.train_error.empty() && r_.test_error.empty()) return;
    write_heading("Learning curves");
    out_ += R"(<div class="row">)";
    write_chart("Loss", "mean loss", r_.train_loss, r_.test_loss, 1);
    write_chart("Error", "wrong answers, %", r_.train_error, r_.test_error, 100);
    out_ += "</div>";
  }

  std::string class_name(std::int64_t c) const {
    const auto i = static_cast<std::size_t>(c);
    return i < r_.classes.size() ? escaped(r_.classes[i]) : std::to_string(c);
  }

  // A count on the diagonal is shaded by its share of the row; elsewhere by its size beside the largest
  // mistake.
  void write_cell(bool right, std::int64_t count, double share) {
    if (count == 0) return put(R"(<td class="none">·</td>)");
    put(R"(<td class="{}" style="--a:{:.2f}">{}</td>)", right ? "good" : "bad", 0.08 + 0.5 * share, count);
  }

  void write_confusion() {
    if (!r_.confusion.defined()) return;
    const auto n = r_.confusion.size(0);
    const auto counts = r_.confusion.to_vector<std::int64_t>();
    const auto at = [&](std::int64_t row, std::int64_t column) {
      return counts[static_cast<std::size_t>(row * n + column)];
    };
    std::int64_t worst = 1;
    for (std::int64_t i = 0; i < n * n; ++i)
      if (i / n != i % n) worst = std::max(worst, at(i / n, i % n));

    write_heading("Confusion matrix",
                  "Rows are the true classes, columns the predicted ones; the last column is the "
                  "share of each class that was recognised.");
    out_ +=
        R"(<div class="panel" style="display:inline-block;max-width:100%;overflow-x:auto"><table class="confusion"><tr><th></th>)";
    for (std::int64_t c = 0; c < n; ++c) put("<th>{}</th>", class_name(c));
    out_ += "<th></th></tr>";
    for (std::int64_t row = 0; row < n; ++row) {
      std::int64_t total = 0;
      for (std::int64_t c = 0; c < n; ++c) total += at(row, c);
      const auto whole = static_cast<double>(std::max<std::int64_t>(total, 1));
      put("<tr><th>{}</th>", class_name(row));
      for (std::int64_t c = 0; c < n; ++c)
        write_cell(row == c, at(row, c),
                   static_cast<double>(at(row, c)) / (row == c ? whole : static_cast<double>(worst)));
      put(R"(<td class="rate">{:.1f} %</td></tr>)", 100 * static_cast<double>(at(row, row)) / whole);
    }
    out_ += "</table></div>";
  }

  void write_picture(const Image& image, const std::string& caption) {
    put(R"(<figure><img alt="" src="data:image/png;base64,{}">{}</figure>)", base64(encode_png(image)), caption);
  }

  void write_mistakes() {
    if (r_.mistakes.empty()) return;
    const auto shown = std::min(r_.mistakes.size(), kMostMistakes);
    write_heading("Mistakes",
                  fmt::format("{} of {}: the true class, and what it was taken for.", shown, r_.mistakes.size()));
    out_ += R"(<div class="pictures">)";
    for (std::size_t i = 0; i < shown; ++i) {
      const auto& [image, predicted, truth] = r_.mistakes[i];
      const bool bytes = image.dtype() == uint8;
      const double low = bytes ? 0 : amin(image).item(), high = bytes ? 1 : amax(image).item();
      write_picture(
          to_image(image, low, high > low ? high : low + 1),
          fmt::format("<figcaption>{} <i>→ {}</i></figcaption>", class_name(truth), class_name(predicted)));
    }
    out_ += "</div>";
  }

  void write_filters() {
    if (!r_.filters.defined() || r_.filters.numel() == 0) return;
    const auto& shape = r_.filters.shape();
    const auto planes = shape[0] * shape[1], shown = std::min(planes, kMostFilters);
    const double scale = amax(abs(r_.filters)).item();
    const Tensor all = reshape(r_.filters, {planes, shape[2], shape[3]});
    write_heading("First layer's filters",
                  fmt::format("{} of {}, {} x {}; blue is negative, white 0, red positive, up to ±{:.3g}.", shown,
                              planes, shape[2], shape[3], scale));
    out_ += R"(<div class="pictures">)";
    for (std::int64_t i = 0; i < shown; ++i) write_picture(to_signed_image(all[i], scale), {});
    out_ += "</div>";
  }

  static bool is_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789.,+-e% ") == std::string_view::npos;
  }

  void write_model() {
    if (r_.model.empty()) return;
    const auto& last = r_.model.back();
    write_heading("Model");
    out_ += R"(<div class="panel" style="display:inline-block;max-width:100%;overflow-x:auto"><table>)";
    for (std::size_t row = 0; row < r_.model.size(); ++row) {
      out_ += "<tr>";
      for (std::size_t c = 0; c < r_.model[row].size(); ++c) {
        const bool numeric = c < last.size() && is_number(last[c]);
        put("<{0}{1}>{2}</{0}>", row == 0 ? "th" : "td", numeric ? R"( class="number")" : "",
            escaped(r_.model[row][c]));
      }
      out_ += "</tr>";
    }
    out_ += "</table></div>";
  }

  void write_rows(std::string_view heading, const TrainingReport::Rows& rows) {
    if (rows.empty()) return;
    write_heading(heading);
    out_ += R"(<div class="panel" style="display:inline-block"><table>)";
    for (const auto& [name, value] : rows) put("<tr><th>{}</th><td>{}</td></tr>", escaped(name), escaped(value));
    out_ += "</table></div>";
  }

  const TrainingReport& r_;
  std::string out_;
};

void check(const TrainingReport& report) {
  const auto& confusion = report.confusion;
  if (confusion.defined() &&
      (confusion.dtype() != int64 || confusion.dim() != 2 || confusion.size(0) != confusion.size(1)))
    fail("report: the confusion matrix is {}; int64 [classes, classes] was expected", describe(confusion));
  if (report.filters.defined() && report.filters.dim() != 4)
    fail("report: the filters are {}; [out, in, h, w] was expected", describe(report.filters));
}

}  // namespace

std::string TrainingReport::html() const {
  const NoGrad off;
  check(*this);
  return Page(*this).write();
}

void TrainingReport::save(const std::string& path) const {
  const auto page = html();
  AtomicFile file("report", path);
  file.write(page);
  file.commit();
}

}  // namespace ebb::io
