#include "autograd/kernels/conv_winograd.h"

#include <doctest/doctest.h>

#include "autograd/base/strict.h"
#include "tests/convolutions.h"

using namespace ebb;
using namespace ebb::test;

namespace {

const Directions kWinograd{kernels::conv::winograd, kernels::conv::winograd_backward_input,
                           kernels::conv::winograd_backward_weight};

struct Strict {
  Strict() { set_strict(true); }
  ~Strict() { set_strict(false); }
};

// 3×3, channels of x to channels of y.
Convolution convolution(Rng& rng, Dtype dtype, const Sizes& x, std::int64_t out,
                        const std::array<std::int64_t, 2>& padding, int layout = 0) {
  return {rng, dtype, x, {out, x.c, 3, 3}, {{1, 1}, padding, {1, 1}, 1}, layout, 0, layout};
}

// y, gx and gw.
std::array<Pictures, 3> results(Convolution& c, const Directions& directions) {
  std::array<Pictures, 3> all{c.y, c.x, c.weight};
  directions.forward(all[0], c.x, c.weight, c.bias, c.geometry);
  directions.input(all[1], c.y, c.weight, c.geometry);
  directions.weight(all[2], c.y, c.x, c.geometry);
  return all;
}

std::vector<std::vector<unsigned char>> bytes(Convolution& c, const Directions& directions) {
  std::vector<std::vector<unsigned char>> all;
  for (const Pictures& p : results(c, directions)) all.push_back(p.array().bytes());
  return all;
}

Convolution in_double(Rng& rng, Convolution& c) {
  Convolution d(rng, float64, c.x.sizes(), c.weight.sizes(), c.geometry, 0, 0, 0);
  d.x.array().fill([&](std::int64_t i) { return c.x.array()[i]; });
  d.y.array().fill([&](std::int64_t i) { return c.y.array()[i]; });
  d.weight.array().fill([&](std::int64_t i) { return c.weight.array()[i]; });
  d.bias.fill([&](std::int64_t i) { return c.bias[i]; });
  return d;
}

double largest_difference(const Pictures& a, const Pictures& b) {
  double largest = 0;
  for (std::int64_t i = 0; i < a.numel(); ++i) largest = std::max(largest, std::abs(a.array()[i] - b.array()[i]));
  return largest;
}

}  // namespace

TEST_CASE("Winograd's convolutions agree with plain loops on small sizes and any layout") {
  on_every_target([] {
    Rng rng(1);
    for (std::int64_t size = 1; size <= 9; ++size) {
      for (std::int64_t padding = 0; padding <= 3; ++padding) {
        const std::array<std::int64_t, 2> paddings{padding, pick(rng, 0, 2)};
        const Sizes x{pick(rng, 1, 3), pick(rng, 1, 20), size, pick(rng, 3, 9)};
        if (size + 2 * padding < 3) continue;
        const auto layout = [&] { return static_cast<int>(pick(rng, 0, Pictures::kLayoutCount - 1)); };
        Convolution c(rng, float32, x, {pick(rng, 1, 40), x.c, 3, 3}, {{1, 1}, paddings, {1, 1}, 1}, layout(),
                      layout(), layout());
        check(c, kWinograd);
      }
    }
  });
}

// Of sums of 9 depth products of normal numbers in float32, by Winograd and as the formula says, beside float64. Blocks
// of tiles are parts of images or several images; tasks are slices of the channels where there are few tiles.
TEST_CASE("Winograd's error is at most 1.5 of that of the sum itself, 2 in gradients in the weights") {
  on_every_target([] {
    Rng rng(2);
    const std::pair<Sizes, std::int64_t> cases[] = {
        {{2, 64, 31, 32}, 64}, {{3, 80, 14, 14}, 150}, {{8, 250, 7, 7}, 300}, {{40, 33, 4, 5}, 40}};
    for (const auto& [x, out] : cases) {
      auto c = convolution(rng, float32, x, out, {1, 1});
      auto exact = in_double(rng, c);
      const auto truth = results(exact, {}), fast = results(c, kWinograd);
      const Strict strict;
      const auto plain = results(c, {});
      for (std::size_t i = 0; i < 3; ++i) {
        const double direct = largest_difference(plain[i], truth[i]),
                     error = largest_difference(fast[i], truth[i]);
        CHECK_MESSAGE(error <= (i == 2 ? 2 : 1.5) * direct, "direction ", i, ": ", error, " beside ", direct);
      }
    }
  });
}

TEST_CASE("Winograd's convolutions give the same bits on any number of threads") {
  Rng rng(3);
  for (const Sizes& x : {Sizes{5, 40, 17, 30}, Sizes{6, 96, 7, 7}, Sizes{1, 64, 40, 40}}) {
    auto c = convolution(rng, float32, x, 200, {1, 1});
    CHECK(same_bits_on_any_threads([&] { return bytes(c, kWinograd); }));
    const Strict strict;
    CHECK(same_bits_on_any_threads([&] { return bytes(c, {}); }));
  }
}

TEST_CASE("strict convolutions are summed as the formula says") {
  Rng rng(4);
  auto c = convolution(rng, float32, {8, 64, 16, 16}, 64, {1, 1});
  const auto fast = bytes(c, {});
  CHECK(fast == bytes(c, kWinograd));
  CHECK(!strict());
  {
    const Strict scope;
    CHECK(strict());
    const auto direct = bytes(c, {});
    for (std::size_t i = 0; i < 3; ++i) CHECK(direct[i] != fast[i]);
    check(c);
  }
  CHECK(fast == bytes(c, {}));
}
