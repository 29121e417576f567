// The optimizers of optim/algorithms.h other than SGD and Adam, averages, and L-BFGS.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "autograd/node.h"
#include "autograd/ops.h"
#include "optim/optim.h"
#include "tests/optim_support.h"

using namespace ebb;

// PyTorch 2.15 (CPU): 100 steps of torch.optim.X([a, b], ...) in float64 from the Problem's start.
TEST_CASE("Adamax moves as PyTorch's") {
  const auto check = check_trajectory<optim::Adamax, optim::AdamaxOptions>;
  check({.lr = 0.02},
        {-1.0495176272195539, 1.1073050319385511, 0.9326996804301997, -0.5772777713876005, 0.08296941585708177});
  check({.lr = 0.05, .beta1 = 0.8, .beta2 = 0.9, .eps = 1e-3, .weight_decay = 0.1, .maximize = true},
        {0.6205971820553886, 0.37322795423910204, 0.8315977688705972, -1.9036685400511804, 0.2445381085162922});
}

TEST_CASE("NAdam moves as PyTorch's") {
  const auto check = check_trajectory<optim::NAdam, optim::NAdamOptions>;
  check({.lr = 0.02},
        {-1.0151233773898332, 1.0367550713180957, 0.9767264780438252, -0.6268959934094941, 0.15243877700976952});
  check({.lr = 0.02, .beta1 = 0.8, .beta2 = 0.95, .weight_decay = 0.1, .momentum_decay = 0.1},
        {-0.9074200032354575, 0.8296361527966231, 0.8334721440444562, -0.7700814391202941, 0.2315607045416602});
  check({.lr = 0.02, .weight_decay = 0.1, .decoupled_weight_decay = true, .maximize = true},
        {-0.8742500043980288, 0.7728816221642221, 0.9308826621543942, -0.6414966427287875, 0.16402927090154634});
}

TEST_CASE("RAdam moves as PyTorch's") {
  const auto check = check_trajectory<optim::RAdam, optim::RAdamOptions>;
  check({.lr = 1e-4},
        {-1.107050567241034, 1.0391300395304401, 0.001622694711312519, 0.9956277296394846, -0.9799393721328589});
  check({.lr = 1e-4, .beta1 = 0.8, .beta2 = 0.9, .eps = 1e-3, .weight_decay = 0.1},
        {-1.1011347028840246, 1.0457248335513878, 0.00882353818533423, 0.9883582212504092, -0.9726759701302203});
  check({.lr = 1e-4, .weight_decay = 0.1, .decoupled_weight_decay = true, .maximize = true},
        {-1.1059482524102051, 1.038089036117972, 0.0016219357956833015, 0.9946317598728428, -0.9789589052166747});
}

TEST_CASE("Adagrad moves as PyTorch's") {
  const auto check = check_trajectory<optim::Adagrad, optim::AdagradOptions>;
  check({.lr = 0.1},
        {-0.9989403580926343, 1.0040985050092435, 0.9726131181655163, -0.6050321470964559, 0.15088969023984616});
  check({.lr = 0.1,
         .lr_decay = 0.01,
         .weight_decay = 0.1,
         .initial_accumulator_value = 0.5,
         .eps = 1e-3,
         .maximize = true},
        {-1.015765577094357, 1.0379846162219, 0.7664369265558884, -0.29395973658405616, 0.03959221420246667});
}

TEST_CASE("Adadelta moves as PyTorch's") {
  const auto check = check_trajectory<optim::Adadelta, optim::AdadeltaOptions>;
  check({},
        {-1.0609567322825497, 1.1307262930520021, 0.3488241715483588, 0.6139124369412357, -0.6403823420343814});
  check({.lr = 0.5, .rho = 0.8, .eps = 1e-3, .weight_decay = 0.1, .maximize = true},
        {-0.6996339819049855, 0.5830745155451544, 0.8333333333207331, -1.9006838200985305, 0.21540799792787477});
}

