// The graph and the engine: what backward computes, frees and refuses. Gradients of single operations are ops_test's.
#include <doctest/doctest.h>
#include <pthread.h>

#include <cmath>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "autograd/autograd.h"
#include "autograd/kernels/elementwise.h"
#include "tests/expect_error.h"

using namespace ebb;

namespace {

Tensor leaf(double value) { return tensor({value}, {.dtype = float64, .requires_grad = true}); }

// Live blocks and bytes come back to what they were.
struct NoLeak {
  memory::Stats before = memory::stats();
  ~NoLeak() {
    const auto after = memory::stats();
    CHECK(after.live_blocks == before.live_blocks);
    CHECK(after.live_bytes == before.live_bytes);
  }
};

// Runs f on a thread with a stack of 256 KB.
void on_small_stack(std::function<void()> f) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 256 * 1024);
  pthread_t thread;
  const auto run = [](void* p) -> void* {
    (*static_cast<std::function<void()>*>(p))();
    return nullptr;
  };
  REQUIRE(pthread_create(&thread, &attributes, run, &f) == 0);
  pthread_join(thread, nullptr);
}

struct Wrong {
  static constexpr std::string_view name = "wrong";
  Spec infer(const Tensor& x) const { return {x.shape(), x.dtype()}; }
  void forward(View y, View) const { kernels_fill(y); }
  Tensor grad0(Grad) const { return zeros({7}); }
  static Samples<Wrong> samples(Generator&) { return {}; }
  static void kernels_fill(View y) {
    for (std::int64_t i = 0; i < y.numel(); ++i) y.as<double>()[i] = 0;
  }
};

struct Flat {
  static constexpr std::string_view name = "flat";
  Spec infer(const Tensor& x) const { return {x.shape(), x.dtype()}; }
  void forward(View y, View) const { y.as<double>()[0] = 1; }
  static Samples<Flat> samples(Generator&) { return {}; }
};

}  // namespace

TEST_CASE("first, second and third derivative of x sin(x)") {
  auto x = leaf(0.7);
  auto y = x * sin(x);
  auto g = grad(y, x, {.create_graph = true});
  auto h = grad(g, x, {.create_graph = true});
  auto k = grad(h, x);
  const double s = std::sin(0.7), c = std::cos(0.7);
  CHECK(g.item() == doctest::Approx(s + 0.7 * c).epsilon(1e-14));
  CHECK(h.item() == doctest::Approx(2 * c - 0.7 * s).epsilon(1e-14));
  CHECK(k.item() == doctest::Approx(-3 * s - 0.7 * c).epsilon(1e-14));
}

TEST_CASE("bug class 1: a million operations build, run backward and are freed on a small stack") {
  const NoLeak check;
  on_small_stack([] {
    auto x = leaf(1), b = leaf(1e-6);
    {
      auto y = x;
      for (int i = 0; i < 1'000'000; ++i) y = y + b;
      y.backward();
    }
    CHECK(x.grad().item() == 1);
    CHECK(b.grad().item() == 1'000'000);
  });
}

