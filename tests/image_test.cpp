// Convolution, pooling and resampling: the layers, kinks and edges, and what is refused.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "autograd/autograd.h"
#include "nn/nn.h"
#include "tests/expect_error.h"

using namespace ebb;

namespace {

using Floats = std::vector<float>;
using Ints = std::vector<std::int64_t>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// 0, 1, 2, … in `shape`.
Tensor counting(const Shape& shape) {
  return reshape(arange(static_cast<double>(shape.numel()), {.dtype = float32}), Dims(shape));
}

Floats floats(const Tensor& x) { return x.to_vector<float>(); }

}  // namespace

TEST_CASE("weights of convolutions have PyTorch's names, shapes and bounds") {
  const nn::Conv3d conv{.in = 4, .out = 6, .kernel = {1, 2, 3}, .groups = 2};
  CHECK(conv.weight.shape() == Shape{6, 2, 1, 2, 3});
  CHECK(conv.bias.shape() == Shape{6});
  CHECK(nn::Conv1d{.in = 4, .out = 6, .kernel = 3}.weight.shape() == Shape{6, 4, 3});
  const nn::ConvTranspose2d up{.in = 2, .out = 4, .kernel = 5, .groups = 2};
  CHECK(up.weight.shape() == Shape{2, 2, 5, 5});
  const auto tensors = state(up);
  REQUIRE(tensors.size() == 2);
  CHECK(tensors[0].name == "weight");
  CHECK(tensors[1].name == "bias");
  const double bound = 1 / std::sqrt(2 * 25), largest = amax(abs(up.weight)).item();
  CHECK(largest <= bound);
  CHECK(largest > 0.8 * bound);
  CHECK(amax(abs(up.bias)).item() <= bound);
  CHECK_FALSE(nn::ConvTranspose3d{.in = 1, .out = 1, .kernel = 2, .with_bias = false}.bias.defined());
  CHECK(nn::ConvTranspose1d{.in = 3, .out = 2, .kernel = 4, .stride = 2, .padding = 1}(zeros({5, 3, 7})).shape() ==
        Shape{5, 2, 14});
}

TEST_CASE("layers of pooling hand their options on") {
  const Tensor line = counting({1, 6}), image = counting({1, 1, 4, 4}), volume = counting({1, 1, 2, 2, 2});
  CHECK(floats(nn::MaxPool1d{.kernel = 2, .stride = 1, .dilation = 2}(line)) == Floats{2, 3, 4, 5});
  CHECK(floats(nn::MaxPool3d{2}(volume)) == Floats{7});
  CHECK(floats(nn::AvgPool1d{.kernel = 2, .divisor_override = 1}(line)) == Floats{1, 5, 9});
  CHECK(floats(nn::AvgPool3d{.kernel = {1, 2, 2}}(volume)) == Floats{1.5f, 5.5f});
  CHECK(floats(nn::AdaptiveAvgPool1d{2}(line)) == Floats{1, 4});
  CHECK(floats(nn::AdaptiveAvgPool3d{1}(volume)) == Floats{3.5f});
  CHECK(floats(nn::AdaptiveMaxPool1d{2}(line)) == Floats{2, 5});
  CHECK(floats(nn::AdaptiveMaxPool2d{2}(image)) == Floats{5, 7, 13, 15});
  CHECK(floats(nn::AdaptiveMaxPool3d{{2, 1, 1}}(volume)) == Floats{3, 7});
  CHECK(floats(nn::LPPool1d{.norm_type = 1, .kernel = 3}(line)) == Floats{3, 12});
  CHECK(floats(nn::LPPool2d{2, {1, 2}}(tensor({{{3.0, 4.0}}}))) == Floats{5});
  CHECK(nn::LPPool3d{2, 2}(volume).item() == doctest::Approx(std::sqrt(140.0)));
  const auto [values, indices] = max_pool2d_with_indices(image, 2);
  CHECK(floats(nn::MaxUnpool2d{2}(values, indices)) == Floats{0, 0, 0, 0, 0, 5, 0, 7, 0, 0, 0, 0, 0, 13, 0, 15});
  CHECK(nn::MaxUnpool1d{2}(tensor({{1.0, 2.0}}), tensor({{0, 3}}), Size1(5)).shape() == Shape{1, 5});
}

