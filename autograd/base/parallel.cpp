#include "autograd/base/parallel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "autograd/base/fail.h"
#include "autograd/base/fork.h"
#include "autograd/base/memory.h"

#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ebb {
namespace {

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

int cores() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

thread_local bool inside = false;  // this thread is running a piece

struct Inside {
  Inside() { inside = true; }
  ~Inside() { inside = false; }
};

// One loop: threads take piece numbers until none is left.
struct Job {
  std::int64_t count = 0;
  detail::Chunk chunk = nullptr;
  void* context = nullptr;
  alignas(64) std::atomic<std::int64_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error;

  void work() {
    const Inside guard;
    for (std::int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count;) {
      try {
        chunk(context, i);
      } catch (...) {
        if (!failed.exchange(true)) error = std::current_exception();
      }
    }
  }
};

// Note [Spin, then park]: a worker that has just finished waits for the next loop by spinning, because in a
// training step it comes within microseconds; after kSpin without work it sleeps on `generation_`. A loop
// never waits for a worker to wake up: a worker first counts itself in, then looks whether a job is open; the
// caller first closes the job, then waits until nobody is counted in. One of the two sees the other.
class Pool {
 public:
  explicit Pool(int threads) {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { serve(); });
    while (ready_.load() < threads - 1) std::this_thread::yield();
  }
  ~Pool() {
    stop_ = true;
    announce();
    for (auto& worker : workers_) worker.join();
  }

  void run(std::int64_t count, detail::Chunk chunk, void* context) {
    Job job;
    job.count = count;
    job.chunk = chunk;
    job.context = context;
    open_ = &job;
    announce();
    job.work();
    open_ = nullptr;
    while (busy_.load() > 0) relax();
    if (job.error) std::rethrow_exception(job.error);
  }

 private:
  static constexpr auto kSpin = std::chrono::microseconds(200);

  void announce() {
    generation_.fetch_add(1);
    if (parked_.load() > 0) generation_.notify_all();
  }

  void serve() {
    memory::begin_thread();
    ready_.fetch_add(1);
    for (std::uint32_t seen = 0; !stop_;) {
      wait_for_work(seen);
      seen = generation_.load();
      busy_.fetch_add(1);
      if (Job* job = open_.load()) job->work();
      busy_.fetch_sub(1);
    }
  }

  void wait_for_work(std::uint32_t seen) {
    const auto deadline = std::chrono::steady_clock::now() + kSpin;
    while (generation_.load(std::memory_order_acquire) == seen) {
      for (int i = 0; i < 64 && generation_.load(std::memory_order_acquire) == seen; ++i) relax();
      if (std::chrono::steady_clock::now() < deadline) continue;
      parked_.fetch_add(1);
      generation_.wait(seen);
      parked_.fetch_sub(1);
    }
  }

  std::atomic<bool> stop_{false};
  std::atomic<int> parked_{0}, ready_{0};
  alignas(64) std::atomic<std::uint32_t> generation_{0};
  std::atomic<Job*> open_{nullptr};
  alignas(64) std::atomic<int> busy_{0};
  std::vector<std::thread> workers_;  // last: they use the rest
};

// Settings and the pool itself. locks.loops admits one loop at a time: a second caller runs its loop alone rather
// than wait, which gives the same bits.
struct State {
  std::unique_ptr<Pool> pool;
  Executor executor;
  std::atomic<int> threads{cores()};
  std::atomic<bool> hosted{false};
};

State& state() {
  static State s;
  return s;
}

void run_on(const Executor& executor, std::int64_t count, detail::Chunk chunk, void* context) {
  std::atomic<bool> failed{false};
  std::exception_ptr error;
  executor(count, [&](std::int64_t i) {
    const bool nested = std::exchange(inside, true);
    try {
      chunk(context, i);
    } catch (...) {
      if (!failed.exchange(true)) error = std::current_exception();
    }
    inside = nested;
  });
  if (error) std::rethrow_exception(error);
}

}  // namespace

int num_threads() { return state().threads; }

void set_num_threads(int count) {
  if (count < 1 || count > 256) fail("set_num_threads: {} given; it must be from 1 to 256", count);
  auto& s = state();
  const std::lock_guard lock(detail::locks.loops);
  s.threads = count;
  s.pool.reset();
}

void set_executor(Executor executor) {
  auto& s = state();
  const std::lock_guard lock(detail::locks.loops);
  s.executor = std::move(executor);
  s.hosted = static_cast<bool>(s.executor);
}

namespace detail {

bool inside_loop() { return inside; }

void forget_pool() { abandon(state().pool); }

bool worth_threads() { return !inside && (state().threads > 1 || state().hosted); }

void run_chunks(std::int64_t count, Chunk chunk, void* context) {
  auto& s = state();
  if (const std::unique_lock lock(locks.loops, std::try_to_lock); lock) {
    if (s.executor) return run_on(s.executor, count, chunk, context);
    if (!s.pool) s.pool = std::make_unique<Pool>(s.threads);
    return s.pool->run(count, chunk, context);
  }
  const Inside guard;
  for (std::int64_t i = 0; i < count; ++i) chunk(context, i);
}

}  // namespace detail
}  // namespace ebb
