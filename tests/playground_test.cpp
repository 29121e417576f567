// The interactive playground, driven in a pseudo-terminal as a user would.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>

#include "tests/files.h"

namespace {

// The program in a terminal of 80 columns and 30 rows.
struct Session {
  int outside = -1, inside = -1;
  pid_t process = -1;
  termios before{};
  std::string seen = {};
  TempFolder folder = {};

  Session() {
    const winsize size{.ws_row = 30, .ws_col = 80, .ws_xpixel = 0, .ws_ypixel = 0};
    REQUIRE(openpty(&outside, &inside, nullptr, nullptr, &size) == 0);
    REQUIRE(tcgetattr(inside, &before) == 0);
    const std::string out = folder / "out";
    process = fork();
    REQUIRE(process >= 0);
    if (process == 0) {
      login_tty(inside);
      close(outside);
      execl(EBB_PLAYGROUND, "playground", "--interactive", "--threads", "1", "--out", out.c_str(), nullptr);
      _exit(127);
    }
  }
  ~Session() {
    if (process > 0) {
      kill(process, SIGKILL);
      waitpid(process, nullptr, 0);
    }
    close(outside);
    close(inside);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void press(const std::string& keys) const {
    REQUIRE(write(outside, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
  }
  // Reads on; false at the end of what there is, or after a minute of silence.
  bool read_more() {
    pollfd screen{outside, POLLIN, 0};
    std::array<char, 1 << 14> buffer;
    if (poll(&screen, 1, 60'000) <= 0) return false;
    const ssize_t n = read(outside, buffer.data(), buffer.size());
    if (n > 0) seen.append(buffer.data(), static_cast<std::size_t>(n));
    return n > 0;
  }
  // What is written from here on comes to hold the text.
  void expect(const std::string& text) {
    CAPTURE(text);
    while (seen.find(text) == std::string::npos) REQUIRE(read_more());
    seen.erase(0, seen.find(text) + text.size());
  }
  // The program ends, the terminal being as it was: what waitpid() says of it.
  int end() {
    expect("\033[?1049l");
    CHECK(seen.find("\033[0m\033[?25h") == std::string::npos);
    int status = -1;
    REQUIRE(waitpid(process, &status, 0) == process);
    process = -1;
    termios after{};
    REQUIRE(tcgetattr(inside, &after) == 0);
    CHECK(after.c_lflag == before.c_lflag);
    CHECK(after.c_iflag == before.c_iflag);
    CHECK(after.c_oflag == before.c_oflag);
    return status;
  }
};

bool exited_with(int status, int code) { return WIFEXITED(status) && WEXITSTATUS(status) == code; }

}  // namespace

TEST_CASE("it draws, answers keys and ends") {
  Session session;
  session.expect("\033[?1049h\033[?25l");
  session.expect("\033[38;2;");
  session.expect("▀");
  session.expect("circle, x1 x2, layers 8-8, tanh, rate 0.01");
  session.press("d");
  session.expect("xor, x1 x2, layers 8-8");
  session.press("l");
  session.expect("layers 8-8-8, tanh");
  session.press("a");
  session.expect("layers 8-8-8, relu");
  session.press("f");
  session.expect("x1 x2 x1x2, layers");
  session.press("n");
  session.expect("noise 0.1");
  session.press("r");
  session.expect("L1 0.003");
  session.press("+");
  session.expect("rate 0.02");
  session.press(" ");
  session.expect("paused, epoch ");
  session.press("x \033[A?");  // unknown keys, and on again
  session.expect("\r\nepoch ");
  session.press("q");
  CHECK(exited_with(session.end(), 0));
}

TEST_CASE("it learns") {
  Session session;
  session.expect("epoch 1");
  std::string loss;
  do {
    session.expect("test loss ");
    session.expect("0.");
    while (session.seen.size() < 4) REQUIRE(session.read_more());
    loss = session.seen.substr(0, 2);
  } while (loss != "00");  // below 0.01
  session.press("\004");
  CHECK(exited_with(session.end(), 0));
}

TEST_CASE("Ctrl-C and signals leave the terminal as it was") {
  for (const int signal : {0, SIGINT, SIGTERM, SIGHUP}) {
    CAPTURE(signal);
    Session session;
    session.expect("epoch ");
    if (signal == 0) session.press("\003");
    else kill(session.process, signal);
    CHECK(exited_with(session.end(), 130));
  }
}

TEST_CASE("without a terminal it refuses") {
  const TempFolder folder;
  const std::string words = folder / "words";
  const std::string command = std::string(EBB_PLAYGROUND) + " --interactive --out " + (folder / "out") +
                              " < /dev/null > " + words + " 2>&1";
  CHECK(exited_with(std::system(command.c_str()), 1));
  CHECK(read_file(words) ==
        "playground: --interactive needs a terminal for input and output; left out, there is a page to look at\n");
}
