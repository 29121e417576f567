#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "autograd/base/memory.h"
#include "autograd/base/parallel.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "optim/clip.h"
#include "optim/optimizer.h"
#include "tests/optim_support.h"

// Every `new` of this program is counted.
namespace {
std::atomic<std::int64_t> news{0};
}  // namespace
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  news.fetch_add(1, std::memory_order_relaxed);
  if (void* block = std::malloc(bytes)) return block;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* block) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept { std::free(block); }

using namespace ebb;

namespace {

std::vector<std::vector<double>> values(const std::vector<NamedTensor>& state) {
  std::vector<std::vector<double>> all;
  for (const auto& [name, value] : state) all.push_back(value.to_vector<double>());
  return all;
}

std::vector<std::string> names(const std::vector<NamedTensor>& state) {
  std::vector<std::string> all;
  for (const auto& [name, value] : state) all.push_back(name);
  return all;
}

}  // namespace

// PyTorch 2.15 (CPU): 100 steps of torch.optim.X([a, b], ...) in float64 from the Problem's start.
TEST_CASE("SGD moves as PyTorch's") {
  using O = optim::SGDOptions;
  const auto check = check_trajectory<optim::SGD, O>;
  check({.lr = 1e-3},
        {-0.9481863785401914, 0.9070941003539366, 0.04878246975767103, 0.45570041406528367, 0.1905593650932428});
  check({.lr = 1e-3, .weight_decay = 0.1},
        {-0.9418786303199722, 0.8952726696685502, 0.04854368734035512, 0.4492724837212134, 0.19037756408007445});
  check({.lr = 1e-3, .momentum = 0.9},
        {0.622301428483201, 0.38523154332112586, 0.3780483365800985, -1.6934614843004583, 0.2530946106451215});
  check({.lr = 1e-3, .momentum = 0.9, .dampening = 0.5},
        {0.33830675771138513, 0.10923351427972723, 0.20929033415409154, -0.9065548649544585, 0.24881689560241385});
  check({.lr = 1e-3, .momentum = 0.9, .nesterov = true},
        {0.45708693028110065, 0.20592697065626053, 0.37970298775813344, -1.682179250392879, 0.2510337370221515});
  check({.lr = 1e-3, .momentum = 0.9, .nesterov = true, .weight_decay = 0.1},
        {0.46867156709622204, 0.2168212287584315, 0.3657554368623123, -1.639394226833487, 0.2501660538922745});
  check({.lr = 1e-3, .momentum = 0.9, .dampening = 0.5, .weight_decay = 0.1, .maximize = true},
        {0.3446671625277913, 0.11371741519235434, 0.2054052229319774, -0.9039299007595322, 0.2478295052108144});
}

TEST_CASE("Adam moves as PyTorch's") {
  using O = optim::AdamOptions;
  const auto check = check_trajectory<optim::Adam, O>;
  check({.lr = 0.02},
        {-1.0101877939247477, 1.0288669552763474, 1.0078008040974522, -0.7247195979097043, 0.21371261535216826});
  check({.lr = 0.02, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-3},
        {-0.9161887900585788, 0.8457020669366002, 1.0009432521269737, -0.8208526813892022, 0.24774872812308102});
  check({.lr = 0.02, .weight_decay = 0.1},
        {-1.0063485813379711, 1.0210878797299898, 0.8397051445767201, -0.713985404888091, 0.2131277127761679});
  check({.lr = 0.02, .beta2 = 0.9, .amsgrad = true},
        {-1.0306548454222557, 1.0690217935331912, 0.9788297239626451, -0.664417318846757, 0.1533153012632418});
  check({.lr = 0.02, .beta2 = 0.9, .weight_decay = 0.1, .amsgrad = true, .maximize = true},
        {-1.0283480491200958, 1.0642428610944776, 0.8348819882694591, -0.6515212740684458, 0.1528098649384521});
}

