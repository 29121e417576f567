#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "optim/schedule.h"
#include "tests/optim_support.h"

using namespace ebb;
using optim::OneCycleLR, optim::Schedule, optim::SequentialLR;

namespace {

// lr 0.1, as all of PyTorch's sequences below.
struct Subject {
  Tensor p = zeros({1}, {.requires_grad = true});
  optim::SGD sgd{{p}, {.lr = 0.1}};
};

void check_close(double found, double expected) { CHECK(found == doctest::Approx(expected).epsilon(1e-12)); }

void check_sequence(const optim::LrRule& rule, const std::vector<double>& expected) {
  Subject subject;
  Schedule schedule(subject.sgd, rule);
  for (const double lr : expected) {
    check_close(subject.sgd.lr(), lr);
    schedule.step();
  }
}

void check_plateau(const std::vector<double>& metrics, const optim::PlateauOptions& options,
                   const std::vector<double>& expected) {
  Subject subject;
  optim::ReduceLROnPlateau plateau(subject.sgd, options);
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    if (i == 6) {  // resumed in the middle
      optim::ReduceLROnPlateau fresh(subject.sgd, options);
      fresh.load_state(plateau.state());
      plateau = fresh;
    }
    plateau.step(metrics[i]);
    check_close(subject.sgd.lr(), expected[i]);
  }
}

}  // namespace

// Numbers from PyTorch 2.15: lr before each of 12 steps of torch.optim.lr_scheduler.X(SGD(lr=.1), ...).
TEST_CASE("StepLR(step_size=3, gamma=.5)") {
  check_sequence(optim::StepLR{.step_size = 3, .gamma = 0.5},
                 {0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.0125, 0.0125, 0.0125});
}

TEST_CASE("ExponentialLR(gamma=.9)") {
  check_sequence(optim::ExponentialLR{.gamma = 0.9},
                 {0.1, 0.09000000000000001, 0.08100000000000002, 0.07290000000000002, 0.06561000000000002,
                  0.05904900000000002, 0.05314410000000002, 0.04782969000000002, 0.043046721000000024,
                  0.03874204890000002, 0.03486784401000002, 0.03138105960900001});
}

TEST_CASE("MultiStepLR(milestones=[2, 5, 5, 9], gamma=.5)") {
  check_sequence(optim::MultiStepLR{.milestones = {2, 5, 5, 9}, .gamma = 0.5},
                 {0.1, 0.1, 0.05, 0.05, 0.05, 0.0125, 0.0125, 0.0125, 0.0125, 0.00625, 0.00625, 0.00625});
}

TEST_CASE("ConstantLR(factor=.25, total_iters=4)") {
  check_sequence(optim::ConstantLR{.factor = 0.25, .total_iters = 4},
                 {0.025, 0.025, 0.025, 0.025, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1});
}

TEST_CASE("PolynomialLR(total_iters=8, power=2)") {
  check_sequence(optim::PolynomialLR{.total_iters = 8, .power = 2},
                 {0.1, 0.0765625, 0.05625, 0.03906250000000001, 0.02500000000000001, 0.014062500000000006,
                  0.006250000000000002, 0.0015625000000000005, 0.0, 0.0, 0.0, 0.0});
}

TEST_CASE("CosineAnnealingWarmRestarts(4, 1, .01)") {
  check_sequence(optim::CosineAnnealingWarmRestarts{.t_0 = 4, .eta_min = 0.01},
                 {0.1, 0.08681980515339464, 0.05500000000000001, 0.023180194846605363, 0.1, 0.08681980515339464,
                  0.05500000000000001, 0.023180194846605363, 0.1, 0.08681980515339464, 0.05500000000000001,
                  0.023180194846605363});
}

TEST_CASE("CosineAnnealingWarmRestarts(2, 2, .01)") {
  check_sequence(
      optim::CosineAnnealingWarmRestarts{.t_0 = 2, .t_mult = 2, .eta_min = 0.01},
      {0.1, 0.05500000000000001, 0.1, 0.08681980515339464, 0.05500000000000001, 0.023180194846605363, 0.1,
       0.0965745789630079, 0.08681980515339464, 0.07222075445642905, 0.05500000000000001, 0.03777924554357097});
}

