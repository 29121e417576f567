#include "io/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "autograd/base/fail.h"
#include "io/file.h"

namespace ebb::io {
namespace {

constexpr std::string_view kStyle = R"(<style>
:root{color-scheme:light dark;--page:#fcfcfb;--panel:#fff;--ink:#1d2126;--soft:#626a74;--rule:#e1e4e8;--good:0 104 168;--bad:199 80 0}
@media(prefers-color-scheme:dark){:root{--page:#14171a;--panel:#1b1f23;--ink:#e4e7ea;--soft:#98a1ab;--rule:#2c3238;--good:86 180 233;--bad:240 154 74}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1180px;margin:0 auto;padding:40px 28px 64px}
h1{font-size:26px;font-weight:650;letter-spacing:-.01em;margin:0 0 24px}
h2{font-size:16px;font-weight:650;margin:44px 0 4px}
p{color:var(--soft);margin:0 0 14px;max-width:70ch}
h2:empty,.row:empty{display:none}h2:empty+p{margin-top:20px}
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
pre{margin:0;font:13px/1.45 ui-monospace,monospace;white-space:pre-wrap;max-width:90ch}
.pictures{display:flex;flex-wrap:wrap;gap:12px}
figure{margin:0;text-align:center;font-size:13px;font-variant-numeric:tabular-nums}
figure img{display:block;max-width:100%;height:auto;image-rendering:pixelated;border-radius:4px;border:1px solid var(--rule)}
figcaption{max-width:40ch;margin:2px auto 0}
figcaption i{font-style:normal;color:var(--soft)}
</style>)";

template <class... Args>
void put(std::string& out, fmt::format_string<Args...> text, Args&&... args) {
  fmt::format_to(std::back_inserter(out), text, std::forward<Args>(args)...);
}

std::string in_panel(std::string_view content) {
  return fmt::format(R"(<div class="panel" style="max-width:100%;overflow-x:auto">{}</div>)", content);
}

std::string figure_of(const Picture& picture, int width) {
  const std::string caption =
      picture.caption.empty() ? "" : fmt::format("<figcaption>{}</figcaption>", escaped(picture.caption));
  return fmt::format(R"(<figure><img alt="" width="{}" src="data:image/png;base64,{}">{}</figure>)", width,
                     base64(encode_png(picture.image)), caption);
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789.,+-±e% ") == std::string_view::npos;
}

// A count on the diagonal is shaded by its share of the row; elsewhere by its size beside the largest mistake.
std::string cell_of(bool right, std::int64_t count, double share) {
  if (count == 0) return R"(<td class="none">·</td>)";
  return fmt::format(R"(<td class="{}" style="--a:{:.2f}">{}</td>)", right ? "good" : "bad", 0.08 + 0.5 * share,
                     count);
}

}  // namespace

Report::Report(std::string title) : title_(std::move(title)), body_(R"(<div class="row">)") {}

void Report::section(std::string_view heading, std::string_view text) {
  put(body_, "</div><h2>{}</h2>", escaped(heading));
  if (!text.empty()) put(body_, "<p>{}</p>", escaped(text));
  body_ += R"(<div class="row">)";
}

void Report::figure(std::string_view name, std::string_view value) {
  put(body_, R"(<div class="panel key"><b>{}</b><span>{}</span></div>)", escaped(value), escaped(name));
}

void Report::chart(const std::vector<Series>& series, const ChartOptions& options) {
  svg(svg_chart(series, options));
}

void Report::svg(std::string_view element) { body_ += in_panel(element); }

void Report::pictures(std::span<const Picture> pictures, int width) {
  body_ += R"(<div class="pictures">)";
  for (const auto& picture : pictures) body_ += figure_of(picture, width);
  body_ += "</div>";
}

void Report::picture(const Image& image, int width, std::string caption) {
  body_ += figure_of({image, std::move(caption)}, width);
}

void Report::table(const std::vector<std::vector<std::string>>& rows, Headings headings) {
  if (rows.empty()) return;
  const auto& last = rows.back();
  std::string table = "<table>";
  for (std::size_t r = 0; r < rows.size(); ++r) {
    table += "<tr>";
    for (std::size_t c = 0; c < rows[r].size(); ++c)
      put(table, "<{0}{1}>{2}</{0}>", (headings == Headings::first_row ? r : c) == 0 ? "th" : "td",
          c < last.size() && is_number(last[c]) ? R"( class="number")" : "", escaped(rows[r][c]));
    table += "</tr>";
  }
  body_ += in_panel(table + "</table>");
}

void Report::confusion(const Tensor& counts, std::span<const std::string> classes) {
  if (counts.dtype() != int64 || counts.dim() != 2 || counts.size(0) != counts.size(1))
    fail("Report: the confusion matrix is {}; give int64 [classes, classes]", describe(counts));
  const auto n = counts.size(0);
  const auto values = counts.to_vector<std::int64_t>();
  const auto at = [&](std::int64_t row, std::int64_t column) {
    return values[static_cast<std::size_t>(row * n + column)];
  };
  const auto name = [&](std::int64_t c) {
    const auto i = static_cast<std::size_t>(c);
    return i < classes.size() ? escaped(classes[i]) : std::to_string(c);
  };
  std::int64_t worst = 1;
  for (std::int64_t i = 0; i < n * n; ++i)
    if (i / n != i % n) worst = std::max(worst, at(i / n, i % n));

  std::string table = R"(<table class="confusion"><tr><th></th>)";
  for (std::int64_t c = 0; c < n; ++c) put(table, "<th>{}</th>", name(c));
  table += "<th></th></tr>";
  for (std::int64_t row = 0; row < n; ++row) {
    std::int64_t total = 0;
    for (std::int64_t c = 0; c < n; ++c) total += at(row, c);
    const auto whole = static_cast<double>(std::max<std::int64_t>(total, 1));
    put(table, "<tr><th>{}</th>", name(row));
    for (std::int64_t c = 0; c < n; ++c)
      table += cell_of(row == c, at(row, c),
                       static_cast<double>(at(row, c)) / (row == c ? whole : static_cast<double>(worst)));
    put(table, R"(<td class="rate">{:.1f} %</td></tr>)", 100 * static_cast<double>(at(row, row)) / whole);
  }
  body_ += in_panel(table + "</table>");
}

void Report::text(std::string_view text) { body_ += in_panel(fmt::format("<pre>{}</pre>", escaped(text))); }

std::string Report::html() const {
  std::string page;
  put(page,
      R"(<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>{}</title>)",
      escaped(title_));
  page += kStyle;
  put(page, "</head><body><main><h1>{}</h1>{}</div></main></body></html>\n", escaped(title_), body_);
  return page;
}

void Report::save(const std::string& path) const {
  const auto page = html();
  AtomicFile file("Report", path);
  file.write(page);
  file.commit();
}

}  // namespace ebb::io
