// Certifies convolutions, pooling and resampling that are more than one operation.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "nn/conv.h"
#include "tests/composites.h"

using namespace ebb;
using namespace ebb::test;
using ops::draw;
using ops::draw_distinct;

namespace {

const std::string f = "torch.nn.functional.";

std::vector<Case> convolutions() {
  Generator random{41};
  const auto in = [&](const Shape& shape) { return draw(random, shape); };
  return {
      {"conv1d", F(conv1d(x[0], x[1], x[2])), {in({2, 2, 5}), in({3, 2, 3}), in({3})}, f + "conv1d(*x)"},
      {"conv1d with options",
       F(conv1d(x[0], x[1], {}, {.stride = 2, .padding = 1, .dilation = 2, .groups = 2})),
       {in({1, 4, 7}), in({2, 2, 3})},
       f + "conv1d(*x, stride=2, padding=1, dilation=2, groups=2)"},
      {"conv1d, same",
       F(conv1d(x[0], x[1], x[2], {.padding = Padding::same})),
       {in({1, 1, 5}), in({2, 1, 4}), in({2})},
       f + "conv1d(*x, padding='same')"},
      {"conv1d without a batch", F(conv1d(x[0], x[1])), {in({2, 4}), in({1, 2, 2})}, f + "conv1d(*x)"},
      {"conv1d of no batch", F(conv1d(x[0], x[1])), {in({0, 2, 4}), in({1, 2, 2})}, f + "conv1d(*x)"},
      {"conv2d, same",
       F(conv2d(x[0], x[1], {}, {.padding = Padding::same, .dilation = {1, 2}})),
       {in({1, 2, 3, 4}), in({2, 2, 2, 3})},
       f + "conv2d(*x, padding='same', dilation=(1, 2))"},
      {"conv2d, valid, without a batch",
       F(conv2d(x[0], x[1], {}, {.padding = Padding::valid})),
       {in({2, 3, 4}), in({2, 2, 2, 3})},
       f + "conv2d(*x, padding='valid')"},
      {"conv3d",
       F(conv3d(x[0], x[1], x[2])),
       {in({2, 2, 3, 3, 2}), in({2, 2, 2, 2, 2}), in({2})},
       f + "conv3d(*x)"},
      {"conv3d with options",
       F(conv3d(x[0], x[1], {}, {.stride = {2, 1, 1}, .padding = {1, 0, 1}, .dilation = {1, 2, 1}, .groups = 2})),
       {in({1, 2, 4, 4, 2}), in({2, 1, 2, 2, 2})},
       f + "conv3d(*x, stride=(2, 1, 1), padding=(1, 0, 1), dilation=(1, 2, 1), groups=2)"},
      {"conv3d, dilated in depth",
       F(conv3d(x[0], x[1], {}, {.dilation = {2, 1, 1}})),
       {in({1, 1, 4, 2, 2}), in({1, 1, 2, 1, 2})},
       f + "conv3d(*x, dilation=(2, 1, 1))"},
      {"conv3d, same",
       F(conv3d(x[0], x[1], {}, {.padding = Padding::same})),
       {in({1, 1, 3, 2, 2}), in({1, 1, 2, 3, 1})},
       f + "conv3d(*x, padding='same')"},
      {"conv3d without a batch", F(conv3d(x[0], x[1])), {in({1, 3, 2, 2}), in({2, 1, 3, 1, 2})}, f + "conv3d(*x)"},
      {"conv3d of no batch", F(conv3d(x[0], x[1])), {in({0, 1, 3, 2, 2}), in({2, 1, 3, 1, 2})}, f + "conv3d(*x)"},
  };
}

std::vector<Case> transposed() {
  Generator random{42};
  const auto in = [&](const Shape& shape) { return draw(random, shape); };
  return {
      {"conv_transpose1d",
       F(conv_transpose1d(x[0], x[1], x[2])),
       {in({2, 2, 4}), in({2, 3, 3}), in({3})},
       f + "conv_transpose1d(*x)"},
      {"conv_transpose1d with options",
       F(conv_transpose1d(x[0], x[1], x[2],
                          {.stride = 3, .padding = 1, .output_padding = 2, .groups = 2, .dilation = 2})),
       {in({1, 4, 3}), in({4, 1, 2}), in({2})},
       f + "conv_transpose1d(*x, stride=3, padding=1, output_padding=2, groups=2, dilation=2)"},
      {"conv_transpose1d without a batch",
       F(conv_transpose1d(x[0], x[1])),
       {in({2, 3}), in({2, 1, 2})},
       f + "conv_transpose1d(*x)"},
      {"conv_transpose2d",
       F(conv_transpose2d(x[0], x[1], x[2])),
       {in({2, 2, 3, 2}), in({2, 3, 2, 3}), in({3})},
       f + "conv_transpose2d(*x)"},
      {"conv_transpose2d with options",
       F(conv_transpose2d(x[0], x[1], {},
                          {.stride = 2, .padding = {1, 0}, .output_padding = 1, .groups = 2, .dilation = {1, 2}})),
       {in({1, 4, 2, 3}), in({4, 1, 3, 2})},
       f + "conv_transpose2d(*x, stride=2, padding=(1, 0), output_padding=1, groups=2, dilation=(1, 2))"},
      {"conv_transpose2d, output_padding beyond the stride",
       F(conv_transpose2d(x[0], x[1], x[2], {.padding = {1, 2}, .output_padding = {2, 0}, .dilation = {3, 2}})),
       {in({1, 2, 3, 4}), in({2, 1, 2, 2}), in({1})},
       f + "conv_transpose2d(*x, padding=(1, 2), output_padding=(2, 0), dilation=(3, 2))"},
      {"conv_transpose2d without a batch",
       F(conv_transpose2d(x[0], x[1])),
       {in({2, 3, 2}), in({2, 1, 2, 2})},
       f + "conv_transpose2d(*x)"},
      {"conv_transpose2d of no batch",
       F(conv_transpose2d(x[0], x[1])),
       {in({0, 2, 3, 2}), in({2, 1, 2, 2})},
       f + "conv_transpose2d(*x)"},
      {"conv_transpose3d",
       F(conv_transpose3d(x[0], x[1], x[2])),
       {in({2, 2, 2, 2, 2}), in({2, 2, 2, 2, 1}), in({2})},
       f + "conv_transpose3d(*x)"},
      {"conv_transpose3d with options",
       F(conv_transpose3d(x[0], x[1], {},
                          {.stride = {2, 1, 2}, .padding = {1, 0, 1}, .output_padding = {1, 0, 1}, .groups = 2})),
       {in({1, 2, 2, 2, 2}), in({2, 1, 3, 2, 2})},
       f + "conv_transpose3d(*x, stride=(2, 1, 2), padding=(1, 0, 1), output_padding=(1, 0, 1), groups=2)"},
      {"conv_transpose3d without a batch",
       F(conv_transpose3d(x[0], x[1], {}, {.padding = {0, 1, 0}, .dilation = {2, 1, 1}})),
       {in({1, 2, 2, 2}), in({1, 2, 2, 2, 1})},
       f + "conv_transpose3d(*x, padding=(0, 1, 0), dilation=(2, 1, 1))"},
  };
}

// Modules are differentiated in their inputs: their parameters are leaves of their own.
std::vector<Case> modules() {
  Generator random{43};
  const auto in = [&](const Shape& shape) { return draw(random, shape); };
  return {
      {"Conv1d, circular",
       F((nn::Conv1d{.in = 2,
                     .out = 3,
                     .kernel = 3,
                     .padding = 2,
                     .padding_mode = PadMode::circular,
                     .weight = x[1],
                     .bias = x[2]}(x[0]))),
       {in({2, 2, 4}), in({3, 2, 3}), in({3})},
       f + "conv1d(" + f + "pad(x[0], (2, 2), 'circular'), x[1], x[2])",
       1},
      {"Conv2d, reflect",
       F((nn::Conv2d{.in = 1,
                     .out = 2,
                     .kernel = {2, 3},
                     .stride = 2,
                     .padding = {1, 2},
                     .with_bias = false,
                     .padding_mode = PadMode::reflect,
                     .weight = x[1]}(x[0]))),
       {in({1, 1, 3, 4}), in({2, 1, 2, 3})},
       f + "conv2d(" + f + "pad(x[0], (2, 2, 1, 1), 'reflect'), x[1], stride=2)",
       1},
      {"Conv3d, replicate, same",
       F((nn::Conv3d{.in = 1,
                     .out = 1,
                     .kernel = {2, 1, 3},
                     .padding = Padding::same,
                     .padding_mode = PadMode::replicate,
                     .weight = x[1],
                     .bias = x[2]}(x[0]))),
       {in({1, 1, 2, 2, 3}), in({1, 1, 2, 1, 3}), in({1})},
       f + "conv3d(" + f + "pad(x[0], (1, 1, 0, 0, 0, 1), 'replicate'), x[1], x[2])",
       1},
      {"ConvTranspose2d",
       F((nn::ConvTranspose2d{.in = 2,
                              .out = 2,
                              .kernel = {2, 3},
                              .stride = {2, 1},
                              .padding = {0, 1},
                              .output_padding = {1, 0},
                              .groups = 2,
                              .weight = x[1],
                              .bias = x[2]}(x[0]))),
       {in({1, 2, 2, 3}), in({2, 1, 2, 3}), in({2})},
       f + "conv_transpose2d(*x, stride=(2, 1), padding=(0, 1), output_padding=(1, 0), groups=2)",
       1},
      {"ConvTranspose1d, output_size, without a batch",
       F((nn::ConvTranspose1d{
           .in = 2, .out = 1, .kernel = 2, .stride = 3, .padding = 1, .dilation = 2, .weight = x[1], .bias = x[2]}(
           x[0], 8))),
       {in({2, 3}), in({2, 1, 2}), in({1})},
       "torch.func.functional_call(torch.nn.ConvTranspose1d(2, 1, 2, 3, 1, dilation=2).double(), {'weight': x[1], "
       "'bias': x[2]}, (x[0], [8]))",
       1},
      {"ConvTranspose3d, output_size",
       F((nn::ConvTranspose3d{.in = 1,
                              .out = 1,
                              .kernel = 1,
                              .stride = {1, 2, 3},
                              .output_padding = {0, 1, 1},
                              .weight = x[1],
                              .bias = x[2]}(x[0], Size3{2, 1, 3}))),
       {in({1, 1, 2, 1, 1}), in({1, 1, 1, 1, 1}), in({1})},
       "torch.func.functional_call(torch.nn.ConvTranspose3d(1, 1, 1, (1, 2, 3), output_padding=(0, 1, "
       "1)).double(), "
       "{'weight': x[1], 'bias': x[2]}, (x[0], [2, 1, 3]))",
       1},
  };
}

// Large enough that several threads work on each; float32.
std::vector<Case> large() {
  Generator random{44};
  const auto in = [&](const Shape& shape) { return randn(shape, {.generator = &random}); };
  return {
      {"conv1d", F(conv1d(x[0], x[1], x[2], {.padding = 1})), {in({8, 16, 300}), in({24, 16, 3}), in({24})}, ""},
      {"conv3d",
       F(conv3d(x[0], x[1], x[2], {.padding = 1})),
       {in({2, 8, 10, 20, 20}), in({16, 8, 3, 3, 3}), in({16})},
       ""},
      {"conv_transpose3d",
       F(conv_transpose3d(x[0], x[1], x[2], {.stride = 2, .padding = 1})),
       {in({2, 8, 6, 12, 12}), in({8, 8, 4, 4, 4}), in({8})},
       ""},
      {"max_pool3d", F(max_pool3d(x[0], 3, {.stride = 2, .padding = 1})), {in({2, 8, 12, 30, 30})}, ""},
      {"avg_pool3d", F(avg_pool3d(x[0], 3, {.stride = 2, .padding = 1})), {in({2, 8, 12, 30, 30})}, ""},
      {"interpolate",
       F(interpolate(x[0], {.scale_factor = {2}, .mode = InterpolateMode::bilinear})),
       {in({2, 8, 60, 60})},
       ""},
      {"interpolate, smaller",
       F(interpolate(x[0], {.size = {30, 100}, .mode = InterpolateMode::bicubic})),
       {in({1, 3, 200, 300})},
       ""},
      {"grid_sample", F(grid_sample(x[0], x[1])), {in({2, 8, 60, 60}), in({2, 50, 50, 2})}, ""},
  };
}

}  // namespace

TEST_CASE("convolutions") { certify_all(convolutions()); }
TEST_CASE("transposed convolutions") { certify_all(transposed()); }
TEST_CASE("convolution modules") { certify_all(modules()); }

TEST_CASE("large problems have the same bits on any number of threads") {
  for (const auto& c : large()) {
    INFO(c.name);
    check_threads(c, c.inputs);
  }
}

TEST_CASE("write samples" * doctest::skip()) {
  write_samples(together({convolutions(), transposed(), modules()}));
}
