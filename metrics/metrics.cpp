#include "metrics/metrics.h"

#include <fmt/format.h>

#include <algorithm>

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "autograd/node.h"
#include "autograd/ops.h"

namespace ebb::metrics {

double accuracy(const Tensor& answers, const Tensor& target) {
  const NoGrad off;
  const Tensor predicted = answers.dim() == 2 ? argmax(answers, 1) : answers;
  if (target.dim() != 1 || predicted.shape() != target.shape() || is_floating(predicted.dtype()))
    fail(
        "accuracy: the answers are {} and the target {}; give scores [n, classes] or classes [n], and classes [n]",
        describe(answers), describe(target));
  return sum(eq(predicted, target.to(predicted.dtype()))).item<double>() / static_cast<double>(target.numel());
}

Tensor confusion_matrix(const Tensor& predicted, const Tensor& target, std::int64_t classes) {
  if (predicted.dim() != 1 || predicted.shape() != target.shape() || is_floating(predicted.dtype()) ||
      is_floating(target.dtype()) || classes < 1)
    fail("confusion_matrix: predicted is {}, the target {} and classes {}; give integers [n] and 1 or more",
         describe(predicted), describe(target), classes);
  const auto column = predicted.to_vector<std::int64_t>(), row = target.to_vector<std::int64_t>();
  Tensor counts = zeros({classes, classes}, {.dtype = int64});
  auto* const count = counts.data<std::int64_t>();
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (std::min(row[i], column[i]) < 0 || std::max(row[i], column[i]) >= classes)
      fail("confusion_matrix: example {} is of class {} and taken for {}; classes are 0 to {}", i, row[i],
           column[i], classes - 1);
    ++count[row[i] * classes + column[i]];
  }
  return counts;
}

namespace {

template <class Curves>
auto find(Curves& curves, std::string_view name) {
  return std::find_if(curves.begin(), curves.end(), [&](const auto& curve) { return curve.first == name; });
}

}  // namespace

void History::add(std::string_view name, double value) {
  const auto found = find(curves_, name);
  if (found != curves_.end()) found->second.push_back(value);
  else curves_.push_back({std::string(name), {value}});
}

const std::vector<double>& History::operator[](std::string_view name) const {
  static const std::vector<double> none;
  const auto found = find(curves_, name);
  return found == curves_.end() ? none : found->second;
}

double History::last(std::string_view name) const {
  const auto& values = (*this)[name];
  if (values.empty()) fail("History: nothing was added to the curve {}", name);
  return values.back();
}

std::string History::summary() const {
  std::string text;
  for (const auto& [name, values] : curves_)
    text += fmt::format("{}{} {:.4g}", text.empty() ? "" : ", ", name, values.back());
  return text;
}

std::vector<NamedTensor> History::state() const {
  std::vector<NamedTensor> state;
  for (const auto& [name, values] : curves_) state.push_back({name, tensor(values, {.dtype = float64})});
  return state;
}

void History::load_state(const std::vector<NamedTensor>& state) {
  curves_.clear();
  for (const auto& [name, values] : state) curves_.push_back({name, values.to_vector<double>()});
}

}  // namespace ebb::metrics
