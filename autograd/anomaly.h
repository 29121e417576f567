// Finds where the first NaN or infinity comes from.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "autograd/observer.h"

namespace ebb {

// A line of the program: std::source_location, which clang 14 lacks.
struct SourceLine {
  const char* file;
  unsigned line;
  static constexpr SourceLine current(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    return {file, line};
  }
};

// Marks a line: an Anomaly names the latest one that its thread has passed. The second form stands around what a line
// computes.
//
//   x = here(relu(fc1(x)));
void here(SourceLine line = SourceLine::current());
Tensor here(Tensor x, SourceLine line = SourceLine::current());

struct AnomalyOptions {
  bool infinity = true;  // false: infinities are meant (masks), only NaN is not
};

// While one lives, every operation of its thread is looked at, forward and backward: one whose result has a NaN or an
// infinity that none of its inputs has is an Error at once. It names the operation, the place and value of the first
// such element, shapes, dtypes and ranges of the inputs, the line that here() marked, and in a gradient the operation whose
// gradient it is, with the line where that one ran. A NaN that comes in from outside is an Error that says so.
//
//   const Anomaly anomaly;
//   loss(net(x), y).backward();
//   // log: element [1, 0] of the output, float32 [2, 3], is -inf; input 0 is float32 [2, 3] from 0 to 0.9; model.cpp:41
//
// Every element is read; without an Anomaly nothing of this costs anything.
class Anomaly final : private detail::Observer {
 public:
  explicit Anomaly(const AnomalyOptions& options = {});
  ~Anomaly() override;

 private:
  void begin(detail::Phase phase, std::string_view name) override;
  void done_forward(std::string_view name, std::span<const Tensor> inputs,
                    std::span<const Tensor> outputs) override;
  void done_backward(const Node& node, std::span<const Tensor> gradients, std::span<const Tensor> sums) override;
  void end() override;
  std::string place() const;

  struct Trace;
  AnomalyOptions options_;
  std::unique_ptr<Trace> trace_;
};

}  // namespace ebb
