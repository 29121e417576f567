// A training step, once warm, asks neither malloc nor the system for memory. Every call of this program is counted.
#include <doctest/doctest.h>
#include <malloc.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>

#include "bench/models.h"

#if defined(__GLIBC__) && !defined(EBB_SANITIZED)
namespace {
std::atomic<std::int64_t> calls{0};
}

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

void* malloc(std::size_t bytes) noexcept {
  ++calls;
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) noexcept {
  ++calls;
  return __libc_calloc(count, bytes);
}
void* realloc(void* block, std::size_t bytes) noexcept {
  ++calls;
  return __libc_realloc(block, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) noexcept {
  ++calls;
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept { return memalign(alignment, bytes); }
int posix_memalign(void** block, std::size_t alignment, std::size_t bytes) noexcept {
  *block = memalign(alignment, bytes);
  return *block ? 0 : ENOMEM;
}
}

namespace {

using namespace ebb;

template <class Net>
void check_steps(const Net& prototype, const Shape& shape, int steps) {
  for (const int threads : {1, 2, 4}) {
    CAPTURE(threads);
    set_num_threads(threads);
    const Net net = clone(prototype);
    optim::Adam adam(parameters(net));
    const auto x = rand(shape), labels = randint(0, 10, {shape[0]});
    for (int step = 1; step <= steps; ++step) {
      const std::int64_t before = calls;
      adam.zero_grad();
      cross_entropy(net(x), labels).backward();
      adam.step();
      const std::int64_t made = calls - before;
      if (step >= 3) CHECK_MESSAGE(made == 0, "step ", step);
    }
  }
}

TEST_CASE("from the third step on, training makes no call of malloc") {
  void* volatile block = std::malloc(1);  // the counter counts
  std::free(block);
  REQUIRE(calls > 0);
  manual_seed(1);
  SUBCASE("LeNet-5") { check_steps(bench::LeNet5(), {64, 1, 28, 28}, 200); }
  SUBCASE("an LSTM") { check_steps(bench::Lstm(), {32, 32, 64}, 200); }
  SUBCASE("a residual network") { check_steps(bench::ResNet(), {2, 3, 16, 16}, 6); }
  SUBCASE("a transformer's layer") { check_steps(bench::Transformer{.dropout = 0.1}, {4, 80, 256}, 20); }
}

}  // namespace
#else
TEST_CASE("from the third step on, training makes no call of malloc" * doctest::skip()) {}
#endif
