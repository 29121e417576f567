#include "optim/optimizer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "autograd/base/fail.h"
#include "autograd/base/scratch.h"
#include "autograd/capture.h"
#include "autograd/create.h"
#include "autograd/node.h"
#include "optim/parameters.h"
#include "optim/rules.h"
#include "optim/state_reader.h"

namespace ebb::optim {
namespace {

// Calls f(index, group, i) for every parameter: its index among all, its group, and its index there.
template <class Groups, class F>
void for_each_parameter(const Groups& groups, F&& f) {
  std::size_t index = 0;
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (std::size_t i = 0; i < groups[g].parameters.size(); ++i) f(index++, g, i);
}

std::string option_name(std::size_t group, std::string_view option) {
  return fmt::format("group.{}.{}", group, option);
}
std::string buffer_name(std::size_t index, std::string_view buffer) { return fmt::format("{}.{}", index, buffer); }

template <class Options>
void check_options(const Options& options) {
  using R = Rule<Options>;
  R::fields(options, [](std::string_view name, auto value, Range range = Range::any) {
    check_option(R::kName, name, static_cast<double>(value), range);
  });
  if constexpr (requires { R::check(options); }) R::check(options);
}

// Does the update use buffer `b`, and any at all? If none, it depends on nothing before it.
template <class Options>
bool uses(const Options& options, std::size_t b) {
  if constexpr (requires { Rule<Options>::uses(options, b); }) return Rule<Options>::uses(options, b);
  else return true;
}
template <class Options>
bool remembers(const Options& options) {
  for (std::size_t b = 0; b < Rule<Options>::kBuffers.size(); ++b)
    if (uses(options, b)) return true;
  return false;
}

template <class Options>
std::vector<Group<Options>> single_group(std::vector<Tensor> parameters, const Options& options) {
  std::vector<Group<Options>> groups;
  groups.push_back({std::move(parameters), options});
  return groups;
}

}  // namespace

template <class Options>
BasicOptimizer<Options>::BasicOptimizer(std::vector<Tensor> parameters, const Options& options)
    : BasicOptimizer(single_group(std::move(parameters), options)) {}

template <class Options>
BasicOptimizer<Options>::BasicOptimizer(std::initializer_list<Group<Options>> groups)
    : BasicOptimizer(std::vector<Group<Options>>(groups)) {}

template <class Options>
BasicOptimizer<Options>::BasicOptimizer(std::vector<Group<Options>> groups) : groups_(std::move(groups)) {
  using R = Rule<Options>;
  for (const auto& group : groups_) check_options(group.options);
  const auto all = parameters();
  check_parameters(R::kName, all);
  if constexpr (requires { R::check_parameter(0, Shape()); })
    for (std::size_t i = 0; i < all.size(); ++i) R::check_parameter(i, all[i].shape());
  states_ = make_states();
}

template <class Options>
BasicOptimizer<Options>::~BasicOptimizer() = default;

template <class Options>
auto BasicOptimizer<Options>::make_states() const -> States {
  States states;
  for (const auto& group : groups_) states.emplace_back(group.parameters.size());
  return states;
}

template <class Options>
std::vector<Tensor> BasicOptimizer<Options>::parameters() const {
  std::vector<Tensor> all;
  for (const auto& group : groups_) all.insert(all.end(), group.parameters.begin(), group.parameters.end());
  return all;
}

template <class Options>
void BasicOptimizer<Options>::zero_grad() {
  for (const auto& group : groups_)
    for (Tensor p : group.parameters) p.zero_grad();
}

// Whatever can fail comes first, so that an Error leaves all parameters as they were.
template <class Options>
void BasicOptimizer<Options>::step() {
  ebb::detail::refuse_in_replay("an optimizer's step()");
  for (const auto& group : groups_) check_options(group.options);
  for (std::size_t g = 0; g < groups_.size(); ++g) prepare(groups_[g], states_[g]);
  for (std::size_t g = 0; g < groups_.size(); ++g) update(groups_[g], states_[g]);
}

// Gets the gradients, and the buffers that the update of those parameters will use.
template <class Options>
void BasicOptimizer<Options>::prepare(const Group<Options>& group, std::vector<ParameterState>& states) {
  const NoGrad off;
  for (std::size_t i = 0; i < states.size(); ++i) {
    auto& s = states[i];
    const Tensor& p = group.parameters[i];
    const Tensor gradient = p.grad();
    s.gradient = gradient.defined() ? gradient.contiguous() : Tensor();
    if (!gradient.defined()) continue;
    for (std::size_t b = 0; b < Rule<Options>::kBuffers.size(); ++b)
      if (uses(group.options, b) && !s.buffers[b].defined()) s.buffers[b] = zeros_like(p);
  }
}

// One call of the kernel for each run of parameters that have been updated equally often: nearly always one.
template <class Options>
void BasicOptimizer<Options>::update(const Group<Options>& group, std::vector<ParameterState>& states) {
  using R = Rule<Options>;
  memory::Scratch<kernels::UpdateSlot> slots(static_cast<std::int64_t>(states.size()));
  std::size_t count = 0;
  double run_step = 0;
  const auto flush = [&] {
    if (count > 0) R::update({slots.data(), count}, group.options, run_step);
    count = 0;
  };
  for (std::size_t i = 0; i < states.size(); ++i) {
    const auto& s = states[i];
    if (!s.gradient.defined()) continue;
    if (s.step != run_step) flush();
    run_step = s.step;
    auto& slot = slots.data()[count++] = {group.parameters[i].writable(R::kName), s.gradient.view()};
    for (std::size_t b = 0; b < R::kBuffers.size(); ++b)
      if (uses(group.options, b)) slot.buffers[b] = s.buffers[b].view();
  }
  flush();
  for (auto& s : states) {
    if (s.gradient.defined() && remembers(group.options)) ++s.step;
    s.gradient = {};
  }
}

template <class Options>
void BasicOptimizer<Options>::check_group(std::size_t group) const {
  if (group >= groups_.size())
    fail("{}: there is no group {}, only {}", Rule<Options>::kName, group, groups_.size());
}

template <class Options>
std::size_t BasicOptimizer<Options>::group_count() const {
  return groups_.size();
}

template <class Options>
double BasicOptimizer<Options>::lr(std::size_t group) const {
  check_group(group);
  return groups_[group].options.lr;
}

template <class Options>
void BasicOptimizer<Options>::set_lr(std::size_t group, double lr) {
  check_group(group);
  check_option(Rule<Options>::kName, "lr", lr, Range::not_negative);
  groups_[group].options.lr = lr;
}

// The names depend on the options, and the buffers' also on whether a step has been taken: this and
// load_state() agree.
template <class Options>
std::vector<NamedTensor> BasicOptimizer<Options>::state() const {
  using R = Rule<Options>;
  const NoGrad off;
  std::vector<NamedTensor> saved;
  for (std::size_t g = 0; g < groups_.size(); ++g)
    R::fields(groups_[g].options, [&](std::string_view name, auto value, Range = Range::any) {
      saved.push_back(named_number(option_name(g, name), static_cast<double>(value)));
    });
  for_each_parameter(groups_, [&](std::size_t index, std::size_t g, std::size_t i) {
    const auto& s = states_[g][i];
    if (!remembers(groups_[g].options)) return;
    saved.push_back(named_number(buffer_name(index, "step"), s.step));
    if (s.step == 0) return;
    for (std::size_t b = 0; b < R::kBuffers.size(); ++b) {
      if (!uses(groups_[g].options, b)) continue;
      const auto& buffer = s.buffers[b];
      saved.push_back({buffer_name(index, R::kBuffers[b]),
                       buffer.defined() ? buffer.clone() : zeros_like(groups_[g].parameters[i])});
    }
  });
  return saved;
}

template <class Options>
void BasicOptimizer<Options>::load_state(std::span<const NamedTensor> saved) {
  using R = Rule<Options>;
  StateReader reader(R::kName, saved);
  std::vector<Options> options;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    R::fields(options.emplace_back(groups_[g].options),
              [&]<class T>(std::string_view name, T& value, Range = Range::any) {
                value = static_cast<T>(reader.number(option_name(g, name), static_cast<double>(value)));
              });
  }
  States states = make_states();
  for_each_parameter(groups_, [&](std::size_t index, std::size_t g, std::size_t i) {
    auto& s = states[g][i];
    const Tensor& p = groups_[g].parameters[i];
    if (!remembers(options[g])) return;
    s.step = reader.number(buffer_name(index, "step"), 1);  // if missing, let the buffers pass for expected
    if (!(s.step >= 0) || s.step != std::floor(s.step))
      fail("{}: {}.step is {}; it must be a whole number", R::kName, index, s.step);
    if (s.step == 0) return;
    for (std::size_t b = 0; b < R::kBuffers.size(); ++b)
      if (uses(options[g], b))
        s.buffers[b] = reader.tensor(buffer_name(index, R::kBuffers[b]), {p.shape(), p.dtype()});
  });
  reader.finish();
  for (const auto& o : options) check_options(o);
  states_ = std::move(states);
  for (std::size_t g = 0; g < groups_.size(); ++g) groups_[g].options = options[g];
}

template class BasicOptimizer<SGDOptions>;
template class BasicOptimizer<AdamOptions>;
template class BasicOptimizer<AdamWOptions>;
template class BasicOptimizer<AdamaxOptions>;
template class BasicOptimizer<NAdamOptions>;
template class BasicOptimizer<RAdamOptions>;
template class BasicOptimizer<LAMBOptions>;
template class BasicOptimizer<LionOptions>;
template class BasicOptimizer<AdagradOptions>;
template class BasicOptimizer<AdadeltaOptions>;
template class BasicOptimizer<RMSpropOptions>;
template class BasicOptimizer<RpropOptions>;
template class BasicOptimizer<ASGDOptions>;
template class BasicOptimizer<MuonOptions>;

}  // namespace ebb::optim
