// Support vector machines against closed forms, scikit-learn 1.9's values and conditions of optimality in plain loops.
#include "svm/svm.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "autograd/autograd.h"
#include "tests/expect_error.h"

using namespace ebb;
using svm::kernel_matrix;
using svm::solve_dual;

namespace {

using Ints = std::vector<std::int64_t>;
using Doubles = std::vector<double>;

// What the recorded values are of: 40 points whose classes overlap.
Tensor points() {
  std::vector<Tensor> rows;
  for (int i = 0; i < 40; ++i)
    rows.push_back(
        tensor({std::sin(1.7 * i) + (i % 2) * 0.9, std::cos(2.3 * i) + (i % 3) * 0.4}, {.dtype = float64}));
  return stack(rows);
}
Tensor two_classes() {
  Ints y;
  for (int i = 0; i < 40; ++i) y.push_back(i % 2 + (i % 10 == 0));
  return tensor(y);
}
Tensor three_classes() {
  Ints y;
  for (int i = 0; i < 40; ++i) y.push_back(i % 3);
  return tensor(y);
}
Tensor probes() { return tensor({{0.3, -0.2}, {1.5, 1.0}, {-2., 0.5}}, {.dtype = float64}); }

void check_near(const Tensor& found, const Doubles& expected, double tolerance) {
  const auto values = found.to_vector<double>();
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) CHECK(std::abs(values[i] - expected[i]) <= tolerance);
}

constexpr double kRecorded = 3e-5;  // libsvm keeps K in float32

}  // namespace

TEST_CASE("kernels are their formulas, with few features and many, and have their gradients") {
  const Tensor x = tensor({{1., 2.}, {0., -1.}}, {.dtype = float64}), z = tensor({{3., 1.}}, {.dtype = float64});
  const auto of = [&](const svm::KernelOptions& options) { return kernel_matrix(x, z, options); };
  check_near(of({.kernel = svm::Kernel::linear}), {5, -1}, 0);
  check_near(of({.kernel = svm::Kernel::poly, .gamma = 2, .coef0 = 1, .degree = 3}), {1331, -1}, 1e-12);
  check_near(of({.kernel = svm::Kernel::rbf, .gamma = 0.5}), {std::exp(-2.5), std::exp(-6.5)}, 1e-15);
  check_near(of({.kernel = svm::Kernel::sigmoid, .gamma = 0.1, .coef0 = 1}), {std::tanh(1.5), std::tanh(0.9)},
             1e-15);

  Generator random{.seed = 3};
  const RandomOptions doubles{.dtype = float64, .requires_grad = true, .generator = &random};
  for (const std::int64_t features : {3, 20})
    for (const auto kernel : {svm::Kernel::linear, svm::Kernel::poly, svm::Kernel::rbf, svm::Kernel::sigmoid}) {
      const auto f = [&](const std::vector<Tensor>& in) {
        return kernel_matrix(in[0], in[1], {.kernel = kernel, .gamma = 0.1, .coef0 = 0.3});
      };
      CHECK_NOTHROW(gradcheck(f, {randn({4, features}, doubles), randn({2, features}, doubles)}));
    }
  const Tensor many = randn({5, 20}, doubles).detach();
  Doubles expected;
  for (int i = 0; i < 5; ++i)
    for (int j = 0; j < 5; ++j) expected.push_back(std::exp(-0.1 * sum(square(many[i] - many[j])).item()));
  check_near(kernel_matrix(many, many, {.gamma = 0.1}), expected, 1e-14);
  CHECK_ERROR(kernel_matrix(x, tensor({1., 2.}), {}),
              "kernel_matrix: float64 [2, 2] and float32 [2]; give float32 or float64 [n, d] and [m, d]");
}

TEST_CASE("the widest margin between separable points: two support vectors, exactly") {
  const Tensor x = tensor({{0., 0.}, {-1., 2.}, {-2., -1.}, {2., 0.}, {3., 1.}, {4., -3.}}, {.dtype = float64});
  svm::SVC svc({.C = 1000, .kernel = svm::Kernel::linear});
  svc.fit(x, tensor({-1, -1, -1, 1, 1, 1}));
  CHECK(svc.support().to_vector<std::int64_t>() == Ints{0, 3});
  check_near(svc.dual_coef(), {-0.5, 0.5}, 0);
  check_near(svc.coef(), {1, 0}, 0);
  check_near(svc.intercept(), {-1}, 0);
  check_near(svc.decision_function(x), {-1, -2, -3, 1, 2, 3}, 0);
  CHECK(svc.predict(x).to_vector<std::int64_t>() == Ints{-1, -1, -1, 1, 1, 1});
  CHECK(svc.duality_gap() == 0);
  CHECK(svc.kkt_residual() == 0);
}

