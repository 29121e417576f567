// Dropout of channels, tables, losses and activations as modules, recurrent layers of lengths, attention's options, computed
// weights: what they are made of, what they refuse, and what PyTorch's values can not show.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "autograd/autograd.h"
#include "nn/nn.h"
#include "tests/expect_error.h"

using namespace ebb;

namespace {

using Names = std::vector<std::string>;
using Floats = std::vector<float>;

Names names(const auto& module) {
  Names found;
  for (const auto& [name, tensor] : state(module)) found.push_back(name);
  return found;
}

bool equal(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.to_vector<double>() == b.to_vector<double>();
}

// Of ones: each channel is 0 throughout, or `kept` throughout. How many of them are kept.
double kept_channels(const Tensor& y, std::int64_t channels, double kept) {
  const Tensor rows = reshape(y, {channels, -1});
  CHECK(equal(amin(rows, {1}), amax(rows, {1})));
  double count = 0;
  for (const double v : select(rows, 1, 0).to_vector<double>()) {
    CHECK_MESSAGE((v == 0 || v == doctest::Approx(kept)), v);
    count += v != 0;
  }
  return count;
}

}  // namespace

TEST_CASE("dropout of channels") {
  manual_seed(1);
  const auto check = [](const Tensor& y, std::int64_t channels) {
    CHECK(kept_channels(y, channels, 1 / 0.75) / static_cast<double>(channels) ==
          doctest::Approx(0.75).epsilon(0.04));
  };
  check(dropout1d(ones({40, 100, 3}), 0.25), 4000);
  check(dropout1d(ones({4000, 3}), 0.25), 4000);
  check(dropout2d(ones({40, 100, 2, 3}), 0.25), 4000);
  check(dropout2d(ones({40, 100, 3}), 0.25), 4000);
  check(dropout3d(ones({40, 100, 2, 1, 2}), 0.25), 4000);
  check(dropout3d(ones({4000, 2, 1, 2}), 0.25), 4000);

  const Tensor x = ones({2, 3, 4}).set_requires_grad(), y = dropout1d(x);
  sum(y).backward();
  CHECK(equal(x.grad(), y));
  CHECK(equal(dropout1d(x, 0.5, false), x));
  CHECK(amax(dropout1d(x, 1)).item() == 0);
  CHECK(dropout2d(zeros({0, 3, 2, 2})).shape() == Shape{0, 3, 2, 2});

  CHECK_ERROR(dropout1d(ones({2})),
              "dropout1d: the input is float32 [2]; it must be [n, c, ..] or [c, ..] with 1 "
              "dimensions behind the channels");
  CHECK_ERROR(dropout2d(ones({2, 3})),
              "dropout2d: the input is float32 [2, 3]; it must be [n, c, h, w] or [n, c, l]");
  CHECK_ERROR(dropout3d(ones({2, 3})),
              "dropout3d: the input is float32 [2, 3]; it must be [n, c, ..] or [c, ..] with 3 "
              "dimensions behind the channels");
  CHECK_ERROR(dropout2d(ones({2, 3, 4}), 1.5), "dropout2d: p is 1.5; it must be from 0 to 1");
  CHECK_ERROR(dropout2d(ones({2, 3, 4}, {.dtype = int64})),
              "dropout2d: the input is int64 [2, 3, 4]; it must be float32 or float64, convert it by to(float32)");
}

