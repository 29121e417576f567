// Every registered operation, forward and forward with backward: on its own small samples, and on large inputs.
#include <benchmark/benchmark.h>

#include <concepts>
#include <functional>
#include <string>
#include <vector>

#include "autograd/autograd.h"
#include "autograd/ops/all.h"

namespace ebb::bench {
namespace {

using namespace ops;
using Inputs = std::vector<Tensor>;

template <class Op>
struct Case {
  Op op;
  Inputs inputs;
};

// Large inputs: the sample's own number of [512, 1024] float32 tensors, which suits every element-by-element
// operation; the others say what they need.
template <class Op>
Case<Op> large(const Sample<Op>& sample) {
  Inputs inputs;
  for (const auto& x : sample.inputs)
    inputs.push_back(x.dtype() == boolean ? gt(rand({512, 1024}), 0.5) : rand({512, 1024}) + 0.5);
  return {sample.op, inputs};
}

Tensor images(std::int64_t channels = 64, std::int64_t size = 32) { return rand({16, channels, size, size}); }
Tensor rows_below(std::int64_t n, const Shape& shape) { return randint(0, n, shape); }
const Shape kImages{16, 64, 32, 32}, kPooled{16, 64, 16, 16};
constexpr Conv2dGeometry kConv{.padding = {1, 1}};

Case<To> large(const Sample<To>&) { return {{float64}, {rand({512, 1024})}}; }
Case<Reshape> large(const Sample<Reshape>&) { return {{{1024, 512}}, {rand({512, 1024})}}; }
Case<Permute> large(const Sample<Permute>&) { return {{{1, 0}}, {rand({512, 1024})}}; }
Case<Expand> large(const Sample<Expand>&) { return {{{512, 1024}}, {rand({1024})}}; }
Case<ops::Slice> large(const Sample<ops::Slice>&) { return {{1, 256, 512, 1}, {rand({512, 1024})}}; }
Case<SliceBackward> large(const Sample<SliceBackward>&) {
  return {{{1, 256, 512, 1}, {512, 1024}}, {rand({512, 512})}};
}
Case<Select> large(const Sample<Select>&) { return {{0, 7}, {rand({512, 1024})}}; }
Case<Cat> large(const Sample<Cat>&) { return {{0, {0, 256, 512}}, {rand({256, 1024}), rand({256, 1024})}}; }
Case<IndexSelect> large(const Sample<IndexSelect>&) {
  return {{0}, {rand({4096, 128}), rows_below(4096, {4096})}};
}
Case<IndexAdd> large(const Sample<IndexAdd>&) {
  return {{0, {4096, 128}}, {rand({4096, 128}), rows_below(4096, {4096})}};
}
Case<Gather> large(const Sample<Gather>&) { return {{1}, {rand({512, 1024}), rows_below(1024, {512, 1024})}}; }
Case<ScatterAdd> large(const Sample<ScatterAdd>&) {
  return {{1, {512, 1024}}, {rand({512, 1024}), rows_below(1024, {512, 1024})}};
}
const Subscript kPart{{0, 256}, {0, 1}, {512, 512}, {1, 1}};
Case<Subscript> large(const Sample<Subscript>&) { return {kPart, {rand({512, 1024})}}; }
Case<SubscriptBackward> large(const Sample<SubscriptBackward>&) {
  return {{kPart, {512, 1024}}, {rand({512, 512})}};
}
Case<SubscriptPut> large(const Sample<SubscriptPut>&) { return {{kPart}, {rand({512, 1024}), rand({512, 512})}}; }
Case<DiagonalBackward> large(const Sample<DiagonalBackward>&) { return {{{}, {512, 512}}, {rand({512})}}; }
Case<WindowsBackward> large(const Sample<WindowsBackward>&) {
  return {{{1, 3, 1, 1}, {512, 1024}}, {rand({512, 1022, 3})}};
}
Case<Flip> large(const Sample<Flip>&) { return {{{1}}, {rand({512, 1024})}}; }
Case<Pad> large(const Sample<Pad>&) { return {{{1, 1}, {514, 1026}}, {rand({512, 1024})}}; }
template <class Op>
requires std::same_as<Op, Scatter> || std::same_as<Op, ScatterOnto> || std::same_as<Op, ScatterReduce> Case<Op>
large(const Sample<Op>& sample) {
  Case<Op> c{sample.op, {rand({512, 1024}), rows_below(1024, {512, 1024}), rand({512, 1024})}};
  c.op.dim = 1;
  return c;
}
Case<ScatterBackward> large(const Sample<ScatterBackward>&) {
  return {{1}, {rand({512, 1024}), rows_below(1024, {512, 1024})}};
}
Case<Places> large(const Sample<Places>&) {
  return {{"places", 0, 1024, 1}, {rows_below(1024, {512, 1024}), Tensor()}};
}
Case<Matmul> large(const Sample<Matmul>&) { return {{}, {rand({512, 512}), rand({512, 512})}}; }
Case<Linear> large(const Sample<Linear>&) { return {{}, {rand({256, 512}), rand({512, 512}), rand({512})}}; }
Case<Conv2d> large(const Sample<Conv2d>&) { return {{kConv}, {images(), rand({64, 64, 3, 3}), rand({64})}}; }
Case<Conv2dBackwardInput> large(const Sample<Conv2dBackwardInput>&) {
  return {{kConv, kImages}, {images(), rand({64, 64, 3, 3})}};
}
Case<Conv2dBackwardWeight> large(const Sample<Conv2dBackwardWeight>&) {
  return {{kConv, {64, 64, 3, 3}}, {images(), images()}};
}
Case<MaxPool2d> large(const Sample<MaxPool2d>&) { return {{}, {images()}}; }
Case<MaxPool2dBackward> large(const Sample<MaxPool2dBackward>&) {
  return {{kImages}, {images(64, 16), rows_below(1024, kPooled)}};
}
Case<MaxPool2dGather> large(const Sample<MaxPool2dGather>&) { return {{}, {images(), rows_below(1024, kPooled)}}; }
Case<AdaptiveMaxPool2d> large(const Sample<AdaptiveMaxPool2d>&) { return {{{8, 8}}, {images()}}; }
Case<AvgPool2d> large(const Sample<AvgPool2d>&) { return {{}, {images()}}; }
Case<AvgPool2dBackward> large(const Sample<AvgPool2dBackward>&) {
  return {{{}, false, kImages}, {images(64, 16)}};
}
Case<AdaptiveAvgPool2d> large(const Sample<AdaptiveAvgPool2d>&) { return {{{1, 1}}, {images()}}; }
Case<AdaptiveAvgPool2dBackward> large(const Sample<AdaptiveAvgPool2dBackward>&) {
  return {{kImages}, {images(64, 1)}};
}
Case<Resample> large(const Sample<Resample>&) { return {{2, 64, {}}, {images()}}; }
Case<ResampleBackward> large(const Sample<ResampleBackward>&) { return {{2, 32, {}}, {images()}}; }
Case<GridSample> large(const Sample<GridSample>&) { return {{}, {images(), rand({16, 32, 32, 2}) * 2 - 1}}; }
Case<LayerNorm> large(const Sample<LayerNorm>&) { return {{}, {rand({512, 1024}), rand({1024}), rand({1024})}}; }
Case<BatchNorm> large(const Sample<BatchNorm>&) { return {{}, {rand({16, 64, 1024}), rand({64}), rand({64})}}; }
// 32 steps of 32 sequences, 64 → 128.
template <class Op>
requires requires(const Op& op) { op.cell(); }
Case<Op> large(const Sample<Op>& sample) {
  Inputs inputs{rand({32, 32, 64})};
  while (inputs.size() + 4 < sample.inputs.size()) inputs.push_back(zeros({32, 128}));
  const std::int64_t width = 128 * kernels::gates_of(sample.op.cell());
  for (const Shape& shape : {Shape{width, 64}, Shape{width, 128}, Shape{width}, Shape{width}})
    inputs.push_back(rand(shape) * 0.1);
  return {sample.op, inputs};
}
Case<CrossEntropy> large(const Sample<CrossEntropy>&) {
  return {{}, {rand({512, 1024}), rows_below(1024, {512})}};
}
Case<CrossEntropyBackward> large(const Sample<CrossEntropyBackward>&) {
  return {{}, {rand({512, 1024}), rows_below(1024, {512}), rand({512})}};
}

template <class Op>
void forward(benchmark::State& state, const Case<Op>& c) {
  const NoGrad off;
  for (auto _ : state) benchmark::DoNotOptimize(run_op(c.op, c.inputs));
}

void backward(benchmark::State& state, const std::function<Inputs(const Inputs&)>& run, Inputs inputs) {
  const Tensor seed = ones_like(run(inputs)[0]);
  Inputs leaves;
  for (auto& x : inputs) {
    if (!x.defined() || !is_floating(x.dtype())) continue;
    x = x.detach().set_requires_grad();
    leaves.push_back(x);
  }
  for (auto _ : state)
    benchmark::DoNotOptimize(grad(run(inputs)[0], leaves, {.grad_outputs = {seed}, .allow_unused = true}));
}

template <class Op>
bool differentiable(const Case<Op>& c) {
  constexpr bool variadic = detail::arity<Op>() < 0;
  if (variadic) return true;
  bool all = is_floating(run_op(c.op, c.inputs)[0].dtype());
  [&]<int... I>(std::integer_sequence<int, I...>) {
    ((all &= detail::has_grad<Op, I> || !c.inputs[I].defined() || !is_floating(c.inputs[I].dtype())), ...);
  }
  (std::make_integer_sequence < int, variadic ? 0 : detail::arity<Op>() > ());
  return all;
}

void add(const std::string& name, const std::function<void(benchmark::State&)>& body) {
  benchmark::RegisterBenchmark(name.c_str(), body);
}

template <class Op>
Case<Op> make(bool small) {  // when the benchmark runs
  Generator random{1};
  const auto sample = Op::samples(random)[0];
  return small ? Case<Op>{sample.op, sample.inputs} : large(sample);
}

template <class Op>
void add_op() {
  const bool with_backward = differentiable(make<Op>(true));
  for (const bool small : {true, false}) {
    const std::string name = "op/" + std::string(Op::name) + (small ? "/small" : "/large");
    add(name + "/forward", [small](auto& state) { forward(state, make<Op>(small)); });
    if (!with_backward) continue;
    add(name + "/backward", [small](auto& state) {
      const auto c = make<Op>(small);
      backward(
          state, [&](const Inputs& x) { return run_op(c.op, x); }, c.inputs);
    });
  }
}

[[maybe_unused]] const bool registered = []<class... Op>(OpList<Op...>) {
  (add_op<Op>(), ...);
  return true;
}(All());

}  // namespace
}  // namespace ebb::bench
