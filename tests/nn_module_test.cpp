// parameters(), state(), load_state(), clone() and the other functions on modules.
#include "nn/module.h"

#include <doctest/doctest.h>

#include <sstream>

#include "autograd/create.h"
#include "autograd/node.h"
#include "autograd/ops.h"
#include "nn/nn.h"

using namespace ebb;

namespace {

using Names = std::vector<std::string>;

Names names(const std::vector<NamedTensor>& tensors) {
  Names found;
  for (const auto& [name, tensor] : tensors) found.push_back(name);
  return found;
}

std::string error_of(const auto& action) {
  try {
    action();
  } catch (const Error& error) { return error.what(); }
  return "no error";
}

bool same_array(const Tensor& a, const Tensor& b) { return a.data<const float>() == b.data<const float>(); }

struct LeNet {
  nn::Conv2d conv1{.in = 1, .out = 6, .kernel = 5, .padding = 2};
  nn::BatchNorm2d norm{6};
  nn::Conv2d conv2{.in = 6, .out = 16, .kernel = 5, .with_bias = false};
  nn::Linear fc1{400, 120}, fc2{120, 10};
  nn::Dropout dropout{0.25};

  Tensor operator()(Tensor x) const {
    x = max_pool2d(relu(norm(conv1(x))), 2);
    x = max_pool2d(relu(conv2(x)), 2);
    return fc2(dropout(relu(fc1(flatten(x, 1)))));
  }
};

// A language model's shape: the table is also the last layer's weight.
struct Tied {
  nn::Embedding table{5, 3};
  nn::Linear head{.in = 3, .out = 5, .weight = table.weight};
};

struct Two {
  nn::Parameter a = tensor({1.0, 2.0}), b = tensor({3.0, 4.0});
};

}  // namespace

TEST_CASE("names and order are those of PyTorch") {
  const LeNet net;
  CHECK(names(state(net)) == Names{"conv1.weight", "conv1.bias", "norm.weight", "norm.bias", "norm.running_mean",
                                   "norm.running_var", "norm.num_batches_tracked", "conv2.weight", "fc1.weight",
                                   "fc1.bias", "fc2.weight", "fc2.bias"});
  CHECK(names(named_parameters(net)) == Names{"conv1.weight", "conv1.bias", "norm.weight", "norm.bias",
                                              "conv2.weight", "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"});
  const auto all = parameters(net);
  REQUIRE(all.size() == 9);
  CHECK(all[0].handle().get() == net.conv1.weight.handle().get());
  for (const auto& parameter : all) CHECK(parameter.requires_grad());
}

TEST_CASE("state is the module's own memory, without history") {
  const Two two;
  const auto tensors = state(two);
  CHECK_FALSE(tensors[0].tensor.requires_grad());
  tensors[0].tensor.fill_(9);
  CHECK(two.a.to_vector<float>() == std::vector<float>{9, 9});
}

TEST_CASE("tied weights: one parameter, two names") {
  const Tied tied;
  CHECK(names(named_parameters(tied)) == Names{"table.weight", "head.bias"});
  CHECK(parameters(tied).size() == 2);
  CHECK(names(state(tied)) == Names{"table.weight", "head.weight", "head.bias"});

  const Tied copy = clone(tied);
  CHECK(copy.table.weight.handle().get() == copy.head.weight.handle().get());
  CHECK_FALSE(same_array(copy.table.weight, tied.table.weight));
}

TEST_CASE("copies share, clones do not") {
  const LeNet net;
  LeNet twin = net, copy = clone(net);
  CHECK(same_array(twin.fc1.weight, net.fc1.weight));
  CHECK(twin.fc1.weight.handle().get() == net.fc1.weight.handle().get());
  CHECK_FALSE(same_array(copy.fc1.weight, net.fc1.weight));
  CHECK_FALSE(same_array(copy.norm.running_mean, net.norm.running_mean));

  const auto before = net.fc1.weight.to_vector<float>();
  CHECK(copy.fc1.weight.to_vector<float>() == before);
  {
    const NoGrad off;
    copy.fc1.weight.fill_(0);
  }
  CHECK(net.fc1.weight.to_vector<float>() == before);
  eval(copy);
  CHECK(net.dropout.mode.training);
}

