// What an optimizer's options mean: the part of BasicOptimizer that differs from one to the next.
#pragma once

#include <array>
#include <cmath>
#include <span>
#include <string_view>

#include "autograd/base/fail.h"
#include "autograd/kernels/update.h"
#include "optim/optimizer.h"

namespace ebb::optim {

inline void check_not_negative(std::string_view optimizer, std::string_view option, double value) {
  if (!(value >= 0) || !std::isfinite(value))
    fail("{}: {} is {}; it must be 0 or larger, and finite", optimizer, option, value);
}

// The parameter's buffer, or no view at all if the update does not use it.
inline View view_or_none(const Tensor& buffer, bool used) { return used ? buffer.view() : View{}; }

// A rule has
//   kName               as in messages
//   kBuffers            the names of a parameter's buffers
//   buffers_used(o)     how many of them the update uses; 0: the update depends on nothing before it
//   check(o)            Error if the options make no sense
//   fields(o, f)        calls f(name, field) for every option
//   Slot, slot(..)      one parameter as the kernel takes it; buffers are zeros before the first step
//   update(..)          runs the kernel on parameters that have all been updated `step` times
template <class Options>
struct Rule;

template <>
struct Rule<SGDOptions> {
  using Slot = kernels::SgdSlot;
  static constexpr const char* kName = "SGD";
  static constexpr std::array<std::string_view, 1> kBuffers = {"momentum_buffer"};

  static std::size_t buffers_used(const SGDOptions& o) { return o.momentum != 0 ? 1 : 0; }

  static void check(const SGDOptions& o) {
    check_not_negative(kName, "lr", o.lr);
    check_not_negative(kName, "momentum", o.momentum);
    check_not_negative(kName, "weight_decay", o.weight_decay);
    if (!std::isfinite(o.dampening)) fail("SGD: dampening is {}; it must be finite", o.dampening);
    if (o.nesterov && (o.momentum == 0 || o.dampening != 0))
      fail("SGD: nesterov with momentum {} and dampening {}; it needs a momentum above 0 and no dampening",
           o.momentum, o.dampening);
  }

  static void fields(auto& o, auto&& f) {
    f("lr", o.lr);
    f("momentum", o.momentum);
    f("dampening", o.dampening);
    f("nesterov", o.nesterov);
    f("weight_decay", o.weight_decay);
    f("maximize", o.maximize);
  }

  static Slot slot(View parameter, View gradient, std::span<const Tensor> buffers, const SGDOptions& o) {
    return {parameter, gradient, view_or_none(buffers[0], o.momentum != 0)};
  }

  static void update(std::span<const Slot> slots, const SGDOptions& o, double step) {
    kernels::sgd(slots, {.lr = o.lr,
                         .momentum = o.momentum,
                         .dampening = o.dampening,
                         .weight_decay = o.weight_decay,
                         .nesterov = o.nesterov,
                         .maximize = o.maximize,
                         .first = step == 0});
  }
};

template <bool kDecoupled>
struct Rule<BasicAdamOptions<kDecoupled>> {
  using Options = BasicAdamOptions<kDecoupled>;
  using Slot = kernels::AdamSlot;
  static constexpr const char* kName = kDecoupled ? "AdamW" : "Adam";
  static constexpr std::array<std::string_view, 3> kBuffers = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"};

  static std::size_t buffers_used(const Options& o) { return o.amsgrad ? 3 : 2; }

  static void check(const Options& o) {
    check_not_negative(kName, "lr", o.lr);
    check_beta("beta1", o.beta1);
    check_beta("beta2", o.beta2);
    check_not_negative(kName, "eps", o.eps);
    check_not_negative(kName, "weight_decay", o.weight_decay);
  }

  static void fields(auto& o, auto&& f) {
    f("lr", o.lr);
    f("beta1", o.beta1);
    f("beta2", o.beta2);
    f("eps", o.eps);
    f("weight_decay", o.weight_decay);
    f("amsgrad", o.amsgrad);
    f("bias_correction", o.bias_correction);
    f("maximize", o.maximize);
  }

  static Slot slot(View parameter, View gradient, std::span<const Tensor> buffers, const Options& o) {
    return {parameter, gradient, buffers[0].view(), buffers[1].view(), view_or_none(buffers[2], o.amsgrad)};
  }

  static void update(std::span<const Slot> slots, const Options& o, double step) {
    const auto correction = [&](double beta) { return o.bias_correction ? 1 - std::pow(beta, step + 1) : 1.0; };
    kernels::adam(slots, {.lr = o.lr,
                          .beta1 = o.beta1,
                          .beta2 = o.beta2,
                          .eps = o.eps,
                          .weight_decay = o.weight_decay,
                          .decoupled = kDecoupled,
                          .maximize = o.maximize,
                          .correction1 = correction(o.beta1),
                          .correction2 = correction(o.beta2)});
  }

 private:
  static void check_beta(std::string_view name, double beta) {
    if (!(beta >= 0 && beta < 1)) fail("{}: {} is {}; it must be in [0, 1)", kName, name, beta);
  }
};

}  // namespace ebb::optim
