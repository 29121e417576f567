// The numbers that every program of the comparison starts from. An integer hash gives them, here as in
// peers/common.py, so that equal weights and batches need no files between the programs.
#pragma once

#include <cstdint>

namespace ebb::bench {

// Number i of the stream `seed`, in [0, 2²⁴): SplitMix64 (Steele, Lea, Flood 2014).
inline std::int64_t number(std::uint64_t seed, std::int64_t i) {
  std::uint64_t z = ((seed << 32) + static_cast<std::uint64_t>(i) + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return static_cast<std::int64_t>((z ^ (z >> 31)) >> 40);
}

// n numbers in [low, high).
template <class T>
void fill(T* p, std::int64_t n, std::uint64_t seed, double low, double high) {
  for (std::int64_t i = 0; i < n; ++i)
    p[i] = static_cast<T>(low + (high - low) * (static_cast<double>(number(seed, i)) / 16777216));
}

// n numbers 0 … classes - 1.
inline void fill_labels(std::int64_t* p, std::int64_t n, std::uint64_t seed, std::int64_t classes) {
  for (std::int64_t i = 0; i < n; ++i) p[i] = number(seed, i) % classes;
}

// Parameter k of a network is filled from seed k; these are the batch's.
constexpr std::uint64_t kInputSeed = 1000, kTargetSeed = 1001;

}  // namespace ebb::bench