TEST_CASE("CyclicLR(.01, .2, 3, 2)") {
  check_sequence(optim::CyclicLR{.base_lr = 0.01, .max_lr = 0.2, .step_size_up = 3, .step_size_down = 2},
                 {0.01, 0.07333333333333332, 0.13666666666666666, 0.19999999999999996, 0.10499999999999997, 0.01,
                  0.07333333333333339, 0.13666666666666666, 0.19999999999999996, 0.10500000000000008, 0.01,
                  0.07333333333333339});
}

TEST_CASE("CyclicLR(.01, .2, 3, 2, 'triangular2')") {
  check_sequence(optim::CyclicLR{.base_lr = 0.01,
                                 .max_lr = 0.2,
                                 .step_size_up = 3,
                                 .step_size_down = 2,
                                 .mode = optim::CyclicLR::Mode::triangular2},
                 {0.01, 0.07333333333333332, 0.13666666666666666, 0.19999999999999996, 0.10499999999999997, 0.01,
                  0.0416666666666667, 0.07333333333333332, 0.10499999999999997, 0.057500000000000044, 0.01,
                  0.025833333333333347});
}

TEST_CASE("CyclicLR(.01, .2, 3, 2, 'exp_range', .9)") {
  check_sequence(
      optim::CyclicLR{.base_lr = 0.01,
                      .max_lr = 0.2,
                      .step_size_up = 3,
                      .step_size_down = 2,
                      .mode = optim::CyclicLR::Mode::exp_range,
                      .gamma = 0.9},
      {0.01, 0.06699999999999999, 0.11259999999999999, 0.14850999999999998, 0.07232949999999998, 0.01,
       0.04365793000000004, 0.070584274, 0.0917887699, 0.046804946455000045, 0.01, 0.029874671085700022});
}

TEST_CASE("SWALR(.02, 5)") {
  check_sequence(optim::SWALR{.swa_lr = 0.02, .anneal_epochs = 5},
                 {0.1, 0.0923606797749979, 0.0723606797749979, 0.0476393202250021, 0.027639320225002102, 0.02,
                  0.02, 0.02, 0.02, 0.02, 0.02, 0.02});
}

TEST_CASE("SWALR(.02, 5, 'linear')") {
  check_sequence(optim::SWALR{.swa_lr = 0.02, .anneal_epochs = 5, .anneal_strategy = optim::Anneal::linear},
                 {0.1, 0.08400000000000002, 0.068, 0.052000000000000005, 0.036000000000000004, 0.02, 0.02, 0.02,
                  0.02, 0.02, 0.02, 0.02});
}

TEST_CASE("ChainedScheduler([ConstantLR(.5, 4), ExponentialLR(.9)])") {
  check_sequence(
      optim::ChainedLR{{optim::ConstantLR{.factor = 0.5, .total_iters = 4}, optim::ExponentialLR{.gamma = 0.9}}},
      {0.05, 0.045000000000000005, 0.04050000000000001, 0.03645000000000001, 0.06561000000000002,
       0.05904900000000002, 0.05314410000000002, 0.04782969000000002, 0.043046721000000024, 0.03874204890000002,
       0.03486784401000002, 0.03138105960900001});
}

TEST_CASE("CosineAnnealingLR(T_max=5, eta_min=.01), also past T_max") {
  check_sequence(optim::CosineAnnealingLR{.t_max = 5, .eta_min = 0.01},
                 {0.1, 0.09140576474687263, 0.06890576474687263, 0.04109423525312736, 0.018594235253127367, 0.01,
                  0.018594235253127367, 0.04109423525312739, 0.06890576474687267, 0.09140576474687269,
                  0.10000000000000006, 0.09140576474687272});
}

TEST_CASE("LinearLR() and LinearLR(.25, .75, 6)") {
  check_sequence(optim::LinearLR{}, {0.03333333333333333, 0.04666666666666667, 0.060000000000000005,
                                     0.07333333333333335, 0.08666666666666668, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1});
  check_sequence(optim::LinearLR{.start_factor = 0.25, .end_factor = 0.75, .total_iters = 6},
                 {0.025, 0.03333333333333333, 0.041666666666666664, 0.049999999999999996, 0.058333333333333334,
                  0.06666666666666667, 0.075, 0.075, 0.075, 0.075, 0.075, 0.075});
}

