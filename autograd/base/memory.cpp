#include "autograd/base/memory.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "autograd/base/fail.h"
#include "autograd/base/fork.h"
#include "autograd/base/parallel.h"

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
  if (bytes <= kSmall) [[likely]]
    return (bytes - (bytes != 0)) / kStep;
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

// Note [Loops borrow]: which thread runs which piece of a loop differs from run to run, so a thread may need a kernel's
// working memory in the thousandth step for the first time, when the step must not call malloc. Within loops working
// memory therefore comes from lists of its own that all threads share, and as soon as one thread holds n blocks of a
// class, there are n for every thread of the loop.
struct Lent {
  List free;
  std::int64_t blocks = 0;  // free or not
};

// What all threads share, under locks.memory.
struct Common {
  std::array<List, kClasses> lists;
  std::array<Lent, kClasses> lent;
  std::int64_t cached_bytes = 0;
  std::int64_t large_live = 0, large_peak = 0;
  struct ThreadCache* threads = nullptr;  // alive ones, for the counters
  Stats ended;                            // what the others had counted
  std::atomic<std::int64_t> system_calls{0};

  // Memory for a slab, cut from a huge block: nodes and small tensors by the million then need few pages.
  void* carve(std::size_t bytes) {
    const std::lock_guard lock(detail::locks.memory);
    if (slab_end - slab_at < static_cast<std::ptrdiff_t>(bytes)) {
      slab_at = static_cast<char*>(from_system(kHuge));
      slab_end = slab_at + kHuge;
    }
    return std::exchange(slab_at, slab_at + bytes);
  }
  char *slab_at = nullptr, *slab_end = nullptr;
};

Common& common() {
  static auto* c = new Common;  // never destroyed: blocks are released during static destruction too
  return *c;
}

// A number that its own thread changes and stats() reads: plain instructions, no data race.
class Counter {
 public:
  void operator+=(std::int64_t by) { value_.store(*this + by, std::memory_order_relaxed); }
  operator std::int64_t() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

// One thread's free blocks of one class. `room` is how many more it may keep; it grows when a block is taken
// and shrinks when one is given, so that together with `moved`, what went to and came from elsewhere, it also
// counts the blocks handed out: one number serves both.
struct LocalList {
  Free* head = nullptr;
  Counter room, taken, moved;

  void put(void* block) { head = new (block) Free{head}; }
  void* get() {
    Free* block = head;
    head = block->next;
    return block;
  }
  std::int64_t live() const { return room + moved; }
};

// How many blocks of a class move between a thread and the common lists at a time.
constexpr std::int64_t batch(std::size_t k) {
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(kLocal / size_of_class(k)), 2, 64);
}

struct ThreadCache {
  std::array<LocalList, kLocalClasses> lists;
  Counter large_blocks, large_bytes, large_calls;
  ThreadCache *next = nullptr, *previous = nullptr;

  ThreadCache() {
    constexpr std::size_t kKept = 1 << 20;  // bytes of each class: a graph of a few thousand operations
    for (std::size_t k = 0; k < kLocalClasses; ++k)
      move(k, std::min<std::int64_t>(4096, static_cast<std::int64_t>(kKept / size_of_class(k))));
    auto& c = common();
    const std::lock_guard lock(detail::locks.memory);
    next = c.threads;
    if (next) next->previous = this;
    c.threads = this;
  }
  ~ThreadCache() {
    auto& c = common();
    const std::lock_guard lock(detail::locks.memory);
    for (std::size_t k = 0; k < kLocalClasses; ++k)
      while (lists[k].head) c.lists[k].push(lists[k].get());
    add_to(c.ended);
    (previous ? previous->next : c.threads) = next;
    if (next) next->previous = previous;
  }

  void add_to(Stats& s) const {
    for (std::size_t k = 0; k < kLocalClasses; ++k) {
      s.live_blocks += lists[k].live();
      s.live_bytes += lists[k].live() * static_cast<std::int64_t>(size_of_class(k));
      s.allocations += lists[k].taken;
    }
    s.live_blocks += large_blocks;
    s.live_bytes += large_bytes;
    s.allocations += large_calls;
  }

  // `blocks` more may be kept, though none was handed out.
  void move(std::size_t k, std::int64_t blocks) {
    lists[k].room += blocks;
    lists[k].moved += -blocks;
  }

