#include "optim/state_reader.h"

#include <fmt/ranges.h>

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "autograd/node.h"

namespace ebb::optim {

StateReader::StateReader(std::string_view owner, std::span<const NamedTensor> saved) : owner_(owner) {
  for (const auto& [name, tensor] : saved)
    if (!unread_.emplace(name, &tensor).second) wrong_.push_back(fmt::format("{} is there twice", name));
}

Tensor StateReader::tensor(const std::string& name, const Spec& spec) {
  const auto entry = unread_.extract(name);
  if (entry.empty()) {
    missing_.push_back(name);
    return {};
  }
  const Tensor& found = *entry.mapped();
  if (!found.defined() || found.shape() != spec.shape || found.dtype() != spec.dtype) {
    wrong_.push_back(fmt::format("{} is {} instead of {} {}", name, describe(found), spec.dtype, spec.shape));
    return {};
  }
  const NoGrad off;
  return found.clone();
}

double StateReader::number(const std::string& name, double otherwise) {
  const Tensor found = tensor(name, {{}, float64});
  return found.defined() ? found.item() : otherwise;
}

void StateReader::finish() const {
  std::vector<std::string> problems = wrong_;
  if (!missing_.empty()) problems.push_back(fmt::format("missing: {}", fmt::join(missing_, ", ")));
  std::vector<std::string_view> unexpected;
  for (const auto& [name, tensor] : unread_) unexpected.push_back(name);
  if (!unexpected.empty()) problems.push_back(fmt::format("unexpected: {}", fmt::join(unexpected, ", ")));
  if (!problems.empty())
    fail("{}: the state does not fit: {}; load what state() of the same kind of object gave", owner_,
         fmt::join(problems, "; "));
}

NamedTensor named_number(std::string name, double value) {
  return {std::move(name), tensor(value, {.dtype = float64})};
}

}  // namespace ebb::optim
