#include "autograd/replay.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "autograd/base/fail.h"
#include "autograd/base/memory.h"
#include "autograd/base/random.h"
#include "autograd/capture.h"

namespace ebb {
namespace detail {

// The memory of the arrays that a captured piece of work made. What is freed is used again, by the smallest block that
// fits.
class Capture::Arena {
 public:
  Arena() = default;
  ~Arena() {
    for (const auto& [block, bytes] : blocks_) memory::release(block, bytes);
  }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  void* take(std::size_t bytes) {
    if (const auto found = free_.lower_bound(bytes); found != free_.end() && found->first <= bytes + bytes / 8) {
      void* const block = found->second;
      free_.erase(found);
      return block;
    }
    void* const block = memory::allocate(bytes);
    blocks_.emplace(block, bytes);
    return block;
  }
  void give(void* block) { free_.emplace(blocks_.at(block), block); }
  bool owns(void* block) const { return blocks_.contains(block); }

 private:
  std::multimap<std::size_t, void*> free_;
  std::map<void*, std::size_t> blocks_;
};

struct Capture::Action final : Command {
  explicit Action(std::function<void()> f) : action(std::move(f)) {}
  void run() const override { action(); }
  std::function<void()> action;
};

struct Capture::Spanning final : Command {
  Spanning(std::function<void(std::span<const View>)> f, std::span<const View> v)
      : kernel(std::move(f)), kept(v.begin(), v.end()), views(kept.begin(), kept.end()) {}
  void run() const override { kernel(views); }
  std::function<void(std::span<const View>)> kernel;
  std::vector<KeptView> kept;
  std::vector<View> views;  // of those
};

Capture::Capture() : arena_(std::make_shared<Arena>()) {}
Capture::~Capture() { stop(); }

void Capture::start() {
  refuse_in_replay("another Replay");
  thread_state.capture = this;
  thread_state.watch();
}

void Capture::stop() {
  if (thread_state.capture == this) thread_state.capture = nullptr;
  thread_state.watch();
}

void Capture::run(std::uint64_t shift) const {
  struct Shift {
    explicit Shift(std::uint64_t by) { random_shift = by; }
    ~Shift() { random_shift = 0; }
  } const shifted(shift);
  for (const auto& command : commands_) command->run();
}

void Capture::add_spanning(std::function<void(std::span<const View>)> kernel, std::span<const View> views) {
  commands_.push_back(std::make_unique<Spanning>(std::move(kernel), views));
}

void Capture::add_action(std::function<void()> action) {
  commands_.push_back(std::make_unique<Action>(std::move(action)));
}

void Capture::add_constant(const Tensor& x) {
  const auto* bytes = static_cast<const std::byte*>(x.impl().data);
  const auto count = static_cast<std::size_t>(x.numel() * size_of(x.dtype()));
  add([values = std::vector<std::byte>(bytes, bytes + count)](
          const View& y) { std::copy(values.begin(), values.end(), y.as<std::byte>()); },
      x.view());
}

void Capture::keep(const Tensor& x) {
  if (!x.defined()) return;
  const auto& buffer = x.impl().buffer;
  if (!arena_->owns(buffer->data)) kept_.emplace(buffer.get(), buffer);
}

void Capture::keep_written(const Tensor& x) {
  keep(x);
  const auto& buffer = x.impl().buffer;
  if (!arena_->owns(buffer->data)) add_action([b = buffer.get()] { ++b->version; });
}

Ref<Buffer> Capture::make_buffer(std::size_t bytes) {
  void* const data = arena_->take(std::max<std::size_t>(bytes, 1));
  return Buffer::wrap(data, bytes, [arena = arena_](void* block) { arena->give(block); });
}

void refuse_in_replay(std::string_view what) {
  if (thread_state.capture)
    fail("Replay: {} within the function would happen once, when it is recorded; move it out of the function",
         what);
}

Recorded::Recorded() = default;
Recorded::~Recorded() = default;
Recorded::Recorded(Recorded&&) noexcept = default;
Recorded& Recorded::operator=(Recorded&&) noexcept = default;

bool Recorded::fits(std::span<const Tensor> inputs) const {
  return capture_ && recording_ == thread_state.recording && seed_ == default_generator().seed &&
         std::equal(inputs.begin(), inputs.end(), inputs_.begin(), inputs_.end(),
                    [](const auto& a, const auto& b) { return a.shape() == b.shape() && a.dtype() == b.dtype(); });
}

void Recorded::record(std::span<const Tensor> inputs, const std::function<void(std::span<const Tensor>)>& work) {
  clear();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].requires_grad())
      fail(
          "Replay: input {} ({}) requires grad; inputs are data, so detach() it, or use it as a captured variable",
          i, describe(inputs[i]));
    inputs_.push_back(inputs[i].clone());
    last_.push_back({inputs[i], inputs[i].version()});
  }
  const Generator& generator = default_generator();
  recording_ = thread_state.recording;
  seed_ = generator.seed;
  position_ = generator.position;
  auto capture = std::make_unique<Capture>();
  capture->start();
  work(inputs_);
  capture->stop();
  taken_ = generator.position - position_;
  capture_ = std::move(capture);
}

void Recorded::run(std::span<const Tensor> inputs) {
  refuse_in_replay("another Replay");
  {
    const NoGrad off;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      auto& last = last_[i];
      if (last.given.handle().get() == inputs[i].handle().get() && last.version == inputs[i].version()) continue;
      inputs_[i].copy_(inputs[i]);
      last = {inputs[i], inputs[i].version()};
    }
  }
  Generator& generator = default_generator();
  capture_->run(generator.position - position_);
  generator.position += taken_;
}

void Recorded::clear() {
  capture_.reset();
  inputs_.clear();
  last_.clear();
}

}  // namespace detail
}  // namespace ebb
