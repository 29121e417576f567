// What is a view and what a copy, large and strange layouts, and what the functions of shapes refuse.
#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "autograd/autograd.h"
#include "tests/expect_error.h"
#include "tests/placement.h"

using namespace ebb;

namespace {

bool shares(const Tensor& a, const Tensor& b) { return a.impl().buffer.get() == b.impl().buffer.get(); }

Tensor numbers(const Shape& shape, Dtype dtype = float32) {
  return reshape(arange(static_cast<double>(shape.numel()), {.dtype = dtype}), shape);
}

bool equal(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.to_vector<double>() == b.to_vector<double>();
}

constexpr std::int64_t kHuge = std::int64_t{1} << 62, kLeast = std::numeric_limits<std::int64_t>::min();

}  // namespace

TEST_CASE("views share memory, copies do not") {
  const Tensor x = numbers({2, 3, 4}), row = numbers({3});
  for (const Tensor& y : {movedim(x, 0, 2), broadcast_to(x, {5, 2, 3, 4}), unbind(x)[1], unflatten(x, 2, {2, 2}),
                          diagonal(x), x.at(0, newaxis), diag(x[0])})
    CHECK(shares(x, y));
  for (const Tensor& y :
       {repeat(x, {1, 1, 1}), tile(x, {1}), repeat_interleave(x, 1, 0), flip(x, {}), roll(x, {0}, {1}),
        rot90(x, 4), pad(x, {0, 0}, PadMode::circular), pad(x, {0, 0}), tril(x, 4), x.at(tensor({0, 1}))})
    CHECK((!shares(x, y) && equal(x, y)));
  CHECK(!shares(row, repeat_interleave(row, 1)));
  CHECK(diag(row).is_contiguous());
}

