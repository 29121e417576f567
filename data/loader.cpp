#include "data/loader.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "autograd/base/fail.h"
#include "autograd/base/fork.h"
#include "autograd/create.h"
#include "autograd/ops.h"

namespace ebb::data::detail {
namespace {

// Note [Keys of random numbers]: the order of an epoch and the changes to each of its examples come from
// streams of their own, whose seeds are values of one more random function, philox, of (use, number) under
// the parent's seed. The third word of the counter keeps them apart from the numbers that the parent itself
// gives as a Generator, where that word is 0.
enum class Use : std::uint32_t { epoch = 1, order, example };

std::uint64_t derived_key(std::uint64_t parent, Use use, std::int64_t number) {
  const auto n = static_cast<std::uint64_t>(number);
  const auto r = philox(
      {static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(n >> 32), 1, static_cast<std::uint32_t>(use)},
      {static_cast<std::uint32_t>(parent), static_cast<std::uint32_t>(parent >> 32)});
  return std::uint64_t{r[1]} << 32 | r[0];
}

Tensor order_of(std::int64_t examples, bool shuffle, std::uint64_t epoch_key) {
  Generator generator{derived_key(epoch_key, Use::order, 0), 0};
  return shuffle ? randperm(examples, {.generator = &generator})
                 : arange(0, static_cast<double>(examples), 1, {.dtype = int64});
}

}  // namespace

Tensor stack_field(std::span<const Tensor> tensors, std::size_t field, const Task& task) {
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto& x = tensors[i];
    if (!x.defined()) fail("DataLoader: tensor {} of example {} is undefined", field, task.indices[i]);
    if (x.shape() != tensors[0].shape() || x.dtype() != tensors[0].dtype())
      fail("DataLoader: tensor {} is {} in example {}, but {} in example {}; a batch needs equal ones", field,
           describe(tensors[0]), task.indices[0], describe(x), task.indices[i]);
  }
  return stack(tensors);
}

Generator Task::generator(std::size_t i) const {
  return {derived_key(epoch_key, Use::example, first + static_cast<std::int64_t>(i)), 0};
}

LoaderState::LoaderState(const LoaderOptions& options) : options_(options) {
  const auto check = [](const char* name, std::int64_t value, std::int64_t least) {
    if (value < least) fail("DataLoader: {} is {}; it must be at least {}", name, value, least);
  };
  check("batch_size", options.batch_size, 1);
  check("workers", options.workers, 0);
  check("prefetch", options.prefetch, 1);
}

void LoaderState::resume(const Position& position) {
  if (running_) fail("DataLoader: cannot move while a loop is running; leave the loop first");
  if (position.epoch < 0 || position.batch < 0)
    fail("DataLoader: there is no epoch {}, batch {}", position.epoch, position.batch);
  position_ = position;
  entered_ = false;
}

std::int64_t LoaderState::num_batches(std::int64_t examples) const {
  const bool partial = examples % options_.batch_size != 0 && !options_.drop_last;
  return examples / options_.batch_size + (partial ? 1 : 0);
}

// One more than what is made ahead: the caller has one in use.
std::size_t LoaderState::num_slots() const {
  return static_cast<std::size_t>(options_.workers) * static_cast<std::size_t>(options_.prefetch) + 1;
}

