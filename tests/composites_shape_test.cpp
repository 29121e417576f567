// Certifies what rearranges, repeats and pads.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/composites.h"

using namespace ebb;
using namespace ebb::test;
using ops::draw;

namespace {

std::vector<Case> views() {
  Generator random{21};
  const auto cube = [&] { return draw(random, {2, 3, 4}); };
  const auto row = [&](std::int64_t n) { return draw(random, {n}); };
  return {
      {"movedim", F(movedim(x[0], 0, -1)), {cube()}, "x[0].movedim(0, -1)"},
      {"movedim of two", F(movedim(x[0], {0, -1}, {-2, 0})), {cube()}, "x[0].movedim((0, -1), (-2, 0))"},
      {"broadcast_to",
       F(broadcast_to(x[0], {2, 3, 4})),
       {draw(random, {3, 1})},
       "torch.broadcast_to(x[0], (2, 3, 4))"},
      {"unbind", F(unbind(x[0], -2)), {cube()}, "x[0].unbind(-2)"},
      {"unflatten", F(unflatten(x[0], -1, {2, -1})), {cube()}, "x[0].unflatten(-1, (2, -1))"},
      {"unflatten of nothing",
       F(unflatten(x[0], 0, {2, -1})),
       {draw(random, {0, 3})},
       "x[0].unflatten(0, (2, 0))"},
      {"diagonal", F(diagonal(x[0], -1, -1, 0)), {cube()}, "x[0].diagonal(-1, -1, 0)"},
      {"diag of a matrix", F(diag(x[0], 1)), {draw(random, {3, 4})}, "torch.diag(x[0], 1)"},
      {"diag of a vector", F(diag(x[0], -2)), {row(3)}, "torch.diag(x[0], -2)"},
      {"diag_embed", F(diag_embed(x[0], 1, 0, 2)), {draw(random, {2, 3})}, "torch.diag_embed(x[0], 1, 0, 2)"},
      {"diag_embed, usual", F(diag_embed(x[0])), {draw(random, {2, 3})}, "torch.diag_embed(x[0])"},
      {"meshgrid",
       F(meshgrid({x[0], x[1], x[2]})),
       {row(2), draw(random, {}), row(3)},
       "torch.meshgrid(*x, indexing='ij')"},
      {"meshgrid xy",
       F(meshgrid({x[0], x[1], x[2]}, Indexing::xy)),
       {row(2), row(4), row(3)},
       "torch.meshgrid(*x, indexing='xy')"},
      {"meshgrid xy of one", F(meshgrid({x[0]}, Indexing::xy)), {row(2)}, "torch.meshgrid(*x, indexing='xy')"},
  };
}

std::vector<Case> copies() {
  Generator random{22};
  const auto cube = [&] { return draw(random, {2, 3, 4}); };
  const auto row = [&](std::int64_t n) { return draw(random, {n}); };
  return {
      {"repeat", F(repeat(x[0], {2, 1, 3, 2})), {draw(random, {3, 1, 2})}, "x[0].repeat(2, 1, 3, 2)"},
      {"repeat of a number", F(repeat(x[0], {2, 3})), {draw(random, {})}, "x[0].repeat(2, 3)"},
      {"repeat by 0", F(repeat(x[0], {0, 2})), {row(3)}, "x[0].repeat(0, 2)"},
      {"repeat once", F(repeat(x[0], {1})), {row(3)}, "x[0].repeat(1)"},
      {"repeat of eight dimensions",
       F(repeat(x[0], {2, 1, 2, 1, 1, 1, 1, 3})),
       {draw(random, {1, 2, 1, 1, 2, 1, 1, 2})},
       "x[0].repeat(2, 1, 2, 1, 1, 1, 1, 3)"},
      {"repeat of five dimensions",
       F(repeat(x[0], {2, 2, 2, 1, 2})),
       {draw(random, {1, 2, 1, 3, 2})},
       "x[0].repeat(2, 2, 2, 1, 2)"},
      {"tile", F(tile(x[0], {2})), {draw(random, {2, 3})}, "x[0].tile(2)"},
      {"tile of more", F(tile(x[0], {2, 1, 2})), {row(3)}, "x[0].tile(2, 1, 2)"},
      {"repeat_interleave", F(repeat_interleave(x[0], 2, 1)), {cube()}, "x[0].repeat_interleave(2, 1)"},
      {"repeat_interleave of all",
       F(repeat_interleave(x[0], 3)),
       {draw(random, {2, 2})},
       "x[0].repeat_interleave(3)"},
      {"repeat_interleave by 0",
       F(repeat_interleave(x[0], 0, 0)),
       {draw(random, {2, 2})},
       "x[0].repeat_interleave(0, 0)"},
      {"flip", F(flip(x[0], {-1, 0})), {cube()}, "x[0].flip(-1, 0)"},
      {"flip of a transposed one", F(flip(transpose(x[0], 0, 2), {1})), {cube()}, "x[0].transpose(0, 2).flip(1)"},
      {"roll", F(roll(x[0], {1, -6}, {0, 2})), {cube()}, "x[0].roll((1, -6), (0, 2))"},
      {"roll of all", F(roll(x[0], {5})), {cube()}, "x[0].roll(5)"},
      {"roll by nothing", F(roll(x[0], {3}, {1})), {cube()}, "x[0].roll(3, 1)"},
      {"roll twice along one", F(roll(x[0], {1, 1}, {1, 1})), {cube()}, "x[0].roll((1, 1), (1, 1))"},
      {"rot90", F(rot90(x[0])), {draw(random, {2, 3})}, "x[0].rot90()"},
      {"rot90 twice", F(rot90(x[0], 2, {1, 2})), {cube()}, "x[0].rot90(2, (1, 2))"},
      {"rot90 back", F(rot90(x[0], -1, {2, 0})), {cube()}, "x[0].rot90(-1, (2, 0))"},
      {"rot90 all around", F(rot90(x[0], 4)), {draw(random, {2, 3})}, "x[0].rot90(4)"},
      {"vstack", F(vstack({x[0], x[1]})), {row(3), draw(random, {2, 3})}, "torch.vstack(x)"},
      {"hstack", F(hstack({x[0], x[1]})), {draw(random, {2, 1}), draw(random, {2, 3})}, "torch.hstack(x)"},
      {"hstack of vectors", F(hstack({x[0], x[1]})), {draw(random, {}), row(2)}, "torch.hstack(x)"},
      {"cartesian_prod",
       F(cartesian_prod({x[0], x[1], x[0]})),
       {row(2), row(3)},
       "torch.cartesian_prod(x[0], x[1], x[0])"},
      {"block_diag",
       F(block_diag({x[0], x[1], x[2]})),
       {draw(random, {2, 3}), draw(random, {}), row(2)},
       "torch.block_diag(*x)"},
      {"tril", F(tril(x[0], 1)), {cube()}, "x[0].tril(1)"},
      {"tril of nothing left", F(tril(x[0], -100)), {cube()}, "x[0].tril(-100)"},
      {"triu", F(triu(x[0], -1)), {cube()}, "x[0].triu(-1)"},
      {"triu of all", F(triu(x[0], -100)), {cube()}, "x[0].triu(-100)"},
      {"triu of integers", F(triu(x[0])), {tensor({{1, 2, 3}, {4, 5, 6}})}, "x[0].triu()"},
  };
}

std::vector<Case> borders() {
  Generator random{23};
  const auto image = [&] { return draw(random, {2, 3, 4, 5}); };
  const std::string f = "torch.nn.functional.";
  return {
      {"pad", F(pad(x[0], {1, 2, 0, 3})), {image()}, f + "pad(x[0], (1, 2, 0, 3))"},
      {"pad with a value",
       F(pad(x[0], {2, 0}, PadMode::constant, -0.5)),
       {image()},
       f + "pad(x[0], (2, 0), value=-0.5)"},
      {"pad that cuts", F(pad(x[0], {-1, 2, 1, -2})), {image()}, f + "pad(x[0], (-1, 2, 1, -2))"},
      {"pad that only cuts", F(pad(x[0], {-1, -2})), {image()}, f + "pad(x[0], (-1, -2))"},
      {"pad reflect",
       F(pad(x[0], {1, 4, 3, 0}, PadMode::reflect)),
       {image()},
       f + "pad(x[0], (1, 4, 3, 0), 'reflect')"},
      {"pad replicate",
       F(pad(x[0], {1, 7, 0, 2}, PadMode::replicate)),
       {image()},
       f + "pad(x[0], (1, 7, 0, 2), 'replicate')"},
      {"pad circular",
       F(pad(x[0], {5, 1, 0, 2}, PadMode::circular)),
       {image()},
       f + "pad(x[0], (5, 1, 0, 2), 'circular')"},
      {"pad by nothing",
       F(pad(x[0], {0, 0}, PadMode::replicate)),
       {draw(random, {2, 3})},
       f + "pad(x[0], (0, 0), 'replicate')"},
      {"unfold", F(unfold(x[0], {2, 3})), {image()}, f + "unfold(x[0], (2, 3))"},
      {"unfold with options",
       F(unfold(x[0], 2, {.stride = {1, 2}, .padding = {0, 1}, .dilation = {2, 1}})),
       {image()},
       f + "unfold(x[0], 2, dilation=(2, 1), padding=(0, 1), stride=(1, 2))"},
      {"unfold of one image", F(unfold(x[0], 2)), {draw(random, {2, 3, 3})}, f + "unfold(x[0], 2)"},
      {"fold", F(fold(x[0], {4, 5}, {2, 3})), {draw(random, {2, 12, 9})}, f + "fold(x[0], (4, 5), (2, 3))"},
      {"fold with options",
       F(fold(x[0], {4, 5}, 2, {.stride = {1, 2}, .padding = {0, 1}, .dilation = {2, 1}})),
       {draw(random, {1, 8, 6})},
       f + "fold(x[0], (4, 5), 2, dilation=(2, 1), padding=(0, 1), stride=(1, 2))"},
      {"fold of one image", F(fold(x[0], 3, 2)), {draw(random, {8, 4})}, f + "fold(x[0], 3, 2)"},
      {"pixel_shuffle", F(pixel_shuffle(x[0], 2)), {draw(random, {2, 8, 2, 3})}, f + "pixel_shuffle(x[0], 2)"},
      {"pixel_shuffle of one image",
       F(pixel_shuffle(x[0], 3)),
       {draw(random, {9, 1, 2})},
       f + "pixel_shuffle(x[0], 3)"},
      {"pixel_unshuffle",
       F(pixel_unshuffle(x[0], 2)),
       {draw(random, {2, 1, 2, 4, 6})},
       f + "pixel_unshuffle(x[0], 2)"},
  };
}

}  // namespace

TEST_CASE("views") { certify_all(views()); }
TEST_CASE("copies") { certify_all(copies()); }
TEST_CASE("borders and windows") { certify_all(borders()); }

TEST_CASE("write samples" * doctest::skip()) { write_samples(together({views(), copies(), borders()})); }
