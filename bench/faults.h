// Page faults per iteration, as a counter: what a program that gives memory back and asks for it again pays.
#pragma once

#include <benchmark/benchmark.h>
#include <sys/resource.h>

namespace ebb::bench {

class Faults {
 public:
  explicit Faults(benchmark::State& state) : state_(state), before_(now()) {}
  Faults(const Faults&) = delete;
  Faults& operator=(const Faults&) = delete;
  ~Faults() {
    state_.counters["faults"] = static_cast<double>(now() - before_) / static_cast<double>(state_.iterations());
  }

 private:
  static long now() {
    rusage use{};
    getrusage(RUSAGE_SELF, &use);
    return use.ru_minflt;
  }

  benchmark::State& state_;
  long before_;
};

}  // namespace ebb::bench
