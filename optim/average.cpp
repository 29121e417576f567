#include "optim/average.h"

#include <cmath>
#include <string>
#include <utility>

#include "autograd/base/fail.h"
#include "autograd/capture.h"
#include "autograd/kernels/update.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "optim/state_reader.h"

namespace ebb::optim {
namespace {

constexpr const char* kName = "AveragedModel";

std::string average_name(std::size_t i) { return fmt::format("{}.average", i); }

}  // namespace

double ExponentialAverage::operator()(std::int64_t) const {
  if (!(decay >= 0 && decay <= 1)) fail("ExponentialAverage: decay is {}; it must be from 0 to 1", decay);
  return 1 - decay;
}
double EqualAverage::operator()(std::int64_t n) const { return 1 / static_cast<double>(n + 1); }

AveragedModel::AveragedModel(std::vector<Tensor> parameters, AverageRule rule)
    : parameters_(std::move(parameters)), rule_(std::move(rule)) {
  const NoGrad off;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor& p = parameters_[i];
    if (!p.defined() || !is_floating(p.dtype()) || !p.is_contiguous())
      fail("{}: parameter {} is {}; it must be float32 or float64 and contiguous", kName, i, describe(p));
    averages_.push_back(p.detach().clone());
  }
}

void AveragedModel::update_parameters() {
  ebb::detail::refuse_in_replay("an average of parameters");
  const double weight = n_ == 0 ? 1 : rule_(n_);
  if (!(weight >= 0 && weight <= 1))
    fail("{}: the rule gives {} for n = {}; it must be from 0 to 1", kName, weight, n_);
  const NoGrad off;
  std::vector<kernels::UpdateSlot> slots;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const View p = parameters_[i].view();
    if (n_ == 0) averages_[i].copy_(parameters_[i]);
    else slots.push_back({p, p, {averages_[i].writable(kName)}});
  }
  kernels::update(slots, kernels::AverageStep{.weight = weight});
  ++n_;
}

void AveragedModel::swap() {
  if (n_ == 0) fail("{}: swap() before the first update_parameters(); there is no average yet", kName);
  const NoGrad off;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor kept = parameters_[i].detach().clone();
    parameters_[i].copy_(averages_[i]);
    averages_[i].copy_(kept);
  }
}

std::vector<NamedTensor> AveragedModel::state() const {
  const NoGrad off;
  std::vector<NamedTensor> saved{named_number("n_averaged", static_cast<double>(n_))};
  for (std::size_t i = 0; i < averages_.size(); ++i) saved.push_back({average_name(i), averages_[i].clone()});
  return saved;
}

void AveragedModel::load_state(std::span<const NamedTensor> saved) {
  StateReader reader(kName, saved);
  const double n = reader.number("n_averaged", 0);
  std::vector<Tensor> averages;
  for (std::size_t i = 0; i < averages_.size(); ++i)
    averages.push_back(reader.tensor(average_name(i), {averages_[i].shape(), averages_[i].dtype()}));
  reader.finish();
  if (!(n >= 0) || n != std::floor(n)) fail("{}: n_averaged is {}; it must be a whole number", kName, n);
  n_ = static_cast<std::int64_t>(n);
  averages_ = std::move(averages);
}

}  // namespace ebb::optim
