// Counter-based random numbers: the same numbers at any number of threads.
#pragma once

#include <array>
#include <cstdint>

namespace ebb {

// Philox 4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3; SC 2011). Four
// 32-bit numbers that depend on the counter and the key alone.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

// Where random numbers come from: the element at position p of the stream of `seed`. A call that needs n
// numbers takes positions [position, position + n) and moves on, so the pair {seed, position} is the whole
// state: save it, restore it, and the numbers go on as they would have.
struct Generator {
  std::uint64_t seed = 0;
  std::uint64_t position = 0;

  // Reserves n positions (rounded up to a multiple of 4) and returns the first.
  std::uint64_t take(std::int64_t n) {
    const auto first = position;
    position += (static_cast<std::uint64_t>(n) + 3) / 4 * 4;
    return first;
  }
};

// The calling thread's generator, which rand, randn, dropout and initialisation use unless given another.
// Every thread starts at seed 0, position 0.
Generator& default_generator();

// What a Replay adds to the positions that it recorded, while it runs on this thread.
inline constinit thread_local std::uint64_t random_shift = 0;
inline std::uint64_t replayed(std::uint64_t position) { return position + random_shift; }

// default_generator() = {seed, 0}.
void manual_seed(std::uint64_t seed);

// One number of the stream: uniform in [0, 2^64), from positions p and p+1's block. For host-side choices.
std::uint64_t random_bits(Generator& generator);

// Uniform integer in [0, bound), bound > 0, without bias.
std::int64_t random_below(Generator& generator, std::int64_t bound);

}  // namespace ebb
