// Certifies layers' functions with weights that each example has of its own.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/composites.h"
#include "tests/expect_error.h"

using namespace ebb;
using namespace ebb::test;
using ops::draw;

namespace {

// `torch` of one example, its weight and its bias, a, w and b, for all of them.
std::string for_each(const std::string& torch) { return "torch.func.vmap(lambda a, w, b: " + torch + ")(*x)"; }

std::vector<Case> products() {
  Generator random{71};
  const auto in = [&](const Shape& x, const Shape& weight, const Shape& bias) {
    return Tensors{draw(random, x), draw(random, weight), draw(random, bias)};
  };
  const auto torch = [](const std::string& function) {
    return for_each("torch.nn.functional." + function + "(a, w, b)");
  };
  return {
      {"linear of each", F(linear(x[0], x[1], x[2])), in({3, 4}, {3, 2, 4}, {3, 2}), torch("linear")},
      {"linear of each, of rows", F(linear(x[0], x[1], x[2])), in({2, 3, 2, 4}, {2, 5, 4}, {2, 5}),
       torch("linear")},
      {"linear of each of none", F(linear(x[0], x[1], x[2])), in({0, 4}, {0, 2, 4}, {0, 2}), ""},
      {"conv1d of each", F(conv1d(x[0], x[1], x[2])), in({2, 3, 5}, {2, 4, 3, 2}, {2, 4}), torch("conv1d")},
      {"conv2d of each", F(conv2d(x[0], x[1], x[2], {.stride = 2, .padding = 1, .groups = 2})),
       in({3, 4, 5, 4}, {3, 2, 2, 3, 3}, {3, 2}),
       for_each("torch.nn.functional.conv2d(a, w, b, stride=2, padding=1, groups=2)")},
      {"conv2d of each, same", F(conv2d(x[0], x[1], x[2], {.padding = Padding::same})),
       in({2, 2, 4, 3}, {2, 3, 2, 2, 3}, {2, 3}), for_each("torch.nn.functional.conv2d(a, w, b, padding='same')")},
      {"conv3d of each", F(conv3d(x[0], x[1], x[2])), in({2, 2, 3, 3, 4}, {2, 2, 2, 2, 2, 2}, {2, 2}),
       torch("conv3d")},
      {"conv_transpose1d of each", F(conv_transpose1d(x[0], x[1], x[2])), in({2, 3, 4}, {2, 3, 2, 2}, {2, 2}),
       torch("conv_transpose1d")},
      {"conv_transpose2d of each", F(conv_transpose2d(x[0], x[1], x[2], {.stride = 2, .groups = 2})),
       in({2, 4, 2, 3}, {2, 4, 1, 2, 2}, {2, 2}),
       for_each("torch.nn.functional.conv_transpose2d(a, w, b, stride=2, groups=2)")},
      {"conv_transpose3d of each", F(conv_transpose3d(x[0], x[1], x[2])),
       in({2, 2, 2, 2, 3}, {2, 2, 1, 2, 2, 2}, {2, 1}), torch("conv_transpose3d")},
  };
}

std::vector<Case> norms() {
  Generator random{72};
  const auto in = [&](const Shape& x, const Shape& weight) {
    return Tensors{draw(random, x), draw(random, weight), draw(random, weight)};
  };
  const auto torch = [](const std::string& function, const std::string& before) {
    return for_each("torch.nn.functional." + function + "(" + before + ", weight=w, bias=b)");
  };
  const auto torch_of_one = [](const std::string& function, const std::string& more) {
    return for_each("torch.nn.functional." + function + "(a[None]" + more + ", weight=w, bias=b)[0]");
  };
  return {
      {"layer_norm of each", F(layer_norm(x[0], {4}, x[1], x[2])), in({3, 2, 4}, {3, 4}),
       torch("layer_norm", "a, [4]")},
      {"layer_norm of each, two dimensions", F(layer_norm(x[0], {2, 3}, x[1], x[2])), in({3, 2, 3}, {3, 2, 3}),
       torch("layer_norm", "a, [2, 3]")},
      {"rms_norm of each", F(rms_norm(x[0], {4}, x[1], 1e-3) + 0 * sum(x[2])), in({3, 2, 4}, {3, 4}),
       for_each("torch.nn.functional.rms_norm(a, [4], w, 1e-3) + 0 * b.sum()")},
      {"group_norm of each", F(group_norm(x[0], 2, x[1], x[2])), in({3, 4, 2, 3}, {3, 4}),
       torch_of_one("group_norm", ", 2")},
      {"instance_norm of each", F(instance_norm(x[0], {}, {}, x[1], x[2])), in({2, 3, 4}, {2, 3}),
       torch_of_one("instance_norm", "")},
      {"batch_norm of each",
       [](const Tensors& x) {
         const TensorOptions of_x{.dtype = x[0].dtype()};
         return batch_norm(x[0], arange(-1, 2, 1, of_x), arange(1, 4, 1, of_x), x[1], x[2]);
       },
       in({2, 3, 4}, {2, 3}),
       torch_of_one("batch_norm", ", torch.arange(-1., 2.).double(), torch.arange(1., 4.).double()")},
  };
}

std::vector<Case> all_cases() { return together({products(), norms()}); }

}  // namespace

TEST_CASE("certified: weights for each example") { certify_all(all_cases()); }

TEST_CASE("weights for each example must be for as many examples") {
  const Tensor x = ones({3, 4});
  CHECK_ERROR((linear(x, ones({2, 5, 4}))), "linear: the weight [2, 5, 4] is for an input [2, .., 4], not [3, 4]");
  CHECK_ERROR((linear(x, ones({3, 5, 4}), ones({5}))), "linear: the bias is [5]; it must be [3, 5]");
  CHECK_ERROR((conv1d(ones({3, 4, 5}), ones({2, 1, 4, 2}))),
              "conv1d: the weight [2, 1, 4, 2] is one for each of 2 inputs, but the input is [3, 4, 5]");
  CHECK_ERROR(
      (conv1d(ones({2, 4, 5}), ones({2, 1, 4, 2}), ones({1}))),
      "conv1d: the weight [2, 1, 4, 2] is one for each of 2 inputs, but the input is [2, 4, 5] and the bias [1]");
  CHECK_ERROR((layer_norm(x, {4}, ones({2, 4}))), "layer_norm: the weight is [2, 4]; it must be [3, 4]");
  CHECK_ERROR(
      (batch_norm(x, {}, {}, ones({3, 4}), {}, true)),
      "batch_norm: weights for each example and a training that mixes the examples; use eval() or another norm");
}

TEST_CASE("write samples" * doctest::skip()) { write_samples(all_cases()); }
