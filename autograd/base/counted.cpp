#include "autograd/base/counted.h"

#include <mutex>
#include <unordered_map>
#include <vector>

#include "autograd/base/fork.h"

namespace ebb {

// What other threads have returned to one thread.
struct Counted::Inbox {
  struct Item {
    Counted* object;
    Destroy destroy;
  };
  std::vector<Item> items;
  std::atomic<bool> any{false};

  ~Inbox();
};

struct Counted::Registry {
  std::unordered_map<std::uint32_t, Inbox*> alive;  // under locks.inboxes
  std::uint32_t last_id = 0;

  static Registry& get() {
    static auto* registry = new Registry;  // never destroyed: threads may end after main does
    return *registry;
  }
};

void Counted::register_thread() {
  static thread_local Inbox inbox;
  auto& registry = Registry::get();
  const std::lock_guard lock(detail::locks.inboxes);
  thread_id_ = ++registry.last_id;
  registry.alive[thread_id_] = &inbox;
  returned_ = &inbox.any;
}

void Counted::forget_other_threads() {
  std::erase_if(Registry::get().alive, [](const auto& thread) { return thread.first != thread_id_; });
}

Counted::Inbox::~Inbox() {
  merge_returned_objects();
  {
    const std::lock_guard lock(detail::locks.inboxes);
    Registry::get().alive.erase(thread_id_);
  }
  thread_id_ = kEnded;  // from here on this thread is like any other to its own objects
  returned_ = nullptr;
  for (const auto& item : items)  // returned between the two locks
    if (item.object->merge(1)) item.destroy(item.object);
}

void Counted::become_shared() noexcept {
  local_ = 0;
  shared_.store(kOne | kMerged, std::memory_order_relaxed);
}

// All handles are counted in shared_ afterwards, less those given up. True if none is left.
bool Counted::merge(std::int32_t handles_given_up) noexcept {
  const auto local = static_cast<std::int32_t>(local_);
  local_ = 0;
  owner_.store(kNobody, std::memory_order_release);
  std::int32_t old = shared_.load(std::memory_order_relaxed), merged;
  do {
    const std::int32_t handles = (old >> 2) + local - handles_given_up;
    merged = handles * kOne | kMerged;
  } while (!shared_.compare_exchange_weak(old, merged, std::memory_order_acq_rel));
  return merged == kMerged;
}

bool Counted::release_shared(Destroy destroy) noexcept {
  std::int32_t old = shared_.load(std::memory_order_relaxed), next;
  do {
    next = old == 0 ? kQueued : old - kOne;  // the inbox takes over this handle
  } while (!shared_.compare_exchange_weak(old, next, std::memory_order_acq_rel));
  if (old != 0) return next == kMerged;

  auto& registry = Registry::get();
  const std::lock_guard lock(detail::locks.inboxes);
  const auto inbox = registry.alive.find(owner_.load(std::memory_order_acquire));
  if (inbox == registry.alive.end()) return merge(1);  // the owner has ended, or has merged in the meantime
  inbox->second->items.push_back({this, destroy});
  inbox->second->any.store(true, std::memory_order_release);
  return false;
}

void Counted::merge_returned() noexcept {
  std::vector<Inbox::Item> items;
  {
    const std::lock_guard lock(detail::locks.inboxes);
    auto& inbox = *Registry::get().alive.at(thread_id_);
    items.swap(inbox.items);
    inbox.any.store(false, std::memory_order_relaxed);
  }
  for (const auto& item : items)
    if (item.object->merge(1)) item.destroy(item.object);
}

}  // namespace ebb
