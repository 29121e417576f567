// What the example networks promise, exactly: residual networks, autoencoders, adversarial networks.
#include "autograd/create.h"
#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "data/digits.h"
#include "examples/resnet.h"
#include "nn/gradient_penalty.h"
#include "optim/lbfgs.h"
#include "optim/optimizer.h"
#include "tests/expect_error.h"
#include "tests/resnet_values.h"
#include "tests/source_folder.h"

#include <cmath>
#include <cstddef>
#include <vector>

using namespace ebb;

namespace {

// As scripts/record_resnet.py has it.
Tensor wave(const Shape& shape, std::int64_t k) {
  const Tensor places = arange(1, static_cast<double>(shape.numel() + 1), 1, {.dtype = float64});
  return reshape(sin(places * (0.7 + 0.1 * static_cast<double>(k))), shape);
}

void check_training(bool residual, const std::vector<double>& losses, const std::vector<double>& answer) {
  ResNet net = resnet(1, residual, {4, 6, 8}, 2, 5);
  to(net, float64);
  std::int64_t k = 0;
  for (const Tensor& p : parameters(net)) {
    const NoGrad off;
    if (p.dim() > 1) p.copy_(wave(p.shape(), k) * std::sqrt(2 / static_cast<double>(p[0].numel())));
    ++k;
  }
  nn::init::constant_(net.fc.bias, 0);

  optim::SGD sgd(parameters(net), {.lr = 0.05, .momentum = 0.9, .nesterov = true, .weight_decay = 5e-4});
  for (std::int64_t step = 0; step < 100; ++step) {
    sgd.zero_grad();
    const Tensor labels = remainder(arange(8) + static_cast<double>(step % 7), 5);
    const Tensor loss = cross_entropy(net(wave({8, 2, 10, 10}, step % 7)), labels);
    loss.backward({.expect = named_parameters(net)});
    sgd.step();
    if (step % 10 == 9)
      CHECK(loss.item() == doctest::Approx(losses[static_cast<std::size_t>(step / 10)]).epsilon(1e-4));
  }
  eval(net);
  const auto got = net(wave({1, 2, 10, 10}, 3)).to_vector<double>();
  REQUIRE(got.size() == answer.size());
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == doctest::Approx(answer[i]).epsilon(1e-4));
}

}  // namespace

TEST_CASE("resnet: 100 steps as PyTorch takes them") {
  check_training(true, resnet_values::residual_losses, resnet_values::residual_answer);
  check_training(false, resnet_values::plain_losses, resnet_values::plain_answer);
}

TEST_CASE("resnet: a block whose branch starts at zero is the identity") {
  ResNet net = resnet(2);
  CHECK(net.blocks.size() == 6);
  const Tensor x = rand({3, 16, 8, 8});
  Block& same = net.blocks[1];
  CHECK(same(x).to_vector<float>() != x.to_vector<float>());
  nn::init::constant_(same.bn2.weight, 0);
  CHECK(same(x).to_vector<float>() == x.to_vector<float>());

  Block& halves = net.blocks[2];  // 16 to 32 channels
  nn::init::constant_(halves.bn2.weight, 0);
  const Tensor y = halves(x);
  CHECK(y.shape() == Shape{3, 32, 4, 4});
  const Slice even({}, {}, 2);
  CHECK(narrow(y, 1, 0, 16).to_vector<float>() == x.at(ellipsis, even, even).to_vector<float>());
  CHECK(amax(narrow(y, 1, 16, 16)).item() == 0);
}

TEST_CASE("resnet: layers and parameters of ResNet-20 and ResNet-56") {
  // He et al. 2016, Table 6: 0.27 and 0.85 million, for 3 channels.
  CHECK(describe(resnet(3, true, {16, 32, 64}, 3)).trained == 269'722);
  CHECK(describe(resnet(9, true, {16, 32, 64}, 3)).trained == 853'018);
  CHECK(describe(resnet(9, false, {16, 32, 64}, 3)).trained == 853'018);
}

TEST_CASE("gradient_penalty: its gradient is that of finite differences") {
  Generator random{3, 0};
  const auto leaf = [&](const Shape& shape) {
    return randn(shape, {.dtype = float64, .requires_grad = true, .generator = &random});
  };
  const std::vector<Tensor> weights{leaf({3, 5}), leaf({5}), leaf({5, 4}), leaf({4, 1})};
  const Tensor real = randn({6, 3}, {.dtype = float64, .generator = &random}), fake = 2 * real + 1;
  const auto penalty = [&](const std::vector<Tensor>& w) {
    Generator same{7, 0};
    const auto critic = [&](const Tensor& x) {
      return matmul(tanh(matmul(tanh(matmul(x, w[0]) + w[1]), w[2])), w[3]);
    };
    return nn::gradient_penalty(critic, real, fake, &same);
  };
  CHECK(gradcheck(penalty, weights) == 15 + 5 + 20 + 4);
}

TEST_CASE("gradient_penalty: of a linear critic it is (|w| - 1)²") {
  const Tensor w = tensor({{3.0}, {-4.0}}, {.dtype = float64, .requires_grad = true});
  Tensor real = randn({5, 2}, {.dtype = float64, .requires_grad = true}), fake = randn({5, 2}, {.dtype = float64});
  const auto critic = [&](const Tensor& x) { return matmul(x, w); };
  const Tensor penalty = nn::gradient_penalty(critic, real, fake);
  CHECK(penalty.item() == doctest::Approx(16));
  penalty.backward();
  CHECK(w.grad()[0][0].item() == doctest::Approx(2 * 4 * 3. / 5));
  CHECK(w.grad()[1][0].item() == doctest::Approx(2 * 4 * -4. / 5));
  CHECK(!real.grad().defined());
  // Of images too, and where the points lie between real and fake.
  const Tensor ones_4d = ones({3, 2, 4, 4}), zeros_4d = zeros({3, 2, 4, 4});
  std::vector<float> seen;
  const auto looks = [&](const Tensor& x) {
    seen = x.detach().to_vector<float>();
    return sum(square(x), {1, 2, 3});
  };
  CHECK(nn::gradient_penalty(looks, ones_4d, zeros_4d).dim() == 0);
  for (std::size_t i = 0; i < seen.size(); ++i) CHECK(seen[i] == seen[i / 32 * 32]);  // one ε for each example
  CHECK(seen[0] != seen[32]);
  for (const float epsilon : seen) CHECK((epsilon >= 0 && epsilon < 1));
}

namespace {

struct LinearAutoencoder {
  nn::Linear encoder, decoder;
  Tensor operator()(const Tensor& x) const { return decoder(encoder(x)); }
};

}  // namespace

TEST_CASE("a linear autoencoder ends where principal components are (Baldi, Hornik 1989)") {
  const Tensor x =
      flatten(data::digits((test::source_folder() / "data/digits").string()).all().images, 1).to(float64);
  manual_seed(0);
  LinearAutoencoder net{{64, 10}, {10, 64}};
  to(net, float64);
  const auto error = [&] { return sum(square(net(x) - x)) / static_cast<double>(x.size(0)); };
  optim::LBFGS lbfgs(parameters(net), {.history_size = 20, .line_search_fn = optim::LineSearch::strong_wolfe});
  const auto result = optim::minimize(error, lbfgs, {.tolerance = 1e-3, .max_iterations = 400});
  INFO(to_string(result));
  constexpr double kPrincipal =
      1.2285741064152214;  // Σ of the squared singular values after the 10th / 1797, NumPy
  CHECK(result.value < kPrincipal * 1.001);
  CHECK(result.value >= kPrincipal * (1 - 1e-12));
}
