// What several threads may do at once. Run under the thread sanitizer too.
#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "autograd/autograd.h"
#include "tests/expect_error.h"
#include "tests/on_threads.h"

using namespace ebb;
using test::on_threads;
using test::Threads;

TEST_CASE("parallel_for covers every index once, whatever the number of threads") {
  for (const int threads : {1, 2, 3, 4, 8}) {
    const Threads scope(threads);
    for (const std::int64_t count : {0, 1, 7, 64, 1000}) {
      std::vector<std::atomic<int>> hits(static_cast<std::size_t>(count));
      parallel_for(count, 13, [&](std::int64_t begin, std::int64_t end) {
        CHECK(begin % 13 == 0);
        for (auto i = begin; i < end; ++i) ++hits[static_cast<std::size_t>(i)];
      });
      for (auto& h : hits) CHECK(h == 1);
    }
  }
}

TEST_CASE("bug class 16: an exception in a piece reaches the caller, and the pool goes on") {
  const Threads scope(4);
  for (int k = 0; k < 20; ++k) {
    CHECK_THROWS_AS(parallel_for(20, 1,
                                 [&](std::int64_t i, std::int64_t) {
                                   if (i == k) throw std::runtime_error("piece");
                                 }),
                    std::runtime_error);
    std::atomic<int> done{0};
    parallel_for(20, 1, [&](std::int64_t, std::int64_t) { ++done; });
    CHECK(done == 20);
  }
}

TEST_CASE("nested loops run serially, and several callers at once") {
  const Threads scope(3);
  std::atomic<int> done{0};
  on_threads(4, [&](int) {
    for (int k = 0; k < 50; ++k)
      parallel_for(8, 1, [&](std::int64_t, std::int64_t) {
        const auto outer = std::this_thread::get_id();
        parallel_for(4, 1, [&](std::int64_t, std::int64_t) {
          CHECK(std::this_thread::get_id() == outer);
          ++done;
        });
      });
  });
  CHECK(done == 4 * 50 * 8 * 4);
}

TEST_CASE("the host's executor runs the pieces") {
  std::int64_t calls = 0;
  set_executor([&](std::int64_t count, const std::function<void(std::int64_t)>& task) {
    calls += count;
    for (std::int64_t i = count; i-- > 0;) task(i);
  });
  std::int64_t sum = 0;
  parallel_for(10, 3, [&](std::int64_t begin, std::int64_t end) { sum += end - begin; });
  CHECK(calls == 4);
  CHECK(sum == 10);
  CHECK_THROWS_AS(parallel_for(10, 3, [](std::int64_t, std::int64_t) { throw Error("host"); }), Error);
  set_executor({});
}

TEST_CASE("the number of threads") {
  CHECK_ERROR(set_num_threads(0), "set_num_threads: 0 given; it must be from 1 to 256");
  CHECK_ERROR(set_num_threads(257), "set_num_threads: 257 given; it must be from 1 to 256");
}

TEST_CASE("bug class 15: backward from several threads that share leaves") {
  const auto before = memory::stats().live_blocks;
  {
    auto w = ones({8}, {.dtype = float64, .requires_grad = true});
    on_threads(4, [&](int) {
      for (int k = 0; k < 50; ++k) sum(w * w * 0.5).backward();
    });
    CHECK(w.grad().to_vector<double>() == std::vector<double>(8, 200.0));
  }
  CHECK(memory::stats().live_blocks == before);
}

TEST_CASE("bug class 15: several threads differentiate one graph and free it") {
  for (int round = 0; round < 20; ++round) {
    auto x = ones({4}, {.dtype = float64, .requires_grad = true});
    auto y = x;
    for (int i = 0; i < 20; ++i) y = y * x;
    on_threads(3, [x, y](int) {
      auto g = grad(sum(y), x, {.retain_graph = true});
      CHECK(g.to_vector<double>()[0] == 21);
    });
  }
}

TEST_CASE("handles counted on one thread and dropped on another are freed") {
  const auto before = memory::stats().live_blocks;
  for (int round = 0; round < 50; ++round) {
    std::vector<Tensor> made(8);
    on_threads(2, [&](int t) {
      for (std::size_t i = 0; i < 4; ++i) made[static_cast<std::size_t>(t) * 4 + i] = ones({16});
    });
    auto copies = made;  // the makers have ended
    on_threads(2, [&](int t) {
      for (std::size_t i = 0; i < 4; ++i) {
        auto copy = copies[static_cast<std::size_t>(t) * 4 + i];
        copies[static_cast<std::size_t>(t) * 4 + i] = Tensor();
      }
    });
  }
  CHECK(memory::stats().live_blocks == before);
}

TEST_CASE("a living owner gets back what other threads drop") {
  auto first = ones({1});  // making a tensor empties the inbox
  const auto before = memory::stats().live_blocks;
  for (int round = 0; round < 50; ++round) {
    std::vector<Tensor> mine;
    for (int i = 0; i < 8; ++i) mine.push_back(ones({16}));
    std::thread other([moved = std::move(mine)]() mutable { moved.clear(); });
    auto busy = ones({4});
    for (int i = 0; i < 20; ++i) busy = busy + busy;
    other.join();
  }
  auto last = ones({1});
  CHECK(memory::stats().live_blocks == before + 1);  // `last`
}

TEST_CASE("threads that only make and threads that only free reach a steady state") {
  std::vector<Tensor> slots(64);
  const auto cycle = [&] {
    std::thread([&] {
      for (auto& s : slots) s = ones({5000}).hand_over();
    }).join();
    std::thread([&] {
      for (auto& s : slots) s = Tensor();
    }).join();
  };
  for (int i = 0; i < 5; ++i) cycle();
  const auto calls = memory::stats().system_calls;
  for (int i = 0; i < 20; ++i) cycle();
  CHECK(memory::stats().system_calls - calls <= 4);
}
