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

TEST_CASE("arange of more elements than there are numbers") {
  CHECK_ERROR(arange(0, 9.3e18), "shape: [9223372036854775807] has more elements than can be addressed");
  CHECK_THROWS_AS(arange(-1e300, 1e300, 1e-300), Error);
  CHECK_THROWS_AS(arange(0, 1e300, 1, {.dtype = float32}), Error);
}

TEST_CASE("decompositions of matrices without elements take no time, however many they are") {
  const std::int64_t huge = std::int64_t{1} << 40;
  const Tensor none = expand(zeros({1, 0, 0}), {huge, 0, 0}), flat = expand(zeros({1, 0, 2}), {huge, 0, 2});
  CHECK(inv(none).shape() == Shape{huge, 0, 0});
  CHECK(cholesky(none).shape() == Shape{huge, 0, 0});
  CHECK(matrix_exp(none).shape() == Shape{huge, 0, 0});
  CHECK(eigvalsh(none).shape() == Shape{huge, 0});
  CHECK(svdvals(flat).shape() == Shape{huge, 0});
  CHECK(pinv(flat).shape() == Shape{huge, 2, 0});
  CHECK(qr(flat).r.shape() == Shape{huge, 0, 2});
  CHECK(lu(flat).u.shape() == Shape{huge, 0, 2});
  CHECK(solve_triangular(none, flat, true).shape() == Shape{huge, 0, 2});
  CHECK(slogdet(zeros({2, 0, 0})).sign.to_vector<double>() == std::vector<double>{1, 1});  // an empty product
}

TEST_CASE("a system without right-hand sides") {
  const Tensor a = eye(3), none = zeros({3, 0});
  CHECK(solve(a, none).shape() == Shape{3, 0});
  CHECK(solve_triangular(a, none, true).shape() == Shape{3, 0});
  CHECK(solve_triangular(a, transpose(none, 0, 1), false, false).shape() == Shape{0, 3});
  CHECK(lstsq(a, none).shape() == Shape{3, 0});
}

TEST_CASE("a cell of more columns than a panel, for more rows than a product packs for") {
  const std::int64_t n = 40, h = 70;
  const RecurrentWeights weights{.weight_ih = zeros({3 * h, 1}), .weight_hh = zeros({3 * h, h})};
  const auto [y, last] = gru(zeros({4, n, 1}), ones({n, h}), weights);
  CHECK(y.at(0, 0, 0).item() == 0.5);
  CHECK(last.at(n - 1, h - 1).item() == 0.0625);
}

TEST_CASE("a tensor is not taken to more pieces than there is room for") {
  const Tensor x = zeros({0, std::int64_t{1} << 40});
  CHECK_ERROR(unbind(x, 1),
              "unbind: the result is 1099511627776 tensors; take fewer parts, of which there may be 16777216");
  CHECK_ERROR(split(x, 2, 1),
              "split: the result is 549755813889 tensors; take fewer parts, of which there may be 16777216");
  CHECK_THROWS_AS(chunk(x, most, 1), Error);
  CHECK(split(x, most, 1).size() == 1);
  CHECK(chunk(x, 3, 1).size() == 3);
}

TEST_CASE("cells of no units have a second derivative") {
  const Tensor x = ones({2, 1, 3}, {.dtype = float64, .requires_grad = true}),
               none = zeros({1, 0}, {.dtype = float64});
  const auto second = [&](const Tensor& y) {
    const Tensor first = grad(y, x, {.grad_outputs = {ones_like(y)}, .create_graph = true});
    CHECK(grad(sum(first), x, {.allow_unused = true}).shape() == x.shape());
  };
  const RecurrentWeights weights{.weight_ih = zeros({0, 3}, {.dtype = float64}),
                                 .weight_hh = zeros({0, 0}, {.dtype = float64})};
  second(lstm(x, none, none, weights)[0]);
  second(gru(x, none, weights)[0]);
  second(rnn(x, none, weights)[0]);
}

TEST_CASE("a query of no heads is no multiple of the key's") {
  const Tensor none = zeros({0, 2, 3}), key = zeros({2, 2, 3});
  const auto attention = [&](const Tensor& query, const Tensor& mask) {
    return scaled_dot_product_attention(query, key, key, {.attn_mask = mask, .enable_gqa = true});
  };
  CHECK_THROWS_AS(attention(zeros({2, 3}), zeros({2, 2})), Error);
  CHECK_THROWS_AS(attention(none, zeros({2, 2})), Error);
}

TEST_CASE("fold counts its windows without overflow") {
  const std::int64_t huge = std::int64_t{1} << 31;
  CHECK_ERROR(fold(zeros({1, 1, 1}), huge, 1, {.padding = huge}),
              "fold: 6442450944 times 6442450944 is too large a size");
}

