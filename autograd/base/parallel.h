// parallel_for: the only way to threads in ebb's kernels.
#pragma once

#include <cstdint>
#include <functional>
#include <type_traits>

#include "autograd/base/divide.h"

namespace ebb {

// Threads that parallel_for may use, the caller included. Initially the number of cores this process may run
// on. Results do not depend on it: see parallel_for. A child of fork() has as many, of its own.
int num_threads();

// From 1 to 256; Error otherwise. Waits for running loops; workers that are too many are joined.
void set_num_threads(int count);

// The host program's own executor, instead of ebb's pool: it must call task(0) … task(count - 1), each once,
// in any order and on any threads, and return when all have ended. An empty function restores the pool.
using Executor = std::function<void(std::int64_t count, const std::function<void(std::int64_t)>& task)>;
void set_executor(Executor executor);

namespace detail {
using Chunk = void (*)(void* context, std::int64_t chunk);
void run_chunks(std::int64_t count, Chunk chunk, void* context);
bool worth_threads();  // more than one thread is set, and this is not already inside a parallel_for
bool inside_loop();    // this thread runs a piece of a loop that others may run pieces of
void forget_pool();    // in a child of fork(), see Note [Fork]: the next loop starts another
}  // namespace detail

// Calls f(begin, end) on consecutive pieces of [0, count) of `grain` elements (the last may be shorter). The
// pieces depend on `grain` alone, never on the number of threads: a kernel that keeps one partial result per
// piece and combines them in order gives the same bits on any number of threads. A nested call runs serially
// on the calling thread. The first exception thrown by f reaches the caller after all pieces have ended.
//
// Costs about 0.2 µs when the pool is hot: choose `grain` so that a piece is worth some 10 µs.
template <class F>
void parallel_for(std::int64_t count, std::int64_t grain, F&& f) {
  if (count <= 0) return;
  const std::int64_t chunks = detail::ceil_div(count, grain);
  struct Context {
    std::remove_reference_t<F>* f;
    std::int64_t count, grain;
  } context{&f, count, grain};
  const auto piece = [](void* p, std::int64_t chunk) {
    auto& c = *static_cast<Context*>(p);
    const std::int64_t begin = chunk * c.grain;
    (*c.f)(begin, begin + c.grain < c.count ? begin + c.grain : c.count);
  };
  if (chunks == 1 || !detail::worth_threads()) {
    for (std::int64_t i = 0; i < chunks; ++i) piece(&context, i);
  } else {
    detail::run_chunks(chunks, piece, &context);
  }
}

}  // namespace ebb
