// Certifies every operation of ops::All at every one of its samples.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/measure.h"
#include "tests/mutants.h"
#include "tests/op_table.h"
#include "tests/operation.h"

using namespace ebb;
using namespace ebb::test;

namespace {

// -- all operations

std::vector<Operation> all_operations() {
  std::vector<Operation> all;
  for (auto* list : {elementwise_operations, activation_operations, reducing_operations, shaping_operations,
                     matrix_operations, layer_operations})
    for (const auto& op : list()) all.push_back(op);
  return all;
}

// They, or their gradients, sum in the order that is best for the memory layout. All others give the same bits in all.
const std::set<std::string_view> kSums{"sum",    "prod",   "sum_squares", "var",    "logsumexp",
                                       "expand", "matmul", "linear",      "conv2d", "scaled_dot_product_attention",
                                       "lstm",   "gru",    "rnn",         "det",    "matrix_exp"};

// Of matrices that have an inverse, or whose singular values differ. Their gradients are products of matrices.
const std::set<std::string_view> kRegular{"inv",  "solve", "solve_triangular", "cholesky", "lu",  "qr",
                                          "eigh", "svd",   "adjugate",         "slogdet",  "pinv"};

// Bit i: input i has a gradient, and is floating somewhere.
std::uint32_t inputs_with_gradients(const std::vector<Case>& cases) {
  std::uint32_t floating = 0;
  for (const auto& c : cases)
    for (std::size_t i = 0; i < c.inputs.size(); ++i)
      if (c.inputs[i].defined() && is_floating(c.inputs[i].dtype())) floating |= 1u << i;
  return cases.front().differentiable & floating;
}

// -- more than the samples: points that follow from them

// Copies of a sample, one behind another along the first dimension, up to a number of elements; none where the inputs
// and outputs do not all have one shape.
Tensors many_copies(const Case& c, std::int64_t elements) {
  const Shape& shape = c.inputs[0].shape();
  bool alike = shape.rank() > 0 && shape.numel() > 0;
  for (const auto& x : c.inputs) alike = alike && x.defined() && x.shape() == shape;
  for (const auto& y : c.f(c.inputs)) alike = alike && y.shape() == shape;
  Tensors copies;
  for (const auto& x : alike ? c.inputs : Tensors()) {
    const std::int64_t count = elements / shape.numel();
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
    {"group_norm", kRank},
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

std::string row_of(const Operation& op) {
  const std::vector<Case> cases = op.cases();
  const std::string inputs = op.inputs < 0 ? "any" : std::to_string(op.inputs);
  const std::string gradients = op.inputs < 0 ? "all" : listed(inputs_with_gradients(cases), op.inputs);
  const Case& first = cases.front();
  const Json entry = measured()["operations"].value(op.name, Json::object());
  const auto speed = [&](const char* size) {
    return both(entry.value(size, Json::object()), "forward", "backward", speed_text);
  };
  const std::string torch = first.torch.empty() ? "" : "`" + first.torch + "`";
  std::string row = "|";
  for (const std::string& column :
       {std::string(op.name), inputs, dtypes_of(first), torch, gradients, derivative_of(op.name),
        orders_of(cases, op.fused), both(entry, "output", "gradient", error_text), speed("small"), speed("large")})
    row += " " + cell(column) + " |";
  return row + "\n";
}

std::string op_table() {
  std::string text = R"(# The operations

Written by `scripts/op-table`. Inputs count from 0.

- **computes**: in PyTorch's terms, the first of the samples at which the tests compare both.
- **formulas**: `g` is the gradient of the output. They are made of operations, by which they are differentiated again;
  a fused gradient is differentiated by its reference in primitive operations.
- **orders**: those of the derivatives that the tests certify by finite differences.
- **worst error**: of values / of gradients, in float64, over all samples, which are small: the largest difference from
  PyTorch, relative to the tensor's largest element, or to 1 if that is smaller. Each computes the incoming gradient,
  cos(k + 1) for element k, by itself.
- **speed**: PyTorch's time divided by ebb's, forward / forward with backward: above 1, ebb is faster. Float32, one
  thread, medians of measurements in turn; a forward records what its gradient needs. PyTorch evaluates what *computes*
  says, from Python: if that is several functions, all of them count.
  - *small*: that sample. It has a few elements: these are the costs of calling an operation and of starting a backward
    pass, in PyTorch with those of Python.
  - *large*: 100,000 elements, copies of that sample one behind another; where inputs and outputs have one shape.

Errors and speeds differ between machines. `scripts/op-table --measure` recorded these, and the times themselves, in
[ops_measured.json](ops_measured.json). `-`: nothing is recorded, or there is nothing of PyTorch's to compare.

Machine: )" + machine_text() +
                     R"(.

`scripts/mutate` spoilt every gradient formula, scaled, dropped, negated and shifted, one at a time: the tests noticed
)" + mutants_noticed() +
                     R"( ([mutants.md](mutants.md)).

| operation | inputs | dtypes | computes | gradients in | formulas | orders | worst error | speed, small | speed, large |
|---|---|---|---|---|---|---|---|---|---|
)";
  for (const auto& op : all_operations()) text += row_of(op);
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
    if (const Tensors large = many_copies(c, 70'000); !large.empty()) check_threads(c, large);
    CHECK_MESSAGE(c.torch.empty() == kNoPyTorch.contains(op), "give the sample its PyTorch expression");
  }
  CHECK_MESSAGE((compared > 0) == derivable, "nothing was compared");
  CHECK_MESSAGE(std::any_of(cases.begin(), cases.end(), is_empty), op,
                ": give one sample an input of no elements");
  CHECK_MESSAGE(std::any_of(cases.begin(), cases.end(), is_scalar) != kNeverScalar.contains(op), op,
                ": give one sample a 0-d input");
}

}  // namespace

