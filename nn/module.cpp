#include "nn/module.h"

#include <functional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "autograd/base/fail.h"
#include "autograd/functions/shape.h"
#include "autograd/node.h"

namespace ebb {
namespace nn::detail {

Members::Scope::Scope(Members& members, std::string_view name) : members_(members), outer_(members.path_.size()) {
  auto& path = members_.path_;
  if (!path.empty() && !name.empty()) path += '.';
  path += name;
}

void Members::add(Role role, const Tensor& tensor) {
  if (tensor.defined()) tensors.push_back({path_, role, const_cast<Tensor*>(&tensor)});
}

namespace {

// Which array a handle stands for. Handles of one array are tied weights.
using Identity = const ebb::detail::TensorImpl*;
Identity address(const Tensor& tensor) { return tensor.handle().get(); }

// Calls visit(member) for each parameter at its first occurrence.
void for_each_parameter(const Members& members, const std::function<void(const Member&)>& visit) {
  std::unordered_set<Identity> seen;
  for (const auto& member : members.tensors)
    if (member.role == Role::parameter && seen.insert(address(*member.tensor)).second) visit(member);
}

// Replaces each tensor by renewed(tensor), itself or a new one, which inherits requires_grad; tied ones by one
// and the same.
void replace(const Members& members, const std::function<Tensor(const Tensor&)>& renewed) {
  const NoGrad off;
  std::unordered_map<Identity, Tensor> fresh;
  for (const auto& member : members.tensors) {
    const Tensor& old = *member.tensor;
    if (fresh.contains(address(old))) continue;
    Tensor tensor = renewed(old);
    if (old.requires_grad()) tensor.set_requires_grad();
    fresh.emplace(address(old), std::move(tensor));
  }
  std::vector<Tensor> keep;  // so that no address of an old tensor is used again
  for (const auto& member : members.tensors)
    keep.push_back(std::exchange(*member.tensor, fresh.at(address(*member.tensor))));
}

}  // namespace

std::vector<Tensor> parameters(const Members& members) {
  std::vector<Tensor> found;
  for_each_parameter(members, [&](const Member& member) { found.push_back(*member.tensor); });
  return found;
}

std::vector<NamedTensor> named_parameters(const Members& members) {
  std::vector<NamedTensor> found;
  for_each_parameter(members, [&](const Member& member) { found.push_back({member.name, *member.tensor}); });
  return found;
}

std::vector<NamedTensor> state(const Members& members) {
  std::vector<NamedTensor> found;
  for (const auto& member : members.tensors) found.push_back({member.name, member.tensor->detach()});
  return found;
}

void set_training(const Members& members, bool training) {
  for (auto* mode : members.modes) mode->training = training;
}

void zero_grad(const Members& members) {
  for_each_parameter(members, [](const Member& member) { member.tensor->zero_grad(); });
}

void unshare(const Members& members) {
  replace(members, [](const Tensor& old) { return old.clone(); });
}

void spread(const Members& members, std::int64_t n) {
  replace(members, [&](const Tensor& old) {
    return old.requires_grad() ? expand(old.detach(), Dims(old.shape().inserted(0, n))) : old;
  });
}

void convert(const Members& members, Dtype dtype) {
  if (!is_floating(dtype)) fail("to: parameters can not be {}; ask for float32 or float64", dtype);
  replace(members, [&](const Tensor& old) { return is_floating(old.dtype()) ? old.to(dtype) : old; });
}

}  // namespace nn::detail
}  // namespace ebb
