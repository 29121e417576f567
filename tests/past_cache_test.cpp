// Results so large that they are written past the cache are those of their parts, which are not.
#include <doctest/doctest.h>

#include <cstring>

#include "autograd/autograd.h"
#include "autograd/kernels/bytes.h"
#include "tests/every_target.h"

using namespace ebb;

namespace {

bool same_bits(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  REQUIRE((a.is_contiguous() && b.is_contiguous()));
  return std::memcmp(a.view().data, b.view().data, static_cast<std::size_t>(a.numel() * size_of(a.dtype()))) == 0;
}

TEST_CASE("layer_norm of many rows, aligned and not") {
  for (const std::int64_t n : {2048, 2047}) {
    const Tensor x = rand({2050, n});
    test::with_every_target([&] {
      const Tensor y = layer_norm(x, {n});
      REQUIRE(kernels::past_cache(y.view()));
      for (std::int64_t row = 0; row < 2050; row += 410) {
        const Tensor part = slice(x, 0, row, row + 410).contiguous();
        REQUIRE(!kernels::past_cache(part.view()));
        CHECK(same_bits(slice(y, 0, row, row + 410), layer_norm(part, {n})));
      }
    });
  }
}

TEST_CASE("transposes of large matrices, aligned and not") {
  for (const auto& [rows, columns] : {std::pair<std::int64_t, std::int64_t>{2064, 2050}, {2049, 2070}}) {
    const Tensor x = rand({rows, columns}), y = t(x).contiguous();
    REQUIRE(kernels::past_cache(y.view()));
    for (std::int64_t column = 0; column < columns; column += 205) {
      const std::int64_t end = std::min(column + 205, columns);
      CHECK(same_bits(slice(y, 0, column, end), t(slice(x, 1, column, end)).contiguous()));
    }
  }
}

}  // namespace
