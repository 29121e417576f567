// Pooling kernels against the definition, written out.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "autograd/autograd.h"
#include "autograd/kernels/pool.h"
#include "tests/expect_error.h"

using namespace ebb;

namespace {

// The largest of a padded window by its definition: every place that lies inside the image, in order.
struct Reference {
  std::vector<double> values;
  std::vector<std::int64_t> places;
};

Reference reference(const Tensor& x, const kernels::Pool2dGeometry& g, std::int64_t oh, std::int64_t ow) {
  const auto v = x.to_vector<double>();
  const std::int64_t H = x.shape()[2], W = x.shape()[3], planes = x.shape()[0] * x.shape()[1];
  Reference r;
  for (std::int64_t p = 0; p < planes; ++p)
    for (std::int64_t h = 0; h < oh; ++h)
      for (std::int64_t w = 0; w < ow; ++w) {
        double best = 0;
        std::int64_t place = -1;
        for (std::int64_t i = 0; i < g.kernel[0]; ++i)
          for (std::int64_t j = 0; j < g.kernel[1]; ++j) {
            const std::int64_t a = h * g.stride[0] - g.padding[0] + i * g.dilation[0];
            const std::int64_t b = w * g.stride[1] - g.padding[1] + j * g.dilation[1];
            if (a < 0 || a >= H || b < 0 || b >= W) continue;
            const double value = v[static_cast<std::size_t>((p * H + a) * W + b)];
            if (place < 0 || value > best) best = value, place = a * W + b;
          }
        r.values.push_back(best);
        r.places.push_back(place);
      }
  return r;
}

}  // namespace

TEST_CASE("max_pool2d against its definition, in every layout") {
  Generator random{3};
  const kernels::Pool2dGeometry geometries[] = {
      {}, {{3, 3}, {2, 2}, {1, 1}}, {{3, 2}, {1, 2}, {0, 1}}, {{2, 2}, {1, 1}, {0, 0}, {2, 3}}, {{2, 2}, {3, 3}}};
  for (const auto& g : geometries)
    for (const Shape& shape : {Shape{2, 3, 8, 8}, Shape{1, 2, 7, 9}, Shape{0, 2, 8, 8}})
      for (const bool channels_last : {false, true}) {
        Tensor x = randint(-5, 5, shape, {.dtype = int64, .generator = &random}).to(float32);  // with ties
        if (channels_last) x = permute(permute(x, {0, 2, 3, 1}).contiguous(), {0, 3, 1, 2});
        const auto size = [&](std::size_t i) {
          return (shape[static_cast<int>(i) + 2] + 2 * g.padding[i] - g.dilation[i] * (g.kernel[i] - 1) - 1) /
                     g.stride[i] +
                 1;
        };
        const Shape pooled{shape[0], shape[1], size(0), size(1)};
        const Tensor y = empty(pooled), index = empty(pooled, int64);
        kernels::max_pool2d(y.view(), index.view(), x.view(), g);
        const auto expected = reference(x, g, pooled[2], pooled[3]);
        CHECK(y.to_vector<double>() == expected.values);
        CHECK(index.to_vector<std::int64_t>() == expected.places);
      }
}

TEST_CASE("bug class 10: overlapping windows add their gradients; ties go to the first") {
  auto x = tensor({{{{1.0, 5.0, 1.0}, {1.0, 1.0, 1.0}, {2.0, 2.0, 2.0}}}}, {.requires_grad = true});
  auto y = max_pool2d(x, 2, {.stride = 1});
  CHECK(y.to_vector<float>() == std::vector<float>{5, 5, 2, 2});
  sum(y).backward();
  CHECK(x.grad().to_vector<float>() == std::vector<float>{0, 2, 0, 0, 0, 0, 1, 1, 0});
}

TEST_CASE("padding never wins, NaN does") {
  CHECK(max_pool2d(full({1, 1, 2, 2}, -7), 2, {.padding = 1}).to_vector<float>() ==
        std::vector<float>{-7, -7, -7, -7});
  auto x = tensor({{{{1.0, std::nan("")}, {3.0, 2.0}}}});
  CHECK(std::isnan(max_pool2d(x, 2).item()));
  const double low = -std::numeric_limits<double>::infinity();
  CHECK(max_pool2d(full({1, 1, 2, 2}, low), 2).item() == low);
}

TEST_CASE("avg_pool2d counts the padding or not") {
  auto x = ones({1, 1, 3, 3});
  CHECK(avg_pool2d(x, 3, {.stride = 2, .padding = 1}).to_vector<float>() ==
        std::vector<float>{4.f / 9, 4.f / 9, 4.f / 9, 4.f / 9});
  CHECK(avg_pool2d(x, 3, {.stride = 2, .padding = 1, .count_include_pad = false}).to_vector<float>() ==
        std::vector<float>{1, 1, 1, 1});
  // A window that ceil_mode adds counts only what lies within the padded input.
  CHECK(avg_pool2d(ones({1, 1, 3, 3}), 2, {.ceil_mode = true}).to_vector<float>() ==
        std::vector<float>{1, 1, 1, 1});
}

TEST_CASE("adaptive windows are uneven and overlap") {
  auto x = reshape(arange(5).to(float32), {1, 1, 1, 5});
  CHECK(adaptive_avg_pool2d(x, {1, 3}).to_vector<float>() == std::vector<float>{0.5f, 2, 3.5f});
  CHECK(adaptive_avg_pool2d(x, {1, 5}).to_vector<float>() == x.to_vector<float>());
  auto z = zeros({1, 1, 1, 5}, {.requires_grad = true});
  sum(adaptive_avg_pool2d(z, {1, 3})).backward();
  CHECK(z.grad().to_vector<float>() == std::vector<float>{0.5f, 0.5f + 1.f / 3, 1.f / 3, 0.5f + 1.f / 3, 0.5f});
}

TEST_CASE("pooling is the same on any number of threads") {
  const int before = num_threads();
  auto x = rand({8, 16, 32, 32});
  set_num_threads(1);
  const auto expected = max_pool2d(x, 3, {.stride = 1}).to_vector<float>();
  for (const int n : {2, 3, 4, 8}) {
    set_num_threads(n);
    CHECK(max_pool2d(x, 3, {.stride = 1}).to_vector<float>() == expected);
  }
  set_num_threads(before);
}

TEST_CASE("mistaken pooling") {
  auto x = zeros({1, 1, 4, 4});
  CHECK_ERROR(max_pool2d(x, 0), "max_pool2d: kernel 0, stride 0, dilation 1; all must be at least 1");
  CHECK_ERROR(max_pool2d(x, 2, {.padding = 2}),
              "max_pool2d: padding 2 of a kernel of 2; it must be from 0 to half the kernel");
  CHECK_ERROR(max_pool2d(x, 5), "max_pool2d: the window reaches over 5, but the padded input has 4");
  CHECK_ERROR(max_pool2d(zeros({4, 4}), 2), "max_pool2d: the input is float32 [4, 4]; it must be [n, c, h, w]");
  CHECK_ERROR(avg_pool2d(x, 2, {.dilation = 2}), "avg_pool2d: its windows have no dilation; leave it at 1");
  CHECK_ERROR(adaptive_avg_pool2d(x, 0), "adaptive_avg_pool2d: output 0 x 0; both sizes must be at least 1");
}