TEST_CASE("flip of large tensors in any layout") {
  for (const Shape& shape : {Shape{300, 500}, Shape{70'000}, Shape{64, 3, 111}})
    for (const Dtype dtype : {float32, float64, uint8})
      for (const auto placement :
           {test::Placement::contiguous, test::Placement::transposed, test::Placement::strided}) {
        const Tensor plain = (numbers(shape, int64)).to(dtype), x = test::placed(plain, placement);
        for (int dim = 0; dim < shape.rank(); ++dim) {
          const Tensor backwards = tensor([&] {
            std::vector<std::int64_t> places;
            for (std::int64_t i = shape[dim]; i-- > 0;) places.push_back(i);
            return places;
          }());
          CHECK(equal(flip(x, {dim}), index_select(plain, dim, backwards)));
        }
        if (shape.rank() > 1) CHECK(equal(flip(x, {0, 1}), flip(flip(x, {1}), {0})));
      }
}

TEST_CASE("tril and triu leave no trace of what they drop") {
  const Tensor x = full({3, 3}, std::numeric_limits<double>::quiet_NaN());
  CHECK(tril(x, -3).to_vector<double>() == std::vector<double>(9, 0));
  const Tensor large = ones({3, 200, 301});
  CHECK(sum(tril(large)).item() == 3 * 200 * 201 / 2);
  CHECK(sum(triu(large, 1)).item() == 3 * (200 * 301 - 200 * 201 / 2));
  for (const std::int64_t far : {kLeast, -kHuge, kHuge}) CHECK(equal(tril(large, far) + triu(large, far), large));
}

TEST_CASE("shapes refuse") {
  const Tensor x = zeros({2, 3}), s = zeros({}), index = zeros({2}, {.dtype = int64});
  CHECK_ERROR(movedim(x, {0, 1}, {0}), "movedim: [0, 1] names 2 dimensions, [0] names 1");
  CHECK_ERROR(movedim(x, {0, -2}, {0, 1}), "movedim: dimension 0 appears twice in [0, -2]");
  CHECK_ERROR(broadcast_to(x, {3}), "broadcast_to: [2, 3] does not broadcast to [3]");
  CHECK_ERROR(unbind(s), "unbind: the tensor is 0-d");
  CHECK_ERROR(unflatten(x, 1, {2, -1}), "unflatten: [2, -1] does not fill dimension 1 of [2, 3]");
  CHECK_ERROR(unflatten(s, 0, {1}),
              "unflatten: the tensor is [], the sizes [1]; there must be a dimension and sizes for it");
  CHECK_ERROR(repeat(x, {2}), "repeat: [2] has fewer dimensions than the tensor, [2, 3]");
  CHECK_ERROR(repeat(x, {2, -1}), "repeat: [2, -1] has a negative number");
  CHECK_ERROR(repeat(x, {kHuge, 1}), "repeat: 2 times 4611686018427387904 is too large a size");
  CHECK_ERROR(repeat_interleave(x, -1), "repeat_interleave: -1 repeats; give 0 or more");
  CHECK_ERROR(repeat_interleave(x, kHuge), "repeat_interleave: 6 times 4611686018427387904 is too large a size");
  CHECK_ERROR(repeat_interleave(x, index, 1),
              "repeat_interleave: the repeats are [2]; they must be [3], or one number");
  CHECK_ERROR(repeat_interleave(x, index + (-1), 0), "repeat_interleave: -1 repeats of element 0; give 0 or more");
  CHECK_ERROR(repeat_interleave(x, x, 0),
              "repeat_interleave: the index is float32 [2, 3]; it must be int64, convert it by to(int64)");
  CHECK_ERROR(repeat_interleave(s, index, 0), "repeat_interleave: the tensor is 0-d; leave out the dimension");
  CHECK_ERROR(flip(x, {1, -1}), "flip: dimension 1 appears twice in [1, -1]");
  CHECK_ERROR(flip(x, {2}), "flip: dimension 2 of a tensor of 2 dimensions");
  CHECK_ERROR(roll(x, {1, 2}, {0}), "roll: 2 shifts and 1 dimensions; give one of each");
  CHECK_ERROR(rot90(x, 1, {0}), "rot90: [0] names 1 dimensions; give two");
  CHECK_ERROR(rot90(x, 1, {0, -2}), "rot90: dimension 0 appears twice in [0, -2]");
  CHECK_ERROR(pad(x, {1}), "pad: 1 numbers for float32 [2, 3]; give two for each dimension, from the last one on");
  CHECK_ERROR(pad(x, {1, 1, 1, 1, 1, 1}),
              "pad: 6 numbers for float32 [2, 3]; give two for each dimension, from the last one on");
  CHECK_ERROR(pad(x, {-2, -2}), "pad: -2 and -2 leave size -1 of dimension 1 of [2, 3]");
  CHECK_ERROR(pad(x, {kHuge, kHuge}),
              "pad: size 3 with 4611686018427387904 and 4611686018427387904 around it is too large");
  CHECK_ERROR(pad(x, {-1, 0}, PadMode::circular), "pad: -1 and 0 at dimension 1; only constant padding may cut");
  CHECK_ERROR(pad(x, {0, 3}, PadMode::reflect),
              "pad: 0 and 3 at dimension 1 of [2, 3]; reflect padding can be 2 at most");
  CHECK_ERROR(pad(x, {4, 0}, PadMode::circular),
              "pad: 4 and 0 at dimension 1 of [2, 3]; circular padding can be 3 at most");
  CHECK_ERROR(pad(zeros({2, 0}), {1, 0}, PadMode::replicate),
              "pad: dimension 1 of [2, 0] has no element to replicate");
  CHECK(equal(pad(numbers({3}), {-5, 4}, PadMode::constant, 7), full({2}, 7)));
}

TEST_CASE("matrices and lists refuse") {
  const Tensor x = zeros({2, 3}), s = zeros({}), cube = zeros({1, 2, 3});
  CHECK_ERROR(tril(zeros({3})), "tril: the tensor is float32 [3]; it must have two dimensions or more");
  CHECK_ERROR(triu(s), "triu: the tensor is float32 []; it must have two dimensions or more");
  CHECK_ERROR(diagonal(zeros({3})), "diagonal: the tensor is float32 [3]; it must have two dimensions or more");
  CHECK_ERROR(diagonal(x, 0, 1, -1), "diagonal: dimensions 1 and -1 are the same");
  CHECK(diagonal(x, kLeast).shape() == Shape{0});
  CHECK(diagonal(x, kHuge).shape() == Shape{0});
  CHECK_ERROR(diag_embed(s), "diag_embed: the tensor is 0-d");
  CHECK_ERROR(diag_embed(x, 0, 1, 1), "diag_embed: dimensions 1 and 1 are the same");
  CHECK_ERROR(diag(cube), "diag: the tensor is float32 [1, 2, 3]; it must be a vector or a matrix");
  CHECK_ERROR(meshgrid({}), "meshgrid: no tensors given");
  CHECK_ERROR(meshgrid({x}), "meshgrid: a tensor is float32 [2, 3]; each must be 1-d or 0-d");
  CHECK_ERROR(vstack({}), "vstack: no tensors given");
  CHECK_ERROR(hstack({}), "hstack: no tensors given");
  CHECK_ERROR(cartesian_prod({}), "cartesian_prod: no tensors given");
  CHECK_ERROR(cartesian_prod({s, s}), "cartesian_prod: a tensor is float32 []; each must be 1-d");
  CHECK_ERROR(block_diag({}), "block_diag: no tensors given");
  CHECK_ERROR(block_diag({cube}),
              "block_diag: a tensor is float32 [1, 2, 3]; each must have two dimensions at most");
}

TEST_CASE("windows and pixels refuse") {
  const Tensor image = zeros({1, 4, 3, 5});
  CHECK_ERROR(unfold(zeros({2, 3}), 2), "unfold: the tensor is [2, 3]; it must be [n, c, h, w] or [c, h, w]");
  CHECK_ERROR(unfold(image, {4, 1}), "unfold: the window reaches over 4, the axis with its padding has 3");
  CHECK_ERROR(unfold(image, 2, {.stride = 0}),
              "unfold: kernel 2, stride 0, padding 0, dilation 1; padding must be 0 or more, the others 1 or "
              "more, all below 2^31");
  CHECK_ERROR(
      unfold(image, kHuge),
      "unfold: kernel 4611686018427387904, stride 1, padding 0, dilation 1; padding must be 0 or more, the "
      "others 1 or more, all below 2^31");
  CHECK_ERROR(fold(zeros({3}), 2, 2), "fold: the tensor is [3]; it must be [n, c kh kw, windows]");
  CHECK_ERROR(fold(zeros({6, 4}), 3, 2), "fold: the tensor is [1, 6, 4]; it must be [n, c * 4, 4]");
  CHECK_ERROR(fold(zeros({8, 3}), 3, 2), "fold: the tensor is [1, 8, 3]; it must be [n, c * 4, 4]");
  CHECK_ERROR(pixel_shuffle(zeros({2, 3}), 1),
              "pixel_shuffle: the tensor is [2, 3]; it must be [.., c r r, h, w]");
  CHECK_ERROR(pixel_shuffle(image, 3),
              "pixel_shuffle: 4 channels of [1, 4, 3, 5] are no multiple of the square of the factor 3");
  CHECK_ERROR(pixel_unshuffle(zeros({2, 3}), 1),
              "pixel_unshuffle: the tensor is [2, 3]; it must be [.., c, h r, w r]");
  CHECK_ERROR(pixel_unshuffle(image, 3),
              "pixel_unshuffle: 3 and 5 of [1, 4, 3, 5] are no multiples of the factor 3");
}