TEST_CASE("a clone keeps requires_grad, and has no gradients") {
  Two two;
  two.b.set_requires_grad(false);
  two.a.set_grad(ones({2}));
  const Two copy = clone(two);
  CHECK(copy.a.requires_grad());
  CHECK(copy.a.is_leaf());
  CHECK_FALSE(copy.b.requires_grad());
  CHECK_FALSE(copy.a.grad().defined());
  CHECK(two.a.grad().defined());
  CHECK(parameters(copy).size() == 2);  // frozen ones are still parameters
}

TEST_CASE("clones of nested containers and Sequential") {
  struct Net {
    std::vector<Two> list = std::vector<Two>(2);
    std::optional<Two> some = Two{};
    nn::Sequential body{nn::Linear{2, 2}, nn::Sequential{nn::ReLU{}, nn::Linear{2, 3}}};
  };
  const Net net, copy = clone(net);
  const auto ours = state(net), theirs = state(copy);
  REQUIRE(ours.size() == 10);
  CHECK(names(ours) == names(theirs));
  for (std::size_t i = 0; i < ours.size(); ++i) {
    CHECK_FALSE(same_array(ours[i].tensor, theirs[i].tensor));
    CHECK(ours[i].tensor.to_vector<float>() == theirs[i].tensor.to_vector<float>());
  }
}

TEST_CASE("load_state copies in place") {
  LeNet net;
  const LeNet other;
  const auto* memory = net.conv1.weight.data<const float>();
  load_state(net, state(other));
  CHECK(net.conv1.weight.data<const float>() == memory);
  CHECK(net.conv1.weight.to_vector<float>() == other.conv1.weight.to_vector<float>());
  CHECK(net.fc2.bias.to_vector<float>() == other.fc2.bias.to_vector<float>());
  CHECK(net.fc2.bias.requires_grad());
}

TEST_CASE("load_state converts floating dtypes") {
  Two two;
  load_state(two, std::vector<NamedTensor>{{"a", tensor({5.0, 6.0}, {.dtype = float64})}, {"b", zeros({2})}});
  CHECK(two.a.dtype() == float32);
  CHECK(two.a.to_vector<float>() == std::vector<float>{5, 6});
}

TEST_CASE("load_state lists everything that is wrong, and changes nothing") {
  struct Net {
    nn::Linear fc1{2, 3}, fc2{3, 1};
    nn::BatchNorm2d norm{1};
  } net;
  const auto before = net.fc1.weight.to_vector<float>();
  const std::vector<NamedTensor> wrong{
      {"fc1.weight", zeros({3, 2})},   {"fc2.weight", zeros({1, 4})}, {"fc2.bias", zeros({1}, {.dtype = int64})},
      {"fc3.weight", zeros({1})},      {"old", zeros({1})},           {"norm.weight", Tensor()},
      {"norm.bias", zeros({1})},       {"norm.bias", zeros({1})},     {"norm.running_mean", zeros({1})},
      {"norm.running_var", zeros({1})}};
  CHECK(error_of([&] { load_state(net, wrong); }) ==
        "load_state: the tensors do not fit the module ({.strict = false} would leave out the missing and the "
        "unexpected):"
        "\n  given twice: norm.bias"
        "\n  missing: fc1.bias, norm.num_batches_tracked"
        "\n  unexpected: fc3.weight, old"
        "\n  fc2.weight: float32 [1, 3] in the module, float32 [1, 4] given"
        "\n  fc2.bias: float32 [1] in the module, int64 [1] given"
        "\n  norm.weight: float32 [1] in the module, undefined given");
  CHECK(net.fc1.weight.to_vector<float>() == before);
}

TEST_CASE("load_state, not strict: what is in both, and it must fit") {
  Two two;
  load_state(two, std::vector<NamedTensor>{{"b", zeros({2})}, {"c", zeros({2})}}, {.strict = false});
  CHECK(two.a.to_vector<float>() == std::vector<float>{1, 2});
  CHECK(two.b.to_vector<float>() == std::vector<float>{0, 0});
  CHECK(error_of([&] {
          load_state(two, std::vector<NamedTensor>{{"b", zeros({3})}}, {.strict = false});
        }) == "load_state: the tensors do not fit the module:\n  b: float32 [2] in the module, float32 [3] given");
}

TEST_CASE("load_state of tied weights: one name is enough") {
  Tied tied;
  const Tensor weight = ones({5, 3}), bias = zeros({5});
  load_state(tied, std::vector<NamedTensor>{{"head.weight", weight}, {"head.bias", bias}});
  CHECK(tied.table.weight.to_vector<float>() == std::vector<float>(15, 1));
  CHECK_THROWS_AS(load_state(tied, std::vector<NamedTensor>{{"head.weight", weight}}), Error);
}

