// A small transformer (Vaswani et al.: Attention Is All You Need; 2017) reads the Constitution of the United States character
// by character, and writes on.
#include "character_model.h"

using namespace ebb;

constexpr std::int64_t context = 64;

// Each character sees itself and those before it (Radford et al. 2018); norms stand first.
nn::TransformerEncoder blocks_of(std::int64_t size) {
  return {clones(nn::TransformerEncoderLayer{.d_model = size,
                                             .nhead = 4,
                                             .dim_feedforward = 4 * size,
                                             .dropout = 0.2,
                                             .activation = nn::Activation::gelu,
                                             .batch_first = true,
                                             .norm_first = true},
                 2),
          nn::LayerNorm{{size}}};
}

struct Transformer {
  std::int64_t characters, size = 128;
  nn::Embedding what{characters, size}, where{context, size};
  nn::TransformerEncoder blocks = blocks_of(size);
  nn::Linear next{size, characters};

  Tensor operator()(const Tensor& x) const {
    return next(blocks(what(x) + narrow(where.weight, 0, 0, x.size(1)), {.is_causal = true}));
  }
};

int main(int argc, char** argv) {
  const auto learn = [](const support::Options& options) {
    support::stop_on_interrupt();
    const support::TextSettings settings{.folder = options.data, .window = context, .batch = 32, .lr = 2e-3};
    return support::learn_text(options, "A transformer writes law", settings,
                               [](std::int64_t characters) { return Transformer{characters}; });
  };
  return support::run(argc, argv, "Trains a transformer on the characters of a text",
                      {.epochs = 2, .data = "/usr/share/state", .out = "runs/transformer"}, learn);
}
