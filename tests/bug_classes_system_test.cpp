// Bugs that other engines had, of losses, layers, the engine and optimizers: see bug_classes_test.cpp.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "autograd/autograd.h"
#include "nn/nn.h"
#include "optim/optim.h"
#include "tests/expect_error.h"

using namespace ebb;

namespace {

using Doubles = std::vector<double>;

Doubles values(const Tensor& x) { return x.to_vector<double>(); }

// Live blocks and bytes come back to what they were.
struct NoLeak {
  memory::Stats before = memory::stats();
  ~NoLeak() {
    CHECK(memory::stats().live_blocks == before.live_blocks);
    CHECK(memory::stats().live_bytes == before.live_bytes);
  }
};

}  // namespace

// -- 12: targets (#12670)

TEST_CASE("bug class 12: a batch whose targets are all ignored, and targets out of range") {
  using Loss = Tensor (*)(const Tensor&, const Tensor&, const ClassLossOptions&);
  for (const Loss loss : {static_cast<Loss>(nll_loss), static_cast<Loss>(cross_entropy)}) {
    const Tensor x = randn({2, 3}, {.dtype = float64, .requires_grad = true}),
                 ignored = full({2}, -100, {.dtype = int64});
    CHECK(std::isnan(loss(x, ignored, {}).item()));  // the mean of nothing
    for (const Reduction reduction : {Reduction::sum, Reduction::none}) {
      const Tensor y = sum(loss(x, ignored, {.reduction = reduction}));
      CHECK(y.item() == 0);
      CHECK(values(grad(y, x)) == Doubles(6, 0));
    }
    for (const std::int64_t bad : {std::int64_t{3}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::max(),
                                   std::numeric_limits<std::int64_t>::min()}) {
      CHECK_THROWS_AS(loss(x, tensor({std::int64_t{0}, bad}), {}), Error);
      CHECK(std::isfinite(loss(x, tensor({std::int64_t{0}, bad}), {.ignore_index = bad}).item()));
    }
  }
}

// -- 13: nothing (#12013, #38115). ops_test demands a sample of no elements of every operation.

namespace {

// Applies a layer to a batch of none, and demands of it an output of none and gradients of 0.
template <class Layer>
void check_empty(Layer layer, const Shape& in, const Shape& out, const auto& apply) {
  const Tensor x = zeros(in, {.requires_grad = true}), y = apply(layer, x);
  CHECK(y.shape() == out);
  sum(y).backward();
  CHECK(x.grad().shape() == in);
  for (const auto& parameter : named_parameters(layer)) {
    CAPTURE(parameter.name);
    const Tensor& p = parameter.tensor;
    REQUIRE(p.grad().defined());
    CHECK(values(p.grad()) == Doubles(static_cast<std::size_t>(p.numel()), 0));
  }
}
template <class Layer>
void check_empty(Layer layer, const Shape& in, const Shape& out) {
  check_empty(std::move(layer), in, out, [](const Layer& l, const Tensor& x) { return l(x); });
}

}  // namespace

TEST_CASE("bug class 13: every layer takes a batch of none") {
  check_empty(nn::Linear{3, 2}, {0, 3}, {0, 2});
  check_empty(nn::Linear{3, 2}, {4, 0, 3}, {4, 0, 2});
  check_empty(nn::Conv2d{.in = 2, .out = 4, .kernel = 3}, {0, 2, 5, 5}, {0, 4, 3, 3});
  check_empty(nn::Conv2d{.in = 2, .out = 4, .kernel = 1, .groups = 2}, {0, 2, 5, 5}, {0, 4, 5, 5});
  check_empty(nn::MaxPool2d{2}, {0, 2, 4, 4}, {0, 2, 2, 2});
  check_empty(nn::AvgPool2d{2}, {0, 2, 4, 4}, {0, 2, 2, 2});
  check_empty(nn::AdaptiveAvgPool2d{1}, {0, 2, 4, 4}, {0, 2, 1, 1});
  check_empty(nn::LayerNorm{{3}}, {0, 3}, {0, 3});
  nn::BatchNorm2d norm{2};
  eval(norm);
  check_empty(norm, {0, 2, 4, 4}, {0, 2, 4, 4});
  check_empty(nn::Dropout{0.5}, {0, 3}, {0, 3});
  check_empty(nn::PReLU{}, {0, 3}, {0, 3});
  check_empty(nn::Softmax{1}, {0, 3}, {0, 3});
  check_empty(nn::GELU{}, {0, 3}, {0, 3});
  check_empty(nn::Flatten{}, {0, 3, 4}, {0, 12});
  const auto output = [](const auto& layer, const Tensor& x) { return layer(x).output; };
  check_empty(nn::LSTM{3, 4}, {5, 0, 3}, {5, 0, 4}, output);
  check_empty(nn::GRU{3, 4}, {5, 0, 3}, {5, 0, 4}, output);
  check_empty(nn::RNN{3, 4}, {5, 0, 3}, {5, 0, 4}, output);
  check_empty(nn::MultiheadAttention{.embed_dim = 4, .num_heads = 2}, {5, 0, 4}, {5, 0, 4});
  check_empty(nn::TransformerEncoderLayer{.d_model = 4, .nhead = 2, .dim_feedforward = 8}, {5, 0, 4}, {5, 0, 4});
  const nn::Embedding table{3, 2};
  sum(table(zeros({0, 2}, {.dtype = int64}))).backward();
  CHECK(values(table.weight.grad()) == Doubles(6, 0));
}

