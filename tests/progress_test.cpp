// The progress bar, on pseudo terminals and in pipes.
#include "io/progress.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <string>

using namespace ebb;

namespace {

// What was written to `file` and not read yet.
std::string read_all(int file) {
  fcntl(file, F_SETFL, O_NONBLOCK);
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(file, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  return text;
}

// A terminal of so many columns: what is written to `inside` is read from `outside`.
struct Terminal {
  int outside = -1, inside = -1;

  explicit Terminal(unsigned short columns) {
    REQUIRE(openpty(&outside, &inside, nullptr, nullptr, nullptr) == 0);
    resize(columns);
  }
  ~Terminal() {
    close(outside);
    close(inside);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void resize(unsigned short columns) const {
    const winsize size{.ws_row = 10, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    REQUIRE(ioctl(inside, TIOCSWINSZ, &size) == 0);
  }
};

// Of the last drawing, from \r on, without the order to erase the rest.
std::string last_line(const std::string& text) {
  const auto begin = text.rfind('\r') + 1;
  return text.substr(begin, text.rfind("\033[K") - begin);
}

std::size_t letters_of(const std::string& text) {
  std::size_t n = 0;
  for (const char c : text) n += (c & 0xc0) != 0x80;
  return n;
}

}  // namespace

TEST_CASE("a bar in a wide window") {
  const Terminal terminal(120);
  io::Progress progress("epoch 1/2", 4, {.unit = "images", .file = terminal.inside});
  for (int i = 0; i < 4; ++i) progress.step(10, "loss 0.5");
  const std::string line = last_line(read_all(terminal.outside));
  CHECK(line.starts_with("epoch 1/2 ━━━━━━━━━━━━━━━━━━━━━━━━ 4/4  "));
  CHECK(line.find(" images/s  loss 0.5  0:00 left") != std::string::npos);
  progress.finish("test error 1 %");
  const std::string end = read_all(terminal.outside);
  CHECK(end.starts_with("\r\033[Kepoch 1/2  "));
  CHECK(end.find("test error 1 %") != std::string::npos);
  CHECK(end.ends_with(" s\r\n"));
}

TEST_CASE("lines never wrap, whatever the window") {
  for (const int columns : {100, 60, 40, 20, 8, 2, 1}) {
    const Terminal terminal(static_cast<unsigned short>(columns));
    io::Progress progress("übung 1/2", 2, {.file = terminal.inside});
    progress.step(1, "loss 0.5");
    terminal.resize(static_cast<unsigned short>(columns + 1));
    progress.step(1, "loss 0.5");
    const std::string line = last_line(read_all(terminal.outside));
    CAPTURE(columns);
    CHECK(static_cast<int>(letters_of(line)) <= columns);
    CHECK(std::string("übung").starts_with(line.substr(0, std::min<std::size_t>(line.size(), 6))));
  }
}

TEST_CASE("an abandoned loop leaves an empty line") {
  const Terminal terminal(80);
  {
    io::Progress progress("epoch", 9, {.file = terminal.inside});
    progress.step();
    read_all(terminal.outside);
  }
  CHECK(read_all(terminal.outside) == "\r\033[K");
}

TEST_CASE("a loop that continues starts where it was") {
  const Terminal terminal(80);
  io::Progress progress("epoch", 10, {.done = 5, .file = terminal.inside});
  progress.step();
  CHECK(last_line(read_all(terminal.outside)).find(" 6/10 ") != std::string::npos);
}

TEST_CASE("a pipe gets whole lines only") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  {
    io::Progress progress("epoch 1/1", 3, {.file = ends[1]});
    for (int i = 0; i < 3; ++i) progress.step(7, "loss");
    CHECK(read_all(ends[0]).empty());
    progress.finish("done");
  }
  const std::string line = read_all(ends[0]);
  CHECK(line.starts_with("epoch 1/1  "));
  CHECK(line.find(" examples/s  done  ") != std::string::npos);
  CHECK(line.find_first_of("\r\033") == std::string::npos);
  CHECK(line.find('\n') == line.size() - 1);
  close(ends[0]);
  close(ends[1]);
}