TEST_CASE("AdamW moves as PyTorch's") {
  using O = optim::AdamWOptions;
  const auto check = check_trajectory<optim::AdamW, O>;
  check({.lr = 0.02},
        {-0.9957445984124035, 1.0001285531219473, 1.00313064094224, -0.7254852929617982, 0.21406547279804286});
  check({.lr = 0.02, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-3},
        {-0.9010911377980054, 0.8182899383492696, 0.9996673118044687, -0.8216876912346723, 0.24754943646532165});
  check({.lr = 0.02, .weight_decay = 0.1},
        {-0.8720584384391066, 0.7701924652066637, 0.9622229406394504, -0.7279249234039518, 0.21533928828527538});
  check({.lr = 0.02, .beta2 = 0.9, .amsgrad = true},
        {-1.0159708571691397, 1.0397856155723264, 0.9724011391715465, -0.6650134739759147, 0.15421352802522212});
  check({.lr = 0.02, .beta2 = 0.9, .weight_decay = 0.1, .amsgrad = true, .maximize = true},
        {-0.8898595566997947, 0.8054954693288287, 0.9176044004935591, -0.6660377365418105, 0.16020090195340625});
}

// PyTorch 2.15: Adam(lr=.02), betas set to (.5, .9) before step 3, b.grad = None in odd steps, 20 steps.
TEST_CASE("bug class 21: steps are counted per parameter, and betas may change") {
  const Problem problem;
  optim::Adam adam({problem.a, problem.b}, {.lr = 0.02});
  for (int i = 0; i < 20; ++i) {
    if (i == 3) {
      adam.groups()[0].options.beta1 = 0.5;
      adam.groups()[0].options.beta2 = 0.9;
    }
    problem.give_gradients();
    if (i % 2 == 1) Tensor(problem.b).zero_grad();
    adam.step();
  }
  const Point expected = {-1.0508861908636276, 1.1105365677902974, 0.21338672862287886, 0.784060691609914,
                          -0.7857998531596647};
  for (std::size_t i = 0; i < 5; ++i) CHECK(problem.point()[i] == doctest::Approx(expected[i]).epsilon(1e-10));
}

TEST_CASE("Adam's first step has the length lr, or (1 - beta1) / sqrt(1 - beta2) of it without bias correction") {
  for (const bool corrected : {true, false}) {
    const Tensor p = leaf({0.0, 0.0, 0.0});
    give(p, {3.0, -1e-5, 4e7});
    optim::Adam adam({p}, {.lr = 1e-3, .eps = 0, .bias_correction = corrected});
    adam.step();
    const double length = 1e-3 * (corrected ? 1 : 0.1 / std::sqrt(0.001));
    const auto moved = p.to_vector<double>();
    CHECK(moved[0] == doctest::Approx(-length).epsilon(1e-13));
    CHECK(moved[1] == doctest::Approx(length).epsilon(1e-13));
    CHECK(moved[2] == doctest::Approx(-length).epsilon(1e-13));
  }
}

TEST_CASE("float32 parameters follow float64 ones") {
  const Tensor p = leaf({1.0, -2.0, 0.5}, float32), q = leaf({1.0, -2.0, 0.5});
  optim::AdamW single({p}, {.lr = 0.1}), twice({q}, {.lr = 0.1});
  for (int i = 0; i < 10; ++i) {
    give(p, {0.5 * i, 1.0, -0.25});
    give(q, {0.5 * i, 1.0, -0.25});
    single.step();
    twice.step();
  }
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(p.to_vector<double>()[i] == doctest::Approx(q.to_vector<double>()[i]).epsilon(1e-5));
}

// The error along the eigenvector of eigenvalue λ shrinks at best, over all λ in [1, κ], by these factors a step.
TEST_CASE("gradient descent and heavy ball contract as theory says") {
  const double kappa = 100, root = std::sqrt(kappa);
  const auto rate = [&](const optim::SGDOptions& options, int from, int to) {
    const Tensor p = leaf({1.0, 1.0});
    optim::SGD sgd({p}, options);
    double start = 0;
    for (int i = 0; i < to; ++i) {
      const double* x = p.data<const double>();
      if (i == from) start = std::hypot(x[0], x[1]);
      give(p, {x[0], kappa * x[1]});
      sgd.step();
    }
    return std::pow(std::hypot(p.data<const double>()[0], p.data<const double>()[1]) / start, 1.0 / (to - from));
  };
  const double slow = (kappa - 1) / (kappa + 1), fast = (root - 1) / (root + 1);
  CHECK(rate({.lr = 2 / (kappa + 1)}, 100, 300) == doctest::Approx(slow).epsilon(1e-6));
  CHECK(rate({.lr = 4 / ((root + 1) * (root + 1)), .momentum = fast * fast}, 1000, 1500) ==
        doctest::Approx(fast).epsilon(0.01));
}

