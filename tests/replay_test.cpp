// Replay: training in it gives the bits of training without it, and what it cannot repeat is refused. That every operation
// can be replayed is checked in certify.h.
#include "autograd/replay.h"

#include <doctest/doctest.h>

#include <vector>

#include "bench/models.h"
#include "ebb.h"
#include "tests/expect_error.h"

using namespace ebb;

namespace {

struct WithDropout {
  nn::Linear fc1{6, 16}, fc2{16, 10};
  nn::Dropout drop{0.4};
  Tensor operator()(const Tensor& x) const { return fc2(drop(relu(fc1(x)))); }
};

struct Batch {
  Tensor x, labels;
};

std::vector<Batch> batches(const Shape& shape, int count) {
  manual_seed(5);
  std::vector<Batch> all;
  for (int i = 0; i < count; ++i) all.push_back({randn(shape), randint(0, 10, {shape[0]})});
  return all;
}

bool same_bits(const Tensor& a, const Tensor& b) { return a.to_vector<double>() == b.to_vector<double>(); }

// The losses of a few steps, and the state at their end.
template <class Net>
std::vector<Tensor> trained(const Net& prototype, const std::vector<Batch>& data, bool replayed) {
  manual_seed(1);
  Net net = clone(prototype);
  optim::Adam adam(parameters(net), {.lr = 0.01});
  const auto function = [&](const Tensor& x, const Tensor& labels) {
    adam.zero_grad();
    const auto loss = cross_entropy(net(x), labels);
    loss.backward();
    return loss;
  };
  Replay step(function);
  std::vector<Tensor> results;
  for (const auto& [x, labels] : data) {
    results.push_back((replayed ? step(x, labels) : function(x, labels)).clone().detach());
    adam.step();
  }
  for (const auto& [name, x] : state(net)) results.push_back(x);
  results.push_back(rand({4}));  // random numbers went on
  return results;
}

template <class Net>
void check_training(const Net& net, const Shape& shape, int steps = 4) {
  const auto data = batches(shape, steps);
  const int before = num_threads();
  for (const int threads : {1, 2}) {
    set_num_threads(threads);
    const auto expected = trained(net, data, false), found = trained(net, data, true);
    REQUIRE(found.size() == expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) CHECK(same_bits(found[i], expected[i]));
  }
  set_num_threads(before);
}

}  // namespace

TEST_CASE("training by replay gives the same bits") {
  SUBCASE("dropout") { check_training(WithDropout{}, {8, 6}); }
  SUBCASE("LeNet-5") { check_training(bench::LeNet5{}, {4, 1, 28, 28}); }
  SUBCASE("batch norm, running statistics, residuals") { check_training(bench::ResNet{}, {2, 3, 8, 8}, 3); }
  SUBCASE("LSTM") { check_training(bench::Lstm{}, {3, 5, 64}); }
  SUBCASE("attention and dropout") { check_training(bench::Transformer{0.2}, {2, 5, 256}, 3); }
}

TEST_CASE("a replay reuses the memory of its first call, and gives it back") {
  const auto data = batches({4, 6}, 3);
  const auto before = memory::stats();
  {
    WithDropout net;
    Replay loss([&](const Tensor& x, const Tensor& labels) {
      for (auto p : parameters(net)) p.zero_grad();
      const auto value = cross_entropy(net(x), labels);
      value.backward();
      return value;
    });
    const auto first = loss(data[0].x, data[0].labels);
    const auto warm = memory::stats();
    const auto second = loss(data[1].x, data[1].labels);
    CHECK(first.data<const float>() == second.data<const float>());
    CHECK(!second.requires_grad());
    CHECK(memory::stats().live_blocks == warm.live_blocks);
  }
  CHECK(memory::stats().live_blocks == before.live_blocks);
}

