// How far an operation is from PyTorch, and how long it takes: for scripts/op-table --measure, which has PyTorch do
// the same.
#pragma once

#include <hwy/targets.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "tests/certify.h"

namespace ebb::test {

// Of one call: the median of what batches of calls take.
template <class F>
double nanoseconds(const F& call) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kTime{10};
  constexpr std::chrono::microseconds kBatch{200};
  call();
  std::vector<double> batches;
  std::int64_t calls = 1;
  for (const auto begin = Clock::now(); Clock::now() - begin < kTime || batches.empty();) {
    const auto start = Clock::now();
    for (std::int64_t i = 0; i < calls; ++i) call();
    const std::chrono::duration<double, std::nano> taken = Clock::now() - start;
    if (taken < kBatch) calls *= 2;
    else batches.push_back(taken.count() / static_cast<double>(calls));
  }
  const auto middle = batches.begin() + std::ssize(batches) / 2;
  std::nth_element(batches.begin(), middle, batches.end());
  return *middle;
}

// In float32: "forward", which records what a gradient needs, and, if there is one, "backward", which includes it.
inline Json times_of(const Case& c, const Tensors& inputs) {
  Tensors x, wanted;
  for (const auto& one : inputs) x.push_back(one.defined() && is_floating(one.dtype()) ? one.to(float32) : one);
  x = leaves_of(c, x);
  for (std::size_t i = 0; i < x.size(); ++i)
    if (c.wants(i)) wanted.push_back(x[i]);
  const auto forward = [&] {
    Tensors y = c.f(x);
    std::erase_if(y, [](const Tensor& output) { return !output.requires_grad(); });
    return y;
  };
  Json times{{"forward", nanoseconds(forward)}};
  GradOptions options{.allow_unused = true};
  for (const auto& y : forward()) options.grad_outputs.push_back(usual_cotangent(y));
  if (options.grad_outputs.empty()) return times;
  times["backward"] = nanoseconds([&] {
    const Tensors y = forward();
    return grad(std::span<const Tensor>(y), std::span<const Tensor>(wanted), options);
  });
  return times;
}

// The largest of an "output" and of a "gradient".
inline std::map<std::string, double> deviations(const std::vector<Case>& cases) {
  std::map<std::string, double> largest;
  for (const auto& c : cases)
    beside_torch(c, [&](const char* what, std::size_t, const Tensor& got, const std::vector<double>& expected) {
      largest[what] = std::max(largest[what], deviation(got, expected));
    });
  return largest;
}

inline std::string compiler() {
#if defined(__clang__)
  return std::string("clang ") + __clang_version__;
#else
  return std::string("gcc ") + __VERSION__;
#endif
}
inline std::string instructions() { return hwy::TargetName(hwy::SupportedTargets() & -hwy::SupportedTargets()); }

}  // namespace ebb::test
