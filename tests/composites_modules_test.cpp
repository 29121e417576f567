// Certifies whole layers, in their inputs and their parameters, against PyTorch's modules of the same parameters.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "nn/nn.h"
#include "tests/composites.h"

using namespace ebb;
using namespace ebb::test;
using ops::draw;

namespace {

// A module of its own, of x[0]'s dtype, whose parameters are x[first], x[first + 1], … with their history.
template <class M>
M with_parameters(const M& m, const Tensors& x, std::size_t first) {
  M own = clone(m);
  to(own, x[0].dtype());
  for (const auto& member : nn::detail::members_of(own).tensors)
    if (member.role == nn::detail::Role::parameter) static_cast<Tensor&>(*member.tensor) = x[first++];
  return own;
}

// call(m, x) and PyTorch's m(arguments), m = torch.nn.`torch`: x are the inputs, and behind them m's parameters, which
// are drawn. `then` is what is done with PyTorch's result y.
template <class M, class Call>
Case layer(const std::string& name, const M& m, Tensors inputs, Call call, const std::string& torch,
           const std::string& arguments, Generator& random, const std::string& then = "y") {
  const std::size_t first = inputs.size();
  for (const auto& parameter : parameters(m)) inputs.push_back(draw(random, parameter.shape(), -1, 1));
  return {.name = name,
          .f = [=](const Tensors& x) -> Tensors { return call(with_parameters(m, x, first), x); },
          .inputs = inputs,
          .torch = "(lambda y: " + then + ")((lambda m: torch.func.functional_call(m, dict(zip([n for n, _ in " +
                   "m.named_parameters()], x[" + std::to_string(first) + ":])), (" + arguments + ",)))(torch.nn." +
                   torch + ".double()))"};
}

// A call with the first inputs, which returns one tensor.
const auto kOfOne = [](const auto& m, const Tensors& x) { return Tensors{m(x[0])}; };
const auto kOfTwo = [](const auto& m, const Tensors& x) { return Tensors{m(x[0], x[1])}; };

std::vector<Case> norms() {
  Generator random{41};
  const auto in = [&](const Shape& shape) { return draw(random, shape); };
  std::vector<Case> cases{
      layer("BatchNorm1d of rows", nn::BatchNorm1d{3}, {in({4, 3})}, kOfOne, "BatchNorm1d(3)", "x[0]", random),
      layer("BatchNorm1d of sequences, without statistics", nn::BatchNorm1d{.channels = 3, .track = false},
            {in({2, 3, 4})}, kOfOne, "BatchNorm1d(3, track_running_stats=False)", "x[0]", random),
      layer("BatchNorm3d", nn::BatchNorm3d{2}, {in({2, 2, 1, 2, 3})}, kOfOne, "BatchNorm3d(2)", "x[0]", random),
      layer("InstanceNorm1d", nn::InstanceNorm1d{.channels = 3, .affine = true}, {in({2, 3, 4})}, kOfOne,
            "InstanceNorm1d(3, affine=True)", "x[0]", random),
      layer("InstanceNorm2d of one image", nn::InstanceNorm2d{2}, {in({2, 3, 2})}, kOfOne, "InstanceNorm2d(2)",
            "x[0]", random),
      layer("GroupNorm", nn::GroupNorm{.num_groups = 2, .channels = 4}, {in({2, 4, 3})}, kOfOne, "GroupNorm(2, 4)",
            "x[0]", random),
      layer("RMSNorm", nn::RMSNorm{{4}}, {in({3, 4})}, kOfOne, "RMSNorm(4)", "x[0]", random),
      layer("LocalResponseNorm", nn::LocalResponseNorm{.size = 2, .alpha = 0.5}, {in({1, 3, 2})}, kOfOne,
            "LocalResponseNorm(2, alpha=0.5)", "x[0]", random),
  };
  const auto running = [&](const std::string& name, const auto& norm, const std::string& torch) {
    cases.push_back({name,
                     [norm](const Tensors& x) {
                       auto m = clone(norm);
                       to(m, x[0].dtype());
                       const Tensor a = m(x[0]), b = m(x[1]);
                       eval(m);
                       return Tensors{a, b, m(x[0]), m.running_mean, m.running_var, m.num_batches_tracked};
                     },
                     {in({2, 3, 4}), in({3, 3, 4})},
                     "(lambda m: (m(x[0]), m(x[1]), m.eval()(x[0]), m.running_mean, m.running_var, "
                     "m.num_batches_tracked))(torch.nn." +
                         torch + ".double())",
                     3,
                     2});
  };
  running("BatchNorm1d, running statistics", nn::BatchNorm1d{3}, "BatchNorm1d(3)");
  running("BatchNorm1d, mean of all batches", nn::BatchNorm1d{.channels = 3, .momentum = {}},
          "BatchNorm1d(3, momentum=None)");
  running("InstanceNorm1d, running statistics", nn::InstanceNorm1d{.channels = 3, .track = true},
          "InstanceNorm1d(3, track_running_stats=True)");
  return cases;
}

std::vector<Case> tables_and_pairs() {
  Generator random{42};
  const auto in = [&](const Shape& shape) { return draw(random, shape); };
  return {
      layer("Bilinear", nn::Bilinear{2, 3, 4}, {in({2, 2}), in({2, 3})}, kOfTwo, "Bilinear(2, 3, 4)", "x[0], x[1]",
            random),
      layer("CosineSimilarity", nn::CosineSimilarity{.dim = 0}, {in({2, 3}), in({2, 3})}, kOfTwo,
            "CosineSimilarity(0)", "x[0], x[1]", random),
      layer("PairwiseDistance", nn::PairwiseDistance{.p = 1, .keepdim = true}, {in({2, 3}), in({2, 3})}, kOfTwo,
            "PairwiseDistance(1.0, keepdim=True)", "x[0], x[1]", random),
      {"EmbeddingBag",
       [](const Tensors& x) {
         const nn::EmbeddingBag bag{.count = 5, .size = 3, .mode = BagMode::sum, .padding = 2};
         return Tensors{with_parameters(bag, x, 0)(tensor({1, 2, 4, 0, 1}), tensor({0, 2}), x[1])};
       },
       {in({5, 3}), in({5})},
       "torch.func.functional_call(torch.nn.EmbeddingBag(5, 3, mode='sum', padding_idx=2).double(), {'weight': "
       "x[0]}, "
       "(torch.tensor([1, 2, 4, 0, 1]), torch.tensor([0, 2]), x[1]))"},
  };
}

const Tensor kLengths = tensor({2, 4, 1});

std::vector<Case> sequences() {
  Generator random{43};
  const auto in = [&](const Shape& shape) { return draw(random, shape, -1, 1); };
  const std::string packed =
                        "torch.nn.utils.rnn.pack_padded_sequence(x[0], torch.tensor([2, 4, 1]), "
                        "enforce_sorted=False",
                    padded = "torch.nn.utils.rnn.pad_packed_sequence(y[0], total_length=5";
  const auto of_lstm = [](const auto& m, const Tensors& x) {
    const auto [y, state] = m(x[0], {x[1], x[2]}, kLengths);
    return Tensors{y, state.h, state.c};
  };
  const auto from_zero = [](const auto& m, const Tensors& x) {
    const auto [y, h] = m(x[0], {}, kLengths);
    return Tensors{y, h};
  };
  return {
      layer("LSTM of lengths, two layers from both ends",
            nn::LSTM{.in = 2, .hidden = 2, .num_layers = 2, .bidirectional = true},
            {in({5, 3, 2}), in({4, 3, 2}), in({4, 3, 2})}, of_lstm, "LSTM(2, 2, 2, bidirectional=True)",
            packed + "), (x[1], x[2])", random, "(" + padded + ")[0], y[1][0], y[1][1])"),
      layer("LSTM of lengths, projected", nn::LSTM{.in = 2, .hidden = 3, .bidirectional = true, .proj_size = 2},
            {in({5, 3, 2}), in({2, 3, 2}), in({2, 3, 3})}, of_lstm, "LSTM(2, 3, bidirectional=True, proj_size=2)",
            packed + "), (x[1], x[2])", random, "(" + padded + ")[0], y[1][0], y[1][1])"),
      layer("GRU of lengths, batch first",
            nn::GRU{.in = 2, .hidden = 3, .batch_first = true, .bidirectional = true}, {in({3, 5, 2})}, from_zero,
            "GRU(2, 3, batch_first=True, bidirectional=True)", packed + ", batch_first=True)", random,
            "(" + padded + ", batch_first=True)[0], y[1])"),
      layer("RNN of lengths", nn::RNN{.in = 2, .hidden = 3}, {in({5, 3, 2})}, from_zero, "RNN(2, 3)", packed + ")",
            random, "(" + padded + ")[0], y[1])"),
  };
}

std::vector<Case> projected() {
  Generator random{44};
  const auto in = [&](const Shape& shape) { return draw(random, shape, -1, 1); };
  return {layer(
      "LSTM, projected, two layers",
      nn::LSTM{.in = 2, .hidden = 3, .num_layers = 2, .batch_first = true, .proj_size = 2}, {in({2, 3, 2})},
      [](const auto& m, const Tensors& x) {
        const auto [y, state] = m(x[0]);
        return Tensors{y, state.h, state.c};
      },
      "LSTM(2, 3, 2, batch_first=True, proj_size=2)", "x[0]", random, "(y[0], *y[1])")};
}

std::vector<Case> attentions() {
  Generator random{45};
  const auto in = [&](const Shape& shape) { return draw(random, shape); };
  const Tensor padding = tensor({{false, false, true}, {false, true, false}});
  const std::string torch_padding = "torch.tensor([[False, False, True], [False, True, False]])";
  const std::string torch_causal = "torch.ones(2, 3).triu(1).bool()";
  const auto of = [](const nn::AttentionMasks& masks) {
    return [masks](const auto& m, const Tensors& x) { return Tensors{m(x[0], x[1], x[2], masks)}; };
  };
  const auto and_weights = [](const nn::AttentionMasks& masks, bool average) {
    return [masks, average](const auto& m, const Tensors& x) {
      const auto [y, weights] = m.with_weights(x[0], x[1], x[2], masks, average);
      return Tensors{y, weights};
    };
  };
  const nn::MultiheadAttention plain{.embed_dim = 4, .num_heads = 2},
      sizes{.embed_dim = 4, .num_heads = 2, .batch_first = true, .kdim = 3, .vdim = 2},
      more{.embed_dim = 4, .num_heads = 2, .add_bias_kv = true, .add_zero_attn = true};
  const auto each = [&] { return Tensors{in({2, 2, 4}), in({3, 2, 4}), in({3, 2, 4})}; };
  const std::string f = "MultiheadAttention(4, 2", more_f = f + ", add_bias_kv=True, add_zero_attn=True)",
                    x3 = "x[0], x[1], x[2]";
  return {
      layer("MultiheadAttention, kdim and vdim", sizes, {in({2, 2, 4}), in({2, 3, 3}), in({2, 3, 2})}, of({}),
            f + ", kdim=3, vdim=2, batch_first=True)", x3, random, "y[0]"),
      layer("MultiheadAttention, one key more", more, each(), of({}), more_f, x3, random, "y[0]"),
      layer("MultiheadAttention, one key more, padded", more, each(), of({.key_padding_mask = padding}), more_f,
            x3 + ", " + torch_padding, random, "y[0]"),
      layer("MultiheadAttention, one key more, causal", more, each(), of({.is_causal = true}), more_f,
            x3 + ", None, True, " + torch_causal, random, "y[0]"),
      layer("MultiheadAttention, weights", plain, each(), and_weights({}, true), f + ")", x3, random),
      layer("MultiheadAttention, weights of heads, padded", plain, each(),
            and_weights({.key_padding_mask = padding}, false), f + ")",
            x3 + ", " + torch_padding + ", True, None, False", random),
      layer("MultiheadAttention, weights, causal", plain, each(), and_weights({.is_causal = true}, true), f + ")",
            x3 + ", None, True, " + torch_causal, random),
      layer("MultiheadAttention, weights without batch", sizes, {in({2, 4}), in({3, 3}), in({3, 2})},
            and_weights({}, true), f + ", kdim=3, vdim=2, batch_first=True)", x3, random),
  };
}

std::vector<Case> transformers() {
  Generator random{46};
  const auto in = [&](const Shape& shape) { return draw(random, shape); };
  const nn::TransformerDecoderLayer decoder{
      .d_model = 4, .nhead = 2, .dim_feedforward = 3, .dropout = 0, .activation = nn::Activation::gelu};
  auto first = clone(decoder);
  first.norm_first = true;
  const nn::TransformerEncoderLayer encoder{.d_model = 3,
                                            .nhead = 1,
                                            .dim_feedforward = 3,
                                            .dropout = 0,
                                            .activation = nn::Activation::gelu,
                                            .batch_first = true};
  const std::string decoder_f = "TransformerDecoderLayer(4, 2, 3, 0.0, 'gelu'";
  const auto masked = [](const auto& m, const Tensors& x) {
    return Tensors{m(
        x[0], x[1],
        {.memory_key_padding_mask = tensor({{false, true, false}, {false, false, true}}), .tgt_is_causal = true})};
  };
  return {
      layer("TransformerDecoderLayer", decoder, {in({2, 2, 4}), in({3, 2, 4})}, kOfTwo, decoder_f + ")",
            "x[0], x[1]", random),
      layer("TransformerDecoderLayer, norm first, masked", first, {in({2, 2, 4}), in({3, 2, 4})}, masked,
            decoder_f + ", norm_first=True)",
            "x[0], x[1], torch.ones(2, 2).triu(1).bool(), None, None, torch.tensor([[False, True, False], [False, "
            "False, "
            "True]])",
            random),
      layer("TransformerEncoder", nn::TransformerEncoder{clones(encoder, 2), nn::LayerNorm{{3}}}, {in({2, 3, 3})},
            kOfOne,
            "TransformerEncoder(torch.nn.TransformerEncoderLayer(3, 1, 3, 0.0, 'gelu', batch_first=True), 2, "
            "norm=torch.nn.LayerNorm(3), enable_nested_tensor=False)",
            "x[0]", random),
      layer("TransformerDecoder",
            nn::TransformerDecoder{clones(nn::TransformerDecoderLayer{.d_model = 3,
                                                                      .nhead = 1,
                                                                      .dim_feedforward = 2,
                                                                      .dropout = 0,
                                                                      .activation = nn::Activation::gelu},
                                          2)},
            {in({2, 1, 3}), in({3, 1, 3})}, kOfTwo,
            "TransformerDecoder(torch.nn.TransformerDecoderLayer(3, 1, 2, 0.0, 'gelu'), 2)", "x[0], x[1]", random),
      layer("Transformer",
            nn::Transformer{.d_model = 3,
                            .nhead = 1,
                            .num_encoder_layers = 1,
                            .num_decoder_layers = 1,
                            .dim_feedforward = 2,
                            .dropout = 0,
                            .activation = nn::Activation::gelu},
            {in({3, 1, 3}), in({2, 1, 3})}, kOfTwo, "Transformer(3, 1, 1, 1, 2, 0.0, 'gelu')", "x[0], x[1]",
            random),
  };
}

std::vector<Case> parametrized() {
  Generator random{47};
  const auto in = [&](const Shape& shape) { return draw(random, shape); };
  const std::string f = "utils.parametrizations.weight_norm(torch.nn.";
  std::vector<Case> cases{
      layer("WeightNorm of Linear", nn::WeightNorm{nn::Linear{3, 2}}, {in({2, 3})}, kOfOne, f + "Linear(3, 2))",
            "x[0]", random),
      layer("WeightNorm of all", nn::WeightNorm{nn::Linear{3, 2}, std::nullopt}, {in({2, 3})}, kOfOne,
            f + "Linear(3, 2), dim=None)", "x[0]", random),
      layer("WeightNorm of Conv2d along 1",
            nn::WeightNorm{nn::Conv2d{.in = 2, .out = 3, .kernel = 2, .with_bias = false}, 1}, {in({1, 2, 3, 3})},
            kOfOne, f + "Conv2d(2, 3, 2, bias=False), dim=1)", "x[0]", random),
  };
  // The power method's vectors are given; one step is made.
  const Tensor u = tensor({0.6, -0.8}, {.dtype = float64}), v = tensor({0.8, 0., 0.6}, {.dtype = float64});
  cases.push_back(
      {"SpectralNorm",
       [u, v](const Tensors& x) {
         auto m = with_parameters(nn::SpectralNorm{nn::Linear{3, 2}}, x, 1);
         const auto tensors = state(m);
         tensors[2].tensor.copy_(u);
         tensors[3].tensor.copy_(v);
         const Tensor y = m(x[0]);
         return Tensors{y, tensors[2].tensor, tensors[3].tensor};
       },
       {in({2, 3}), in({2}), in({2, 3})},
       "(lambda m: (m.parametrizations.weight[0]._u.copy_(torch.tensor([0.6, -0.8], dtype=torch.float64)), "
       "m.parametrizations.weight[0]._v.copy_(torch.tensor([0.8, 0, 0.6], dtype=torch.float64)), "
       "torch.func.functional_call(m, "
       "{'bias': x[1], 'parametrizations.weight.original': x[2]}, (x[0],)), "
       "m.parametrizations.weight[0]._u, m.parametrizations.weight[0]._v)[2:])"
       "(torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(3, 2).double()))",
       7,
       1,
       false});
  const Tensor base = tensor({{0.6, -0.8, 0.}, {0.8, 0.6, 0.}, {0., 0., 1.}}, {.dtype = float64});
  const auto orthogonal = [&](const std::string& name, nn::OrthogonalMap map, std::int64_t n, std::int64_t k) {
    const nn::Orthogonal layer{nn::Linear{k, n}, map};
    cases.push_back(
        {fmt::format("Orthogonal, {}, {} x {}", name, n, k),
         [=](const Tensors& x) {
           auto m = with_parameters(layer, x, 1);
           state(m)[2].tensor.copy_(base);
           return Tensors{m(x[0])};
         },
         // The diagonal's whole part counts, and only for reflections.
         {in({2, k}), in({n}), draw(random, {n, k}, -0.4, 0.4) - 1.5 * eye(n, k, {.dtype = float64})},
         fmt::format(
             "(lambda m: (m.parametrizations.weight[0].base.copy_(torch.tensor([[0.6, -0.8, 0], [0.8, 0.6, 0], "
             "[0, 0, 1]], dtype=torch.float64)), torch.func.functional_call(m, {{'bias': x[1], "
             "'parametrizations.weight.original': x[2]}}, (x[0],)))[1])"
             "(torch.nn.utils.parametrizations.orthogonal(torch.nn.Linear({}, {}).double(), 'weight', '{}'))",
             k, n, name)});
  };
  for (const auto& [n, k] : {std::pair{3, 3}, std::pair{3, 2}, std::pair{2, 3}}) {
    orthogonal("matrix_exp", nn::OrthogonalMap::matrix_exp, n, k);
    orthogonal("cayley", nn::OrthogonalMap::cayley, n, k);
    orthogonal("householder", nn::OrthogonalMap::householder, n, k);
  }
  return cases;
}

}  // namespace

TEST_CASE("normalising layers") { certify_all(norms()); }
TEST_CASE("tables and pairs") { certify_all(tables_and_pairs()); }
TEST_CASE("sequences of lengths") {
  for (const auto& c : sequences()) certify_without_replay(c);
}
TEST_CASE("projected LSTM") { certify_all(projected()); }
TEST_CASE("attention layers") { certify_all(attentions()); }
TEST_CASE("transformers") { certify_all(transformers()); }
TEST_CASE("computed weights") { certify_all(parametrized()); }

TEST_CASE("write samples" * doctest::skip()) {
  write_samples(together(
      {norms(), tables_and_pairs(), sequences(), projected(), attentions(), transformers(), parametrized()}));
}
