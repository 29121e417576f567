#include "autograd/anomaly.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "autograd/base/fail.h"
#include "autograd/ops.h"

namespace ebb {
namespace {

thread_local std::optional<SourceLine> latest_line;

std::string text(const SourceLine& line) {
  return fmt::format("{}:{}", std::filesystem::path(line.file).filename().string(), line.line);
}

// What is wrong with a tensor.
struct Finding {
  std::int64_t nans = 0, infinities = 0, first = -1;
  double value = 0, low = 0, high = 0;  // the first wrong one; the range of the others
};

Finding look_at(const Tensor& x) {
  Finding found;
  if (!x.defined() || !is_floating(x.dtype())) return found;
  const detail::Unwatched off;
  const NoGrad no_grad;
  const auto values = x.detach().to(float64).to_vector<double>();
  bool any = false;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double v = values[i];
    if (std::isfinite(v)) {
      found.low = any ? std::min(found.low, v) : v;
      found.high = any ? std::max(found.high, v) : v;
      any = true;
      continue;
    }
    ++(std::isnan(v) ? found.nans : found.infinities);
    if (found.first >= 0) continue;
    found.first = static_cast<std::int64_t>(i);
    found.value = std::isnan(v) ? std::abs(v) : v;  // a NaN's sign says nothing
  }
  return found;
}

std::string index_of(std::int64_t element, const Shape& shape) {
  std::vector<std::int64_t> index(static_cast<std::size_t>(shape.rank()));
  for (int d = shape.rank() - 1; d >= 0; --d) {
    index[static_cast<std::size_t>(d)] = element % shape[d];
    element /= shape[d];
  }
  return fmt::format("[{}]", fmt::join(index, ", "));
}

// "element [1, 0] of the output, float32 [2, 3], is -inf, and 2 others are not finite"
std::string text(const Finding& found, const std::string& what, const Tensor& x) {
  const std::int64_t others = found.nans + found.infinities - 1;
  return fmt::format("element {} of {}, {}, is {}{}", index_of(found.first, x.shape()), what, describe(x),
                     found.value, others > 0 ? fmt::format(", and {} more are not finite", others) : "");
}

std::string ranges(std::span<const Tensor> inputs, std::string_view what) {
  std::string all;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].defined()) continue;
    all += fmt::format("; {} {} is {}", what, i, describe(inputs[i]));
    if (!is_floating(inputs[i].dtype()) || inputs[i].numel() == 0) continue;
    const Finding found = look_at(inputs[i]);
    all += fmt::format(" from {:.6g} to {:.6g}", found.low, found.high);
  }
  return all;
}

}  // namespace

void here(SourceLine line) { latest_line = line; }
Tensor here(Tensor x, SourceLine line) {
  latest_line = line;
  return x;
}

// What led here.
struct Anomaly::Trace {
  struct Work {
    detail::Phase phase;
    std::string_view name;
  };
  std::vector<Work> running;
  std::unordered_map<std::uint64_t, SourceLine> lines;  // of nodes, by id
};

Anomaly::Anomaly(const AnomalyOptions& options) : options_(options), trace_(std::make_unique<Trace>()) {}
Anomaly::~Anomaly() = default;

void Anomaly::begin(detail::Phase phase, std::string_view name) { trace_->running.push_back({phase, name}); }
void Anomaly::end() {
  if (!trace_->running.empty()) trace_->running.pop_back();
}

// Where the work stands: the gradient that is being computed, and the latest line.
std::string Anomaly::place() const {
  std::string text_of;
  for (const auto& [phase, name] : trace_->running)
    if (phase == detail::Phase::backward) text_of = fmt::format("; in the gradient of {}", name);
  if (latest_line) text_of += "; after " + text(*latest_line);
  return text_of;
}

void Anomaly::done_forward(std::string_view name, std::span<const Tensor> inputs,
                           std::span<const Tensor> outputs) {
  if (latest_line)
    for (const auto& y : outputs)
      if (y.requires_grad()) trace_->lines.insert_or_assign(y.impl().edge.node->id(), *latest_line);
  bool infinite = !options_.infinity;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Finding found = look_at(inputs[i]);
    infinite |= found.infinities > 0;
    if (found.nans > 0)
      fail("{}: {}; it came in from outside{}", name, text(found, fmt::format("input {}", i), inputs[i]), place());
  }
  for (std::size_t j = 0; j < outputs.size(); ++j) {
    const Finding found = look_at(outputs[j]);
    if (found.nans == 0 && (infinite || found.infinities == 0)) continue;
    const std::string what = outputs.size() == 1 ? "the output" : fmt::format("output {}", j);
    fail("{}: {}{}{}", name, text(found, what, outputs[j]), ranges(inputs, "input"), place());
  }
}

void Anomaly::done_backward(const Node& node, std::span<const Tensor> gradients, std::span<const Tensor> sums) {
  bool infinite = !options_.infinity;
  for (const auto& g : gradients) infinite |= look_at(g).infinities > 0;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const Finding found = look_at(sums[i]);
    if (found.nans == 0 && (infinite || found.infinities == 0)) continue;
    const auto line = trace_->lines.find(node.id());
    fail("{}: {}{}{}", node.name(), text(found, fmt::format("the gradient of input {}", i), sums[i]),
         ranges(gradients, "the gradient of output"),
         line == trace_->lines.end() ? "" : fmt::format("; it ran after {}", text(line->second)));
  }
}

}  // namespace ebb
