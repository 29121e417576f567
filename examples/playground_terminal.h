// The playground in a terminal of 24-bit colours: the plane in half blocks as the network learns, and keys.
#pragma once

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <tuple>

#include "playground.h"

namespace playground {

// The screen and keyboard while one lives; afterwards the terminal is as it was. Ctrl-C and its like are keys, and the
// signals that end a program end the loop instead.
class Screen {
 public:
  Screen() {
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before_) != 0)
      throw Error("--interactive needs a terminal for input and output; left out, there is a page to look at");
    for (const int s : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) std::signal(s, [](int) { support::signalled = 1; });
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG | IEXTEN);
    raw.c_iflag &= ~static_cast<tcflag_t>(IXON | ICRNL);
    raw.c_cc[VMIN] = raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    put("\033[?1049h\033[?25l\033[2J");  // another screen, no cursor
  }
  ~Screen() {
    put("\033[0m\033[?25h\033[?1049l");
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  // The next key, after at most so many milliseconds; 0 if there is none, q if there will never be one.
  static char key(int milliseconds) {
    pollfd keyboard{STDIN_FILENO, POLLIN, 0};
    char c = 0;
    if (poll(&keyboard, 1, milliseconds) <= 0) return 0;
    return read(STDIN_FILENO, &c, 1) == 1 ? c : 'q';
  }
  static void put(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = write(STDOUT_FILENO, text.data(), text.size());
      if (n < 0 && errno != EINTR) return;
      text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    }
  }
  static winsize size() {
    winsize size{};
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size : winsize{24, 80, 0, 0};
  }

 private:
  termios before_{};
};

// Orange for -1, white for 0, blue for 1, as in the original; points darker.
inline std::array<int, 3> colour(double value, double strength) {
  const std::array<int, 3> end = value < 0 ? std::array{245, 147, 34} : std::array{8, 119, 189};
  std::array<int, 3> mixed;
  for (std::size_t i = 0; i < 3; ++i)
    mixed[i] = static_cast<int>(strength * (240 + (end[i] - 240) * std::min(1.0, std::abs(value))));
  return mixed;
}

// `rows` lines of half blocks: the upper pixel is the letter's colour, the lower one its background's.
inline std::string picture(const Run& run, int rows) {
  const int n = 2 * rows;
  auto value = run.field(n, n).to_vector<double>();
  std::vector<double> strength(value.size(), 0.85);
  const auto [points, classes] = run.half(0);
  const auto at = clamp((points * tensor({1., -1.}) + 6) * (n / 12.), 0, n - 1).to_vector<int>();
  for (std::size_t i = 0; i < at.size(); i += 2) {
    const auto k = static_cast<std::size_t>(at[i + 1] * n + at[i]);
    value[k] = classes[static_cast<std::int64_t>(i / 2)].item();
    strength[k] = 0.55;
  }
  std::string text;
  for (int row = 0; row < n; row += 2, text += "\033[0m\033[K\r\n")
    for (int column = 0; column < n; ++column) {
      const auto upper = static_cast<std::size_t>(row * n + column), lower = upper + static_cast<std::size_t>(n);
      text += fmt::format("\033[38;2;{};48;2;{}m▀", fmt::join(colour(value[upper], strength[upper]), ";"),
                          fmt::join(colour(value[lower], strength[lower]), ";"));
    }
  return text;
}

inline std::string frame(const Run& run, bool paused) {
  const winsize size = Screen::size();
  const Settings& s = run.settings();
  const int rows = std::min({size.ws_row - 4, size.ws_col / 2, 40});
  std::string text = "\033[H" + (rows > 0 ? picture(run, rows) : "");
  const char* end = "";
  for (const std::string& line :
       {fmt::format("{}epoch {}  training loss {:.4f}  test loss {:.4f}", paused ? "paused, " : "", run.epoch(),
                    run.training_loss(), run.test_loss()),
        describe(s) + fmt::format(", rate {:.3g}", s.rate),
        std::string("space pause  d data  n noise  f features  l layers  a activation"),
        std::string("< > speed  + - rate  r regularisation  s start anew  q quit")})
    text += std::exchange(end, "\r\n") + line.substr(0, size.ws_col) + "\033[K";
  return text + "\033[J";
}

// The one after `now`, the first after the last.
template <class T>
T next_of(const std::vector<T>& choices, const T& now) {
  const auto found = std::ranges::find(choices, now);
  return found == choices.end() || found + 1 == choices.end() ? choices.front() : *(found + 1);
}

// Whether the key changes the settings so that a new network is needed.
inline bool press(char key, Settings& s) {
  static const std::vector<std::vector<std::string>> fed{
      {"x1", "x2"}, {"x1", "x2", "x1x2"}, {"x1^2", "x2^2"}, kFeatures};
  if (key == 'd')
    s.set = static_cast<data::PlaneSet>((static_cast<std::size_t>(s.set) + 1) % data::kPlaneSets.size());
  else if (key == 'n') s.noise = next_of({0.0, 0.1, 0.25, 0.5}, s.noise);
  else if (key == 'f') s.features = next_of(fed, s.features);
  else if (key == 'l') s.layers = next_of({{8, 8}, {8, 8, 8}, {}, {2}, {4}, {8}, {4, 2}}, s.layers);
  else if (key == 'a') s.activation = next_of(kActivations, s.activation);
  else if (key == 'r') std::tie(s.l1, s.l2) = next_of({{0, 0}, {0.003, 0}, {0, 0.01}}, std::pair(s.l1, s.l2));
  else return key == 's';
  return true;
}

inline int play_in_terminal(Settings settings) {
  const Screen screen;
  auto run = std::make_unique<Run>(settings);
  std::int64_t speed = 4;  // epochs between two pictures
  for (bool paused = false; !support::interrupted();) {
    if (!paused) run->learn(speed);
    Screen::put(frame(*run, paused));
    for (char key = Screen::key(40); key != 0; key = Screen::key(0)) {
      if (key == 'q' || key == 4) return 0;  // Ctrl-D
      if (key == 3) return 130;              // Ctrl-C
      if (key == ' ') paused = !paused;
      if (key == '+' || key == '-') run->set_rate(settings.rate *= key == '+' ? 2 : 0.5);
      if (key == '<' || key == '>') speed = std::clamp<std::int64_t>(key == '>' ? 2 * speed : speed / 2, 1, 1024);
      if (press(key, settings)) run = std::make_unique<Run>(settings);
    }
  }
  return 130;
}

}  // namespace playground
