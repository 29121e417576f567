#include "autograd/base/random.h"

#include "autograd/base/fail.h"

namespace ebb {

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

Generator& default_generator() {
  static thread_local Generator generator;
  return generator;
}

void manual_seed(std::uint64_t seed) { default_generator() = {seed, 0}; }

std::uint64_t random_bits(Generator& generator) {
  const std::uint64_t block = generator.take(4) / 4;
  const auto r =
      philox({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32), 0, 0},
             {static_cast<std::uint32_t>(generator.seed), static_cast<std::uint32_t>(generator.seed >> 32)});
  return (std::uint64_t{r[1]} << 32) | r[0];
}

std::int64_t random_below(Generator& generator, std::int64_t bound) {
  if (bound <= 0) fail("random_below: the bound is {}; it must be positive", bound);
  const auto n = static_cast<std::uint64_t>(bound);
  const std::uint64_t uneven = (0 - n) % n;  // 2^64 mod n: draws below it would favour small numbers
  std::uint64_t draw;
  do { draw = random_bits(generator); } while (draw < uneven);
  return static_cast<std::int64_t>(draw % n);
}

}  // namespace ebb
