#include "io/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace ebb::io {
namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

constexpr int kUsualColumns = 80;
constexpr double kBetweenDrawings = 0.1;  // seconds

int columns_of(int file) {
  winsize size{};
  return ioctl(file, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kUsualColumns;
}

// 41200 as "41,200".
std::string grouped(double number) {
  std::string digits = fmt::format("{:.0f}", number);
  for (auto at = std::ssize(digits) - 3; at > 0; at -= 3) digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

// The first so many of its letters. A byte that continues one is none.
std::string cut(std::string_view text, std::size_t columns) {
  std::size_t bytes = 0;
  for (std::size_t letters = 0; bytes < text.size(); ++bytes)
    if ((text[bytes] & 0xc0) != 0x80 && letters++ == columns) break;
  return std::string(text.substr(0, bytes));
}

std::size_t letters_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

Progress::Progress(std::string label, std::int64_t steps, ProgressOptions options)
    : label_(std::move(label)),
      options_(std::move(options)),
      steps_(steps),
      done_(options_.done),
      began_(now()),
      terminal_(isatty(options_.file) != 0) {}

Progress::~Progress() {
  if (open_) put("\r\033[K");
}

double Progress::seconds() const { return now() - began_; }

std::string Progress::rate() const {
  const double per_second = static_cast<double>(count_) / std::max(seconds(), 1e-9);
  return fmt::format("{} {}/s", per_second < 10 ? fmt::format("{:.2g}", per_second) : grouped(per_second),
                     options_.unit);
}

void Progress::step(std::int64_t count, std::string_view note) {
  ++done_;
  count_ += count;
  if (terminal_ && (now() - drawn_ > kBetweenDrawings || done_ == steps_)) draw(note);
}

void Progress::finish(std::string_view result) {
  std::string line = open_ ? "\r\033[K" : "";
  line += label_;
  for (const std::string& part : {count_ > 0 ? rate() : "", std::string(result)})
    if (!part.empty()) line += "  " + part;
  put(fmt::format("{}  {:.1f} s\n", line, seconds()));
  open_ = false;
}

// What does not fit is left out: first the bar becomes shorter, then the line ends.
void Progress::draw(std::string_view note) {
  drawn_ = now();
  const double each = seconds() / static_cast<double>(std::max<std::int64_t>(1, done_ - options_.done));
  const auto left =
      static_cast<std::int64_t>(each * static_cast<double>(std::max<std::int64_t>(0, steps_ - done_)) + 0.5);
  std::string text = fmt::format(" {}/{}", done_, steps_);
  for (const std::string& part : {rate(), std::string(note), fmt::format("{}:{:02} left", left / 60, left % 60)})
    if (!part.empty()) text += "  " + part;

  constexpr int kWidest = 24, kNarrowest = 4;
  const int columns = columns_of(options_.file) - 1;  // a full line would wrap
  const int room = columns - static_cast<int>(letters_of(label_) + letters_of(text)) - 1;
  std::string bar;
  if (room >= kNarrowest) {
    const int width = std::min(room, kWidest);
    const auto filled = steps_ > 0 ? std::clamp<std::int64_t>(width * done_ / steps_, 0, width) : width;
    bar = " ";
    for (int i = 0; i < width; ++i) bar += i < filled ? "━" : "─";
  }
  put("\r" + cut(label_ + bar + text, static_cast<std::size_t>(std::max(columns, 1))) + "\033[K");
  open_ = true;
}

// Past stdio's buffer, so that what is half written stays whole; a line that can not be written is lost.
void Progress::put(std::string_view text) const {
  while (!text.empty()) {
    const auto written = ::write(options_.file, text.data(), text.size());
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace ebb::io