TEST_CASE("RMSprop moves as PyTorch's") {
  const auto check = check_trajectory<optim::RMSprop, optim::RMSpropOptions>;
  check({.lr = 1e-3},
        {-1.0740794414320756, 1.1255672069750347, 0.19518349799642237, 0.7997596454731354, -0.803252411251433});
  check({.lr = 1e-3, .alpha = 0.9, .eps = 1e-3, .weight_decay = 0.1, .momentum = 0.5},
        {-1.0588169678901391, 1.1271985036317889, 0.21128404019416286, 0.7849279572227095, -0.7865742450129674});
  check({.lr = 1e-3, .centered = true},
        {-1.0692911337862177, 1.1292756836903806, 0.2362068491269199, 0.7554586158110114, -0.7611894046164727});
  check({.lr = 1e-3, .momentum = 0.9, .centered = true, .maximize = true},
        {-1.0230617374355537, 1.05095807481565, 1.004994747931046, -0.9023041526113258, 0.229330519935239});
}

TEST_CASE("Rprop moves as PyTorch's") {
  const auto check = check_trajectory<optim::Rprop, optim::RpropOptions>;
  check({.lr = 0.01},
        {-0.7848138815180616, 0.6165345545476036, 1.000000162226744, -1.999999216301317, 0.24999971515944044});
  check({.lr = 0.1,
         .eta_minus = 0.3,
         .eta_plus = 1.5,
         .step_size_min = 1e-3,
         .step_size_max = 0.2,
         .maximize = true},
        {-0.827170787634731, 0.6898797461586786, 1.0004815, -1.9994814999999995, 0.25});
}

TEST_CASE("ASGD moves as PyTorch's") {
  const auto check = check_trajectory<optim::ASGD, optim::ASGDOptions>;
  check({.lr = 1e-3},
        {-0.9481803730154315, 0.9070828124729795, 0.04878205354294429, 0.4556957782173005, 0.19055850168648247});
  check({.lr = 1e-3, .lambd = 0.1, .alpha = 0.5, .t0 = 10, .weight_decay = 0.1, .maximize = true},
        {-0.9358360858263837, 0.8840262382499879, 0.0481915523153482, 0.44414212102867395, 0.18974635852612687});
}

TEST_CASE("ASGD's averages are PyTorch's") {
  const Problem problem;
  optim::ASGD asgd({problem.a, problem.b}, {.lr = 1e-3, .t0 = 10});
  problem.run(asgd, 100);
  std::vector<double> averages;
  for (const auto& [name, value] : asgd.state())
    if (name.ends_with(".ax"))
      for (const double x : value.to_vector<double>()) averages.push_back(x);
  const Point expected = {-0.9844827510786601, 0.9776542043579725, 0.027538019769508346, 0.6853770078614582,
                          -0.053238132505192964};
  REQUIRE(averages.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) CHECK(averages[i] == doctest::Approx(expected[i]).epsilon(1e-10));
}

// -- not in PyTorch: against the formulas, element by element

TEST_CASE("Lion steps by the sign of a blend") {
  const Problem problem;
  const optim::LionOptions o{.lr = 0.01, .beta1 = 0.8, .beta2 = 0.95, .weight_decay = 0.1};
  optim::Lion lion({problem.b}, o);
  std::vector<double> p = problem.b.to_vector<double>(), m(3, 0.0);
  for (int t = 0; t < 100; ++t) {
    problem.give_gradients();
    const auto g = problem.b.grad().to_vector<double>();
    lion.step();
    for (std::size_t i = 0; i < 3; ++i) {
      const double c = o.beta1 * m[i] + (1 - o.beta1) * g[i];
      p[i] = p[i] - o.lr * o.weight_decay * p[i] - o.lr * ((c > 0) - (c < 0));
      m[i] = o.beta2 * m[i] + (1 - o.beta2) * g[i];
      CHECK(problem.b.to_vector<double>()[i] == doctest::Approx(p[i]).epsilon(1e-12));
    }
  }
}

TEST_CASE("LAMB steps in proportion to the parameter") {
  const Problem problem;
  const optim::LAMBOptions o{.lr = 0.01, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-3, .weight_decay = 0.1};
  optim::LAMB lamb({problem.b}, o);
  std::vector<double> p = problem.b.to_vector<double>(), m(3, 0.0), v(3, 0.0), r(3);
  for (int t = 1; t <= 100; ++t) {
    problem.give_gradients();
    const auto g = problem.b.grad().to_vector<double>();
    lamb.step();
    double p_norm = 0, r_norm = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      m[i] = o.beta1 * m[i] + (1 - o.beta1) * g[i];
      v[i] = o.beta2 * v[i] + (1 - o.beta2) * g[i] * g[i];
      r[i] = m[i] / (1 - std::pow(o.beta1, t)) / (std::sqrt(v[i] / (1 - std::pow(o.beta2, t))) + o.eps) +
             o.weight_decay * p[i];
      p_norm = std::hypot(p_norm, p[i]);
      r_norm = std::hypot(r_norm, r[i]);
    }
    for (std::size_t i = 0; i < 3; ++i) {
      p[i] -= o.lr * p_norm / r_norm * r[i];
      CHECK(problem.b.to_vector<double>()[i] == doctest::Approx(p[i]).epsilon(1e-10));
    }
  }
  const Tensor zero = leaf({0.0, 0.0});
  give(zero, {3.0, -4.0});
  optim::LAMB({zero}, {.lr = 0.5, .eps = 0}).step();  // ‖p‖ = 0: a step of Adam
  CHECK(zero.to_vector<double>() == std::vector<double>{-0.5, 0.5});
}