TEST_CASE("a convolution of no channels is its bias, however wide its kernel") {
  const std::int64_t wide = 1 << 20;
  const Tensor x = zeros({2, 0, wide}, {.requires_grad = true}),
               weight = zeros({2, 0, wide}, {.requires_grad = true});
  const Tensor y = conv1d(x, weight, tensor({3.0F, 4.0F}), {.padding = Padding::same});
  REQUIRE(y.shape() == Shape{2, 2, wide});
  CHECK(y.at(0, 1, wide - 1).item() == 4);
  sum(y).backward();
  CHECK(weight.grad().shape() == weight.shape());

  const Tensor z = conv_transpose1d(x, zeros({0, 2, wide}), tensor({3.0F, 4.0F}));
  REQUIRE(z.shape() == Shape{2, 2, 2 * wide - 1});
  CHECK(z.at(1, 0, wide).item() == 3);
}

TEST_CASE("batch_norm of samples without pixels takes no time, however many they are") {
  const Tensor x = zeros({std::int64_t{1} << 40, 2, 0}, {.requires_grad = true});
  const Tensor weight = ones({2}, {.requires_grad = true});
  const Tensor y = batch_norm(x, {}, {}, weight, {}, true);
  sum(y).backward();
  CHECK(x.grad().shape() == x.shape());
  CHECK(weight.grad().to_vector<double>() == std::vector<double>{0, 0});
}

TEST_CASE("lines of nothing take no time, however many they are") {
  const std::int64_t huge = std::int64_t{1} << 40;
  const Tensor x = zeros({huge, 0}, {.requires_grad = true});
  for (const Tensor& y : {softmax(x, 1), log_softmax(x, -1), diff(x, 3, 0), diff(x, 3, 1), diff(x, huge - 1, 0)}) {
    sum(y).backward();
    CHECK(y.numel() == 0);
  }
  CHECK(diff(x, 3, 0).shape() == Shape{huge - 3, 0});
  CHECK(diff(x, huge, 0).shape() == Shape{0, 0});
  CHECK(diff(tensor({1, 4, 9}), 5).shape() == Shape{0});
  const Tensor q = zeros({huge, 2, 0, 3}, {.requires_grad = true});
  const Tensor y = scaled_dot_product_attention(q, q, q);
  sum(y).backward();
  CHECK(y.shape() == q.shape());
  CHECK(solve_triangular(expand(eye(2), {huge, 2, 2}), zeros({huge, 2, 0}), true).numel() == 0);
  CHECK(histc(zeros({huge, 2, 0}), 2).to_vector<double>() == std::vector<double>{0, 0});
  CHECK(repeat_interleave(x, tensor({2}), 0).shape() == Shape{2 * huge, 0});
}

#if !defined(EBB_SANITIZED)  // sanitizers end a program whose `new` fails
TEST_CASE("elements that no memory can hold are an Error") {
  CHECK_ERROR((expand(zeros({1}), {std::int64_t{1} << 58}).to_vector<double>()),
              "to_vector: the system has no memory left for the elements of float32 [288230376151711744]");
}
#endif

TEST_CASE("a stride beyond the image is as good as one of its size") {
  const std::int64_t beyond = std::int64_t{1} << 31;
  const Tensor x = randn({2, 3, 5, 4}, {.dtype = float64, .requires_grad = true});
  const Tensor weight = randn({2, 3, 2, 3}, {.dtype = float64, .requires_grad = true});
  const auto derivatives = [&](const Size2& stride) {
    const Tensor y = conv2d(x, weight, {}, {.stride = stride, .padding = 1});
    auto all = grad(sum(square(y)), std::vector<Tensor>{x, weight});
    all.push_back(y);
    return all;
  };
  const auto far = derivatives({beyond, beyond}), near = derivatives({7, 6});
  for (std::size_t i = 0; i < far.size(); ++i) CHECK(far[i].to_vector<double>() == near[i].to_vector<double>());
  const Tensor one = randn({1, 3, 1, 1}, {.dtype = float64});
  CHECK(conv_transpose2d(one, transpose(weight, 0, 1).clone(), {}, {.stride = beyond}).to_vector<double>() ==
        conv_transpose2d(one, transpose(weight, 0, 1).clone(), {}, {.stride = 9}).to_vector<double>());
  CHECK(conv2d(x, randn({1, 3, 1, 1}, {.dtype = float64}), {}, {.stride = beyond}).numel() == 2);
  CHECK_THROWS_AS(conv2d(zeros({2, 3, 5, 4}), zeros({2, 3, 2, 3}), {}, {.stride = beyond, .padding = beyond}),
                  Error);
}
