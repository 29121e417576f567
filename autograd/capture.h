// What a piece of work did to memory, kept so that it can be done again without the graph: the ground of Replay.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "autograd/base/random.h"
#include "autograd/node.h"

namespace ebb::detail {

// A view that owns its shape and strides.
class KeptView {
 public:
  explicit KeptView(const View& v)
      : data_(v.data), shape_(*v.shape), strides_(*v.strides), dtype_(v.dtype), contiguous_(v.contiguous) {}
  operator View() const { return {data_, &shape_, &strides_, dtype_, contiguous_}; }

 private:
  void* data_;
  Shape shape_;
  Dims strides_;
  Dtype dtype_;
  bool contiguous_;
};

// Note [Captures]: while a Capture lives, every kernel that its thread starts is also noted down, with copies of its
// views. Arrays made meanwhile lie in an arena of the capture's own, which reuses what is freed: kernels that run again
// in the same order on the same addresses need no more memory than they did, and the plan of who lies where costs
// nothing to find. Memory from outside is kept alive. What depends on a value (item()) or would happen only once
// (writing through data<T>(), an optimizer's step) is an Error meanwhile.
class Capture {
 public:
  Capture();
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  // From now on this thread's work is noted down; until stop().
  void start();
  void stop();

  // Does it all again, with random numbers `shift` positions on.
  void run(std::uint64_t shift) const;

  // `kernel` holds values only; it will be called again with the same views.
  template <class F, class... V>
  void add(F kernel, const V&... views) {
    commands_.push_back(std::make_unique<Kernel<F, sizeof...(V)>>(std::move(kernel), views...));
  }
  // The same for any number of views.
  void add_spanning(std::function<void(std::span<const View>)> kernel, std::span<const View> views);
  // What is no kernel: gradients that leaves get and lose.
  void add_action(std::function<void()> action);
  // x's elements are set again to what they are now.
  void add_constant(const Tensor& x);
  // x is used: if its memory comes from outside, it must stay.
  void keep(const Tensor& x);
  // x is written: whoever has saved it shall find out each time.
  void keep_written(const Tensor& x);

  Ref<Buffer> make_buffer(std::size_t bytes);

 private:
  struct Command {
    virtual ~Command() = default;
    virtual void run() const = 0;
  };
  template <class F, std::size_t N>
  struct Kernel final : Command {
    template <class... V>
    explicit Kernel(F f, const V&... v) : kernel(std::move(f)), views{KeptView(v)...} {}
    void run() const override {
      std::apply([&](const auto&... v) { kernel(View(v)...); }, views);
    }
    F kernel;
    std::array<KeptView, N> views;
  };
  struct Action;
  struct Spanning;
  class Arena;

  std::vector<std::unique_ptr<Command>> commands_;
  std::shared_ptr<Arena> arena_;
  std::unordered_map<const Buffer*, Ref<Buffer>> kept_;
};

// Runs a kernel outside of an operation's forward. `kernel` holds values only, no views.
template <class F, class... V>
void launch(F kernel, const V&... views) {
  kernel(views...);
  if (thread_state.capture) [[unlikely]]
    thread_state.capture->add(std::move(kernel), views...);
}

// An Error if this thread's work is being captured.
void refuse_in_replay(std::string_view what);

// The generator given, or the thread's own. The numbers of another one would not move on when a capture is run again.
inline Generator& generator_or_default(Generator* given) {
  if (given == nullptr) return default_generator();
  if (given != &default_generator()) refuse_in_replay("a generator of its own");
  return *given;
}

}  // namespace ebb::detail
