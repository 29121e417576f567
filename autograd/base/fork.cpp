#include "autograd/base/fork.h"

#include <vector>

#include "autograd/base/counted.h"
#include "autograd/base/memory.h"
#include "autograd/base/parallel.h"

#if __has_include(<pthread.h>)
#include <pthread.h>
#endif

namespace ebb::detail {

constinit Locks locks;

namespace {

constinit int times = 0;

#if __has_include(<pthread.h>)

void lock_all() {
  if (!inside_loop()) locks.loops.lock();
  locks.gradients.lock();
  locks.inboxes.lock();
  locks.memory.lock();
}

void unlock_all() {
  locks.memory.unlock();
  locks.inboxes.unlock();
  locks.gradients.unlock();
  if (!inside_loop()) locks.loops.unlock();
}

void begin_child() {
  ++times;
  forget_pool();
  Counted::forget_other_threads();
  memory::forget_other_threads();
  unlock_all();
}

[[maybe_unused]] const int registered = pthread_atfork(lock_all, unlock_all, begin_child);
#endif

}  // namespace

int forks() { return times; }

void keep_forever(void* object) {
  static auto& kept = *new std::vector<void*>;  // so that checkers of leaks find it
  kept.push_back(object);
}

}  // namespace ebb::detail
