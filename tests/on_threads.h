// Several threads at once.
#pragma once

#include <thread>
#include <vector>

#include "autograd/base/parallel.h"

namespace ebb::test {

// f(0) … f(count - 1), each on a thread of its own.
void on_threads(int count, auto f) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(f, i);
  for (auto& t : threads) t.join();
}

// So many threads for loops, as long as it lives.
struct Threads {
  int before = num_threads();
  explicit Threads(int count) { set_num_threads(count); }
  ~Threads() { set_num_threads(before); }
};

}  // namespace ebb::test