// The algorithm of MuonOptions in NumPy, float64, 20 steps; PyTorch's, which iterates in bfloat16, is 0.006 away.
TEST_CASE("Muon's steps") {
  const auto run = [](const Shape& shape, const optim::MuonOptions& options) {
    const Tensor k = reshape(arange(0, 6, 1, {.dtype = float64}), shape), target = sin(k);
    const Tensor scale = reshape(tensor({1.0, 3.0, 2.0, 0.5, 1.5, 2.5}, {.dtype = float64}), shape);
    Tensor p = cos(k);
    p.set_requires_grad();
    optim::Muon muon({p}, options);
    for (int i = 0; i < 20; ++i) {
      p.set_grad((p.detach() - target) * scale);
      muon.step();
    }
    return p.to_vector<double>();
  };
  const auto check = [](const std::vector<double>& found, const std::vector<double>& expected) {
    for (std::size_t i = 0; i < 6; ++i) CHECK(found[i] == doctest::Approx(expected[i]).epsilon(1e-10));
  };
  check(run({3, 2}, {.lr = 0.1, .momentum = 0.9}), {-0.3311671991773896, 1.0274992952907533, 1.1541684761087343,
                                                    0.0637494834956736, -0.8596541894039862, -1.17340671056904});
  check(run({2, 3}, {.lr = 0.1,
                     .momentum = 0.9,
                     .nesterov = false,
                     .adjust_lr_fn = optim::MuonOptions::AdjustLr::match_rms_adamw}),
        {0.4700136981005691, 0.7307203101290789, -0.16351062673808203, -0.9904888456130155, -0.3669715459800399,
         -0.1826217120060385});
  CHECK_ERROR(optim::Muon({leaf({1.0})}),
              "Muon: parameter 0 has the shape [1]; it moves matrices only, give the others to AdamW");
}

// -- what they share

TEST_CASE_TEMPLATE("a run that is saved and restored has the same bits", Optimizer, optim::Adamax, optim::NAdam,
                   optim::RAdam, optim::LAMB, optim::Lion, optim::Adagrad, optim::Adadelta, optim::RMSprop,
                   optim::Rprop, optim::ASGD) {
  const Problem straight, resumed;
  Optimizer one({straight.a, straight.b}), two({resumed.a, resumed.b});
  one.set_lr(0, 1e-3);
  straight.run(one, 7);
  {
    const NoGrad off;
    Tensor(resumed.a).copy_(straight.a);
    Tensor(resumed.b).copy_(straight.b);
  }
  two.load_state(one.state());
  straight.run(one, 10);
  resumed.run(two, 10);
  CHECK(resumed.point() == straight.point());
}

TEST_CASE("buffers that the options do not need are neither made nor saved") {
  const Tensor p = leaf({1.0});
  give(p, {1.0});
  const auto names_of = [&](const optim::RMSpropOptions& options) {
    optim::RMSprop rmsprop({p}, options);
    rmsprop.step();
    std::string names;
    for (const auto& [name, value] : rmsprop.state())
      if (name.starts_with("0.")) names += name + " ";
    return names;
  };
  CHECK(names_of({}) == "0.step 0.square_avg ");
  CHECK(names_of({.momentum = 0.5}) == "0.step 0.square_avg 0.momentum_buffer ");
  CHECK(names_of({.centered = true}) == "0.step 0.square_avg 0.grad_avg ");
}

