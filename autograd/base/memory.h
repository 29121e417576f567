// The caching allocator: what a training step frees, the next one gets back, so that after warm-up a step
// calls neither malloc nor the kernel.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ebb::memory {

// `bytes` bytes, aligned to 64; 0 bytes give a unique block too. Each thread keeps free lists for small
// sizes; large blocks are shared by all threads and backed by huge pages where the system has them. Throws
// Error if the system has no memory left.
void* allocate(std::size_t bytes);

// Gives back what allocate(bytes) returned, from any thread.
void release(void* block, std::size_t bytes) noexcept;

struct Stats {
  std::int64_t live_bytes = 0;   // handed out and not yet released
  std::int64_t live_blocks = 0;  //
  std::int64_t peak_bytes = 0;  // largest live_bytes of blocks above 32 KB since reset_peak(), plus small ones now
  std::int64_t cached_bytes = 0;  // large blocks kept for reuse
  std::int64_t allocations = 0;   // calls of allocate()
  std::int64_t system_calls = 0;  // of them, how many asked the system for memory
};

// Exact when no other thread allocates at this moment.
Stats stats();
void reset_peak();

// Returns cached large blocks to the system.
void trim();

// allocate() and release() on one thread, within a piece of a parallel loop: the first piece that needs a block finds
// one for every thread that may run the others.
void* borrow(std::size_t bytes);
void give_back(void* block, std::size_t bytes) noexcept;

// Makes this thread's free lists now, rather than when it first allocates.
void begin_thread();

// In a child of fork(), see Note [Fork]: what the others held counts as live and is not theirs any more.
void forget_other_threads();

}  // namespace ebb::memory