TEST_CASE("groups have their own options, and parameters without gradient are left out") {
  const Tensor w = leaf({1.0}), v = leaf({1.0}), b = leaf({1.0}), idle = leaf({1.0});
  optim::SGD sgd({{{w, v}, {.lr = 0.1, .weight_decay = 0.5}}, {{b, idle}, {.lr = 0.2}}});
  give(w, {1.0});
  give(v, {2.0});
  give(b, {1.0});
  const auto before = idle.version();
  sgd.step();
  CHECK(w.item() == doctest::Approx(0.85));
  CHECK(v.item() == doctest::Approx(0.75));
  CHECK(b.item() == doctest::Approx(0.8));
  CHECK(idle.item() == 1);
  CHECK(idle.version() == before);
  CHECK(sgd.group_count() == 2);
  CHECK(sgd.lr(1) == 0.2);
  sgd.groups()[0].options.weight_decay = 0;
  sgd.set_lr(0, 1);
  sgd.step();
  CHECK(w.item() == doctest::Approx(-0.15));
  sgd.zero_grad();
  CHECK(!w.grad().defined());
  CHECK(!b.grad().defined());
  sgd.step();
  CHECK(w.item() == doctest::Approx(-0.15));
}

TEST_CASE("a step is a write, which a graph that saved the parameter finds out") {
  const Tensor p = leaf({1.0, 2.0});
  const auto loss = sum(p * p);
  give(p, {1.0, 1.0});
  optim::Adam({p}).step();
  const auto what = error_of([&] { loss.backward(); });
  CHECK_MESSAGE(what.find("changed by Adam") != std::string::npos, what);
}

TEST_CASE("strided gradients") {
  const auto wide = tensor({{1.0, 2.0}, {3.0, 4.0}}, {.dtype = float64});
  Tensor p = zeros({2, 2}, {.dtype = float64, .requires_grad = true});
  p.set_grad(transpose(wide, 0, 1));
  optim::SGD({p}, {.lr = 1, .momentum = 0.5}).step();
  CHECK(p.to_vector<double>() == std::vector<double>{-1, -3, -2, -4});
  CHECK(optim::clip_grad_norm_({p}, 1) == doctest::Approx(std::sqrt(30.0)));
  CHECK(p.grad().to_vector<double>()[1] == doctest::Approx(3 / std::sqrt(30.0)).epsilon(1e-6));
  CHECK(wide.to_vector<double>() == std::vector<double>{1, 2, 3, 4});
}