TEST_CASE("load_state from the module's own memory") {
  Two two;
  const auto own = state(two);
  load_state(two, std::vector<NamedTensor>{{"a", own[1].tensor}, {"b", own[0].tensor}});
  CHECK(two.a.to_vector<float>() == std::vector<float>{3, 4});
  CHECK(two.b.to_vector<float>() == std::vector<float>{1, 2});
}

TEST_CASE("train and eval reach every layer") {
  struct Block {
    nn::BatchNorm2d norm{2};
    nn::Sequential tail{nn::ReLU{}, nn::Sequential{nn::Dropout{}}};
  };
  struct Net {
    std::vector<Block> blocks = std::vector<Block>(2);
    std::optional<nn::Dropout> dropout = nn::Dropout{};
  } net;
  const auto modes = [&] {
    std::vector<bool> found{net.dropout->mode.training};
    for (auto& block : net.blocks) {
      found.push_back(block.norm.mode.training);
      found.push_back(block.tail.at<nn::Sequential>(1).at<nn::Dropout>(0).mode.training);
    }
    return found;
  };
  CHECK(modes() == std::vector<bool>(5, true));
  eval(net);
  CHECK(modes() == std::vector<bool>(5, false));
  train(net);
  CHECK(modes() == std::vector<bool>(5, true));
}

TEST_CASE("zero_grad") {
  Two two;
  two.a.set_grad(ones({2}));
  zero_grad(two);
  CHECK_FALSE(two.a.grad().defined());
}

TEST_CASE("to another dtype") {
  struct Net {
    Tied tied;
    nn::BatchNorm2d norm{1};
  } net;
  const auto before = net.tied.table.weight.to_vector<float>();
  const auto* weight = net.tied.table.weight.handle().get();
  to(net, float32);
  CHECK(net.tied.table.weight.handle().get() == weight);  // nothing to do
  to(net, float64);
  CHECK(net.tied.table.weight.dtype() == float64);
  CHECK(net.tied.table.weight.to_vector<float>() == before);
  CHECK(net.tied.table.weight.requires_grad());
  CHECK(net.tied.table.weight.handle().get() == net.tied.head.weight.handle().get());
  CHECK(net.norm.running_mean.dtype() == float64);
  CHECK(net.norm.num_batches_tracked.dtype() == int64);
  CHECK(error_of([&] { to(net, int64); }) == "to: parameters can not be int64; ask for float32 or float64");
}

TEST_CASE("describe") {
  struct Net {
    Tied tied;
    nn::BatchNorm2d norm{4};
  } net;
  net.norm.bias.set_requires_grad(false);
  const auto table = describe(net);
  CHECK(table.parameters == 15 + 5 + 4 + 4);
  CHECK(table.trained == 15 + 5 + 4);
  CHECK(table.buffers == 9);
  const std::string text =
      "tied.table.weight         [5, 3]    15\n"
      "tied.head.weight          [5, 3]    15  = tied.table.weight\n"
      "tied.head.bias            [5]        5\n"
      "norm.weight               [4]        4\n"
      "norm.bias                 [4]        4  frozen\n"
      "norm.running_mean         [4]        4  buffer\n"
      "norm.running_var          [4]        4  buffer\n"
      "norm.num_batches_tracked  [] int64   1  buffer\n"
      "28 parameters, 24 of them trained; 9 elements in buffers\n";
  CHECK(to_string(table) == text);
  std::ostringstream out;
  out << describe(net);
  CHECK(out.str() == text);
}

TEST_CASE("a module with nothing in it") {
  struct Empty {
  } empty;
  CHECK(parameters(empty).empty());
  CHECK(state(nn::ReLU{}).empty());
  load_state(empty, std::vector<NamedTensor>());
  CHECK(to_string(describe(empty)) == "0 parameters, 0 of them trained; 0 elements in buffers\n");
}

TEST_CASE("backward is told when a layer was left out") {
  struct Net {
    nn::Linear used{2, 1}, forgotten{2, 1};
  } net;
  const auto loss = sum(net.used(ones({1, 2})));
  const auto text = error_of([&] { loss.backward({.expect = named_parameters(net)}); });
  CHECK(text.find("forgotten.weight") != std::string::npos);
  CHECK(text.find("used.weight") == std::string::npos);
}
