#include "io/report.h"

#include <zlib.h>

#include <cmath>
#include <limits>
#include <utility>

#include "autograd/create.h"
#include "autograd/ops.h"
#include "io/png.h"
#include "io/svg_chart.h"
#include "tests/files.h"

using namespace ebb;
using namespace std::string_literals;
using Bytes = std::vector<std::uint8_t>;

namespace {

std::uint32_t big_endian(const std::string& bytes, std::size_t at) {
  std::uint32_t v = 0;
  for (std::size_t i = at; i < at + 4; ++i) v = v << 8 | static_cast<unsigned char>(bytes.at(i));
  return v;
}

// CRC-32 of the PNG standard's appendix, bit by bit.
std::uint32_t crc(const std::string& bytes) {
  std::uint32_t c = 0xffffffff;
  for (const char byte : bytes) {
    c ^= static_cast<unsigned char>(byte);
    for (int k = 0; k < 8; ++k) c = (c & 1) != 0 ? 0xedb88320 ^ (c >> 1) : c >> 1;
  }
  return ~c;
}

// The chunks of a PNG file: type and content. Checks the signature and the sums.
std::vector<std::pair<std::string, std::string>> chunks_of(const std::string& png) {
  REQUIRE(png.substr(0, 8) == "\x89PNG\r\n\x1a\n");
  std::vector<std::pair<std::string, std::string>> chunks;
  for (std::size_t at = 8; at < png.size();) {
    const auto size = big_endian(png, at);
    chunks.push_back({png.substr(at + 4, 4), png.substr(at + 8, size)});
    CHECK(big_endian(png, at + 8 + size) == crc(png.substr(at + 4, 4 + size)));
    at += 12 + size;
  }
  return chunks;
}

std::string inflated(const std::string& packed, std::size_t size) {
  std::string bytes(size, '\0');
  uLongf got = size;
  REQUIRE(uncompress(reinterpret_cast<Bytef*>(bytes.data()), &got, reinterpret_cast<const Bytef*>(packed.data()),
                     static_cast<uLong>(packed.size())) == Z_OK);
  CHECK(got == size);
  return bytes;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("base64: the vectors of RFC 4648") {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) CHECK(io::base64(bytes) == text);
  CHECK(io::base64("\xff\xfe\xfb\xf0\x00"s) == "//778AA=");
}

TEST_CASE("png: grey and colour") {
  const auto grey = chunks_of(io::encode_png({2, 3, 1, {0, 1, 2, 253, 254, 255}}));
  REQUIRE(grey.size() == 3);
  CHECK(grey[0] == std::pair("IHDR"s, "\0\0\0\x03\0\0\0\x02\x08\0\0\0\0"s));
  CHECK(grey[1].first == "IDAT");
  CHECK(inflated(grey[1].second, 8) == "\0\0\x01\x02\0\xfd\xfe\xff"s);
  CHECK(grey[2] == std::pair("IEND"s, ""s));
  const auto colour = chunks_of(io::encode_png({1, 2, 3, {1, 2, 3, 4, 5, 6}}));
  CHECK(colour[0].second == "\0\0\0\x02\0\0\0\x01\x08\x02\0\0\0"s);
  CHECK(inflated(colour[1].second, 7) == "\0\x01\x02\x03\x04\x05\x06"s);
}

TEST_CASE("png: images that are none") {
  CHECK(contains(error_of([] { io::encode_png({0, 3, 1, {}}); }), "encode_png: 0 x 3 pixels"));
  CHECK(contains(error_of([] { io::encode_png({1, 1, 2, {1, 2}}); }), "of 2 channels; give 1"));
  CHECK(contains(error_of([] { io::encode_png({2, 2, 1, {1, 2, 3}}); }), "encode_png: 3 bytes for 2 x 2 pixels"));
}

TEST_CASE("tensors to images") {
  const auto nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(io::to_image(tensor({{-1.0, 0.0, 0.5}, {1.0, 7.0, nan}})).pixels == Bytes{0, 0, 128, 255, 255, 0});
  CHECK(io::to_image(tensor({{-2.0, 2.0, 0.0}}), -2, 2).pixels == Bytes{0, 255, 128});
  CHECK(io::to_image(tensor({{0, 100, 255}}, {.dtype = uint8})).pixels == Bytes{0, 100, 255});
  const auto colour = io::to_image(tensor({{{0, 1}}, {{2, 3}}, {{4, 5}}}, {.dtype = uint8}));
  CHECK(colour.pixels == Bytes{0, 2, 4, 1, 3, 5});
  CHECK(colour.height == 1);
  CHECK(colour.width == 2);
  CHECK(colour.channels == 3);
  CHECK(contains(error_of([] { io::to_image(tensor({1.0})); }), "to_image: the tensor is float32 [1]"));
  CHECK(contains(error_of([] { io::to_image(zeros({2, 3, 3})); }), "float32 [2, 3, 3]"));

  const auto weights = io::to_signed_image(tensor({{-1.0, 0.0, 1.0, 9.0, -0.5}}), 1).pixels;
  CHECK(weights == Bytes{33, 102, 172, 247, 247, 247, 178, 24, 43, 178, 24, 43, 140, 175, 210});
}

TEST_CASE("ticks are round and enclose the numbers") {
  CHECK(io::nice_ticks(0, 10) == std::vector<double>{0, 2, 4, 6, 8, 10});
  CHECK(io::nice_ticks(1, 9.3) == std::vector<double>{0, 2, 4, 6, 8, 10});
  CHECK(io::nice_ticks(-0.5, 0.5, 2) == std::vector<double>{-0.5, 0, 0.5});
  for (const auto& [low, high] :
       {std::pair{0.0123, 0.0301}, {-7e8, 3e9}, {5.0, 5.0}, {0.0, 0.0}, {-3e-9, -1e-9}}) {
    const auto ticks = io::nice_ticks(low, high);
    CHECK(ticks.size() >= 3);
    CHECK(ticks.size() <= 9);
    CHECK(ticks.front() <= low + 1e-12 * std::abs(low));
    CHECK(ticks.back() >= high - 1e-12 * std::abs(high));
  }
}

TEST_CASE("charts") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<io::Series> series{{"a < b", {1, 2, 3, 4, 5}, {4, 3, nan, 1, 0}}, {"c", {1, 2}, {2, 2}}};
  const auto svg = io::svg_chart(series, {.title = "R & D", .x_label = "epoch", .y_label = "loss"});
  CHECK(svg.starts_with("<svg "));
  CHECK(svg.ends_with("</svg>"));
  CHECK(count(svg, "<circle") == 6);
  CHECK(count(svg, "nan") == 0);
  CHECK(contains(svg, ">a &lt; b<"));
  CHECK(contains(svg, ">R &amp; D<"));
  CHECK(contains(svg, "<title>a &lt; b 4: 1</title>"));
  CHECK(contains(svg, ">epoch<"));
  CHECK(contains(svg, ">loss<"));
  // x from 1 to 5 is left 62 to right 544; y from 0 to 4 is bottom 284 to top 52. The gap starts a new line.
  CHECK(contains(svg, R"(d="M62.0 52.0L182.5 110.0M423.5 226.0L544.0 284.0")"));

