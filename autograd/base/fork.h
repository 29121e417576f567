// The locks of the whole process, and what becomes of them when it forks.
#pragma once

#include <memory>
#include <mutex>

namespace ebb::detail {

// Note [Fork]: a child of fork() has the thread that called it and no other. A lock that another thread held would never
// be free there; a list of threads would name lost ones, whose stacks the system gives to new ones. So fork() first takes
// all the locks below, in their order, in which one may also be taken while another is held; the child, before fork()
// returns there, forgets the threads that it does not have, and is then as good as its parent. Only what lost threads
// alone held is lost to it: their handles, their free blocks, and loops over a DataLoader with workers.
// A piece of a parallel_for, run by a thread whose caller waits, may fork only to call exec.
struct Locks {
  struct alignas(64) Lock : std::mutex {};
  Lock loops;      // one loop at a time has the pool
  Lock gradients;  // of leaves, which several threads may share
  Lock inboxes;    // of objects returned to their threads
  Lock memory;     // what all threads share of it
};
extern Locks locks;

// How often this process has come out of a fork() as the child. An object with threads of its own has lost them if this is
// not what it was when they began.
int forks();

// Lets go of an object whose threads are lost: to destroy it would be to wait for them.
void keep_forever(void* object);
template <class T>
void abandon(std::unique_ptr<T>& object) {
  if (object) keep_forever(object.release());
}

}  // namespace ebb::detail
