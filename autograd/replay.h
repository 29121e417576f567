// Replay: a step recorded once and run again without its graph.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "autograd/tensor.h"

namespace ebb {

namespace detail {

class Capture;

// The inputs and the capture of a Replay's function.
class Recorded {
 public:
  Recorded();
  ~Recorded();
  Recorded(Recorded&&) noexcept;
  Recorded& operator=(Recorded&&) noexcept;

  // Was recorded with inputs like these, in this thread's present state?
  bool fits(std::span<const Tensor> inputs) const;
  // Runs `work` on copies of the inputs, capturing what it does.
  void record(std::span<const Tensor> inputs, const std::function<void(std::span<const Tensor>)>& work);
  // Does again, on these inputs, what was recorded.
  void run(std::span<const Tensor> inputs);
  void clear();

 private:
  struct Last {
    Tensor given;
    std::uint32_t version;
  };
  std::unique_ptr<Capture> capture_;
  std::vector<Tensor> inputs_;                         // copies, in which the kernels find them
  std::vector<Last> last_;                             // what they are copies of
  std::uint64_t seed_ = 0, position_ = 0, taken_ = 0;  // of the thread's generator
  bool recording_ = true;                              // was the graph recorded?
};

}  // namespace detail

// A function of tensors whose work is recorded in the first call and only repeated in the following ones: the kernels run
// on the same memory, without building or walking a graph. Worth it where tensors are small and the overhead of
// operations is most of the time. The bits are those of the function itself.
//
//   Replay step([&](const Tensor& images, const Tensor& labels) {
//     adam.zero_grad();
//     const auto loss = cross_entropy(net(images), labels);
//     loss.backward();
//     return loss;
//   });
//   for (const auto& [images, labels] : loader) {
//     const auto loss = step(images, labels);
//     adam.step();                           // outside: its step size changes
//   }
//
// The function works on the calling thread and returns a Tensor or a vector of them; what the calls return is the same
// memory each time, without history. Inputs do not require grad and are copied, unless they are the last call's,
// unchanged. Inputs of other shapes or dtypes, another seed, or another grad mode make it record anew; reset() does so by
// hand, after a change that it cannot see: train() or eval(), another parameter, a captured variable. Whatever the function
// does besides operations on tensors happens only when it records; what would silently go stale (item(), data<T>(), an
// optimizer's step, a generator of its own) is an Error. The memory of one step stays in use. Random numbers move on as
// they would without Replay.
template <class F>
class Replay {
 public:
  explicit Replay(F function) : function_(std::move(function)) {}

  template <std::same_as<Tensor>... T>
  auto operator()(const T&... inputs) {
    const std::array<Tensor, sizeof...(T)> given{inputs...};
    if (recorded_.fits(given)) {
      recorded_.run(given);
      for (const auto& x : result_)
        if (x.defined()) (void)x.writable("Replay");  // whoever has saved it shall know
    } else {
      recorded_.record(given, [&](std::span<const Tensor> x) {
        result_ = collect([&]<std::size_t... I>(std::index_sequence<I...>) {
          return function_(x[I]...);
        }(std::make_index_sequence<sizeof...(T)>()));
      });
    }
    if constexpr (std::same_as<std::invoke_result_t<F&, const T&...>, Tensor>) return result_[0];
    else return result_;
  }

  // The next call records anew.
  void reset() {
    recorded_.clear();
    result_.clear();
  }

 private:
  static std::vector<Tensor> collect(const Tensor& result) { return {result.detach()}; }
  static std::vector<Tensor> collect(std::vector<Tensor> results) {
    for (auto& x : results)
      if (x.defined()) x = x.detach();
    return results;
  }

  F function_;
  detail::Recorded recorded_;
  std::vector<Tensor> result_;
};

}  // namespace ebb
