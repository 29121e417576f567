#include "autograd/base/memory.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "autograd/base/fail.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif
#if defined(__SANITIZE_ADDRESS__)
#define EBB_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EBB_ASAN 1
#endif
#endif
#if defined(EBB_ASAN)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

namespace ebb::memory {
namespace {

// Note [Size classes]: up to 1 KB multiples of 64 bytes; above, eight steps per doubling, so that at most an
// eighth is wasted. Classes up to 32 KB live in per-thread lists that exchange batches with a common list, so
// a thread that only allocates and one that only frees reach a steady state; larger blocks are in common
// lists alone, where a lock costs nothing beside the work they are for.
constexpr std::size_t kStep = 64, kSmall = 1024, kLocal = 32 * 1024, kHuge = std::size_t{4} << 20;
constexpr std::size_t kSmallClasses = kSmall / kStep;
constexpr std::size_t kClasses = kSmallClasses + 8 * 48;
constexpr std::size_t kLocalClasses = kSmallClasses + 8 * 5;

constexpr std::size_t class_of(std::size_t bytes) {
  if (bytes <= kSmall) return bytes == 0 ? 0 : (bytes - 1) / kStep;
  const auto power = static_cast<std::size_t>(std::bit_width(bytes - 1) - 1);  // 2^power < bytes <= 2^(power + 1)
  const std::size_t step = (bytes - 1 - (std::size_t{1} << power)) >> (power - 3);
  return kSmallClasses + 8 * (power - 10) + step;
}

constexpr std::size_t size_of_class(std::size_t c) {
  if (c < kSmallClasses) return (c + 1) * kStep;
  const std::size_t power = (c - kSmallClasses) / 8 + 10, step = (c - kSmallClasses) % 8;
  return (std::size_t{1} << power) + ((step + 1) << (power - 3));
}
static_assert(size_of_class(class_of(1024)) == 1024 && size_of_class(class_of(1025)) == 1152);
static_assert(size_of_class(class_of(2048)) == 2048 && size_of_class(class_of(kLocal)) == kLocal);
static_assert(class_of(kLocal) + 1 == kLocalClasses);

struct Free {
  Free* next;
};

struct List {
  Free* head = nullptr;
  std::int64_t count = 0;