  // Gets free blocks of class k: from the common list, or from the system, where small classes carve a slab and
  // the others get one block.
  void refill(std::size_t k) {
    auto& list = lists[k];
    auto& c = common();
    {
      const std::lock_guard lock(detail::locks.memory);
      for (std::int64_t i = batch(k); i > 0 && c.lists[k].head; --i) {
        list.put(c.lists[k].pop());
        move(k, -1);
      }
    }
    if (list.head) return;
    c.system_calls.fetch_add(1, std::memory_order_relaxed);
    const std::size_t size = size_of_class(k), slab = k < kSmallClasses ? 64 * kSmall / size * size : size;
    auto* bytes = static_cast<char*>(k < kSmallClasses ? c.carve(slab) : from_system(slab));
    for (std::size_t at = slab; at > 0; at -= size) {
      list.put(bytes + at - size);
      move(k, -1);
    }
  }

  [[gnu::noinline]] void spill(std::size_t k) {
    auto& c = common();
    const std::lock_guard lock(detail::locks.memory);
    for (std::int64_t i = 2 * batch(k); i > 0 && lists[k].head; --i) {
      c.lists[k].push(lists[k].get());
      move(k, 1);
    }
  }
};

// Note [Ends of threads]: objects may be released after this thread's cache is gone (other thread_local
// destructors run later): then `mine` is null and the blocks go to the common lists directly.
constinit thread_local ThreadCache* mine = nullptr;
constinit thread_local bool ended = false;

ThreadCache* begin_cache() {
  struct Owner {
    ThreadCache cache;
    Owner() { mine = &cache; }
    ~Owner() {
      mine = nullptr;
      ended = true;
    }
  };
  if (ended) return nullptr;
  static thread_local Owner owner;
  return mine;
}

void* take_common(std::size_t k, bool large) {
  auto& c = common();
  const auto size = static_cast<std::int64_t>(size_of_class(k));
  {
    const std::lock_guard lock(detail::locks.memory);
    if (large) c.large_peak = std::max(c.large_peak, c.large_live += size);
    if (void* block = c.lists[k].pop()) {
      if (large) c.cached_bytes -= size;
      return block;
    }
  }
  c.system_calls.fetch_add(1, std::memory_order_relaxed);
  try {
    return from_system(size_of_class(k));
  } catch (...) {
    const std::lock_guard lock(detail::locks.memory);
    if (large) c.large_live -= size;
    throw;
  }
}

void give_common(void* block, std::size_t k, bool large) {
  auto& c = common();
  const auto size = static_cast<std::int64_t>(size_of_class(k));
  const std::lock_guard lock(detail::locks.memory);
  c.lists[k].push(block);
  if (!large) return;
  c.cached_bytes += size;
  c.large_live -= size;
}

// Counts a block that did not come from a thread's own lists.
void count_common(ThreadCache* thread, std::size_t k, std::int64_t blocks) {
  const std::int64_t bytes = blocks * static_cast<std::int64_t>(size_of_class(k));
  if (thread) {
    thread->large_blocks += blocks;
    thread->large_bytes += bytes;
    if (blocks > 0) thread->large_calls += 1;
  } else {
    auto& c = common();
    const std::lock_guard lock(detail::locks.memory);
    c.ended.live_blocks += blocks;
    c.ended.live_bytes += bytes;
    if (blocks > 0) ++c.ended.allocations;
  }
}

[[gnu::noinline]] void* allocate_slowly(std::size_t bytes, std::size_t k) {
  if (k >= kClasses) fail("allocate: {} bytes cannot be addressed", bytes);
  ThreadCache* thread = mine ? mine : begin_cache();
  if (thread && k < kLocalClasses) {
    thread->refill(k);
    return allocate(bytes);
  }
  void* block = take_common(k, k >= kLocalClasses);
  count_common(thread, k, 1);
  ASAN_UNPOISON_MEMORY_REGION(block, size_of_class(k));
  return block;
}

[[gnu::noinline]] void release_slowly(void* block, std::size_t k) {
  count_common(mine ? mine : begin_cache(), k, -1);
  give_common(block, k, k >= kLocalClasses);
}

// How many blocks of each class this thread has borrowed.
constinit thread_local std::array<std::uint16_t, kClasses> borrowed{};

