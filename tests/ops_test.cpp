// Certifies every operation of ops::All at every one of its samples.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "autograd/ops/all.h"
#include "tests/certify.h"
#include "tests/mutants.h"
#include "tests/op_table.h"

using namespace ebb;
using namespace ebb::test;

namespace {

// -- an operation's samples as cases

// Half of what such operations read, and the whole of what their gradients are for.
Tensor symmetric(const Tensor& x) { return (x + transpose(x, -2, -1)) / 2; }

// What the library's own functions see to before they apply the operation, or their callers.
template <class Op>
Tensors prepared(const Op&, const Tensors& x) {
  return x;
}
Tensors prepared(const ops::Reshape& op, const Tensors& x) {
  return {ops::strides_for(x[0], op.shape) ? x[0] : x[0].contiguous()};
}
Tensors prepared(const ops::Linear&, const Tensors& x) {
  return {x[0], x[1], x[2].defined() ? x[2].contiguous() : x[2]};
}
Tensors prepared(const ops::LayerNorm&, const Tensors& x) { return {x[0].contiguous(), x[1], x[2]}; }
Tensors prepared(const ops::BatchNorm&, const Tensors& x) { return {x[0].contiguous(), x[1], x[2]}; }
Tensors prepared(const ops::Cdist&, const Tensors& x) { return {x[0].contiguous(), x[1].contiguous()}; }
Tensors prepared(const ops::Cholesky&, const Tensors& x) { return {symmetric(x[0])}; }
Tensors prepared(const ops::Eigh&, const Tensors& x) { return {symmetric(x[0])}; }
template <class Op>
requires requires(const Op& op) { op.cell(); }
Tensors prepared(const Op&, const Tensors& x) {
  Tensors dense;
  for (const auto& one : x) dense.push_back(one.defined() ? one.contiguous() : one);
  return dense;
}

template <class Op>
Tensors run_reference(const Op& op, const Tensors& x) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    const auto y = op.reference(x[I]...);
    if constexpr (detail::outputs_of<Op>() == 1) return Tensors{y};
    else return Tensors(y.begin(), y.end());
  }
  (std::make_index_sequence<static_cast<std::size_t>(detail::arity<Op>())>());
}

template <class Op>
constexpr std::uint32_t differentiable() {
  constexpr int n = detail::arity<Op>();
  if constexpr (n < 0) return ~0u;
  else return detail::grad_mask<Op>(std::make_integer_sequence<int, n>());
}

// Bit i: the operation can add a gradient into a part of input i's.
template <class Op>
constexpr std::uint32_t parts() {
  return (detail::has_add<Op, 0> ? 1u : 0u) | (detail::has_add<Op, 1> ? 2u : 0u) |
         (detail::has_add<Op, 2> ? 4u : 0u) | (detail::has_add<Op, 3> ? 8u : 0u);
}

// They, or their gradients, sum in the order that is best for the memory layout. All others give the same bits in all.
const std::set<std::string_view> kSums{"sum",    "prod",   "sum_squares", "var",    "logsumexp",
                                       "expand", "matmul", "linear",      "conv2d", "scaled_dot_product_attention",
                                       "lstm",   "gru",    "rnn",         "det",    "matrix_exp"};

// Of matrices that have an inverse, or whose singular values differ. Their gradients are products of matrices.
const std::set<std::string_view> kRegular{"inv",  "solve", "solve_triangular", "cholesky", "lu",  "qr",
                                          "eigh", "svd",   "adjugate",         "slogdet",  "pinv"};

// Every operation draws from a stream of its own, so that a new one leaves the others' samples, and what is
// recorded for them, as they are.
template <class Op>
Samples<Op> samples_of() {
  Generator random{hash_of(Op::name)};
  return Op::samples(random);
}

// Bit i: input i has a gradient, and is floating somewhere.
template <class Op>
std::uint32_t inputs_with_gradients() {
  std::uint32_t floating = 0;
  for (const auto& sample : samples_of<Op>())
    for (std::size_t i = 0; i < sample.inputs.size(); ++i)
      if (sample.inputs[i].defined() && is_floating(sample.inputs[i].dtype())) floating |= 1u << i;
  return differentiable<Op>() & floating;
}

template <class Op>
std::vector<Case> cases_of() {
  std::vector<Case> cases;
  for (const auto& sample : samples_of<Op>()) {
    const Op op = sample.op;
    Case c{.name = std::string(Op::name) + "/" + std::to_string(cases.size()),
           .f = [op](const Tensors& x) { return run_op(op, prepared(op, x)); },
           .inputs = sample.inputs,
           .torch = sample.torch,
           .differentiable = differentiable<Op>(),
           .differentiable_outputs = detail::differentiable_outputs_of<Op>(),
           .second_order = sample.second_order,
           .placement = kSums.contains(Op::name) || kRegular.contains(Op::name) ? 1e-12 : 0,
           .repeats = !kRegular.contains(Op::name)};
    if constexpr (detail::HasReference<Op>) c.reference = [op](const Tensors& x) { return run_reference(op, x); };
    cases.push_back(std::move(c));
  }
  return cases;
}