  void push(void* block) {
    head = new (block) Free{head};
    ++count;
  }
  void* pop() {
    Free* block = head;
    if (block == nullptr) return nullptr;
    head = block->next;
    --count;
    return block;
  }
};

// A block asked from the system. Huge ones are aligned so that the system can back them with huge pages.
void* from_system(std::size_t bytes) {
  const std::size_t alignment = bytes >= kHuge ? std::size_t{2} << 20 : kStep;
  const std::size_t padded = (bytes + alignment - 1) / alignment * alignment;
  void* block = std::aligned_alloc(alignment, padded);
  if (block == nullptr) fail("allocate: the system has no memory left for {} bytes", bytes);
#if defined(__linux__)
  if (bytes >= kHuge) madvise(block, padded, MADV_HUGEPAGE);
#endif
  return block;
}

// What all threads share.
struct Common {
  std::mutex mutex;
  std::array<List, kClasses> lists;
  std::int64_t cached_bytes = 0;
  std::int64_t large_live = 0, large_peak = 0;
  struct ThreadCache* threads = nullptr;                    // alive ones, for the counters
  std::int64_t live_bytes = 0, live_blocks = 0, calls = 0;  // of threads that have ended
  std::atomic<std::int64_t> system_calls{0};
};

Common& common() {
  static auto* c = new Common;  // never destroyed: blocks are released during static destruction too
  return *c;
}

using Counter = std::atomic<std::int64_t>;  // written by one thread, read by stats(): plain loads and stores
void bump(Counter& counter, std::int64_t by) {
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

struct ThreadCache {
  std::array<List, kLocalClasses> lists;
  Counter live_bytes{0}, live_blocks{0}, calls{0};
  ThreadCache *next = nullptr, *previous = nullptr;

  ThreadCache() {
    auto& c = common();
    const std::lock_guard lock(c.mutex);
    next = c.threads;
    if (next) next->previous = this;
    c.threads = this;
  }
  ~ThreadCache() {
    auto& c = common();
    const std::lock_guard lock(c.mutex);
    for (std::size_t k = 0; k < kLocalClasses; ++k)
      while (void* block = lists[k].pop()) c.lists[k].push(block);
    c.live_bytes += live_bytes;
    c.live_blocks += live_blocks;
    c.calls += calls;
    (previous ? previous->next : c.threads) = next;
    if (next) next->previous = previous;
  }

  static std::int64_t batch(std::size_t k) {
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(kLocal / size_of_class(k)), 2, 64);
  }

  void* take(std::size_t k) {
    if (void* block = lists[k].pop()) return block;
    refill(k);
    return lists[k].pop();
  }

  // Small classes carve a slab; the others ask for one block.
  void refill(std::size_t k) {
    auto& c = common();
    {
      const std::lock_guard lock(c.mutex);
      for (std::int64_t i = batch(k); i > 0; --i) {
        void* block = c.lists[k].pop();
        if (block == nullptr) break;
        lists[k].push(block);
      }
    }
    if (lists[k].head) return;
    c.system_calls.fetch_add(1, std::memory_order_relaxed);
    const std::size_t size = size_of_class(k);
    if (k >= kSmallClasses) return lists[k].push(from_system(size));
    const std::size_t slab = 64 * kSmall;
    auto* bytes = static_cast<char*>(from_system(slab));
    for (std::size_t at = slab / size * size; at > 0; at -= size) lists[k].push(bytes + at - size);
  }

  void give(std::size_t k, void* block) {
    lists[k].push(block);
    if (lists[k].count <= 4 * batch(k)) return;
    auto& c = common();
    const std::lock_guard lock(c.mutex);
    for (std::int64_t i = 2 * batch(k); i > 0; --i) c.lists[k].push(lists[k].pop());
  }
};

// Note [Ends of threads]: objects may be released after this thread's cache is gone (other thread_local
// destructors run later): then the blocks go to the common lists directly.
thread_local bool ended = false;
struct Owner {
  ThreadCache cache;
  ~Owner() { ended = true; }
};

ThreadCache* cache() {
  if (ended) return nullptr;
  static thread_local Owner owner;
  return &owner.cache;
}

void* take_common(std::size_t k, bool counted) {
  auto& c = common();
  const auto size = static_cast<std::int64_t>(size_of_class(k));
  {
    const std::lock_guard lock(c.mutex);
    if (counted) c.large_peak = std::max(c.large_peak, c.large_live += size);
    if (void* block = c.lists[k].pop()) {
      if (counted) c.cached_bytes -= size;
      return block;
    }
  }
  c.system_calls.fetch_add(1, std::memory_order_relaxed);
  try {
    return from_system(size_of_class(k));
  } catch (...) {
    const std::lock_guard lock(c.mutex);
    if (counted) c.large_live -= size;
    throw;
  }
}

}  // namespace

void* allocate(std::size_t bytes) {
  const std::size_t k = class_of(bytes);
  if (k >= kClasses) fail("allocate: {} bytes cannot be addressed", bytes);
  ThreadCache* mine = cache();
  void* block = k < kLocalClasses && mine ? mine->take(k) : take_common(k, k >= kLocalClasses);
  if (mine) {
    bump(mine->live_bytes, static_cast<std::int64_t>(size_of_class(k)));
    bump(mine->live_blocks, 1);
    bump(mine->calls, 1);
  }
  ASAN_UNPOISON_MEMORY_REGION(block, size_of_class(k));
  return block;
}

void release(void* block, std::size_t bytes) noexcept {
  const std::size_t k = class_of(bytes);
  const auto size = static_cast<std::int64_t>(size_of_class(k));
  ASAN_POISON_MEMORY_REGION(static_cast<char*>(block) + sizeof(Free), size_of_class(k) - sizeof(Free));
  ThreadCache* mine = cache();
  if (mine) {
    bump(mine->live_bytes, -size);
    bump(mine->live_blocks, -1);
    if (k < kLocalClasses) return mine->give(k, block);
  }
  auto& c = common();
  const std::lock_guard lock(c.mutex);
  c.lists[k].push(block);
  if (mine == nullptr) {
    c.live_bytes -= size;
    c.live_blocks -= 1;
  }
  if (k < kLocalClasses) return;
  c.cached_bytes += size;
  c.large_live -= size;
}

Stats stats() {
  auto& c = common();
  const std::lock_guard lock(c.mutex);
  Stats s{.live_bytes = c.live_bytes,
          .live_blocks = c.live_blocks,
          .cached_bytes = c.cached_bytes,
          .allocations = c.calls,
          .system_calls = c.system_calls};
  for (auto* t = c.threads; t != nullptr; t = t->next) {
    s.live_bytes += t->live_bytes;
    s.live_blocks += t->live_blocks;
    s.allocations += t->calls;
  }
  s.peak_bytes = c.large_peak + (s.live_bytes - c.large_live);
  return s;
}

void reset_peak() {
  auto& c = common();
  const std::lock_guard lock(c.mutex);
  c.large_peak = c.large_live;
}

void trim() {
  auto& c = common();
  const std::lock_guard lock(c.mutex);
  for (std::size_t k = kLocalClasses; k < kClasses; ++k) {
    while (void* block = c.lists[k].pop()) {
      ASAN_UNPOISON_MEMORY_REGION(block, size_of_class(k));
      std::free(block);
    }
  }
  c.cached_bytes = 0;
}

}  // namespace ebb::memory
