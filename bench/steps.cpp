// Whole training steps: zero_grad, forward, loss, backward, update. Predictions. Updates alone.
#include <benchmark/benchmark.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "bench/faults.h"
#include "bench/models.h"
#include "bench/training.h"

namespace ebb::bench {
namespace {

using benchmark::Counter;

Counter rate(double amount, const benchmark::State& state) {
  return {amount * static_cast<double>(state.iterations()), Counter::kIsRate};
}

// The loss after kSteps steps, reported as a counter, proves that the peers do the same work.
constexpr int kSteps = 20;

template <class Net, class Loss, class Options, class... Arguments>
void add_step(const std::string& name, const Shape& input, const Options& options, double flops,
              Arguments... arguments) {
  using Work = Training<Net, Options, Loss>;
  const auto run = [=, work = std::shared_ptr<Work>(), loss = 0.0](benchmark::State& state) mutable {
    if (!work) {
      work = std::make_shared<Work>(input, options, arguments...);
      for (int i = 0; i < kSteps; ++i) loss = work->step().item();
    }
    const Faults faults(state);
    for (auto _ : state) work->step();
    state.counters["loss"] = loss;
    state.counters["flops"] = rate(flops, state);
  };
  benchmark::RegisterBenchmark(("step/" + name).c_str(), run);
}

template <class Net>
void add_prediction(const std::string& name, const Shape& input, double flops) {
  const auto run = [=](benchmark::State& state) {
    const NoGrad off;
    Net net;
    fill_parameters(net);
    eval(net);
    const auto x = filled(input, kInputSeed);
    for (auto _ : state) benchmark::DoNotOptimize(net(x));
    state.counters["loss"] = sum(abs(net(x))).item();
    state.counters["flops"] = rate(flops, state);
  };
  benchmark::RegisterBenchmark(("infer/" + name).c_str(), run);
}

// 10 million parameters in 160 tensors. `bytes`: read and written for each parameter.
template <class Options>
void add_update(const std::string& name, const Options& options, double bytes) {
  const auto run = [=](benchmark::State& state) {
    std::vector<Tensor> parameters;
    for (int i = 0; i < 160; ++i) {
      auto p = rand({250, 250}, {.requires_grad = true});
      p.set_grad(rand({250, 250}));
      parameters.push_back(p);
    }
    optim::BasicOptimizer<Options> optimizer(parameters, options);
    optimizer.step();
    for (auto _ : state) optimizer.step();
    state.counters["bytes"] = rate(bytes * 10e6, state);
  };
  benchmark::RegisterBenchmark(("update/" + name).c_str(), run);
}

// FLOPs of a step, from multiply-adds per example: forward, and the gradients of inputs and of weights, but not the
// gradient of the batch itself, which only the first layer would compute.
constexpr double step_flops(double batch, double all, double first) { return 2 * batch * (3 * all - first); }

constexpr double kMlp = 784 * 128 + 128 * 10;
constexpr double kLeNet5 = 28 * 28 * 6 * 25 + 10 * 10 * 16 * 150 + 400 * 120 + 120 * 84 + 84 * 10;
constexpr double kResNetFirst = 32 * 32 * 64 * 27;
constexpr double kResNet = kResNetFirst + 2.0 * 32 * 32 * 64 * 576 + 16.0 * 16 * 128 * (576 + 1152 + 64) +
                           8.0 * 8 * 256 * (1152 + 2304 + 128) + 256 * 10;
constexpr double kLstmFirst = 32 * 512 * 64, kLstm = kLstmFirst + 32 * 512 * 128 + 128 * 10;
constexpr double kTransformerFirst = 64 * 256 * 768;
constexpr double kTransformer =
    kTransformerFirst + 64 * (256 * 256 + 2.0 * 256 * 1024) + 2.0 * 64 * 64 * 256 + 256 * 10;

[[maybe_unused]] const bool registered = [] {
  using optim::AdamOptions, optim::SGDOptions;
  for (const std::int64_t batch : {1, 32})
    add_step<TinyMlp, MeanSquare>("tiny/" + std::to_string(batch), {batch, 4}, SGDOptions{.lr = 0.01},
                                  step_flops(static_cast<double>(batch), 64 + 256 + 16, 64));
  add_step<Mlp, TenClasses>("mlp", {64, 784}, AdamOptions{}, step_flops(64, kMlp, 784 * 128));
  add_step<LeNet5, TenClasses>("lenet5", {64, 1, 28, 28}, AdamOptions{},
                               step_flops(64, kLeNet5, 28 * 28 * 6 * 25));
  add_step<ResNet, TenClasses>("resnet", {32, 3, 32, 32}, SGDOptions{.lr = 0.01, .momentum = 0.9},
                               step_flops(32, kResNet, kResNetFirst));
  add_step<Lstm, TenClasses>("lstm", {32, 32, 64}, AdamOptions{}, step_flops(32, kLstm, kLstmFirst));
  for (const auto& [name, dropout] : {std::pair{"transformer", 0.0}, {"transformer_dropout", 0.1}})
    add_step<Transformer, TenClasses>(name, {8, 64, 256}, AdamOptions{},
                                      step_flops(8, kTransformer, kTransformerFirst), dropout);
  add_prediction<Mlp>("mlp", {1, 784}, 2 * kMlp);
  add_prediction<LeNet5>("lenet5", {1, 1, 28, 28}, 2 * kLeNet5);
  add_prediction<Transformer>("transformer", {1, 64, 256}, 2 * kTransformer);
  add_update("adam", AdamOptions{}, 28);
  add_update("sgd", SGDOptions{.momentum = 0.9}, 20);
  return true;
}();

}  // namespace
}  // namespace ebb::bench