TEST_CASE("bug class 13: losses of nothing are NaN, or 0 as a sum") {
  const Tensor x = zeros({0, 3}, {.requires_grad = true}), target = zeros({0}, {.dtype = int64});
  using Loss = std::pair<std::string, std::function<Tensor(Reduction)>>;
  const Loss losses[] = {
      {"mse_loss",
       [&](Reduction r) {
         return mse_loss(x, zeros({0, 3}), r);
       }},
      {"l1_loss",
       [&](Reduction r) {
         return l1_loss(x, zeros({0, 3}), r);
       }},
      {"cross_entropy", [&](Reduction r) { return cross_entropy(x, target, {.reduction = r}); }},
      {"nll_loss", [&](Reduction r) { return nll_loss(x, target, {.reduction = r}); }},
      {"binary_cross_entropy_with_logits", [&](Reduction r) {
         return binary_cross_entropy_with_logits(x, zeros({0, 3}), {.reduction = r});
       }}};
  for (const auto& one : losses) {
    CAPTURE(one.first);
    const auto& loss = one.second;
    CHECK(std::isnan(loss(Reduction::mean).item()));
    const Tensor y = loss(Reduction::sum);
    CHECK(y.item() == 0);
    CHECK(grad(y, x).shape() == Shape{0, 3});
  }
}

// -- 14: sizes (#195547, #136720)

TEST_CASE("bug class 14: sizes, places and borders near 2^63 are errors") {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max(),
                         least = std::numeric_limits<std::int64_t>::min();
  const Tensor x = zeros({2, 3}), image = zeros({1, 1, 4, 4}), weight = zeros({1, 1, 2, 2});
  for (const std::int64_t n : {most, most - 1, least, least + 1, most / 2 + 1, least / 2}) {
    CAPTURE(n);
    const Size2 both = n;
    const auto dim = static_cast<int>(n > 0 ? std::numeric_limits<int>::max() : std::numeric_limits<int>::min());
    CHECK_THROWS_AS(zeros({2, n}), Error);
    CHECK_THROWS_AS(zeros({n, 0}), Error);
    CHECK_THROWS_AS(reshape(x, {n, 2}), Error);
    CHECK_THROWS_AS(expand(x, {n, 2, 3}), Error);
    CHECK_THROWS_AS(x[n], Error);
    CHECK_THROWS_AS(select(x, 1, n), Error);
    CHECK_THROWS_AS(narrow(x, 0, n, 1), Error);
    CHECK_THROWS_AS(narrow(x, 0, 1, n), Error);
    CHECK_THROWS_AS(sum(x, {dim}), Error);
    CHECK_THROWS_AS(transpose(x, 0, dim), Error);
    CHECK_THROWS_AS(repeat(x, {n, 2}), Error);
    CHECK_THROWS_AS(repeat_interleave(x, n), Error);
    CHECK_THROWS_AS(pad(x, {n, n}), Error);
    CHECK_THROWS_AS(pad(x, {n, 1}, PadMode::replicate), Error);
    CHECK_THROWS_AS(split(x, std::vector<std::int64_t>{n, n}), Error);
    CHECK_THROWS_AS(index_select(x, 0, tensor({n})), Error);
    CHECK_THROWS_AS(gather(x, 0, tensor({{n}})), Error);
    CHECK_THROWS_AS(take(x, tensor({n})), Error);
    CHECK_THROWS_AS(x.at(tensor({n})), Error);
    CHECK_THROWS_AS(topk(x, n), Error);
    CHECK_THROWS_AS(kthvalue(x, n), Error);
    CHECK_THROWS_AS(conv2d(image, weight, {}, {.stride = both, .padding = both}), Error);
    CHECK_THROWS_AS(conv2d(image, weight, {}, {.padding = both}), Error);
    CHECK_THROWS_AS(conv2d(image, weight, {}, {.dilation = both}), Error);
    CHECK_THROWS_AS(max_pool2d(image, both), Error);
    CHECK_THROWS_AS(max_pool2d(image, 2, {.padding = both}), Error);
    CHECK_THROWS_AS(avg_pool2d(image, 2, {.padding = both}), Error);
    CHECK_THROWS_AS(unfold(image, 2, {.padding = both}), Error);
    CHECK_THROWS_AS(pixel_shuffle(image, n), Error);
    CHECK_THROWS_AS(eye(n), Error);
    CHECK_THROWS_AS(one_hot(tensor({n})), Error);
  }
  CHECK_THROWS_AS(arange(1e300), Error);
  CHECK_THROWS_AS(linspace(0, 1, most), Error);
}