template <class F>
void for_each_op(F&& f) {
  std::apply([&](const auto&... op) { (f(op), ...); }, ops::All());
}

// -- more than the samples: points that follow from them

// Enough copies of a sample, one behind another along the first dimension, to keep several threads busy; none
// where the inputs and outputs do not all have one shape.
Tensors many_copies(const Case& c) {
  constexpr std::int64_t kElements = 70'000;
  const Shape& shape = c.inputs[0].shape();
  bool alike = shape.rank() > 0 && shape.numel() > 0;
  for (const auto& x : c.inputs) alike = alike && x.defined() && x.shape() == shape;
  for (const auto& y : c.f(c.inputs)) alike = alike && y.shape() == shape;
  Tensors copies;
  for (const auto& x : alike ? c.inputs : Tensors()) {
    const std::int64_t count = kElements / shape.numel();
    Dims sizes = shape;
    sizes[0] *= count;
    Dims repeated = shape;
    repeated.insert(0, count);
    copies.push_back(reshape(expand(x, repeated), sizes));
  }
  return copies;
}

// -- what no sample can have, and why

const std::map<std::string_view, const char*> kNoPyTorch{
    {"ctc_loss", "PyTorch's gradient is that in log_softmax's input: composites_loss_test compares it"},
    {"dropout", "PyTorch draws other numbers"},
};

const char* const kAxis = "works along a dimension";
const char* const kRank = "takes inputs of a fixed rank";
const char* const kMatrices = "takes matrices";
const std::map<std::string_view, const char*> kNeverScalar{
    {"argmax", kAxis},
    {"argmin", kAxis},
    {"ctc_loss", kRank},
    {"cumsum", kAxis},
    {"linear_scan", kAxis},
    {"cumprod", kAxis},
    {"logcumsumexp", kAxis},
    {"cummax", kAxis},
    {"cummin", kAxis},
    {"argsort", kAxis},
    {"topk", kAxis},
    {"kthvalue", kAxis},
    {"slice", kAxis},
    {"slice_backward", kAxis},
    {"select", kAxis},
    {"cat", kAxis},
    {"softmax", kAxis},
    {"softmax_backward", kAxis},
    {"log_softmax", kAxis},
    {"log_softmax_backward", kAxis},
    {"diagonal", kRank},
    {"diagonal_backward", kAxis},
    {"windows", kAxis},
    {"windows_backward", kAxis},
    {"triangle", kRank},
    {"scatter", kAxis},
    {"scatter_backward", kAxis},
    {"scatter_onto", kAxis},
    {"scatter_reduce", kAxis},
    {"index_select", kAxis},
    {"index_add", kAxis},
    {"gather", kAxis},
    {"scatter_add", kAxis},
    {"matmul", kMatrices},
    {"inv", kMatrices},
    {"solve", kMatrices},
    {"solve_triangular", kMatrices},
    {"cholesky", kMatrices},
    {"lu", kMatrices},
    {"qr", kMatrices},
    {"eigh", kMatrices},
    {"svd", kMatrices},
    {"det", kMatrices},
    {"adjugate", kMatrices},
    {"slogdet", kMatrices},
    {"pinv", kMatrices},
    {"matrix_exp", kMatrices},
    {"cdist", kRank},
    {"linear", kRank},
    {"conv2d", kRank},
    {"conv2d_backward_input", kRank},
    {"conv2d_backward_weight", kRank},
    {"max_pool2d", kRank},
    {"max_pool2d_backward", kRank},
    {"max_pool2d_gather", kRank},
    {"adaptive_max_pool2d", kRank},
    {"avg_pool2d", kRank},
    {"avg_pool2d_backward", kRank},
    {"adaptive_avg_pool2d", kRank},
    {"adaptive_avg_pool2d_backward", kRank},
    {"resample", kAxis},
    {"resample_backward", kAxis},
    {"grid_sample", kRank},
    {"layer_norm", kRank},
    {"batch_norm", kRank},
    {"lstm", kRank},
    {"gru", kRank},
    {"rnn", kRank},
    {"cross_entropy", kRank},
    {"cross_entropy_backward", kRank},
    {"scaled_dot_product_attention", kRank},
};

bool is_empty(const Case& c) {
  return std::any_of(c.inputs.begin(), c.inputs.end(), [](auto& x) { return x.defined() && x.numel() == 0; });
}
bool is_scalar(const Case& c) {
  return std::any_of(c.inputs.begin(), c.inputs.end(), [](auto& x) { return x.defined() && x.dim() == 0; });
}