TEST_CASE("the same bits at any number of threads") {
  const int before = num_threads();
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 5}) {
    set_num_threads(threads);
    Generator generator{.seed = 3};
    Tensor p = randn({100'003}, {.requires_grad = true, .generator = &generator});
    optim::Adam adam({p});
    for (int i = 0; i < 3; ++i) {
      p.set_grad(randn({100'003}, {.generator = &generator}));
      optim::clip_grad_norm_({p}, 10);
      adam.step();
    }
    results.push_back(p.to_vector<float>());
  }
  set_num_threads(before);
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}

TEST_CASE_TEMPLATE("no memory is asked for after the first step", Optimizer, optim::SGD, optim::Adam,
                   optim::AdamW) {
  std::vector<Tensor> parameters;
  for (int i = 0; i < 20; ++i) {
    parameters.push_back(zeros({i * i * 50 + 1}, {.requires_grad = true}));
    parameters.back().set_grad(ones({i * i * 50 + 1}));
  }
  Optimizer optimizer(parameters);
  if constexpr (std::is_same_v<Optimizer, optim::SGD>) optimizer.groups()[0].options.momentum = 0.9;
  optimizer.step();
  const auto news_before = news.load();
  const auto calls_before = memory::stats().system_calls;
  for (int i = 0; i < 5; ++i) optimizer.step();
  CHECK(news.load() == news_before);
  CHECK(memory::stats().system_calls == calls_before);
}

// -- state

namespace {

template <class Optimizer, class Options>
void check_restored(const Options& options, const Options& others) {
  for (const int saved_after : {0, 1, 7}) {
    const Problem straight;
    Optimizer one({straight.a, straight.b}, options);
    straight.run(one, saved_after);
    const auto state = one.state();
    const auto frozen = values(state);
    const auto at = straight.point();
    straight.run(one, 10);

    const Problem resumed;
    Optimizer two({resumed.a, resumed.b}, others);
    if (saved_after != 1) resumed.run(two, 2);  // what it remembers of these is replaced
    {
      const NoGrad off;
      resumed.a.copy_(tensor({at[0], at[1]}, {.dtype = float64}));
      resumed.b.copy_(tensor({at[2], at[3], at[4]}, {.dtype = float64}));
    }
    two.load_state(state);
    CHECK(resumed.point() == at);
    resumed.run(two, 10);
    CHECK(resumed.point() == straight.point());
    CHECK(values(state) == frozen);  // a snapshot: neither optimizer has changed it
    two.load_state(state);
    CHECK(names(two.state()) == names(state));
    CHECK(values(two.state()) == frozen);
  }
}

}  // namespace

TEST_CASE("a run that is saved and restored has the same bits") {
  using optim::Adam, optim::AdamW, optim::SGD;
  check_restored<SGD>(optim::SGDOptions{.lr = 1e-3}, {});
  check_restored<SGD>(optim::SGDOptions{.lr = 1e-3, .momentum = 0.9, .dampening = 0.1, .weight_decay = 0.01}, {});
  check_restored<SGD>(optim::SGDOptions{.lr = 1e-3, .momentum = 0.9, .nesterov = true},
                      {.momentum = 0.5, .maximize = true});
  check_restored<Adam>(optim::AdamOptions{.lr = 0.02, .beta1 = 0.8, .weight_decay = 0.1}, {});
  check_restored<AdamW>(optim::AdamWOptions{.lr = 0.02, .amsgrad = true, .bias_correction = false}, {});
}

TEST_CASE("names in a state") {
  const Tensor a = leaf({1.0}), b = leaf({1.0, 2.0});
  optim::Adam adam({a, b}, {.amsgrad = true});
  give(b, {1.0, 1.0});
  adam.step();
  CHECK(names(adam.state()) == std::vector<std::string>{"group.0.lr", "group.0.beta1", "group.0.beta2",
                                                        "group.0.eps", "group.0.weight_decay", "group.0.amsgrad",
                                                        "group.0.bias_correction", "group.0.maximize", "0.step",
                                                        "1.step", "1.exp_avg", "1.exp_avg_sq",
                                                        "1.max_exp_avg_sq"});
  optim::SGD sgd({{{a}, {}}, {{b}, {.momentum = 0.9}}});
  sgd.step();
  const auto state = sgd.state();
  CHECK(state.size() == 14);
  CHECK(state[12].name == "1.step");
  CHECK(state[12].tensor.item() == 1);
  CHECK(state[13].name == "1.momentum_buffer");
}

TEST_CASE("a state that does not fit is refused whole") {
  const Tensor a = leaf({1.0}), b = leaf({1.0, 2.0});
  give(a, {1.0});
  give(b, {1.0, 1.0});
  optim::Adam adam({a, b});
  adam.step();
  auto state = adam.state();
  const auto names_before = names(state);
  state[0].tensor.fill_(0.5);                         // group.0.lr
  state[9].name = "7.exp_avg";                        // was 0.exp_avg
  state[13].tensor = zeros({3}, {.dtype = float64});  // 1.exp_avg_sq
  state.push_back(state[8]);                          // 0.step
  CHECK_ERROR(
      adam.load_state(state),
      "Adam: the state does not fit: 0.step is there twice; 1.exp_avg_sq is float64 [3] instead of float64 [2]; "
      "missing: 0.exp_avg; unexpected: 7.exp_avg; load what state() of the same kind of object gave");
  CHECK(adam.lr() == 1e-3);
  CHECK(names(adam.state()) == names_before);
  state = adam.state();
  state[8].tensor.fill_(0.5);
  CHECK_ERROR(adam.load_state(state), "Adam: 0.step is 0.5; it must be a whole number");
  state = adam.state();
  state[1].tensor.fill_(1);
  CHECK_ERROR(adam.load_state(state), "Adam: beta1 is 1; it must be in [0, 1)");
}

// -- errors

TEST_CASE("parameters that can not be optimized") {
  using optim::Adam, optim::SGD;
  const Tensor p = leaf({1.0, 2.0}), constant = tensor({1.0});
  CHECK_ERROR(SGD(std::vector<Tensor>()), "SGD: there are no parameters; give at least one");
  CHECK_ERROR(Adam({p, constant}),
              "Adam: parameter 1 (float32 [1]) does not require grad; call set_requires_grad(), or leave it out");
  CHECK_ERROR(Adam({p, Tensor()}), "Adam: parameter 1 (undefined) is undefined; assign a tensor first");
  CHECK_ERROR(
      Adam({p * 2}),
      "Adam: parameter 0 (float64 [2]) was computed by mul_scalar; optimizers move leaves, so give what it was "
      "computed from");
  CHECK_ERROR(SGD({{{p}, {}}, {{leaf({1.0}), p}, {}}}),
              "SGD: parameters 0 and 2 (float64 [2]) are the same tensor; give each once");
  Tensor part = narrow(p.detach(), 0, 1, 1);
  part.set_requires_grad();
  CHECK_ERROR(SGD({part, p}), "SGD: parameters 0 and 1 (float64 [2]) share memory; give each once");
  Tensor turned = transpose(zeros({2, 3}), 0, 1);
  turned.set_requires_grad();
  CHECK_ERROR(SGD({turned}), "SGD: parameter 0 (float32 [3, 2]) is not contiguous; make a leaf of its clone()");
}

TEST_CASE("options that make no sense") {
  using optim::Adam, optim::AdamW, optim::SGD;
  const Tensor p = leaf({1.0});
  CHECK_ERROR(SGD({p}, {.lr = -1}), "SGD: lr is -1; it must be 0 or larger, and finite");
  CHECK_ERROR(SGD({p}, {.momentum = -0.5}), "SGD: momentum is -0.5; it must be 0 or larger, and finite");
  CHECK_ERROR(SGD({p}, {.weight_decay = std::nan("")}),
              "SGD: weight_decay is nan; it must be 0 or larger, and finite");
  CHECK_ERROR(SGD({p}, {.nesterov = true}),
              "SGD: nesterov with momentum 0 and dampening 0; it needs a momentum above 0 and no dampening");
  CHECK_ERROR(SGD({p}, {.momentum = 0.9, .dampening = 0.5, .nesterov = true}),
              "SGD: nesterov with momentum 0.9 and dampening 0.5; it needs a momentum above 0 and no dampening");
  CHECK_ERROR(Adam({p}, {.lr = -1}), "Adam: lr is -1; it must be 0 or larger, and finite");
  CHECK_ERROR(Adam({p}, {.beta1 = 1}), "Adam: beta1 is 1; it must be in [0, 1)");
  CHECK_ERROR(AdamW({p}, {.beta2 = -0.1}), "AdamW: beta2 is -0.1; it must be in [0, 1)");
  CHECK_ERROR(Adam({p}, {.eps = -1e-8}), "Adam: eps is -1e-08; it must be 0 or larger, and finite");
  SGD sgd({p});
  CHECK_ERROR(sgd.lr(1), "SGD: there is no group 1, only 1");
  CHECK_ERROR(sgd.set_lr(0, -1), "SGD: lr is -1; it must be 0 or larger, and finite");
  sgd.groups()[0].options.lr = -1;
  CHECK_ERROR(sgd.step(), "SGD: lr is -1; it must be 0 or larger, and finite");
}
