// What an optimizer's options mean: the part of BasicOptimizer that differs from one to the next. The formulas are in
// algorithms.h.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>

#include "autograd/base/fail.h"
#include "autograd/create.h"
#include "autograd/kernels/update.h"
#include "optim/algorithms.h"
#include "optim/muon.h"

namespace ebb::optim {

// What an option may be.
enum class Range : std::uint8_t { any, finite, not_negative, below_one };

inline void check_option(std::string_view optimizer, std::string_view option, double value, Range range) {
  const auto demand = [&](bool met, const char* what) {
    if (!met) fail("{}: {} is {}; it must be {}", optimizer, option, value, what);
  };
  if (range == Range::finite) demand(std::isfinite(value), "finite");
  if (range == Range::not_negative) demand(value >= 0 && std::isfinite(value), "0 or larger, and finite");
  if (range == Range::below_one) demand(value >= 0 && value < 1, "in [0, 1)");
}

using Slots = std::span<const kernels::UpdateSlot>;

// A rule has
//   kName               as in messages
//   kBuffers            the names of a parameter's buffers, at most three
//   fields(o, f)        calls f(name, field, range) for every option; a bool needs no range
//   update(slots, o, n) moves parameters that have all been updated n times, which have those buffers, zeros at first
// and may have
//   uses(o, b)          does the update use buffer b? Otherwise it uses all
//   check(o)            Error if the options make no sense together
//   check_parameter(i, shape)  Error if it can not move parameter i
template <class Options>
struct Rule;

template <>
struct Rule<SGDOptions> {
  static constexpr const char* kName = "SGD";
  static constexpr std::array<std::string_view, 1> kBuffers = {"momentum_buffer"};
  static bool uses(const SGDOptions& o, std::size_t) { return o.momentum != 0; }
  static void fields(auto& o, auto&& f) {
    f("lr", o.lr, Range::not_negative);
    f("momentum", o.momentum, Range::not_negative);
    f("dampening", o.dampening, Range::finite);
    f("nesterov", o.nesterov);
    f("weight_decay", o.weight_decay, Range::not_negative);
    f("maximize", o.maximize);
  }
  static void check(const SGDOptions& o) {
    if (o.nesterov && (o.momentum == 0 || o.dampening != 0))
      fail("SGD: nesterov with momentum {} and dampening {}; it needs a momentum above 0 and no dampening",
           o.momentum, o.dampening);
  }
  static void update(Slots slots, const SGDOptions& o, double n) {
    kernels::update(slots, kernels::SgdStep{.lr = o.lr,
                                            .momentum = o.momentum,
                                            .dampening = o.dampening,
                                            .weight_decay = o.weight_decay,
                                            .nesterov = o.nesterov,
                                            .maximize = o.maximize,
                                            .first = n == 0});
  }
};

// -- Adam and its kin

// Adam's step for the options that its kin share, with bias correction.
kernels::AdamStep adam_step(const auto& o, double n, bool decoupled) {
  return {.beta1 = o.beta1,
          .beta2 = o.beta2,
          .eps = o.eps,
          .weight_decay = decoupled ? 0 : o.weight_decay,
          .maximize = o.maximize,
          .shrink = decoupled ? 1 - o.lr * o.weight_decay : 1,
          .rate_m = o.lr / (1 - std::pow(o.beta1, n + 1)),
          .rate_g = 0,
          .root_scale = 1 / std::sqrt(1 - std::pow(o.beta2, n + 1)),
          .divides = true};
}

void adam_fields(auto& o, auto&& f) {
  f("lr", o.lr, Range::not_negative);
  f("beta1", o.beta1, Range::below_one);
  f("beta2", o.beta2, Range::below_one);
  if constexpr (requires { o.eps; }) f("eps", o.eps, Range::not_negative);
  f("weight_decay", o.weight_decay, Range::not_negative);
}

template <bool kDecoupled>
struct Rule<BasicAdamOptions<kDecoupled>> {
  using Options = BasicAdamOptions<kDecoupled>;
  static constexpr const char* kName = kDecoupled ? "AdamW" : "Adam";
  static constexpr std::array<std::string_view, 3> kBuffers = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"};
  static bool uses(const Options& o, std::size_t b) { return b < 2 || o.amsgrad; }
  static void fields(auto& o, auto&& f) {
    adam_fields(o, f);
    f("amsgrad", o.amsgrad);
    f("bias_correction", o.bias_correction);
    f("maximize", o.maximize);
  }
  static void update(Slots slots, const Options& o, double n) {
    auto step = adam_step(o, n, kDecoupled);
    if (!o.bias_correction) {
      step.rate_m = o.lr;
      step.root_scale = 1;
    }
    kernels::update(slots, step);
  }
};

template <>
struct Rule<AdamaxOptions> {
  static constexpr const char* kName = "Adamax";
  static constexpr std::array<std::string_view, 2> kBuffers = {"exp_avg", "exp_inf"};
  static void fields(auto& o, auto&& f) {
    adam_fields(o, f);
    f("maximize", o.maximize);
  }
  static void update(Slots slots, const AdamaxOptions& o, double n) {
    kernels::update(slots, kernels::AdamaxStep{.beta1 = o.beta1,
                                               .beta2 = o.beta2,
                                               .eps = o.eps,
                                               .weight_decay = o.weight_decay,
                                               .maximize = o.maximize,
                                               .rate = o.lr / (1 - std::pow(o.beta1, n + 1))});
  }
};

template <>
struct Rule<NAdamOptions> {
  static constexpr const char* kName = "NAdam";
  static constexpr std::array<std::string_view, 2> kBuffers = {"exp_avg", "exp_avg_sq"};
  static void fields(auto& o, auto&& f) {
    adam_fields(o, f);
    f("momentum_decay", o.momentum_decay, Range::not_negative);
    f("decoupled_weight_decay", o.decoupled_weight_decay);
    f("maximize", o.maximize);
  }
  static void update(Slots slots, const NAdamOptions& o, double n) {
    const auto mu = [&](double t) { return o.beta1 * (1 - 0.5 * std::pow(0.96, t * o.momentum_decay)); };
    constexpr double kNothing = 1e-20;  // beside 1
    double product = 1;
    for (double t = 1; t <= n + 1 && product > kNothing; ++t) product *= mu(t);
    auto step = adam_step(o, n, o.decoupled_weight_decay);
    step.rate_g = o.lr * (1 - mu(n + 1)) / (1 - product);
    step.rate_m = o.lr * mu(n + 2) / (1 - product * mu(n + 2));
    kernels::update(slots, step);
  }
};

template <>
struct Rule<RAdamOptions> {
  static constexpr const char* kName = "RAdam";
  static constexpr std::array<std::string_view, 2> kBuffers = {"exp_avg", "exp_avg_sq"};
  static void fields(auto& o, auto&& f) {
    adam_fields(o, f);
    f("decoupled_weight_decay", o.decoupled_weight_decay);
    f("maximize", o.maximize);
  }
  static void update(Slots slots, const RAdamOptions& o, double n) {
    auto step = adam_step(o, n, o.decoupled_weight_decay);
    const double power = std::pow(o.beta2, n + 1), most = 2 / (1 - o.beta2) - 1;
    const double now = most - 2 * (n + 1) * power / (1 - power);
    step.divides = now > 5;
    step.root_scale = 1;
    if (step.divides)
      step.rate_m *= std::sqrt((now - 4) * (now - 2) * most / ((most - 4) * (most - 2) * now) * (1 - power));
    kernels::update(slots, step);
  }
};

template <>
struct Rule<LAMBOptions> {
  static constexpr const char* kName = "LAMB";
  static constexpr std::array<std::string_view, 2> kBuffers = {"exp_avg", "exp_avg_sq"};
  static void fields(auto& o, auto&& f) {
    adam_fields(o, f);
    f("maximize", o.maximize);
  }
  static void update(Slots slots, const LAMBOptions& o, double n) {
    const auto adam = adam_step(o, n, true);
    const kernels::LambStep lamb{.beta1 = o.beta1,
                                 .beta2 = o.beta2,
                                 .eps = o.eps,
                                 .weight_decay = 0,
                                 .maximize = o.maximize,
                                 .rate_m = 1 / (1 - std::pow(o.beta1, n + 1)),
                                 .root_scale = adam.root_scale,
                                 .decay = o.weight_decay};
    for (auto slot : slots) {
      const Tensor direction = empty(*slot.parameter.shape, slot.parameter.dtype);
      const View& r = slot.buffers[2] = direction.view();
      kernels::update({&slot, 1}, lamb);
      const double p_norm = kernels::norm2({&slot.parameter, 1}), r_norm = kernels::norm2({&r, 1});
      const kernels::UpdateSlot move{slot.parameter, r};
      kernels::update({&move, 1},
                      kernels::SgdStep{.lr = p_norm > 0 && r_norm > 0 ? o.lr * p_norm / r_norm : o.lr});
    }
  }
};

template <>
struct Rule<LionOptions> {
  static constexpr const char* kName = "Lion";
  static constexpr std::array<std::string_view, 1> kBuffers = {"exp_avg"};
  static void fields(auto& o, auto&& f) {
    adam_fields(o, f);
    f("maximize", o.maximize);
  }
  static void update(Slots slots, const LionOptions& o, double) {
    kernels::update(slots, kernels::LionStep{.lr = o.lr,
                                             .beta1 = o.beta1,
                                             .beta2 = o.beta2,
                                             .shrink = 1 - o.lr * o.weight_decay,
                                             .maximize = o.maximize});
  }
};

// -- others

template <>
struct Rule<AdagradOptions> {
  static constexpr const char* kName = "Adagrad";
  static constexpr std::array<std::string_view, 1> kBuffers = {"sum"};
  static void fields(auto& o, auto&& f) {
    f("lr", o.lr, Range::not_negative);
    f("lr_decay", o.lr_decay, Range::not_negative);
    f("weight_decay", o.weight_decay, Range::not_negative);
    f("initial_accumulator_value", o.initial_accumulator_value, Range::not_negative);
    f("eps", o.eps, Range::not_negative);
    f("maximize", o.maximize);
  }
  static void update(Slots slots, const AdagradOptions& o, double n) {
    kernels::update(slots, kernels::AdagradStep{.eps = o.eps,
                                                .weight_decay = o.weight_decay,
                                                .maximize = o.maximize,
                                                .rate = o.lr / (1 + n * o.lr_decay),
                                                .start = n == 0 ? o.initial_accumulator_value : 0});
  }
};

template <>
struct Rule<AdadeltaOptions> {
  static constexpr const char* kName = "Adadelta";
  static constexpr std::array<std::string_view, 2> kBuffers = {"square_avg", "acc_delta"};
  static void fields(auto& o, auto&& f) {
    f("lr", o.lr, Range::not_negative);
    f("rho", o.rho, Range::below_one);
    f("eps", o.eps, Range::not_negative);
    f("weight_decay", o.weight_decay, Range::not_negative);
    f("maximize", o.maximize);
  }
  static void update(Slots slots, const AdadeltaOptions& o, double) {
    kernels::update(
        slots,
        kernels::AdadeltaStep{
            .lr = o.lr, .rho = o.rho, .eps = o.eps, .weight_decay = o.weight_decay, .maximize = o.maximize});
  }
};

template <>
struct Rule<RMSpropOptions> {
  static constexpr const char* kName = "RMSprop";
  static constexpr std::array<std::string_view, 3> kBuffers = {"square_avg", "grad_avg", "momentum_buffer"};
  static bool uses(const RMSpropOptions& o, std::size_t b) {
    return b == 0 || (b == 1 ? o.centered : o.momentum != 0);
  }
  static void fields(auto& o, auto&& f) {
    f("lr", o.lr, Range::not_negative);
    f("alpha", o.alpha, Range::below_one);
    f("eps", o.eps, Range::not_negative);
    f("weight_decay", o.weight_decay, Range::not_negative);
    f("momentum", o.momentum, Range::not_negative);
    f("centered", o.centered);
    f("maximize", o.maximize);
  }
  static void update(Slots slots, const RMSpropOptions& o, double) {
    kernels::update(slots, kernels::RmspropStep{.lr = o.lr,
                                                .alpha = o.alpha,
                                                .eps = o.eps,
                                                .momentum = o.momentum,
                                                .weight_decay = o.weight_decay,
                                                .maximize = o.maximize});
  }
};

template <>
struct Rule<RpropOptions> {
  static constexpr const char* kName = "Rprop";
  static constexpr std::array<std::string_view, 2> kBuffers = {"prev", "step_size"};
  static void fields(auto& o, auto&& f) {
    f("lr", o.lr, Range::not_negative);
    f("eta_minus", o.eta_minus, Range::finite);
    f("eta_plus", o.eta_plus, Range::finite);
    f("step_size_min", o.step_size_min, Range::not_negative);
    f("step_size_max", o.step_size_max, Range::not_negative);
    f("maximize", o.maximize);
  }
  static void check(const RpropOptions& o) {
    if (!(0 < o.eta_minus && o.eta_minus < 1 && 1 < o.eta_plus))
      fail("Rprop: eta_minus is {} and eta_plus {}; it must be 0 < eta_minus < 1 < eta_plus", o.eta_minus,
           o.eta_plus);
  }
  static void update(Slots slots, const RpropOptions& o, double n) {
    kernels::update(slots, kernels::RpropStep{.lr = o.lr,
                                              .eta_minus = o.eta_minus,
                                              .eta_plus = o.eta_plus,
                                              .smallest = o.step_size_min,
                                              .largest = o.step_size_max,
                                              .maximize = o.maximize,
                                              .first = n == 0});
  }
};

template <>
struct Rule<ASGDOptions> {
  static constexpr const char* kName = "ASGD";
  static constexpr std::array<std::string_view, 1> kBuffers = {"ax"};
  static void fields(auto& o, auto&& f) {
    f("lr", o.lr, Range::not_negative);
    f("lambd", o.lambd, Range::finite);
    f("alpha", o.alpha, Range::finite);
    f("t0", o.t0, Range::finite);
    f("weight_decay", o.weight_decay, Range::not_negative);
    f("maximize", o.maximize);
  }
  static void update(Slots slots, const ASGDOptions& o, double n) {
    const double eta = o.lr / std::pow(1 + o.lambd * o.lr * n, o.alpha);
    kernels::update(slots, kernels::AsgdStep{.rate = eta,
                                             .shrink = 1 - o.lambd * eta,
                                             .mu = 1 / std::max(1.0, n - o.t0),
                                             .weight_decay = o.weight_decay,
                                             .maximize = o.maximize});
  }
};

template <>
struct Rule<MuonOptions> {
  static constexpr const char* kName = "Muon";
  static constexpr std::array<std::string_view, 1> kBuffers = {"momentum_buffer"};
  static void fields(auto& o, auto&& f) {
    f("lr", o.lr, Range::not_negative);
    f("weight_decay", o.weight_decay, Range::not_negative);
    f("momentum", o.momentum, Range::below_one);
    f("nesterov", o.nesterov);
    f("ns_a", o.ns_a, Range::finite);
    f("ns_b", o.ns_b, Range::finite);
    f("ns_c", o.ns_c, Range::finite);
    f("eps", o.eps, Range::not_negative);
    f("ns_steps", o.ns_steps, Range::not_negative);
    f("adjust_lr_fn", o.adjust_lr_fn);
    f("maximize", o.maximize);
  }
  static void check_parameter(std::size_t index, const Shape& shape) {
    if (shape.rank() != 2)
      fail("Muon: parameter {} has the shape {}; it moves matrices only, give the others to AdamW", index, shape);
  }
  static void update(Slots slots, const MuonOptions& o, double) {
    for (const auto& slot : slots) muon(slot, o);
  }
};

}  // namespace ebb::optim