TEST_CASE("a replay records anew for other shapes, another grad mode, and by hand") {
  int recorded = 0;
  const auto w = tensor({2.0, 3.0}, {.requires_grad = true});
  Replay product([&](const Tensor& x) {
    ++recorded;
    return std::vector<Tensor>{sum(x * w), x * 2};
  });
  CHECK(product(tensor({1.0, 1.0}))[0].item() == 5);
  CHECK(product(tensor({2.0, 1.0}))[0].item() == 7);
  CHECK(recorded == 1);
  CHECK(product(tensor({{1.0, 1.0}, {2.0, 2.0}}))[1].shape() == Shape{2, 2});
  CHECK(recorded == 2);
  {
    const NoGrad off;
    product(ones({2, 2}));
    CHECK(recorded == 3);
  }
  product(ones({2, 2}));
  product.reset();
  CHECK(product(ones({2}))[0].item() == 5);
  CHECK(recorded == 5);
}

TEST_CASE("a replay follows its random numbers and constants") {
  Replay noisy([](const Tensor& x) { return x + rand({3}) + tensor({1, 2, 3}, {.dtype = float32}); });
  const auto expected = [](const Tensor& x) { return x + rand({3}) + tensor({1, 2, 3}, {.dtype = float32}); };
  manual_seed(3);
  std::vector<std::vector<float>> found, wanted;
  for (int i = 0; i < 3; ++i) found.push_back(noisy(full({3}, i)).to_vector<float>());
  manual_seed(3);
  for (int i = 0; i < 3; ++i) wanted.push_back(expected(full({3}, i)).to_vector<float>());
  CHECK(found == wanted);
}

TEST_CASE("gradients add up over micro-batches within a replay") {
  const auto w = ones({2}, {.requires_grad = true});
  Replay step([&](const Tensor& a, const Tensor& b) {
    Tensor(w).zero_grad();
    sum(a * w).backward();
    sum(b * w).backward();
    return a + b;
  });
  for (int i = 0; i < 3; ++i) {
    step(full({2}, i), full({2}, 10));
    CHECK(w.grad().to_vector<double>() == std::vector<double>{i + 10.0, i + 10.0});
  }
}

TEST_CASE("a result that was saved and then computed again is found out") {
  const auto w = ones({2}, {.requires_grad = true});
  Replay doubled([](const Tensor& x) { return x * 2; });
  const auto loss = sum(doubled(ones({2})) * w);
  doubled(zeros({2}));
  CHECK_ERROR(
      loss.backward(),
      "mul: input 0 (float32 [2]) was saved for backward and then changed by Replay (1 writes since); clone() "
      "it before the change, or change it after backward");
}

TEST_CASE("what a replay cannot repeat is an error") {
  const auto w = ones({2}, {.requires_grad = true});
  const auto refuses = [](const char* what, auto f) {
    Replay replay(f);
    const auto text = std::string("Replay: ") + what +
                      " within the function would happen once, when it is recorded; move it out of the function";
    CHECK_ERROR(replay(ones({2})), text.c_str());
    sum(ones({2})).item();  // and the thread is free again
  };
  refuses("item()", [](const Tensor& x) { return x * sum(x).item(); });
  refuses("to_vector()", [](const Tensor& x) { return x * static_cast<double>(x.to_vector<float>()[0]); });
  refuses("data<T>()", [](const Tensor& x) {
    x.data<float>()[0] = 2;
    return x;
  });
  refuses("an optimizer's step()", [&](const Tensor& x) {
    optim::SGD sgd({w}, {.lr = 1});
    sgd.step();
    return x;
  });
  refuses("clipping gradients", [&](const Tensor& x) {
    optim::clip_grad_norm_({w}, 1);
    return x;
  });
  Generator own{3};
  refuses("a generator of its own", [&](const Tensor& x) { return x + rand({2}, {.generator = &own}); });
  refuses("another Replay", [](const Tensor& x) { return Replay([](const Tensor& y) { return y * 2; })(x); });

  Replay identity([](const Tensor& x) { return x; });
  CHECK_ERROR(
      identity(w),
      "Replay: input 0 (float32 [2]) requires grad; inputs are data, so detach() it, or use it as a captured "
      "variable");

  Replay accumulates([&](const Tensor& x) {
    sum(x * w).backward();
    return x;
  });
  accumulates(ones({2}));
  CHECK_ERROR(
      accumulates(ones({2})),
      "Replay: the gradients of the last call are still there and were overwritten; call zero_grad() within the "
      "function");
}