TEST_CASE("a dual is solved: its conditions in plain loops") {
  const Tensor x = points(), y = two_classes().to(float64) * 2 - 1;
  const Tensor k = kernel_matrix(x, x, {.kernel = svm::Kernel::rbf, .gamma = 0.7});
  const auto sign = y.to_vector<double>(), row_major = k.to_vector<double>();
  const Doubles ones(40, 1);
  int asked = 0;
  const auto rows = [&](std::span<const std::int64_t> places) {
    ++asked;
    return index_select(k, 0, tensor(places));
  };
  const svm::DualProblem problem{.y = sign, .diagonal = ones, .C = 2, .rows = rows};
  const auto found = solve_dual(problem, {.tol = 1e-6});
  CHECK(asked == 2);  // one row, for its dtype, and all
  double sum = 0, norm = 0, linear = 0, hinge = 0, most = -1e9, least = 1e9;
  for (std::size_t i = 0; i < 40; ++i) {
    double f = 0;
    for (std::size_t j = 0; j < 40; ++j) f += row_major[i * 40 + j] * found.beta[j];
    const double alpha = sign[i] * found.beta[i], gradient = sign[i] - f;
    CHECK((alpha >= 0 && alpha <= 2));
    if (sign[i] > 0 ? alpha < 2 : alpha > 0) most = std::max(most, gradient);
    if (sign[i] > 0 ? alpha > 0 : alpha < 2) least = std::min(least, gradient);
    sum += found.beta[i];
    norm += found.beta[i] * f;
    linear += alpha;
    hinge += std::max(0., 1 - sign[i] * (f + found.intercept));
  }
  CHECK(std::abs(sum) < 1e-12);
  CHECK(found.kkt_residual == doctest::Approx(most - least).epsilon(1e-6));
  CHECK(most - least <= 1e-6);
  CHECK(found.primal == doctest::Approx(norm / 2 + 2 * hinge).epsilon(1e-9));
  CHECK(found.dual == doctest::Approx(linear - norm / 2).epsilon(1e-9));
  CHECK(found.primal >= found.dual);
  CHECK(found.primal - found.dual <= 1e-5 * found.primal);

  asked = 0;
  const auto again = solve_dual(problem, {.tol = 1e-6, .cache_size = 0});  // two rows at a time
  CHECK(again.beta == found.beta);
  CHECK(asked > found.iterations);
  CHECK(solve_dual(problem, {.max_iter = 3}).iterations == 3);
  CHECK_ERROR(
      solve_dual({.y = ones, .diagonal = ones, .C = 2, .rows = rows}),
      "solve_dual: of 40 labels 40 are 1, with a diagonal of 40; give 1 and -1, some of each, and as large a "
      "diagonal");
  CHECK_ERROR(solve_dual({.y = sign, .diagonal = ones, .C = 0, .rows = rows}),
              "solve_dual: C is 0 and tol 0.001; both must be positive");
}

TEST_CASE("scikit-learn's machines of two classes") {
  struct Recorded {
    svm::SVCOptions options;
    std::int64_t support;
    double intercept, total;  // total: Σ α
    Doubles values;           // at probes()
  };
  const Recorded all[] = {
      {{.kernel = svm::Kernel::linear},
       29,
       -0.0635029865449361,
       54.06708121964818,
       {0.2632851165552109, 1.7851060053417176, -2.3315355390400505}},
      {{.kernel = svm::Kernel::poly, .degree = 3, .gamma = 0.5, .coef0 = 1},
       29,
       0.5511397541102392,
       49.211149709461004,
       {0.674446504205441, 1.8312315118214917, -6.536698977355882}},
      {{.kernel = svm::Kernel::rbf, .gamma = 0.7},
       29,
       0.1982240686816182,
       52.26829839762796,
       {0.7309523020961256, 1.1950212087158032, -0.24109858472644438}},
      {{.kernel = svm::Kernel::rbf},
       29,
       0.22158982293391682,
       51.97034857824781,
       {0.7706959351034839, 1.1868731355282356, -0.0979593066695083}},
      {{.kernel = svm::Kernel::sigmoid, .gamma = 0.1, .coef0 = -0.2},
       33,
       -0.06376703621867363,
       63.17570994348298,
       {0.20582751665558535, 1.3755082968114256, -1.9643989351456241}},
  };
  for (const auto& recorded : all) {
    auto options = recorded.options;
    options.C = 2;
    options.tol = 1e-9;
    svm::SVC svc(options);
    svc.fit(points(), two_classes());
    CHECK(svc.support().numel() == recorded.support);
    check_near(svc.intercept(), {recorded.intercept}, kRecorded);
    CHECK(sum(abs(svc.dual_coef())).item() == doctest::Approx(recorded.total).epsilon(kRecorded));
    check_near(svc.decision_function(probes()), recorded.values, kRecorded);
    CHECK(svc.kkt_residual() <= 1e-9);
    CHECK(svc.duality_gap() <= 1e-7);
    svc.fit(points().to(float32), two_classes());
    check_near(svc.decision_function(probes().to(float32)), recorded.values, 3e-4);
  }
  svm::SVC scaled;
  scaled.fit(points(), two_classes());
  CHECK(scaled.gamma() == doctest::Approx(0.7794645834244668).epsilon(1e-12));
  CHECK(scaled.support().to_vector<std::int64_t>().front() == 2);  // class 0 first
}