TEST_CASE("of equal elements the first in row-major order is the largest of a volume") {
  Tensor x = zeros({1, 1, 2, 2, 2}, {.requires_grad = true});
  sum(max_pool3d(x, 2)).backward();
  CHECK(floats(x.grad()) == Floats{1, 0, 0, 0, 0, 0, 0, 0});
  const Tensor two = reshape(tensor({0.0, 0.0, 0.0, 3.0, 3.0, 0.0, 0.0, 0.0}), {1, 1, 2, 2, 2});
  CHECK(max_pool3d_with_indices(two, 2).indices.to_vector<std::int64_t>() == Ints{3});
  CHECK(adaptive_max_pool3d_with_indices(two, 1).indices.to_vector<std::int64_t>() == Ints{3});
  const Tensor nan = reshape(tensor({9.0, 0.0, 0.0, 3.0, std::nan(""), 0.0, 0.0, 0.0}), {1, 1, 2, 2, 2});
  CHECK(std::isnan(max_pool3d(nan, 2).item()));
  CHECK(max_pool3d_with_indices(nan, 2).indices.to_vector<std::int64_t>() == Ints{4});
}

TEST_CASE("a window of padding alone has no largest element") {
  const auto [values, indices] = max_pool3d_with_indices(ones({1, 1, 1, 1, 1}), 2, {.padding = 1, .dilation = 2});
  CHECK(floats(values) == Floats{-kInfinity});
  CHECK(indices.to_vector<std::int64_t>() == Ints{-1});
}

TEST_CASE("the derivative of lp_pool is 0 where the sum is") {
  Tensor x = zeros({1, 4}, {.requires_grad = true});
  sum(lp_pool1d(x, 2, 2)).backward();
  CHECK(floats(x.grad()) == Floats{0, 0, 0, 0});
}

TEST_CASE("borders") {
  const Tensor x = tensor({{{1.0, 2.0}, {3.0, 4.0}}});
  CHECK(floats(nn::ZeroPad2d{{1, 0, 0, 1}}(x)) == Floats{0, 1, 2, 0, 3, 4, 0, 0, 0});
  CHECK(floats(nn::ConstantPad2d{{0, 1, -1, 0}, 9}(x)) == Floats{3, 4, 9});
  CHECK(floats(nn::ReflectionPad1d{1}(tensor({{1.0, 2.0, 3.0}}))) == Floats{2, 1, 2, 3, 2});
  CHECK(floats(nn::ReplicationPad1d{{2, 1}}(tensor({{1.0, 2.0}}))) == Floats{1, 1, 1, 2, 2});
  CHECK(floats(nn::CircularPad2d{{0, 1, 1, 0}}(x)) == Floats{3, 4, 3, 1, 2, 1, 3, 4, 3});
  const Tensor volume = zeros({1, 2, 2, 2, 2});
  for (const Shape& shape : {nn::ZeroPad3d{1}(volume).shape(), nn::ConstantPad3d{1, 2}(volume).shape(),
                             nn::ReflectionPad3d{1}(volume).shape(), nn::ReplicationPad3d{1}(volume).shape(),
                             nn::CircularPad3d{1}(volume).shape()})
    CHECK(shape == Shape{1, 2, 4, 4, 4});
  CHECK_ERROR(nn::ReflectionPad2d{1}(zeros({4})),
              "ReflectionPad2d: the input is float32 [4]; it must have 3 or 4 dimensions");
}