// -- 16, 17: operations that throw, and those of one's own (burn#5193)

namespace {

// x² whose gradient throws.
struct Throwing {
  static constexpr std::string_view name = "throwing";
  bool now;
  Spec infer(const Tensor& x) const { return {x.shape(), x.dtype()}; }
  void forward(View y, View x) const { y.as<double>()[0] = x.as<const double>()[0] * x.as<const double>()[0]; }
  Tensor grad0(Grad g, In<0> x) const {
    if (now) throw std::runtime_error("stop");
    return g * x * 2;
  }
  static Samples<Throwing> samples(Generator&) { return {}; }
};

// x³
struct Cube {
  static constexpr std::string_view name = "cube";
  Spec infer(const Tensor& x) const { return {x.shape(), x.dtype()}; }
  void forward(View y, View x) const {
    for (std::int64_t i = 0; i < y.numel(); ++i) {
      const double v = x.as<const double>()[i];
      y.as<double>()[i] = v * v * v;
    }
  }
  Tensor grad0(Grad g, In<0> x) const { return g * square(x) * 3; }
  static Samples<Cube> samples(Generator&) { return {}; }
};

}  // namespace

TEST_CASE("bug class 16: whichever gradient throws, nothing is written and nothing leaks") {
  const NoLeak check;
  for (int k = 0; k < 8; ++k) {
    const Tensor x = full({1}, 1.01, {.dtype = float64, .requires_grad = true});
    Tensor y = x;
    for (int i = 0; i < 8; ++i) y = apply(Throwing{i == k}, y) + y;
    CHECK_THROWS_WITH_AS(y.backward(), "stop", std::runtime_error);
    CHECK(!x.grad().defined());
    (x * x).backward();
    CHECK(x.grad().item() == 2.02);
  }
}

TEST_CASE("bug class 17: an operation of one's own has a second derivative") {
  const Tensor x = tensor({0.5, -2.0}, {.dtype = float64, .requires_grad = true});
  const auto cube = [](const Tensor& v) { return apply(Cube{}, v); };
  CHECK(gradgradcheck(cube, {x}) > 0);
  CHECK(values(hessian([&](const Tensor& v) { return sum(cube(v)); }, x)) == Doubles{3, 0, 0, -12});
}

// -- 19: random numbers (#2740, #96947; tinygrad#3611)

TEST_CASE("bug class 19: uniform numbers stay below 1, normal ones are finite") {
  for (const Dtype dtype : {float32, float64}) {
    Generator random{1};
    const Tensor u = rand({1 << 24}, {.dtype = dtype, .generator = &random});
    CHECK(max(u).item() < 1);
    CHECK(min(u).item() >= 0);
    CHECK(max(u).item() > 0.999999);
    CHECK(all(isfinite(randn({1 << 22}, {.dtype = dtype, .generator = &random}))).item() != 0);
  }
}

// -- 21: optimizers (#2647, #125708)

TEST_CASE_TEMPLATE("bug class 21: a state is loaded before the first step, and loading moves nothing", Optimizer,
                   optim::SGD, optim::Adam, optim::AdamW, optim::Adamax, optim::NAdam, optim::RAdam,
                   optim::Adagrad, optim::Adadelta, optim::RMSprop, optim::Rprop, optim::ASGD, optim::Lion,
                   optim::LAMB) {
  const auto start = [] { return tensor({1.0, -2.0}, {.dtype = float64, .requires_grad = true}); };
  const auto step = [](Optimizer& optimizer, Tensor p) {
    p.set_grad(tensor({0.5, 3.0}, {.dtype = float64}));
    optimizer.step();
  };
  const Tensor p = start(), q = start();
  Optimizer old({p}), fresh({q});
  for (int i = 0; i < 3; ++i) step(old, p);
  {
    const NoGrad off;
    q.copy_(p);
  }
  Tensor(q).set_grad(tensor({7.0, 7.0}, {.dtype = float64}));  // which loading does not use
  fresh.load_state(old.state());
  CHECK(values(q) == values(p));
  step(old, p);
  step(fresh, q);
  CHECK(values(q) == values(p));
}