TEST_CASE("scikit-learn's machine of three classes, one against one") {
  svm::SVC svc({.C = 2, .gamma = 0.7, .tol = 1e-9});
  svc.fit(points(), three_classes());
  CHECK(svc.classes().to_vector<std::int64_t>() == Ints{0, 1, 2});
  CHECK(svc.dual_coef().shape() == Shape{3, 38});
  check_near(narrow(svc.decision_function(probes()), 0, 0, 2),
             {0.20063222640672598, 0.9723366957299255, 0.03926016123614378, -0.718405827105127,
              -0.5978052311787152, -0.6927367715207059},
             kRecorded);
  CHECK(svc.predict(points()).to_vector<std::int64_t>() == Ints{0, 1, 0, 0, 1, 2, 0, 1, 2, 1, 0, 2, 1, 0,
                                                                2, 1, 2, 0, 0, 2, 0, 0, 2, 1, 0, 0, 0, 2,
                                                                0, 0, 0, 1, 0, 0, 1, 2, 0, 1, 2, 1});
  // Of a pair the third class has no part.
  for (const double coefficient : narrow(svc.dual_coef()[0], 0, 27, 11).to_vector<double>())
    CHECK(coefficient == 0);
}

TEST_CASE("scikit-learn's linear machines, and no gradient is left in the primal") {
  svm::LinearSVC hinge({.C = 0.5, .loss = svm::Loss::hinge, .tol = 1e-9, .max_iter = 100000});
  hinge.fit(points(), two_classes());
  check_near(hinge.coef(), {1.1438349850292282, 0.10576094718391817}, 1e-7);
  check_near(hinge.intercept(), {-0.04791498108711547}, 1e-7);
  CHECK(hinge.duality_gap() <= 1e-8);
  CHECK(hinge.kkt_residual() <= 1e-8);

  svm::LinearSVC squared({.C = 0.5, .tol = 1e-9, .max_iter = 100000});
  squared.fit(points(), three_classes());
  check_near(squared.coef(),
             {-0.1412315297920343, -0.3078633457406801, 0.10018186867354692, -0.20312831916698773,
              0.024446881539021068, 0.4953031825045721},
             1e-7);
  check_near(squared.intercept(), {-0.10635027214077696, -0.3066908822121381, -0.5490966895169289}, 1e-7);
  CHECK(squared.predict(points()).to_vector<std::int64_t>() == Ints{2, 1, 2, 2, 0, 2, 0, 0, 2, 1, 0, 2, 0, 2,
                                                                    2, 0, 2, 2, 0, 2, 0, 0, 2, 1, 0, 2, 0, 2,
                                                                    0, 0, 2, 1, 0, 2, 0, 2, 0, 0, 2, 0});

  squared.fit(points(), two_classes());
  const Tensor w = squared.coef()[0].clone().set_requires_grad(),
               b = squared.intercept()[0].clone().set_requires_grad();
  const Tensor y = two_classes().to(float64) * 2 - 1;
  const Tensor loss =
      (sum(square(w)) + square(b)) * 0.5 + 0.5 * sum(square(relu(1 - y * (matmul(points(), w) + b))));
  loss.backward();
  check_near(w.grad(), {0, 0}, 1e-7);
  check_near(b.grad(), {0}, 1e-7);
  CHECK(squared.iterations() < 100000);

  svm::LinearSVC single({.C = 0.5, .tol = 1e-4, .intercept_scaling = 0});
  single.fit(points().to(float32), two_classes());
  CHECK(single.intercept().item() == 0);
  CHECK(single.duality_gap() <= 1e-3);
}

TEST_CASE("what support vector machines refuse") {
  const Tensor x = points();
  CHECK_ERROR(svm::SVC({.C = 0}), "SVC: C is 0, tol 0.001, gamma 1 and degree 3; all must be positive");
  CHECK_ERROR(
      svm::LinearSVC({.tol = -1}),
      "LinearSVC: C is 1, tol -1, max_iter 1000 and intercept_scaling 1; the first three must be positive, the "
      "last 0 or more");
  svm::SVC svc;
  svm::LinearSVC linear;
  CHECK_ERROR(svc.predict(x), "SVC: it has not been fitted; call fit() first");
  CHECK_ERROR(linear.coef(), "LinearSVC: it has not been fitted; call fit() first");
  CHECK_ERROR(svc.fit(x, ones({40})),
              "SVC: fit to float64 [40, 2] and float32 [40]; give x floating [n, d] and y integers [n]");
  CHECK_ERROR(linear.fit(x, ones({40}, {.dtype = int64})), "LinearSVC: fit to 1 class(es); give at least two");
  svc.fit(x, two_classes());
  linear.fit(x, two_classes());
  CHECK_ERROR(svc.decision_function(zeros({3, 2})),
              "SVC: decision_function of float32 [3, 2]; give float64 [n, 2], as for fit()");
  CHECK_ERROR(linear.predict(zeros({3}, {.dtype = float64})),
              "LinearSVC: decision_function of float64 [3]; give float64 [n, 2], as for fit()");
  CHECK_ERROR(svc.coef(), "SVC: coef() of a kernel that is not linear; use decision_function()");
}