TEST_CASE("layers that rearrange and resize") {
  CHECK(floats(nn::Unfold{.kernel_size = 2, .dilation = 2}(counting({1, 1, 3, 3}))) == Floats{0, 2, 6, 8});
  const Tensor image = counting({1, 2, 4, 4});
  const Tensor columns = nn::Unfold{.kernel_size = 2, .stride = 2}(image);
  CHECK(columns.shape() == Shape{1, 8, 4});
  CHECK(floats(nn::Fold{.output_size = 4, .kernel_size = 2, .stride = 2}(columns)) == floats(image));
  CHECK(floats(nn::PixelShuffle{2}(counting({4, 1, 2}))) == Floats{0, 2, 1, 3, 4, 6, 5, 7});
  CHECK(floats(nn::PixelUnshuffle{2}(nn::PixelShuffle{2}(counting({4, 1, 2})))) == floats(counting({4, 1, 2})));
  const Tensor small = reshape(tensor({0.0, 1.0, 2.0, 3.0}), {1, 1, 2, 2});
  CHECK(floats(nn::Upsample{.scale_factor = {2}}(small)) ==
        Floats{0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3});
  CHECK(floats(nn::Upsample{.size = {2, 3}, .mode = InterpolateMode::bilinear, .align_corners = true}(small)) ==
        Floats{0, 0.5f, 1, 2, 2.5f, 3});
}

TEST_CASE("far places of a grid, and none") {
  const Tensor x = reshape(tensor({1.0, 2.0, 3.0, 4.0}), {1, 1, 2, 2});
  const auto at = [&](double column, double row, const GridSampleOptions& options) {
    return grid_sample(x, reshape(tensor({column, row}), {1, 1, 1, 2}), options).item();
  };
  for (const double far : {1e30, static_cast<double>(kInfinity)}) {
    CHECK(at(far, 0, {}) == 0);
    CHECK(at(-far, 0, {.mode = GridMode::bicubic}) == 0);
    CHECK(at(far, -1, {.padding_mode = GridPadding::border}) == 2);
    CHECK(at(-far, far, {.mode = GridMode::nearest, .padding_mode = GridPadding::border}) == 3);
  }
  CHECK(at(std::nan(""), -1, {.padding_mode = GridPadding::border}) == 1);
  Tensor grid = zeros({1, 1, 1, 2}, {.requires_grad = true});
  grid_sample(x, grid, {.mode = GridMode::nearest}).backward(ones({1, 1, 1, 1}));
  CHECK(floats(grid.grad()) == Floats{0, 0});
}

TEST_CASE("mistaken convolutions") {
  const Tensor line = zeros({1, 1, 4}), kernel = zeros({1, 1, 2});
  CHECK_ERROR(conv1d(zeros({2, 3}), zeros({1, 2})),
              "conv1d: input [1, 2, 3] and weight [1, 2]; they must be [n, c, l] and [out, c / groups, kl]");
  CHECK_ERROR(
      conv1d(line, kernel, {}, {.stride = 0}),
      "conv1d: length stride 0, padding 0, dilation 1; stride and dilation must be at least 1 and padding at "
      "least 0, all of them at most 2^31");
  CHECK_ERROR(conv1d(line, zeros({1, 1, 0})), "conv1d: the kernel's length is 0; it must be from 1 to 2^31");
  CHECK_ERROR(conv1d(zeros({1, 3, 4}), zeros({2, 1, 2}), {}, {.groups = 2}),
              "conv1d: 2 groups do not divide the 3 input and 2 output channels");
  CHECK_ERROR(conv1d(line, kernel, zeros({3})), "conv1d: the bias is [3]; it must be [1]");
  CHECK_ERROR(conv1d(zeros({1, 1, 4}, {.dtype = int64}), kernel),
              "conv1d: the input is int64 [1, 1, 4]; it must be float32 or float64, convert it by to(float32)");
  CHECK_ERROR(conv3d(zeros({1, 1, 2, 2, 2}), zeros({1, 1, 3, 1, 1})),
              "conv3d: the kernel reaches over 3 in depth, but the padded input has 2; add padding or shrink the "
              "kernel");
  CHECK_ERROR(conv2d(zeros({1, 1, 4, 4}), zeros({1, 1, 2, 2}), {}, {.stride = 2, .padding = Padding::same}),
              "conv2d: padding same with height stride 2; the size stays the same by a stride of 1 only");
  CHECK_ERROR(
      conv_transpose2d(zeros({1, 1, 2, 2}), zeros({1, 1, 2, 2}), {}, {.output_padding = 1}),
      "conv_transpose2d: height output_padding 1; it must be from 0 on and less than the stride, 1, or the "
      "dilation, 1");
  CHECK_ERROR(
      conv_transpose1d(zeros({1, 3, 4}), zeros({2, 1, 2})),
      "conv_transpose1d: the weight takes 2 channels, the input has 3 (input [1, 3, 4], weight [2, 1, 2])");
  CHECK_ERROR(conv_transpose1d(zeros({1, 1, 1}), zeros({1, 1, 1}), {}, {.padding = 1}),
              "conv_transpose1d: the result's length would be -1; take a padding smaller than 1");
  CHECK_ERROR(conv_transpose1d(zeros({1, 1, 0}), kernel),
              "conv_transpose1d: the input is [1, 1, 0]; its length must be at least 1");
  CHECK_ERROR(conv_transpose1d(line, kernel, {}, {.groups = 2}),
              "conv_transpose1d: 2 groups do not divide the 1 input channels");
  CHECK_ERROR(
      conv_transpose1d(zeros({0, 1, std::int64_t{1} << 40}), kernel, {}, {.stride = std::int64_t{1} << 31}),
      "conv_transpose1d: 1099511627775 times 2147483648 is too large a size");
}