  const auto log = io::svg_chart(std::vector<io::Series>{{"s", {1, 2, 3}, {100, 0, 1}}}, {.log_y = true});
  CHECK(contains(log, R"(d="M62.0 34.0M544.0 284.0")"));  // there is no title
  CHECK(count(log, R"(class="title")") == 0);
  const auto tiny = io::svg_chart(std::vector<io::Series>{{"s", {1, 2}, {1, 1e-5}}}, {.log_y = true});
  CHECK(contains(tiny, ">1e-5<"));
  CHECK(contains(io::svg_chart(std::vector<io::Series>{{"s", {1, 2}, {1, 1e-20}}}, {.log_y = true}), ">1e-20<"));
  for (const auto& empty : {std::vector<io::Series>{}, {{"none", {}, {}}}, {{"nan", {1}, {nan}}}})
    CHECK(contains(io::svg_chart(empty), "</svg>"));
  CHECK(contains(io::svg_chart(std::vector<io::Series>{{"one", {1}, {0.5}}}), "<circle"));
  CHECK(contains(error_of([] {
                   io::svg_chart(std::vector<io::Series>{{"s", {1, 2}, {1}}});
                 }),
                 "series s has 2 x and 1 y"));
}

TEST_CASE("a legend takes as many lines as it needs") {
  const std::string name(28, 'n');
  const std::vector<io::Series> series{{name, {0}, {0}}, {name, {0}, {1}}, {"c", {1}, {1}}};
  const auto svg = io::svg_chart(series, {.title = "t"});
  CHECK(count(svg, R"(class="key s)") == 3);
  CHECK(contains(svg, R"(<line class="key s0" x1="62" x2="80" y1="34" y2="34"/>)"));
  CHECK(contains(svg, R"(<line class="key s1" x1="302" x2="320" y1="34" y2="34"/>)"));
  CHECK(contains(svg, R"(<line class="key s2" x1="62" x2="80" y1="52" y2="52"/>)"));
  CHECK(contains(svg, R"(cy="70.0")"));  // the highest points, below
}

TEST_CASE("points, and a field under them") {
  const io::Image field{1, 1, 1, {255}};
  const std::vector<io::Series> points{{"p", {0, 1}, {2, 4}, true}};
  const auto svg = io::svg_chart(points, {.field = io::Field{field, {-1, 1}, {0, 4}}});
  CHECK(count(svg, "<path") == 0);
  CHECK(count(svg, "<circle") == 3);  // one in the legend
  CHECK(count(svg, R"(class="grid")") == 0);
  // x from -1 to 1 is 62 to 544, y from 0 to 4 is 284 to 34.
  CHECK(contains(svg, R"(<image x="62" y="34" width="482" height="250")"));
  CHECK(
      contains(svg, R"(<svg x="62" y="34" width="482" height="250" viewBox="62 34 482 250"><circle)"));  // cut off
  CHECK(contains(svg, R"(cx="303.0" cy="159.0")"));
  CHECK(contains(svg, R"(cx="544.0" cy="34.0")"));
  CHECK(io::series("s", {3, 5}).x == std::vector<double>{1, 2});

  const TempFolder folder;
  io::save_chart(folder / "chart.svg", points);
  CHECK(read_file(folder / "chart.svg") == io::svg_chart(points));
}

TEST_CASE("pictures in a grid") {
  const auto grid = io::to_grid(tensor({{{0.0, 1.0}}, {{1.0, 0.0}}, {{0.0, 0.0}}}), 2);
  CHECK(grid.height == 4);
  CHECK(grid.width == 6);
  CHECK(grid.pixels == Bytes{0, 255, 128, 255, 0,   128, 128, 128, 128, 128, 128, 128,  //
                             0, 0,   128, 128, 128, 128, 128, 128, 128, 128, 128, 128});
  const auto colours = io::to_grid(reshape(tensor({1, 2, 3}, {.dtype = uint8}), {1, 3, 1, 1}), 1);
  CHECK(colours.channels == 3);
  CHECK(colours.pixels == Bytes{1, 2, 3, 128, 128, 128, 128, 128, 128, 128, 128, 128});
  CHECK(contains(error_of([] { io::to_grid(zeros({2, 2}), 1); }), "to_grid: the tensor is float32 [2, 2]"));
}

TEST_CASE("a report of nothing is a page") {
  const auto page = io::Report("<Empty>").html();
  CHECK(page.starts_with("<!doctype html>"));
  CHECK(contains(page, "<h1>&lt;Empty&gt;</h1>"));
  CHECK(count(page, "<h2>") == 0);
}

TEST_CASE("a report of everything stands alone") {
  io::Report report("Everything");
  report.figure("test error", "15.00 %");
  report.section("Curves & more", "What <happened>.");
  report.chart({io::series("training", {2, 1, 0.5}), io::series("test", {1.5, 1.25, 1.375})}, {.title = "Loss"});
  report.svg("<svg></svg>");
  report.pictures(std::vector<io::Picture>(7, {io::to_image(zeros({4, 4})), "a < b"}), 40);
  report.picture(io::to_grid(zeros({3, 2, 2}), 2), 100);
  const std::vector<std::string> classes{"cat", "d<g"};
  report.confusion(tensor({{90, 10}, {0, 0}}), classes);
  report.table({{"layer", "count"}, {"conv1.weight", "90"}});
  report.table({{"lr", "1e-3"}, {"<key>", "a & b"}}, io::Headings::first_column);
  report.text("x <\n y");
  const auto page = report.html();
  CHECK(contains(page, "<h2>Curves &amp; more</h2><p>What &lt;happened&gt;.</p>"));
  CHECK(contains(page, "<b>15.00 %</b><span>test error"));
  CHECK(count(page, "<svg") == 2);
  CHECK(count(page, "data:image/png;base64,iVBORw0KGgo") == 8);
  CHECK(count(page, R"(width="40")") == 7);
  CHECK(count(page, "<figcaption>a &lt; b</figcaption>") == 7);
  CHECK(contains(page, "<th>d&lt;g</th>"));
  CHECK(contains(page, R"(<td class="good" style="--a:0.53">90</td>)"));
  CHECK(contains(page, R"(<td class="bad" style="--a:0.58">10</td>)"));
  CHECK(contains(page, "90.0 %"));
  CHECK(
      contains(page, R"(<th class="number">count</th></tr><tr><td>conv1.weight</td><td class="number">90</td>)"));
  CHECK(contains(page, "<th>&lt;key&gt;</th><td>a &amp; b</td>"));
  CHECK(contains(page, "<pre>x &lt;\n y</pre>"));
  CHECK(count(page, "<div") == count(page, "</div>"));
  for (const auto* outside : {"<script", "src=\"http", "href=", "@import", "url("})
    CHECK(count(page, outside) == 0);

  const TempFolder folder;
  report.save(folder / "report.html");
  CHECK(read_file(folder / "report.html") == page);
  CHECK(contains(error_of([&] { report.save(folder / "none/report.html"); }),
                 "Report: " + folder / "none/report.html"));
}

TEST_CASE("confusions that are none") {
  io::Report report("");
  CHECK(contains(error_of([&] { report.confusion(zeros({2, 2})); }), "confusion matrix is float32 [2, 2]"));
  CHECK(contains(error_of([&] { report.confusion(tensor({{1, 2}})); }), "confusion matrix is int64 [1, 2]"));
}
