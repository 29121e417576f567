#include "autograd/base/strict.h"

#include <atomic>

namespace ebb {
namespace {

std::atomic<bool> is_strict{false};

}  // namespace

bool strict() { return is_strict.load(std::memory_order_relaxed); }
void set_strict(bool on) { is_strict.store(on, std::memory_order_relaxed); }

}  // namespace ebb