TEST_CASE("mistaken layers of convolution") {
  CHECK_ERROR((nn::ConvTranspose1d{.in = 0, .out = 1, .kernel = 2}),
              "ConvTranspose1d: in is 0; it must be positive");
  CHECK_ERROR((nn::ConvTranspose2d{.in = 1, .out = 1, .kernel = 2, .output_padding = -1}),
              "ConvTranspose2d: output_padding is -1; it must not be negative");
  const nn::ConvTranspose2d up{.in = 1, .out = 1, .kernel = 3, .stride = 2};
  CHECK_ERROR(up(zeros({1, 1, 3, 3}), Size2{7, 9}),
              "ConvTranspose2d: output_size 9 of an input of 3; it must be from 7 to 8");
  CHECK_ERROR(up(zeros({1, 3, 3}), 6), "ConvTranspose2d: output_size 6 of an input of 3; it must be from 7 to 8");
  CHECK_ERROR((nn::Conv3d{.in = 4, .out = 6, .kernel = 3, .groups = 3}),
              "Conv3d: groups is 3, which does not divide in (4); choose a divisor of in and out");
  CHECK_ERROR((nn::Conv2d{.in = 1, .out = 1, .kernel = 3, .stride = 2, .padding = Padding::same}),
              "Conv2d: padding is same and stride 2; the size stays the same by a stride of 1 only");
}

TEST_CASE("mistaken pooling of lines and volumes") {
  CHECK_ERROR(max_pool1d(zeros({1, 1, 1, 4}), 2),
              "max_pool1d: the input is float32 [1, 1, 1, 4]; it must be [n, c, l]");
  CHECK_ERROR(avg_pool3d(zeros({2, 2}), 2), "avg_pool3d: the input is float32 [2, 2]; it must be [n, c, d, h, w]");
  CHECK_ERROR(avg_pool2d(zeros({1, 1, 2, 2}), 2, {.divisor_override = 0}),
              "avg_pool2d: divisor_override is 0; give another number, or leave it out");
  CHECK_ERROR(max_pool3d(zeros({1, 1, 2, 2, 2}), {3, 1, 1}),
              "max_pool3d: the window reaches over 3, but the padded input has 2");
  CHECK_ERROR(adaptive_max_pool3d(zeros({1, 1, 2, 2, 2}), {1, 0, 1}),
              "adaptive_max_pool3d: output 1 x 0 x 1; all sizes must be at least 1");
  CHECK_ERROR(adaptive_avg_pool1d(zeros({1, 1, 0}), 2),
              "adaptive_avg_pool1d: the images of float32 [1, 1, 0] are empty");
  const Tensor index = zeros({1, 1, 2}, {.dtype = int64});
  CHECK_ERROR(max_unpool1d(zeros({1, 1, 3}), index, 2),
              "max_unpool1d: the indices are [1, 1, 2], the input [1, 1, 3]; their shapes must be equal");
  CHECK_ERROR(max_unpool1d(zeros({1, 1, 2}), index, 2, {.output_size = Size1(9)}),
              "max_unpool1d: output size 9; it must be positive, and less than the stride, 2, off 4");
  CHECK_ERROR(max_unpool1d(zeros({1, 1, 2}), index, 0),
              "max_unpool1d: kernel 0, stride 0, padding 0; padding must be at least 0, the others at least 1");
}