TEST_CASE("options that make no sense") {
  const Tensor p = leaf({1.0});
  CHECK_ERROR(optim::Rprop({p}, {.eta_minus = 1.5}),
              "Rprop: eta_minus is 1.5 and eta_plus 1.2; it must be 0 < eta_minus < 1 < eta_plus");
  CHECK_ERROR(optim::Adadelta({p}, {.rho = 1}), "Adadelta: rho is 1; it must be in [0, 1)");
  CHECK_ERROR(optim::RMSprop({p}, {.alpha = -1}), "RMSprop: alpha is -1; it must be in [0, 1)");
  CHECK_ERROR(optim::ASGD({p}, {.t0 = std::nan("")}), "ASGD: t0 is nan; it must be finite");
  CHECK_ERROR(optim::Adagrad({p}, {.lr_decay = -1}),
              "Adagrad: lr_decay is -1; it must be 0 or larger, and finite");
}

// -- averages

TEST_CASE("averages of parameters") {
  const Tensor p = leaf({0.0, 2.0});
  const auto set = [&](std::initializer_list<double> values) {
    const NoGrad off;
    Tensor(p).copy_(tensor(values, {.dtype = float64}));
  };
  optim::AveragedModel mean({p}), exponential({p}, optim::ExponentialAverage{.decay = 0.75});
  CHECK_ERROR(mean.swap(), "AveragedModel: swap() before the first update_parameters(); there is no average yet");
  const auto update = [&] {
    mean.update_parameters();
    exponential.update_parameters();
  };
  set({1.0, 2.0});
  update();
  set({3.0, -2.0});
  update();
  set({5.0, 6.0});
  update();
  CHECK(mean.n_averaged() == 3);
  optim::AveragedModel resumed({p});
  resumed.load_state(mean.state());
  mean.swap();
  CHECK(p.to_vector<double>() == std::vector<double>{3, 2});
  mean.swap();
  CHECK(p.to_vector<double>() == std::vector<double>{5, 6});
  resumed.swap();
  CHECK(p.to_vector<double>() == std::vector<double>{3, 2});
  resumed.swap();
  exponential.swap();  // ((1 · 0.75 + 3 · 0.25) · 0.75 + 5 · 0.25, …)
  CHECK(p.to_vector<double>() == std::vector<double>{2.375, 2.25});
  optim::AveragedModel wrong({p}, optim::ExponentialAverage{.decay = 2});
  wrong.update_parameters();
  CHECK_ERROR(wrong.update_parameters(), "ExponentialAverage: decay is 2; it must be from 0 to 1");
  CHECK_ERROR(optim::AveragedModel({tensor({1.0}).to(int64)}),
              "AveragedModel: parameter 0 is int64 [1]; it must be float32 or float64 and contiguous");
}

// -- L-BFGS

namespace {

// The Problem's value, whose gradients it gives by hand.
Tensor value_of(const Problem& problem) {
  const Tensor x = select(problem.a, 0, 0), y = select(problem.a, 0, 1);
  const Tensor weights = tensor({0.5, 2.0, 30.0}, {.dtype = float64}),
               minimum = tensor({1.0, -2.0, 0.25}, {.dtype = float64});
  return square(1 - x) + square(y - square(x)) * 100 + sum(weights * square(problem.b - minimum)) / 2;
}

// PyTorch 2.15: the last step's value, the evaluations, and the point after some steps of torch.optim.LBFGS.
void check_lbfgs(const optim::LBFGSOptions& options, int steps, double value, int evaluations,
                 const Point& expected, double tolerance = 1e-9) {
  const Problem problem;
  optim::LBFGS lbfgs({problem.a, problem.b}, options);
  int calls = 0;
  double last = 0;
  for (int i = 0; i < steps; ++i) {
    last = lbfgs.step([&] {
      ++calls;
      return value_of(problem);
    });
  }
  CHECK(last == doctest::Approx(value).epsilon(tolerance));
  CHECK(calls == evaluations);
  for (std::size_t i = 0; i < 5; ++i) CHECK(problem.point()[i] == doctest::Approx(expected[i]).epsilon(tolerance));
}

}  // namespace