TEST_CASE("alpha dropout keeps mean and variance") {
  manual_seed(2);
  const Tensor x = randn({100'000}, {.dtype = float64});
  for (const double p : {0.1, 0.5}) {
    const Tensor y = alpha_dropout(x, p, true);
    CHECK(mean(y).item() == doctest::Approx(0).epsilon(1).scale(0.02));
    CHECK(var(y).item() == doctest::Approx(1).epsilon(0.02));
    // What is dropped is one number, and the rest a line.
    const double a = 1 / std::sqrt((1 - p) * (1 + p * 1.7580993408473766 * 1.7580993408473766)),
                 b = a * p * 1.7580993408473766;
    const auto from = x.to_vector<double>(), to = y.to_vector<double>();
    double dropped = 0;
    for (std::size_t i = 0; i < from.size(); ++i) {
      const bool is_dropped = std::abs(to[i] - (b - a * 1.7580993408473766)) < 1e-12;
      if (!is_dropped) REQUIRE(to[i] == doctest::Approx(a * from[i] + b));
      dropped += is_dropped;
    }
    CHECK(dropped / 100'000 == doctest::Approx(p).epsilon(0.03));
  }
  CHECK(equal(alpha_dropout(x), x));
  CHECK(amax(abs(alpha_dropout(x, 1, true))).item() == 0);
  const Tensor lower = feature_alpha_dropout(ones({40, 100, 3}), 0.5, true),
               y = where(lt(lower, 0), zeros({}), lower / amax(lower));
  CHECK(kept_channels(y, 4000, 1) / 4000 == doctest::Approx(0.5).epsilon(0.05));
  CHECK_ERROR(feature_alpha_dropout(x),
              "feature_alpha_dropout: the input is float64 [100000]; it must be [n, c, ..]");
  CHECK_ERROR(alpha_dropout(x, -1), "alpha_dropout: p is -1; it must be from 0 to 1");

  const Tensor leaf = ones({1000}).set_requires_grad(), z = alpha_dropout(leaf, 0.5, true);
  sum(z).backward();
  const double slope = amax(leaf.grad()).item();
  CHECK(equal(leaf.grad(), where(gt(z, 0), full({}, slope), zeros({}))));
}

TEST_CASE("modules of dropout act while training") {
  const auto check = [](auto layer, const Shape& shape) {
    const Tensor x = ones(shape);
    CHECK_FALSE(equal(layer(x), x));
    eval(layer);
    CHECK(equal(layer(x), x));
  };
  check(nn::Dropout1d{}, {50, 2, 3});
  check(nn::Dropout2d{}, {50, 2, 3, 2});
  check(nn::Dropout3d{}, {50, 2, 3, 2, 1});
  check(nn::AlphaDropout{}, {100});
  check(nn::FeatureAlphaDropout{}, {50, 2});
}

TEST_CASE("rrelu") {
  const Tensor x = full({10'000}, -1, {.dtype = float64}).set_requires_grad();
  nn::RReLU layer{.lower = 0.2, .upper = 0.4};
  const Tensor y = layer(x);
  CHECK(amin(y).item() > -0.4);
  CHECK(amax(y).item() <= -0.2);
  CHECK(mean(y).item() == doctest::Approx(-0.3).epsilon(0.01));
  sum(y).backward();
  CHECK(equal(x.grad(), -y));
  CHECK(equal(layer(ones({3})), ones({3})));
  eval(layer);
  CHECK(layer(x).to_vector<double>()[7] == doctest::Approx(-0.3));
  CHECK_ERROR(rrelu(x, 2, 1), "rrelu: lower 2 is not at most upper 1");
}

TEST_CASE("activations as modules") {
  const Tensor x = tensor({{{0.0}, {std::log(3.0)}}});
  CHECK(nn::Softmax2d{}(x).to_vector<float>() == softmax(x, 0).to_vector<float>());
  CHECK(nn::Softmin{}(tensor({0.0, std::log(3.0)})).to_vector<float>()[0] == doctest::Approx(0.75));
  CHECK(nn::Unflatten{1, {2, 3}}(zeros({4, 6})).shape() == Shape{4, 2, 3});
  CHECK(nn::Identity{}(x).handle().get() == x.handle().get());
  CHECK_ERROR(nn::Softmax2d{}(zeros({2, 3})),
              "Softmax2d: the input is float32 [2, 3]; give [n, c, h, w] or [c, h, w]");
}

TEST_CASE("losses as modules are their functions") {
  manual_seed(3);
  const Tensor a = randn({3, 4}), b = randn({3, 4}), c = randn({3, 4}), p = rand({3, 4}), q = rand({3, 4}) + 0.1,
               sign = tensor({{1., -1., 1., -1.}, {1., 1., -1., 1.}, {-1., -1., 1., 1.}}),
               rows = tensor({1., -1., 1.}), classes = tensor({1, 3, 0}), weight = rand({4});
  const auto sum_of = Reduction::sum;
  CHECK(equal(nn::MSELoss{}(a, b), mse_loss(a, b)));
  CHECK(equal(nn::L1Loss{sum_of}(a, b), l1_loss(a, b, sum_of)));
  CHECK(equal(nn::SmoothL1Loss{.beta = 0.3}(a, b), smooth_l1_loss(a, b, Reduction::mean, 0.3)));
  CHECK(equal(nn::HuberLoss{.delta = 0.3}(a, b), huber_loss(a, b, Reduction::mean, 0.3)));
  CHECK(equal(nn::KLDivLoss{.log_target = true}(a, b), kl_div(a, b, {.log_target = true})));
  CHECK(equal(nn::PoissonNLLLoss{.full = true}(a, q), poisson_nll_loss(a, q, {.full = true})));
  CHECK(equal(nn::GaussianNLLLoss{.full = true}(a, b, q), gaussian_nll_loss(a, b, q, {.full = true})));
  CHECK(equal(nn::HingeLoss{}(a, sign), hinge_loss(a, sign)));
  CHECK(equal(nn::HingeEmbeddingLoss{0.3}(a, sign), hinge_embedding_loss(a, sign, 0.3)));
  CHECK(equal(nn::SoftMarginLoss{}(a, sign), soft_margin_loss(a, sign)));
  CHECK(equal(nn::MarginRankingLoss{0.3}(a, b, sign), margin_ranking_loss(a, b, sign, 0.3)));
  CHECK(equal(nn::CosineEmbeddingLoss{0.3}(a, b, rows), cosine_embedding_loss(a, b, rows, 0.3)));
  CHECK(equal(nn::TripletMarginLoss{.margin = 2, .p = 1, .swap = true}(a, b, c),
              triplet_margin_loss(a, b, c, {.margin = 2, .p = 1, .swap = true})));
  CHECK(equal(nn::MultiMarginLoss{.p = 2, .weight = weight}(a, classes),
              multi_margin_loss(a, classes, {.p = 2, .weight = weight})));
  const Tensor labels = tensor({{1, 3, -1, 0}, {0, -1, 2, 2}, {-1, 0, 0, 0}});
  CHECK(equal(nn::MultiLabelMarginLoss{}(a, labels), multilabel_margin_loss(a, labels)));
  CHECK(equal(nn::MultiLabelSoftMarginLoss{weight}(a, p), multilabel_soft_margin_loss(a, p, weight)));
  CHECK(equal(nn::NLLLoss{.weight = weight, .ignore_index = 3}(a, classes),
              nll_loss(a, classes, {.weight = weight, .ignore_index = 3})));
  CHECK(equal(nn::CrossEntropyLoss{.weight = weight, .label_smoothing = 0.1}(a, classes),
              cross_entropy(a, classes, {.weight = weight, .label_smoothing = 0.1})));
  CHECK(equal(nn::BCELoss{.weight = weight}(p, q), binary_cross_entropy(p, q, {.weight = weight})));
  const nn::BCEWithLogitsLoss logits{.weight = weight, .pos_weight = weight};
  CHECK(equal(logits(a, p), binary_cross_entropy_with_logits(a, p, {.weight = weight, .pos_weight = weight})));
  CHECK(names(logits) == Names{"weight", "pos_weight"});
  CHECK(names(nn::CrossEntropyLoss{}).empty());
  const Tensor log_probs = log_softmax(randn({5, 2, 4}), 2), targets = tensor({{1, 2}, {3, 0}}),
               lengths = tensor({5, 4}), target_lengths = tensor({2, 1});
  CHECK(equal(nn::CTCLoss{.reduction = sum_of}(log_probs, targets, lengths, target_lengths),
              ctc_loss(log_probs, targets, lengths, target_lengths, {.reduction = sum_of})));
}

TEST_CASE("norms are made of PyTorch's tensors, and refuse") {
  CHECK(names(nn::BatchNorm1d{2}) ==
        Names{"weight", "bias", "running_mean", "running_var", "num_batches_tracked"});
  CHECK(names(nn::InstanceNorm2d{2}).empty());
  CHECK(names(nn::InstanceNorm2d{.channels = 2, .affine = true, .track = true}) ==
        Names{"weight", "bias", "running_mean", "running_var", "num_batches_tracked"});
  CHECK(names(nn::GroupNorm{2, 4}) == Names{"weight", "bias"});
  CHECK(names(nn::RMSNorm{{4}}) == Names{"weight"});
  CHECK_ERROR(nn::BatchNorm1d{0}, "BatchNorm1d: channels is 0; it must be positive");
  CHECK_ERROR(nn::BatchNorm1d{3}(zeros({2, 4})),
              "BatchNorm1d: the input is float32 [2, 4]; give [n, 3, l] or [n, 3]");
  CHECK_ERROR(nn::BatchNorm3d{3}(zeros({2, 3, 4})),
              "BatchNorm3d: the input is float32 [2, 3, 4]; give [n, 3, d, h, w]");
  CHECK_ERROR(nn::InstanceNorm1d{3}(zeros({2, 4})),
              "InstanceNorm1d: the input is float32 [2, 4]; give [n, 3, l] or [3, l]");
  CHECK_ERROR((nn::GroupNorm{3, 4}),
              "GroupNorm: num_groups is 3, which does not divide channels (4); choose a divisor");
  CHECK_ERROR((nn::GroupNorm{0, 4}), "GroupNorm: num_groups is 0; it must be positive");
  CHECK_ERROR(nn::RMSNorm{Shape{}}, "RMSNorm: shape is []; give the sizes of the last dimensions, like {{256}}");
}

TEST_CASE("tables shorten rows that are looked up") {
  const auto rows = [] { return tensor({{3.0, 4.0}, {30.0, 40.0}, {0.3, 0.4}}); };
  const nn::Embedding table{.count = 3, .size = 2, .max_norm = 1, .weight = rows()};
  const auto y = table(tensor({2, 0, 0})).to_vector<float>();
  CHECK(y[0] == 0.3f);
  CHECK(y[2] == doctest::Approx(0.6));
  const auto w = table.weight.to_vector<float>();
  CHECK(w[1] == doctest::Approx(0.8));
  CHECK(w[2] == 30);
  CHECK(w[5] == 0.4f);
  const nn::EmbeddingBag bag{
      .count = 3, .size = 2, .mode = BagMode::sum, .max_norm = 7, .norm_type = 1, .weight = rows()};
  CHECK(bag(tensor({{1, 2}})).to_vector<float>()[0] == doctest::Approx(3.3));
  CHECK(bag.weight.to_vector<float>()[0] == 3);
  CHECK_ERROR((nn::EmbeddingBag{.count = 3, .size = 2, .padding = 3}),
              "EmbeddingBag: padding is 3; it must be a row from 0 to 2");
  CHECK(amax(abs(select(nn::EmbeddingBag{.count = 3, .size = 2, .padding = 1}.weight, 0, 1))).item() == 0);
}

TEST_CASE("bags are replayed, and their offsets looked at each time") {
  const Tensor table = tensor({{1.0}, {2.0}, {4.0}}), index = tensor({0, 1, 2}), offsets = tensor({0, 1});
  Replay sums([&](const Tensor& begin) { return embedding_bag(index, table, begin, {.mode = BagMode::sum}); });
  const auto sums_of = [&](const Tensor& begin) { return sums(begin).to_vector<float>(); };
  for (int i = 0; i < 3; ++i) CHECK(sums_of(offsets) == Floats{1, 6});
  CHECK(sums_of(tensor({0, 2})) == Floats{3, 4});
  CHECK_ERROR(sums_of(tensor({0, 4})),
              "embedding_bag: offset 1 is 4; offsets begin with 0, do not fall and end at most at 3");
}

TEST_CASE("Bilinear") {
  CHECK(nn::Bilinear{4, 3, 5}.weight.shape() == Shape{5, 4, 3});
  CHECK(amax(abs(nn::Bilinear{400, 30, 5}.weight)).item() <= 0.05);
  CHECK_FALSE(nn::Bilinear{2, 3, 5, false}.bias.defined());
  CHECK_ERROR((nn::Bilinear{2, 0, 5}), "Bilinear: in2 is 0; it must be positive");
}

TEST_CASE("recurrent layers of lengths") {
  const nn::GRU net{.in = 2, .hidden = 3, .bidirectional = true};
  const Tensor x = randn({4, 3, 2});
  const auto whole = net(x), same = net(x, {}, tensor({4, 4, 4}));
  CHECK(equal(whole.output, same.output));
  CHECK(equal(whole.h, same.h));
  // What lies past a length does not matter, and the output is 0 there.
  const Tensor other = x.clone();
  select(narrow(other, 0, 2, 2), 1, 1).fill_(1e9);
  const Tensor lengths = tensor({4, 2, 3});
  const auto a = net(x, {}, lengths), b = net(other, {}, lengths);
  CHECK(equal(a.output, b.output));
  CHECK(equal(a.h, b.h));
  CHECK(amax(abs(select(narrow(a.output, 0, 2, 2), 1, 1))).item() == 0);
  CHECK_ERROR(net(x, {}, tensor({4, 2})),
              "GRU: the lengths are int64 [2]; give int64 [3], one for each sequence of a batch");
  CHECK_ERROR(net(x, {}, tensor({4., 2., 3.})),
              "GRU: the lengths are float32 [3]; give int64 [3], one for each sequence of a batch");
  CHECK_ERROR(net(x, {}, tensor({4, 0, 3})), "GRU: length 1 is 0; it must be from 1 to 4");
  CHECK_ERROR(net(x, {}, tensor({4, 2, 5})), "GRU: length 2 is 5; it must be from 1 to 4");
  CHECK_ERROR(net(select(x, 1, 0), {}, tensor({4})),
              "GRU: the lengths are int64 [1]; give int64 [1], one for each sequence of a batch");
  CHECK(net(zeros({4, 0, 2}), {}, zeros({0}, {.dtype = int64})).output.shape() == Shape{4, 0, 6});
}

TEST_CASE("LSTM with projections") {
  const nn::LSTM net{.in = 3, .hidden = 4, .bidirectional = true, .proj_size = 2};
  CHECK(names(net) == Names{"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_hr_l0",
                            "weight_ih_l0_reverse", "weight_hh_l0_reverse", "bias_ih_l0_reverse",
                            "bias_hh_l0_reverse", "weight_hr_l0_reverse"});
  const auto [y, state] = net(zeros({5, 2, 3}));
  CHECK(y.shape() == Shape{5, 2, 4});
  CHECK(state.h.shape() == Shape{2, 2, 2});
  CHECK(state.c.shape() == Shape{2, 2, 4});
  CHECK_ERROR((nn::LSTM{.in = 3, .hidden = 4, .proj_size = 4}),
              "LSTM: proj_size is 4; it must be 0, for none, or below hidden, 4");
}

TEST_CASE("attention's options") {
  const nn::MultiheadAttention sizes{.embed_dim = 4, .num_heads = 2, .add_bias_kv = true, .kdim = 3, .vdim = 5};
  CHECK(names(sizes) == Names{"q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_bias", "bias_k",
                              "bias_v", "out_proj.weight", "out_proj.bias"});
  CHECK(sizes.k_proj_weight.shape() == Shape{4, 3});
  CHECK(sizes.v_proj_weight.shape() == Shape{4, 5});
  CHECK(sizes.bias_k.shape() == Shape{1, 1, 4});
  CHECK_ERROR(
      sizes(zeros({2, 1, 4}), zeros({3, 1, 4}), zeros({3, 1, 5})),
      "MultiheadAttention: query, key and value are [2, 1, 4], [3, 1, 4] and [3, 1, 5]; give [rows, n, 4], [rows, "
      "n, 3] and [rows, n, 5]");
  CHECK_ERROR((nn::MultiheadAttention{.embed_dim = 4, .num_heads = 2, .kdim = 0}),
              "MultiheadAttention: kdim or vdim is 0; it must be positive");

  // A query that sees no key: 0 and out_proj's bias; the others are as without it.
  const nn::MultiheadAttention m{.embed_dim = 4, .num_heads = 2};
  m.out_proj.bias.detach().fill_(3);
  const Tensor x = randn({2, 1, 4}), none = tensor({{true, true}, {false, false}}),
               free = tensor({{false, false}, {false, false}});
  const auto [y, weights] = m.with_weights(x, x, x, {.attn_mask = none});
  const auto all = m.with_weights(x, x, x, {.attn_mask = free});
  CHECK(equal(select(y, 0, 0), full({1, 4}, 3)));
  CHECK(equal(select(weights, 1, 0), zeros({1, 2})));
  CHECK(equal(select(y, 0, 1), select(all.output, 0, 1)));
  CHECK(equal(select(m(x, {.attn_mask = none}), 0, 0), full({1, 4}, 3)));
}

TEST_CASE("transformers are made of PyTorch's tensors") {
  const nn::TransformerDecoderLayer layer{.d_model = 4, .nhead = 2, .dim_feedforward = 3};
  CHECK(names(layer) == Names{"self_attn.in_proj_weight", "self_attn.in_proj_bias", "self_attn.out_proj.weight",
                              "self_attn.out_proj.bias", "multihead_attn.in_proj_weight",
                              "multihead_attn.in_proj_bias", "multihead_attn.out_proj.weight",
                              "multihead_attn.out_proj.bias", "linear1.weight", "linear1.bias", "linear2.weight",
                              "linear2.bias", "norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias",
                              "norm3.weight", "norm3.bias"});
  const nn::TransformerDecoder decoder{clones(layer, 2), nn::LayerNorm{{4}}};
  const auto all = state(decoder);
  REQUIRE(all.size() == 38);
  CHECK(all[18].name == "layers.1.self_attn.in_proj_weight");
  CHECK(all[37].name == "norm.bias");
  CHECK(equal(all[0].tensor, all[18].tensor));  // copies, with memory of their own
  CHECK(all[0].tensor.data<const float>() != all[18].tensor.data<const float>());
  CHECK_ERROR((nn::Transformer{.d_model = 4, .nhead = 2, .num_decoder_layers = 0, .dim_feedforward = 3}),
              "Transformer: num_decoder_layers is 0; it must be positive");
  CHECK(nn::TransformerEncoder{}(ones({2, 1, 4})).shape() == Shape{2, 1, 4});
}

TEST_CASE("WeightNorm") {
  const nn::Linear plain{3, 2};
  const nn::WeightNorm layer{plain};
  CHECK(names(layer) == Names{"bias", "parametrizations.weight.original0", "parametrizations.weight.original1"});
  CHECK(layer.weight().to_vector<float>()[4] == doctest::Approx(plain.weight.to_vector<float>()[4]));
  const Tensor x = ones({4, 3});
  CHECK(layer(x).to_vector<float>()[3] == doctest::Approx(plain(x).to_vector<float>()[3]));
  sum(layer(x)).backward({.expect = named_parameters(layer)});
  const nn::Sequential net{layer, nn::ReLU{}};
  CHECK(state(net)[1].name == "0.parametrizations.weight.original0");
  CHECK(parameters(nn::WeightNorm{plain, std::nullopt})[1].shape() == Shape{});
  CHECK_ERROR((nn::WeightNorm{plain, 2}),
              "WeightNorm: dim is 2, and the weight is [2, 3]; give one of its dimensions");
}

TEST_CASE("SpectralNorm") {
  manual_seed(4);
  nn::SpectralNorm layer{nn::Linear{.in = 2, .out = 2, .weight = tensor({{3.0, 0.0}, {0.0, 1.0}})}};
  CHECK(names(layer) == Names{"bias", "parametrizations.weight.original", "parametrizations.weight.0._u",
                              "parametrizations.weight.0._v"});
  CHECK(parameters(layer).size() == 2);
  CHECK(layer.weight().to_vector<float>()[0] == doctest::Approx(1).epsilon(1e-4));
  CHECK(layer.weight().to_vector<float>()[3] == doctest::Approx(1. / 3).epsilon(1e-4));
  // Two calls before one backward, as of real and of made examples; and no step of the method after eval().
  const Tensor x = ones({1, 2});
  (sum(layer(x)) - sum(layer(x * 2))).backward({.expect = named_parameters(layer)});
  eval(layer);
  const auto before = state(layer)[2].tensor.to_vector<float>();
  layer(x);
  CHECK(state(layer)[2].tensor.to_vector<float>() == before);
  CHECK_ERROR((nn::SpectralNorm{nn::Linear{2, 2}, 0}), "SpectralNorm: steps is 0; it must be positive");
  CHECK_ERROR((nn::SpectralNorm{nn::Linear{2, 2}, 1, 2}),
              "SpectralNorm: dim is 2, and the weight is [2, 2]; give one of its dimensions");
  // A weight of one dimension is divided by its norm.
  const nn::SpectralNorm slopes{nn::PReLU{.num_parameters = 2, .weight = tensor({3.0, 4.0})}};
  CHECK(slopes.weight().to_vector<float>() == Floats{0.6f, 0.8f});
  CHECK(names(slopes) == Names{"parametrizations.weight.original"});
}

TEST_CASE("Orthogonal") {
  manual_seed(5);
  const auto largest = [](const Tensor& x) { return amax(abs(x)).item(); };
  using Map = nn::OrthogonalMap;
  for (const auto map : {Map::matrix_exp, Map::cayley, Map::householder}) {
    const nn::Linear wide{5, 3}, turn{.in = 2, .out = 2, .weight = tensor({{0.6, -0.8}, {0.8, 0.6}})};
    nn::Orthogonal layer{wide, map};
    CHECK(names(layer) == Names{"bias", "parametrizations.weight.original", "parametrizations.weight.0.base"});
    CHECK(parameters(layer).size() == 2);
    const Tensor w = layer.weight();
    CHECK(largest(matmul(w, t(w)) - eye(3)) < 1e-6);
    // Its rows span the same.
    CHECK(largest(matmul(matmul(wide.weight, t(w)), w) - wide.weight) < 1e-6);
    CHECK(largest(nn::Orthogonal{turn, map}.weight() - turn.weight) < 1e-6);
    const Tensor x = ones({4, 5});
    sum(square(layer(x))).backward({.expect = named_parameters(layer)});
    // Wherever training goes, it stays orthogonal.
    {
      const NoGrad off;
      parameters(layer)[1].add_(parameters(layer)[1].grad(), -0.1);
    }
    const Tensor later = layer.weight();
    CHECK(largest(matmul(later, t(later)) - eye(3)) < 1e-6);
    CHECK(largest(later - w) > 1e-3);
  }
  const Tensor filters = nn::Orthogonal{nn::Conv2d{.in = 2, .out = 3, .kernel = {4, 2}}}.weight();
  CHECK(filters.shape() == Shape{3, 2, 4, 2});
  CHECK(largest(matmul(transpose(filters, -2, -1), filters) - eye(2)) < 1e-6);
  CHECK_ERROR((nn::Orthogonal{nn::PReLU{}}),
              "Orthogonal: the weight is [1]; its last two dimensions must be a matrix");
}