// -- the table in the documentation

// Inputs 0, 2 of a mask: "0, 2".
std::string listed(std::uint32_t mask, int inputs) {
  std::string text;
  for (int i = 0; i < inputs; ++i)
    if ((mask >> i & 1) != 0) text += (text.empty() ? "" : ", ") + std::to_string(i);
  return text;
}

template <class Op>
std::string row_of() {
  constexpr int n = detail::arity<Op>();
  const std::string inputs = n < 0 ? "any" : std::to_string(n);
  const std::string gradients = n < 0 ? "all" : listed(inputs_with_gradients<Op>(), n);
  const char* again = detail::HasReference<Op> ? "by its reference" : gradients.empty() ? "" : "by its formulas";
  const Case first = cases_of<Op>().front();
  const std::string torch = first.torch.empty() ? "" : "`" + first.torch + "`";
  std::string row = "|";
  for (const std::string& column : {std::string(Op::name), inputs, dtypes_of(first), torch, gradients,
                                    derivative_of(Op::name), std::string(again)})
    row += " " + cell(column) + " |";
  return row + "\n";
}

std::string op_table() {
  std::string text =
      "# The operations\n\n"
      "Written by `scripts/op-table`. Inputs count from 0. What an operation computes is said in PyTorch's terms: "
      "the\n"
      "first of the samples at which the tests compare both. `g` is the gradient of the output, and formulas are "
      "made\n"
      "of operations, by which they are differentiated again; a fused gradient is differentiated by its reference "
      "in\n"
      "primitive operations. All of it is certified in first and, where it has gradients, second order.\n\n"
      "| operation | inputs | dtypes | computes | gradients in | formulas | higher orders |\n"
      "|---|---|---|---|---|---|---|\n";
  for_each_op([&]<class Op>(const Op&) { text += row_of<Op>(); });
  return text;
}

void certify_operation(const std::string& op, const std::vector<Case>& cases) {
  REQUIRE(!cases.empty());
  std::int64_t compared = 0;
  bool derivable = false;
  for (const auto& c : cases) {
    derivable |= c.differentiable != 0;
    compared += certify(c);
    check_refusals(c, op);
    if (const Tensors large = many_copies(c); !large.empty()) check_threads(c, large);
    CHECK_MESSAGE(c.torch.empty() == kNoPyTorch.contains(op), "give the sample its PyTorch expression");
  }
  CHECK_MESSAGE((compared > 0) == derivable, "nothing was compared");
  CHECK_MESSAGE(std::any_of(cases.begin(), cases.end(), is_empty), op,
                ": give one sample an input of no elements");
  CHECK_MESSAGE(std::any_of(cases.begin(), cases.end(), is_scalar) != kNeverScalar.contains(op), op,
                ": give one sample a 0-d input");
}

}  // namespace

TEST_CASE_TEMPLATE_DEFINE("certified", Op, certified) {
  const auto& mutant = chosen_mutant();
  if (!mutant || mutant->op == Op::name) certify_operation(std::string(Op::name), cases_of<Op>());
}
TEST_CASE_TEMPLATE_APPLY(certified, ops::All);

TEST_CASE("the operations have names of their own") {
  std::set<std::string_view> names;
  for_each_op([&]<class Op>(const Op&) { CHECK_MESSAGE(names.insert(Op::name).second, Op::name); });
}

TEST_CASE("every operation that is applied anywhere is certified here") {
  std::set<std::string_view> names;
  for_each_op([&]<class Op>(const Op&) { names.insert(Op::name); });
  for (const auto& info : registered_ops())
    CHECK_MESSAGE(names.contains(info.name), info.name,
                  ": add it to the list at the end of its file in autograd/ops/");
}

TEST_CASE("docs/ops.md lists the operations") {
  std::stringstream file;
  file << std::ifstream(source_folder() / "docs" / "ops.md").rdbuf();
  CHECK_MESSAGE(file.str() == op_table(), "run scripts/op-table");
}

TEST_CASE("write docs/ops.md" * doctest::skip()) {
  std::ofstream(source_folder() / "docs" / "ops.md") << op_table();
}

TEST_CASE("write samples" * doctest::skip()) {
  std::vector<Case> cases;
  for_each_op([&]<class Op>(const Op&) {
    for (auto& c : cases_of<Op>()) cases.push_back(std::move(c));
  });
  write_samples(cases);
}

TEST_CASE("list mutants" * doctest::skip()) {
  for_each_op([]<class Op>(const Op&) {
    std::size_t inputs = 0;
    for (const auto& sample : samples_of<Op>()) inputs = std::max(inputs, sample.inputs.size());
    list_mutants(Op::name, static_cast<int>(inputs), inputs_with_gradients<Op>(), parts<Op>());
  });
}
