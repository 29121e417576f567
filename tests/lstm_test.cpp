// Three layers from both ends on sequences of several lengths, against PyTorch: scripts/record_sequence_models.py.
#include <doctest/doctest.h>

#include "autograd/create.h"
#include "autograd/ops.h"
#include "nn/recurrent.h"
#include "tests/deterministic_weights.h"

using namespace ebb;

TEST_CASE("LSTM of three layers, both directions, packed lengths: PyTorch's values from the same weights") {
  constexpr double torch_loss = -1.6801067366940932;
  const std::vector<double> torch_outputs{-0.011493866584526028, 0.017671043066231726,  0.0022812432234694245,
                                          -0.011785388523750322, -0.012228363836834654, 4.303171857631591e-05};
  const std::vector<double> torch_norms{
      2.2637012567205312,  0.29154001218633857, 4.411158559070423,   4.411158559070422,   1.401857040510334,
      0.16522612186979901, 3.209826761453027,   3.209826761453028,   0.3566925844844701,  0.29126205871700256,
      4.272116503491506,   4.272116503491506,   0.32638827556902117, 0.26898410287815105, 4.05095165673115,
      4.05095165673115,    0.36663982074715384, 0.13871529913365993, 3.564808876112088,   3.5648088761120884,
      0.2256997948277104,  0.16252528667800611, 2.244254052383194,   2.2442540523831935};
  for (const Dtype dtype : {float64, float32}) {
    CAPTURE(dtype == float64);
    const double tolerance = dtype == float64 ? 1e-12 : 1e-5;
    nn::LSTM net{.in = 4, .hidden = 5, .num_layers = 3, .bidirectional = true};
    to(net, dtype);
    test::set_deterministic_weights(net);
    const Tensor x = reshape(sin(arange(1, 73, 1, {.dtype = float64})), {6, 3, 4}).to(dtype);
    const auto [y, last] = net(x, {}, tensor({4, 6, 2}));
    const Tensor weights = reshape(cos(arange(1, 181, 1, {.dtype = float64})), {6, 3, 10}).to(dtype);
    const Tensor loss = sum(y * weights) + sum(last.h) - 2 * sum(square(last.c));
    loss.backward();
    CHECK(loss.item() == doctest::Approx(torch_loss).epsilon(tolerance));
    const auto outputs = y.to_vector<double>();
    for (std::size_t i = 0; i < torch_outputs.size(); ++i)
      CHECK(std::abs(outputs[i] - torch_outputs[i]) < tolerance);
    const auto all = parameters(net);
    REQUIRE(all.size() == torch_norms.size());
    for (std::size_t i = 0; i < all.size(); ++i)
      CHECK(vector_norm(all[i].grad()).item() == doctest::Approx(torch_norms[i]).epsilon(tolerance));
  }
}