// Counts a borrowed block, or one that came back, whose lock is held.
void count_lent(Common& c, std::size_t k, std::int64_t blocks) {
  const std::int64_t bytes = blocks * static_cast<std::int64_t>(size_of_class(k));
  c.ended.live_blocks += blocks;
  c.ended.live_bytes += bytes;
  if (blocks > 0) ++c.ended.allocations;
  if (k < kLocalClasses) return;
  c.cached_bytes -= bytes;
  c.large_peak = std::max(c.large_peak, c.large_live += bytes);
}

}  // namespace

void* borrow(std::size_t bytes) {
  const std::size_t k = class_of(bytes);
  if (k >= kClasses) fail("allocate: {} bytes cannot be addressed", bytes);
  auto& c = common();
  const std::lock_guard lock(detail::locks.memory);
  auto& lent = c.lent[k];
  for (const std::int64_t wanted = (borrowed[k] + 1) * num_threads();
       lent.blocks < wanted || lent.free.head == nullptr; ++lent.blocks) {
    lent.free.push(from_system(size_of_class(k)));
    c.system_calls.fetch_add(1, std::memory_order_relaxed);
    if (k >= kLocalClasses) c.cached_bytes += static_cast<std::int64_t>(size_of_class(k));
  }
  ++borrowed[k];
  count_lent(c, k, 1);
  void* block = lent.free.pop();
  ASAN_UNPOISON_MEMORY_REGION(block, size_of_class(k));
  return block;
}

void give_back(void* block, std::size_t bytes) noexcept {
  const std::size_t k = class_of(bytes);
  ASAN_POISON_MEMORY_REGION(static_cast<char*>(block) + sizeof(Free), size_of_class(k) - sizeof(Free));
  auto& c = common();
  const std::lock_guard lock(detail::locks.memory);
  c.lent[k].free.push(block);
  --borrowed[k];
  count_lent(c, k, -1);
}

void begin_thread() {
  if (!mine) begin_cache();
}

void forget_other_threads() {
  auto& c = common();
  for (const auto* t = c.threads; t != nullptr; t = t->next)
    if (t != mine) t->add_to(c.ended);
  c.threads = mine;
  if (mine) mine->next = mine->previous = nullptr;
}

void* allocate(std::size_t bytes) {
  const std::size_t k = class_of(bytes);
  ThreadCache* const thread = mine;
  if (thread == nullptr || k >= kLocalClasses || thread->lists[k].head == nullptr) [[unlikely]]
    return allocate_slowly(bytes, k);
  auto& list = thread->lists[k];
  list.room += 1;
  list.taken += 1;
  void* block = list.get();
  ASAN_UNPOISON_MEMORY_REGION(block, size_of_class(k));
  return block;
}

void release(void* block, std::size_t bytes) noexcept {
  const std::size_t k = class_of(bytes);
  ASAN_POISON_MEMORY_REGION(static_cast<char*>(block) + sizeof(Free), size_of_class(k) - sizeof(Free));
  ThreadCache* const thread = mine;
  if (thread == nullptr || k >= kLocalClasses) [[unlikely]]
    return release_slowly(block, k);
  auto& list = thread->lists[k];
  list.put(block);
  list.room += -1;
  if (list.room <= 0) [[unlikely]]
    thread->spill(k);
}

Stats stats() {
  auto& c = common();
  const std::lock_guard lock(detail::locks.memory);
  Stats s = c.ended;
  for (const auto* t = c.threads; t != nullptr; t = t->next) t->add_to(s);
  s.cached_bytes = c.cached_bytes;
  s.system_calls = c.system_calls;
  s.peak_bytes = c.large_peak + (s.live_bytes - c.large_live);
  return s;
}

void reset_peak() {
  auto& c = common();
  const std::lock_guard lock(detail::locks.memory);
  c.large_peak = c.large_live;
}

void trim() {
  auto& c = common();
  const std::lock_guard lock(detail::locks.memory);
  const auto free_all = [](List& list, std::size_t k) {
    while (void* block = list.pop()) {
      ASAN_UNPOISON_MEMORY_REGION(block, size_of_class(k));
      std::free(block);
    }
  };
  for (std::size_t k = kLocalClasses; k < kClasses; ++k) {
    free_all(c.lists[k], k);
    c.lent[k].blocks -= c.lent[k].free.count;
    free_all(c.lent[k].free, k);
  }
  c.cached_bytes = 0;
}

}  // namespace ebb::memory
