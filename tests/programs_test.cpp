// Random programs of up to forty operations, with shared values, views and broadcasts: value, gradient and
// Hessian-vector product against numbers that carry their derivatives, and against finite differences. A program that
// fails is made as small as it can be and printed as C++.
//
// EBB_PROGRAMS is how many, EBB_SEED where they begin: scripts/nightly runs many.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cmath>
#include <cstdlib>
#include <set>
#include <sstream>
#include <string>

#include "tests/program_makers.h"

namespace ebb::test {

// For RapidCheck.
void showValue(const Program& program, std::ostream& out) { out << compiled(program).code(); }

namespace {

rc::Gen<Program> programs() {
  const auto sizes = rc::gen::container<std::vector<std::vector<int>>>(
      2, rc::gen::resize(3, rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 4))));
  const auto kinds =
      static_cast<int>(makers().size());  // taken modulo this: the last of a range is hardly ever drawn
  // RapidCheck begins with small numbers; all operations are wanted from the first program on.
  const auto up_to = [](int n) { return rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, n)); };
  // Operands are near: a program is deep, and half of its values are used more than once.
  const auto back = rc::gen::weightedOneOf<int>({{3, rc::gen::just(0)}, {2, up_to(4)}, {1, up_to(20)}});
  const auto instruction = rc::gen::build<Instruction>(
      rc::gen::set(&Instruction::op, up_to(kinds + 1)), rc::gen::set(&Instruction::a, back),
      rc::gen::set(&Instruction::b, back), rc::gen::set(&Instruction::p, up_to(12)),
      rc::gen::set(&Instruction::q, up_to(12)));
  return rc::gen::build<Program>(
      rc::gen::set(&Program::inputs, sizes),
      rc::gen::set(&Program::body, rc::gen::container<std::vector<Instruction>>(instruction)));
}

using Doubles = std::vector<double>;

// The elements of all tensors, one after the other.
Doubles joined(const Tensors& tensors) {
  Doubles all;
  for (const auto& x : tensors)
    for (const double v : x.to_vector<double>()) all.push_back(v);
  return all;
}

// What the reference says: f, its gradient, and the Hessian times u.
struct Expected {
  double value = 0;
  Doubles gradient, hessian_u;
};

Expected expected(const Compiled& f, const Doubles& u) {
  std::vector<Numbers> x;
  for (const auto& input : f.inputs) x.push_back(numbers(input));
  std::size_t at = 0;
  for (auto& input : x)
    for (auto& e : input.v) e.v.d = u[at++];
  Expected result;
  for (auto& input : x)
    for (auto& e : input.v) {
      e.d.v = 1;
      const Jet y = f(x);
      e.d.v = 0;
      result.value = static_cast<double>(y.v.v);
      result.gradient.push_back(static_cast<double>(y.d.v));
      result.hessian_u.push_back(static_cast<double>(y.d.d));
    }
  return result;
}

// |got - expected| <= tolerance (1 + the largest expected) + more, everywhere; otherwise what is wrong.
std::string difference(const char* what, const Doubles& got, const Doubles& wanted, double tolerance,
                       double more = 0) {
  double largest = 1;
  for (const double v : wanted) largest = std::max(largest, std::fabs(v));
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (!(std::fabs(got[i] - wanted[i]) <= tolerance * largest + more))
      return fmt::format("{}: element {} is {:.17g} instead of {:.17g}", what, i, got[i], wanted[i]);
  return "";
}

// f at x + step u
Tensors moved_inputs(const Compiled& f, const Doubles& u, double step) {
  Tensors x;
  std::size_t at = 0;
  for (const auto& input : f.inputs) {
    auto v = input.to_vector<double>();
    for (auto& e : v) e += step * u[at++];
    x.push_back(reshape(tensor(v), input.shape()).set_requires_grad());
  }
  return x;
}

// (f(h) - f(-h)) / 2h, free of its error of second order by the same of 2h. `doubt`: how far that moved it.
template <class F>
double slope(F f, double h, double& doubt) {
  const double near = (f(h) - f(-h)) / (2 * h), far = (f(2 * h) - f(-2 * h)) / (4 * h);
  doubt = std::fabs(near - far);
  return near + (near - far) / 3;
}