TEST_CASE("L-BFGS by steps of lr") {
  check_lbfgs(
      {.max_iter = 4}, 1, 56.887499999999996, 4,
      {-0.9846098533901653, 1.0288912936923549, 0.002329128068015554, 0.9721254222913721, -0.8343046902037258});
  check_lbfgs(
      {.max_iter = 4}, 3, 12.445168145906003, 12,
      {-0.9180149276979844, 0.9046364493584268, 0.04002335831348379, 0.5385379786009402, 0.29354443142299774});
  check_lbfgs({.max_iter = 4}, 30, 2.879739083768084e-10, 93,
              {1.0000004156916336, 1.000000914308126, 1.0000158002789663, -1.9999871369650468, 0.2500019873531212},
              1e-5);
  check_lbfgs(
      {.lr = 0.5, .max_iter = 4, .history_size = 2}, 1, 56.887499999999996, 4,
      {-1.0208214720839277, 1.06180069265201, 0.0018482078866002643, 0.9778693211457733, -0.8671516243757917});
  check_lbfgs(
      {.lr = 0.5, .max_iter = 4, .history_size = 2}, 3, 28.09518267755644, 12,
      {-0.9982995722046372, 1.022347471135218, 0.023102681324659046, 0.7269812277395563, 0.280765028342643});
}

TEST_CASE("L-BFGS with the strong Wolfe line search") {
  check_lbfgs(
      {.max_iter = 20, .line_search_fn = optim::LineSearch::strong_wolfe}, 1, 56.887499999999996, 25,
      {-0.020491522370178653, -0.026029338866216667, 0.7287475932390336, -1.9916632416563032, 0.2541462551672832});
  check_lbfgs(
      {.max_iter = 20, .line_search_fn = optim::LineSearch::strong_wolfe}, 3, 0.00020681050942989614, 57,
      {1.0000008903534692, 1.0000017990026595, 0.999993517155339, -2.000008960025858, 0.24999904466815723});
  check_lbfgs(
      {.max_iter = 20, .line_search_fn = optim::LineSearch::strong_wolfe}, 30, 1.0530496579137895e-10, 84,
      {1.0000008903534692, 1.0000017990026595, 0.999993517155339, -2.000008960025858, 0.24999904466815723});
  check_lbfgs(
      {.max_iter = 3, .history_size = 3, .line_search_fn = optim::LineSearch::strong_wolfe}, 1, 56.887499999999996,
      3,
      {-1.0212416224701693, 1.0729626030734003, 0.00041456024473522884, 0.9950252770631772, -0.9689079816448578});
  check_lbfgs(
      {.max_iter = 3, .history_size = 3, .line_search_fn = optim::LineSearch::strong_wolfe}, 3, 26.14522743461864,
      9, {-1.0037280808147009, 0.9997302400115573, 0.032027445036928136, 0.6255854291265133, 0.28142186059289526});
}

TEST_CASE("L-BFGS goes on from a saved state as if it had not stopped") {
  const Problem straight, resumed;
  const optim::LBFGSOptions options{.max_iter = 3, .line_search_fn = optim::LineSearch::strong_wolfe};
  optim::LBFGS one({straight.a, straight.b}, options), two({resumed.a, resumed.b}, options);
  for (int i = 0; i < 2; ++i) one.step([&] { return value_of(straight); });
  {
    const NoGrad off;
    Tensor(resumed.a).copy_(straight.a);
    Tensor(resumed.b).copy_(straight.b);
  }
  two.load_state(one.state());
  for (int i = 0; i < 3; ++i) {
    one.step([&] { return value_of(straight); });
    two.step([&] { return value_of(resumed); });
  }
  CHECK(resumed.point() == straight.point());
}

TEST_CASE("L-BFGS finds the minimum to the last digits, and minimize() says so") {
  const Problem problem;
  optim::LBFGS lbfgs(
      {problem.a, problem.b},
      {.tolerance_grad = 0, .tolerance_change = 0, .line_search_fn = optim::LineSearch::strong_wolfe});
  const auto result = optim::minimize([&] { return value_of(problem); }, lbfgs, {.tolerance = 1e-9});
  CHECK(result.converged);
  const Point minimum = {1, 1, 1, -2, 0.25};
  for (std::size_t i = 0; i < 5; ++i) CHECK(std::abs(problem.point()[i] - minimum[i]) < 1e-8);
  CHECK_ERROR(optim::LBFGS({leaf({1.0})}, {.max_iter = 0}),
              "LBFGS: max_iter 0, max_eval 1 and history_size 100; each must be 1 or more");
  CHECK_ERROR(optim::LBFGS({leaf({1.0}), leaf({1.0}, float32)}),
              "LBFGS: parameters of float64 and float32; all must be of one dtype");
  CHECK_ERROR(optim::LBFGS(std::vector<Tensor>()), "LBFGS: there are no parameters; give at least one");
}