TEST_CASE("OneCycleLR(max_lr=1, total_steps=12)") {
  check_sequence(OneCycleLR{.max_lr = 1, .total_steps = 12},
                 {0.040000000000000036, 0.3497896542195831, 0.8792851591221287, 0.9944154354509117,
                  0.9330129698414117, 0.811745653949763, 0.6473789976951033, 0.46263710266697505,
                  0.28306099820869923, 0.1334775301888306, 0.03456698742539522, 4e-06});
}

TEST_CASE("OneCycleLR(..., pct_start=.25, anneal_strategy='linear', div_factor=10, final_div_factor=100)") {
  check_sequence(OneCycleLR{.max_lr = 1,
                            .total_steps = 12,
                            .pct_start = 0.25,
                            .anneal_strategy = optim::Anneal::linear,
                            .div_factor = 10,
                            .final_div_factor = 100},
                 {0.1, 0.55, 1.0, 0.889, 0.778, 0.667, 0.556, 0.44499999999999995, 0.3340000000000001,
                  0.22299999999999998, 0.1120000000000001, 0.0010000000000000009});
}

TEST_CASE("OneCycleLR ends") {
  const OneCycleLR rule{.max_lr = 1, .total_steps = 12};
  check_close(rule(12, 0.1), rule(11, 0.1));
  check_error([&] { rule(13, 0.1); }, "OneCycleLR: step 13 of a schedule of 12; make total_steps larger");
}

TEST_CASE("SequentialLR([LinearLR(.1, 1, 4), CosineAnnealingLR(8)], [4])") {
  check_sequence(
      SequentialLR{{optim::LinearLR{.start_factor = 0.1, .total_iters = 4}, optim::CosineAnnealingLR{.t_max = 8}},
                   {4}},
      {0.010000000000000002, 0.03250000000000001, 0.055000000000000014, 0.07750000000000003, 0.1,
       0.09619397662556434, 0.08535533905932738, 0.0691341716182545, 0.05, 0.030865828381745515,
       0.014644660940672627, 0.0038060233744356634});
}

TEST_CASE("SequentialLR([LinearLR(.1, 1, 3), StepLR(2, .5), ExponentialLR(.9)], [3, 8])") {
  check_sequence(SequentialLR{{optim::LinearLR{.start_factor = 0.1, .total_iters = 3},
                               optim::StepLR{.step_size = 2, .gamma = 0.5}, optim::ExponentialLR{.gamma = 0.9}},
                              {3, 8}},
                 {0.010000000000000002, 0.04, 0.07, 0.1, 0.1, 0.05, 0.05, 0.025, 0.1, 0.09000000000000001,
                  0.08100000000000002, 0.07290000000000002});
}

TEST_CASE("groups keep their own base, or have their own rule") {
  const Tensor a = zeros({1}, {.requires_grad = true}), b = zeros({1}, {.requires_grad = true});
  optim::Adam adam({{{a}, {.lr = 0.1}}, {{b}, {.lr = 0.4}}});
  Schedule halves(adam, optim::ExponentialLR{.gamma = 0.5});
  halves.step();
  check_close(adam.lr(0), 0.05);
  check_close(adam.lr(1), 0.2);
  Schedule own(adam,
               {optim::ExponentialLR{.gamma = 0.5}, [](std::int64_t t, double base) { return base + double(t); }});
  own.step();
  check_close(adam.lr(0), 0.025);
  check_close(adam.lr(1), 1.2);
}

TEST_CASE("a schedule that is resumed goes on exactly") {
  const SequentialLR rule{{optim::LinearLR{}, optim::CosineAnnealingLR{.t_max = 20}}, {5}};
  Subject straight, resumed;
  Schedule one(straight.sgd, rule);
  for (int i = 0; i < 9; ++i) one.step();

  resumed.sgd.set_lr(0, 0.7);  // another base, which loading replaces
  Schedule two(resumed.sgd, rule);
  two.load_state(one.state());
  CHECK(two.last_step() == 9);
  for (int i = 0; i < 10; ++i) {
    CHECK(resumed.sgd.lr() == straight.sgd.lr());
    one.step();
    two.step();
  }
}

