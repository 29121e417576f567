#include "optim/parameters.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "autograd/base/fail.h"

namespace ebb::optim {
namespace {

void check_parameter(const char* optimizer, std::size_t index, const Tensor& p) {
  const auto wrong = [&](std::string_view what) {
    fail("{}: parameter {} ({}) {}", optimizer, index, describe(p), what);
  };
  if (!p.defined()) wrong("is undefined; assign a tensor first");
  if (!p.is_leaf())
    wrong(
        fmt::format("was computed by {}; optimizers move leaves, so give what it was computed from", p.grad_fn()));
  if (!p.requires_grad()) wrong("does not require grad; call set_requires_grad(), or leave it out");
  if (!p.is_contiguous()) wrong("is not contiguous; make a leaf of its clone()");
}

// Updates run in parallel, and each element must be moved once.
void check_disjoint(const char* optimizer, std::span<const Tensor> parameters) {
  struct Extent {
    const std::byte *begin, *end;
    const detail::TensorImpl* identity;
    std::size_t index;
    auto key() const { return std::pair(begin, identity); }
  };
  std::vector<Extent> extents;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto& p = parameters[i].impl();
    const auto* begin = static_cast<const std::byte*>(p.data);
    extents.push_back({begin, begin + p.shape.numel() * size_of(p.dtype), &p, i});
  }
  std::sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) { return a.key() < b.key(); });
  const Extent* farthest = nullptr;
  for (const auto& e : extents) {
    if (farthest && (farthest->identity == e.identity || farthest->end > e.begin)) {
      const auto [first, second] = std::minmax(farthest->index, e.index);
      fail("{}: parameters {} and {} ({}) {}; give each once", optimizer, first, second,
           describe(parameters[second]),
           farthest->identity == e.identity ? "are the same tensor" : "share memory");
    }
    if (!farthest || e.end >= farthest->end) farthest = &e;
  }
}

}  // namespace

void check_parameters(const char* optimizer, std::span<const Tensor> parameters) {
  if (parameters.empty()) fail("{}: there are no parameters; give at least one", optimizer);
  for (std::size_t i = 0; i < parameters.size(); ++i) check_parameter(optimizer, i, parameters[i]);
  check_disjoint(optimizer, parameters);
}

}  // namespace ebb::optim
