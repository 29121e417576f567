// load_state(): compares all names, shapes and dtypes first, and only then copies.
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "autograd/base/fail.h"
#include "autograd/node.h"
#include "nn/module.h"

namespace ebb::nn::detail {
namespace {

using Given = std::unordered_map<std::string_view, const Tensor*>;

// The lines of the one Error.
class Complaints {
 public:
  void add(std::string_view kind, std::string_view text) { lines_ += fmt::format("\n  {}: {}", kind, text); }
  void add_names(std::string_view kind, const std::vector<std::string_view>& names) {
    if (!names.empty()) add(kind, fmt::format("{}", fmt::join(names, ", ")));
    names_ = names_ || !names.empty();
  }
  void raise() const {
    if (lines_.empty()) return;
    fail("load_state: the tensors do not fit the module{}:{}",
         names_ ? " ({.strict = false} would leave out the missing and the unexpected)" : "", lines_);
  }

 private:
  std::string lines_;
  bool names_ = false;
};

bool fits(const Tensor& own, const Tensor& given) {
  return given.defined() && own.shape() == given.shape() &&
         (own.dtype() == given.dtype() || (is_floating(own.dtype()) && is_floating(given.dtype())));
}

Given by_name(std::span<const NamedTensor> tensors, Complaints& complaints) {
  Given given;
  for (const auto& [name, tensor] : tensors)
    if (!given.emplace(name, &tensor).second) complaints.add("given twice", name);
  return given;
}

// The module's names that no tensor is given for, neither under this name nor under that of a tied one.
std::vector<std::string_view> missing_names(const Members& members, const Given& given) {
  std::unordered_set<const void*> covered;
  for (const auto& member : members.tensors)
    if (given.contains(member.name)) covered.insert(member.tensor->handle().get());
  std::vector<std::string_view> missing;
  for (const auto& member : members.tensors)
    if (!covered.contains(member.tensor->handle().get())) missing.push_back(member.name);
  return missing;
}

std::vector<std::string_view> unexpected_names(const Members& members, std::span<const NamedTensor> tensors) {
  std::unordered_set<std::string_view> known;
  for (const auto& member : members.tensors) known.insert(member.name);
  std::vector<std::string_view> unexpected;
  for (const auto& [name, tensor] : tensors)
    if (!known.contains(name)) unexpected.push_back(name);
  return unexpected;
}

// Copies all; sources that lie in memory that is written are copied aside first.
void copy_all(const Members& members, const Given& given) {
  const NoGrad off;
  std::unordered_set<const void*> written;
  for (const auto& member : members.tensors) written.insert(member.tensor->impl().buffer.get());
  std::vector<std::pair<const Tensor*, Tensor>> copies;
  for (const auto& member : members.tensors) {
    const auto found = given.find(member.name);
    if (found == given.end()) continue;
    const Tensor& source = *found->second;
    copies.emplace_back(member.tensor, written.contains(source.impl().buffer.get()) ? source.clone() : source);
  }
  for (const auto& [own, source] : copies) own->copy_(source);
}

}  // namespace

void load_state(const Members& members, std::span<const NamedTensor> tensors, const LoadOptions& options) {
  Complaints complaints;
  const Given given = by_name(tensors, complaints);
  if (options.strict) {
    complaints.add_names("missing", missing_names(members, given));
    complaints.add_names("unexpected", unexpected_names(members, tensors));
  }
  for (const auto& member : members.tensors) {
    const auto found = given.find(member.name);
    if (found != given.end() && !fits(*member.tensor, *found->second))
      complaints.add(member.name, fmt::format("{} in the module, {} given", ebb::describe(*member.tensor),
                                              ebb::describe(*found->second)));
  }
  complaints.raise();
  copy_all(members, given);
}

}  // namespace ebb::nn::detail