// Numbers from PyTorch 2.15: lr after each ReduceLROnPlateau(SGD(lr=.1), ...).step(metric).
TEST_CASE("ReduceLROnPlateau") {
  using optim::Goal, optim::Threshold;
  const std::vector<double> metrics = {5, 4, 4.2, 4.1, 3.99, 4, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3};
  std::vector<double> rising, negative;
  for (const double m : metrics) {
    rising.push_back(10 - m);
    negative.push_back(-m);
  }
  check_plateau(metrics, {.factor = 0.5, .patience = 2},
                {0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025});
  check_plateau(
      metrics, {.factor = 0.5, .patience = 1, .threshold = 0.1, .cooldown = 2},
      {0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.025, 0.025, 0.0125, 0.0125, 0.0125, 0.0125});
  check_plateau(metrics,
                {.factor = 0.5, .patience = 1, .threshold = 0.5, .threshold_mode = Threshold::abs, .min_lr = 0.03},
                {0.1, 0.1, 0.1, 0.05, 0.05, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03, 0.03});
  check_plateau(rising, {.mode = Goal::max, .patience = 2, .threshold = 0.05},
                {0.1, 0.1, 0.1, 0.1, 1e-2, 1e-2, 1e-2, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-4, 1e-4, 1e-4});
  check_plateau(
      negative,
      {.mode = Goal::max, .patience = 1, .threshold = 0.5, .threshold_mode = Threshold::abs, .cooldown = 1},
      {0.1, 0.1, 0.1, 1e-2, 1e-2, 1e-2, 1e-3, 1e-3, 1e-3, 1e-4, 1e-4, 1e-4, 1e-5, 1e-5, 1e-5, 1e-6});
}

TEST_CASE("NaN is never better") {
  Subject subject;
  optim::ReduceLROnPlateau plateau(subject.sgd, {.patience = 1});
  plateau.step(1);
  plateau.step(std::nan(""));
  plateau.step(std::nan(""));
  CHECK(plateau.best() == 1);
  check_close(subject.sgd.lr(), 0.01);
}

TEST_CASE("schedules that make no sense") {
  Subject subject;
  const auto check = [&](const optim::LrRule& rule, const std::string& text) {
    check_error([&] { Schedule(subject.sgd, rule); }, text);
    CHECK(subject.sgd.lr() == 0.1);
  };
  check(optim::StepLR{.step_size = 0}, "StepLR: step_size is 0; it must be above 0");
  check(optim::CosineAnnealingLR{.t_max = 0}, "CosineAnnealingLR: t_max is 0; it must be above 0");
  check(optim::LinearLR{.total_iters = 0}, "LinearLR: total_iters is 0; it must be above 0");
  check(OneCycleLR{.max_lr = 1, .total_steps = 0}, "OneCycleLR: total_steps is 0; it must be above 0");
  check(OneCycleLR{.max_lr = 1, .total_steps = 9, .pct_start = 2},
        "OneCycleLR: pct_start is 2; it must be in [0, 1]");
  check(SequentialLR{{optim::LinearLR{}}, {5}},
        "SequentialLR: 1 rules and 1 milestones; there must be one rule more");
  check(SequentialLR{{optim::LinearLR{}, optim::LinearLR{}, optim::LinearLR{}}, {5, 5}},
        "SequentialLR: the milestones do not ascend from above 0");
  check([](std::int64_t, double) { return -1.0; },
        "Schedule: the rule of group 0 gives -1 at step 0; it must be 0 or larger, and finite");
  check_error([&] { Schedule(subject.sgd, std::vector<optim::LrRule>()); },
              "Schedule: 0 rules for an optimizer of 1 groups; give one, or one each");
  check_error([&] { optim::ReduceLROnPlateau(subject.sgd, {.factor = 1}); },
              "ReduceLROnPlateau: factor is 1; it must be in [0, 1)");
  Schedule schedule(subject.sgd, optim::LinearLR{});
  check_error([&] { schedule.load_state({}); },
              "Schedule: the state does not fit: missing: step, base_lrs; load what state() of the same kind of "
              "object gave");
}