TEST_CASE("mistaken resampling") {
  const Tensor line = zeros({1, 1, 4});
  CHECK_ERROR(interpolate(line, {}),
              "interpolate: neither size nor scale_factor is given; give one of size and scale_factor");
  CHECK_ERROR(interpolate(line, {.size = {2}, .scale_factor = {2}}),
              "interpolate: both size and scale_factor are given; give one of size and scale_factor");
  CHECK_ERROR(interpolate(zeros({4}), {.size = {2}}),
              "interpolate: the input is float32 [4]; it must be [n, c, sizes], with one to three sizes");
  CHECK_ERROR(
      interpolate(line, {.size = {2}, .mode = InterpolateMode::bilinear}),
      "interpolate: the input is float32 [1, 1, 4], of 1 sizes; linear is for one, bilinear and bicubic are for "
      "two, trilinear is for three");
  CHECK_ERROR(interpolate(line, {.size = {2}, .align_corners = true}),
              "interpolate: align_corners does nothing by nearest, nearest_exact and area; leave it out");
  CHECK_ERROR(interpolate(line, {.size = {2, 2}}),
              "interpolate: 2 numbers for 1 dimensions of float32 [1, 1, 4]; give one for all, or one for each");
  CHECK_ERROR(interpolate(line, {.scale_factor = {-1}}),
              "interpolate: the scale_factor is -1; it must be positive, and the sizes at most 2^40");
  CHECK_ERROR(interpolate(line, {.size = {0}}),
              "interpolate: size 4 becomes 0 in dimension 2 of float32 [1, 1, 4]; both must be at least 1");
  CHECK_ERROR(
      interpolate(zeros({1, 1, 4}, {.dtype = int64}), {.size = {2}}),
      "interpolate: the input is int64 [1, 1, 4]; it must be float32 or float64, convert it by to(float32)");
  CHECK_ERROR(
      grid_sample(zeros({1, 1, 2, 2}), zeros({1, 2, 2, 3})),
      "grid_sample: the input is [1, 1, 2, 2], the grid [1, 2, 2, 3]; they must be [n, c, h, w] and [n, oh, ow, "
      "2], or [n, c, d, h, w] and [n, od, oh, ow, 3]");
  CHECK_ERROR(grid_sample(zeros({1, 1, 2, 2, 2}), zeros({1, 1, 1, 1, 3}), {.mode = GridMode::bicubic}),
              "grid_sample: the input is [1, 1, 2, 2, 2]; bicubic is for [n, c, h, w] only");
  CHECK_ERROR(grid_sample(zeros({1, 1, 0, 2}), zeros({1, 2, 2, 2})),
              "grid_sample: the input is [1, 1, 0, 2]; its images must not be empty");
  CHECK_ERROR(
      affine_grid(zeros({1, 2, 3}), {1, 1, 2}),
      "affine_grid: theta is [1, 2, 3], the size [1, 1, 2]; they must be [n, 2, 3] and [n, c, h, w], or [n, 3, "
      "4] and [n, c, d, h, w]");
  CHECK_ERROR(affine_grid(zeros({1, 2, 3}), {1, 1, 2, 0}),
              "affine_grid: the size is [1, 1, 2, 0]; images must not be empty");
}
