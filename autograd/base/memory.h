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

// Working memory of a kernel for one call: an array of T, uninitialised.
template <class T>
class Scratch {
 public:
  explicit Scratch(std::int64_t count)
      : bytes_(static_cast<std::size_t>(count) * sizeof(T)), data_(static_cast<T*>(allocate(bytes_))) {}
  ~Scratch() { release(data_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  T* data() const { return data_; }
  T& operator[](std::int64_t i) const { return data_[i]; }

 private:
  std::size_t bytes_;
  T* data_;
};

}  // namespace ebb::memory
