// Matrix products and convolutions: FLOP/s, to be held against peak/flops of the same run.
#include <benchmark/benchmark.h>

#include <string>

#include "autograd/autograd.h"

namespace ebb::bench {
namespace {

void report(benchmark::State& state, double flops) {
  state.counters["flops"] =
      benchmark::Counter(flops * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

void square_product(benchmark::State& state, std::int64_t n, bool transpose_a, bool transpose_b) {
  const NoGrad off;
  auto a = rand({n, n}), b = rand({n, n});
  if (transpose_a) a = t(a);
  if (transpose_b) b = t(b);
  for (auto _ : state) benchmark::DoNotOptimize(matmul(a, b));
  report(state, 2.0 * static_cast<double>(n * n * n));
}

void layer(benchmark::State& state, std::int64_t batch, std::int64_t in, std::int64_t out) {
  const NoGrad off;
  const auto x = rand({batch, in}), w = rand({out, in}), b = rand({out});
  for (auto _ : state) benchmark::DoNotOptimize(linear(x, w, b));
  report(state, 2.0 * static_cast<double>(batch * in * out));
  state.counters["bytes"] =  // of small batches the weights are what counts
      benchmark::Counter(
          4.0 * static_cast<double>(in * out + batch * (in + out)) * static_cast<double>(state.iterations()),
          benchmark::Counter::kIsRate);
}

struct Conv {
  const char* name;
  std::int64_t n, in, size, out, kernel, padding, stride = 1, groups = 1;
  double flops() const {
    const std::int64_t o = (size + 2 * padding - kernel) / stride + 1;
    return 2.0 * static_cast<double>(n * out * o * o * (in / groups) * kernel * kernel);
  }
};

enum class Direction { forward, input, weight };

void convolution(benchmark::State& state, const Conv& c, Direction direction) {
  const bool forward = direction == Direction::forward;
  auto x = rand({c.n, c.in, c.size, c.size}, {.requires_grad = !forward});
  auto w = rand({c.out, c.in / c.groups, c.kernel, c.kernel}, {.requires_grad = !forward});
  const Conv2dOptions options{.stride = c.stride, .padding = c.padding, .groups = c.groups};
  if (forward) {
    for (auto _ : state) benchmark::DoNotOptimize(conv2d(x, w, {}, options));
  } else {
    const auto y = conv2d(x, w, {}, options);
    const auto g = rand(y.shape());
    for (auto _ : state)
      benchmark::DoNotOptimize(
          grad(y, direction == Direction::input ? x : w, {.grad_outputs = {g}, .retain_graph = true}));
  }
  report(state, c.flops());
}

[[maybe_unused]] const bool registered = [] {
  for (const std::int64_t n : {32, 64, 128, 256, 512, 1024, 2048})
    for (const std::string which : {"nn", "nt", "tn", "tt"})
      benchmark::RegisterBenchmark(("gemm/" + which + "/" + std::to_string(n)).c_str(), [=](auto& state) {
        square_product(state, n, which[0] == 't', which[1] == 't');
      });
  for (const std::int64_t batch : {1, 16, 64, 256})
    for (const std::int64_t width : {128, 512, 1024})
      benchmark::RegisterBenchmark(("linear/" + std::to_string(batch) + "x" + std::to_string(width)).c_str(),
                                   [=](auto& state) { layer(state, batch, width, width); });
  for (const Conv& c : {Conv{"lenet1", 64, 1, 28, 6, 5, 2}, Conv{"lenet2", 64, 6, 14, 16, 5, 0},
                        Conv{"first", 32, 3, 32, 64, 3, 1}, Conv{"c64", 32, 64, 32, 64, 3, 1},
                        Conv{"c128", 32, 128, 16, 128, 3, 1}, Conv{"c256", 32, 256, 8, 256, 3, 1},
                        Conv{"stride2", 32, 64, 32, 128, 3, 1, 2}, Conv{"stride2b", 32, 128, 16, 256, 3, 1, 2},
                        Conv{"shortcut", 32, 64, 32, 128, 1, 0, 2}, Conv{"resnet56", 8, 64, 56, 64, 3, 1},
                        Conv{"resnet28", 8, 128, 28, 128, 3, 1}, Conv{"resnet14", 8, 256, 14, 256, 3, 1},
                        Conv{"resnet7", 8, 512, 7, 512, 3, 1}, Conv{"pointwise", 8, 256, 56, 64, 1, 0},
                        Conv{"depthwise", 8, 64, 56, 64, 3, 1, 1, 64}, Conv{"5x5", 8, 64, 28, 64, 5, 2}}) {
    const std::string base = std::string("conv/") + c.name;
    benchmark::RegisterBenchmark((base + "/forward").c_str(),
                                 [=](auto& s) { convolution(s, c, Direction::forward); });
    benchmark::RegisterBenchmark((base + "/input").c_str(), [=](auto& s) { convolution(s, c, Direction::input); });
    benchmark::RegisterBenchmark((base + "/weight").c_str(),
                                 [=](auto& s) { convolution(s, c, Direction::weight); });
  }
  return true;
}();

}  // namespace
}  // namespace ebb::bench
