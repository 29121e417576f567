// One line that shows how far a loop is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ebb::io {

struct ProgressOptions {
  std::int64_t done = 0;          // steps that an earlier run has made
  std::string unit = "examples";  // what step() counts
  int file = 1;                   // file descriptor: standard output
};

// On a terminal a bar that moves, as wide as the window allows; in a pipe or a file only the lines of finish(). A loop that
// ends early, by an exception or a break, leaves the line empty.
//
//   epoch 3/5 ━━━━━━━━━━━━──────── 562/938  41,200 images/s  loss 0.0312  0:07 left
//
//   io::Progress progress("epoch 3/5", loader.size(), {.unit = "images"});
//   for (…) progress.step(64, "loss 0.0312");
//   progress.finish("test error 0.71 %");
class Progress {
 public:
  Progress(std::string label, std::int64_t steps, ProgressOptions options = {});
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // One step is done, of `count` units. The note is shown until the next one.
  void step(std::int64_t count = 1, std::string_view note = {});
  // Ends the line with what the loop has come to: "epoch 3/5  41,200 images/s  test error 0.71 %  1.8 s".
  void finish(std::string_view result = {});

 private:
  double seconds() const;
  std::string rate() const;
  void draw(std::string_view note);
  void put(std::string_view text) const;

  std::string label_;
  ProgressOptions options_;
  std::int64_t steps_, done_, count_ = 0;
  double began_, drawn_ = 0;
  bool terminal_, open_ = false;
};

}  // namespace ebb::io
