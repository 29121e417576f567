// Arguments that no sane program gives, and that a fuzzer (scripts/fuzz) has found: each is a result or an Error, at once.
#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <vector>

#include "autograd/autograd.h"
#include "tests/expect_error.h"

using namespace ebb;

namespace {

using Numbers = std::vector<std::int64_t>;
constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max(),
                       least = std::numeric_limits<std::int64_t>::min();

}  // namespace

TEST_CASE("tril_indices and triu_indices count before they collect") {
  for (std::int64_t row = 0; row < 5; ++row)
    for (std::int64_t col = 0; col < 5; ++col)
      for (const std::int64_t offset :
           {least, std::int64_t{-6}, std::int64_t{-5}, std::int64_t{-4}, std::int64_t{-2}, std::int64_t{-1},
            std::int64_t{0}, std::int64_t{1}, std::int64_t{3}, std::int64_t{4}, std::int64_t{5}, most}) {
        Numbers lower, upper, lower_columns, upper_columns;
        for (std::int64_t i = 0; i < row; ++i)
          for (std::int64_t j = 0; j < col; ++j) {
            if (j - i <= offset) lower.push_back(i), lower_columns.push_back(j);
            if (j - i >= offset) upper.push_back(i), upper_columns.push_back(j);
          }
        lower.insert(lower.end(), lower_columns.begin(), lower_columns.end());
        upper.insert(upper.end(), upper_columns.begin(), upper_columns.end());
        CHECK(tril_indices(row, col, offset).to_vector<std::int64_t>() == lower);
        CHECK(triu_indices(row, col, offset).to_vector<std::int64_t>() == upper);
      }
  CHECK(tril_indices(std::int64_t{1} << 40, 1, -(std::int64_t{1} << 40) + 2).numel() == 4);
  CHECK(triu_indices(1, std::int64_t{1} << 40, (std::int64_t{1} << 40) - 2).numel() == 4);
  CHECK(tril_indices(std::int64_t{1} << 40, 0).numel() == 0);
  CHECK_ERROR(tril_indices(most, 2), "shape: [9223372036854775807, 2] has more elements than can be addressed");
  CHECK_THROWS_AS(triu_indices(std::int64_t{1} << 30, std::int64_t{1} << 29), Error);  // no memory for them
}

TEST_CASE("repeat_interleave sums its repeats before it repeats") {
  const Tensor x = zeros({2});
  CHECK_ERROR(repeat_interleave(x, tensor({most, most})), "repeat_interleave: the repeats sum to more than 2^63");
  CHECK_THROWS_AS(repeat_interleave(x, tensor({most, std::int64_t{0}})), Error);
  CHECK_ERROR(repeat_interleave(x, tensor({most, std::int64_t{-1}})),
              "repeat_interleave: -1 repeats of element 1; give 0 or more");
}

TEST_CASE("one_hot of the largest number") {
  CHECK_ERROR(one_hot(tensor({most})), "one_hot: index 9223372036854775807 is too large");
}

TEST_CASE("sums of nothing take no time, however large its other dimensions") {
  const std::int64_t huge = std::int64_t{1} << 40;
  const Tensor x = expand(zeros({3, 1, 0}, {.requires_grad = true}), {3, huge, 0});
  CHECK(sum(x, {1, 2}).to_vector<double>() == std::vector<double>{0, 0, 0});
  CHECK(sum(expand(zeros({1, 0, 2}), {huge, 0, 2}), {2}).shape() == Shape{huge, 0});
  sum(x).backward();
}

TEST_CASE("chunks, pixels and decimals without number") {
  CHECK(chunk(zeros({3}), most).size() == 3);
  CHECK(chunk(zeros({0}), most).size() == 1);
  CHECK_THROWS_AS(pixel_unshuffle(zeros({2, 0, 0}), most), Error);
  CHECK_THROWS_AS(pixel_unshuffle(zeros({2, 0, 0}), std::int64_t{1} << 32), Error);
  CHECK_THROWS_AS(pixel_shuffle(zeros({0, std::int64_t{1} << 50, 1}), 1 << 14), Error);
  CHECK(round(zeros({1}), std::numeric_limits<int>::min()).shape() == Shape{1});
}

TEST_CASE("integers that meet at an index wrap") {
  const Tensor x = tensor({most, std::int64_t{1}}), at = tensor({0, 0}),
               ones_there = tensor({std::int64_t{1}, std::int64_t{2}});
  CHECK(index_add(x, 0, at, ones_there).to_vector<std::int64_t>() == Numbers{least + 2, 1});
  CHECK(scatter_reduce(x, 0, at, ones_there, ScatterReduction::prod).to_vector<std::int64_t>() == Numbers{-2, 1});
}

TEST_CASE("ctc_loss does not read targets whose number wraps to theirs") {
  const Tensor log_probs = zeros({4, 3, 5}), targets = ones({2}, {.dtype = int64}),
               steps = full({3}, 4, {.dtype = int64});
  CHECK_ERROR(ctc_loss(log_probs, targets, steps, tensor({most, most, std::int64_t{4}})),
              "ctc_loss: target_lengths sum to more than 2^63");
}
