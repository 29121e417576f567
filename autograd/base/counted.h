// Reference counts that cost no atomic operation on the thread that made the object.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace ebb {

// Note [Counting without atomics]: biased reference counting (Choi, Shull, Torrellas: Biased Reference
// Counting; PACT 2018). A graph is nearly always built, differentiated and freed by one thread, so an object
// has an owner, the thread that made it, and two counts: `local_`, touched by the owner alone with plain
// instructions, and `shared_`, atomic, for all other threads. The number of handles is their sum; a handle may
// be counted by one thread and dropped by another, so each count alone may be anything.
//
// The owner frees when its count reaches 0 and no other thread holds a handle. Otherwise it merges: it gives up
// ownership, and from then on `shared_` is the whole truth. Another thread that would take `shared_` below 0
// cannot know whether the object is dead, so it puts it into the owner's inbox, together with its handle; the
// owner merges it when it next makes a tensor or runs backward, or when it ends. Objects of a thread that has
// ended are merged by whoever finds them.
class Counted {
 public:
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

  // True on the thread that counts without atomics.
  bool is_mine() const noexcept { return owner_.load(std::memory_order_relaxed) == thread_id_; }

  // In a child of fork(), see Note [Fork]: the others are as if they had ended.
  static void forget_other_threads();

 protected:
  Counted() {
    if (thread_id_ == 0) register_thread();
    if (thread_id_ == kEnded) become_shared();
    else owner_.store(thread_id_, std::memory_order_relaxed);
  }
  ~Counted() = default;

 private:
  template <class T>
  friend class Ref;
  friend void merge_returned_objects();
  using Destroy = void (*)(Counted*);

  static constexpr std::int32_t kMerged = 1, kQueued = 2, kOne = 4;          // flags and unit of shared_
  static constexpr std::uint32_t kEnded = 0xffffffff, kNobody = 0xfffffffe;  // beside the threads' ids
  static inline constinit thread_local std::uint32_t thread_id_ = 0;
  static inline constinit thread_local std::atomic<bool>* returned_ = nullptr;  // set: the inbox holds something

  void retain() noexcept {
    if (is_mine()) ++local_;
    else shared_.fetch_add(kOne, std::memory_order_relaxed);
  }
  // True if this was the last handle: destroy the object.
  bool release(Destroy destroy) noexcept {
    if (!is_mine()) return release_shared(destroy);
    if (--local_ != 0) return false;
    return shared_.load(std::memory_order_acquire) == 0 || merge(0);
  }
  bool unique() const noexcept { return is_mine() && local_ == 1 && shared_.load(std::memory_order_acquire) == 0; }
  void disown() noexcept {
    if (is_mine()) merge(0);
  }

  static void merge_returned() noexcept;
  void become_shared() noexcept;
  bool release_shared(Destroy destroy) noexcept;
  bool merge(std::int32_t handles_given_up) noexcept;
  static void register_thread();
  struct Registry;
  struct Inbox;

  std::atomic<std::uint32_t> owner_{kNobody};
  std::uint32_t local_ = 1;
  std::atomic<std::int32_t> shared_{0};
};

// Frees what other threads have returned to this one. Called where tensors are made; a plain load when nothing was.
inline void merge_returned_objects() {
  if (Counted::returned_ && Counted::returned_->load(std::memory_order_relaxed)) [[unlikely]]
    Counted::merge_returned();
}

// A handle of a Counted T, which has a `static void destroy(T*) noexcept`.
template <class T>
class Ref {
 public:
  Ref() = default;
  Ref(const Ref& other) noexcept : p_(other.p_) {
    if (p_) p_->retain();
  }
  Ref(Ref&& other) noexcept : p_(std::exchange(other.p_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(p_, other.p_);
    return *this;
  }
  ~Ref() { reset(); }

  // Takes over the one handle that a new object is born with.
  static Ref adopt(T* fresh) noexcept {
    Ref r;
    r.p_ = fresh;
    return r;
  }
  static Ref share(T* p) noexcept {
    if (p) p->retain();
    return adopt(p);
  }
  void reset() noexcept {
    T* p = std::exchange(p_, nullptr);
    if (p && p->release([](Counted* object) { T::destroy(static_cast<T*>(object)); })) T::destroy(p);
  }

  T* get() const noexcept { return p_; }
  T* operator->() const noexcept { return p_; }
  T& operator*() const noexcept { return *p_; }
  explicit operator bool() const noexcept { return p_ != nullptr; }

  // True if no other handle exists and this thread is the owner.
  bool unique() const noexcept { return p_->unique(); }
  // Prepares an object for life on other threads: they then free it without this thread's help.
  void disown() const noexcept { p_->disown(); }

 private:
  T* p_ = nullptr;
};

}  // namespace ebb
