// Public functions with hostile arguments: shapes, dimensions, indices, strides, paddings and sizes from -2^63 to 2^63 - 1,
// tensors of any dtype and layout. Each gives a result or an ebb::Error, and so do its first and second derivative; anything
// else, a crash, undefined behaviour, another exception, is a bug. libFuzzer chooses the bytes: scripts/fuzz.
//
// Blocks above 4 MB are refused, so that a size that is only large is an Error too, and none takes long.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

#include "fuzz/source.h"

extern "C" const char* __asan_default_options() {
  return "allocator_may_return_null=1:max_allocation_size_mb=32:detect_leaks=0";
}

// The linker gives the library these in place of aligned_alloc, by which it asks for tensors.
extern "C" void* __real_aligned_alloc(std::size_t alignment, std::size_t bytes);
extern "C" void* __wrap_aligned_alloc(std::size_t alignment, std::size_t bytes) {
  return bytes > std::size_t{4} << 20 ? nullptr : __real_aligned_alloc(alignment, bytes);
}

namespace ebb::fuzz {
namespace {

const Function& function(unsigned number) {
  const auto tensors = tensor_functions(), layers = layer_functions();
  number %= static_cast<unsigned>(tensors.size() + layers.size());
  return number < tensors.size() ? tensors[number] : layers[number - tensors.size()];
}

// The gradient of what has one and is no giant, and of that gradient.
void differentiate(const Tensors& outputs, const Tensors& leaves) {
  for (const auto& y : outputs) {
    if (!y.defined() || !y.requires_grad() || y.numel() > 100'000) continue;
    const Tensors first =
        grad(y, leaves, {.grad_outputs = {ones_like(y)}, .create_graph = true, .allow_unused = true});
    for (const auto& g : first)
      if (g.defined() && g.requires_grad()) g.backward(ones_like(g), {.retain_graph = true});
  }
}

}  // namespace
}  // namespace ebb::fuzz

static bool show = false;

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  ebb::set_num_threads(1);
  show = *argc == 2 && (*argv)[1][0] != '-';  // the one call of a file
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ebb::fuzz;
  Source source(data, size);
  const Function& chosen = function(source.two_bytes());
  if (show) std::fprintf(stderr, "%s\n", chosen.call);
  try {
    const ebb::Tensors outputs = chosen.f(source);
    differentiate(outputs, source.leaves());
  } catch (const ebb::Error& error) {
    if (show) std::fprintf(stderr, "%s\n", error.what());
    if (std::string(error.what()).find(": ") == std::string::npos) __builtin_trap();  // it says who speaks
  }
  return 0;
}
