// Certifies pooling and resampling that are more than one operation.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "nn/nn.h"
#include "tests/composites.h"

using namespace ebb;
using namespace ebb::test;
using ops::draw;
using ops::draw_distinct;

namespace {

const std::string f = "torch.nn.functional.";

Tensors both(const ValuesIndices& pooled) { return {pooled.values, pooled.indices}; }

std::vector<Case> maxima() {
  Generator random{51};
  const auto in = [&](const Shape& shape) { return draw_distinct(random, shape); };
  return {
      {"max_pool1d", F(max_pool1d(x[0], 2)), {in({2, 2, 5})}, f + "max_pool1d(x[0], 2)"},
      {"max_pool1d with indices",
       F(both(max_pool1d_with_indices(x[0], 3, {.stride = 2, .padding = 1, .ceil_mode = true}))),
       {in({2, 2, 6})},
       f + "max_pool1d(x[0], 3, 2, 1, ceil_mode=True, return_indices=True)"},
      {"max_pool1d without a batch",
       F(max_pool1d(x[0], 2, {.stride = 1, .dilation = 2})),
       {in({2, 5})},
       f + "max_pool1d(x[0], 2, 1, dilation=2)"},
      {"max_pool2d with indices, without a batch",
       F(both(max_pool2d_with_indices(x[0], {2, 1}, {.padding = {1, 0}}))),
       {in({2, 3, 2})},
       f + "max_pool2d(x[0], (2, 1), padding=(1, 0), return_indices=True)"},
      {"max_pool3d", F(max_pool3d(x[0], 2)), {in({2, 2, 4, 2, 2})}, f + "max_pool3d(x[0], 2)"},
      {"max_pool3d with indices",
       F(both(max_pool3d_with_indices(
           x[0], {3, 2, 2},
           {.stride = Size3(1, 2, 1), .padding = {1, 0, 1}, .dilation = {1, 1, 2}, .ceil_mode = true}))),
       {in({1, 2, 3, 3, 3})},
       f + "max_pool3d(x[0], (3, 2, 2), (1, 2, 1), (1, 0, 1), (1, 1, 2), True, True)"},
      {"max_pool3d of no batch", F(max_pool3d(x[0], 2)), {in({0, 2, 2, 2, 2})}, f + "max_pool3d(x[0], 2)"},
      {"adaptive_max_pool1d with indices",
       F(both(adaptive_max_pool1d_with_indices(x[0], 3))),
       {in({2, 2, 5})},
       f + "adaptive_max_pool1d(x[0], 3, return_indices=True)"},
      {"adaptive_max_pool2d",
       F(adaptive_max_pool2d(x[0], {2, 3})),
       {in({1, 2, 3, 4})},
       f + "adaptive_max_pool2d(x[0], (2, 3))"},
      {"adaptive_max_pool3d with indices",
       F(both(adaptive_max_pool3d_with_indices(x[0], {2, 1, 2}))),
       {in({1, 2, 3, 2, 3})},
       f + "adaptive_max_pool3d(x[0], (2, 1, 2), return_indices=True)"},
      {"adaptive_max_pool3d without a batch",
       F(adaptive_max_pool3d(x[0], 1)),
       {in({2, 2, 3, 2})},
       f + "adaptive_max_pool3d(x[0], 1)"},
      {"max_unpool1d",
       F(max_unpool1d(x[0], x[1], 2)),
       {in({1, 2, 2}), tensor({{{1, 2}, {0, 3}}})},
       f + "max_unpool1d(x[0], x[1], 2)"},
      {"max_unpool2d",
       F(max_unpool2d(x[0], x[1], 2, {.output_size = Size2(4, 5)})),
       {in({1, 1, 2, 2}), tensor({{{{6, 8}, {10, 18}}}})},
       f + "max_unpool2d(x[0], x[1], 2, output_size=(4, 5))"},
      {"max_unpool3d without a batch",
       F(max_unpool3d(x[0], x[1], {1, 3, 2}, {.stride = Size3(1, 2, 2), .padding = {0, 1, 0}})),
       {in({1, 2, 1, 2}), tensor({{{{0, 3}}, {{6, 5}}}})},
       f + "max_unpool3d(x[0], x[1], (1, 3, 2), (1, 2, 2), (0, 1, 0))"},
      {"adaptive_max_pool2d, one size kept",
       F(both(adaptive_max_pool2d_with_indices(x[0], {std::nullopt, 2}))),
       {in({1, 2, 3, 4})},
       f + "adaptive_max_pool2d(x[0], (None, 2), return_indices=True)"},
  };
}

std::vector<Case> means() {
  Generator random{52};
  const auto in = [&](const Shape& shape) { return draw(random, shape); };
  const auto positive = [&](const Shape& shape) { return draw(random, shape, 0.5, 2); };
  return {
      {"avg_pool1d", F(avg_pool1d(x[0], 2)), {in({2, 2, 5})}, f + "avg_pool1d(x[0], 2)"},
      {"avg_pool1d with options",
       F(avg_pool1d(x[0], 3, {.stride = 2, .padding = 1, .ceil_mode = true, .count_include_pad = false})),
       {in({1, 2, 6})},
       f + "avg_pool1d(x[0], 3, 2, 1, True, False)"},
      {"avg_pool2d by another number, without a batch",
       F(avg_pool2d(x[0], {2, 3}, {.padding = 1, .divisor_override = 4})),
       {in({2, 3, 4})},
       f + "avg_pool2d(x[0], (2, 3), padding=1, divisor_override=4)"},
      {"avg_pool3d", F(avg_pool3d(x[0], {2, 1, 2})), {in({2, 2, 2, 2, 3})}, f + "avg_pool3d(x[0], (2, 1, 2))"},
      {"avg_pool3d with options",
       F(avg_pool3d(x[0], 3,
                    {.stride = Size3(2, 1, 2), .padding = 1, .ceil_mode = true, .count_include_pad = false})),
       {in({1, 1, 4, 3, 4})},
       f + "avg_pool3d(x[0], 3, (2, 1, 2), 1, True, False)"},
      {"avg_pool3d, padding counts",
       F(avg_pool3d(x[0], {3, 2, 2}, {.stride = 2, .padding = 1, .ceil_mode = true})),
       {in({1, 1, 4, 2, 3})},
       f + "avg_pool3d(x[0], (3, 2, 2), 2, 1, True)"},
      {"avg_pool3d by another number, without a batch",
       F(avg_pool3d(x[0], 2, {.stride = 1, .divisor_override = -3})),
       {in({1, 2, 3, 2})},
       f + "avg_pool3d(x[0], 2, 1, divisor_override=-3)"},
      {"adaptive_avg_pool1d",
       F(adaptive_avg_pool1d(x[0], 3)),
       {in({2, 2, 5})},
       f + "adaptive_avg_pool1d(x[0], 3)"},
      {"adaptive_avg_pool3d",
       F(adaptive_avg_pool3d(x[0], {2, 3, 1})),
       {in({1, 2, 3, 4, 2})},
       f + "adaptive_avg_pool3d(x[0], (2, 3, 1))"},
      {"adaptive_avg_pool3d without a batch",
       F(adaptive_avg_pool3d(x[0], 1)),
       {in({2, 2, 2, 2})},
       f + "adaptive_avg_pool3d(x[0], 1)"},
      {"lp_pool1d", F(lp_pool1d(x[0], 2, 3)), {in({1, 2, 6})}, f + "lp_pool1d(x[0], 2, 3)"},
      {"lp_pool2d",
       F(lp_pool2d(x[0], 3, {2, 1}, {.stride = Size2(1, 2), .ceil_mode = true})),
       {positive({1, 1, 3, 4})},
       f + "lp_pool2d(x[0], 3, (2, 1), (1, 2), True)"},
      {"lp_pool3d", F(lp_pool3d(x[0], 1.5, 2)), {positive({1, 1, 2, 2, 4})}, f + "lp_pool3d(x[0], 1.5, 2)"},
      {"adaptive_avg_pool2d, one size kept, without a batch",
       F(adaptive_avg_pool2d(x[0], {2, std::nullopt})),
       {in({2, 3, 4})},
       f + "adaptive_avg_pool2d(x[0], (2, None))"},
      {"adaptive_avg_pool3d, two sizes kept",
       F((nn::AdaptiveAvgPool3d{{std::nullopt, 2, std::nullopt}}(x[0]))),
       {in({1, 1, 2, 3, 2})},
       f + "adaptive_avg_pool3d(x[0], (None, 2, None))"},
  };
}

std::vector<Case> sizes() {
  Generator random{53};
  const auto in = [&](const Shape& shape) { return draw(random, shape); };
  const auto torch = [](const std::string& options) { return f + "interpolate(x[0], " + options + ")"; };
  using Mode = InterpolateMode;
  return {
      {"interpolate, nearest", F(interpolate(x[0], {.size = {5, 2}})), {in({1, 2, 3, 4})}, torch("(5, 2)")},
      {"interpolate, nearest by factors",
       F(interpolate(x[0], {.scale_factor = {1.7, 0.6, 2}})),
       {in({1, 1, 3, 4, 2})},
       torch("scale_factor=(1.7, 0.6, 2.0)")},
      {"interpolate, nearest-exact",
       F(interpolate(x[0], {.size = {7}, .mode = Mode::nearest_exact})),
       {in({2, 1, 5})},
       torch("7, mode='nearest-exact'")},
      {"interpolate, linear",
       F(interpolate(x[0], {.scale_factor = {2.5}, .mode = Mode::linear})),
       {in({2, 2, 3})},
       torch("scale_factor=2.5, mode='linear'")},
      {"interpolate, linear, corners",
       F(interpolate(x[0], {.size = {2}, .mode = Mode::linear, .align_corners = true})),
       {in({2, 1, 4})},
       torch("2, mode='linear', align_corners=True")},
      {"interpolate, linear to one",
       F(interpolate(x[0], {.size = {1}, .mode = Mode::linear, .align_corners = true})),
       {in({1, 1, 4})},
       torch("1, mode='linear', align_corners=True")},
      {"interpolate, bilinear",
       F(interpolate(x[0], {.scale_factor = {2}, .mode = Mode::bilinear})),
       {in({1, 2, 3, 2})},
       torch("scale_factor=2, mode='bilinear'")},
      {"interpolate, bilinear, smaller and larger",
       F(interpolate(x[0], {.size = {2, 7}, .mode = Mode::bilinear, .align_corners = true})),
       {in({1, 1, 5, 4})},
       torch("(2, 7), mode='bilinear', align_corners=True")},
      {"interpolate, bilinear, sizes stay but places do not",
       F(interpolate(x[0], {.scale_factor = {1.2, 1}, .mode = Mode::bilinear})),
       {in({1, 1, 4, 2})},
       torch("scale_factor=(1.2, 1.0), mode='bilinear'")},
      {"interpolate, bicubic",
       F(interpolate(x[0], {.size = {6, 2}, .mode = Mode::bicubic})),
       {in({1, 1, 4, 5})},
       torch("(6, 2), mode='bicubic'")},
      {"interpolate, bicubic, corners",
       F(interpolate(x[0], {.scale_factor = {1.5}, .mode = Mode::bicubic, .align_corners = true})),
       {in({1, 1, 3, 4})},
       torch("scale_factor=1.5, mode='bicubic', align_corners=True")},
      {"interpolate, trilinear",
       F(interpolate(x[0], {.size = {3, 2, 4}, .mode = Mode::trilinear})),
       {in({1, 1, 2, 3, 2})},
       torch("(3, 2, 4), mode='trilinear'")},
      {"interpolate, area",
       F(interpolate(x[0], {.size = {3}, .mode = Mode::area})),
       {in({1, 2, 5})},
       torch("3, mode='area'")},
      {"interpolate, area of volumes",
       F(interpolate(x[0], {.scale_factor = {0.5, 1, 1.5}, .mode = Mode::area})),
       {in({1, 1, 4, 2, 2})},
       torch("scale_factor=(0.5, 1.0, 1.5), mode='area'")},
      {"interpolate to the same", F(interpolate(x[0], {.size = {3}})), {in({2, 1, 3})}, torch("3")},
      {"interpolate of no batch",
       F(interpolate(x[0], {.size = {4, 4}, .mode = Mode::bilinear})),
       {in({0, 1, 2, 3})},
       "x[0].new_zeros(0, 1, 4, 4) + x[0].sum()"},
  };
}

std::vector<Case> grids() {
  Generator random{54};
  const auto image = [&] { return draw(random, {2, 2, 3, 4}); };
  const auto grid = [&] { return draw(random, {2, 2, 3, 2}, -1.6, 1.6); };
  const auto torch = [](const std::string& options) { return f + "grid_sample(x[0], x[1], " + options + ")"; };
  return {
      {"grid_sample", F(grid_sample(x[0], x[1])), {image(), grid()}, torch("align_corners=False")},
      {"grid_sample, corners, border",
       F(grid_sample(x[0], x[1], {.padding_mode = GridPadding::border, .align_corners = true})),
       {image(), grid()},
       torch("padding_mode='border', align_corners=True")},
      {"grid_sample, reflection",
       F(grid_sample(x[0], x[1], {.padding_mode = GridPadding::reflection})),
       {image(), grid() * 3},
       torch("padding_mode='reflection', align_corners=False")},
      {"grid_sample, corners, reflection",
       F(grid_sample(x[0], x[1], {.padding_mode = GridPadding::reflection, .align_corners = true})),
       {image(), grid() * 3},
       torch("padding_mode='reflection', align_corners=True")},
      {"grid_sample, nearest",
       F(grid_sample(x[0], x[1], {.mode = GridMode::nearest})),
       {image(), grid()},
       torch("mode='nearest', align_corners=False")},
      {"grid_sample, nearest, border",
       F(grid_sample(x[0], x[1],
                     {.mode = GridMode::nearest, .padding_mode = GridPadding::border, .align_corners = true})),
       {image(), grid()},
       torch("mode='nearest', padding_mode='border', align_corners=True")},
      {"grid_sample, bicubic",
       F(grid_sample(x[0], x[1], {.mode = GridMode::bicubic})),
       {image(), grid()},
       torch("mode='bicubic', align_corners=False")},
      {"grid_sample, bicubic, border",
       F(grid_sample(x[0], x[1],
                     {.mode = GridMode::bicubic, .padding_mode = GridPadding::border, .align_corners = true})),
       {image(), grid()},
       torch("mode='bicubic', padding_mode='border', align_corners=True")},
      {"grid_sample, bicubic, reflection",
       F(grid_sample(x[0], x[1], {.mode = GridMode::bicubic, .padding_mode = GridPadding::reflection})),
       {image(), grid()},
       torch("mode='bicubic', padding_mode='reflection', align_corners=False")},
      {"grid_sample of volumes",
       F(grid_sample(x[0], x[1])),
       {draw(random, {1, 2, 2, 3, 2}), draw(random, {1, 1, 2, 2, 3}, -1.3, 1.3)},
       torch("align_corners=False")},
      {"grid_sample of volumes, nearest, reflection",
       F(grid_sample(x[0], x[1], {.mode = GridMode::nearest, .padding_mode = GridPadding::reflection})),
       {draw(random, {1, 2, 2, 3, 2}), draw(random, {1, 1, 2, 2, 3}, -3, 3)},
       torch("mode='nearest', padding_mode='reflection', align_corners=False")},
      {"grid_sample of no places",
       F(grid_sample(x[0], x[1])),
       {image(), draw(random, {2, 0, 3, 2})},
       "x[0].new_zeros(2, 2, 0, 3) + x[0].sum() + x[1].sum()"},
      {"affine_grid",
       F(affine_grid(x[0], {2, 1, 3, 4})),
       {draw(random, {2, 2, 3})},
       f + "affine_grid(x[0], (2, 1, 3, 4), align_corners=False)"},
      {"affine_grid, corners",
       F(affine_grid(x[0], {1, 1, 1, 3}, true)),
       {draw(random, {1, 2, 3})},
       f + "affine_grid(x[0], (1, 1, 1, 3), align_corners=True)"},
      {"affine_grid of volumes",
       F(affine_grid(x[0], {2, 5, 2, 1, 3})),
       {draw(random, {2, 3, 4})},
       f + "affine_grid(x[0], (2, 5, 2, 1, 3), align_corners=False)"},
  };
}

}  // namespace

TEST_CASE("maxima of windows") { certify_all(maxima()); }
TEST_CASE("means of windows") { certify_all(means()); }
TEST_CASE("interpolation") { certify_all(sizes()); }
TEST_CASE("grids") { certify_all(grids()); }

TEST_CASE("write samples" * doctest::skip()) { write_samples(together({maxima(), means(), sizes(), grids()})); }
