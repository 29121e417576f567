// What the training examples share: their options, a progress bar, and a clean stop on Ctrl-C.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <string>

namespace support {

struct Options {
  std::uint64_t seed = 0;
  int threads = 0;  // 0: all cores
  std::int64_t epochs = 5;
  bool quick = false;
  bool resume = false;
  std::int64_t interrupt = 0;  // 0: never
  std::string data = "data/mnist", out = "runs/lenet5";
};

// Reads the command line into `options`; on --help or a mistake prints and ends the program.
inline void parse(int argc, char** argv, const std::string& about, Options& options) {
  CLI::App app(about);
  app.add_option("--seed", options.seed, "of initialisation, order and dropout")->capture_default_str();
  app.add_option("--threads", options.threads, "0: all cores")->capture_default_str();
  app.add_option("--epochs", options.epochs, "passes over the training set")->capture_default_str();
  app.add_flag("--quick", options.quick, "a short run, to see that it works");
  app.add_flag("--resume", options.resume, "continue from the checkpoint in --out");
  app.add_option("--interrupt", options.interrupt, "press Ctrl-C in this step, to see that --resume continues");
  app.add_option("--data", options.data, "folder of the data set")->capture_default_str();
  app.add_option("--out", options.out, "folder for results")->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) { std::exit(app.exit(e)); }
}

// From here on Ctrl-C makes interrupted() true; a second one ends the program at once.
inline volatile std::sig_atomic_t signalled = 0;
inline void stop_on_interrupt() {
  std::signal(SIGINT, [](int) {
    signalled = 1;
    std::signal(SIGINT, SIG_DFL);
  });
}
inline bool interrupted(std::int64_t step, const Options& options) {
  if (step == options.interrupt) std::raise(SIGINT);
  return signalled != 0;
}

inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// One line per epoch: a bar that moves on a terminal, the finished line elsewhere.
//
//   epoch 3/5 ━━━━━━━━━━━━──────── 562/938  41,200 images/s  loss 0.0312  0:07 left
class Progress {
 public:
  Progress(std::string label, std::int64_t steps, std::int64_t done = 0)
      : label_(std::move(label)), steps_(steps), first_(done), done_(done) {}

  void step(std::int64_t images, double loss) {
    ++done_;
    images_ += images;
    loss_ = loss_ == 0 ? loss : 0.98 * loss_ + 0.02 * loss;
    if (terminal_ && (now() - drawn_ > 0.1 || done_ == steps_)) draw();
  }
  // Ends the line with what the epoch has come to.
  void finish(const std::string& result) {
    if (terminal_) fmt::print("\r\033[K");
    fmt::print("{}  {:.0f} images/s  {}  {:.1f} s\n", label_, rate(), result, now() - began_);
    std::fflush(stdout);
  }

 private:
  double rate() const { return static_cast<double>(images_) / (now() - began_); }

  void draw() {
    drawn_ = now();
    constexpr std::int64_t kWidth = 24;
    const std::int64_t filled = kWidth * done_ / steps_;
    std::string bar;
    for (std::int64_t i = 0; i < kWidth; ++i) bar += i < filled ? "━" : "─";
    const double left =
        (drawn_ - began_) / static_cast<double>(done_ - first_) * static_cast<double>(steps_ - done_);
    fmt::print("\r{} {} {}/{}  {:.0f} images/s  loss {:.4f}  {}:{:02} left\033[K", label_, bar, done_, steps_,
               rate(), loss_, static_cast<int>(left) / 60, static_cast<int>(left) % 60);
    std::fflush(stdout);
  }

  std::string label_;
  std::int64_t steps_, first_, done_, images_ = 0;
  double loss_ = 0, began_ = now(), drawn_ = 0;
  bool terminal_ = isatty(STDOUT_FILENO) != 0;
};

}  // namespace support