// Calls make(item) for item = first … end - 1, each once, on `count` threads (0: on the caller's, by
// wait()), at most `window` items beyond those that have been released.
class Epoch::Workers {
 public:
  Workers(std::int64_t first, std::int64_t end, int count, std::size_t window,
          std::function<void(std::int64_t)> make)
      : current_(first), next_(first), end_(end), make_(std::move(make)), slots_(window) {
    threads_.reserve(static_cast<std::size_t>(count));
    try {
      for (int i = 0; i < count; ++i) threads_.emplace_back([this] { work(); });
    } catch (const std::exception& error) {
      join();
      fail("DataLoader: {} workers cannot be started ({})", count, error.what());
    }
  }
  ~Workers() { join(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  std::int64_t current() const { return current_; }

  // Until item current() is made; throws what make has thrown.
  void wait() {
    if (threads_.empty()) return make_(current_);
    std::unique_lock lock(mutex_);
    auto& slot = slot_of(current_);
    made_.wait(lock, [&] { return slot.made; });
    if (slot.error) std::rethrow_exception(slot.error);
  }

  // This is a child of fork(), and the threads are in its parent.
  bool lost() const { return !threads_.empty() && forks_ != ebb::detail::forks(); }

  // Item current() is done with; the next takes its place.
  void release() {
    if (lost())
      fail(
          "DataLoader: the workers of this loop are in the process that this one was forked from; begin another "
          "loop");
    {
      const std::lock_guard lock(mutex_);
      slot_of(current_).made = false;
      ++current_;
    }
    room_.notify_one();
  }

 private:
  struct Slot {
    bool made = false;
    std::exception_ptr error;
  };

  Slot& slot_of(std::int64_t item) { return slots_[static_cast<std::size_t>(item) % slots_.size()]; }

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      room_.wait(lock, [&] {
        return stop_ || next_ == end_ || next_ < current_ + static_cast<std::int64_t>(slots_.size());
      });
      if (stop_ || next_ == end_) return;
      const auto item = next_++;
      lock.unlock();
      auto error = attempt(item);
      lock.lock();
      slot_of(item) = {true, std::move(error)};
      made_.notify_one();
    }
  }

  std::exception_ptr attempt(std::int64_t item) noexcept {
    try {
      make_(item);
      return {};
    } catch (...) { return std::current_exception(); }
  }

  void join() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    room_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

  std::int64_t current_, next_, end_;
  std::function<void(std::int64_t)> make_;
  std::vector<Slot> slots_;
  const int forks_ = ebb::detail::forks();
  bool stop_ = false;
  std::mutex mutex_;  // guards what is above, but for make_
  std::condition_variable made_, room_;
  std::vector<std::thread> threads_;
};

Epoch::Epoch(LoaderState& state, std::int64_t examples, Make make)
    : state_(state), examples_(examples), batches_(state.num_batches(examples)) {
  if (state.running_) fail("DataLoader: a loop over this loader is running already; use a second loader");
  auto& position = state.position_;
  const Position start = state.entered_ ? Position{position.epoch + 1, 0} : position;
  if (start.batch > batches_)
    fail("DataLoader: cannot resume at batch {} of an epoch of {}; was batch_size changed?", start.batch,
         batches_);
  epoch_key_ = derived_key(state.options_.seed, Use::epoch, start.epoch);
  order_ = order_of(examples, state.options_.shuffle, epoch_key_);
  workers_ = std::make_unique<Workers>(start.batch, batches_, state.options_.workers, state.num_slots(),
                                       [this, make = std::move(make)](std::int64_t batch) { make(task(batch)); });
  position = start;
  state.entered_ = state.running_ = true;
}

Epoch::~Epoch() {
  state_.running_ = false;
  if (workers_->lost()) ebb::detail::abandon(workers_);
}

bool Epoch::next() {
  auto& position = state_.position_;
  if (workers_->current() == batches_) {
    over_ = true;
    position = {position.epoch + 1, 0};
    state_.entered_ = false;
    return false;
  }
  over_ = true;  // if waiting throws
  workers_->wait();
  over_ = false;
  position.batch = workers_->current() + 1;
  return true;
}

std::size_t Epoch::slot() const { return slot_of(workers_->current()); }

std::size_t Epoch::slot_of(std::int64_t batch) const {
  return static_cast<std::size_t>(batch) % state_.num_slots();
}

void Epoch::release() { workers_->release(); }

Task Epoch::task(std::int64_t batch) const {
  const auto size = state_.options_.batch_size;
  const auto first = batch * size;
  const auto count = std::min(size, examples_ - first);
  return {.indices = {order_.data<const std::int64_t>() + first, static_cast<std::size_t>(count)},
          .first = first,
          .epoch_key = epoch_key_,
          .slot = slot_of(batch)};
}

}  // namespace ebb::data::detail
