// Where the time and the memory of a thread's operations go.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "autograd/observer.h"

namespace ebb {

// While one lives, notes every operation of its thread and every gradient, with the time taken and the memory in use.
// Kernels run to their end before an operation is done, on however many threads, so the times are what the program waits.
// An entry costs some 100 ns; without a Profile nothing of this costs anything.
//
//   Profile profile;
//   train_step();
//   std::cout << profile.table();
//   std::ofstream("step.json") << profile.chrome_trace();   // open it in https://ui.perfetto.dev or chrome://tracing
class Profile final : private detail::Observer {
 public:
  Profile();

  // Of all calls of one operation. Operations that run within a gradient count as that gradient's time.
  struct Row {
    std::string name;
    std::int64_t calls = 0, gradients = 0;
    double forward_ms = 0, backward_ms = 0;
    std::int64_t bytes = 0;  // in use after the calls and not before: outputs, and what is saved for backward
  };
  std::vector<Row> rows() const;  // the costliest first
  // The same as text, with a line of sums and the most memory that was in use after any operation.
  std::string table() const;
  // Everything, one inside another, and the memory in use as a curve: in Chrome's trace event format.
  std::string chrome_trace() const;

 private:
  void begin(detail::Phase phase, std::string_view name) override;
  void end() override;

  struct Event {
    std::string name;
    detail::Phase phase;
    bool inner;             // within a gradient
    std::int64_t from, to;  // nanoseconds of a steady clock
    std::int64_t bytes_before, bytes_after;
  };
  std::int64_t start_;
  std::vector<Event> events_;
  std::vector<std::size_t> running_;
};

}  // namespace ebb
