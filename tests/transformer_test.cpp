// Fifty steps of a transformer on characters beside PyTorch's: scripts/record_sequence_models.py.
#include <doctest/doctest.h>

#include <array>

#include "autograd/create.h"
#include "autograd/ops.h"
#include "data/text.h"
#include "nn/nn.h"
#include "optim/optim.h"
#include "tests/deterministic_weights.h"
#include "tests/source_folder.h"

using namespace ebb;

namespace {

constexpr std::array kTorchLosses{
    4.31763563080929,   3.608898866393418,  3.536853139489188,  3.2666407748642703, 3.227240804258035,
    3.150766607339507,  3.0574469321672,    3.1045310189970188, 3.204536092717388,  3.1283343802071433,
    3.0754559815640206, 3.072764018006541,  3.080448354752315,  3.392582869270986,  3.0556831741155515,
    3.142728278434824,  3.0122207080839947, 2.9754723924727045, 2.8158979961519313, 2.785449116349374,
    2.9643736266878795, 2.9686838662222335, 2.7806502203861476, 2.663838701874415,  2.738297222561632,
    2.7569414141615867, 2.7928206258973103, 2.9398103309839887, 2.870727846306783,  3.052339516592765,
    2.7862544253605552, 2.8143235901863792, 2.8351168601633496, 2.921763215196296,  2.7754321495957637,
    2.9191118246675694, 2.8572139153987433, 2.549260767086261,  2.5260546666082697, 2.502623744282499,
    2.620549669583956,  2.6365198887499375, 2.6045445804512117, 2.5880824067871573, 2.545839449504254,
    2.625575489558793,  2.5236182480246674, 2.45973380270088,   2.604389146360508,  2.5181334954974774};

// That of examples/16_transformer.cpp, without dropout.
struct Transformer {
  nn::Embedding what, where{64, 128};
  nn::TransformerEncoder blocks{clones(nn::TransformerEncoderLayer{.d_model = 128,
                                                                   .nhead = 4,
                                                                   .dim_feedforward = 512,
                                                                   .dropout = 0,
                                                                   .activation = nn::Activation::gelu,
                                                                   .batch_first = true,
                                                                   .norm_first = true},
                                       2),
                                nn::LayerNorm{{128}}};
  nn::Linear next{128, what.count};

  Tensor operator()(const Tensor& x) const { return next(blocks(what(x) + where.weight, {.is_causal = true})); }
};

}  // namespace

TEST_CASE("fifty steps of Adam take a transformer where they take PyTorch's") {
  const auto text = data::read_text((test::source_folder() / "data/text/us-constitution-excerpt.txt").string());
  const data::Vocabulary vocabulary(text);
  const data::Windows windows(vocabulary.encode(text), 64, 37);
  for (const Dtype dtype : {float64, float32}) {
    Transformer net{.what = {vocabulary.size(), 128}};
    to(net, dtype);
    test::set_deterministic_weights(net);
    optim::Adam adam(parameters(net), {.lr = 1e-3});
    for (std::size_t step = 0; step < kTorchLosses.size(); ++step) {
      const auto i = static_cast<std::int64_t>(4 * step);
      const auto [x, y] = windows.batch(std::array{i, i + 1, i + 2, i + 3});
      const Tensor loss = cross_entropy(flatten(net(x), 0, 1), flatten(y));
      CAPTURE(step);
      CHECK(std::abs(loss.item() - kTorchLosses[step]) < (dtype == float64 ? 1e-9 : 1e-4));
      adam.zero_grad();
      loss.backward();
      adam.step();
    }
  }
}