TEST_CASE("a long chain that is never differentiated is freed without recursion") {
  on_small_stack([] {
    auto y = leaf(1);
    for (int i = 0; i < 300'000; ++i) y = y * 1.0;
  });
}

TEST_CASE("bug class 2: a node used twice runs once, after both uses") {
  auto x = leaf(3);
  auto a = x * x;
  auto b = a + a;
  auto c = b + b;
  c.backward();
  CHECK(x.grad().item() == 24);
}

TEST_CASE("bug class 2: doubling sixty times is linear work") {
  auto x = leaf(1);
  auto y = x;
  for (int i = 0; i < 60; ++i) y = y + y;
  y.backward();
  CHECK(x.grad().item() == std::pow(2.0, 60));
}

TEST_CASE("a tensor used ten thousand times collects all gradients") {
  auto x = leaf(2);
  std::vector<Tensor> terms;
  for (int i = 0; i < 10'000; ++i) terms.push_back(x * static_cast<double>(i % 7));
  double expected = 0;
  for (int i = 0; i < 10'000; ++i) expected += i % 7;
  sum(stack(terms)).backward();
  CHECK(x.grad().item() == expected);
}

TEST_CASE("reading a vector element by element does not make a dense gradient each") {
  constexpr std::int64_t n = 2000;
  auto x = rand({n}, {.dtype = float64, .requires_grad = true});
  auto total = x[0];
  for (std::int64_t i = 1; i < n; ++i) total = total + x[i] * static_cast<double>(i);
  const auto before = memory::stats().peak_bytes;
  memory::reset_peak();
  total.backward();
  CHECK(memory::stats().peak_bytes - before < n * 8 * 20);
  const auto g = x.grad().to_vector<double>();
  for (std::int64_t i = 1; i < n; ++i) CHECK(g[static_cast<std::size_t>(i)] == static_cast<double>(i));
}

TEST_CASE("bug class 3: no cycles: create_graph, saved outputs, hooks and views leave nothing behind") {
  const NoLeak check;
  auto x = rand({4, 4}, {.dtype = float64, .requires_grad = true});
  x.register_hook([](const Tensor& g) { return g * 2; });
  auto y = tanh(exp(x[0]) + transpose(x, 0, 1)[1]);
  y.register_hook([y_shape = y.shape()](const Tensor& g) {
    CHECK(g.shape() == y_shape);
    return Tensor();
  });
  auto g = grad(sum(y * y), x, {.create_graph = true});
  sum(g * g).backward({.create_graph = true});
  CHECK(x.grad().requires_grad());
  x.zero_grad();
}

TEST_CASE("bug class 18: gradients accumulate over backward passes, and shared parameters over uses") {
  auto w = leaf(2);
  (w * w).backward();
  (w * 3.0).backward();
  CHECK(w.grad().item() == 7);
  w.zero_grad();
  CHECK(!w.grad().defined());
}

TEST_CASE("bug class 18: grad() never aliases a gradient in flight") {
  auto x = rand({3}, {.dtype = float64, .requires_grad = true}),
       y = rand({3}, {.dtype = float64, .requires_grad = true});
  auto seed = ones({3}, {.dtype = float64});
  (x + y).backward(seed);
  x.grad().fill_(5);
  CHECK(y.grad().to_vector<double>() == std::vector<double>{1, 1, 1});
  CHECK(seed.to_vector<double>() == std::vector<double>{1, 1, 1});
}

TEST_CASE("grad() leaves leaves alone, prunes, and reaches the middle of a graph") {
  auto x = leaf(2), w = leaf(5);
  auto h = x * x;
  auto y = h * w;
  auto gs = grad(y, {h, x}, {.retain_graph = true});
  CHECK(gs[0].item() == 5);
  CHECK(gs[1].item() == 20);
  CHECK(!x.grad().defined());
  CHECK_ERROR(grad(y, leaf(1)),
              "grad: no output depends on input 0 (float64 [1]); pass .allow_unused = true if that is meant");
  CHECK(!grad(y, {leaf(1)}, {.allow_unused = true})[0].defined());
}

TEST_CASE("bug class 18: a second backward over a freed graph is an error, unless the graph was kept") {
  auto x = leaf(2);
  auto y = x * x;
  y.backward({.retain_graph = true});
  y.backward();
  CHECK(x.grad().item() == 8);
  CHECK_ERROR(
      y.backward(),
      "backward: the graph of mul was freed by an earlier backward; pass .retain_graph = true to that one");
  CHECK(x.grad().item() == 8);
}

TEST_CASE("bug class 4: a saved tensor that was changed is an error that names both operations") {
  auto x = leaf(2), w = leaf(3);
  {
    auto y = x * w;
    {
      NoGrad off;
      w.mul_(2);
    }
    CHECK_ERROR(
        y.backward(),
        "mul: input 1 (float64 [1]) was saved for backward and then changed by mul_ (1 writes since); clone() it "
        "before the change, or change it after backward");
    CHECK(!x.grad().defined());
  }
  auto y = exp(x);
  y.detach().fill_(0);
  CHECK_ERROR(y.backward(),
              "exp: output 0 (float64 [1]) was saved for backward and then changed by fill_ (1 writes since); "
              "clone() it before the change, or change it after backward");
  auto v = zeros({4}, {.dtype = float64});
  auto z = x * select(slice(v, 0, 1, 3), 0, 1);  // a view of a view
  v.add_(ones({4}, {.dtype = float64}));
  CHECK_ERROR(sum(z).backward(),
              "mul: input 1 (float64 [1]) was saved for backward and then changed by add_ (1 writes "
              "since); clone() it before the change, or change it after backward");
}

TEST_CASE("bug class 4: writes that would lose history are errors") {
  auto x = leaf(2);
  CHECK_ERROR(x.fill_(1),
              "fill_: the tensor (float64 [1]) requires grad and its history would be lost; write under "
              "NoGrad, or compute a new one");
  auto e = expand(zeros({1}), {3});
  CHECK_ERROR(e.fill_(1),
              "fill_: the tensor (float32 [3]) is expanded, so that several elements are one; clone() it first");
  CHECK_ERROR(zeros({2}).copy_(zeros({3})), "expand: [3] does not stretch to [2]: size 3 is not 1");
}

TEST_CASE("roots: non-scalar, constant and ill-shaped gradients") {
  auto x = rand({3}, {.requires_grad = true});
  CHECK_ERROR((x * 2.0).backward(),
              "backward: the output is float32 [3], not a single element; give its gradient, or sum() "
              "or mean() it first");
  CHECK_ERROR(zeros({}).backward(),
              "backward: the output (float32 []) does not require grad: no input of the computation "
              "did, or it ran under NoGrad");
  CHECK_ERROR((x * 2.0).backward(zeros({2})),
              "backward: the output is float32 [3], but the gradient given is float32 [2]");
  CHECK_ERROR((x * 2.0).backward(zeros({3}, {.dtype = float64})),
              "backward: the output is float32 [3], but the gradient given is float64 [3]");
}

TEST_CASE("backward names every expected parameter without a gradient") {
  auto a = leaf(1), b = leaf(2), c = zeros({2});
  const std::vector<NamedTensor> parameters{{"a", a}, {"net.b", b}, {"c", c}};
  auto loss = a * 2.0;
  CHECK(unreached(loss, parameters) == std::vector<std::string>{"net.b", "c"});
  CHECK_ERROR(
      loss.backward({.expect = parameters}),
      "backward: 2 of 3 parameters got no gradient: net.b, c; the loss does not depend on them, or a detach, an "
      "integer conversion or NoGrad lies between");
  CHECK(!a.grad().defined());
}

TEST_CASE("hooks see and replace complete gradients") {
  auto x = leaf(3);
  auto h = x * 2.0;
  double seen = 0;
  h.register_hook([&](const Tensor& g) {
    seen = g.item();
    return g * 10;
  });
  (h * h).backward();
  CHECK(seen == 12);
  CHECK(x.grad().item() == 240);
  h = x * 2.0;
  h.register_hook([](const Tensor&) { return zeros({2}); });
  CHECK_ERROR(h.backward(), "hook: replaced a gradient float64 [1] by float32 [2]; shape and dtype must stay");
}

TEST_CASE("bug class 16: an exception in any hook leaves leaves untouched, and the next pass works") {
  const NoLeak check;
  for (int k = 0; k < 6; ++k) {
    auto x = leaf(1.5);
    auto y = x;
    for (int i = 0; i < 6; ++i) {
      y = sin(y) * y;
      y.register_hook([i, k](const Tensor&) -> Tensor {
        if (i == k) throw Error("stop");
        return {};
      });
    }
    CHECK_ERROR(y.backward(), "stop");
    CHECK(!x.grad().defined());
    (x * x).backward();
    CHECK(x.grad().item() == 3);
  }
}

TEST_CASE("bug class 16: backward inside backward") {
  auto x = leaf(2), w = leaf(5);
  auto y = x * w;
  y.register_hook([&](const Tensor&) {
    EnableGrad on;
    (w * w).backward();  // shares the leaf w with the pass that runs
    return Tensor();
  });
  (y * y).backward();
  CHECK(x.grad().item() == 2 * 10 * 5);
  CHECK(w.grad().item() == 2 * 10 * 2 + 10);
}

TEST_CASE("NoGrad, detach, set_requires_grad") {
  auto x = leaf(2);
  {
    NoGrad off;
    CHECK(!(x * x).requires_grad());
    NoGrad again;
  }
  CHECK((x * x).requires_grad());
  CHECK(!x.detach().requires_grad());
  CHECK(x.detach().data<const double>() == x.data<const double>());
  CHECK_ERROR((x * x).set_requires_grad(false),
              "set_requires_grad: the tensor was computed by mul; only leaves can be changed, detach() it first");
  CHECK_ERROR(arange(3).set_requires_grad(),
              "set_requires_grad: the tensor is int64 [3]; only float32 and float64 have "
              "gradients, convert it by to(float32)");
}

TEST_CASE("ids order a graph that several threads have built") {
  auto x = leaf(1.1);
  Tensor y;
  std::thread([&] {
    for (int i = 0; i < 100; ++i) y = (i ? y : x) * 1.01;
  }).join();
  auto z = y * x;  // this thread's clock is far behind
  z.backward();
  CHECK(x.grad().item() == doctest::Approx(2 * 1.1 * std::pow(1.01, 100)).epsilon(1e-12));
}

TEST_CASE("an operation's wrong gradient is found out") {
  auto x = leaf(1);
  CHECK_ERROR(apply(Wrong{}, x).backward(),
              "wrong: its gradient is float32 [7], but the input is float64 [1]; correct gradN");
}

TEST_CASE("bug class 17: an operation without a derivative says so") {
  auto x = leaf(1);
  CHECK_ERROR(
      apply(Flat{}, x).backward(),
      "flat: has no derivative with respect to input 0; detach() that input if its gradient is not needed");
}

namespace {

// x², whose gradient is one kernel.
struct FusedSquare {
  static constexpr std::string_view name = "fused_square";
  Spec infer(const Tensor& x) const { return {x.shape(), x.dtype()}; }
  void forward(View y, View x) const { kernels::binary<kernels::Binary::mul>(y, x, x); }
  std::array<Tensor, 1> grads(Wanted, Grad g, In<0> x) const {
    const NoGrad fused;
    return {g * x * 2};
  }
  static Samples<FusedSquare> samples(Generator&) { return {}; }
};

}  // namespace

TEST_CASE("bug class 17: a gradient that can not be differentiated again says so") {
  auto x = leaf(3);
  CHECK(grad(apply(FusedSquare{}, x), x).item() == 6);
  CHECK_ERROR(
      grad(apply(FusedSquare{}, x), x, {.create_graph = true}),
      "fused_square: its gradient is fused and can not be differentiated again; give the operation a reference() "
      "in primitive ones");
}