// Empty, or what is wrong.
std::string check(const Compiled& f) {
  Generator random{11};
  Doubles u;
  for (const auto& input : f.inputs)
    for (const double v :
         (rand(input.shape(), {.dtype = float64, .generator = &random}) - 0.5).to_vector<double>())
      u.push_back(v);

  const Expected wanted = expected(f, u);
  const GradOptions options{.create_graph = true, .allow_unused = true};
  const auto zeros_for_undefined = [&](Tensors g) {
    for (std::size_t i = 0; i < g.size(); ++i)
      if (!g[i].defined()) g[i] = zeros_like(f.inputs[i]);
    return g;
  };
  const auto gradient_at = [&](const Tensors& x) {
    return joined(zeros_for_undefined(grad(f(x), x, {.allow_unused = true})));
  };

  const Tensor y = f(f.inputs);
  if (auto wrong = difference("value", {y.item()}, {wanted.value}, 1e-11); !wrong.empty()) return wrong;
  if (auto wrong = difference("gradient", gradient_at(f.inputs), wanted.gradient, 1e-9); !wrong.empty())
    return wrong;
  const Tensors g = zeros_for_undefined(grad(y, f.inputs, options));
  if (auto wrong = difference("gradient with create_graph", joined(g), wanted.gradient, 1e-9); !wrong.empty())
    return wrong;

  Tensor along_u = zeros({}, {.dtype = float64});
  std::size_t at = 0;
  for (const auto& one : g) {
    const auto n = static_cast<std::size_t>(one.numel());
    along_u = along_u + sum(one * reshape(tensor(std::span<const double>(u.data() + at, n)), one.shape()));
    at += n;
  }
  Tensors h(f.inputs.size());
  if (along_u.requires_grad()) h = grad(along_u, f.inputs, {.allow_unused = true});
  if (auto wrong = difference("Hessian times u", joined(zeros_for_undefined(h)), wanted.hessian_u, 1e-8);
      !wrong.empty())
    return wrong;

  double doubt = 0, along = 0;
  for (std::size_t i = 0; i < u.size(); ++i) along += u[i] * wanted.gradient[i];
  const double first = slope([&](double step) { return f(moved_inputs(f, u, step)).item(); }, 1e-4, doubt);
  if (auto wrong = difference("gradient by differences", {along}, {first}, 1e-6, doubt); !wrong.empty())
    return wrong;
  double second = 0;
  for (std::size_t i = 0; i < u.size(); ++i) second += u[i] * wanted.hessian_u[i];
  const auto slope_at = [&](double step) {
    const Doubles moved = gradient_at(moved_inputs(f, u, step));
    double total = 0;
    for (std::size_t i = 0; i < u.size(); ++i) total += u[i] * moved[i];
    return total;
  };
  const double curve = slope(slope_at, 1e-4, doubt);
  return difference("curvature by differences", {second}, {curve}, 1e-6, doubt);
}

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

TEST_CASE("random programs have the derivatives that dual numbers and finite differences say") {
  rc::detail::TestParams params;
  params.maxSuccess = static_cast<int>(number_from("EBB_PROGRAMS", 1000));
  params.seed = number_from("EBB_SEED", 1);
  params.maxSize = 40;
  std::int64_t steps = 0, longest = 0;
  std::set<std::size_t> kinds;
  const auto property = [&] {
    const Program program = *programs();
    const Compiled f = compiled(program);
    steps += std::ssize(f.steps);
    for (const auto& step : f.steps) kinds.insert(step.kind);
    longest = std::max<std::int64_t>(longest, std::ssize(f.steps));
    const std::string wrong = check(f);
    if (!wrong.empty()) RC_FAIL(wrong);
  };
  const auto result = rc::detail::checkTestable(property, rc::detail::TestMetadata(), params);
  std::ostringstream text;
  rc::detail::printResultMessage(result, text);
  CHECK_MESSAGE(result.is<rc::detail::SuccessResult>(), text.str());
  MESSAGE(params.maxSuccess, " programs of ", steps, " operations, at most ", longest);
  CHECK(steps > params.maxSuccess * 5);
  CHECK(longest >= 20);
  CHECK(kinds.size() == makers().size());  // each was in some program
}

}  // namespace ebb::test
