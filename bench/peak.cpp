// What the machine can do at most on the threads that are set: multiply-adds per second, and bytes per second.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdint>
#include <vector>

#include "autograd/base/parallel.h"
#include "autograd/create.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/peak.cpp"
// clang-format off
#include "autograd/kernels/targets.h"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace ebb::bench {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Twelve independent accumulators hide the latency of the multiply-add. They start from numbers that the
// compiler does not know and differ, or it would compute one of them alone.
std::int64_t multiply_adds(const float* seeds, float* out) {
  constexpr std::int64_t kRounds = 100'000;
  const hn::ScalableTag<float> d;
  const auto a = hn::Set(d, seeds[12]), b = hn::Set(d, seeds[13]);
  auto c0 = hn::Set(d, seeds[0]), c1 = hn::Set(d, seeds[1]), c2 = hn::Set(d, seeds[2]), c3 = hn::Set(d, seeds[3]);
  auto c4 = hn::Set(d, seeds[4]), c5 = hn::Set(d, seeds[5]), c6 = hn::Set(d, seeds[6]), c7 = hn::Set(d, seeds[7]);
  auto c8 = hn::Set(d, seeds[8]), c9 = hn::Set(d, seeds[9]), c10 = hn::Set(d, seeds[10]),
       c11 = hn::Set(d, seeds[11]);
  for (std::int64_t i = 0; i < kRounds; ++i) {
    c0 = hn::MulAdd(c0, a, b), c1 = hn::MulAdd(c1, a, b), c2 = hn::MulAdd(c2, a, b), c3 = hn::MulAdd(c3, a, b);
    c4 = hn::MulAdd(c4, a, b), c5 = hn::MulAdd(c5, a, b), c6 = hn::MulAdd(c6, a, b), c7 = hn::MulAdd(c7, a, b);
    c8 = hn::MulAdd(c8, a, b), c9 = hn::MulAdd(c9, a, b), c10 = hn::MulAdd(c10, a, b), c11 = hn::MulAdd(c11, a, b);
  }
  const auto sum = hn::Add(hn::Add(hn::Add(c0, c1), hn::Add(c2, c3)), hn::Add(hn::Add(c4, c5), hn::Add(c6, c7)));
  hn::StoreU(hn::Add(sum, hn::Add(hn::Add(c8, c9), hn::Add(c10, c11))), d, out);
  return kRounds * 12 * static_cast<std::int64_t>(hn::Lanes(d));
}

}  // namespace HWY_NAMESPACE
}  // namespace ebb::bench
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ebb::bench {
HWY_EXPORT(multiply_adds);

namespace {

void peak_flops(benchmark::State& state) {
  std::vector<float> seeds(14);
  for (std::size_t i = 0; i < 12; ++i) seeds[i] = 1 + static_cast<float>(i) * 0.1f;
  seeds[12] = 0.999f;
  seeds[13] = 0.001f;
  benchmark::DoNotOptimize(seeds.data());
  std::atomic<std::int64_t> count = 0;
  for (auto _ : state) {
    parallel_for(num_threads(), 1, [&](std::int64_t, std::int64_t) {
      float out[64];
      count += HWY_DYNAMIC_DISPATCH(multiply_adds)(seeds.data(), out);
      benchmark::DoNotOptimize(out[0]);
    });
  }
  state.counters["flops"] =
      benchmark::Counter(2.0 * static_cast<double>(count.load()), benchmark::Counter::kIsRate);
}
BENCHMARK(peak_flops)->Name("peak/flops");

// a = b + s c over arrays far larger than any cache: 12 bytes an element.
void peak_bandwidth(benchmark::State& state) {
  constexpr std::int64_t kSize = 1 << 25, kPiece = 1 << 18;
  const auto a = full({kSize}, 1), b = full({kSize}, 2), c = full({kSize}, 3);  // in huge pages
  for (auto _ : state) {
    parallel_for(kSize, kPiece,
                 [to = a.data<float>(), from = b.data<const float>(), other = c.data<const float>()](
                     std::int64_t i, std::int64_t end) {
                   for (; i < end; ++i) to[i] = from[i] + 0.5f * other[i];
                 });
    benchmark::ClobberMemory();
  }
  state.counters["bytes"] =
      benchmark::Counter(12.0 * static_cast<double>(kSize * state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(peak_bandwidth)->Name("peak/bandwidth");

}  // namespace
}  // namespace ebb::bench
#endif
