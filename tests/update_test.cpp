// The optimizers' updates against one element at a time in double.
#include <cmath>
#include <cstdint>
#include <vector>

#include "autograd/kernels/update.h"
#include "tests/every_target.h"

namespace {

using namespace ebb;
using kernels::AdamStep;
using kernels::SgdStep;
using kernels::UpdateSlot;
using test::Array;
using test::Rng;

// Lengths that end within a vector, within a piece of the work, and nowhere.
constexpr std::int64_t kLengths[] = {1, 0, 5, 16, 17, 1000, 40001, 0, 3};

View none(const View& like) {
  View view = like;
  view.data = nullptr;
  return view;
}

// Arrays of one kind for all slots; every second one float64.
std::vector<Array> arrays(Rng& rng, double mean = 0, double deviation = 1) {
  std::vector<Array> all;
  for (std::size_t i = 0; i < std::size(kLengths); ++i)
    all.emplace_back(i % 2 == 0 ? float32 : float64, Shape{kLengths[i]}).fill_normal(rng, mean, deviation);
  return all;
}

void check_close(const Array& y, std::int64_t i, double expected) {
  const double tolerance = y.dtype() == float32 ? 2e-6 : 1e-14;
  CHECK(std::fabs(y[i] - expected) <= tolerance * std::max(1.0, std::fabs(expected)));
}

// f(slot, i) for all elements; only a sample of the long arrays.
template <class F>
void for_each_element(F&& f) {
  for (std::size_t slot = 0; slot < std::size(kLengths); ++slot)
    for (std::int64_t i = 0; i<kLengths[slot]; i += kLengths[slot]> 2000 ? 97 : 1) f(slot, i);
}

void check_sgd(const SgdStep& step) {
  Rng rng(1);
  auto p = arrays(rng), g = arrays(rng), v = arrays(rng);
  const auto old_p = p, old_v = v;
  std::vector<UpdateSlot> slots;
  for (std::size_t i = 0; i < p.size(); ++i)
    slots.push_back({p[i], g[i], {step.momentum != 0 ? v[i].view() : none(v[i])}});
  kernels::update(slots, step);
  for_each_element([&](std::size_t slot, std::int64_t i) {
    const double gradient = (step.maximize ? -1 : 1) * g[slot][i] + step.weight_decay * old_p[slot][i];
    double direction = gradient;
    if (step.momentum != 0) {
      const double blend = step.momentum * old_v[slot][i] + (1 - step.dampening) * gradient;
      const double momentum = step.first ? gradient : blend;
      check_close(v[slot], i, momentum);
      direction = step.nesterov ? gradient + step.momentum * momentum : momentum;
    }
    check_close(p[slot], i, old_p[slot][i] - step.lr * direction);
  });
}

TEST_CASE("sgd: momentum, dampening, nesterov, weight decay, maximize, first step") {
  test::with_every_target([] {
    check_sgd({.lr = 0.1,
               .momentum = 0,
               .dampening = 0,
               .weight_decay = 0,
               .nesterov = false,
               .maximize = false,
               .first = false});
    check_sgd({.lr = 0.1,
               .momentum = 0,
               .dampening = 0,
               .weight_decay = 0.3,
               .nesterov = false,
               .maximize = true,
               .first = false});
    for (const bool nesterov : {false, true})
      for (const bool first : {false, true})
        check_sgd({.lr = 0.2,
                   .momentum = 0.9,
                   .dampening = nesterov ? 0 : 0.25,
                   .weight_decay = 0.01,
                   .nesterov = nesterov,
                   .maximize = first,
                   .first = first});
  });
}

void check_adam(const AdamStep& step, bool amsgrad) {
  Rng rng(2);
  auto p = arrays(rng), g = arrays(rng), m = arrays(rng), v = arrays(rng, 3, 0.1), v_max = arrays(rng, 3, 0.2);
  const auto old_p = p, old_m = m, old_v = v, old_max = v_max;
  std::vector<UpdateSlot> slots;
  for (std::size_t i = 0; i < p.size(); ++i)
    slots.push_back({p[i], g[i], {m[i], v[i], amsgrad ? v_max[i].view() : none(v_max[i])}});
  kernels::update(slots, step);
  for_each_element([&](std::size_t slot, std::int64_t i) {
    const double x = old_p[slot][i], gradient = (step.maximize ? -1 : 1) * g[slot][i] + step.weight_decay * x;
    const double mean = step.beta1 * old_m[slot][i] + (1 - step.beta1) * gradient;
    double square = step.beta2 * old_v[slot][i] + (1 - step.beta2) * gradient * gradient;
    check_close(m[slot], i, mean);
    check_close(v[slot], i, square);
    if (amsgrad) {
      square = std::max(square, old_max[slot][i]);
      check_close(v_max[slot], i, square);
    }
    const double root = step.divides ? step.root_scale * std::sqrt(square) + step.eps : 1;
    check_close(p[slot], i, step.shrink * x - (step.rate_m * mean + step.rate_g * gradient) / root);
  });
}

TEST_CASE("adam: both weight decays, amsgrad, maximize, bias correction, and its kin") {
  test::with_every_target([] {
    const AdamStep plain{.beta1 = 0.9,
                         .beta2 = 0.999,
                         .eps = 1e-8,
                         .weight_decay = 0,
                         .maximize = false,
                         .shrink = 1,
                         .rate_m = 0.1,
                         .rate_g = 0,
                         .root_scale = 30,
                         .divides = true};
    for (const bool amsgrad : {false, true}) {
      check_adam(plain, amsgrad);
      auto step = plain;
      step.weight_decay = 0.1;
      step.maximize = true;
      step.root_scale = 1;
      check_adam(step, amsgrad);
      step.shrink = 0.99;
      step.rate_g = 0.05;
      check_adam(step, amsgrad);
      step.divides = false;
      step.rate_g = 0;
      check_adam(step, amsgrad);
    }
  });
}

// The formulas are tested where the optimizers are; here, that all instruction sets and lengths compute one thing.
template <class Step>
void check_same_everywhere(const Step& step) {
  const auto updated = [&] {
    Rng rng(5);
    std::vector<std::vector<Array>> all;
    for (const double mean : {0, 0, 2, 3, 4}) all.push_back(arrays(rng, mean, 0.1));
    std::vector<UpdateSlot> slots;
    for (std::size_t i = 0; i < all[0].size(); ++i)
      slots.push_back({all[0][i], all[1][i], {all[2][i], all[3][i], all[4][i]}});
    kernels::update(slots, step);
    return all;
  };
  const auto expected = updated();
  test::with_every_target([&] {
    const auto found = updated();
    for (std::size_t a = 0; a < found.size(); ++a)
      for_each_element(
          [&](std::size_t slot, std::int64_t i) { check_close(found[a][slot], i, expected[a][slot][i]); });
  });
}

TEST_CASE("other updates are the same on every instruction set") {
  check_same_everywhere(kernels::AdamaxStep{0.9, 0.99, 1e-8, 0.1, true, 0.01});
  check_same_everywhere(kernels::LambStep{0.9, 0.99, 1e-8, 0, true, 0.1, 1, 0.3});
  check_same_everywhere(kernels::AdagradStep{1e-8, 0.1, true, 0.01, 0.5});
  check_same_everywhere(kernels::AdadeltaStep{0.5, 0.9, 1e-6, 0.1, true});
  check_same_everywhere(kernels::RmspropStep{0.01, 0.9, 1, 0.5, 0.1, true});
  check_same_everywhere(kernels::RpropStep{0.01, 0.5, 1.2, 1e-6, 3, true, false});
  check_same_everywhere(kernels::RpropStep{0.01, 0.5, 1.2, 1e-6, 3, false, true});
  check_same_everywhere(kernels::AsgdStep{0.01, 0.9, 0.5, 0.1, true});
  check_same_everywhere(kernels::LionStep{0.01, 0.9, 0.99, 0.9, true});
  check_same_everywhere(kernels::AverageStep{.weight = 0.3});
}

TEST_CASE("norm2 and scale: of many tensors") {
  test::with_every_target([] {
    Rng rng(3);
    auto x = arrays(rng, 1, 2);
    const auto old = x;
    std::vector<View> views(x.begin(), x.end());
    double sum = 0;
    for (std::size_t slot = 0; slot < x.size(); ++slot)
      for (std::int64_t i = 0; i < x[slot].numel(); ++i) sum += x[slot][i] * x[slot][i];
    CHECK(kernels::norm2(views) == doctest::Approx(std::sqrt(sum)).epsilon(1e-13));
    kernels::scale(views, 0.7);
    for_each_element([&](std::size_t slot, std::int64_t i) { check_close(x[slot], i, 0.7 * old[slot][i]); });
    CHECK(kernels::norm2({}) == 0);
    kernels::scale({}, 2);
    kernels::update({}, SgdStep{.lr = 1});
  });
}

TEST_CASE("norm2 of large floats does not overflow") {
  Array x(float32, {3});
  x.fill([](std::int64_t) { return 3e38; });
  const std::vector<View> views{x};
  CHECK(kernels::norm2(views) == doctest::Approx(3e38 * std::sqrt(3.0)).epsilon(1e-6));
}

// What one call on all slots makes of an element does not depend on the slots, and not on the threads.
TEST_CASE("the same bits alone, together, and with any number of threads") {
  const AdamStep step{.beta1 = 0.9,
                      .beta2 = 0.99,
                      .eps = 1e-8,
                      .weight_decay = 0.1,
                      .maximize = false,
                      .shrink = 1,
                      .rate_m = 0.1,
                      .rate_g = 0,
                      .root_scale = 10,
                      .divides = true};
  const auto updated = [&](bool together) {
    Rng rng(4);
    auto p = arrays(rng), g = arrays(rng), m = arrays(rng), v = arrays(rng, 3, 0.1);
    std::vector<UpdateSlot> slots;
    for (std::size_t i = 0; i < p.size(); ++i) slots.push_back({p[i], g[i], {m[i], v[i]}});
    if (together) {
      kernels::update(slots, step);
    } else {
      for (const auto& slot : slots) kernels::update({&slot, 1}, step);
    }
    std::vector<View> views(p.begin(), p.end());
    const double norm = kernels::norm2(views);
    std::vector<unsigned char> bytes;
    for (const auto& x : p) bytes.insert(bytes.end(), x.bytes().begin(), x.bytes().end());
    return std::pair(bytes, norm);
  };
  CHECK(updated(true) == updated(false));
  CHECK(test::same_bits_on_any_threads([&] { return updated(true); }));
}

}  // namespace