Case& ebb::test::add_case(std::vector<Case>& cases, std::string_view op, TensorFunction f, const Tensors& inputs,
                          const std::string& torch) {
  cases.push_back({.name = std::string(op) + "/" + std::to_string(cases.size()),
                   .f = std::move(f),
                   .inputs = inputs,
                   .torch = torch,
                   .placement = kSums.contains(op) || kRegular.contains(op) ? 1e-12 : 0,
                   .repeats = !kRegular.contains(op)});
  return cases.back();
}

TEST_CASE("certified") {
  const auto& mutant = chosen_mutant();
  for (const auto& op : all_operations()) SUBCASE(op.name.data()) {
      if (!mutant || mutant->op == op.name) certify_operation(std::string(op.name), op.cases());
    }
}

TEST_CASE("the operations have names of their own, and each is in one list") {
  std::set<std::string_view> names;
  for (const auto& op : all_operations()) CHECK_MESSAGE(names.insert(op.name).second, op.name);
  CHECK(names.size() == ops::All::size);
}

TEST_CASE("every operation that is applied anywhere is certified here") {
  std::set<std::string_view> names;
  for (const auto& op : all_operations()) names.insert(op.name);
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

TEST_CASE("measure" * doctest::skip()) {
  set_num_threads(1);
  Json operations = Json::object();
  for (const auto& op : all_operations()) {
    const std::vector<Case> cases = op.cases();
    const Case& c = *std::find_if_not(cases.begin(), cases.end(), is_empty);
    if (c.torch.empty()) continue;
    Json& entry = operations[op.name] = deviations(cases);
    entry["sample"] = c.name;
    entry["copies"]["small"] = 1;
    entry["small"] = times_of(c, c.inputs);
    const Tensors large = many_copies(c, 100'000);
    if (large.empty()) continue;
    entry["copies"]["large"] = large[0].numel() / c.inputs[0].numel();
    entry["large"] = times_of(c, large);
  }
  write_json("EBB_MEASURED",
             {{"compiler", compiler()}, {"instructions", instructions()}, {"operations", operations}});
}

TEST_CASE("write samples" * doctest::skip()) {
  std::vector<Case> cases;
  for (const auto& op : all_operations())
    for (auto& c : op.cases()) cases.push_back(std::move(c));
  write_samples(cases);
}

TEST_CASE("list mutants" * doctest::skip()) {
  for (const auto& op : all_operations()) {
    const std::vector<Case> cases = op.cases();
    std::size_t inputs = 0;
    for (const auto& c : cases) inputs = std::max(inputs, c.inputs.size());
    list_mutants(op.name, static_cast<int>(inputs), inputs_with_gradients(cases), op.parts);
  }
}
